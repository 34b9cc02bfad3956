# The collector. libcollector.a is all of it but main, so that tests link it.
noinst_LIBRARIES += libcollector.a
libcollector_a_SOURCES = \
	%D%/acks.c %D%/acks.h \
	%D%/batch_writer.c %D%/batch_writer.h \
	%D%/drain.c %D%/drain.h \
	%D%/ksyms.c %D%/ksyms.h \
	%D%/listener.c %D%/listener.h \
	%D%/open_files.c %D%/open_files.h \
	%D%/opener.c %D%/opener.h \
	%D%/orphans.c %D%/orphans.h \
	%D%/proc_dir.c %D%/proc_dir.h \
	%D%/process_events.c %D%/process_events.h \
	%D%/process_scan.c %D%/process_scan.h \
	%D%/processes.c %D%/processes.h \
	%D%/requirements.c %D%/requirements.h \
	%D%/sampler.c %D%/sampler.h \
	%D%/sampling.c %D%/sampling.h \
	%D%/sampling_trouble.c %D%/sampling_trouble.h \
	%D%/token_bucket.c %D%/token_bucket.h \
	%D%/vma_check.c %D%/vma_check.h
nodist_libcollector_a_SOURCES = bpf/sampler.skel.h
COLLECTOR_LIBS = libcollector.a $(COMMON_LIBS) $(LIBBPF_LIBS)

sbin_PROGRAMS += phlare-collector
phlare_collector_SOURCES = %D%/main.c
phlare_collector_LDADD = $(COLLECTOR_LIBS)
dist_man_MANS += %D%/phlare-collector.8
