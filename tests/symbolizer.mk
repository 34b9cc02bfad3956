# Tests of symbolizer.
UNIT_TESTS += tests/test_file_reader
tests_test_file_reader_SOURCES = tests/test_file_reader.c
tests_test_file_reader_LDADD = $(SYMBOLIZER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_account
tests_test_account_SOURCES = tests/test_account.c
tests_test_account_LDADD = $(SYMBOLIZER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_clock
tests_test_clock_SOURCES = tests/test_clock.c
tests_test_clock_LDADD = $(SYMBOLIZER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_batch_view
tests_test_batch_view_SOURCES = tests/test_batch_view.c
tests_test_batch_view_LDADD = $(SYMBOLIZER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_targets
tests_test_targets_SOURCES = tests/test_targets.c
tests_test_targets_LDADD = $(SYMBOLIZER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_demangle
tests_test_demangle_SOURCES = tests/test_demangle.c
tests_test_demangle_LDADD = $(SYMBOLIZER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_process
tests_test_process_SOURCES = tests/test_process.c
tests_test_process_LDADD = $(SYMBOLIZER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_matching
tests_test_matching_SOURCES = tests/test_matching.c
tests_test_matching_LDADD = $(SYMBOLIZER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_elf_reader
tests_test_elf_reader_SOURCES = \
	tests/elf_image.c tests/elf_image.h \
	tests/test_elf_reader.c
tests_test_elf_reader_LDADD = $(SYMBOLIZER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_symbol_table
tests_test_symbol_table_SOURCES = tests/test_symbol_table.c
tests_test_symbol_table_LDADD = $(SYMBOLIZER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_elf_cache
tests_test_elf_cache_SOURCES = \
	tests/elf_image.c tests/elf_image.h \
	tests/fake_opener.c tests/fake_opener.h \
	tests/test_elf_cache.c
tests_test_elf_cache_LDADD = $(SYMBOLIZER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_fetch
tests_test_fetch_SOURCES = tests/test_fetch.c
tests_test_fetch_LDADD = $(SYMBOLIZER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_perf_map
tests_test_perf_map_SOURCES = \
	tests/fake_opener.c tests/fake_opener.h \
	tests/test_perf_map.c
tests_test_perf_map_LDADD = $(SYMBOLIZER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_pprof
tests_test_pprof_SOURCES = tests/test_pprof.c
tests_test_pprof_LDADD = $(SYMBOLIZER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_interval
tests_test_interval_SOURCES = \
	tests/batch_draft.c tests/batch_draft.h \
	tests/elf_image.c tests/elf_image.h \
	tests/fake_opener.c tests/fake_opener.h \
	tests/test_interval.c
tests_test_interval_LDADD = $(SYMBOLIZER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_kernel_symbols
tests_test_kernel_symbols_SOURCES = tests/test_kernel_symbols.c
tests_test_kernel_symbols_LDADD = $(SYMBOLIZER_LIBS) $(TEST_LIBS)
UNIT_TESTS += tests/test_names
tests_test_names_SOURCES = tests/test_names.c
tests_test_names_LDADD = $(SYMBOLIZER_LIBS) $(TEST_LIBS)
