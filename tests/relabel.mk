# Tests of relabelling.
UNIT_TESTS += tests/test_relabel_regex
tests_test_relabel_regex_SOURCES = tests/test_relabel_regex.c
tests_test_relabel_regex_LDADD = $(SHIPPER_LIBS) $(TEST_LIBS)
