/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/ebpf_args.h"

#include <stddef.h>
#include <string.h>

#include "common/settings.h"
#include "common/shipper.pb.h"
#include "shipper/components.h"
#include "shipper/labels.h"
#include "shipper/target_set.h"

#define SEC 1000000000LL
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define AT(member) offsetof(struct ebpf_args, member)
/* A value of a label: what servers take. */
#define LABEL_VALUE_MAX_BYTES 2048

struct word {
	const char *text;
	int number;
};

static int
find_word(const struct word *words, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i].text, text) == 0)
			return words[i].number;
	return -1;
}

static const struct word demangle_words[] = {
	{ "none", phlare_Demangle_DEMANGLE_NONE },
	{ "", phlare_Demangle_DEMANGLE_NONE },
	{ "simplified", phlare_Demangle_DEMANGLE_SIMPLIFIED },
	{ "templates", phlare_Demangle_DEMANGLE_TEMPLATES },
	{ "full", phlare_Demangle_DEMANGLE_FULL },
};

static const struct word comm_words[] = {
	{ "none", phlare_Comm_COMM_NONE },
	{ "", phlare_Comm_COMM_NONE },
	{ "label", phlare_Comm_COMM_LABEL },
	{ "stackframe", phlare_Comm_COMM_STACKFRAME },
	{ "both", phlare_Comm_COMM_BOTH },
};

int
ebpf_args_demangle(const char *text)
{
	return find_word(demangle_words, COUNT(demangle_words), text);
}

int
ebpf_args_comm(const char *text)
{
	return find_word(comm_words, COUNT(comm_words), text);
}

/* ---- checks of one value */

static const char *
check_demangle(struct river_decoder *d, const void *member)
{
	const char *text = *(const char *const *)member;

	if (ebpf_args_demangle(text) >= 0)
		return NULL;
	return river_decoder_printf(d,
	    "\"%s\" is no demangle mode: none, simplified, templates or full",
	    text);
}

static const char *
check_comm(struct river_decoder *d, const void *member)
{
	const char *text = *(const char *const *)member;

	if (ebpf_args_comm(text) >= 0)
		return NULL;
	return river_decoder_printf(
	    d, "\"%s\" is no comm mode: none, label, stackframe or both", text);
}

static const char *
check_label_text(struct river_decoder *d, const void *member)
{
	const char *text = *(const char *const *)member;
	size_t size = strlen(text);

	(void)d;
	if (size > LABEL_VALUE_MAX_BYTES)
		return "longer than a label may be";
	return labels_text_valid(text, size) ? NULL : "no valid UTF-8";
}

static const char *
check_labels(struct river_decoder *d, const void *member)
{
	return component_wrong_labels(d, member);
}

static const char *
check_targets(struct river_decoder *d, const void *member)
{
	const struct river_targets *targets = member;
	const char *wrong = NULL;

	if (targets->count > SETTINGS_TARGETS_MAX)
		return river_decoder_printf(
		    d, "more than %d targets", SETTINGS_TARGETS_MAX);
	for (size_t i = 0; i < targets->count && wrong == NULL; i++)
		wrong = component_wrong_labels(d, &targets->item[i]);
	return wrong;
}

/* ---- the whole */

/* Of other profilers and of later versions; nothing here depends on them. */
static const char *const without_effect[] = { "cache_rounds",
	"go_table_fallback", "kubernetes_node", "pid_map_size",
	"python_enabled", "symbols_map_size" };

static void
warn_without_effect(struct river_decoder *d, const struct river_block *block)
{
	for (size_t i = 0; i < COUNT(without_effect); i++)
		if (river_body_attribute(&block->body, without_effect[i]))
			river_decoder_warn_at(d, block, without_effect[i],
			    "\"%s\" has no effect", without_effect[i]);
}

/* The later names of the file cache mean ours, the largest one counts. */
static void
take_aliases(struct ebpf_args *a)
{
	int64_t alias = a->build_id_cache_size > a->same_file_cache_size
			    ? a->build_id_cache_size
			    : a->same_file_cache_size;

	if (alias > 0 &&
	    river_body_attribute(&a->block->body, "elf_cache_size") == NULL)
		a->elf_cache_size = alias;
}

/* Both mistakes in one message, as users of these arguments know it. */
static void
check_map_sizes(struct river_decoder *d, const struct ebpf_args *a)
{
	bool symbols = a->symbols_map_size <= 0, pids = a->pid_map_size <= 0;

	if (symbols || pids)
		river_decoder_refuse(d, "%s%s%s",
		    symbols ? "symbols_map_size must be greater than 0" : "",
		    symbols && pids ? "\n" : "",
		    pids ? "pid_map_size must be greater than 0" : "");
}

/* Found now, not when the symbolizer is to have them. */
static void
check_size_of_targets(struct river_decoder *d, const struct ebpf_args *a)
{
	const char *id = river_decoder_printf(
	    d, "%s.%s", a->block->name.text, a->block->label.text);

	if (!target_set_fits(a, id))
		river_decoder_refuse_at(d, a->block, "targets",
		    "more than %d MiB of targets",
		    SETTINGS_TARGETS_MAX_BYTES / (1024 * 1024));
}

static void
check(struct river_decoder *d, void *args)
{
	struct ebpf_args *a = args;

	take_aliases(a);
	check_size_of_targets(d, a);
	warn_without_effect(d, a->block);
	check_map_sizes(d, a);
}

/* ---- tables */

static const struct river_field fields[] = {
	{ "forward_to", RIVER_FIELD_CAPSULES, AT(forward_to), RIVER_REQUIRED,
	    .capsule = &component_receiver_type },
	{ "targets", RIVER_FIELD_TARGETS, AT(targets), .check = check_targets },
	{ "default_target", RIVER_FIELD_MAP, AT(default_target),
	    .check = check_labels },
	{ "targets_only", RIVER_FIELD_BOOL, AT(targets_only) },
	{ "job_name", RIVER_FIELD_STRING, AT(job_name),
	    .check = check_label_text },
	{ "service_name", RIVER_FIELD_STRING, AT(service_name),
	    .check = check_label_text },
	{ "kubernetes_node", RIVER_FIELD_STRING, AT(kubernetes_node) },
	{ "collect_interval", RIVER_FIELD_DURATION, AT(collect_interval),
	    .min = SETTINGS_INTERVAL_MIN_NS, .max = SETTINGS_INTERVAL_MAX_NS },
	{ "sample_rate", RIVER_FIELD_INT, AT(sample_rate), .min = 1,
	    .max = SETTINGS_RATE_MAX },
	{ "pid_cache_size", RIVER_FIELD_INT, AT(pid_cache_size), .min = 1,
	    .max = SETTINGS_PID_CACHE_MAX },
	{ "elf_cache_size", RIVER_FIELD_INT, AT(elf_cache_size), .min = 1,
	    .max = SETTINGS_ELF_CACHE_MAX },
	{ "build_id_cache_size", RIVER_FIELD_INT, AT(build_id_cache_size),
	    .min = 1, .max = SETTINGS_ELF_CACHE_MAX },
	{ "same_file_cache_size", RIVER_FIELD_INT, AT(same_file_cache_size),
	    .min = 1, .max = SETTINGS_ELF_CACHE_MAX },
	{ "container_id_cache_size", RIVER_FIELD_INT,
	    AT(container_id_cache_size), .min = 1,
	    .max = SETTINGS_PID_CACHE_MAX },
	{ "collect_user_profile", RIVER_FIELD_BOOL, AT(collect_user_profile) },
	{ "collect_kernel_profile", RIVER_FIELD_BOOL,
	    AT(collect_kernel_profile) },
	{ "demangle", RIVER_FIELD_STRING, AT(demangle),
	    .check = check_demangle },
	{ "comm", RIVER_FIELD_STRING, AT(comm), .check = check_comm },
	{ "pid_label", RIVER_FIELD_BOOL, AT(pid_label) },
	{ "cache_rounds", RIVER_FIELD_INT, AT(cache_rounds) },
	{ "symbols_map_size", RIVER_FIELD_INT, AT(symbols_map_size) },
	{ "pid_map_size", RIVER_FIELD_INT, AT(pid_map_size) },
	{ "python_enabled", RIVER_FIELD_BOOL, AT(python_enabled) },
	{ "go_table_fallback", RIVER_FIELD_BOOL, AT(go_table_fallback) },
	{ 0 },
};

static const struct ebpf_args phlare_defaults = {
	.collect_interval = 10 * SEC,
	.sample_rate = 100,
	.pid_cache_size = 64,
	.elf_cache_size = 128,
	.container_id_cache_size = 1024,
	.collect_user_profile = true,
	.collect_kernel_profile = true,
	.demangle = "simplified",
	.comm = "stackframe",
	.cache_rounds = 3,
	.python_enabled = true,
	.symbols_map_size = 2048,
	.pid_map_size = 16384,
};
const struct river_schema ebpf_args_phlare = { sizeof(struct ebpf_args), fields,
	&phlare_defaults, check };

static const struct ebpf_args pyroscope_defaults = {
	.targets_only = true,
	.collect_interval = 15 * SEC,
	.sample_rate = 97,
	.pid_cache_size = 32,
	.elf_cache_size = 64,
	.container_id_cache_size = 1024,
	.collect_user_profile = true,
	.collect_kernel_profile = true,
	.demangle = "none",
	.comm = "stackframe",
	.cache_rounds = 3,
	.python_enabled = true,
	.symbols_map_size = 2048,
	.pid_map_size = 16384,
};
const struct river_schema ebpf_args_pyroscope = { sizeof(struct ebpf_args),
	fields, &pyroscope_defaults, check };
