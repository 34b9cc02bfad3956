/* SPDX-License-Identifier: Apache-2.0 */
/* Readable names, and children that do not survive some of them. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/log.h"
#include "symbolizer/demangle.h"
#include "symbolizer/demangle_child.h"
#include "symbolizer/throwaway.h"

static const struct {
	const char *raw, *simplified, *templates, *full;
} cases[] = {
	{ "_ZN18ConcurrentGCThread3runEv", "ConcurrentGCThread::run",
	    "ConcurrentGCThread::run", "ConcurrentGCThread::run()" },
	{ "_ZN15PlatformMonitor4waitEm", "PlatformMonitor::wait",
	    "PlatformMonitor::wait", "PlatformMonitor::wait(unsigned long)" },
	/* template arguments and parameters */
	{ "_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector::push_back",
	    "std::vector<int, std::allocator<int> >::push_back",
	    "std::vector<int, std::allocator<int> >::push_back(int const&)" },
	{ "_Z3fooIiEvT_", "foo", "foo<int>", "void foo<int>(int)" },
	{ "_ZNK1A1BILi3EE1cEPFviE", "A::B::c", "A::B<3>::c",
	    "A::B<3>::c(void (*)(int)) const" },
	{ "_ZNKSt8functionIFiiEEclEi", "std::function::operator()",
	    "std::function<int (int)>::operator()",
	    "std::function<int (int)>::operator()(int) const" },
	/* suffixes of clones go in every mode */
	{ "_ZNKSt6vectorIiSaIiEE4sizeEv.isra.0", "std::vector::size",
	    "std::vector<int, std::allocator<int> >::size",
	    "std::vector<int, std::allocator<int> >::size() const" },
	{ "_ZN12_GLOBAL__N_13fooEv.constprop.0.cold",
	    "(anonymous namespace)::foo", "(anonymous namespace)::foo",
	    "(anonymous namespace)::foo()" },
	/* parameters of what a function is in */
	{ "_ZZN1A1fEiEN1B1gEv", "A::f::B::g", "A::f::B::g",
	    "A::f(int)::B::g()" },
	{ "_ZZ3fooIiEvT_ENKUliE_clEi", "foo::{lambda()#1}::operator()",
	    "foo<int>::{lambda()#1}::operator()",
	    "foo<int>(int)::{lambda(int)#1}::operator()(int) const" },
	{ "_ZZ4mainENKUlT_E_clIiEEDaS_", "main::{lambda()#1}::operator()",
	    "main::{lambda()#1}::operator()<int>",
	    "auto main::{lambda(auto:1)#1}::operator()<int>(int) const" },
	/* operators look like brackets */
	{ "_ZlsRSoRK1A", "operator<<", "operator<<",
	    "operator<<(std::ostream&, A const&)" },
	{ "_ZN1AltERKS_", "A::operator<", "A::operator<",
	    "A::operator<(A const&)" },
	{ "_ZN1AcvSt6vectorIiSaIiEEEv", "A::operator std::vector",
	    "A::operator std::vector<int, std::allocator<int> >",
	    "A::operator std::vector<int, std::allocator<int> >()" },
	/* what is left out is needed to say what T is */
	{ "_ZN1AcvT_IiEEv", "A::operator int<int>", "A::operator int<int>",
	    "A::operator int<int>()" },
	/* abbreviations */
	{ "_ZNSsC1EOSs", "std::basic_string::basic_string",
	    "std::basic_string<char, std::char_traits<char>, "
	    "std::allocator<char> >::basic_string",
	    "std::basic_string<char, std::char_traits<char>, "
	    "std::allocator<char> >::basic_string(std::string&&)" },
	{ "_ZN3FooD2Ev", "Foo::~Foo", "Foo::~Foo", "Foo::~Foo()" },
	{ "_ZThn8_N1A1fEv", "non-virtual thunk to A::f",
	    "non-virtual thunk to A::f", "non-virtual thunk to A::f()" },
	{ "_Z1fB5cxx11v", "f[abi:cxx11]", "f[abi:cxx11]", "f[abi:cxx11]()" },
	/* Rust, legacy and v0; the hash never shows */
	{ "_ZN66_$LT$alloc..vec..Vec$LT$T$GT$$u20$as$u20$core..ops..drop.."
	  "Drop$GT$4drop17h0123456789abcdefE",
	    "<alloc::vec::Vec as core::ops::drop::Drop>::drop",
	    "<alloc::vec::Vec<T> as core::ops::drop::Drop>::drop",
	    "<alloc::vec::Vec<T> as core::ops::drop::Drop>::drop" },
	{ "_ZN4core3ptr85drop_in_place$LT$std..rt..lang_start$LT$$LP$$RP$$GT$"
	  "..$u7b$$u7b$closure$u7d$$u7d$$GT$17h0123456789abcdefE.llvm.123",
	    "core::ptr::drop_in_place",
	    "core::ptr::drop_in_place<std::rt::lang_start<()>::{{closure}}>",
	    "core::ptr::drop_in_place<std::rt::lang_start<()>::{{closure}}>" },
	{ "_RNvMs_NtCs1234_7mycrate3fooNtB4_3Foo3bar",
	    "<mycrate::foo::Foo>::bar", "<mycrate::foo::Foo>::bar",
	    "<mycrate::foo::Foo>::bar" },
	{ "_RINvNtC3std3mem8align_ofjEC3foo", "std::mem::align_of",
	    "std::mem::align_of::<usize>", "std::mem::align_of::<usize>" },
	/* D */
	{ "_D4test3fooFiZv", "test.foo", "test.foo", "test.foo(int)" },
	{ "_D4test__T3fooTiZQhFiZv", "test.foo.foo", "test.foo!(int).foo",
	    "test.foo!(int).foo(int)" },
	/* what is none of these stays as it is, dots and all */
	{ "main", NULL, NULL, NULL },
	{ "runtime.mallocgc", NULL, NULL, NULL },
	{ "foo.isra.0", NULL, NULL, NULL },
	{ "_Znotmangled", NULL, NULL, NULL },
	{ "_Z", NULL, NULL, NULL },
	{ "_R", NULL, NULL, NULL },
	{ "_D", NULL, NULL, NULL },
	{ "", NULL, NULL, NULL },
};

static void
expect(const char *raw, enum demangle_mode mode, const char *want)
{
	char out[DEMANGLE_MAX_BYTES];
	bool got = demangle_name(raw, mode, out, sizeof(out));

	if (got != (want != NULL) || (got && strcmp(out, want) != 0))
		fail_msg("%s in mode %d: \"%s\", not \"%s\"", raw, mode,
		    got ? out : "(raw)", want ? want : "(raw)");
}

static void
test_each_mode_leaves_out_what_it_should(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		expect(cases[i].raw, DEMANGLE_NONE, NULL);
		expect(cases[i].raw, DEMANGLE_SIMPLIFIED, cases[i].simplified);
		expect(cases[i].raw, DEMANGLE_TEMPLATES, cases[i].templates);
		expect(cases[i].raw, DEMANGLE_FULL, cases[i].full);
	}
}

static void
test_modes_are_parsed(void **state)
{
	enum demangle_mode mode;

	(void)state;
	assert_int_equal(demangle_parse_mode("none", &mode), 0);
	assert_int_equal(mode, DEMANGLE_NONE);
	assert_int_equal(demangle_parse_mode("full", &mode), 0);
	assert_int_equal(mode, DEMANGLE_FULL);
	assert_int_equal(demangle_parse_mode("Full", &mode), -EINVAL);
	assert_int_equal(demangle_parse_mode("", &mode), -EINVAL);
}

/* Each substitution doubles what it stands for: 2^40 and more bytes. */
static const char *
bomb(void)
{
	static char name[512] = "_Z1fISt4pairIiiE";

	if (name[16] != '\0')
		return name;
	strcpy(name, "_Z1fSt4pairIiiE");
	for (int i = 0; i < 35; i++) {
		char part[16];

		snprintf(part, sizeof(part), "S_IS%.1s_S%.1s_E",
		    i == 0 ? "" : &"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[i],
		    i == 0 ? "" : &"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[i]);
		strcat(name, part);
	}
	return name;
}

static void
test_readable_name_without_end_is_cut_off_in_time(void **state)
{
	char out[DEMANGLE_MAX_BYTES];
	struct rusage before, after;

	(void)state;
	getrusage(RUSAGE_SELF, &before);
	expect(bomb(), DEMANGLE_SIMPLIFIED, "f");
	/* too long in the mode asked for: a less verbose one */
	assert_true(demangle_name(bomb(), DEMANGLE_FULL, out, sizeof(out)));
	assert_string_equal(out, "f");
	getrusage(RUSAGE_SELF, &after);
	assert_true(after.ru_utime.tv_sec - before.ru_utime.tv_sec < 2);
}

static void
test_small_room_is_respected(void **state)
{
	char out[9];

	(void)state;
	memset(out, '#', sizeof(out));
	assert_false(demangle_name(
	    "_ZN15PlatformMonitor4waitEm", DEMANGLE_FULL, out, 8));
	assert_int_equal(out[8], '#');
	assert_true(demangle_name("_Z3fooi", DEMANGLE_FULL, out, 8));
	assert_string_equal(out, "foo"); /* "foo(int)" needs 9 */
}

/* ---- in children */

struct outcome {
	int calls;
	size_t settled, count, failed;
	char *names[64];
};

static void
on_done(void *arg, const char *const *names, size_t settled, size_t count,
    size_t failed)
{
	struct outcome *o = arg;

	o->calls++;
	o->settled = settled;
	o->count = count;
	o->failed = failed;
	for (size_t i = 0; i < count && i < 64; i++)
		o->names[i] = names[i] != NULL ? strdup(names[i]) : NULL;
}

static void
forget(struct outcome *o)
{
	for (size_t i = 0; i < 64; i++)
		free(o->names[i]);
}

static void
finish(struct event_base *base)
{
	event_base_dispatch(base); /* until nothing is left to wait for */
	event_base_free(base);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void
test_child_names_many(void **state)
{
	static const char *const names[] = { "_Z3fooi", "main",
		"_ZN1A1bEv.cold", "_RINvNtC3std3mem8align_ofjEC3foo" };
	struct event_base *base = event_base_new();
	struct outcome o = { 0 };

	(void)state;
	assert_non_null(
	    demangle_start(base, names, 4, DEMANGLE_SIMPLIFIED, on_done, &o));
	finish(base);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.count, 4);
	assert_int_equal(o.failed, 0);
	assert_string_equal(o.names[0], "foo");
	assert_null(o.names[1]);
	assert_string_equal(o.names[2], "A::b");
	assert_string_equal(o.names[3], "std::mem::align_of");
	forget(&o);
}

static void
test_more_names_than_one_child_takes(void **state)
{
	enum { COUNT = 40000 };
	const char **names = calloc(COUNT, sizeof(*names));
	struct event_base *base = event_base_new();
	struct outcome o = { 0 };

	(void)state;
	for (int i = 0; i < COUNT; i++)
		names[i] = "_Z3fooi";
	assert_non_null(
	    demangle_start(base, names, COUNT, DEMANGLE_FULL, on_done, &o));
	free(names);
	finish(base);
	assert_int_equal(o.count, COUNT);
	assert_int_equal(o.failed, 0);
	assert_string_equal(o.names[63], "foo(int)");
	forget(&o);
}

static void
test_no_names_are_done_at_once(void **state)
{
	struct event_base *base = event_base_new();
	struct outcome o = { 0 };

	(void)state;
	assert_null(demangle_start(base, NULL, 0, DEMANGLE_FULL, on_done, &o));
	assert_int_equal(o.calls, 1);
	event_base_free(base);
}

/* Does with a name what the name says. */
static bool
obey(const char *raw, enum demangle_mode mode, char *out, size_t size)
{
	(void)mode;
	if (strcmp(raw, "crash") == 0)
		__builtin_trap();
	while (strcmp(raw, "hang") == 0)
		*(volatile char *)out = 'x';
	snprintf(out, size, "good %s", raw);
	return true;
}

static int
run_obey(const struct throwaway_input *in, int out)
{
	return demangle_answer(obey, in->fd[0], out);
}

/* As a compromised child would: answers that lead out of the memfd. */
static int
run_liar(const struct throwaway_input *in, int out)
{
	static const uint32_t lies[] = { 1, 'a', 0xffffffff, 5 };

	(void)in;
	return write(out, lies, sizeof(lies)) < 0;
}

static const char *
no_refusal(int status)
{
	(void)status;
	return "unknown";
}

static struct throwaway_job
test_job(int (*run)(const struct throwaway_input *, int))
{
	return (struct throwaway_job){ .name = "test",
		.run = run,
		.refusal = no_refusal,
		.memory_bytes = 64 << 20,
		.output_bytes = 1 << 20,
		.cpu_sec = 1,
		.wall_sec = 4,
		.keep_partial = true };
}

static void
test_only_the_name_that_ends_a_child_stays_raw(void **state)
{
	static const char *const names[] = { "a", "crash", "b", "hang", "c" };
	struct throwaway_job job = test_job(run_obey);
	struct event_base *base = event_base_new();
	struct outcome o = { 0 };

	(void)state;
	assert_non_null(demangle_start_with(
	    &job, base, names, 5, DEMANGLE_FULL, on_done, &o));
	finish(base);
	assert_int_equal(o.failed, 2);
	assert_int_equal(o.settled, 5);
	assert_string_equal(o.names[0], "good a");
	assert_null(o.names[1]);
	assert_string_equal(o.names[2], "good b");
	assert_null(o.names[3]);
	assert_string_equal(o.names[4], "good c");
	forget(&o);
}

static void
test_too_many_bad_names_end_the_attempt(void **state)
{
	static const char *const names[] = { "crash", "crash", "crash", "crash",
		"crash", "crash", "a" };
	struct throwaway_job job = test_job(run_obey);
	struct event_base *base = event_base_new();
	struct outcome o = { 0 };

	(void)state;
	assert_non_null(demangle_start_with(
	    &job, base, names, 7, DEMANGLE_FULL, on_done, &o));
	finish(base);
	assert_int_equal(o.failed, 7);
	assert_int_equal(o.settled, 4);
	assert_null(o.names[6]);
	forget(&o);
}

static void
test_answers_of_a_compromised_child_stay_in_bounds(void **state)
{
	static const char *const names[] = { "a", "b", "c" };
	struct throwaway_job job = test_job(run_liar);
	struct event_base *base = event_base_new();
	struct outcome o = { 0 };

	(void)state;
	assert_non_null(demangle_start_with(
	    &job, base, names, 3, DEMANGLE_FULL, on_done, &o));
	finish(base);
	assert_int_equal(o.calls, 1);
	/* one answer fits, the next is too long: that name stays raw */
	assert_string_equal(o.names[0], "a");
	assert_null(o.names[1]);
	assert_string_equal(o.names[2], "a");
	assert_int_equal(o.failed, 1);
	forget(&o);
}

static void
test_cancelled_names_are_not_reported(void **state)
{
	static const char *const names[] = { "hang" };
	struct throwaway_job job = test_job(run_obey);
	struct event_base *base = event_base_new();
	struct outcome o = { 0 };

	(void)state;
	demangle_cancel(demangle_start_with(
	    &job, base, names, 1, DEMANGLE_FULL, on_done, &o));
	demangle_cancel(NULL);
	finish(base);
	assert_int_equal(o.calls, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_mode_leaves_out_what_it_should),
		cmocka_unit_test(test_modes_are_parsed),
		cmocka_unit_test(
		    test_readable_name_without_end_is_cut_off_in_time),
		cmocka_unit_test(test_small_room_is_respected),
		cmocka_unit_test(test_child_names_many),
		cmocka_unit_test(test_more_names_than_one_child_takes),
		cmocka_unit_test(test_no_names_are_done_at_once),
		cmocka_unit_test(
		    test_only_the_name_that_ends_a_child_stays_raw),
		cmocka_unit_test(test_too_many_bad_names_end_the_attempt),
		cmocka_unit_test(
		    test_answers_of_a_compromised_child_stay_in_bounds),
		cmocka_unit_test(test_cancelled_names_are_not_reported),
	};

	log_init("test_demangle", false);
	return cmocka_run_group_tests_name("demangle", tests, NULL, NULL);
}
