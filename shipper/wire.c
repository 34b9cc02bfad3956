/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/wire.h"

#include <string.h>

#define PAIR_NAME 1
#define PAIR_VALUE 2

static size_t
varint_size(uint64_t value)
{
	size_t n = 1;

	while (value >= 0x80) {
		value >>= 7;
		n++;
	}
	return n;
}

size_t
wire_field_size(size_t content)
{
	return 1 + varint_size(content) + content;
}

bool
wire_put_length(pb_ostream_t *out, uint32_t field, uint64_t size)
{
	return pb_encode_tag(out, PB_WT_STRING, field) &&
	       pb_encode_varint(out, size);
}

bool
wire_put_string(pb_ostream_t *out, uint32_t field, const char *text)
{
	return pb_encode_tag(out, PB_WT_STRING, field) &&
	       pb_encode_string(out, (const pb_byte_t *)text, strlen(text));
}

static size_t
pair_content(const char *name, const char *value)
{
	return wire_field_size(strlen(name)) + wire_field_size(strlen(value));
}

size_t
wire_pair_size(const char *name, const char *value)
{
	return wire_field_size(pair_content(name, value));
}

bool
wire_put_pair(
    pb_ostream_t *out, uint32_t field, const char *name, const char *value)
{
	return wire_put_length(out, field, pair_content(name, value)) &&
	       wire_put_string(out, PAIR_NAME, name) &&
	       wire_put_string(out, PAIR_VALUE, value);
}
