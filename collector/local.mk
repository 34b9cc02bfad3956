# The collector. libcollector.a is all of it but main, so that tests link it.
noinst_LIBRARIES += libcollector.a
libcollector_a_SOURCES = \
	%D%/acks.c %D%/acks.h \
	%D%/batch_writer.c %D%/batch_writer.h \
	%D%/drain.c %D%/drain.h \
	%D%/ksyms.c %D%/ksyms.h \
	%D%/process_events.c %D%/process_events.h \
	%D%/process_scan.c %D%/process_scan.h \
	%D%/processes.c %D%/processes.h \
	%D%/sampler.c %D%/sampler.h \
	%D%/sampling.c %D%/sampling.h \
	%D%/sampling_trouble.c %D%/sampling_trouble.h
nodist_libcollector_a_SOURCES = bpf/sampler.skel.h
COLLECTOR_LIBS = libcollector.a $(COMMON_LIBS) $(LIBBPF_LIBS) $(LIBELF_LIBS)
