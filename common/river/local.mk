# The River language: lexer, parser, syntax tree, diagnostics, values,
# decoding. Linked by the shipper and the cli only.
noinst_LIBRARIES += libriver.a
libriver_a_SOURCES = \
	%D%/arena.c %D%/arena.h \
	%D%/ast.h \
	%D%/diagnostics.h \
	%D%/eval.h \
	%D%/format.h \
	%D%/lexer.h \
	%D%/load.h \
	%D%/parser.h \
	%D%/schema.h \
	%D%/source.c %D%/source.h \
	%D%/value.h
RIVER_LIBS = libriver.a -lm
