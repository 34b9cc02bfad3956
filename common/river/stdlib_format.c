/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format(), with the verbs of Go's fmt.Sprintf. It does not fail: what does
 * not fit together is said in the text, as "%!d(string=x)".
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/river/arena.h"
#include "common/river/eval.h"
#include "common/river/functions.h"
#include "common/river/utf8.h"
#include "common/river/verb.h"

/* A number over this ends the width, precision or index it stands in. */
#define MAX_NUMBER 1000000
#define SCRATCH_BYTES 65536
#define REPLACEMENT 0xfffd

struct formatter {
	struct verb_printer printer;
	const char *text, *end; /* what is left of the format */
	const struct river_argument *args;
	size_t count, next;
	bool reordered;  /* by an index: what is not used is no mistake */
	bool good_index; /* of the argument of the current verb */
};

static bool
at(const struct formatter *f, char c)
{
	return f->text < f->end && *f->text == c;
}

/* Digits; false: there is none, or too many, which end the format. */
static bool
read_number(struct formatter *f, size_t *number)
{
	bool any = false;

	for (*number = 0; f->text < f->end; f->text++) {
		unsigned digit = (unsigned char)*f->text - '0';

		if (digit > 9)
			break;
		if (*number > MAX_NUMBER) {
			f->text = f->end;
			return false;
		}
		*number = *number * 10 + digit;
		any = true;
	}
	return any;
}

static void
read_flags(struct formatter *f)
{
	for (; f->text < f->end; f->text++) {
		switch (*f->text) {
		case '#':
			f->printer.verb.sharp = true;
			break;
		case '0':
			f->printer.verb.zero = true;
			break;
		case '+':
			f->printer.verb.plus = true;
			break;
		case '-':
			f->printer.verb.minus = true;
			break;
		case ' ':
			f->printer.verb.space = true;
			break;
		default:
			return;
		}
	}
}

/* "[2]": which argument comes next. Whether there is a number. */
static bool
read_index(struct formatter *f)
{
	const char *close;
	size_t number;
	bool found;

	if (!at(f, '['))
		return false;
	f->reordered = true;
	close = f->end - f->text < 3 ? NULL
				     : memchr(f->text, ']', f->end - f->text);
	f->text++;
	if (close == NULL) {
		f->good_index = false;
		return false;
	}
	found = read_number(f, &number) && f->text == close;
	f->text = close + 1;
	if (found && number > 0 && number <= f->count)
		f->next = number - 1;
	else
		f->good_index = false;
	return found;
}

/* The argument of a star. */
static bool
take_number(struct formatter *f, int64_t *number)
{
	const struct river_value *value;

	*number = 0;
	if (f->next >= f->count)
		return false;
	value = &f->args[f->next++].value;
	if (value->type != RIVER_NUMBER || value->number.kind == RIVER_FLOAT ||
	    (value->number.kind == RIVER_UINT && value->number.u > INT64_MAX))
		return false;
	*number = value->number.i;
	return *number >= -MAX_NUMBER && *number <= MAX_NUMBER;
}

/* Both of these: whether an index came last. */

static bool
read_width(struct formatter *f)
{
	struct verb *v = &f->printer.verb;
	bool after_index = read_index(f);
	int64_t number;

	if (!at(f, '*')) {
		v->has_width = read_number(f, &v->width);
		if (after_index && v->has_width) /* "%[3]2d" */
			f->good_index = false;
		return after_index;
	}
	f->text++;
	v->has_width = take_number(f, &number);
	if (!v->has_width)
		verb_put(&f->printer.out, "%!(BADWIDTH)");
	v->width = number < 0 ? -number : number;
	v->minus |= number < 0;
	return false;
}

static bool
read_precision(struct formatter *f, bool after_index)
{
	struct verb *v = &f->printer.verb;
	int64_t number;

	if (!at(f, '.') || f->text + 1 == f->end)
		return after_index;
	f->text++;
	if (after_index) /* "%[3].2d" */
		f->good_index = false;
	after_index = read_index(f);
	v->has_precision = true;
	if (!at(f, '*')) {
		if (!read_number(f, &v->precision))
			v->precision = 0;
		return after_index;
	}
	f->text++;
	v->has_precision = take_number(f, &number) && number >= 0;
	if (v->has_precision)
		v->precision = number;
	else
		verb_put(&f->printer.out, "%!(BADPREC)");
	return false;
}

/* The verb, or false at the end of the format. */
static bool
read_verb(struct formatter *f)
{
	size_t n;

	if (f->text == f->end)
		return false;
	n = utf8_decode(f->text, f->end - f->text, &f->printer.verb.letter);
	if (n == 0) {
		n = 1;
		f->printer.verb.letter = REPLACEMENT;
	}
	f->text += n;
	return true;
}

/* %T */
static void
print_type(struct formatter *f, const struct river_value *value)
{
	const char *type = verb_type(value);
	size_t size = strlen(type);

	if (f->printer.verb.has_precision && f->printer.verb.precision < size)
		size = f->printer.verb.precision;
	if (value->type == RIVER_NULL)
		verb_pad(&f->printer, "<nil>", 5);
	else
		verb_pad(&f->printer, type, size);
}

static void
print_argument(struct formatter *f, const struct river_value *value)
{
	if (f->printer.verb.letter == 'v' || f->printer.verb.letter == 'w') {
		f->printer.verb.go_syntax = f->printer.verb.sharp;
		f->printer.verb.sharp = false;
		f->printer.verb.plus = false;
	}
	switch (f->printer.verb.letter) {
	case 'T':
		print_type(f, value);
		break;
	case 'p': /* nothing has an address */
	case 'w':
		verb_print_bad(&f->printer, value);
		break;
	default:
		verb_print(&f->printer, value, false);
	}
}

/* What a verb needed is not kept for the next, once it is a lot. */
static void
clear_scratch(struct formatter *f)
{
	if (river_arena_used(f->printer.scratch) < SCRATCH_BYTES)
		return;
	river_arena_free(f->printer.scratch);
	f->printer.scratch = river_arena_new();
}

/* What follows a percent sign. */
static void
print_directive(struct formatter *f)
{
	f->printer.verb = (struct verb){ 0 };
	f->good_index = true;
	read_flags(f);
	if (!read_precision(f, read_width(f)))
		read_index(f);
	if (!read_verb(f)) {
		verb_put(&f->printer.out, "%!(NOVERB)");
	} else if (f->printer.verb.letter == '%') {
		verb_put(&f->printer.out, "%");
	} else if (!f->good_index) {
		verb_put_wrong(&f->printer);
		verb_put(&f->printer.out, "(BADINDEX)");
	} else if (f->next >= f->count) {
		verb_put_wrong(&f->printer);
		verb_put(&f->printer.out, "(MISSING)");
	} else {
		print_argument(f, &f->args[f->next++].value);
	}
}

/* Arguments that no verb has asked for. */
static void
print_extra(struct formatter *f)
{
	f->printer.verb = (struct verb){ .letter = 'v' };
	verb_put(&f->printer.out, "%!(EXTRA ");
	for (size_t i = f->next; i < f->count && !f->printer.out.full; i++) {
		const struct river_value *value = &f->args[i].value;

		if (i > f->next)
			verb_put(&f->printer.out, ", ");
		if (value->type != RIVER_NULL) {
			verb_put(&f->printer.out, verb_type(value));
			verb_put(&f->printer.out, "=");
		}
		verb_print(&f->printer, value, false);
	}
	verb_put(&f->printer.out, ")");
}

static void
print_all(struct formatter *f)
{
	while (f->text < f->end && !f->printer.out.full) {
		const char *percent = memchr(f->text, '%', f->end - f->text);
		const char *stop = percent != NULL ? percent : f->end;

		verb_put_bytes(&f->printer.out, f->text, stop - f->text);
		f->text = stop;
		if (percent != NULL) {
			f->text++;
			print_directive(f);
			clear_scratch(f);
		}
	}
	if (!f->reordered && f->next < f->count)
		print_extra(f);
}

RIVER_FUNCTION(format)
{
	struct river_bytes text = call->args[0].bytes;
	struct formatter f = {
		.printer.out.max = river_eval_left(call->eval),
		.printer.scratch = river_arena_new(),
		.text = text.data,
		.end = text.data + text.size,
		.args = call->args + 1,
		.count = call->count - 1,
	};
	char *copy = NULL;

	print_all(&f);
	if (!f.printer.out.full)
		copy = river_eval_alloc(call->eval, f.printer.out.size + 1, 1);
	if (copy != NULL && f.printer.out.size > 0)
		memcpy(copy, f.printer.out.data, f.printer.out.size);
	result->type = RIVER_STRING;
	result->string = (struct river_bytes){ copy, f.printer.out.size };
	river_arena_free(f.printer.scratch);
	free(f.printer.out.data);
	return copy != NULL ? NULL : RIVER_TOO_LARGE;
}
