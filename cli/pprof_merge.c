/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libdeflate.h>
#include <pb_encode.h>

#include "cli/intern.h"
#include "cli/pprof_merge.h"
#include "cli/text.h"
#include "common/log.h"

#define GZIP_LEVEL 6

struct span {
	int64_t start, end;
};

struct bytes {
	uint8_t *data;
	size_t size, room;
};

struct pprof_merge {
	struct profile *sum;
	struct intern strings, mappings, functions, locations, samples;
	uint64_t *absolute; /* per sample type, of all that was added */
	PROFILE_ARRAY(struct span, spans);
	int64_t untimed; /* durations of profiles without a time */
	struct bytes key;
};

/* Strings, mappings ... of a profile that is added, as the sum knows them. */
struct translation {
	const struct profile *from;
	uint32_t *strings, *mappings, *functions, *locations;
};

static void
append(struct bytes *b, const void *data, size_t size)
{
	if (size == 0)
		return;
	if (b->room - b->size < size) {
		b->room = (b->room + size) * 2;
		b->data = erealloc(b->data, b->room, 1);
	}
	memcpy(b->data + b->size, data, size);
	b->size += size;
}

static void
append_number(struct bytes *b, uint64_t number)
{
	append(b, &number, sizeof(number));
}

/* The number of the key that was put together; it is empty again. */
static uint32_t
intern_key(struct pprof_merge *m, struct intern *table, bool *added)
{
	uint32_t number = intern(table, m->key.data, m->key.size, added);

	m->key.size = 0;
	return number;
}

struct pprof_merge *
pprof_merge_new(void)
{
	struct pprof_merge *m = ecalloc(1, sizeof(*m));

	m->sum = ecalloc(1, sizeof(*m->sum));
	return m;
}

void
pprof_merge_free(struct pprof_merge *m)
{
	if (m == NULL)
		return;
	for (uint32_t i = 0; i < m->sum->strings_count; i++)
		free((char *)m->sum->strings[i].data);
	profile_free(m->sum);
	intern_fini(&m->strings);
	intern_fini(&m->mappings);
	intern_fini(&m->functions);
	intern_fini(&m->locations);
	intern_fini(&m->samples);
	free(m->absolute);
	free(m->spans);
	free(m->key.data);
	free(m);
}

static uint32_t
add_string(struct pprof_merge *m, struct profile_string s)
{
	char *text = text_utf8(s);
	size_t size = strlen(text);
	bool added;
	uint32_t number = intern(&m->strings, text, size, &added);
	if (!added) {
		free(text);
		return number;
	}
	*PROFILE_ADD(m->sum, strings) = (struct profile_string){ text, size };
	return number;
}

static void
add_strings(struct pprof_merge *m, struct translation *t)
{
	for (uint32_t i = 0; i < t->from->strings_count; i++)
		t->strings[i] = add_string(m, t->from->strings[i]);
}

static void
add_mappings(struct pprof_merge *m, struct translation *t)
{
	bool added;

	for (uint32_t i = 0; i < t->from->mappings_count; i++) {
		struct profile_mapping map = t->from->mappings[i];

		map.file = t->strings[map.file];
		map.build_id = t->strings[map.build_id];
		append_number(&m->key, map.start);
		append_number(&m->key, map.limit);
		append_number(&m->key, map.offset);
		append_number(&m->key, map.file);
		append_number(&m->key, map.build_id);
		t->mappings[i] = intern_key(m, &m->mappings, &added);
		if (added)
			*PROFILE_ADD(m->sum, mappings) = map;
		else
			m->sum->mappings[t->mappings[i]].flags &= map.flags;
	}
}

static void
add_functions(struct pprof_merge *m, struct translation *t)
{
	bool added;

	for (uint32_t i = 0; i < t->from->functions_count; i++) {
		struct profile_function f = t->from->functions[i];

		f.name = t->strings[f.name];
		f.system_name = t->strings[f.system_name];
		f.file = t->strings[f.file];
		append_number(&m->key, f.name);
		append_number(&m->key, f.system_name);
		append_number(&m->key, f.file);
		append_number(&m->key, f.start_line);
		t->functions[i] = intern_key(m, &m->functions, &added);
		if (added)
			*PROFILE_ADD(m->sum, functions) = f;
	}
}

static struct profile_line
translate_line(const struct translation *t, uint32_t index)
{
	struct profile_line line = t->from->lines[index];

	if (line.function != PROFILE_NONE)
		line.function = t->functions[line.function];
	return line;
}

static void
add_locations(struct pprof_merge *m, struct translation *t)
{
	bool added;

	for (uint32_t i = 0; i < t->from->locations_count; i++) {
		struct profile_location l = t->from->locations[i];
		uint32_t first = l.first_line;

		if (l.mapping != PROFILE_NONE)
			l.mapping = t->mappings[l.mapping];
		append_number(&m->key, l.address);
		append_number(&m->key, l.mapping);
		append_number(&m->key, l.folded);
		for (uint32_t j = 0; j < l.lines; j++) {
			struct profile_line line = translate_line(t, first + j);

			append_number(&m->key, line.function);
			append_number(&m->key, line.line);
		}
		t->locations[i] = intern_key(m, &m->locations, &added);
		if (!added)
			continue;
		l.first_line = m->sum->lines_count;
		for (uint32_t j = 0; j < l.lines; j++)
			*PROFILE_ADD(m->sum, lines) =
			    translate_line(t, first + j);
		*PROFILE_ADD(m->sum, locations) = l;
	}
}

static struct profile_label
translate_label(const struct translation *t, uint32_t index)
{
	struct profile_label label = t->from->labels[index];

	label.key = t->strings[label.key];
	label.text = t->strings[label.text];
	label.unit = t->strings[label.unit];
	return label;
}

/* The sum's sample with this stack and these labels. */
static uint32_t
add_sample(struct pprof_merge *m, const struct translation *t,
    const struct profile_sample *from)
{
	struct profile_sample s = *from;
	bool added;
	uint32_t number;

	append_number(&m->key, s.refs);
	for (uint32_t i = 0; i < s.refs; i++)
		append_number(
		    &m->key, t->locations[t->from->refs[from->first_ref + i]]);
	for (uint32_t i = 0; i < s.labels; i++) {
		struct profile_label l =
		    translate_label(t, from->first_label + i);

		append_number(&m->key, l.key);
		append_number(&m->key, l.text);
		append_number(&m->key, l.unit);
		append_number(&m->key, l.number);
	}
	number = intern_key(m, &m->samples, &added);
	if (!added)
		return number;
	s.first_ref = m->sum->refs_count;
	for (uint32_t i = 0; i < s.refs; i++)
		*PROFILE_ADD(m->sum, refs) =
		    t->locations[t->from->refs[from->first_ref + i]];
	s.first_label = m->sum->labels_count;
	for (uint32_t i = 0; i < s.labels; i++)
		*PROFILE_ADD(m->sum, labels) =
		    translate_label(t, from->first_label + i);
	*PROFILE_ADD(m->sum, samples) = s;
	for (uint32_t i = 0; i < m->sum->types_count; i++)
		*PROFILE_ADD(m->sum, values) = 0;
	return number;
}

static void
add_samples(struct pprof_merge *m, const struct translation *t)
{
	uint32_t types = m->sum->types_count;

	for (uint32_t i = 0; i < t->from->samples_count; i++) {
		size_t to =
		    (size_t)types * add_sample(m, t, &t->from->samples[i]);
		const int64_t *from = t->from->values + (size_t)types * i;

		for (uint32_t j = 0; j < types; j++)
			m->sum->values[to + j] += from[j];
	}
}

static void
add_comment(struct pprof_merge *m, uint32_t string)
{
	for (uint32_t i = 0; i < m->sum->comments_count; i++) {
		if (m->sum->comments[i] == string)
			return;
	}
	*PROFILE_ADD(m->sum, comments) = string;
}

static void
add_comments(struct pprof_merge *m, const struct translation *t)
{
	for (uint32_t i = 0; i < t->from->comments_count; i++)
		add_comment(m, t->strings[t->from->comments[i]]);
}

static struct profile_type
translate_type(struct pprof_merge *m, const struct profile *from,
    const struct profile_type *type)
{
	struct profile_string a = profile_string(from, type->type);
	struct profile_string b = profile_string(from, type->unit);

	return (struct profile_type){ add_string(m, a), add_string(m, b) };
}

/* What only the first profile says for all of them. */
static void
add_head(struct pprof_merge *m, const struct profile *from)
{
	struct profile *sum = m->sum;

	add_string(m, (struct profile_string){ "", 0 });
	for (uint32_t i = 0; i < from->types_count; i++)
		*PROFILE_ADD(sum, types) =
		    translate_type(m, from, &from->types[i]);
	sum->period_type = translate_type(m, from, &from->period_type);
	sum->period = from->period;
	sum->default_type =
	    add_string(m, profile_string(from, from->default_type));
	sum->drop_frames =
	    add_string(m, profile_string(from, from->drop_frames));
	sum->keep_frames =
	    add_string(m, profile_string(from, from->keep_frames));
	m->absolute = ecalloc(from->types_count, sizeof(*m->absolute));
}

static bool
same_type(const struct profile *a, const struct profile_type *x,
    const struct profile *b, const struct profile_type *y)
{
	struct profile_string s[] = { profile_string(a, x->type),
		profile_string(b, y->type), profile_string(a, x->unit),
		profile_string(b, y->unit) };

	return s[0].size == s[1].size && s[2].size == s[3].size &&
	       memcmp(s[0].data, s[1].data, s[0].size) == 0 &&
	       memcmp(s[2].data, s[3].data, s[2].size) == 0;
}

static bool
same_types(const struct profile *a, const struct profile *b)
{
	if (a->types_count != b->types_count || a->period != b->period ||
	    !same_type(a, &a->period_type, b, &b->period_type))
		return false;
	for (uint32_t i = 0; i < a->types_count; i++) {
		if (!same_type(a, &a->types[i], b, &b->types[i]))
			return false;
	}
	return true;
}

/* Adds the values' sizes to sum; -ERANGE if one then is over 63 bits. */
static int
add_absolute(uint64_t *sum, const struct profile *from)
{
	for (uint32_t i = 0; i < from->values_count; i++) {
		int64_t value = from->values[i];
		uint64_t *total = &sum[i % from->types_count];

		*total += value < 0 ? -(uint64_t)value : (uint64_t)value;
		if (*total > INT64_MAX)
			return -ERANGE;
	}
	return 0;
}

/* Refuses before anything is changed. */
static int
check_fit(const struct pprof_merge *m, const struct profile *from,
    uint64_t *absolute, struct pprof_error *error)
{
	if (m->absolute != NULL) {
		if (!same_types(m->sum, from)) {
			snprintf(error->text, sizeof(error->text),
			    "its sample types or its period differ");
			return -EINVAL;
		}
		memcpy(absolute, m->absolute,
		    from->types_count * sizeof(*absolute));
	}
	if (add_absolute(absolute, from) < 0) {
		snprintf(error->text, sizeof(error->text),
		    "its values are too large to be summed");
		return -EINVAL;
	}
	return 0;
}

static void
add_time(struct pprof_merge *m, const struct profile *from)
{
	struct span s = { from->time_nanos, 0 };

	if (from->duration_nanos < 0)
		return;
	if (s.start <= 0 ||
	    __builtin_add_overflow(s.start, from->duration_nanos, &s.end)) {
		if (__builtin_add_overflow(
			m->untimed, from->duration_nanos, &m->untimed))
			m->untimed = INT64_MAX;
		return;
	}
	*PROFILE_ADD(m, spans) = s;
}

int
pprof_merge_add(struct pprof_merge *m, const struct profile *from,
    struct pprof_error *error)
{
	struct translation t = { .from = from };
	uint64_t *absolute = ecalloc(from->types_count, sizeof(*absolute));
	int e = check_fit(m, from, absolute, error);

	if (e < 0) {
		free(absolute);
		return e;
	}
	if (m->absolute == NULL)
		add_head(m, from);
	free(m->absolute);
	m->absolute = absolute;
	t.strings = ecalloc(from->strings_count, sizeof(uint32_t));
	t.mappings = ecalloc(from->mappings_count + 1, sizeof(uint32_t));
	t.functions = ecalloc(from->functions_count + 1, sizeof(uint32_t));
	t.locations = ecalloc(from->locations_count + 1, sizeof(uint32_t));
	add_strings(m, &t);
	add_mappings(m, &t);
	add_functions(m, &t);
	add_locations(m, &t);
	add_samples(m, &t);
	add_comments(m, &t);
	add_time(m, from);
	free(t.strings);
	free(t.mappings);
	free(t.functions);
	free(t.locations);
	return 0;
}

void
pprof_merge_comment(struct pprof_merge *m, const char *text)
{
	if (m->strings.count == 0)
		add_string(m, (struct profile_string){ "", 0 });
	add_comment(
	    m, add_string(m, (struct profile_string){ text, strlen(text) }));
}

static int
by_start(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* Earliest time, and how long at least one of the profiles ran. */
static void
finish_time(struct pprof_merge *m)
{
	int64_t end = 0, sum = m->untimed;

	if (m->spans_count > 0)
		qsort(m->spans, m->spans_count, sizeof(*m->spans), by_start);
	for (uint32_t i = 0; i < m->spans_count; i++) {
		const struct span *s = &m->spans[i];
		int64_t start = s->start > end ? s->start : end;

		if (s->end > start &&
		    __builtin_add_overflow(sum, s->end - start, &sum))
			sum = INT64_MAX;
		if (s->end > end)
			end = s->end;
	}
	m->sum->duration_nanos = sum;
	m->sum->time_nanos = m->spans_count > 0 ? m->spans[0].start : 0;
}

/* nanopb's way out to memory that grows. */
static bool
on_encoded(pb_ostream_t *stream, const pb_byte_t *data, size_t size)
{
	append(stream->state, data, size);
	return true;
}

static pb_ostream_t
stream_to(struct bytes *b)
{
	return (pb_ostream_t){
		.callback = on_encoded, .state = b, .max_size = SIZE_MAX
	};
}

/* These cannot fail: memory grows or the process ends. */
static void
put_number(pb_ostream_t *out, uint32_t tag, uint64_t number)
{
	if (number == 0)
		return;
	pb_encode_tag(out, PB_WT_VARINT, tag);
	pb_encode_varint(out, number);
}

static void
put_bytes(pb_ostream_t *out, uint32_t tag, const void *data, size_t size)
{
	pb_encode_tag(out, PB_WT_STRING, tag);
	pb_encode_string(out, data, size);
}

/* Puts what was collected as one message or packed field; it is empty then. */
static void
put_collected(pb_ostream_t *out, uint32_t tag, struct bytes *b)
{
	put_bytes(out, tag, b->data, b->size);
	b->size = 0;
}

static void
put_type(pb_ostream_t *out, uint32_t tag, const struct profile_type *type)
{
	struct bytes b = { 0 };
	pb_ostream_t in = stream_to(&b);

	put_number(&in, 1, type->type);
	put_number(&in, 2, type->unit);
	put_collected(out, tag, &b);
	free(b.data);
}

static void
put_label(
    pb_ostream_t *out, const struct profile_label *label, struct bytes *scratch)
{
	pb_ostream_t in = stream_to(scratch);

	put_number(&in, 1, label->key);
	put_number(&in, 2, label->text);
	put_number(&in, 3, label->number);
	put_number(&in, 4, label->unit);
	put_collected(out, 3, scratch);
}

static void
put_samples(pb_ostream_t *out, const struct profile *p)
{
	struct bytes message = { 0 }, scratch = { 0 };

	for (uint32_t i = 0; i < p->samples_count; i++) {
		const struct profile_sample *s = &p->samples[i];
		const int64_t *values = p->values + (size_t)i * p->types_count;
		pb_ostream_t sample = stream_to(&message);
		pb_ostream_t packed = stream_to(&scratch);

		for (uint32_t j = 0; j < s->refs; j++)
			pb_encode_varint(
			    &packed, p->refs[s->first_ref + j] + 1);
		put_collected(&sample, 1, &scratch);
		for (uint32_t j = 0; j < p->types_count; j++)
			pb_encode_varint(&packed, values[j]);
		put_collected(&sample, 2, &scratch);
		for (uint32_t j = 0; j < s->labels; j++)
			put_label(
			    &sample, &p->labels[s->first_label + j], &scratch);
		put_collected(out, 2, &message);
	}
	free(message.data);
	free(scratch.data);
}

static void
put_mappings(pb_ostream_t *out, const struct profile *p)
{
	struct bytes b = { 0 };
	pb_ostream_t in = stream_to(&b);

	for (uint32_t i = 0; i < p->mappings_count; i++) {
		const struct profile_mapping *m = &p->mappings[i];

		put_number(&in, 1, i + 1);
		put_number(&in, 2, m->start);
		put_number(&in, 3, m->limit);
		put_number(&in, 4, m->offset);
		put_number(&in, 5, m->file);
		put_number(&in, 6, m->build_id);
		for (int j = 0; j < 4; j++)
			put_number(&in, 7 + j, m->flags >> j & 1);
		put_collected(out, 3, &b);
	}
	free(b.data);
}

static void
put_locations(pb_ostream_t *out, const struct profile *p)
{
	struct bytes b = { 0 }, scratch = { 0 };
	pb_ostream_t in = stream_to(&b), line = stream_to(&scratch);

	for (uint32_t i = 0; i < p->locations_count; i++) {
		const struct profile_location *l = &p->locations[i];

		put_number(&in, 1, i + 1);
		put_number(&in, 2, l->mapping + 1); /* NONE + 1 is 0 */
		put_number(&in, 3, l->address);
		for (uint32_t j = 0; j < l->lines; j++) {
			const struct profile_line *n =
			    &p->lines[l->first_line + j];

			put_number(&line, 1, n->function + 1);
			put_number(&line, 2, n->line);
			put_collected(&in, 4, &scratch);
		}
		put_number(&in, 5, l->folded);
		put_collected(out, 4, &b);
	}
	free(b.data);
	free(scratch.data);
}

static void
put_functions(pb_ostream_t *out, const struct profile *p)
{
	struct bytes b = { 0 };
	pb_ostream_t in = stream_to(&b);

	for (uint32_t i = 0; i < p->functions_count; i++) {
		const struct profile_function *f = &p->functions[i];

		put_number(&in, 1, i + 1);
		put_number(&in, 2, f->name);
		put_number(&in, 3, f->system_name);
		put_number(&in, 4, f->file);
		put_number(&in, 5, f->start_line);
		put_collected(out, 5, &b);
	}
	free(b.data);
}

static void
put_profile(pb_ostream_t *out, const struct profile *p)
{
	for (uint32_t i = 0; i < p->types_count; i++)
		put_type(out, 1, &p->types[i]);
	put_samples(out, p);
	put_mappings(out, p);
	put_locations(out, p);
	put_functions(out, p);
	for (uint32_t i = 0; i < p->strings_count; i++)
		put_bytes(out, 6, p->strings[i].data, p->strings[i].size);
	put_number(out, 7, p->drop_frames);
	put_number(out, 8, p->keep_frames);
	put_number(out, 9, p->time_nanos);
	put_number(out, 10, p->duration_nanos);
	put_type(out, 11, &p->period_type);
	put_number(out, 12, p->period);
	for (uint32_t i = 0; i < p->comments_count; i++)
		put_number(out, 13, p->comments[i]);
	put_number(out, 14, p->default_type);
}

static int
compress(const struct bytes *plain, void **data, size_t *size)
{
	struct libdeflate_compressor *c =
	    libdeflate_alloc_compressor(GZIP_LEVEL);
	size_t room;

	if (c == NULL)
		return -ENOMEM;
	room = libdeflate_gzip_compress_bound(c, plain->size);
	*data = erealloc(NULL, room, 1);
	*size =
	    libdeflate_gzip_compress(c, plain->data, plain->size, *data, room);
	libdeflate_free_compressor(c);
	if (*size > 0 && *size <= PPROF_MAX_FILE)
		return 0;
	free(*data);
	*data = NULL;
	return -EFBIG;
}

int
pprof_merge_finish(struct pprof_merge *m, void **data, size_t *size)
{
	struct bytes plain = { 0 };
	pb_ostream_t out = stream_to(&plain);
	int e = -EFBIG;

	*data = NULL;
	*size = 0;
	if (m->absolute == NULL)
		return -ENODATA;
	finish_time(m);
	put_profile(&out, m->sum);
	if (plain.size <= PPROF_MAX_DATA)
		e = compress(&plain, data, size);
	free(plain.data);
	return e;
}
