# Measurements: make bench-programs builds them, tests/bench/overhead and
# tests/bench/relabel run them. Nothing of it is part of make check.
EXTRA_PROGRAMS = tests/bench/bench_load tests/bench/bench_stackid \
	tests/bench/bench_relabel
tests_bench_bench_relabel_SOURCES = tests/bench/bench_relabel.c
tests_bench_bench_relabel_CPPFLAGS = $(AM_CPPFLAGS) $(PCRE2_CFLAGS)
tests_bench_bench_relabel_LDADD = $(SHIPPER_LIBS) $(SYMBOLIZER_LIBS)
tests_bench_bench_load_SOURCES = tests/bench/load.c
tests_bench_bench_stackid_SOURCES = tests/bench/stackid.c
nodist_tests_bench_bench_stackid_SOURCES = tests/bench/stackid.skel.h
tests_bench_bench_stackid_CPPFLAGS = $(AM_CPPFLAGS) $(LIBBPF_CFLAGS)
tests_bench_bench_stackid_LDADD = $(LIBBPF_LIBS)
tests/bench/bench_stackid-stackid.$(OBJEXT): tests/bench/stackid.skel.h
EXTRA_DIST += tests/bench/overhead tests/bench/relabel \
	tests/bench/stackid.bpf.c
CLEANFILES += tests/bench/stackid.bpf.o tests/bench/stackid.skel.h \
	$(EXTRA_PROGRAMS)
bench-programs: all $(EXTRA_PROGRAMS)
.PHONY: bench-programs
