/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/log.h"
#include "symbolizer/kernel_symbols.h"

static struct kernel_symbols *
parse(const char *text)
{
	const char *why = NULL;
	struct kernel_symbols *s =
	    kernel_symbols_parse(text, strlen(text), &why);

	if (s == NULL)
		fail_msg("%s", why);
	return s;
}

static void
expect(const struct kernel_symbols *s, uint64_t address, const char *want)
{
	const char *name = kernel_symbols_find(s, address);

	if (want == NULL)
		assert_null(name);
	else if (name == NULL || strcmp(name, want) != 0)
		fail_msg("%llx: %s instead of %s", (unsigned long long)address,
		    name ? name : "none", want);
}

static void
test_address_belongs_to_the_function_before_it(void **state)
{
	struct kernel_symbols *s = parse("ffffffff81000000 T _stext\n"
					 "ffffffff81000100 T do_syscall_64\n"
					 "ffffffff81000200 t helper\n"
					 "ffffffff81000200 D some_data\n"
					 "ffffffff81000280 r rodata\n"
					 "ffffffff81000300 W weak_function\n");

	(void)state;
	expect(s, 0xffffffff80ffffff, NULL);
	expect(s, 0, NULL);
	expect(s, 0xffffffff81000000, "_stext");
	expect(s, 0xffffffff810001ff, "do_syscall_64");
	expect(s, 0xffffffff81000290, "helper");
	expect(s, 0xffffffff81000301, "weak_function");
	/* too far away to be of it */
	expect(s, 0xffffffff82000000, NULL);
	expect(s, UINT64_MAX, NULL);
	assert_int_equal(kernel_symbols_count(s), 4);
	kernel_symbols_free(s);
}

/* They and BPF programs come last in the text, wherever they lie. */
static void
test_functions_of_modules_are_found(void **state)
{
	struct kernel_symbols *s =
	    parse("ffffffff81000000 T _stext\n"
		  "ffffffffc0a00100 t ext4_read\t[ext4]\n"
		  "ffffffffc0900000 t nf_hook [nf_tables]\n"
		  "ffffffffc0a00000 t ext4_init\t[ext4]\n"
		  "ffffffffc0b00000 t bpf_prog_abc_sample\t[bpf]\n");

	(void)state;
	expect(s, 0xffffffffc0a00180, "ext4_read");
	expect(s, 0xffffffffc0a00010, "ext4_init");
	expect(s, 0xffffffffc0900000, "nf_hook");
	expect(s, 0xffffffffc0b00fff, "bpf_prog_abc_sample");
	kernel_symbols_free(s);
}

static void
test_best_of_several_names_is_taken(void **state)
{
	struct kernel_symbols *s = parse("ffffffff81000000 T __memcpy\n"
					 "ffffffff81000000 W memcpy\n"
					 "ffffffff81000010 t local_name\n"
					 "ffffffff81000010 T global_name\n"
					 "ffffffff81000020 T longer\n"
					 "ffffffff81000020 T short\n");

	(void)state;
	expect(s, 0xffffffff81000001, "memcpy");
	expect(s, 0xffffffff81000011, "global_name");
	expect(s, 0xffffffff81000021, "short");
	assert_int_equal(kernel_symbols_count(s), 3);
	kernel_symbols_free(s);
}

static void
test_padding_takes_no_room(void **state)
{
	struct kernel_symbols *s = parse("ffffffff81000000 t __pfx_first\n"
					 "ffffffff81000010 T first\n"
					 "ffffffff81000030 t __pfx_second\n"
					 "ffffffff81000040 t second\n"
					 "ffffffff81000060 t __cfi_third\n"
					 "ffffffff81000070 t third\n"
					 "ffffffff81000090 t __pfx_\n");

	(void)state;
	assert_int_equal(kernel_symbols_count(s), 4);
	expect(s, 0xffffffff81000012, "first");
	expect(s, 0xffffffff81000044, "second");
	expect(s, 0xffffffff81000074, "third");
	assert_true(kernel_symbols_bytes(s) < 200);
	kernel_symbols_free(s);
}

static void
test_what_is_no_line_is_skipped(void **state)
{
	char long_line[2000] = "ffffffff81000000 T ";
	char text[8192];
	struct kernel_symbols *s;

	(void)state;
	memset(long_line + 19, 'x', 1900);
	snprintf(text, sizeof(text),
	    "\n \nnothing\nffffffff81000100 T\nffffffff81000100 T \n"
	    "ffffffff81000100  T name\nxyz T name\n%s\n"
	    "ffffffff81000200 T good\n12345678901234567 T too_many_digits\n"
	    "ffffffff81000300 T without_newline",
	    long_line);
	s = parse(text);
	assert_int_equal(kernel_symbols_count(s), 2);
	expect(s, 0xffffffff81000200, "good");
	expect(s, 0xffffffff81000300, "without_newline");
	kernel_symbols_free(s);
}

static void
test_hidden_addresses_are_explained(void **state)
{
	static const char zeros[] = "0000000000000000 T _stext\n"
				    "0000000000000000 t other\n";
	const char *why = NULL;

	(void)state;
	assert_null(kernel_symbols_parse(zeros, sizeof(zeros) - 1, &why));
	assert_non_null(strstr(why, "kptr_restrict"));
	assert_null(kernel_symbols_parse("", 0, &why));
	assert_string_equal(why, "no symbols in it");
}

/* The kernel that runs here, as root sees it. */
static void
test_real_text_is_read(void **state)
{
	FILE *in = fopen("/proc/kallsyms", "r");
	size_t room = 64 << 20, size;
	char *text = malloc(room);
	struct kernel_symbols *s;
	const char *why;

	(void)state;
	assert_non_null(in);
	size = fread(text, 1, room, in);
	fclose(in);
	s = kernel_symbols_parse(text, size, &why);
	if (s == NULL) {
		/* not as root */
		assert_non_null(strstr(why, "kptr_restrict"));
	} else {
		print_message("# %zu functions in %zu bytes\n",
		    kernel_symbols_count(s), kernel_symbols_bytes(s));
		assert_true(kernel_symbols_count(s) > 10000);
	}
	kernel_symbols_free(s);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_address_belongs_to_the_function_before_it),
		cmocka_unit_test(test_functions_of_modules_are_found),
		cmocka_unit_test(test_best_of_several_names_is_taken),
		cmocka_unit_test(test_padding_takes_no_room),
		cmocka_unit_test(test_what_is_no_line_is_skipped),
		cmocka_unit_test(test_hidden_addresses_are_explained),
		cmocka_unit_test(test_real_text_is_read),
	};

	log_init("test_kernel_symbols", false);
	return cmocka_run_group_tests_name("kernel_symbols", tests, NULL, NULL);
}
