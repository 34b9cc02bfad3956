# The River language: lexer, parser, syntax tree, diagnostics, values,
# decoding. Linked by the shipper and the cli only.
noinst_LIBRARIES += libriver.a
libriver_a_SOURCES = \
	%D%/arena.c %D%/arena.h \
	%D%/columns.c %D%/columns.h \
	%D%/ast.c %D%/ast.h \
	%D%/convert.c %D%/convert.h \
	%D%/diagnostics.c %D%/diagnostics.h \
	%D%/eval.c %D%/eval.h \
	%D%/format.c %D%/format.h \
	%D%/functions.h \
	%D%/graph.c %D%/graph.h \
	%D%/items.c %D%/items.h \
	%D%/layout.c %D%/layout.h \
	%D%/json.c %D%/json.h \
	%D%/json_check.c %D%/json_check.h \
	%D%/json_path.c %D%/json_path.h \
	%D%/json_path_parse.c \
	%D%/lexer.c %D%/lexer.h \
	%D%/load.c %D%/load.h \
	%D%/number.c \
	%D%/operators.c %D%/operators.h \
	%D%/parser.c %D%/parser.h \
	%D%/print.c %D%/print.h \
	%D%/rune_case.h \
	%D%/runes.h \
	%D%/schema.c %D%/schema.h \
	%D%/source.c %D%/source.h \
	%D%/stdlib.c %D%/stdlib.h \
	%D%/stdlib_format.c \
	%D%/stdlib_json.c \
	%D%/stdlib_text.c \
	%D%/stdlib_values.c \
	%D%/utf8.c %D%/utf8.h \
	%D%/value.c %D%/value.h \
	%D%/verb.c %D%/verb.h \
	%D%/verb_number.c
RIVER_LIBS = libriver.a $(JANSSON_LIBS) -lm
