# The phlare-ebpf command. libcli.a is all of it but main, so that tests link
# it.
noinst_LIBRARIES += libcli.a
libcli_a_SOURCES = \
	%D%/flamegraph.h \
	%D%/pprof_merge.h \
	%D%/pprof_reader.h \
	%D%/profile.c %D%/profile.h \
	%D%/report.h \
	%D%/top.h
