# Tests of what cli shows of profiles.
UNIT_TESTS += tests/test_text
tests_test_text_SOURCES = tests/test_text.c
tests_test_text_LDADD = $(CLI_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_pprof_reader
tests_test_pprof_reader_SOURCES = tests/test_pprof_reader.c tests/pprof_bytes.h
tests_test_pprof_reader_LDADD = $(CLI_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_report
tests_test_report_SOURCES = tests/test_report.c tests/pprof_bytes.h
tests_test_report_LDADD = $(CLI_LIBS) $(TEST_LIBS)
# For the system tests.
check_PROGRAMS += tests/merge_profiles
tests_merge_profiles_SOURCES = tests/merge_profiles.c
tests_merge_profiles_LDADD = $(CLI_LIBS)
EXTRA_DIST += tests/pprof_check.py tests/pprof_sample.py
