# Tests of shipper.
UNIT_TESTS += tests/test_http_args
tests_test_http_args_SOURCES = tests/test_http_args.c tests/endpoint_text.h
tests_test_http_args_LDADD = $(SHIPPER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_http_url
tests_test_http_url_SOURCES = tests/test_http_url.c
tests_test_http_url_LDADD = $(SHIPPER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_ebpf_args
tests_test_ebpf_args_SOURCES = tests/test_ebpf_args.c
tests_test_ebpf_args_LDADD = $(SHIPPER_LIBS) $(TEST_LIBS)
