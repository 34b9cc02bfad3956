# Tests of river.
EXTRA_DIST += tests/river_text.h $(RIVER_TEST_FILES)
RIVER_TEST_FILES = \
	tests/data/seed-docker.river \
	tests/data/seed-kubernetes.river \
	tests/data/seed-static.river
UNIT_TESTS += tests/test_river_lexer
tests_test_river_lexer_SOURCES = tests/test_river_lexer.c
tests_test_river_lexer_LDADD = $(RIVER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_river_parser
tests_test_river_parser_SOURCES = tests/test_river_parser.c
tests_test_river_parser_LDADD = $(RIVER_LIBS) $(TEST_LIBS)
