# Tests of common.
UNIT_TESTS += tests/test_ipc
tests_test_ipc_SOURCES = tests/test_ipc.c
tests_test_ipc_LDADD = $(TEST_LIBS)
UNIT_TESTS += tests/test_memfd
tests_test_memfd_SOURCES = tests/test_memfd.c
tests_test_memfd_LDADD = $(TEST_LIBS)
UNIT_TESTS += tests/test_sandbox
tests_test_sandbox_SOURCES = tests/test_sandbox.c
tests_test_sandbox_LDADD = $(TEST_LIBS)
UNIT_TESTS += tests/test_log
tests_test_log_SOURCES = tests/test_log.c
tests_test_log_LDADD = $(TEST_LIBS)
UNIT_TESTS += tests/test_utf8
tests_test_utf8_SOURCES = tests/test_utf8.c
tests_test_utf8_LDADD = $(TEST_LIBS)
