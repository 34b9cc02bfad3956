/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/frames.h"
#include "cli/intern.h"
#include "cli/text.h"
#include "common/log.h"

struct frame_key {
	uint32_t name, file, kind;
};

struct frames_tables {
	struct intern names, files, frames;
};

/* What a mapping is called when it is no file. */
static const char *const no_code_file[] = { "[anon]", "[vdso]", "[vsyscall]",
	"[heap]", "[stack]", "[jit]", "[unknown]", "[uprobes]" };

const char *
frames_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

static bool
ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

/* "[kernel.kallsyms]", "[nf_tables]", ".../ext4.ko", ".../vmlinux". */
static bool
is_kernel_file(const char *file)
{
	const char *base = frames_base_name(file);

	if (file[0] != '[')
		return strncmp(base, "vmlinux", 7) == 0 ||
		       ends_with(base, ".ko");
	for (size_t i = 0; i < sizeof(no_code_file) / sizeof(char *); i++) {
		if (strcmp(file, no_code_file[i]) == 0)
			return false;
	}
	return true;
}

static enum frame_kind
kind_of(const char *name, const char *file, bool root)
{
	if (is_kernel_file(file))
		return FRAME_KERNEL;
	if (file[0] != '\0')
		return FRAME_USER;
	if (name[0] == '[')
		return FRAME_OTHER;
	return root ? FRAME_PROCESS : FRAME_USER;
}

static char *
format_address(const char *file, uint64_t address)
{
	char *name;

	if (asprintf(&name, "%s%s0x%llx", frames_base_name(file),
		file[0] != '\0' ? "+" : "", (unsigned long long)address) < 0)
		fatalx("out of memory");
	return name;
}

/* A location without a function: where it lies in its file. */
static char *
name_address(
    const struct profile *p, const struct profile_location *l, const char *file)
{
	uint64_t address = l->address;

	if (address == 0)
		return estrdup(
		    file[0] != '\0' ? frames_base_name(file) : "[unknown]");
	if (l->mapping != PROFILE_NONE) {
		const struct profile_mapping *m = &p->mappings[l->mapping];

		if (address >= m->start && address < m->limit)
			address = address - m->start + m->offset;
	}
	return format_address(file, address);
}

static char *
name_of(const struct profile *p, const struct profile_location *l,
    const struct profile_line *line, const char *file)
{
	if (line != NULL && line->function != PROFILE_NONE) {
		const struct profile_function *f =
		    &p->functions[line->function];
		struct profile_string s = profile_string(p, f->name);

		if (s.size == 0)
			s = profile_string(p, f->system_name);
		if (s.size > 0)
			return text_printable(s);
	}
	return name_address(p, l, file);
}

static char *
file_of(const struct profile *p, const struct profile_location *l)
{
	if (l->mapping == PROFILE_NONE)
		return estrdup("");
	return text_printable(profile_string(p, p->mappings[l->mapping].file));
}

/* The frame for a line (NULL: none) of a location. */
static uint32_t
add_frame(struct frames *frames, const struct profile_location *l,
    const struct profile_line *line, bool root)
{
	struct frames_tables *t = frames->tables;
	char *file = file_of(frames->profile, l);
	char *name = name_of(frames->profile, l, line, file);
	struct frame_key key = {
		.name = intern(&t->names, name, strlen(name), NULL),
		.file = intern(&t->files, file, strlen(file), NULL),
		.kind = kind_of(name, file, root && l->address == 0),
	};
	bool added;
	uint32_t number = intern(&t->frames, &key, sizeof(key), &added);

	if (!added) {
		free(name);
		free(file);
		return number;
	}
	*PROFILE_ADD(frames, frame) =
	    (struct frame){ name, file, key.kind, key.name };
	frames->functions = t->names.count;
	return number;
}

static uint32_t *
none(uint32_t n)
{
	uint32_t *a = ecalloc(n + 1, sizeof(*a));

	memset(a, 0xff, (n + 1) * sizeof(*a));
	return a;
}

struct frames *
frames_new(const struct profile *profile)
{
	struct frames *f = ecalloc(1, sizeof(*f));

	f->profile = profile;
	f->tables = ecalloc(1, sizeof(*f->tables));
	f->of_line = none(profile->lines_count);
	f->of_location = none(profile->locations_count);
	f->of_root = none(profile->locations_count);
	return f;
}

void
frames_free(struct frames *f)
{
	if (f == NULL)
		return;
	for (uint32_t i = 0; i < f->frame_count; i++) {
		free(f->frame[i].name);
		free(f->frame[i].file);
	}
	intern_fini(&f->tables->names);
	intern_fini(&f->tables->files);
	intern_fini(&f->tables->frames);
	free(f->tables);
	free(f->frame);
	free(f->of_line);
	free(f->of_location);
	free(f->of_root);
	free(f->stack);
	free(f);
}

static void
push(struct frames *f, uint32_t *known, const struct profile_location *l,
    const struct profile_line *line, bool root)
{
	if (*known == PROFILE_NONE)
		*known = add_frame(f, l, line, root);
	*PROFILE_ADD(f, stack) = *known;
}

void
frames_of_sample(struct frames *f, uint32_t sample)
{
	const struct profile *p = f->profile;
	const struct profile_sample *s = &p->samples[sample];

	f->stack_count = 0;
	for (uint32_t i = s->refs; i-- > 0;) {
		uint32_t at = p->refs[s->first_ref + i];
		const struct profile_location *l = &p->locations[at];
		bool root = i + 1 == s->refs && l->lines <= 1;

		if (root)
			push(f, &f->of_root[at], l,
			    l->lines > 0 ? &p->lines[l->first_line] : NULL,
			    true);
		else if (l->lines == 0)
			push(f, &f->of_location[at], l, NULL, false);
		else
			for (uint32_t j = l->first_line + l->lines;
			     j-- > l->first_line;)
				push(f, &f->of_line[j], l, &p->lines[j], false);
	}
}
