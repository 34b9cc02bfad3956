# The River language: lexer, parser, syntax tree, diagnostics, decoding.
