/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <libdeflate.h>

#include "cli/gunzip.h"
#include "common/log.h"

#define USUAL_RATIO 8 /* of a profile's size to that of its gzip */

struct inflated {
	uint8_t *data;
	size_t size, room, max;
};

bool
gunzip_is(const void *data, size_t size)
{
	static const uint8_t magic[] = { 0x1f, 0x8b };

	return size >= sizeof(magic) && memcmp(data, magic, sizeof(magic)) == 0;
}

/* Appends one gzip member; how many bytes of in it took in *used. */
static int
inflate_member(struct libdeflate_decompressor *d, const uint8_t *in,
    size_t size, size_t *used, struct inflated *out)
{
	enum libdeflate_result result;
	size_t got = 0;

	for (;;) {
		result = libdeflate_gzip_decompress_ex(d, in, size,
		    out->data + out->size, out->room - out->size, used, &got);
		if (result != LIBDEFLATE_INSUFFICIENT_SPACE)
			break;
		if (out->room == out->max)
			return -EFBIG;
		out->room = out->room > out->max / 2 ? out->max : out->room * 2;
		out->data = erealloc(out->data, out->room, 1);
	}
	out->size += got;
	return result == LIBDEFLATE_SUCCESS ? 0 : -EBADMSG;
}

int
gunzip(const void *data, size_t size, size_t max, void **out, size_t *out_size)
{
	struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
	struct inflated plain = { .max = max };
	const uint8_t *in = data;
	size_t used;
	int e = 0;

	if (d == NULL)
		return -ENOMEM;
	plain.room = size > max / USUAL_RATIO ? max : size * USUAL_RATIO;
	plain.data = erealloc(NULL, plain.room + 1, 1);
	while (size > 0 && e == 0) {
		e = inflate_member(d, in, size, &used, &plain);
		if (e == 0) {
			in += used;
			size -= used;
		}
	}
	libdeflate_free_decompressor(d);
	if (e < 0) {
		free(plain.data);
		return e;
	}
	*out = plain.data;
	*out_size = plain.size;
	return 0;
}
