/* SPDX-License-Identifier: Apache-2.0 */
#include "common/river/lexer.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/river/arena.h"
#include "common/river/diagnostics.h"
#include "common/river/utf8.h"

#define END_OF_TEXT UINT32_MAX
#define BYTE_ORDER_MARK 0xfeff
#define REPLACEMENT_RUNE 0xfffd

#define TOKEN_NAME(name, text) [RIVER_TOKEN_##name] = text,
static const char *const token_names[] = { RIVER_TOKENS(TOKEN_NAME) };
#undef TOKEN_NAME

const char *
river_token_name(enum river_token_kind kind)
{
	return token_names[kind];
}

static void
complain(const struct river_lexer *lexer, uint32_t at, const char *message)
{
	river_error(lexer->diagnostics, lexer->source,
	    (struct river_range){ at, RIVER_NOWHERE }, "%s", message);
}

/* "illegal character U+0040 '@'" and what follows */
static void
complain_rune(const struct river_lexer *lexer, uint32_t at, uint32_t rune,
    const char *where)
{
	char shown[8] = "";
	char message[80];

	if (rune_is_printable(rune)) {
		memcpy(shown, " '", 2);
		strcpy(shown + 2 + utf8_encode(rune, shown + 2), "'");
	}
	snprintf(message, sizeof(message), "illegal character U+%04X%s%s", rune,
	    shown, where);
	complain(lexer, at, message);
}

/* Makes the character at lexer->at the current one. */
static void
look(struct river_lexer *lexer)
{
	const struct river_source *source = lexer->source;
	const char *s = source->text + lexer->at;

	if (lexer->at >= source->size) {
		lexer->rune = END_OF_TEXT;
		lexer->width = 0;
		return;
	}
	lexer->width = utf8_decode(s, source->size - lexer->at, &lexer->rune);
	if (lexer->width == 0) {
		lexer->width = 1;
		lexer->rune = REPLACEMENT_RUNE;
		complain(lexer, lexer->at, "illegal UTF-8 encoding");
	} else if (lexer->rune == 0) {
		complain(lexer, lexer->at, "illegal character NUL");
	} else if (lexer->rune == BYTE_ORDER_MARK && lexer->at > 0) {
		complain(lexer, lexer->at, "illegal byte order mark");
	}
}

static void
advance(struct river_lexer *lexer)
{
	lexer->at += lexer->width;
	look(lexer);
}

static bool
accept(struct river_lexer *lexer, uint32_t rune)
{
	if (lexer->rune != rune)
		return false;
	advance(lexer);
	return true;
}

void
river_lexer_init(struct river_lexer *lexer, const struct river_source *source,
    struct river_arena *arena, struct river_diagnostics *diagnostics)
{
	*lexer = (struct river_lexer){
		.source = source,
		.diagnostics = diagnostics,
		.arena = arena,
	};
	look(lexer);
	if (lexer->rune == BYTE_ORDER_MARK)
		advance(lexer);
}

static void
skip_space(struct river_lexer *lexer)
{
	while (lexer->rune == ' ' || lexer->rune == '\t' ||
	       lexer->rune == '\r' ||
	       (lexer->rune == '\n' && !lexer->terminate))
		advance(lexer);
}

/*
 * Whether nothing but comments stands between the comment at p and the end
 * of a line, or a comment there goes over it.
 */
static bool
comment_ends_line(const char *p, const char *end)
{
	for (;;) {
		if (end - p < 2 || p[0] != '/' || (p[1] != '/' && p[1] != '*'))
			return p == end || *p == '\n';
		if (p[1] == '/')
			return true;
		for (p += 2; p < end && *p != '\n'; p++)
			if (p[0] == '*' && p[1] == '/')
				break;
		if (p == end || *p == '\n')
			return true;
		for (p += 2; *p == ' ' || *p == '\t' || *p == '\r'; p++)
			;
	}
}

static void
keep_comment(struct river_lexer *lexer, struct river_range range)
{
	struct river_comment *comment;

	if (lexer->arena == NULL)
		return;
	comment = river_arena_alloc(lexer->arena, 1, sizeof(*comment));
	comment->range = range;
	if (lexer->last_comment == NULL)
		lexer->first_comment = comment;
	else
		lexer->last_comment->next = comment;
	lexer->last_comment = comment;
}

/* At the second character of a comment that starts at start. */
static void
scan_comment(struct river_lexer *lexer, uint32_t start)
{
	bool line = lexer->rune == '/', closed = line;
	uint32_t end;

	advance(lexer);
	while (lexer->rune != END_OF_TEXT && !(line && lexer->rune == '\n')) {
		bool star = lexer->rune == '*';

		advance(lexer);
		if (!line && star && accept(lexer, '/')) {
			closed = true;
			break;
		}
	}
	if (!closed)
		complain(lexer, start, "block comment not terminated");
	end = lexer->at - 1;
	if (line && lexer->source->text[end] == '\r')
		end--;
	keep_comment(lexer, (struct river_range){ start, end });
}

static unsigned
digit_value(uint32_t rune)
{
	if (rune >= '0' && rune <= '9')
		return rune - '0';
	if ((rune | 0x20) >= 'a' && (rune | 0x20) <= 'f' && rune < 0x80)
		return (rune | 0x20) - 'a' + 10;
	return 16;
}

/* Escapes of one letter, and what they stand for. */
static const char escape_letters[] = "abfnrtv\\\"";
static const char escape_bytes[] = "\a\b\f\n\r\t\v\\\"";

struct escape {
	unsigned base, digits;
	uint32_t max;
};

/* How the escape that starts with this character goes on. */
static bool
numeric_escape(uint32_t rune, struct escape *escape)
{
	if (rune >= '0' && rune <= '7')
		*escape = (struct escape){ 8, 3, 255 };
	else if (rune == 'x')
		*escape = (struct escape){ 16, 2, 255 };
	else if (rune == 'u')
		*escape = (struct escape){ 16, 4, 0x10ffff };
	else if (rune == 'U')
		*escape = (struct escape){ 16, 8, 0x10ffff };
	else
		return false;
	return true;
}

/* At the character after a backslash. */
static void
scan_escape(struct river_lexer *lexer)
{
	uint32_t start = lexer->at, value = 0;
	struct escape escape;

	if (lexer->rune == END_OF_TEXT) {
		complain(lexer, start, "escape sequence not terminated");
		return;
	}
	if (lexer->rune > 0 && lexer->rune < 0x80 &&
	    strchr(escape_letters, (int)lexer->rune) != NULL) {
		advance(lexer);
		return;
	}
	if (!numeric_escape(lexer->rune, &escape)) {
		complain(lexer, start, "unknown escape sequence");
		return;
	}
	if (escape.base == 16)
		advance(lexer);
	for (unsigned i = 0; i < escape.digits; i++, advance(lexer)) {
		if (lexer->rune == END_OF_TEXT) {
			complain(
			    lexer, start, "escape sequence not terminated");
			return;
		}
		if (digit_value(lexer->rune) >= escape.base) {
			complain_rune(
			    lexer, start, lexer->rune, " in escape sequence");
			return;
		}
		value = value * escape.base + digit_value(lexer->rune);
	}
	if (value > escape.max ||
	    (escape.max > 255 && value >= 0xd800 && value < 0xe000))
		complain(lexer, start,
		    "escape sequence is invalid Unicode code point");
}

/* Behind the opening quote. */
static void
scan_string(struct river_lexer *lexer, uint32_t start, uint32_t quote)
{
	for (;;) {
		if (lexer->rune == END_OF_TEXT ||
		    (lexer->rune == '\n' && quote != '`')) {
			complain(lexer, start, "string literal not terminated");
			return;
		}
		if (accept(lexer, quote))
			return;
		if (quote != '`' && lexer->rune == '\\') {
			advance(lexer);
			scan_escape(lexer);
		} else {
			advance(lexer);
		}
	}
}

static void
skip_digits(struct river_lexer *lexer)
{
	while (lexer->rune >= '0' && lexer->rune <= '9')
		advance(lexer);
}

/* At the first digit, or behind a point. */
static enum river_token_kind
scan_number(struct river_lexer *lexer, uint32_t start, bool fraction)
{
	enum river_token_kind kind = RIVER_TOKEN_NUMBER;

	if (!fraction)
		skip_digits(lexer);
	if (fraction || accept(lexer, '.')) {
		kind = RIVER_TOKEN_FLOAT;
		skip_digits(lexer);
	}
	if (accept(lexer, 'e') || accept(lexer, 'E')) {
		kind = RIVER_TOKEN_FLOAT;
		if (!accept(lexer, '+'))
			accept(lexer, '-');
		if (digit_value(lexer->rune) > 9)
			complain(lexer, start, "exponent has no digits");
		skip_digits(lexer);
	}
	return kind;
}

static bool
starts_identifier(uint32_t rune)
{
	return rune == '_' || (rune != END_OF_TEXT && rune_is_letter(rune));
}

static bool
continues_identifier(uint32_t rune)
{
	return starts_identifier(rune) ||
	       (rune != END_OF_TEXT && rune_is_digit(rune));
}

static const struct {
	const char *text;
	enum river_token_kind kind;
} keywords[] = {
	{ "true", RIVER_TOKEN_BOOL },
	{ "false", RIVER_TOKEN_BOOL },
	{ "null", RIVER_TOKEN_NULL },
};

static enum river_token_kind
keyword(const char *text, size_t size)
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (strlen(keywords[i].text) == size &&
		    memcmp(keywords[i].text, text, size) == 0)
			return keywords[i].kind;
	return RIVER_TOKEN_IDENT;
}

static enum river_token_kind
scan_identifier(struct river_lexer *lexer, uint32_t start)
{
	while (continues_identifier(lexer->rune))
		advance(lexer);
	return keyword(lexer->source->text + start, lexer->at - start);
}

/* Operators of two characters come before those that they begin with. */
static const struct {
	char first, second;
	enum river_token_kind kind;
} operators[] = {
	{ '=', '=', RIVER_TOKEN_EQ },
	{ '=', 0, RIVER_TOKEN_ASSIGN },
	{ '!', '=', RIVER_TOKEN_NEQ },
	{ '!', 0, RIVER_TOKEN_NOT },
	{ '<', '=', RIVER_TOKEN_LTE },
	{ '<', 0, RIVER_TOKEN_LT },
	{ '>', '=', RIVER_TOKEN_GTE },
	{ '>', 0, RIVER_TOKEN_GT },
	{ '+', 0, RIVER_TOKEN_ADD },
	{ '-', 0, RIVER_TOKEN_SUB },
	{ '*', 0, RIVER_TOKEN_MUL },
	{ '/', 0, RIVER_TOKEN_DIV },
	{ '%', 0, RIVER_TOKEN_MOD },
	{ '^', 0, RIVER_TOKEN_POW },
	{ '{', 0, RIVER_TOKEN_LBRACE },
	{ '}', 0, RIVER_TOKEN_RBRACE },
	{ '(', 0, RIVER_TOKEN_LPAREN },
	{ ')', 0, RIVER_TOKEN_RPAREN },
	{ '[', 0, RIVER_TOKEN_LBRACKET },
	{ ']', 0, RIVER_TOKEN_RBRACKET },
	{ ',', 0, RIVER_TOKEN_COMMA },
	{ '.', 0, RIVER_TOKEN_DOT },
};

/* "||" and "&&": half of one is reported and taken for the whole. */
static enum river_token_kind
scan_pair(struct river_lexer *lexer, uint32_t rune)
{
	bool or = rune == '|';

	if (!accept(lexer, rune))
		complain(lexer, lexer->at,
		    or ? "missing second | in ||" : "missing second & in &&");
	return or ? RIVER_TOKEN_OR : RIVER_TOKEN_AND;
}

/* rune is the first character, already passed. */
static enum river_token_kind
scan_operator(struct river_lexer *lexer, uint32_t start, uint32_t rune)
{
	if (rune == '|' || rune == '&')
		return scan_pair(lexer, rune);
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		if (rune != (unsigned char)operators[i].first)
			continue;
		if (operators[i].second == 0 ||
		    accept(lexer, operators[i].second))
			return operators[i].kind;
	}
	if (rune != BYTE_ORDER_MARK) /* that one was reported */
		complain_rune(lexer, start, rune, "");
	return RIVER_TOKEN_ILLEGAL;
}

/* At a character that is no space and no identifier's. */
static enum river_token_kind
scan_other(struct river_lexer *lexer, uint32_t start)
{
	uint32_t rune = lexer->rune;

	if (rune >= '0' && rune <= '9')
		return scan_number(lexer, start, false);
	advance(lexer);
	if (rune == '.' && digit_value(lexer->rune) <= 9)
		return scan_number(lexer, start, true);
	if (rune == '\'')
		complain(lexer, start,
		    "illegal single-quoted string; use double quotes");
	if (rune == '"' || rune == '`' || rune == '\'') {
		scan_string(lexer, start, rune);
		return rune == '\'' ? RIVER_TOKEN_ILLEGAL : RIVER_TOKEN_STRING;
	}
	return scan_operator(lexer, start, rune);
}

/* Whether a statement can end behind such a token. */
static bool
can_end_statement(enum river_token_kind kind)
{
	switch (kind) {
	case RIVER_TOKEN_IDENT:
	case RIVER_TOKEN_NUMBER:
	case RIVER_TOKEN_FLOAT:
	case RIVER_TOKEN_STRING:
	case RIVER_TOKEN_BOOL:
	case RIVER_TOKEN_NULL:
	case RIVER_TOKEN_RPAREN:
	case RIVER_TOKEN_RBRACKET:
	case RIVER_TOKEN_RBRACE:
		return true;
	default:
		return false;
	}
}

/*
 * Skips space and comments; true when they hold the end of a statement. The
 * place of that is where the comment starts or the newline is.
 */
static bool
skip_to_token(struct river_lexer *lexer)
{
	const char *text = lexer->source->text;

	for (;;) {
		uint32_t start;
		const char *p;

		skip_space(lexer);
		start = lexer->at;
		p = text + start;
		if (lexer->rune == '\n' || lexer->rune == END_OF_TEXT)
			return lexer->terminate;
		if (p[0] != '/' || (p[1] != '/' && p[1] != '*'))
			return false;
		if (lexer->terminate &&
		    comment_ends_line(p, text + lexer->source->size))
			return true;
		lexer->terminate = false;
		advance(lexer);
		scan_comment(lexer, start);
	}
}

struct river_token
river_lexer_next(struct river_lexer *lexer)
{
	struct river_token token;

	if (skip_to_token(lexer)) {
		lexer->terminate = false;
		return (struct river_token){ RIVER_TOKEN_TERMINATOR,
			{ lexer->at, lexer->at } };
	}
	token.range.start = lexer->at;
	if (lexer->rune == END_OF_TEXT)
		return (struct river_token){ RIVER_TOKEN_EOF,
			{ lexer->at, lexer->at } };
	if (starts_identifier(lexer->rune))
		token.kind = scan_identifier(lexer, token.range.start);
	else
		token.kind = scan_other(lexer, token.range.start);
	token.range.end = lexer->at - 1;
	if (token.kind != RIVER_TOKEN_ILLEGAL)
		lexer->terminate = can_end_statement(token.kind);
	return token;
}

bool
river_is_identifier(const char *text, size_t size)
{
	size_t at = 0, n;
	uint32_t rune;

	for (; at < size; at += n) {
		n = utf8_decode(text + at, size - at, &rune);
		if (n == 0 || !(at == 0 ? starts_identifier(rune)
					: continues_identifier(rune)))
			return false;
	}
	return size > 0 && keyword(text, size) == RIVER_TOKEN_IDENT;
}

/* The bytes of the escape whose backslash is at *p. */
static size_t
unescape(const char **p, char *out)
{
	struct escape escape;
	const char *letter;
	uint32_t value = 0;

	(*p)++;
	if (!numeric_escape((unsigned char)**p, &escape)) {
		letter = strchr(escape_letters, *(*p)++);
		*out = escape_bytes[letter - escape_letters];
		return 1;
	}
	if (escape.base == 16)
		(*p)++;
	for (unsigned i = 0; i < escape.digits; i++)
		value =
		    value * escape.base + digit_value((unsigned char)*(*p)++);
	if (escape.max > 255)
		return utf8_encode(value, out);
	*out = (char)value;
	return 1;
}

char *
river_string_value(
    struct river_arena *arena, const char *text, size_t text_size, size_t *size)
{
	char *value = river_arena_alloc(arena, text_size, 1), *out = value;
	const char *p = text + 1, *end = text + text_size - 1;
	bool raw = text[0] == '`';

	while (p < end) {
		if (raw && *p == '\r')
			p++;
		else if (raw || *p != '\\')
			*out++ = *p++;
		else
			out += unescape(&p, out);
	}
	*out = '\0';
	*size = out - value;
	return value;
}
