/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The syntax tree of a file: everything the text says, in order, each node
 * with its place, so that it can be evaluated, pointed at and printed again.
 * All nodes belong to the arena of their river_file.
 */
#ifndef COMMON_RIVER_AST_H
#define COMMON_RIVER_AST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/river/lexer.h"
#include "common/river/source.h"

/*
 * How deep a tree may be, blocks, parentheses, operators and accesses
 * together: who walks it may recurse.
 */
#define RIVER_MAX_DEPTH 500

struct river_ident {
	const char *text;
	struct river_range range;
};

enum river_expr_kind {
	RIVER_EXPR_LITERAL, /* null, bool, number, string */
	RIVER_EXPR_IDENT,   /* a */
	RIVER_EXPR_ARRAY,   /* [a, b] */
	RIVER_EXPR_OBJECT,  /* {a = b} */
	RIVER_EXPR_ACCESS,  /* a.b */
	RIVER_EXPR_INDEX,   /* a[b] */
	RIVER_EXPR_CALL,    /* a(b, c) */
	RIVER_EXPR_UNARY,   /* -a */
	RIVER_EXPR_BINARY,  /* a + b */
	RIVER_EXPR_PAREN,   /* (a) */
	RIVER_EXPR_KINDS
};

struct river_expr {
	enum river_expr_kind kind;
	uint16_t depth;          /* 1 for a leaf */
	struct river_expr *next; /* in the list it stands in */
	struct river_range range;
	union {
		enum river_token_kind literal; /* its text is the range */
		const char *ident;
		struct river_expr_list {
			struct river_expr *first;
			size_t count;
		} array;
		struct {
			struct river_member_expr *first;
			size_t count;
		} object;
		struct {
			struct river_expr *value;
			struct river_ident name;
		} access;
		struct {
			struct river_expr *value, *index;
		} index;
		struct {
			struct river_expr *callee;
			struct river_expr_list args;
		} call;
		struct {
			enum river_token_kind op;
			struct river_expr *value;
		} unary;
		struct {
			enum river_token_kind op;
			uint32_t op_at;
			struct river_expr *left, *right;
		} binary;
		struct river_expr *inner; /* of parentheses */
	};
};

/* A field of an object literal. */
struct river_member_expr {
	struct river_member_expr *next;
	struct river_ident key; /* range with the quotes, text without */
	size_t key_size;
	bool quoted;
	struct river_expr *value;
};

struct river_body {
	struct river_statement *first;
	size_t count;
};

struct river_attribute {
	struct river_ident name;
	struct river_expr *value;
};

struct river_block {
	struct river_ident name;   /* "phlare.write"; range of all parts */
	struct river_ident *parts; /* "phlare", "write" */
	size_t part_count;
	struct river_ident label; /* text "" if none; range with quotes */
	uint32_t open, close;     /* offsets of the braces */
	struct river_range range; /* name to closing brace */
	struct river_body body;
};

struct river_statement {
	struct river_statement *next;
	struct river_range range;
	bool is_block;
	union {
		struct river_attribute attribute;
		struct river_block block;
	};
};

/* What river_parse() returns. */
struct river_file {
	struct river_arena *arena;
	const struct river_source *source;
	struct river_body body;
	struct river_comment *comments; /* in order */
};

/* The last attribute of that name, or NULL. */
const struct river_attribute *river_body_attribute(
    const struct river_body *body, const char *name);

#endif
