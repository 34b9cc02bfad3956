/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One name. libiberty lives here only. What the modes leave out of C++ names
 * is taken out of the demangler's tree before it is printed: in the printed
 * text, operator< and function types are no fun.
 */
#include "symbolizer/demangle.h"

#include <errno.h>
#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

/* A tree may share its parts: it is smaller than a walk over it. */
#define WALK_MAX 100000

/* Where the demangler's output goes; too much of it is a way out. */
struct sink {
	char *out;
	size_t size, used;
	bool overflow;
	jmp_buf full;
};

static void
collect(const char *text, size_t length, void *opaque)
{
	struct sink *s = opaque;

	if (length >= s->size - s->used) {
		s->overflow = true;
		longjmp(s->full, 1);
	}
	memcpy(s->out + s->used, text, length);
	s->used += length;
	s->out[s->used] = '\0';
}

static void
sink_reset(struct sink *s)
{
	s->used = 0;
	s->out[0] = '\0';
}

int
demangle_parse_mode(const char *text, enum demangle_mode *mode)
{
	static const char *const names[] = { "none", "simplified", "templates",
		"full" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			*mode = i;
			return 0;
		}
	}
	return -EINVAL;
}

bool
demangle_wanted(const char *raw, enum demangle_mode mode)
{
	return mode != DEMANGLE_NONE && raw[0] == '_' &&
	       (raw[1] == 'Z' || raw[1] == 'R' || raw[1] == 'D');
}

/* ---- C++ */

/* What becomes of a part of a name in the modes without parameters. */
enum shape {
	AS_IS,     /* no name, or nothing to leave out in it */
	LEFT,      /* its left is a name */
	BOTH,      /* its left and right are */
	UNWRAP,    /* only its left is wanted */
	FUNCTION,  /* a name and its parameters */
	TEMPLATE,  /* a name and its arguments */
	STRUCTOR,  /* constructor, destructor */
	PARAMETER, /* {default arg#1} */
	LAMBDA,
	STANDARD, /* an abbreviation: "std::basic_string<char, ...>" */
};

#define C(type) DEMANGLE_COMPONENT_##type
static const unsigned char shapes[] = {
	[C(QUAL_NAME)] = BOTH,
	[C(LOCAL_NAME)] = BOTH,
	[C(TYPED_NAME)] = FUNCTION,
	[C(TEMPLATE)] = TEMPLATE,
	[C(CTOR)] = STRUCTOR,
	[C(DTOR)] = STRUCTOR,
	[C(VTABLE)] = LEFT,
	[C(VTT)] = LEFT,
	[C(CONSTRUCTION_VTABLE)] = BOTH,
	[C(TYPEINFO)] = LEFT,
	[C(TYPEINFO_NAME)] = LEFT,
	[C(TYPEINFO_FN)] = LEFT,
	[C(THUNK)] = LEFT,
	[C(VIRTUAL_THUNK)] = LEFT,
	[C(COVARIANT_THUNK)] = LEFT,
	[C(GUARD)] = LEFT,
	[C(TLS_INIT)] = LEFT,
	[C(TLS_WRAPPER)] = LEFT,
	[C(REFTEMP)] = LEFT,
	[C(HIDDEN_ALIAS)] = LEFT,
	[C(RESTRICT)] = LEFT,
	[C(VOLATILE)] = LEFT,
	[C(CONST)] = LEFT,
	[C(RESTRICT_THIS)] = UNWRAP,
	[C(VOLATILE_THIS)] = UNWRAP,
	[C(CONST_THIS)] = UNWRAP,
	[C(REFERENCE_THIS)] = UNWRAP,
	[C(RVALUE_REFERENCE_THIS)] = UNWRAP,
	[C(TRANSACTION_SAFE)] = UNWRAP,
	[C(NOEXCEPT)] = UNWRAP,
	[C(THROW_SPEC)] = UNWRAP,
	[C(POINTER)] = LEFT,
	[C(REFERENCE)] = LEFT,
	[C(RVALUE_REFERENCE)] = LEFT,
	[C(CAST)] = LEFT,
	[C(CONVERSION)] = LEFT,
	[C(GLOBAL_CONSTRUCTORS)] = LEFT,
	[C(GLOBAL_DESTRUCTORS)] = LEFT,
	[C(LAMBDA)] = LAMBDA,
	[C(DEFAULT_ARG)] = PARAMETER,
	[C(TRANSACTION_CLONE)] = LEFT,
	[C(NONTRANSACTION_CLONE)] = LEFT,
	[C(TAGGED_NAME)] = LEFT,
	[C(STRUCTURED_BINDING)] = LEFT,
	[C(SUB_STD)] = STANDARD,
};
#undef C

struct pruner {
	enum demangle_mode mode;
	int left; /* steps */
};

#define left_of(c) ((c)->u.s_binary.left)
#define right_of(c) ((c)->u.s_binary.right)

/* This is how the demangler itself says "no parameters". */
static void
empty_arguments(struct demangle_component *list)
{
	if (list != NULL && list->type == DEMANGLE_COMPONENT_ARGLIST)
		left_of(list) = right_of(list) = NULL;
}

static void
cut_arguments(struct demangle_component *c)
{
	const char *text = c->u.s_string.string;
	const char *arguments = memchr(text, '<', c->u.s_string.len);

	if (arguments != NULL)
		c->u.s_string.len = arguments - text;
}

/* The part c without what the mode leaves out; c itself is changed. */
static struct demangle_component *
prune(struct pruner *p, struct demangle_component *c)
{
	enum shape shape = AS_IS;

	if (c == NULL || p->left-- <= 0)
		return c;
	if ((size_t)c->type < sizeof(shapes))
		shape = shapes[c->type];
	if (shape == TEMPLATE)
		shape = p->mode == DEMANGLE_TEMPLATES ? LEFT : UNWRAP;
	switch (shape) {
	case BOTH:
		right_of(c) = prune(p, right_of(c));
		/* fall through */
	case LEFT:
		left_of(c) = prune(p, left_of(c));
		return c;
	case FUNCTION:
	case UNWRAP:
		return prune(p, left_of(c));
	case STRUCTOR:
		c->u.s_ctor.name = prune(p, c->u.s_ctor.name);
		return c;
	case PARAMETER:
		c->u.s_unary_num.sub = prune(p, c->u.s_unary_num.sub);
		return c;
	case LAMBDA:
		empty_arguments(c->u.s_unary_num.sub);
		return c;
	case STANDARD:
		if (p->mode == DEMANGLE_SIMPLIFIED)
			cut_arguments(c);
		return c;
	default:
		return c;
	}
}

static bool
demangle_cplus(const char *raw, enum demangle_mode mode, struct sink *s)
{
	static const int options = DMGL_PARAMS | DMGL_ANSI;
	struct pruner p = { mode, WALK_MAX };
	struct demangle_component *tree;
	void *volatile memory = NULL;
	void *m = NULL;
	volatile bool ok = false;

	if (setjmp(s->full) == 0) {
		if (mode == DEMANGLE_FULL)
			return cplus_demangle_v3_callback(
				   raw, options, collect, s) != 0;
		tree = cplus_demangle_v3_components(raw, options, &m);
		memory = m;
		if (tree != NULL && (tree = prune(&p, tree)) != NULL &&
		    p.left > 0)
			ok = cplus_demangle_print_callback(
				 options, tree, collect, s) != 0;
	}
	free(memory);
	if (ok || s->overflow)
		return ok;
	/*
	 * Something that was left out is referred to: operator T, where the
	 * template's arguments say what T is.
	 */
	sink_reset(s);
	return setjmp(s->full) == 0 &&
	       cplus_demangle_v3_callback(raw, DMGL_ANSI, collect, s) != 0;
}

/* ---- Rust */

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || (c & 0x80);
}

/* Just behind the bracket that closes the one at p, or NULL. */
static const char *
behind_bracket(const char *p, char open, char close)
{
	int depth = 0;

	for (; *p != '\0'; p++) {
		if (*p == open)
			depth++;
		/* the arrow in fn(u8) -> bool closes nothing */
		else if (*p == close && !(close == '>' && p[-1] == '-') &&
			 --depth == 0)
			return p + 1;
	}
	return NULL;
}

/*
 * Takes generic arguments out: those behind a name ("Vec<u8>") or behind its
 * colons ("collect::<u8>"). "<Vec as Drop>" is not one, but a path.
 */
static void
drop_generics(char *text)
{
	const char *in = text, *end;
	char *out = text;

	while (*in != '\0') {
		bool turbofish = out - text > 2 && out[-1] == ':';

		if (*in == '<' && out > text &&
		    (turbofish || is_word(out[-1])) &&
		    (end = behind_bracket(in, '<', '>')) != NULL) {
			in = end;
			if (turbofish)
				out -= 2;
			continue;
		}
		*out++ = *in++;
	}
	*out = '\0';
}

static bool
demangle_rust(const char *raw, enum demangle_mode mode, struct sink *s)
{
	if (setjmp(s->full) != 0 ||
	    rust_demangle_callback(raw, DMGL_NO_OPTS, collect, s) == 0)
		return false;
	if (mode == DEMANGLE_SIMPLIFIED)
		drop_generics(s->out);
	return true;
}

/* ---- D */

/* Takes out "(parameters)" and, if templates is false, "!(arguments)". */
static void
drop_parentheses(char *text, bool templates)
{
	const char *in = text, *end;
	char *out = text;

	while (*in != '\0') {
		bool arguments = *in == '!' && in[1] == '(';

		if ((*in == '(' || arguments) &&
		    (end = behind_bracket(in + arguments, '(', ')')) != NULL) {
			if (arguments && templates)
				while (in < end)
					*out++ = *in++;
			in = end;
			continue;
		}
		*out++ = *in++;
	}
	*out = '\0';
}

static bool
demangle_d(const char *raw, enum demangle_mode mode, struct sink *s)
{
	char *text = dlang_demangle(raw, DMGL_NO_OPTS);

	if (text == NULL)
		return false;
	if (mode != DEMANGLE_FULL)
		drop_parentheses(text, mode == DEMANGLE_TEMPLATES);
	if (setjmp(s->full) == 0)
		collect(text, strlen(text), s);
	free(text);
	return !s->overflow;
}

/* ---- all of them */

static bool
demangle_one(
    const char *raw, const char *stem, enum demangle_mode mode, struct sink *s)
{
	sink_reset(s);
	s->overflow = false;
	if (raw[1] == 'D')
		return demangle_d(raw, mode, s);
	/* it knows the suffixes of its own names */
	if (demangle_rust(raw, mode, s))
		return true;
	if (s->overflow || raw[1] != 'Z')
		return false;
	sink_reset(s);
	return demangle_cplus(stem, mode, s);
}

bool
demangle_name(const char *raw, enum demangle_mode mode, char *out, size_t size)
{
	struct sink s = { .out = out, .size = size };
	char stem[DEMANGLE_RAW_MAX_BYTES];
	size_t length = strcspn(raw, ".");

	if (size == 0 || !demangle_wanted(raw, mode) || length >= sizeof(stem))
		return false;
	memcpy(stem, raw, length);
	stem[length] = '\0';
	for (int m = mode; m > DEMANGLE_NONE; m--) {
		if (demangle_one(raw, stem, m, &s) && out[0] != '\0')
			return true;
		if (!s.overflow)
			break;
	}
	out[0] = '\0';
	return false;
}
