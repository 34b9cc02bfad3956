# Fuzz targets. make check runs each over its seeds in tests/data/<target>/
# and over changes of them; --enable-fuzzer builds them for libFuzzer instead,
# together with --enable-sanitizers, which find what goes wrong:
#   make fuzz-programs && tests/fuzz_pprof $(top_srcdir)/tests/data/fuzz_pprof
FUZZ_TARGETS =
if FUZZER
AM_CFLAGS += -fsanitize=fuzzer-no-link
FUZZ_LIBS =
FUZZ_LINK = $(AM_LDFLAGS) -fsanitize=fuzzer
else
check_LIBRARIES += tests/libfuzz_main.a
tests_libfuzz_main_a_SOURCES = tests/fuzz_main.c
FUZZ_LIBS = tests/libfuzz_main.a
FUZZ_LINK = $(AM_LDFLAGS)
endif

FUZZ_TARGETS += tests/fuzz_answer
tests_fuzz_answer_SOURCES = tests/fuzz_answer.c
tests_fuzz_answer_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_answer_LDADD = $(FUZZ_LIBS) $(SHIPPER_LIBS)
EXTRA_DIST += \
	tests/data/fuzz_answer/error.json \
	tests/data/fuzz_answer/labels.pb \
	tests/data/fuzz_answer/refusal.json \
	tests/data/fuzz_answer/response.pb \
	tests/data/fuzz_answer/token.json \
	tests/data/fuzz_answer/url

FUZZ_TARGETS += tests/fuzz_batch
tests_fuzz_batch_SOURCES = tests/fuzz_batch.c
tests_fuzz_batch_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_batch_LDADD = $(FUZZ_LIBS) $(SYMBOLIZER_LIBS)
EXTRA_DIST += tests/data/fuzz_batch/small

FUZZ_TARGETS += tests/fuzz_elf
tests_fuzz_elf_SOURCES = tests/fuzz_elf.c
tests_fuzz_elf_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_elf_LDADD = $(FUZZ_LIBS) $(SYMBOLIZER_LIBS)
EXTRA_DIST += \
	tests/data/fuzz_elf/full \
	tests/data/fuzz_elf/minidebug \
	tests/data/fuzz_elf/nosections \
	tests/data/fuzz_elf/small32 \
	tests/data/fuzz_elf/static

FUZZ_TARGETS += tests/fuzz_maps
tests_fuzz_maps_SOURCES = tests/fuzz_maps.c
tests_fuzz_maps_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_maps_LDADD = $(FUZZ_LIBS) $(COLLECTOR_LIBS) $(SYMBOLIZER_LIBS)
EXTRA_DIST += \
	tests/data/fuzz_maps/cgroup \
	tests/data/fuzz_maps/maps \
	tests/data/fuzz_maps/perf

FUZZ_TARGETS += tests/fuzz_symtable
tests_fuzz_symtable_SOURCES = tests/fuzz_symtable.c
tests_fuzz_symtable_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_symtable_LDADD = $(FUZZ_LIBS) $(SYMBOLIZER_LIBS)
EXTRA_DIST += \
	tests/data/fuzz_symtable/empty \
	tests/data/fuzz_symtable/two

FUZZ_TARGETS += tests/fuzz_layout
tests_fuzz_layout_SOURCES = tests/fuzz_layout.c
tests_fuzz_layout_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_layout_LDADD = $(FUZZ_LIBS) $(RIVER_LIBS) $(COMMON_LIBS)
EXTRA_DIST += \
	tests/data/fuzz_layout/all.river \
	tests/data/fuzz_layout/carriage-returns.river \
	tests/data/fuzz_layout/short.river

FUZZ_TARGETS += tests/fuzz_pprof
tests_fuzz_pprof_SOURCES = tests/fuzz_pprof.c
tests_fuzz_pprof_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_pprof_LDADD = $(FUZZ_LIBS) $(CLI_LIBS)
EXTRA_DIST += \
	tests/data/fuzz_pprof/handmade.pb \
	tests/data/fuzz_pprof/heap.pb \
	tests/data/fuzz_pprof/hostile.pb \
	tests/data/fuzz_pprof/packed.pb.gz

FUZZ_TARGETS += tests/fuzz_river
tests_fuzz_river_SOURCES = tests/fuzz_river.c
tests_fuzz_river_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_river_LDADD = $(FUZZ_LIBS) $(RIVER_LIBS) $(COMMON_LIBS)
EXTRA_DIST += \
	tests/data/fuzz_river/errors.river \
	tests/data/fuzz_river/expression.river \
	tests/data/fuzz_river/fields.river \
	tests/data/fuzz_river/seed-docker.river \
	tests/data/fuzz_river/seed-kubernetes.river \
	tests/data/fuzz_river/seed-static.river

FUZZ_TARGETS += tests/fuzz_river_eval
tests_fuzz_river_eval_SOURCES = tests/fuzz_river_eval.c
tests_fuzz_river_eval_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_river_eval_LDADD = $(FUZZ_LIBS) $(RIVER_LIBS) $(COMMON_LIBS)
EXTRA_DIST += \
	tests/data/fuzz_river_eval.dict \
	tests/data/fuzz_river_eval/access \
	tests/data/fuzz_river_eval/format \
	tests/data/fuzz_river_eval/json \
	tests/data/fuzz_river_eval/json_path \
	tests/data/fuzz_river_eval/operators \
	tests/data/fuzz_river_eval/targets \
	tests/data/fuzz_river_eval/text \
	tests/data/fuzz_river_eval/values

FUZZ_TARGETS += tests/fuzz_targets
tests_fuzz_targets_SOURCES = tests/fuzz_targets.c
tests_fuzz_targets_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_targets_LDADD = $(FUZZ_LIBS) $(SYMBOLIZER_LIBS)
EXTRA_DIST += \
	tests/data/fuzz_targets/cgroup \
	tests/data/fuzz_targets/set

FUZZ_TARGETS += tests/fuzz_relabel
tests_fuzz_relabel_SOURCES = tests/fuzz_relabel.c
tests_fuzz_relabel_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_relabel_LDADD = $(FUZZ_LIBS) $(SHIPPER_LIBS)
EXTRA_DIST += \
	tests/data/fuzz_relabel/classes \
	tests/data/fuzz_relabel/drop \
	tests/data/fuzz_relabel/flags \
	tests/data/fuzz_relabel/hashmod \
	tests/data/fuzz_relabel/hostile \
	tests/data/fuzz_relabel/keep \
	tests/data/fuzz_relabel/keepequal \
	tests/data/fuzz_relabel/labeldrop \
	tests/data/fuzz_relabel/labelkeep \
	tests/data/fuzz_relabel/labelmap \
	tests/data/fuzz_relabel/lowercase \
	tests/data/fuzz_relabel/names \
	tests/data/fuzz_relabel/refused \
	tests/data/fuzz_relabel/repeats \
	tests/data/fuzz_relabel/replace \
	tests/data/fuzz_relabel/uppercase

check_PROGRAMS += $(FUZZ_TARGETS)
fuzz-programs: all-am $(FUZZ_TARGETS)
.PHONY: fuzz-programs
if !FUZZER
TESTS += $(FUZZ_TARGETS)
endif
