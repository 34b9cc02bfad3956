/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/relabel_args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/river/format.h"
#include "shipper/components.h"
#include "shipper/labels.h"
#include "shipper/relabel.h"
#include "shipper/relabel_regex.h"
#include "shipper/relabel_template.h"

/* Any offset of a member. */
#define AT(type, member) offsetof(struct type, member)

#define DEFAULT_SEPARATOR ";"
#define DEFAULT_REGEX "(.*)"
#define DEFAULT_REPLACEMENT "$1"

/* What an action needs and what it may not have. */
#define NEEDS_TARGET 1u
#define NEEDS_SOURCES 2u
#define TARGET_IS_TEMPLATE 4u
#define TARGET_IS_NAME 8u
#define NO_REPLACEMENT 16u
#define REPLACEMENT_IS_TEMPLATE 32u
#define ONLY_REGEX 64u
#define ONLY_LABELS 128u

static const unsigned needs[RELABEL_ACTIONS] = {
	[RELABEL_REPLACE] = NEEDS_TARGET | TARGET_IS_TEMPLATE,
	[RELABEL_KEEPEQUAL] = NEEDS_TARGET | NEEDS_SOURCES | ONLY_LABELS,
	[RELABEL_DROPEQUAL] = NEEDS_TARGET | NEEDS_SOURCES | ONLY_LABELS,
	[RELABEL_HASHMOD] = NEEDS_TARGET | TARGET_IS_NAME,
	[RELABEL_LABELMAP] = REPLACEMENT_IS_TEMPLATE,
	[RELABEL_LABELDROP] = ONLY_REGEX,
	[RELABEL_LABELKEEP] = ONLY_REGEX,
	[RELABEL_LOWERCASE] =
	    NEEDS_TARGET | TARGET_IS_TEMPLATE | NO_REPLACEMENT,
	[RELABEL_UPPERCASE] =
	    NEEDS_TARGET | TARGET_IS_TEMPLATE | NO_REPLACEMENT,
};

/* ---- one value */

static const char *
check_action(struct river_decoder *d, const void *member)
{
	const char *text = *(const char *const *)member;

	if (relabel_action_find(text) >= 0)
		return NULL;
	return river_decoder_printf(
	    d, "unrecognized action type %s", river_decoder_quote(d, text));
}

static const char *
check_regex(struct river_decoder *d, const void *member)
{
	char *why = NULL;
	struct regex *regex = regex_new(*(const char *const *)member, &why);
	const char *text;

	if (regex != NULL) {
		regex_free(regex);
		return NULL;
	}
	text = river_decoder_printf(d, "%s", why);
	free(why);
	return text;
}

static const char *
check_text(struct river_decoder *d, const void *member)
{
	const char *text = *(const char *const *)member;

	(void)d;
	return labels_text_valid(text, strlen(text)) ? NULL : "no valid UTF-8";
}

static const char *
check_targets(struct river_decoder *d, const void *member)
{
	const struct river_targets *targets = member;

	for (size_t i = 0; i < targets->count; i++) {
		const char *wrong =
		    component_wrong_labels(d, &targets->item[i]);

		if (wrong != NULL)
			return wrong;
	}
	return NULL;
}

/* ---- a rule as a whole */

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_';
}

static size_t
word_size(const char *text)
{
	size_t n = 0;

	while (is_word(text[n]))
		n++;
	return n;
}

/* How long a reference to a group at text is, 0: none. */
static size_t
reference_size(const char *text)
{
	bool brace = text[1] == '{';
	size_t word = word_size(text + 1 + brace);

	if (word == 0 || (brace && text[2 + word] != '}'))
		return 0;
	return 1 + word + (brace ? 2 : 0);
}

/* Whether it can become the name of a label: "a", "a_${1}", "$name". */
static bool
is_name_template(const char *text)
{
	if (text[0] == '\0' || (text[0] >= '0' && text[0] <= '9'))
		return false;
	while (*text != '\0') {
		size_t n =
		    *text == '$' ? reference_size(text) : word_size(text);

		if (n == 0)
			return false;
		text += n;
	}
	return true;
}

static bool
is_name(const char *text)
{
	return is_name_template(text) && strchr(text, '$') == NULL;
}

static bool
is_given(const struct relabel_rule_args *a, const char *name)
{
	return river_body_attribute(&a->block->body, name) != NULL;
}

static bool
is_default(const char *text, const char *otherwise)
{
	return strcmp(text, otherwise) == 0;
}

/* Of separator, replacement and modulus. */
static bool
has_more(const struct relabel_rule_args *a)
{
	return a->modulus != 0 ||
	       !is_default(a->separator, DEFAULT_SEPARATOR) ||
	       !is_default(a->replacement, DEFAULT_REPLACEMENT);
}

static void
refuse_shape(struct river_decoder *d, const struct relabel_rule_args *a,
    const char *attribute, const char *value)
{
	river_decoder_refuse(d, "%s is invalid '%s' for %s action",
	    river_decoder_quote(d, value), attribute, a->action);
}

static void
refuse_without(struct river_decoder *d, const struct relabel_rule_args *a,
    const char *attribute)
{
	river_decoder_refuse(d,
	    "relabel configuration for %s action requires '%s' value",
	    a->action, attribute);
}

/* The template whose groups would not be those of RE2. */
static void
check_groups(struct river_decoder *d, const struct relabel_rule_args *a)
{
	char *why = NULL;
	struct regex *regex = regex_new(a->regex, &why);
	struct template *target, *replacement;
	size_t group;

	free(why);
	if (regex == NULL)
		return;
	target = template_new(a->target_label, regex);
	replacement = template_new(a->replacement, regex);
	group = template_unsteady(target);
	if (group == 0)
		group = template_unsteady(replacement);
	if (group != 0)
		river_decoder_refuse_at(d, a->block, "regex",
		    "group %zu is in a repetition of something that can match "
		    "nothing, as in (a*)*: what it captures is not defined",
		    group);
	template_free(target);
	template_free(replacement);
	regex_free(regex);
}

static void
check_rule(struct river_decoder *d, void *args)
{
	const struct relabel_rule_args *a = args;
	int action = relabel_action_find(a->action);
	unsigned n = action >= 0 ? needs[action] : 0;

	if (action < 0)
		river_decoder_refuse(d, "relabel action cannot be empty");
	else if (action == RELABEL_HASHMOD && a->modulus == 0)
		river_decoder_refuse(d,
		    "relabel configuration for hashmod requires non-zero "
		    "modulus");
	else if ((n & NEEDS_TARGET) && a->target_label[0] == '\0')
		refuse_without(d, a, "target_label");
	else if ((n & NEEDS_SOURCES) && !is_given(a, "source_labels"))
		refuse_without(d, a, "source_labels");
	else if ((n & TARGET_IS_TEMPLATE) && !is_name_template(a->target_label))
		refuse_shape(d, a, "target_label", a->target_label);
	else if ((n & NO_REPLACEMENT) &&
		 !is_default(a->replacement, DEFAULT_REPLACEMENT))
		river_decoder_refuse(
		    d, "'replacement' can not be set for %s action", a->action);
	else if ((n & REPLACEMENT_IS_TEMPLATE) &&
		 !is_name_template(a->replacement))
		refuse_shape(d, a, "replacement", a->replacement);
	else if ((n & TARGET_IS_NAME) && !is_name(a->target_label))
		refuse_shape(d, a, "target_label", a->target_label);
	else if ((n & ONLY_REGEX) &&
		 (is_given(a, "source_labels") || a->target_label[0] != '\0' ||
		     has_more(a)))
		river_decoder_refuse(d,
		    "%s action requires only 'regex', and no other fields",
		    a->action);
	else if ((n & ONLY_LABELS) &&
		 (!is_default(a->regex, DEFAULT_REGEX) || has_more(a)))
		river_decoder_refuse(d,
		    "%s action requires only 'source_labels' and "
		    "'target_label', and no other fields",
		    a->action);
	else if (action == RELABEL_REPLACE || action == RELABEL_LABELMAP)
		check_groups(d, a);
}

static const struct river_field rule_fields[] = {
	{ "source_labels", RIVER_FIELD_STRINGS,
	    AT(relabel_rule_args, source_labels) },
	{ "separator", RIVER_FIELD_STRING, AT(relabel_rule_args, separator),
	    .check = check_text },
	{ "regex", RIVER_FIELD_STRING, AT(relabel_rule_args, regex), RIVER_TEXT,
	    .check = check_regex },
	{ "modulus", RIVER_FIELD_UINT, AT(relabel_rule_args, modulus) },
	{ "target_label", RIVER_FIELD_STRING,
	    AT(relabel_rule_args, target_label), .check = check_text },
	{ "replacement", RIVER_FIELD_STRING, AT(relabel_rule_args, replacement),
	    .check = check_text },
	{ "action", RIVER_FIELD_STRING, AT(relabel_rule_args, action),
	    RIVER_TEXT, .check = check_action },
	{ 0 },
};

static const struct relabel_rule_args rule_defaults = {
	.separator = DEFAULT_SEPARATOR,
	.regex = DEFAULT_REGEX,
	.target_label = "",
	.replacement = DEFAULT_REPLACEMENT,
	.action = "replace",
};

const struct river_schema relabel_args_rule = { sizeof(
						    struct relabel_rule_args),
	rule_fields, &rule_defaults, check_rule };

static const struct river_field relabel_fields[] = {
	{ "targets", RIVER_FIELD_TARGETS, AT(relabel_args, targets),
	    RIVER_REQUIRED, .check = check_targets },
	{ "rule", RIVER_FIELD_BLOCKS, AT(relabel_args, rules),
	    .block = &relabel_args_rule },
	{ 0 },
};

const struct river_schema relabel_args_schema = { sizeof(struct relabel_args),
	relabel_fields, NULL, NULL };
