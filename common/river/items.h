/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens and comments of a file in one row, each with what it does there: what
 * decides where lines break and spaces go (layout.c).
 */
#ifndef COMMON_RIVER_ITEMS_H
#define COMMON_RIVER_ITEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/river/lexer.h"

enum river_role {
	RIVER_ROLE_PLAIN, /* operand, binary operator, "=", part of a name */
	RIVER_ROLE_UNARY,
	RIVER_ROLE_DOT,
	RIVER_ROLE_COMMA,
	RIVER_ROLE_LIST_OPEN, /* array, object, arguments: lines may break */
	RIVER_ROLE_LIST_CLOSE,
	RIVER_ROLE_TIGHT_OPEN, /* parentheses, index */
	RIVER_ROLE_TIGHT_CLOSE,
	RIVER_ROLE_BLOCK_OPEN,
	RIVER_ROLE_BLOCK_CLOSE,
	RIVER_ROLE_COMMENT,
};

struct river_item {
	struct river_range range;
	uint32_t line, last_line;
	uint8_t kind; /* enum river_token_kind; ILLEGAL: a comment */
	uint8_t role; /* enum river_role */
	bool ends;    /* a statement, or a block's body */
	bool key;     /* of an attribute or a field */
	bool block;   /* first of a block's name */
	bool tight;   /* "(" or "[" behind its operand */
};

struct river_items {
	struct river_item *item;
	size_t count, room;
};

/*
 * Fills in items, whose room is the caller's to free. source must have no
 * syntax error. A comma before a bracket that closes on the same line is left
 * out.
 */
void river_items_read(
    struct river_items *items, const struct river_source *source);

#endif
