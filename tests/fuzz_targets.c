/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes at all as a set of targets and as a cgroup file. The labels of
 * what is taken can be read again, and mean the same target.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/container_id.h"
#include "symbolizer/targets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The labels as the only target of a set; it must come out as it went in. */
static void
read_again(const void *labels, size_t size)
{
	const struct targets_process any = { .container_id = "" };
	uint8_t *set = malloc(size + 4);
	const char *why = NULL;
	struct targets *t;
	const void *again;
	size_t again_size;

	set[0] = 0x12; /* default_target, and a length of three bytes */
	set[1] = size | 128;
	set[2] = size >> 7 | 128;
	set[3] = size >> 14;
	memcpy(set + 4, labels, size);
	t = targets_decode(set, size + 4, "x", &why);
	if (t == NULL)
		abort();
	again = targets_labels(t, targets_find(t, &any), &again_size);
	if (again_size != size || memcmp(again, labels, size) != 0)
		abort();
	targets_free(t);
	free(set);
}

static void
find_in_text(const uint8_t *data, size_t size, const struct targets *t)
{
	char id[CONTAINER_ID_SIZE];
	struct targets_process p = { .pid = size, .container_id = id };
	int number;

	container_id_find((const char *)data, size, id);
	if (strlen(id) >= CONTAINER_ID_SIZE)
		abort();
	number = t != NULL ? targets_find(t, &p) : -1;
	if (t != NULL && number >= targets_numbers(t))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *why = NULL;
	struct targets *t = targets_decode(data, size, "phlare.ebpf.x", &why);

	if (t == NULL && why == NULL)
		abort();
	find_in_text(data, size, t);
	for (int i = 0; t != NULL && i < targets_numbers(t) && i < 20; i++) {
		size_t bytes;
		const void *labels = targets_labels(t, i, &bytes);

		read_again(labels, bytes);
	}
	targets_free(t);
	return 0;
}
