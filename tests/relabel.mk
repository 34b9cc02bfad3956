# Tests of relabelling and discovery.
UNIT_TESTS += tests/test_discovery_args
tests_test_discovery_args_SOURCES = tests/test_discovery_args.c \
	tests/config_text.h
tests_test_discovery_args_LDADD = $(SHIPPER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_relabel
tests_test_relabel_SOURCES = tests/test_relabel.c tests/config_text.h
tests_test_relabel_LDADD = $(SHIPPER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_relabel_regex
tests_test_relabel_regex_SOURCES = tests/test_relabel_regex.c
tests_test_relabel_regex_LDADD = $(SHIPPER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_target_lists
tests_test_target_lists_SOURCES = tests/test_target_lists.c tests/config_text.h
tests_test_target_lists_LDADD = $(SHIPPER_LIBS) $(TEST_LIBS)
SYSTEM_TESTS += tests/system/discovery.py
