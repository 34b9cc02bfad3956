/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/text.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

bool
text_given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

char *
text_trim(char *text)
{
	static const char blanks[] = " \t\r\n\v\f";
	char *end;

	text += strspn(text, blanks);
	end = text + strlen(text);
	while (end > text && strchr(blanks, end[-1]) != NULL)
		end--;
	*end = '\0';
	return text;
}

bool
text_is_header_value(const char *text)
{
	for (; *text != '\0'; text++)
		if (((unsigned char)*text < 0x20 && *text != '\t') ||
		    *text == 0x7f)
			return false;
	return true;
}

bool
text_is_header_name(const char *text)
{
	if (text[0] == '\0')
		return false;
	for (; *text != '\0'; text++)
		if (!isalnum((unsigned char)*text) &&
		    strchr("!#$%&'*+-.^_`|~", *text) == NULL)
			return false;
	return true;
}

char *
text_base64(const char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *in = (const unsigned char *)text;
	size_t size = strlen(text);
	char *out = ecalloc(1, (size + 2) / 3 * 4 + 1), *o = out;

	for (size_t i = 0; i < size; i += 3) {
		size_t left = size - i;
		uint32_t v = (uint32_t)in[i] << 16;

		v |= left > 1 ? (uint32_t)in[i + 1] << 8 : 0;
		v |= left > 2 ? in[i + 2] : 0;
		*o++ = digits[v >> 18];
		*o++ = digits[v >> 12 & 63];
		*o++ = left > 1 ? digits[v >> 6 & 63] : '=';
		*o++ = left > 2 ? digits[v & 63] : '=';
	}
	return out;
}

char *
text_form_escape(const char *text)
{
	static const char hex[] = "0123456789ABCDEF";
	char *out = ecalloc(3, strlen(text) + 1), *o = out;

	for (; *text != '\0'; text++) {
		unsigned char c = *text;

		if (c == ' ') {
			*o++ = '+';
		} else if (isalnum(c) || strchr("-_.~", c) != NULL) {
			*o++ = c;
		} else {
			*o++ = '%';
			*o++ = hex[c >> 4];
			*o++ = hex[c & 15];
		}
	}
	return out;
}

void
text_free_secret(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}
