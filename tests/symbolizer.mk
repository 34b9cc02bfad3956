# Tests of symbolizer.
UNIT_TESTS += tests/test_file_reader
tests_test_file_reader_SOURCES = tests/test_file_reader.c
tests_test_file_reader_LDADD = $(SYMBOLIZER_LIBS) $(TEST_LIBS)
