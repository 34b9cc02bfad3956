# Tests of river.
EXTRA_DIST += tests/river_eval.h tests/river_text.h $(RIVER_TEST_FILES)
RIVER_TEST_FILES = \
	tests/data/river/block-as-value.out \
	tests/data/river/block-as-value.river \
	tests/data/river/blocks.out \
	tests/data/river/blocks.river \
	tests/data/river/end-of-file.out \
	tests/data/river/end-of-file.river \
	tests/data/river/escapes.out \
	tests/data/river/escapes.river \
	tests/data/river/layout.out \
	tests/data/river/layout.river \
	tests/data/river/line-numbers.out \
	tests/data/river/line-numbers.river \
	tests/data/river/references.out \
	tests/data/river/references.river \
	tests/data/river/two-errors.out \
	tests/data/river/two-errors.river \
	tests/data/river/unknown-reference.out \
	tests/data/river/unknown-reference.river \
	tests/data/river/wide-characters.out \
	tests/data/river/wide-characters.river \
	tests/data/seed-docker.river \
	tests/data/seed-kubernetes.river \
	tests/data/seed-static.river
UNIT_TESTS += tests/test_river_diagnostics
tests_test_river_diagnostics_SOURCES = tests/test_river_diagnostics.c
tests_test_river_diagnostics_LDADD = $(RIVER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_river_eval
tests_test_river_eval_SOURCES = tests/test_river_eval.c
tests_test_river_eval_LDADD = $(RIVER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_river_layout
tests_test_river_layout_SOURCES = tests/test_river_layout.c
tests_test_river_layout_LDADD = $(RIVER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_river_hostile
tests_test_river_hostile_SOURCES = tests/test_river_hostile.c
tests_test_river_hostile_LDADD = $(RIVER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_river_json
tests_test_river_json_SOURCES = tests/test_river_json.c
tests_test_river_json_LDADD = $(RIVER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_river_lexer
tests_test_river_lexer_SOURCES = tests/test_river_lexer.c
tests_test_river_lexer_LDADD = $(RIVER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_river_load
tests_test_river_load_SOURCES = tests/test_river_load.c
tests_test_river_load_LDADD = $(RIVER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_river_parser
tests_test_river_parser_SOURCES = tests/test_river_parser.c
tests_test_river_parser_LDADD = $(RIVER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_river_schema
tests_test_river_schema_SOURCES = tests/test_river_schema.c
tests_test_river_schema_LDADD = $(RIVER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_river_stdlib
tests_test_river_stdlib_SOURCES = tests/test_river_stdlib.c
tests_test_river_stdlib_LDADD = $(RIVER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_river_value
tests_test_river_value_SOURCES = tests/test_river_value.c
tests_test_river_value_LDADD = $(RIVER_LIBS) $(TEST_LIBS)
