/* SPDX-License-Identifier: Apache-2.0 */
/* From batches to samples with names: which frames, and what is dropped. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/log.h"
#include "common/memfd.h"
#include "symbolizer/elf_cache.h"
#include "symbolizer/fetch.h"
#include "symbolizer/interval.h"
#include "symbolizer/kernel_symbols.h"
#include "symbolizer/matching.h"
#include "symbolizer/opener.h"
#include "symbolizer/perf_maps.h"
#include "symbolizer/process.h"
#include "symbolizer/targets.h"
#include "symbolizer/vdso.h"
#include "tests/batch_draft.h"
#include "tests/elf_image.h"
#include "tests/fake_opener.h"

#define LOADED 0x555555554000ULL
#define TEXT 0x1000
#define JIT 0x7f0000000000ULL
#define VDSO 0x7fff00000000ULL
#define KERNEL 0xffffffff81000000ULL
#define GENERATION 5
#define PID 77

struct fixture {
	struct event_base *base;
	struct fake_opener *fake;
	struct opener *opener;
	struct fetch *fetch;
	struct targets *targets;
	struct interval_input in;
	struct batch_draft draft;
	struct ledger ledger;
	struct interval_result *result;
	const char *perf_map;
	int opened;
};

/* A program: "hot" at TEXT, "main" behind it, and a gap. */
static int
program(void)
{
	const struct elf_image_spec spec = {
		.text = TEXT,
		.text_size = 0x1000,
		.text_offset = 0x1000,
		.symbols =
		    (const struct elf_image_symbol[]){
			{ "hot", TEXT, 0x100, STT_FUNC, STB_GLOBAL },
			{ "main", TEXT + 0x100, 0x100, STT_FUNC, STB_GLOBAL },
			{ 0 } },
	};
	struct elf_image image = elf_image_new(&spec);
	int fd = elf_image_fd(image.bytes, image.size);

	elf_image_free(&image);
	return fd;
}

static struct fake_answer
answers(void *arg, const phlare_OpenRequest *q)
{
	struct fixture *f = arg;
	struct fake_answer a = { .fd = -ENOENT };

	if (q->kind == phlare_OpenKind_OPEN_MAPPED_FILE) {
		f->opened++;
		a.fd = q->vma_start == LOADED + 0x1000 ? program() : -ENOEXEC;
	} else if (q->kind == phlare_OpenKind_OPEN_PERF_MAP &&
		   f->perf_map != NULL) {
		a.fd = memfd_new("map");
		memfd_append(a.fd, f->perf_map, strlen(f->perf_map));
	}
	return a;
}

static void
on_settled(void *arg)
{
	event_base_loopbreak(((struct fixture *)arg)->base);
}

static bool
ask_nobody(void *arg, const struct open_question *question,
    opener_answered answered, void *answered_arg)
{
	(void)arg;
	(void)question;
	(void)answered;
	(void)answered_arg;
	return false;
}

static void
on_known(void *arg, struct process_id id)
{
	(void)arg;
	(void)id;
}

static void
wait_for_all(struct fixture *f)
{
	while (fetch_is_busy(f->fetch))
		event_base_dispatch(f->base);
}

/* bytes: an encoded TargetSet; "\x12\0": only a default target. */
static void
set_targets(struct fixture *f, const char *bytes, size_t size)
{
	const char *why;

	targets_free(f->targets);
	f->targets = targets_decode(bytes, size, "phlare.ebpf.t", &why);
	assert_non_null(f->targets);
	matching_set_targets(f->in.matching, f->targets);
}

static int
setup(void **state)
{
	static const char text[] = "ffffffff81000000 T _stext\n"
				   "ffffffff81000100 T do_syscall\n"
				   "ffffffff81000200 t helper\n"
				   "ffffffffc0000000 t ext_read\t[ext]\n";
	struct fixture *f = calloc(1, sizeof(*f));
	const char *why;

	f->base = event_base_new();
	f->fake = fake_opener_new(f->base, answers, f);
	f->opener = opener_new(f->base, fake_opener_path(f->fake));
	f->fetch = fetch_new(f->base, f->opener, NULL, on_settled, f);
	f->in.files = elf_cache_new(f->fetch, 100, ELF_CACHE_MAX_BYTES);
	f->in.perf_maps = perf_maps_new(f->fetch, PERF_MAPS_MAX_BYTES);
	f->in.vdso = vdso_new(f->fetch);
	f->in.processes = process_cache_new(100, f->in.files);
	f->in.kernel = kernel_symbols_parse(text, sizeof(text) - 1, &why);
	f->in.matching = matching_new(&(const struct matching_host){ .arg = f,
					  .ask = ask_nobody,
					  .on_known = on_known,
					  .on_settled = on_settled },
	    10);
	f->in.now = 1000000000000ULL;
	f->in.comm_frame = true;
	set_targets(f, "\x12\0", 2);
	batch_draft_init(&f->draft);
	wait_for_all(f);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	interval_free(f->result);
	batch_draft_fini(&f->draft);
	opener_free(f->opener);
	process_cache_free(f->in.processes);
	matching_free(f->in.matching);
	elf_cache_free(f->in.files);
	perf_maps_free(f->in.perf_maps);
	vdso_free((struct vdso *)f->in.vdso);
	fetch_free(f->fetch);
	kernel_symbols_free((struct kernel_symbols *)f->in.kernel);
	targets_free(f->targets);
	fake_opener_free(f->fake);
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	event_base_free(f->base);
	free(f);
	return 0;
}

/* The process that all tests sample, with everything that can be mapped. */
static void
add_process(struct fixture *f)
{
	struct batch_draft *d = &f->draft;

	batch_draft_process(d, GENERATION, PID, BATCH_PROCESS_EXEC);
	batch_draft_mapping(
	    d, LOADED + 0x1000, LOADED + 0x2000, 0x1000, 11, "/usr/bin/app");
	batch_draft_mapping(
	    d, LOADED + 0x9000, LOADED + 0xa000, 0, 12, "/opt/data.bin");
	batch_draft_mapping(d, JIT, JIT + 0x10000, 0, 0, "//anon");
	batch_draft_mapping(d, VDSO, VDSO + 0x2000, 0, 0, "[vdso]");
}

/* Works on the draft as a component would. */
static void
work(struct fixture *f)
{
	struct batch_view *view = batch_draft_view(&f->draft);

	assert_non_null(view);
	interval_prefetch(&f->in, view);
	wait_for_all(f);
	interval_want(&f->in, view);
	wait_for_all(f);
	interval_free(f->result);
	f->result = interval_begin(&f->in);
	interval_add(f->result, &f->in, view, &f->ledger);
	batch_view_free(view);
}

static const struct profile *
profile(struct fixture *f)
{
	for (int i = 0; i < f->result->count; i++)
		if (f->result->profiles[i] != NULL)
			return f->result->profiles[i];
	fail_msg("no profile");
	return NULL;
}

/* The frames of the i-th sample, "leaf<...<root". */
static const char *
stack_of(struct fixture *f, size_t i)
{
	struct profile_sample s = profile_get(profile(f), i);
	static char out[8192];
	size_t used = 0;

	for (uint32_t n = 0; n < s.frames; n++) {
		const struct frame *frame =
		    frames_get(f->result->frames, s.frame[n]);

		used += snprintf(out + used, sizeof(out) - used, "%s%s",
		    n > 0 ? "<" : "",
		    frames_name_text(f->result->frames, frame->name));
	}
	return out;
}

static void
sample(struct fixture *f, const uint64_t *user, uint32_t user_count,
    const uint64_t *kernel, uint32_t kernel_count, uint32_t flags,
    const char *comm)
{
	static uint64_t id = 100;
	uint64_t user_id = 0, kernel_id = 0;

	if (user_count > 0)
		batch_draft_stack(&f->draft, user_id = ++id, user, user_count);
	if (kernel_count > 0)
		batch_draft_stack(
		    &f->draft, kernel_id = ++id, kernel, kernel_count);
	batch_draft_count(
	    &f->draft, GENERATION, user_id, kernel_id, 1, flags, comm);
}

static void
test_stack_is_named_from_leaf_to_comm(void **state)
{
	static const uint64_t user[] = { LOADED + 0x1010, LOADED + 0x1120 };
	static const uint64_t kernel[] = { KERNEL + 0x210, KERNEL + 0x108 };
	struct fixture *f = *state;

	add_process(f);
	sample(f, user, 2, kernel, 2, 0, "app");
	work(f);
	assert_string_equal(stack_of(f, 0), "helper<do_syscall<hot<main<app");
	assert_int_equal(f->result->named, 4);
	assert_int_equal(f->result->unnamed, 0);
	assert_int_equal(f->ledger.n[LEDGER_FILTERED], 0);
}

/* A call at the very end of a function returns to the next one. */
static void
test_caller_is_where_the_call_was(void **state)
{
	static const uint64_t user[] = { LOADED + 0x1100, LOADED + 0x1100,
		LOADED + 0x1200 };
	struct fixture *f = *state;

	add_process(f);
	sample(f, user, 3, NULL, 0, 0, "app");
	work(f);
	assert_string_equal(stack_of(f, 0), "main<hot<main<app");
}

static void
test_what_has_no_name_says_where_it_is(void **state)
{
	static const uint64_t user[] = { LOADED + 0x1f00, LOADED + 0x9011,
		JIT + 0x101, 0x1234, VDSO + 0x1fff };
	static const uint64_t kernel[] = { 0xffff000000000000ULL };
	struct fixture *f = *state;

	add_process(f);
	sample(f, user, 5, kernel, 1, 0, "app");
	work(f);
	assert_string_equal(stack_of(f, 0),
	    "[unknown]<app+0x1f00<data.bin+0x10<[anon]<[unknown]<[vdso]<app");
	assert_int_equal(f->result->named, 0);
	assert_int_equal(f->result->unnamed, 6);
	assert_int_equal(elf_cache_counts(f->in.files).refused, 1);
}

static void
test_functions_of_the_kernels_page_are_named(void **state)
{
	struct fixture *f = *state;
	const char *image = (const char *)getauxval(AT_SYSINFO_EHDR);
	bool found = false;

	if (image == NULL)
		skip();
	add_process(f);
	for (uint64_t at = 0; at < 0x2000; at += 16) {
		uint64_t user[] = { VDSO + at };

		sample(f, user, 1, NULL, 0, 0, "app");
	}
	work(f);
	for (size_t i = 0; i < profile_samples(profile(f)); i++)
		found |= strstr(stack_of(f, i), "clock_gettime") != NULL;
	assert_true(found);
}

static void
test_perf_map_names_code_that_was_made(void **state)
{
	static const uint64_t user[] = { JIT + 0x110, JIT + 0x901,
		LOADED + 0x9021, LOADED + 0x1010 };
	struct fixture *f = *state;

	/* the last line is for a file that is no program: .NET does that */
	f->perf_map = "7f0000000100 20 js:add\n"
		      "555555555000 1000 not_me\n"
		      "55555555d000 100 from_memfd\n";
	add_process(f);
	sample(f, user, 4, NULL, 0, 0, "app");
	work(f);
	assert_string_equal(stack_of(f, 0), "js:add<[anon]<from_memfd<hot<app");
	/* of memory that is only its own no address is published */
	for (size_t i = 1; i <= frames_count(f->result->frames); i++) {
		const struct frame *frame = frames_get(f->result->frames, i);
		const char *name =
		    frames_name_text(f->result->frames, frame->name);

		if (strcmp(name, "hot") != 0)
			assert_int_equal(frame->address, 0);
	}
}

static void
test_stack_that_ends_early_says_so(void **state)
{
	static const uint64_t user[] = { LOADED + 0x1010 };
	static const uint64_t kernel[] = { KERNEL + 0x210 };
	struct fixture *f = *state;

	add_process(f);
	sample(f, user, 1, kernel, 1,
	    BATCH_COUNT_USER_TRUNCATED | BATCH_COUNT_KERNEL_TRUNCATED, "app");
	work(f);
	assert_string_equal(
	    stack_of(f, 0), "helper<[truncated]<hot<[truncated]<app");
}

static void
test_comm_goes_where_it_is_wanted(void **state)
{
	static const uint64_t user[] = { LOADED + 0x1010 };
	static const struct {
		bool frame, label;
		const char *want;
	} rows[] = {
		{ false, false, "hot" },
		{ true, false, "hot<\xef\xbf\xbd\xef\xbf\xbd" },
		{ false, true, "hot" },
		{ true, true, "hot<\xef\xbf\xbd\xef\xbf\xbd" },
	};
	struct fixture *f = *state;

	add_process(f);
	sample(f, user, 1, NULL, 0, 0, "\xff\xfe");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct profile_sample s;

		f->in.comm_frame = rows[i].frame;
		f->in.comm_label = rows[i].label;
		work(f);
		assert_string_equal(stack_of(f, 0), rows[i].want);
		s = profile_get(profile(f), 0);
		assert_int_equal(s.comm != 0, rows[i].label);
		if (s.comm != 0)
			assert_string_equal(
			    frames_name_text(f->result->frames, s.comm),
			    "\xef\xbf\xbd\xef\xbf\xbd");
		assert_int_equal(s.pid, 0);
	}
}

static void
test_threads_and_processes_stay_apart_as_wanted(void **state)
{
	static const uint64_t user[] = { LOADED + 0x1010 };
	struct fixture *f = *state;

	add_process(f);
	sample(f, user, 1, NULL, 0, 0, "one");
	sample(f, user, 1, NULL, 0, 0, "two");
	/* without its comm a thread is like any other */
	f->in.comm_frame = false;
	work(f);
	assert_int_equal(profile_samples(profile(f)), 1);
	assert_int_equal(profile_count(profile(f)), 2);
	f->in.comm_label = true;
	work(f);
	assert_int_equal(profile_samples(profile(f)), 2);
	f->in.comm_label = false;
	f->in.pid_label = true;
	work(f);
	assert_int_equal(profile_samples(profile(f)), 1);
	assert_int_equal(profile_get(profile(f), 0).pid, PID);
}

static void
test_comm_of_sixteen_bytes_is_not_overrun(void **state)
{
	static const uint64_t user[] = { LOADED + 0x1010 };
	struct fixture *f = *state;

	add_process(f);
	sample(f, user, 1, NULL, 0, 0, "0123456789abcdef");
	work(f);
	assert_string_equal(stack_of(f, 0), "hot<0123456789abcdef");
}

static void
test_each_sample_has_one_fate(void **state)
{
	static const uint64_t user[] = { LOADED + 0x1010 };
	struct fixture *f = *state;

	add_process(f);
	batch_draft_stack(&f->draft, 1, user, 1);
	batch_draft_count(&f->draft, GENERATION, 1, 0, 10, 0, "app");
	/* of a process that is not in the batch */
	batch_draft_count(&f->draft, 99, 1, 0, 20, 0, "app");
	/* with stacks that are not */
	batch_draft_count(&f->draft, GENERATION, 0, 0, 40, 0, "app");
	batch_draft_count(&f->draft, GENERATION, 2, 3, 80, 0, "app");
	work(f);
	assert_int_equal(profile_count(profile(f)), 10);
	assert_int_equal(f->ledger.n[LEDGER_DROPPED_MALFORMED], 20);
	assert_int_equal(f->ledger.n[LEDGER_DROPPED_NO_STACK], 120);
	/* and without a target all of it is filtered, unnamed */
	memset(&f->ledger, 0, sizeof(f->ledger));
	f->opened = 0;
	set_targets(f, "", 0);
	work(f);
	assert_int_equal(f->ledger.n[LEDGER_FILTERED], 130);
	assert_int_equal(f->ledger.n[LEDGER_DROPPED_MALFORMED], 20);
	assert_int_equal(f->opened, 0);
	assert_int_equal(f->result->count, 0);
}

static void
test_kernel_threads_are_profiled(void **state)
{
	static const uint64_t kernel[] = { 0xffffffffc0000010ULL };
	struct fixture *f = *state;

	batch_draft_process(&f->draft, GENERATION, PID, BATCH_PROCESS_KERNEL);
	sample(f, NULL, 0, kernel, 1, 0, "kworker/0:1");
	work(f);
	assert_string_equal(stack_of(f, 0), "ext_read<kworker/0:1");
	assert_int_equal(f->opened, 0);
}

/* Nothing is asked of a process that is gone: its pid may be another's. */
static void
test_dead_process_is_not_asked_for_anything(void **state)
{
	static const uint64_t user[] = { LOADED + 0x1010, JIT };
	struct fixture *f = *state;
	int asked = fake_opener_asked(f->fake);

	add_process(f);
	f->draft.processes[0].flags |= BATCH_PROCESS_EXIT;
	sample(f, user, 2, NULL, 0, 0, "app");
	work(f);
	assert_int_equal(fake_opener_asked(f->fake), asked);
	assert_string_equal(stack_of(f, 0), "app+0x1010<[unknown]<app");
}

/* Each address once, whatever the number of stacks that it is in. */
static void
test_each_address_is_named_once(void **state)
{
	struct fixture *f = *state;

	add_process(f);
	for (int i = 0; i < 50; i++) {
		uint64_t user[] = { LOADED + 0x1010 + i % 2, LOADED + 0x1120,
			LOADED + 0x1101 + i };

		sample(f, user, 3, NULL, 0, 0, "app");
	}
	work(f);
	assert_int_equal(profile_samples(profile(f)), 50);
	/* two leaves, one caller, fifty callers' callers; one of them twice */
	assert_int_equal(f->result->named, 2 + 1 + 50 - 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_stack_is_named_from_leaf_to_comm),
		TEST(test_caller_is_where_the_call_was),
		TEST(test_what_has_no_name_says_where_it_is),
		TEST(test_functions_of_the_kernels_page_are_named),
		TEST(test_perf_map_names_code_that_was_made),
		TEST(test_stack_that_ends_early_says_so),
		TEST(test_comm_goes_where_it_is_wanted),
		TEST(test_threads_and_processes_stay_apart_as_wanted),
		TEST(test_comm_of_sixteen_bytes_is_not_overrun),
		TEST(test_each_sample_has_one_fate),
		TEST(test_kernel_threads_are_profiled),
		TEST(test_dead_process_is_not_asked_for_anything),
		TEST(test_each_address_is_named_once),
	};

	log_init("test_interval", false);
	return cmocka_run_group_tests_name("interval", tests, NULL, NULL);
}
