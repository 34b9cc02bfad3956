/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts with groups of a match in them: $1, ${1}, ${name}; "$$" is a dollar,
 * and so is one that no name follows. A name is as long as it can be: "$1x"
 * is the group "1x". A group that there is none of is empty.
 */
#ifndef SHIPPER_RELABEL_TEMPLATE_H
#define SHIPPER_RELABEL_TEMPLATE_H

#include <stdbool.h>

#include "shipper/relabel_regex.h"

/* Bytes of a result; what is longer is cut behind them, at any place. */
#define TEMPLATE_RESULT_MAX (64 * 1024)

struct template;

/* Bytes that are put together, and used again. */
struct buffer {
	char *data;
	size_t size, room;
};

void buffer_put(struct buffer *buffer, const char *data, size_t size);

/* text and regex must outlive it. Never NULL. */
struct template *template_new(const char *text, const struct regex *regex);
/* NULL is fine. */
void template_free(struct template *template);

/* Whether no group is in it. */
bool template_is_plain(const struct template *template);
/*
 * The number of the first group in it whose capture may differ from that of
 * RE2 (re2.h), or 0.
 */
size_t template_unsteady(const struct template *template);

/*
 * The text after a match of subject. What it returns lies in subject, in the
 * template or in buffer, whose content is replaced.
 */
struct regex_span template_expand(const struct template *template,
    const struct regex_matcher *matcher, const char *subject,
    struct buffer *buffer);

#endif
