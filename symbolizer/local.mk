# The symbolizer: no privilege, opens nothing. libelf lives in elf_*.c only.
noinst_LIBRARIES += libsymbolizer.a
libsymbolizer_a_CPPFLAGS = $(AM_CPPFLAGS) $(LIBELF_CFLAGS) $(LIBLZMA_CFLAGS)
libsymbolizer_a_SOURCES = \
	%D%/account.c %D%/account.h \
	%D%/batch_view.c %D%/batch_view.h \
	%D%/batches.c %D%/batches.h \
	%D%/clock.c %D%/clock.h \
	%D%/component.c %D%/component.h \
	%D%/elf_cache.c %D%/elf_cache.h \
	%D%/demangle.c %D%/demangle.h \
	%D%/demangle_child.h \
	%D%/demangle_name.c \
	%D%/elf_debug.c %D%/elf_debug.h \
	%D%/elf_dynamic.c %D%/elf_dynamic.h \
	%D%/elf_file.c %D%/elf_file.h \
	%D%/elf_minidebug.c %D%/elf_minidebug.h \
	%D%/elf_reader.c %D%/elf_reader.h \
	%D%/elf_symbols.c %D%/elf_symbols.h \
	%D%/fetch.c %D%/fetch.h \
	%D%/file_reader.c %D%/file_reader.h \
	%D%/frames.c %D%/frames.h \
	%D%/interval.c %D%/interval.h \
	%D%/kernel_symbols.c %D%/kernel_symbols.h \
	%D%/link.c %D%/link.h \
	%D%/matching.c %D%/matching.h \
	%D%/names.c %D%/names.h \
	%D%/opener.c %D%/opener.h \
	%D%/perf_map.c %D%/perf_map.h \
	%D%/perf_maps.c %D%/perf_maps.h \
	%D%/pprof.c %D%/pprof.h \
	%D%/process.c %D%/process.h \
	%D%/profile.c %D%/profile.h \
	%D%/sampler.c %D%/sampler.h \
	%D%/settings_check.c %D%/settings_check.h \
	%D%/symbol_builder.c %D%/symbol_builder.h \
	%D%/symbol_name.c %D%/symbol_name.h \
	%D%/symbol_table.c %D%/symbol_table.h \
	%D%/symbolizer.c %D%/symbolizer.h \
	%D%/targets.c %D%/targets.h \
	%D%/throwaway.c %D%/throwaway.h \
	%D%/vdso.c %D%/vdso.h \
	%D%/work.c %D%/work.h \
	%D%/symbol_format.h
SYMBOLIZER_LIBS = libsymbolizer.a $(COMMON_LIBS) $(LIBELF_LIBS) \
	$(LIBLZMA_LIBS) $(LIBDEFLATE_LIBS) $(LIBIBERTY_LIBS)

sbin_PROGRAMS += phlare-symbolizer
phlare_symbolizer_SOURCES = %D%/main.c
phlare_symbolizer_LDADD = $(SYMBOLIZER_LIBS)
dist_man_MANS += %D%/phlare-symbolizer.8
