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
