# make check-system: scripts that print TAP and run the real programs with the
# real BPF program, as root. One after the other: they measure time. A test:
#   SYSTEM_TESTS += tests/system/x.py
SYSTEM_TESTS = \
	tests/system/run.py \
	tests/system/ledger.py \
	tests/system/faults.py \
	tests/system/reload.py \
	tests/system/health.py \
	tests/system/peers.py \
	tests/system/privileges.py \
	tests/system/record.py \
	tests/system/names.py \
	tests/system/hostile.py \
	tests/system/containers.py \
	tests/system/labels.py \
	tests/system/report.py \
	tests/system/eval.py \
	tests/system/fmt.py \
	tests/system/check.py \
	tests/system/targets.py \
	tests/system/man.py \
	tests/system/programs.py \
	tests/system/installed.py \
	tests/system/flamegraph_page.py
PY_LOG_DRIVER = $(LOG_DRIVER)
PY_LOG_COMPILER = $(PYTHON3)
AM_PY_LOG_FLAGS = -B
SH_LOG_DRIVER = $(LOG_DRIVER)
PYTHON3 = python3
EXTRA_DIST += $(SYSTEM_TESTS) tests/system/phlare.py \
	tests/system/accounts.py \
	tests/system/hostile_elf.py

# What they profile: named by frame pointers.
TARGET_CFLAGS = -O1 -g -fno-omit-frame-pointer -fno-optimize-sibling-calls
check_PROGRAMS += tests/targets/spin tests/targets/split
tests_targets_spin_SOURCES = tests/targets/spin.c
tests_targets_spin_CFLAGS = $(TARGET_CFLAGS)
tests_targets_spin_LDFLAGS =
tests_targets_split_SOURCES = tests/targets/split.c
tests_targets_split_CFLAGS = $(TARGET_CFLAGS)
tests_targets_split_LDFLAGS =

check-system: all-am $(check_PROGRAMS)
	$(MAKE) $(AM_MAKEFLAGS) -j1 check-TESTS TESTS='$(SYSTEM_TESTS)'
.PHONY: check-system
