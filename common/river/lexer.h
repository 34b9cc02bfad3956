/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text to tokens. Newlines become TERMINATOR tokens where they end a
 * statement; comments are kept aside with their place.
 */
#ifndef COMMON_RIVER_LEXER_H
#define COMMON_RIVER_LEXER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/river/source.h"

struct river_arena;
struct river_diagnostics;

/* X(NAME, text in messages) */
#define RIVER_TOKENS(X)                                                        \
	X(ILLEGAL, "ILLEGAL")                                                  \
	X(EOF, "EOF")                                                          \
	X(TERMINATOR, "TERMINATOR")                                            \
	X(IDENT, "IDENT")                                                      \
	X(NUMBER, "NUMBER")                                                    \
	X(FLOAT, "FLOAT")                                                      \
	X(STRING, "STRING")                                                    \
	X(BOOL, "BOOL")                                                        \
	X(NULL, "NULL")                                                        \
	X(OR, "||")                                                            \
	X(AND, "&&")                                                           \
	X(NOT, "!")                                                            \
	X(ASSIGN, "=")                                                         \
	X(EQ, "==")                                                            \
	X(NEQ, "!=")                                                           \
	X(LT, "<")                                                             \
	X(LTE, "<=")                                                           \
	X(GT, ">")                                                             \
	X(GTE, ">=")                                                           \
	X(ADD, "+")                                                            \
	X(SUB, "-")                                                            \
	X(MUL, "*")                                                            \
	X(DIV, "/")                                                            \
	X(MOD, "%")                                                            \
	X(POW, "^")                                                            \
	X(LBRACE, "{")                                                         \
	X(RBRACE, "}")                                                         \
	X(LPAREN, "(")                                                         \
	X(RPAREN, ")")                                                         \
	X(LBRACKET, "[")                                                       \
	X(RBRACKET, "]")                                                       \
	X(COMMA, ",")                                                          \
	X(DOT, ".")

#define RIVER_TOKEN_ENUM(name, text) RIVER_TOKEN_##name,
enum river_token_kind { RIVER_TOKENS(RIVER_TOKEN_ENUM) RIVER_TOKEN_KINDS };
#undef RIVER_TOKEN_ENUM

const char *river_token_name(enum river_token_kind kind);

struct river_token {
	enum river_token_kind kind;
	/*
	 * Its text in the source. A TERMINATOR and EOF have no text: start is
	 * where they stand, end the same.
	 */
	struct river_range range;
};

/* A comment with its delimiters, without the newline that ends it. */
struct river_comment {
	struct river_comment *next;
	struct river_range range;
};

struct river_lexer {
	const struct river_source *source;
	struct river_diagnostics *diagnostics;
	struct river_arena *arena; /* for comments; NULL: not kept */
	uint32_t at;               /* of the current character */
	uint32_t rune, width;      /* the character; UINT32_MAX at the end */
	bool terminate;            /* a newline here is a TERMINATOR */
	struct river_comment *first_comment, *last_comment;
};

void river_lexer_init(struct river_lexer *lexer,
    const struct river_source *source, struct river_arena *arena,
    struct river_diagnostics *diagnostics);

/* After EOF it gives EOF again. Errors go to the diagnostics. */
struct river_token river_lexer_next(struct river_lexer *lexer);

/* Whether text is an identifier and no keyword. */
bool river_is_identifier(const char *text, size_t size);

/*
 * The bytes that a STRING token (quotes included, already checked by the
 * lexer) stands for. NUL-terminated copy; *size without the terminator.
 */
char *river_string_value(struct river_arena *arena, const char *text,
    size_t text_size, size_t *size);

#endif
