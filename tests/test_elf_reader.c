/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is read of ELF files: made by the compiler and then taken apart, or
 * byte by byte. In this process, so that the sanitizers look on.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <libdeflate.h>
#include <lzma.h>

#include "common/log.h"
#include "common/memfd.h"
#include "symbolizer/elf_file.h"
#include "symbolizer/elf_reader.h"
#include "symbolizer/symbol_builder.h"
#include "symbolizer/symbol_format.h"
#include "symbolizer/symbol_table.h"
#include "tests/elf_image.h"

#define TEXT 0x401000
#define FUNC(name, value, size)                                                \
	{                                                                      \
		name, value, size, STT_FUNC, STB_GLOBAL                        \
	}
#define END                                                                    \
	{                                                                      \
		0                                                              \
	}

/* ---- helpers */

/* Takes the descriptors. NULL: refused, *why says so. */
static struct symbol_table *
read_with_debug(int fd, int debug_fd, uint64_t argument, enum elf_refusal *why)
{
	int out = memfd_new("table");
	struct symbol_table *t = NULL;

	*why = elf_reader_run(fd, debug_fd, argument, out);
	close(fd);
	if (debug_fd >= 0)
		close(debug_fd);
	if (*why != ELF_ACCEPTED) {
		close(out);
		return NULL;
	}
	assert_int_equal(memfd_seal(out), 0);
	assert_int_equal(symbol_table_open(out, &t), 0);
	return t;
}

static struct symbol_table *
read_fd(int fd)
{
	enum elf_refusal why;
	struct symbol_table *t = read_with_debug(fd, -1, 0, &why);

	if (t == NULL)
		fail_msg("refused: %s", elf_refusal_text(why));
	return t;
}

static struct symbol_table *
read_image(const struct elf_image *image)
{
	return read_fd(elf_image_fd(image->bytes, image->size));
}

static enum elf_refusal
refusal_of_image(const struct elf_image *image)
{
	enum elf_refusal why;
	int fd = elf_image_fd(image->bytes, image->size);
	struct symbol_table *t = read_with_debug(fd, -1, 0, &why);

	symbol_table_free(t);
	return why;
}

static struct elf_image
make(const struct elf_image_symbol *symbols,
    const struct elf_image_section *sections)
{
	const struct elf_image_spec spec = {
		.text = TEXT,
		.text_size = 0x1000,
		.text_offset = 0x1000,
		.symbols = symbols,
		.sections = sections,
	};

	return elf_image_new(&spec);
}

/* NULL: no function there. */
static void
expect_name(const struct symbol_table *t, uint64_t address, const char *want)
{
	struct symbol symbol;
	bool found = symbol_table_find(t, address, &symbol);

	if (found != (want != NULL) ||
	    (found && strcmp(symbol.name, want) != 0))
		fail_msg("at %llx: %s instead of %s",
		    (unsigned long long)address,
		    found ? symbol.name : "nothing", want ? want : "nothing");
	if (found)
		assert_int_equal(symbol.name_size, strlen(symbol.name));
}

/* ---- which function an address belongs to */

static void
test_sizes_are_honoured(void **state)
{
	static const struct elf_image_symbol symbols[] = {
		FUNC("first", TEXT, 0x10), FUNC("second", TEXT + 0x100, 0x20),
		FUNC("beyond", TEXT + 0xff0, 0x100000), END
	};
	struct elf_image image = make(symbols, NULL);
	struct symbol_table *t = read_image(&image);

	(void)state;
	expect_name(t, TEXT - 1, NULL);
	expect_name(t, TEXT, "first");
	expect_name(t, TEXT + 0xf, "first");
	expect_name(t, TEXT + 0x10, NULL); /* a gap is nobody's */
	expect_name(t, TEXT + 0xff, NULL);
	expect_name(t, TEXT + 0x11f, "second");
	expect_name(t, TEXT + 0x120, NULL);
	/* nothing reaches out of its section */
	expect_name(t, TEXT + 0xfff, "beyond");
	expect_name(t, TEXT + 0x1000, NULL);
	symbol_table_free(t);
	elf_image_free(&image);
}

static void
test_function_without_size_reaches_to_the_next(void **state)
{
	static const struct elf_image_symbol symbols[] = {
		FUNC("sized", TEXT, 0x10), FUNC("open", TEXT + 0x20, 0),
		FUNC("next", TEXT + 0x40, 8), FUNC("last", TEXT + 0x800, 0), END
	};
	struct elf_image image = make(symbols, NULL);
	struct symbol_table *t = read_image(&image);

	(void)state;
	expect_name(t, TEXT + 0x1f, NULL);
	expect_name(t, TEXT + 0x20, "open");
	expect_name(t, TEXT + 0x3f, "open");
	expect_name(t, TEXT + 0x47, "next");
	expect_name(t, TEXT + 0x48, NULL);
	expect_name(t, TEXT + 0xfff, "last");
	expect_name(t, TEXT + 0x1000, NULL);
	symbol_table_free(t);
	elf_image_free(&image);
}

static void
test_inner_function_has_its_own_addresses(void **state)
{
	static const struct elf_image_symbol symbols[] = {
		FUNC("outer", TEXT, 0x100), FUNC("inner", TEXT + 0x40, 0x20),
		FUNC("open", TEXT + 0x80, 0), END
	};
	struct elf_image image = make(symbols, NULL);
	struct symbol_table *t = read_image(&image);

	(void)state;
	expect_name(t, TEXT + 0x3f, "outer");
	expect_name(t, TEXT + 0x40, "inner");
	expect_name(t, TEXT + 0x60, "outer");
	/* one without a size ends where what is around it ends */
	expect_name(t, TEXT + 0xff, "open");
	expect_name(t, TEXT + 0x100, NULL);
	symbol_table_free(t);
	elf_image_free(&image);
}

static void
test_only_functions_are_taken(void **state)
{
	static const struct elf_image_symbol symbols[] = {
		{ "object", TEXT, 16, STT_OBJECT, STB_GLOBAL },
		{ "label", TEXT, 16, STT_NOTYPE, STB_GLOBAL },
		{ "chosen", TEXT + 0x10, 16, STT_GNU_IFUNC, STB_GLOBAL },
		{ "at_zero", 0, 16, STT_FUNC, STB_GLOBAL },
		{ "elsewhere", 0x900000, 16, STT_FUNC, STB_GLOBAL },
		{ "hidden", TEXT + 0x20, 16, STT_FUNC, STB_LOCAL },
		{ "", TEXT + 0x30, 16, STT_FUNC, STB_LOCAL }, END
	};
	struct elf_image image = make(symbols, NULL);
	struct symbol_table *t = read_image(&image);

	(void)state;
	expect_name(t, TEXT, NULL);
	expect_name(t, TEXT + 0x10, "chosen");
	expect_name(t, TEXT + 0x20, "hidden");
	expect_name(t, TEXT + 0x30, NULL);
	assert_int_equal(symbol_table_count(t), 2);
	symbol_table_free(t);
	elf_image_free(&image);
}

static void
test_best_of_several_names_is_taken(void **state)
{
	static const struct elf_image_symbol symbols[] = {
		{ "__read", TEXT, 16, STT_FUNC, STB_GLOBAL },
		{ "read", TEXT, 16, STT_FUNC, STB_WEAK },
		{ "weak_one", TEXT + 0x20, 16, STT_FUNC, STB_WEAK },
		{ "strong_one", TEXT + 0x20, 0, STT_FUNC, STB_GLOBAL },
		{ "_ZN1A1bEv", TEXT + 0x40, 16, STT_FUNC, STB_LOCAL },
		{ "longer_name", TEXT + 0x60, 16, STT_FUNC, STB_GLOBAL },
		{ "name", TEXT + 0x60, 16, STT_FUNC, STB_GLOBAL }, END
	};
	struct elf_image image = make(symbols, NULL);
	struct symbol_table *t = read_image(&image);

	(void)state;
	expect_name(t, TEXT, "read");
	expect_name(t, TEXT + 0x20, "strong_one");
	/* aliases reach as far as the longest of them */
	expect_name(t, TEXT + 0x2f, "strong_one");
	expect_name(t, TEXT + 0x30, NULL);
	expect_name(t, TEXT + 0x4f, "_ZN1A1bEv");
	expect_name(t, TEXT + 0x60, "name");
	symbol_table_free(t);
	elf_image_free(&image);
}

static void
test_offsets_become_addresses(void **state)
{
	/* as linkers for small pages make them: not at the start of a page */
	const struct elf_image_spec spec = {
		.text = 0x7212340,
		.text_size = 0x5000,
		.text_offset = 0x2340,
		.symbols =
		    (const struct elf_image_symbol[]){
			FUNC("f", 0x7212340, 0x5000), END },
	};
	struct elf_image image = elf_image_new(&spec);
	struct symbol_table *t = read_image(&image);
	uint64_t address;

	(void)state;
	assert_true(symbol_table_address(t, 0x2340, &address));
	assert_int_equal(address, 0x7212340);
	assert_true(symbol_table_address(t, 0x733f, &address));
	assert_int_equal(address, 0x721733f);
	expect_name(t, address, "f");
	/* the mapping begins and ends with the page */
	assert_true(symbol_table_address(t, 0x2000, &address));
	assert_int_equal(address, 0x7212000);
	expect_name(t, address, NULL);
	assert_true(symbol_table_address(t, 0x7fff, &address));
	assert_false(symbol_table_address(t, 0x8000, &address));
	assert_false(symbol_table_address(t, 0x1fff, &address));
	symbol_table_free(t);
	elf_image_free(&image);
}

static void
test_overlong_name_is_cut(void **state)
{
	char *name = malloc(20001);
	const struct elf_image_symbol symbols[] = { FUNC(name, TEXT, 16),
		FUNC("short", TEXT + 16, 16), END };
	struct elf_image image;
	struct symbol_table *t;
	struct symbol symbol;

	(void)state;
	memset(name, 'x', 20000);
	name[20000] = '\0';
	image = make(symbols, NULL);
	t = read_image(&image);
	assert_true(symbol_table_find(t, TEXT, &symbol));
	assert_int_equal(symbol.name_size, SYMBOL_FORMAT_NAME);
	assert_memory_equal(symbol.name, name, SYMBOL_FORMAT_NAME);
	expect_name(t, TEXT + 16, "short");
	symbol_table_free(t);
	elf_image_free(&image);
	free(name);
}

/* ---- sources */

static void
run_command(const char *format, ...)
{
	char command[2048];
	va_list ap;

	va_start(ap, format);
	vsnprintf(command, sizeof(command), format, ap);
	va_end(ap);
	if (system(command) != 0)
		fail_msg("%s", command);
}

struct directory {
	char path[64];
};

static int
setup(void **state)
{
	static struct directory d;

	strcpy(d.path, "/tmp/test-elf-reader-XXXXXX");
	*state = &d;
	return mkdtemp(d.path) != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	struct directory *d = *state;

	run_command("rm -rf %s", d->path);
	return 0;
}

/* A library with a function that it exports and one that it does not. */
static void
build(const struct directory *d, const char *name, const char *flags)
{
	run_command("cd %s && echo '"
		    "__attribute__((noinline)) static int inside(int n) "
		    "{ return n * 7 %% 5; } "
		    "int outside(int n) { return inside(n) + inside(n + 1); }'"
		    " | cc -x c - -shared -fPIC -O0 -Wl,--build-id=sha1 %s "
		    "-o %s",
	    d->path, flags, name);
}

static int
open_in(const struct directory *d, const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", d->path, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	return fd;
}

static uint64_t
address_of(const struct directory *d, const char *file, const char *name)
{
	char command[512];
	unsigned long long address = 0;
	FILE *nm;

	snprintf(command, sizeof(command),
	    "nm %s/%s | awk '$3 == \"%s\" { print $1 }'", d->path, file, name);
	nm = popen(command, "r");
	assert_non_null(nm);
	assert_int_equal(fscanf(nm, "%llx", &address), 1);
	pclose(nm);
	return address;
}

static void
test_stripped_file_has_what_it_exports(void **state)
{
	struct directory *d = *state;
	struct symbol_table *t;
	struct symbol_debug debug;
	uint64_t inside, outside;

	build(d, "full.so", "");
	inside = address_of(d, "full.so", "inside");
	outside = address_of(d, "full.so", "outside");
	t = read_fd(open_in(d, "full.so"));
	expect_name(t, inside, "inside");
	expect_name(t, outside, "outside");
	assert_false(symbol_table_debug(t, &debug));
	symbol_table_free(t);
	run_command("cd %s && strip full.so -o stripped.so", d->path);
	t = read_fd(open_in(d, "stripped.so"));
	expect_name(t, inside, NULL);
	expect_name(t, outside, "outside");
	assert_true(symbol_table_debug(t, &debug));
	assert_int_equal(debug.build_id_size, 20);
	assert_int_equal(debug.link_size, 0);
	symbol_table_free(t);
}

/* Without section headers there still is what the dynamic linker uses. */
static void
test_file_without_sections_has_what_it_exports(void **state)
{
	static const char *const hashes[] = { "sysv", "gnu", "both" };
	struct directory *d = *state;
	static uint8_t bytes[1 << 20];

	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		Elf64_Ehdr *header = (Elf64_Ehdr *)bytes;
		struct symbol_table *t;
		char flags[64];
		ssize_t size;
		int fd;

		snprintf(
		    flags, sizeof(flags), "-Wl,--hash-style=%s", hashes[i]);
		build(d, "full.so", flags);
		fd = open_in(d, "full.so");
		size = read(fd, bytes, sizeof(bytes));
		close(fd);
		assert_true(size > 0);
		header->e_shoff = 0;
		header->e_shnum = header->e_shstrndx = 0;
		t = read_fd(elf_image_fd(bytes, size));
		expect_name(t, address_of(d, "full.so", "outside"), "outside");
		expect_name(t, address_of(d, "full.so", "inside"), NULL);
		symbol_table_free(t);
	}
}

static void
test_mini_debug_info_is_merged(void **state)
{
	struct directory *d = *state;
	struct symbol_debug debug;
	struct symbol_table *t;

	build(d, "full.so", "");
	/* as the packagers make it */
	run_command("cd %s && objcopy --only-keep-debug full.so mini && "
		    "objcopy -S --remove-section .gdb_index "
		    "--remove-section .comment --keep-symbol=inside mini "
		    "mini.small && xz -k mini.small && "
		    "strip full.so -o stripped.so && "
		    "objcopy --add-section .gnu_debugdata=mini.small.xz "
		    "stripped.so with.so",
	    d->path);
	t = read_fd(open_in(d, "with.so"));
	expect_name(t, address_of(d, "full.so", "inside"), "inside");
	expect_name(t, address_of(d, "full.so", "outside"), "outside");
	assert_false(symbol_table_debug(t, &debug));
	symbol_table_free(t);
}

static void
make_debug_pair(struct directory *d)
{
	build(d, "full.so", "-g");
	run_command("cd %s && objcopy --only-keep-debug full.so full.debug && "
		    "strip full.so -o stripped.so && "
		    "objcopy --add-gnu-debuglink=full.debug stripped.so",
	    d->path);
}

static void
test_debug_file_is_merged_by_build_id(void **state)
{
	struct directory *d = *state;
	struct symbol_table *t;
	struct symbol_debug debug;
	enum elf_refusal why;

	make_debug_pair(d);
	t = read_with_debug(
	    open_in(d, "stripped.so"), open_in(d, "full.debug"), 0, &why);
	assert_int_equal(why, ELF_ACCEPTED);
	expect_name(t, address_of(d, "full.so", "inside"), "inside");
	expect_name(t, address_of(d, "full.so", "outside"), "outside");
	assert_false(symbol_table_debug(t, &debug));
	symbol_table_free(t);
	/* one with another build id is another file's */
	run_command("cd %s && mv stripped.so mine.so", d->path);
	run_command("cd %s && echo 'int other(int n) { return n; }' | cc -x c "
		    "- -shared -fPIC -g -Wl,--build-id=sha1 -o other.so",
	    d->path);
	assert_null(read_with_debug(
	    open_in(d, "mine.so"), open_in(d, "other.so"), 0, &why));
	assert_int_equal(why, ELF_MISMATCH);
	/* and so is one without */
	run_command("cd %s && objcopy --remove-section .note.gnu.build-id "
		    "full.debug",
	    d->path);
	assert_null(read_with_debug(
	    open_in(d, "mine.so"), open_in(d, "full.debug"), 0, &why));
	assert_int_equal(why, ELF_MISMATCH);
}

static void
test_debug_file_is_merged_by_link_if_its_sum_is_right(void **state)
{
	struct directory *d = *state;
	struct symbol_table *t;
	struct symbol_debug debug;
	uint64_t argument;
	enum elf_refusal why;

	make_debug_pair(d);
	t = read_fd(open_in(d, "stripped.so"));
	assert_true(symbol_table_debug(t, &debug));
	assert_int_equal(debug.link_size, strlen("full.debug"));
	assert_memory_equal(debug.link, "full.debug", debug.link_size);
	argument = ELF_DEBUG_BY_LINK | debug.link_crc;
	symbol_table_free(t);
	t = read_with_debug(open_in(d, "stripped.so"), open_in(d, "full.debug"),
	    argument, &why);
	assert_int_equal(why, ELF_ACCEPTED);
	expect_name(t, address_of(d, "full.so", "inside"), "inside");
	symbol_table_free(t);
	/* one byte more, at the end, changes no symbol: but it is another */
	run_command("cd %s && printf x >>full.debug", d->path);
	assert_null(read_with_debug(open_in(d, "stripped.so"),
	    open_in(d, "full.debug"), argument, &why));
	assert_int_equal(why, ELF_MISMATCH);
}

static void
test_compressed_debug_file_is_read(void **state)
{
	struct directory *d = *state;
	struct symbol_table *t;
	enum elf_refusal why;

	make_debug_pair(d);
	run_command(
	    "cd %s && objcopy --compress-debug-sections full.debug", d->path);
	t = read_with_debug(
	    open_in(d, "stripped.so"), open_in(d, "full.debug"), 0, &why);
	assert_non_null(t);
	expect_name(t, address_of(d, "full.so", "inside"), "inside");
	symbol_table_free(t);
}

static void
test_32_bit_file_is_read(void **state)
{
#ifdef __x86_64__
	struct directory *d = *state;
	struct symbol_table *t;
	uint64_t address;

	build(d, "small.so", "-m32 -nostdlib");
	t = read_fd(open_in(d, "small.so"));
	address = address_of(d, "small.so", "inside");
	expect_name(t, address, "inside");
	expect_name(t, address + 1, "inside");
	assert_int_equal(strlen(symbol_table_build_id(t)), 40);
	symbol_table_free(t);
#else
	(void)state; /* no compiler for it to be had */
#endif
}

/* ---- compressed contents */

/* A symbol table section as elfutils' compressor leaves it; to be freed. */
static uint8_t *
compress_section(
    const void *data, size_t size, uint64_t claimed, size_t *packed_size)
{
	struct libdeflate_compressor *c = libdeflate_alloc_compressor(6);
	size_t room = libdeflate_zlib_compress_bound(c, size);
	uint8_t *packed = malloc(sizeof(Elf64_Chdr) + room);
	Elf64_Chdr header = { .ch_type = ELFCOMPRESS_ZLIB,
		.ch_size = claimed,
		.ch_addralign = 8 };

	memcpy(packed, &header, sizeof(header));
	*packed_size = sizeof(header) + libdeflate_zlib_compress(c, data, size,
					    packed + sizeof(header), room);
	libdeflate_free_compressor(c);
	return packed;
}

/* An image whose .symtab, of one function, is compressed. */
static enum elf_refusal
read_compressed(uint64_t claimed, const char *want)
{
	static const struct elf_image_symbol symbols[] = {
		FUNC("packed", TEXT, 16), END
	};
	struct elf_image plain = make(symbols, NULL), image;
	const Elf64_Shdr *symtab = &plain.sections[ELF_IMAGE_SYMTAB];
	size_t size;
	uint8_t *packed = compress_section(plain.bytes + symtab->sh_offset,
	    symtab->sh_size, claimed ? claimed : symtab->sh_size, &size);
	const struct elf_image_section more[] = {
		{ ".packed", SHT_SYMTAB, SHF_COMPRESSED, packed, size }, END
	};
	struct elf_image_symbol none[] = { END };
	enum elf_refusal why;
	struct symbol_table *t;
	Elf64_Shdr *s;

	image = make(none, more);
	/* its names are those of the plain one */
	s = &image.sections[ELF_IMAGE_MORE];
	s->sh_entsize = sizeof(Elf64_Sym);
	s->sh_link = ELF_IMAGE_MORE + 1;
	/* the section names do as names: one begins at 1 there too */
	t = read_with_debug(elf_image_fd(image.bytes, image.size), -1, 0, &why);
	if (t != NULL)
		expect_name(t, TEXT, want);
	symbol_table_free(t);
	free(packed);
	elf_image_free(&plain);
	elf_image_free(&image);
	return why;
}

static void
test_compressed_symbols_are_read(void **state)
{
	(void)state;
	assert_int_equal(read_compressed(0, ".text"), ELF_ACCEPTED);
}

static void
test_size_that_compressed_contents_claim_is_bounded(void **state)
{
	(void)state;
	assert_int_equal(read_compressed(1ULL << 40, NULL), ELF_TOO_LARGE);
	assert_int_equal(read_compressed(UINT64_MAX, NULL), ELF_TOO_LARGE);
	/* it does not become what it says: no symbols, but no harm */
	assert_int_equal(read_compressed(100 << 20, NULL), ELF_ACCEPTED);
}

/* size zero bytes as xz makes them of it: almost nothing. To be freed. */
static uint8_t *
xz_of_zeros(size_t size, size_t *packed_size)
{
	lzma_stream xz = LZMA_STREAM_INIT;
	size_t room = size / 1000 + 65536;
	uint8_t *packed = malloc(room);
	static const uint8_t zeros[65536];
	lzma_ret r = LZMA_OK;

	assert_int_equal(lzma_easy_encoder(&xz, 0, LZMA_CHECK_CRC32), LZMA_OK);
	xz.next_out = packed;
	xz.avail_out = room;
	while (size > 0 && r == LZMA_OK) {
		xz.next_in = zeros;
		xz.avail_in = size < sizeof(zeros) ? size : sizeof(zeros);
		size -= xz.avail_in;
		r = lzma_code(&xz, size > 0 ? LZMA_RUN : LZMA_FINISH);
	}
	while (r == LZMA_OK)
		r = lzma_code(&xz, LZMA_FINISH);
	assert_int_equal(r, LZMA_STREAM_END);
	*packed_size = xz.total_out;
	lzma_end(&xz);
	return packed;
}

static void
test_mini_debug_info_without_end_is_refused(void **state)
{
	static const struct elf_image_symbol symbols[] = {
		FUNC("main", TEXT, 16), END
	};
	size_t size;
	uint8_t *packed = xz_of_zeros(400u << 20, &size);
	struct elf_image_section more[] = {
		{ ".gnu_debugdata", SHT_PROGBITS, 0, packed, size }, END
	};
	struct elf_image image = make(symbols, more);

	(void)state;
	assert_true(size < 1 << 20);
	assert_int_equal(refusal_of_image(&image), ELF_TOO_LARGE);
	elf_image_free(&image);
	free(packed);
}

static void
test_damaged_mini_debug_info_costs_only_itself(void **state)
{
	static const struct elf_image_symbol symbols[] = {
		FUNC("main", TEXT, 16), END
	};
	size_t size;
	uint8_t *packed = xz_of_zeros(50u << 20, &size);
	struct elf_image_section more[] = {
		{ ".gnu_debugdata", SHT_PROGBITS, 0, packed, size }, END
	};
	struct elf_image image;
	struct symbol_table *t;

	(void)state;
	for (int i = 0; i < 3; i++) {
		if (i == 1)
			more[0].size = size / 2;
		if (i == 2)
			memset(packed + size / 4, 0x55, 16);
		image = make(symbols, more);
		t = read_image(&image);
		expect_name(t, TEXT, "main");
		symbol_table_free(t);
		elf_image_free(&image);
	}
	free(packed);
}

/* ---- hostile headers */

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static void
test_foreign_files_are_refused(void **state)
{
	static const struct {
		int at;
		uint8_t value;
		enum elf_refusal want;
	} rows[] = {
		{ EI_MAG0, 0, ELF_NOT_ELF },
		{ EI_CLASS, 3, ELF_FOREIGN },
		{ EI_CLASS, 0, ELF_FOREIGN },
		{ EI_DATA, ELFDATA2MSB, ELF_FOREIGN },
		{ offsetof(Elf64_Ehdr, e_type), ET_REL, ELF_FOREIGN },
		{ offsetof(Elf64_Ehdr, e_type), ET_CORE, ELF_FOREIGN },
		{ offsetof(Elf64_Ehdr, e_machine), EM_S390, ELF_FOREIGN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct elf_image image = make(NULL, NULL);

		image.bytes[rows[i].at] = rows[i].value;
		if (refusal_of_image(&image) != rows[i].want)
			fail_msg("row %zu", i);
		elf_image_free(&image);
	}
}

/* Each must end soon, in a refusal or a table that holds together. */
static void
test_absurd_headers_end_soon(void **state)
{
	static const struct elf_image_symbol symbols[] = {
		FUNC("main", TEXT, 16), END
	};
	static const uint64_t values[] = { 0, 1, 2, 24, 0xfff, 0xffff,
		0x7fffffff, 0xffffffff, 0x7fffffffffffffff, UINT64_MAX - 7,
		UINT64_MAX };
	static const char note[] = "\4\0\0\0\xff\xff\xff\x7f\3\0\0\0GNU";
	const struct elf_image_section more[] = {
		{ ".note.gnu.build-id", SHT_NOTE, SHF_ALLOC, note, 16 },
		{ ".gnu_debuglink", SHT_PROGBITS, 0, "abcdefg", 7 },
		{ ".gnu_debugdata", SHT_PROGBITS, 0,
		    "\xfd"
		    "7zXZ",
		    6 },
		END
	};
	struct elf_image good = make(symbols, more);
	double start = seconds();
	int refused = 0, read = 0;
	size_t places[512], count = 0;

	(void)state;
	/* every field of the headers, at every width */
	for (size_t at = EI_NIDENT; at < sizeof(Elf64_Ehdr); at += 2)
		places[count++] = at;
	for (size_t at = 0; at < sizeof(Elf64_Phdr); at += 4)
		places[count++] = good.header->e_phoff + at;
	for (size_t at = 0; at < good.header->e_shnum * sizeof(Elf64_Shdr);
	     at += 4)
		places[count++] = good.header->e_shoff + at;
	for (size_t p = 0; p < count; p++)
		for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++)
			for (size_t width = 2; width <= 8; width *= 2) {
				uint8_t *bytes = malloc(good.size);
				struct symbol_table *t;
				enum elf_refusal why;

				if (places[p] + width > good.size) {
					free(bytes);
					continue;
				}
				memcpy(bytes, good.bytes, good.size);
				memcpy(bytes + places[p], &values[v], width);
				t = read_with_debug(
				    elf_image_fd(bytes, good.size), -1, 0,
				    &why);
				read += t != NULL;
				refused += t == NULL;
				symbol_table_free(t);
				free(bytes);
			}
	print_message("# %d read, %d refused in %.1f s\n", read, refused,
	    seconds() - start);
	assert_true(read > 0 && refused > 0);
	elf_image_free(&good);
}

/* 60 000 section headers that all mean the same few bytes. */
static void
test_many_sections_end_soon(void **state)
{
	static const struct elf_image_symbol symbols[] = {
		FUNC("main", TEXT, 16), END
	};
	struct elf_image image = make(symbols, NULL);
	size_t count = 60000, size = image.size + count * sizeof(Elf64_Shdr);
	uint8_t *bytes = calloc(1, size);
	Elf64_Ehdr *header = (Elf64_Ehdr *)bytes;
	Elf64_Shdr *list = (Elf64_Shdr *)(bytes + image.size / 8 * 8);
	double start = seconds();
	struct symbol_table *t;

	(void)state;
	memcpy(bytes, image.bytes, image.size);
	memcpy(
	    list, image.sections, image.header->e_shnum * sizeof(Elf64_Shdr));
	for (size_t i = image.header->e_shnum; i < count; i++)
		list[i] = list[ELF_IMAGE_SYMTAB];
	header->e_shoff = (uint8_t *)list - bytes;
	header->e_shnum = count;
	t = read_fd(elf_image_fd(bytes, size));
	expect_name(t, TEXT, "main");
	symbol_table_free(t);
	print_message("# %.2f s\n", seconds() - start);
	free(bytes);
	elf_image_free(&image);
}

/* Overlapping tables over the whole of a sparse file: more than may be read. */
static void
test_tables_over_a_sparse_file_are_refused(void **state)
{
	struct elf_image image = make(NULL, NULL);
	Elf64_Shdr *symtab = &image.sections[ELF_IMAGE_SYMTAB];
	uint64_t huge = 240ULL << 20;
	enum elf_refusal why;
	int fd;

	(void)state;
	symtab->sh_size = huge / 24 * 24;
	image.sections[ELF_IMAGE_STRTAB].sh_size = huge;
	fd = elf_image_fd(image.bytes, image.size);
	assert_int_equal(ftruncate(fd, 2 * huge), 0);
	assert_null(read_with_debug(fd, -1, 0, &why));
	assert_int_equal(why, ELF_TOO_LARGE);
	/* a terabyte of nothing is no program */
	fd = elf_image_fd(image.bytes, image.size);
	assert_int_equal(ftruncate(fd, 1LL << 40), 0);
	assert_null(read_with_debug(fd, -1, 0, &why));
	assert_int_equal(why, ELF_TOO_LARGE);
	elf_image_free(&image);
}

static void
test_overlapping_segments_are_refused(void **state)
{
	struct elf_image image = make(NULL, NULL);
	Elf64_Phdr two[2] = { *image.segments, *image.segments };

	(void)state;
	two[1].p_vaddr += 0x800;
	/* where the text should be there is room */
	image.bytes = realloc(image.bytes, 0x1000);
	memset(image.bytes + image.size, 0, 0x1000 - image.size);
	image.header = (Elf64_Ehdr *)image.bytes;
	memcpy(image.bytes + 0xf00, two, sizeof(two));
	image.size = 0x1000;
	image.header->e_phoff = 0xf00;
	image.header->e_phnum = 2;
	assert_int_equal(refusal_of_image(&image), ELF_DAMAGED);
	elf_image_free(&image);
}

static void
test_file_that_changes_while_it_is_read_is_refused(void **state)
{
	static const struct elf_image_symbol symbols[] = {
		FUNC("main", TEXT, 16), END
	};
	struct elf_image image = make(symbols, NULL);
	int fd = elf_image_fd(image.bytes, image.size);
	struct elf_file f;

	(void)state;
	assert_int_equal(elf_file_open(&f, fd), ELF_ACCEPTED);
	assert_int_equal(elf_file_check_unchanged(&f), ELF_ACCEPTED);
	usleep(20000); /* the kernel's clock of files goes in steps */
	assert_int_equal(pwrite(fd, "x", 1, image.size - 1), 1);
	assert_int_equal(elf_file_check_unchanged(&f), ELF_CHANGED);
	assert_int_equal(ftruncate(fd, image.size / 2), 0);
	assert_int_equal(elf_file_check_unchanged(&f), ELF_TRUNCATED);
	elf_file_close(&f);
	close(fd);
	elf_image_free(&image);
}

/* ---- very many symbols */

static char *
many_names(size_t count, size_t size)
{
	char *names = malloc(count + size + 1);

	for (size_t i = 0; i < count + size; i++)
		names[i] = 'a' + i % 23;
	names[count + size] = '\0';
	return names;
}

/* count functions with names of size bytes, no two at one place. */
static int
write_many(size_t count, size_t size, int out)
{
	struct symbol_builder *b = symbol_builder_new();
	char *names = many_names(count, size);
	int r = symbol_builder_segment(b, 0, TEXT, count * 4, count * 4);

	for (size_t i = 0; i < count && r == 0; i++)
		r = symbol_builder_symbol(
		    b, names + i, size, TEXT + 4 * i, 4, SYMBOL_GLOBAL);
	if (r == 0)
		r = symbol_builder_write(b, out);
	symbol_builder_free(b);
	free(names);
	return r;
}

static void
test_names_are_cut_where_the_table_would_be_too_long(void **state)
{
	enum { COUNT = 300000, SIZE = 600 };
	int out = memfd_new("table");
	struct symbol_table *t;
	struct symbol symbol;

	(void)state;
	assert_int_equal(write_many(COUNT, SIZE, out), 0);
	assert_int_equal(memfd_seal(out), 0);
	assert_int_equal(symbol_table_open(out, &t), 0);
	assert_int_equal(symbol_table_count(t), COUNT);
	assert_true(symbol_table_bytes(t) <= SYMBOL_FORMAT_BYTES + 1024);
	for (size_t i = 0; i < COUNT; i += 997) {
		assert_true(symbol_table_find(t, TEXT + 4 * i + 3, &symbol));
		assert_int_equal(symbol.name_size, 128);
		assert_int_equal(symbol.name[0], 'a' + i % 23);
	}
	symbol_table_free(t);
}

static void
test_too_many_functions_are_refused(void **state)
{
	struct symbol_builder *b = symbol_builder_new();
	int r = 0;

	(void)state;
	for (uint64_t i = 0; i <= SYMBOL_FORMAT_SYMBOLS + 1 && r == 0; i++)
		r = symbol_builder_symbol(b, "f", 1, i + 1, 1, SYMBOL_LOCAL);
	assert_int_equal(r, -EFBIG);
	assert_true(symbol_builder_count(b) >= SYMBOL_FORMAT_SYMBOLS);
	symbol_builder_free(b);
}

static void
test_big_file_is_read_in_time(void **state)
{
	enum { COUNT = 200000 };
	struct elf_image_symbol *symbols = calloc(COUNT + 1, sizeof(*symbols));
	struct elf_image_spec spec = { .text = TEXT,
		.text_size = 16 * COUNT,
		.text_offset = 0x1000,
		.symbols = symbols };
	struct elf_image image;
	struct symbol_table *t;
	double start;

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		char *name = malloc(48);

		snprintf(name, 48, "function_%zu", i * 7919 % COUNT);
		symbols[i] = (struct elf_image_symbol)FUNC(
		    name, TEXT + 16 * (i * 7919 % COUNT), 16);
	}
	image = elf_image_new(&spec);
	start = seconds();
	t = read_image(&image);
	print_message("# %d functions in %.2f s, %zu bytes\n", COUNT,
	    seconds() - start, symbol_table_bytes(t));
	for (size_t i = 0; i < COUNT; i += 1001) {
		char want[48];

		snprintf(want, sizeof(want), "function_%zu", i);
		expect_name(t, TEXT + 16 * i + 9, want);
	}
	symbol_table_free(t);
	elf_image_free(&image);
	for (size_t i = 0; i < COUNT; i++)
		free((char *)symbols[i].name);
	free(symbols);
}

#define IN_DIRECTORY(name)                                                     \
	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes_are_honoured),
		cmocka_unit_test(
		    test_function_without_size_reaches_to_the_next),
		cmocka_unit_test(test_inner_function_has_its_own_addresses),
		cmocka_unit_test(test_only_functions_are_taken),
		cmocka_unit_test(test_best_of_several_names_is_taken),
		cmocka_unit_test(test_offsets_become_addresses),
		cmocka_unit_test(test_overlong_name_is_cut),
		IN_DIRECTORY(test_stripped_file_has_what_it_exports),
		IN_DIRECTORY(test_file_without_sections_has_what_it_exports),
		IN_DIRECTORY(test_mini_debug_info_is_merged),
		IN_DIRECTORY(test_debug_file_is_merged_by_build_id),
		IN_DIRECTORY(
		    test_debug_file_is_merged_by_link_if_its_sum_is_right),
		IN_DIRECTORY(test_compressed_debug_file_is_read),
		IN_DIRECTORY(test_32_bit_file_is_read),
		cmocka_unit_test(test_compressed_symbols_are_read),
		cmocka_unit_test(
		    test_size_that_compressed_contents_claim_is_bounded),
		cmocka_unit_test(test_mini_debug_info_without_end_is_refused),
		cmocka_unit_test(
		    test_damaged_mini_debug_info_costs_only_itself),
		cmocka_unit_test(test_foreign_files_are_refused),
		cmocka_unit_test(test_absurd_headers_end_soon),
		cmocka_unit_test(test_many_sections_end_soon),
		cmocka_unit_test(test_tables_over_a_sparse_file_are_refused),
		cmocka_unit_test(test_overlapping_segments_are_refused),
		cmocka_unit_test(
		    test_file_that_changes_while_it_is_read_is_refused),
		cmocka_unit_test(
		    test_names_are_cut_where_the_table_would_be_too_long),
		cmocka_unit_test(test_too_many_functions_are_refused),
		cmocka_unit_test(test_big_file_is_read_in_time),
	};

	log_init("test_elf_reader", false);
	return cmocka_run_group_tests_name("elf_reader", tests, NULL, NULL);
}
