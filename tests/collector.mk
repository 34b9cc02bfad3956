# Tests of collector.
check_PROGRAMS += tests/collector_client
tests_collector_client_SOURCES = \
	tests/collector_client.c \
	tests/sampler_client.c tests/sampler_client.h
tests_collector_client_LDADD = $(COMMON_LIBS)
check_PROGRAMS += tests/test_sampler
tests_test_sampler_SOURCES = \
	tests/test_sampler.c \
	tests/sampler_client.c tests/sampler_client.h
# what it starts is sampled by frame pointers
tests_test_sampler_CFLAGS = $(AM_CFLAGS) -fno-omit-frame-pointer \
	-fno-optimize-sibling-calls
tests_test_sampler_LDADD = $(COLLECTOR_LIBS) $(TEST_LIBS)
SYSTEM_TESTS += tests/system/sampler.sh tests/system/collector.py
UNIT_TESTS += tests/test_requirements
tests_test_requirements_SOURCES = tests/test_requirements.c
tests_test_requirements_LDADD = $(COLLECTOR_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_opener
tests_test_opener_SOURCES = \
	tests/opener_peer.c tests/opener_peer.h \
	tests/test_opener.c
tests_test_opener_LDADD = $(COLLECTOR_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_processes
tests_test_processes_SOURCES = tests/test_processes.c
tests_test_processes_LDADD = $(COLLECTOR_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_orphans
tests_test_orphans_SOURCES = tests/test_orphans.c
tests_test_orphans_LDADD = $(COLLECTOR_LIBS) $(TEST_LIBS)
