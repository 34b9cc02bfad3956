/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/labels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pb_decode.h>

#include "common/log.h"
#include "common/river/schema.h"
#include "common/river/utf8.h"

/* Field numbers of Target and Label. */
#define TARGET_LABELS 1
#define LABEL_NAME 1
#define LABEL_VALUE 2

struct slice {
	const char *data;
	size_t size;
};

struct raw_label {
	struct slice name, value;
};

/* How many bytes of the text are sure to be ASCII without NUL. */
static size_t
ascii_size(const char *text, size_t size)
{
	const uint64_t low = 0x0101010101010101, high = low << 7;
	size_t n = 0;

	for (; size - n >= sizeof(uint64_t); n += sizeof(uint64_t)) {
		uint64_t bytes;

		memcpy(&bytes, text + n, sizeof(bytes));
		if ((bytes | (bytes - low)) & high)
			break;
	}
	return n;
}

bool
labels_text_valid(const char *text, size_t size)
{
	while (size > 0) {
		size_t n = ascii_size(text, size);
		uint32_t rune = 1;

		if (n == 0)
			n = utf8_decode(text, size, &rune);
		if (n == 0 || rune == 0)
			return false;
		text += n;
		size -= n;
	}
	return true;
}

/* The next length-delimited field's bytes, without copying them. */
static bool
take_slice(pb_istream_t *in, struct slice *slice)
{
	uint64_t size;

	if (!pb_decode_varint(in, &size) || size > in->bytes_left)
		return false;
	slice->data = in->state; /* where a buffer stream reads next */
	slice->size = size;
	return pb_read(in, NULL, size);
}

static int
decode_label(struct slice bytes, struct raw_label *label)
{
	pb_istream_t in =
	    pb_istream_from_buffer((const pb_byte_t *)bytes.data, bytes.size);
	pb_wire_type_t wire;
	uint32_t tag;
	bool eof, ok;

	memset(label, 0, sizeof(*label));
	while (pb_decode_tag(&in, &wire, &tag, &eof)) {
		if (tag == LABEL_NAME && wire == PB_WT_STRING)
			ok = take_slice(&in, &label->name);
		else if (tag == LABEL_VALUE && wire == PB_WT_STRING)
			ok = take_slice(&in, &label->value);
		else
			ok = tag != 0 && pb_skip_field(&in, wire);
		if (!ok)
			return -EBADMSG;
	}
	if (!eof)
		return -EBADMSG;
	if (label->name.size == 0)
		return -EINVAL;
	if (!labels_text_valid(label->name.data, label->name.size) ||
	    !labels_text_valid(label->value.data, label->value.size))
		return -EILSEQ;
	return 0;
}

static int
decode_all(const void *bytes, size_t size, struct raw_label *raw, size_t *count)
{
	pb_istream_t in = pb_istream_from_buffer(bytes, size);
	pb_wire_type_t wire;
	uint32_t tag;
	bool eof;
	int r;

	*count = 0;
	while (pb_decode_tag(&in, &wire, &tag, &eof)) {
		struct slice label;

		if (tag != TARGET_LABELS || wire != PB_WT_STRING) {
			if (tag == 0 || !pb_skip_field(&in, wire))
				return -EBADMSG;
			continue;
		}
		if (!take_slice(&in, &label))
			return -EBADMSG;
		if (*count == LABELS_MAX)
			return -E2BIG;
		if ((r = decode_label(label, &raw[*count])) < 0)
			return r;
		++*count;
	}
	return eof ? 0 : -EBADMSG;
}

static int
by_name(const void *a, const void *b)
{
	const struct label *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static const char *
copy_slice(char **text, struct slice slice)
{
	char *start = *text;

	if (slice.size > 0)
		memcpy(start, slice.data, slice.size);
	start[slice.size] = '\0';
	*text = start + slice.size + 1;
	return start;
}

/* Copies raw into one allocation, sorted. */
static struct labels *
build(const struct raw_label *raw, size_t count)
{
	size_t size = sizeof(struct labels) + count * sizeof(struct label);
	struct labels *labels;
	char *text;

	for (size_t i = 0; i < count; i++)
		size += raw[i].name.size + raw[i].value.size + 2;
	labels = ecalloc(1, size);
	labels->count = count;
	text = (char *)&labels->item[count];
	for (size_t i = 0; i < count; i++) {
		labels->item[i].name = copy_slice(&text, raw[i].name);
		labels->item[i].value = copy_slice(&text, raw[i].value);
	}
	qsort(labels->item, count, sizeof(labels->item[0]), by_name);
	return labels;
}

int
labels_decode(const void *bytes, size_t size, struct labels **labels)
{
	struct raw_label raw[LABELS_MAX];
	struct labels *l;
	size_t count;
	int r;

	*labels = NULL;
	if ((r = decode_all(bytes, size, raw, &count)) < 0)
		return r;
	l = build(raw, count);
	for (size_t i = 1; i < l->count; i++) {
		if (strcmp(l->item[i - 1].name, l->item[i].name) == 0) {
			free(l);
			return -EEXIST;
		}
	}
	*labels = l;
	return 0;
}

const char *
labels_error(int error)
{
	switch (error) {
	case -E2BIG:
		return "too many labels";
	case -EILSEQ:
		return "a label that is no UTF-8 text";
	case -EINVAL:
		return "a label without a name";
	case -EEXIST:
		return "a label twice";
	default:
		return "malformed labels";
	}
}

static struct slice
slice_of(const char *text)
{
	return (struct slice){ text, strlen(text) };
}

static bool
is_forwarded(const struct label *label)
{
	if (label->value[0] == '\0')
		return false;
	return strncmp(label->name, "__", 2) != 0 ||
	       strcmp(label->name, "__name__") == 0 ||
	       strcmp(label->name, "__delta__") == 0;
}

static bool
pairs_have(const struct river_pairs *pairs, const char *name)
{
	for (size_t i = 0; i < pairs->count; i++)
		if (strcmp(pairs->item[i].name, name) == 0)
			return true;
	return false;
}

/* Labels of in that pass the filter, then those of external. */
static struct labels *
copy_with(
    const struct labels *in, const struct river_pairs *external, bool filter)
{
	struct raw_label *raw =
	    ecalloc(in->count + external->count + 1, sizeof(*raw));
	struct labels *out;
	size_t count = 0;

	for (size_t i = 0; i < in->count; i++) {
		const struct label *l = &in->item[i];

		if (filter &&
		    (!is_forwarded(l) || pairs_have(external, l->name)))
			continue;
		raw[count].name = slice_of(l->name);
		raw[count++].value = slice_of(l->value);
	}
	for (size_t i = 0; i < external->count; i++) {
		if (external->item[i].value[0] == '\0')
			continue;
		raw[count].name = slice_of(external->item[i].name);
		raw[count++].value = slice_of(external->item[i].value);
	}
	out = build(raw, count);
	free(raw);
	return out;
}

struct labels *
labels_forward(const struct labels *in, const struct river_pairs *external)
{
	return copy_with(in, external, true);
}

struct labels *
labels_copy(const struct labels *labels)
{
	static const struct river_pairs none;

	return copy_with(labels, &none, false);
}

const char *
labels_get(const struct labels *labels, const char *name)
{
	for (size_t i = 0; i < labels->count; i++)
		if (strcmp(labels->item[i].name, name) == 0)
			return labels->item[i].value;
	return "";
}
