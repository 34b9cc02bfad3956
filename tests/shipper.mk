# Tests of shipper.
UNIT_TESTS += tests/test_config_files
tests_test_config_files_SOURCES = tests/test_config_files.c tests/pem_text.h
tests_test_config_files_LDADD = $(SHIPPER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_ebpf_args
tests_test_ebpf_args_SOURCES = tests/test_ebpf_args.c
tests_test_ebpf_args_LDADD = $(SHIPPER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_target_set
tests_test_target_set_SOURCES = tests/test_target_set.c
tests_test_target_set_LDADD = $(SHIPPER_LIBS) $(SYMBOLIZER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_river_man
tests_test_river_man_SOURCES = tests/test_river_man.c tests/river_text.h
tests_test_river_man_LDADD = $(SHIPPER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_logging_args
tests_test_logging_args_SOURCES = tests/test_logging_args.c tests/river_text.h
tests_test_logging_args_LDADD = $(SHIPPER_LIBS) $(TEST_LIBS)
