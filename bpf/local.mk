# What runs in the kernel: one BPF object, compiled by clang, made a skeleton
# by bpftool. libbpf's and the kernel's uapi headers are all it includes.
EXTRA_DIST += %D%/sampler.bpf.c %D%/sampler.h
BUILT_SOURCES += %D%/sampler.skel.h
CLEANFILES += %D%/sampler.bpf.o %D%/sampler.skel.h
SUFFIXES += .bpf.c .bpf.o .skel.h
BPF_CFLAGS = -g -O2 -target bpf -mcpu=v2 -D__TARGET_ARCH_$(BPF_TARGET_ARCH) \
	-Wall -Wextra -Werror -Wno-unused-parameter \
	-idirafter /usr/include/$(host_cpu)-linux-gnu
.bpf.c.bpf.o:
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(CLANG) $(BPF_CFLAGS) -I$(top_srcdir) \
		$(LIBBPF_CFLAGS) -c $< -o $@
.bpf.o.skel.h:
	$(AM_V_GEN)$(BPFTOOL) gen skeleton $< name $(*F)_bpf > $@.tmp && \
		mv $@.tmp $@
bpf/sampler.bpf.o: bpf/sampler.h
