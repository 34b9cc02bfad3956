# Tests of cli.
UNIT_TESTS += tests/test_duration
tests_test_duration_SOURCES = tests/test_duration.c
tests_test_duration_LDADD = $(CLI_LIBS) $(CMOCKA_LIBS)
UNIT_TESTS += tests/test_options
tests_test_options_SOURCES = tests/test_options.c
tests_test_options_LDADD = $(CLI_LIBS) $(CMOCKA_LIBS)
