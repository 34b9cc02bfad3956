/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "cli/profile.h"
#include "common/log.h"

void *
profile_room(void *array, uint32_t count, uint32_t *room, size_t element)
{
	if (count < *room)
		return array;
	*room = *room == 0 ? 64 : *room + *room / 2;
	return erealloc(array, *room, element);
}

void
profile_free(struct profile *p)
{
	if (p == NULL)
		return;
	free(p->types);
	free(p->strings);
	free(p->mappings);
	free(p->functions);
	free(p->lines);
	free(p->locations);
	free(p->refs);
	free(p->labels);
	free(p->values);
	free(p->samples);
	free(p->comments);
	free(p->data);
	free(p);
}

struct profile_string
profile_string(const struct profile *p, uint32_t index)
{
	if (index >= p->strings_count)
		return (struct profile_string){ "", 0 };
	return p->strings[index];
}

bool
profile_string_is(const struct profile *p, uint32_t index, const char *text)
{
	struct profile_string s = profile_string(p, index);

	return s.size == strlen(text) && memcmp(s.data, text, s.size) == 0;
}

static bool
same_string(const struct profile *p, uint32_t a, uint32_t b)
{
	struct profile_string s = profile_string(p, a);
	struct profile_string t = profile_string(p, b);

	return s.size == t.size && memcmp(s.data, t.data, s.size) == 0;
}

void
profile_choose(struct profile *p)
{
	uint32_t cpu = PROFILE_NONE, named = PROFILE_NONE;

	for (uint32_t i = 0; i < p->types_count; i++) {
		if (p->default_type != 0 &&
		    same_string(p, p->types[i].type, p->default_type))
			named = i;
		if (profile_string_is(p, p->types[i].type, "cpu"))
			cpu = i;
	}
	p->type = p->types_count - 1;
	if (cpu != PROFILE_NONE)
		p->type = cpu;
	if (named != PROFILE_NONE)
		p->type = named;
}

int64_t
profile_value(const struct profile *p, uint32_t sample)
{
	return p->values[(size_t)sample * p->types_count + p->type];
}

int64_t
profile_weight(const struct profile *p)
{
	const struct profile_type *type = &p->types[p->type];

	if (profile_string_is(p, type->unit, "count") &&
	    profile_string_is(p, type->type, "samples"))
		return 1;
	if (p->period <= 0 ||
	    !same_string(p, type->type, p->period_type.type) ||
	    !same_string(p, type->unit, p->period_type.unit))
		return 0;
	return profile_string_is(p, type->unit, "nanoseconds") ? p->period : 0;
}
