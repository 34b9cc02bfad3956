# make check: unit tests in TAP, seconds, no root. make check-system: the real
# programs with the real BPF program, as root.
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) \
	$(top_srcdir)/build-aux/tap-driver.sh
AM_TESTS_ENVIRONMENT = \
	CMOCKA_MESSAGE_OUTPUT=TAP; export CMOCKA_MESSAGE_OUTPUT; \
	top_srcdir='$(top_srcdir)'; export top_srcdir; \
	top_builddir='$(top_builddir)'; export top_builddir;

# A unit test is one program: UNIT_TESTS += tests/test_x, then
#   tests_test_x_SOURCES = tests/test_x.c
#   tests_test_x_LDADD = <libraries> $(TEST_LIBS)
UNIT_TESTS =
TEST_LIBS = $(COMMON_LIBS) $(CMOCKA_LIBS)

TESTS += tests/rooms.sh
EXTRA_DIST += tests/rooms.sh

include tests/system.mk
include tests/common.mk
include tests/collector.mk
include tests/symbolizer.mk
include tests/shipper.mk
include tests/relabel.mk
include tests/write.mk
include tests/river.mk
include tests/cli.mk
include tests/report.mk
include tests/fuzz.mk

if HAVE_CMOCKA
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
else
check-local:
	@echo "make check needs cmocka (Debian: libcmocka-dev)" >&2; exit 1
endif
