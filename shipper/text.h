/* SPDX-License-Identifier: Apache-2.0 */
/* Small things about strings that several files here need. */
#ifndef SHIPPER_TEXT_H
#define SHIPPER_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Neither NULL nor "". */
bool text_given(const char *text);

/* Without white space at both ends; in place. */
char *text_trim(char *text);

/* What may stand in a header's value: it cannot start another one. */
bool text_is_header_value(const char *text);
/* What may be a header's name. */
bool text_is_header_name(const char *text);

/* To be freed. */
char *text_base64(const char *text);

/* As a value in a form (application/x-www-form-urlencoded); to be freed. */
char *text_form_escape(const char *text);

/* Overwrites, then frees. NULL is fine. */
void text_free_secret(char *text);

#endif
