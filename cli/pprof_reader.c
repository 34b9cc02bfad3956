/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes are walked several times: strings first, then what refers to
 * them, locations, samples. So each reference is checked where it is read,
 * whatever the order in the file.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pb_decode.h>

#include "cli/gunzip.h"
#include "cli/pprof_reader.h"
#include "common/log.h"

/* More of these is no profile that anyone takes. */
enum {
	MAX_TYPES = 64,
	MAX_STRINGS = 4 << 20,
	MAX_MAPPINGS = 1 << 18,
	MAX_FUNCTIONS = 2 << 20,
	MAX_LOCATIONS = 4 << 20,
	MAX_LINES = 8 << 20,
	MAX_SAMPLES = 2 << 20,
	MAX_LABELS = 4 << 20,
	MAX_REFS = 32 << 20,
	MAX_FRAMES = 64 << 20, /* of all stacks, inlined ones too */
	MAX_VALUES = 32 << 20,
	MAX_COMMENTS = 1 << 10,
};

struct id_entry {
	uint64_t id;
	uint32_t index;
};

/* Ids as the file gives them, to indexes. */
struct id_map {
	const char *what;
	PROFILE_ARRAY(struct id_entry, entries);
	bool dense; /* ids are 1, 2, ... */
};

struct reader {
	struct profile *profile;
	struct pprof_error *error;
	struct id_map mappings, functions, locations;
	uint64_t frames;
};

/* One field of a message; number or data by its wire type. */
struct field {
	uint32_t tag;
	pb_wire_type_t wire;
	uint64_t number;
	const uint8_t *data;
	size_t size;
};

struct cursor {
	pb_istream_t in;
	const uint8_t *end;
};

static int __attribute__((format(printf, 2, 3)))
refuse(struct pprof_error *error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(error->text, sizeof(error->text), fmt, ap);
	va_end(ap);
	return -EBADMSG;
}

static struct cursor
cursor_at(const void *data, size_t size)
{
	return (struct cursor){ pb_istream_from_buffer(data, size),
		(const uint8_t *)data + size };
}

/* 1 with the next field, 0 at the end, -EBADMSG. */
static int
cursor_next(struct cursor *c, struct field *f)
{
	pb_istream_t sub;
	bool eof;

	memset(f, 0, sizeof(*f));
	if (!pb_decode_tag(&c->in, &f->wire, &f->tag, &eof))
		return eof && c->in.bytes_left == 0 ? 0 : -EBADMSG;
	if (f->tag == 0)
		return -EBADMSG;
	if (f->wire == PB_WT_VARINT)
		return pb_decode_varint(&c->in, &f->number) ? 1 : -EBADMSG;
	if (f->wire != PB_WT_STRING)
		return pb_skip_field(&c->in, f->wire) ? 1 : -EBADMSG;
	if (!pb_make_string_substream(&c->in, &sub))
		return -EBADMSG;
	f->size = sub.bytes_left;
	f->data = c->end - c->in.bytes_left - f->size;
	return pb_close_string_substream(&c->in, &sub) ? 1 : -EBADMSG;
}

/*
 * Reads a message of numbers: the last value of the field with tag i goes to
 * v[i], for tags below n.
 */
static int
read_numbers(struct reader *r, const char *what, const struct field *message,
    uint64_t *v, uint32_t n)
{
	struct cursor c = cursor_at(message->data, message->size);
	struct field f;
	int more;

	memset(v, 0, n * sizeof(*v));
	while ((more = cursor_next(&c, &f)) > 0) {
		if (f.tag >= n)
			continue;
		if (f.wire != PB_WT_VARINT)
			return refuse(r->error,
			    "field %u of a %s is not a number", f.tag, what);
		v[f.tag] = f.number;
	}
	return more < 0 ? refuse(r->error, "malformed %s", what) : 0;
}

/* One number of a repeated field, packed or not: *at walks the packed ones. */
static int
next_number(const struct field *f, struct cursor *at, uint64_t *number)
{
	if (f->wire == PB_WT_VARINT) {
		if (at->end != NULL)
			return 0;
		*at = cursor_at("", 0);
		*number = f->number;
		return 1;
	}
	if (f->wire != PB_WT_STRING)
		return -EBADMSG;
	if (at->end == NULL)
		*at = cursor_at(f->data, f->size);
	if (at->in.bytes_left == 0)
		return 0;
	return pb_decode_varint(&at->in, number) ? 1 : -EBADMSG;
}

static int
check_string(
    struct reader *r, const char *what, uint64_t index, uint32_t *string)
{
	if (index >= r->profile->strings_count)
		return refuse(r->error, "a %s refers to string %lld of %u",
		    what, (long long)index, r->profile->strings_count);
	*string = index;
	return 0;
}

static int
check_room(struct reader *r, const char *what, uint32_t count, uint32_t max)
{
	if (count < max)
		return 0;
	return refuse(r->error, "more than %u %s", max, what);
}

static int
by_id(const void *a, const void *b)
{
	const struct id_entry *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static int
id_map_add(struct reader *r, struct id_map *m, uint64_t id, uint32_t index)
{
	if (id == 0)
		return refuse(r->error, "a %s has the id 0", m->what);
	*PROFILE_ADD(m, entries) = (struct id_entry){ id, index };
	return 0;
}

static int
id_map_close(struct reader *r, struct id_map *m)
{
	if (m->entries_count == 0)
		return 0;
	qsort(m->entries, m->entries_count, sizeof(*m->entries), by_id);
	for (uint32_t i = 1; i < m->entries_count; i++) {
		if (m->entries[i].id == m->entries[i - 1].id)
			return refuse(r->error, "two %ss have the id %llu",
			    m->what, (unsigned long long)m->entries[i].id);
	}
	m->dense = m->entries[m->entries_count - 1].id == m->entries_count;
	return 0;
}

static int
id_map_find(
    struct reader *r, const struct id_map *m, uint64_t id, uint32_t *index)
{
	struct id_entry key = { .id = id };
	const struct id_entry *e = NULL;

	if (m->dense && id >= 1 && id <= m->entries_count)
		e = &m->entries[id - 1];
	else if (m->entries_count > 0 && !m->dense)
		e = bsearch(&key, m->entries, m->entries_count,
		    sizeof(*m->entries), by_id);
	if (e == NULL)
		return refuse(r->error, "no %s has the id %llu", m->what,
		    (unsigned long long)id);
	*index = e->index;
	return 0;
}

static int
on_string(struct reader *r, const struct field *f)
{
	int e;

	if ((e = check_room(
		 r, "strings", r->profile->strings_count, MAX_STRINGS)) < 0)
		return e;
	*PROFILE_ADD(r->profile, strings) =
	    (struct profile_string){ (const char *)f->data, f->size };
	return 0;
}

static int
read_type(struct reader *r, const struct field *f, struct profile_type *type)
{
	uint64_t v[3];
	int e;

	if ((e = read_numbers(r, "value type", f, v, 3)) < 0 ||
	    (e = check_string(r, "value type", v[1], &type->type)) < 0)
		return e;
	return check_string(r, "value type", v[2], &type->unit);
}

static int
on_type(struct reader *r, const struct field *f)
{
	int e;

	if ((e = check_room(
		 r, "sample types", r->profile->types_count, MAX_TYPES)) < 0)
		return e;
	return read_type(r, f, PROFILE_ADD(r->profile, types));
}

static int
on_period_type(struct reader *r, const struct field *f)
{
	return read_type(r, f, &r->profile->period_type);
}

static int
on_mapping(struct reader *r, const struct field *f)
{
	struct profile *p = r->profile;
	struct profile_mapping m = { 0 };
	uint64_t v[11];
	int e;

	if ((e = check_room(r, "mappings", p->mappings_count, MAX_MAPPINGS)) <
		0 ||
	    (e = read_numbers(r, "mapping", f, v, 11)) < 0 ||
	    (e = check_string(r, "mapping", v[5], &m.file)) < 0 ||
	    (e = check_string(r, "mapping", v[6], &m.build_id)) < 0 ||
	    (e = id_map_add(r, &r->mappings, v[1], p->mappings_count)) < 0)
		return e;
	m.start = v[2];
	m.limit = v[3];
	m.offset = v[4];
	for (int i = 0; i < 4; i++)
		m.flags |= (v[7 + i] != 0) << i;
	*PROFILE_ADD(p, mappings) = m;
	return 0;
}

static int
on_function(struct reader *r, const struct field *f)
{
	struct profile *p = r->profile;
	struct profile_function fn;
	uint64_t v[6];
	int e;

	if ((e = check_room(
		 r, "functions", p->functions_count, MAX_FUNCTIONS)) < 0 ||
	    (e = read_numbers(r, "function", f, v, 6)) < 0 ||
	    (e = check_string(r, "function", v[2], &fn.name)) < 0 ||
	    (e = check_string(r, "function", v[3], &fn.system_name)) < 0 ||
	    (e = check_string(r, "function", v[4], &fn.file)) < 0 ||
	    (e = id_map_add(r, &r->functions, v[1], p->functions_count)) < 0)
		return e;
	fn.start_line = v[5];
	*PROFILE_ADD(p, functions) = fn;
	return 0;
}

static int
read_line(struct reader *r, const struct field *f)
{
	struct profile_line line = { .function = PROFILE_NONE };
	uint64_t v[3];
	int e;

	if ((e = check_room(r, "lines", r->profile->lines_count, MAX_LINES)) <
		0 ||
	    (e = read_numbers(r, "line", f, v, 3)) < 0)
		return e;
	if (v[1] != 0 &&
	    (e = id_map_find(r, &r->functions, v[1], &line.function)) < 0)
		return e;
	line.line = v[2];
	*PROFILE_ADD(r->profile, lines) = line;
	return 0;
}

static int
on_location(struct reader *r, const struct field *message)
{
	struct profile *p = r->profile;
	struct profile_location l = { .mapping = PROFILE_NONE,
		.first_line = p->lines_count };
	struct cursor c = cursor_at(message->data, message->size);
	uint64_t v[6] = { 0 };
	struct field f;
	int e, more;

	while ((more = cursor_next(&c, &f)) > 0) {
		if (f.tag == 4 && f.wire == PB_WT_STRING) {
			if ((e = read_line(r, &f)) < 0)
				return e;
		} else if (f.tag < 6 && f.wire == PB_WT_VARINT) {
			v[f.tag] = f.number;
		} else if (f.tag < 6) {
			return refuse(r->error, "malformed location");
		}
	}
	if (more < 0)
		return refuse(r->error, "malformed location");
	if ((e = check_room(
		 r, "locations", p->locations_count, MAX_LOCATIONS)) < 0 ||
	    (e = id_map_add(r, &r->locations, v[1], p->locations_count)) < 0)
		return e;
	if (v[2] != 0 &&
	    (e = id_map_find(r, &r->mappings, v[2], &l.mapping)) < 0)
		return e;
	l.address = v[3];
	l.folded = v[5] != 0;
	l.lines = p->lines_count - l.first_line;
	*PROFILE_ADD(p, locations) = l;
	return 0;
}

static int
read_refs(struct reader *r, const struct field *f)
{
	struct profile *p = r->profile;
	struct cursor at = { .end = NULL };
	uint64_t id;
	int e, more;

	while ((more = next_number(f, &at, &id)) > 0) {
		uint32_t location = 0;

		if ((e = check_room(r, "frames", p->refs_count, MAX_REFS)) <
			0 ||
		    (e = id_map_find(r, &r->locations, id, &location)) < 0)
			return e;
		*PROFILE_ADD(p, refs) = location;
		r->frames += p->locations[location].lines + 1;
		if (r->frames > MAX_FRAMES)
			return refuse(
			    r->error, "more than %u frames", MAX_FRAMES);
	}
	return more < 0 ? refuse(r->error, "malformed sample") : 0;
}

static int
read_values(struct reader *r, const struct field *f)
{
	struct profile *p = r->profile;
	struct cursor at = { .end = NULL };
	uint64_t value;
	int e, more;

	while ((more = next_number(f, &at, &value)) > 0) {
		if ((e = check_room(r, "values", p->values_count, MAX_VALUES)) <
		    0)
			return e;
		*PROFILE_ADD(p, values) = value;
	}
	return more < 0 ? refuse(r->error, "malformed sample") : 0;
}

static int
read_label(struct reader *r, const struct field *f)
{
	struct profile_label label;
	uint64_t v[5];
	int e;

	if (f->wire != PB_WT_STRING)
		return refuse(r->error, "malformed sample");
	if ((e = check_room(
		 r, "labels", r->profile->labels_count, MAX_LABELS)) < 0 ||
	    (e = read_numbers(r, "label", f, v, 5)) < 0 ||
	    (e = check_string(r, "label", v[1], &label.key)) < 0 ||
	    (e = check_string(r, "label", v[2], &label.text)) < 0 ||
	    (e = check_string(r, "label", v[4], &label.unit)) < 0)
		return e;
	label.number = v[3];
	*PROFILE_ADD(r->profile, labels) = label;
	return 0;
}

static int
on_sample(struct reader *r, const struct field *message)
{
	static int (*const read[])(struct reader *, const struct field *) = {
		NULL, read_refs, read_values, read_label
	};
	struct profile *p = r->profile;
	struct profile_sample s = { .first_ref = p->refs_count,
		.first_label = p->labels_count };
	struct cursor c = cursor_at(message->data, message->size);
	size_t first_value = p->values_count;
	struct field f;
	int e, more;

	while ((more = cursor_next(&c, &f)) > 0) {
		if (f.tag <= 3 && (e = read[f.tag](r, &f)) < 0)
			return e;
	}
	if (more < 0)
		return refuse(r->error, "malformed sample");
	if ((e = check_room(r, "samples", p->samples_count, MAX_SAMPLES)) < 0)
		return e;
	if (p->values_count - first_value != p->types_count)
		return refuse(r->error,
		    "a sample has %zu values but there are %u sample types",
		    p->values_count - first_value, p->types_count);
	s.refs = p->refs_count - s.first_ref;
	s.labels = p->labels_count - s.first_label;
	*PROFILE_ADD(p, samples) = s;
	return 0;
}

static int
on_comment(struct reader *r, const struct field *f)
{
	struct cursor at = { .end = NULL };
	uint64_t index;
	int e, more;

	while ((more = next_number(f, &at, &index)) > 0) {
		uint32_t string = 0;

		if ((e = check_room(r, "comments", r->profile->comments_count,
			 MAX_COMMENTS)) < 0 ||
		    (e = check_string(r, "comment", index, &string)) < 0)
			return e;
		*PROFILE_ADD(r->profile, comments) = string;
	}
	return more < 0 ? refuse(r->error, "malformed comment") : 0;
}

static int
on_number(struct reader *r, const struct field *f)
{
	struct profile *p = r->profile;

	switch (f->tag) {
	case 7:
		return check_string(r, "profile", f->number, &p->drop_frames);
	case 8:
		return check_string(r, "profile", f->number, &p->keep_frames);
	case 9:
		p->time_nanos = f->number;
		return 0;
	case 10:
		p->duration_nanos = f->number;
		return 0;
	case 12:
		p->period = f->number;
		return 0;
	default:
		return check_string(r, "profile", f->number, &p->default_type);
	}
}

#define ANY_WIRE 0xff

/* The fields of a profile and on which pass over it they are read. */
static const struct handler {
	uint8_t pass, wire;
	int (*read)(struct reader *, const struct field *);
} handlers[] = {
	[1] = { 1, PB_WT_STRING, on_type },
	[2] = { 3, PB_WT_STRING, on_sample },
	[3] = { 1, PB_WT_STRING, on_mapping },
	[4] = { 2, PB_WT_STRING, on_location },
	[5] = { 1, PB_WT_STRING, on_function },
	[6] = { 0, PB_WT_STRING, on_string },
	[7] = { 1, PB_WT_VARINT, on_number },
	[8] = { 1, PB_WT_VARINT, on_number },
	[9] = { 1, PB_WT_VARINT, on_number },
	[10] = { 1, PB_WT_VARINT, on_number },
	[11] = { 1, PB_WT_STRING, on_period_type },
	[12] = { 1, PB_WT_VARINT, on_number },
	[13] = { 1, ANY_WIRE, on_comment },
	[14] = { 1, PB_WT_VARINT, on_number },
};
#define HANDLERS (sizeof(handlers) / sizeof(*handlers))
#define PASSES 4

static int
read_pass(struct reader *r, size_t size, int pass)
{
	struct cursor c = cursor_at(r->profile->data, size);
	struct field f;
	int e, more;

	while ((more = cursor_next(&c, &f)) > 0) {
		const struct handler *h;

		if (f.tag >= HANDLERS || handlers[f.tag].pass != pass)
			continue;
		h = &handlers[f.tag];
		if (h->wire != ANY_WIRE && h->wire != f.wire)
			return refuse(
			    r->error, "not a pprof profile (field %u)", f.tag);
		if ((e = h->read(r, &f)) < 0)
			return e;
	}
	if (more < 0)
		return refuse(r->error, "not a pprof profile, or cut short");
	return 0;
}

/* So that nobody's sums overflow. */
static int
check_sums(struct reader *r)
{
	const struct profile *p = r->profile;
	uint64_t sum[MAX_TYPES] = { 0 };

	for (uint32_t i = 0; i < p->values_count; i++) {
		int64_t value = p->values[i];
		uint64_t *total = &sum[i % p->types_count];

		*total += value < 0 ? -(uint64_t)value : (uint64_t)value;
		if (*total > INT64_MAX)
			return refuse(r->error, "its values are too large");
	}
	return 0;
}

/* After a pass: what later ones rely on. */
static int
close_pass(struct reader *r, int pass)
{
	struct profile *p = r->profile;
	int e;

	switch (pass) {
	case 0:
		if (p->strings_count == 0 || p->strings[0].size != 0)
			return refuse(
			    r->error, "not a pprof profile (string table)");
		return 0;
	case 1:
		if (p->types_count == 0)
			return refuse(r->error, "it has no sample type");
		if ((e = id_map_close(r, &r->mappings)) < 0)
			return e;
		return id_map_close(r, &r->functions);
	case 2:
		return id_map_close(r, &r->locations);
	default:
		profile_choose(p);
		return check_sums(r);
	}
}

/* Takes data. */
static struct profile *
read_plain(void *data, size_t size, struct pprof_error *error)
{
	struct reader r = { .error = error,
		.mappings = { .what = "mapping" },
		.functions = { .what = "function" },
		.locations = { .what = "location" } };
	int e = 0;

	r.profile = ecalloc(1, sizeof(*r.profile));
	r.profile->data = data;
	for (int pass = 0; pass < PASSES && e == 0; pass++) {
		if ((e = read_pass(&r, size, pass)) == 0)
			e = close_pass(&r, pass);
	}
	free(r.mappings.entries);
	free(r.functions.entries);
	free(r.locations.entries);
	if (e == 0)
		return r.profile;
	profile_free(r.profile);
	return NULL;
}

/* What there is when gzip is off, if it is on, in memory of its own. */
static int
unpack(const void *data, size_t size, void **plain, size_t *plain_size,
    struct pprof_error *error)
{
	int e;

	if (gunzip_is(data, size)) {
		e = gunzip(data, size, PPROF_MAX_DATA, plain, plain_size);
		if (e == -EFBIG)
			return refuse(error,
			    "more than %u MiB when uncompressed",
			    PPROF_MAX_DATA >> 20);
		if (e < 0)
			return refuse(
			    error, "its gzip data is damaged or cut short");
		return 0;
	}
	*plain = erealloc(NULL, size, 1);
	*plain_size = size;
	memcpy(*plain, data, size);
	return 0;
}

struct profile *
pprof_read(const void *data, size_t size, struct pprof_error *error)
{
	void *plain;
	size_t plain_size;

	error->text[0] = '\0';
	if (size > PPROF_MAX_FILE) {
		refuse(error, "longer than %u MiB", PPROF_MAX_FILE >> 20);
		return NULL;
	}
	if (size == 0) {
		refuse(error, "it is empty");
		return NULL;
	}
	if (unpack(data, size, &plain, &plain_size, error) < 0)
		return NULL;
	return read_plain(plain, plain_size, error);
}

struct profile *
pprof_read_fd(int fd, struct pprof_error *error)
{
	struct profile *profile = NULL;
	size_t size = 0, room = 1 << 16;
	char *data = erealloc(NULL, room, 1);
	ssize_t n;

	while ((n = read(fd, data + size, room - size)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		size += n;
		if (size > PPROF_MAX_FILE)
			break;
		if (size == room)
			data = erealloc(data, room *= 2, 1);
	}
	if (n < 0)
		refuse(error, "%s", strerror(errno));
	else
		profile = pprof_read(data, size, error);
	free(data);
	return profile;
}
