# Tests of symbolizer.
UNIT_TESTS += tests/test_file_reader
tests_test_file_reader_SOURCES = tests/test_file_reader.c
tests_test_file_reader_LDADD = $(SYMBOLIZER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_account
tests_test_account_SOURCES = tests/test_account.c
tests_test_account_LDADD = $(SYMBOLIZER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_clock
tests_test_clock_SOURCES = tests/test_clock.c
tests_test_clock_LDADD = $(SYMBOLIZER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_batch_view
tests_test_batch_view_SOURCES = tests/test_batch_view.c
tests_test_batch_view_LDADD = $(SYMBOLIZER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_targets
tests_test_targets_SOURCES = tests/test_targets.c
tests_test_targets_LDADD = $(SYMBOLIZER_LIBS) $(TEST_LIBS)
