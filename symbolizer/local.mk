# The symbolizer: no privilege, opens nothing. libelf lives in elf_*.c only.
noinst_LIBRARIES += libsymbolizer.a
libsymbolizer_a_CPPFLAGS = $(AM_CPPFLAGS) $(LIBELF_CFLAGS) $(LIBLZMA_CFLAGS)
libsymbolizer_a_SOURCES = \
	%D%/elf_dynamic.c %D%/elf_dynamic.h \
	%D%/elf_file.c %D%/elf_file.h \
	%D%/elf_minidebug.c %D%/elf_minidebug.h \
	%D%/elf_reader.c %D%/elf_reader.h \
	%D%/elf_symbols.c %D%/elf_symbols.h \
	%D%/file_reader.c %D%/file_reader.h \
	%D%/symbol_builder.c %D%/symbol_builder.h \
	%D%/symbol_format.h \
	%D%/symbol_name.c %D%/symbol_name.h \
	%D%/symbol_table.c %D%/symbol_table.h \
	%D%/throwaway.c %D%/throwaway.h
SYMBOLIZER_LIBS = libsymbolizer.a $(COMMON_LIBS) $(LIBELF_LIBS) $(LIBLZMA_LIBS)
