/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/logging_args.h"

#include <stddef.h>
#include <string.h>
#include <syslog.h>

#include "shipper/config_file.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define AT(member) offsetof(struct logging_args, member)

static const struct {
	const char *name;
	int level;
} levels[] = {
	{ "error", LOG_ERR },
	{ "warn", LOG_WARNING },
	{ "info", LOG_INFO },
	{ "debug", LOG_DEBUG },
};

/* The level of that name, or -1. */
static int
find_level(const char *name)
{
	for (size_t i = 0; i < COUNT(levels); i++)
		if (strcmp(levels[i].name, name) == 0)
			return levels[i].level;
	return -1;
}

static const char *
check_level(struct river_decoder *d, const void *member)
{
	const char *text = *(const char *const *)member;

	if (find_level(text) >= 0)
		return NULL;
	return river_decoder_printf(
	    d, "unrecognized log level %s", river_decoder_quote(d, text));
}

static const char *
check_format(struct river_decoder *d, const void *member)
{
	const char *text = *(const char *const *)member;

	if (strcmp(text, "logfmt") == 0 || strcmp(text, "json") == 0)
		return NULL;
	return river_decoder_printf(
	    d, "unrecognized log format %s", river_decoder_quote(d, text));
}

static void
check(struct river_decoder *d, void *args)
{
	const struct logging_args *a = args;

	if (river_body_attribute(&a->block->body, "format") != NULL)
		river_decoder_warn_at(
		    d, a->block, "format", "\"format\" has no effect");
}

static const struct river_field fields[] = {
	{ "level", RIVER_FIELD_STRING, AT(level), RIVER_TEXT,
	    .check = check_level },
	{ "format", RIVER_FIELD_STRING, AT(format), RIVER_TEXT,
	    .check = check_format },
	{ 0 },
};
static const struct logging_args defaults = {
	.level = "info",
	.format = "logfmt",
};
const struct river_schema logging_args_schema = { sizeof(struct logging_args),
	fields, &defaults, check };

int
logging_args_level(const struct config *config)
{
	const struct config_component *c = config_find(config, "logging");
	const struct logging_args *a = c != NULL ? c->args : &defaults;
	int level = find_level(a->level);

	return level >= 0 ? level : LOG_INFO; /* null is "" */
}
