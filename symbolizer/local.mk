# symbolizer
