/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in for libFuzzer in make check: feeds a fuzz target its seeds, which
 * are the files of tests/data/<name of the target>/, as they are, cut short
 * everywhere, and changed at random. FUZZ_SEED and FUZZ_ROUNDS set where
 * chance starts and how often each seed is changed.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_SEED (1 << 20)
#define CUTS 400
#define ROUNDS 2000
#define SECONDS 120

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t chance;

static uint32_t
below(uint32_t n)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (chance >> 16) % n;
}

/* In memory of exactly its size, so that a sanitizer sees a step outside. */
static void
feed(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);

	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

/* One to eight changes; the new size. */
static size_t
change(uint8_t *data, size_t size)
{
	static const uint8_t telling[] = { 0, 1, 0x7f, 0x80, 0xff };

	for (uint32_t n = 1 + below(8); n > 0 && size > 0; n--) {
		uint32_t at = below(size), length = below(size - at) + 1;

		switch (below(5)) {
		case 0:
			data[at] ^= 1 << below(8);
			break;
		case 1:
			data[at] = telling[below(sizeof(telling))];
			break;
		case 2: /* a piece to another place */
			memmove(
			    data + below(size - length + 1), data + at, length);
			break;
		case 3: /* a piece out */
			length = below(length < 8 ? length : 8) + 1;
			memmove(data + at, data + at + length - 1,
			    size - at - length + 1);
			size -= length - 1;
			break;
		default:
			data[at] += below(9) - 4;
		}
	}
	return size;
}

static void
feed_variants(const uint8_t *data, size_t size, unsigned long rounds)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);
	size_t step = size / CUTS + 1;

	feed(data, size);
	for (size_t cut = 0; cut < size; cut += step)
		feed(data, cut);
	for (unsigned long i = 0; i < rounds && size > 0; i++) {
		memcpy(copy, data, size);
		feed(copy, change(copy, size));
	}
	free(copy);
}

static unsigned long
setting(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? strtoul(text, NULL, 0) : otherwise;
}

static int
feed_file(const char *path, unsigned long rounds)
{
	static uint8_t data[MAX_SEED];
	FILE *in = fopen(path, "r");
	size_t size;

	if (in == NULL)
		return -1;
	size = fread(data, 1, sizeof(data), in);
	fclose(in);
	feed_variants(data, size, rounds);
	return 0;
}

static int
not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int
main(int argc, char **argv)
{
	const char *top = getenv("top_srcdir"), *name = strrchr(argv[0], '/');
	unsigned long rounds = setting("FUZZ_ROUNDS", ROUNDS);
	struct dirent **entries;
	char path[4096];
	int n, failed = 0;

	(void)argc;
	chance = setting("FUZZ_SEED", 4041) | 1;
	snprintf(path, sizeof(path), "%s/tests/data/%s",
	    top != NULL ? top : ".", name != NULL ? name + 1 : argv[0]);
	n = scandir(path, &entries, not_hidden, alphasort);
	if (n <= 0) {
		printf("1..1\nnot ok 1 - no seed in %s\n", path);
		return 1;
	}
	printf("1..%d\n", n);
	alarm(SECONDS);
	for (int i = 0; i < n; i++) {
		char file[8192];

		snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
		/* so that a crash shows which one it was */
		printf(
		    "# %s, FUZZ_SEED=%llu\n", file, (unsigned long long)chance);
		fflush(stdout);
		if (feed_file(file, rounds) < 0) {
			failed = 1;
			printf("not ");
		}
		printf("ok %d - %s\n", i + 1, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return failed;
}
