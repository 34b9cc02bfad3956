# Tests of symbolizer.
