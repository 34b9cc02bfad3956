/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "common/log.h"
#include "shipper/account.h"
#include "shipper/latency.h"
#include "shipper/target_lists.h"
#include "shipper/service_stats.h"
#include "shipper/write_stats.h"

#define NSEC_PER_SEC 1000000000.0
/* Without a report for so many intervals and this time something is wrong. */
#define SILENT_INTERVALS 3
#define SILENT_NSEC (10 * 1000000000LL)
/* An idle host may have none of so many ticks of a CPU. */
#define QUIET_TICKS 10000
/* Attempts in a row that make an endpoint unhealthy. */
#define FAILURES_UNHEALTHY 3

/* The value of a label, escaped as the format wants it; to be freed. */
static char *
escaped(const char *text)
{
	char *out = ecalloc(2, strlen(text) + 1), *o = out;

	for (; *text != '\0'; text++) {
		if (*text == '\\' || *text == '"' || *text == '\n')
			*o++ = '\\';
		*o++ = *text == '\n' ? 'n' : *text;
	}
	return out;
}

static void
help(struct evbuffer *out, const char *name, const char *type, const char *text)
{
	evbuffer_add_printf(
	    out, "# HELP %s %s\n# TYPE %s %s\n", name, text, name, type);
}

/* ---- the ledger */

/* Which equation of the ledger a counter stands in. */
static const char *
stage_of(enum ledger_counter c)
{
	switch (c) {
	case LEDGER_RUNS:
	case LEDGER_RING_LOST:
	case LEDGER_FOREIGN_PIDNS:
		return NULL; /* metrics of their own */
	case LEDGER_IDLE:
	case LEDGER_CAPTURED:
	case LEDGER_LOST_COUNTS_FULL:
	case LEDGER_LOST_STACKS_FULL:
	case LEDGER_LOST_STACK_ERROR:
	case LEDGER_LOST_INTERNAL:
		return "run";
	case LEDGER_SHIPPED:
	case LEDGER_DIED_SAMPLER:
	case LEDGER_DIED_CLIENT:
	case LEDGER_LOST_DRAIN:
		return "captured";
	default:
		return strncmp(ledger_name(c), "profiles_", 9) == 0 ? NULL
								    : "shipped";
	}
}

static void
samples_of(void *arg, const char *component, const struct account_sum *sum)
{
	struct evbuffer *out = arg;
	char *id = escaped(component);

	for (int i = 0; i < LEDGER_COUNTERS; i++)
		if (stage_of(i) != NULL)
			evbuffer_add_printf(out,
			    "phlare_ebpf_samples_total{component_id=\"%s\","
			    "stage=\"%s\",outcome=\"%s\"} %" PRIu64 "\n",
			    id, stage_of(i), ledger_name(i), sum->ledger.n[i]);
	free(id);
}

/* Counters that are a metric alone. */
static const struct {
	enum ledger_counter counter;
	const char *name, *help;
} lone_counters[] = {
	{ LEDGER_RUNS, "phlare_ebpf_program_runs_total",
	    "Runs of the BPF program." },
	{ LEDGER_FOREIGN_PIDNS, "phlare_ebpf_foreign_pidns_samples_total",
	    "Samples of processes outside our pid namespace (not a loss)." },
	{ LEDGER_RING_LOST, "phlare_ebpf_ring_lost_records_total",
	    "Side-band records that the kernel dropped." },
	{ LEDGER_PROFILES_BUILT, "phlare_ebpf_profiles_built_total",
	    "Profiles built." },
};

struct lone_view {
	struct evbuffer *out;
	size_t row;
};

static void
lone_of(void *arg, const char *component, const struct account_sum *sum)
{
	const struct lone_view *v = arg;
	char *id = escaped(component);

	evbuffer_add_printf(v->out, "%s{component_id=\"%s\"} %" PRIu64 "\n",
	    lone_counters[v->row].name, id,
	    sum->ledger.n[lone_counters[v->row].counter]);
	free(id);
}

static void
profiles_of(void *arg, const char *component, const struct account_sum *sum)
{
	char *id = escaped(component);

	for (int i = 0; i < LEDGER_COUNTERS; i++)
		if (strncmp(ledger_name(i), "profiles_", 9) == 0 &&
		    i != LEDGER_PROFILES_BUILT)
			evbuffer_add_printf(arg,
			    "phlare_ebpf_profiles_total{component_id=\"%s\","
			    "outcome=\"%s\"} %" PRIu64 "\n",
			    id, ledger_name(i) + 9, sum->ledger.n[i]);
	free(id);
}

static void
ticks_of(void *arg, const char *component, const struct account_sum *sum)
{
	char *id = escaped(component);

	for (int i = 0; i < ACCOUNT_TICK_KINDS; i++)
		evbuffer_add_printf(arg,
		    "phlare_ebpf_clock_ticks_total{component_id=\"%s\","
		    "kind=\"%s\"} %" PRIu64 "\n",
		    id, account_tick_name(i), sum->ticks[i]);
	free(id);
}

static void
write_ledger(const struct metrics_view *v, struct evbuffer *out)
{
	help(out, "phlare_ebpf_samples_total", "counter",
	    "Samples by what became of them; the outcomes of stage run add up "
	    "to the runs of the program.");
	account_each(v->account, samples_of, out);
	for (size_t i = 0; i < sizeof(lone_counters) / sizeof(lone_counters[0]);
	     i++) {
		struct lone_view lone = { out, i };

		help(out, lone_counters[i].name, "counter",
		    lone_counters[i].help);
		account_each(v->account, lone_of, &lone);
	}
	help(out, "phlare_ebpf_profiles_total", "counter",
	    "Profiles by what became of them.");
	account_each(v->account, profiles_of, out);
	help(out, "phlare_ebpf_clock_ticks_total", "counter",
	    "Ticks of the sampling clock over all CPUs, and why some did not "
	    "come.");
	account_each(v->account, ticks_of, out);
}

/* ---- the symbolizer */

#define STATUS(member) offsetof(phlare_SymbolizerStatus, member)

static const struct {
	const char *name, *type;
	size_t offset;
	const char *help;
} status_rows[] = {
	{ "phlare_ebpf_profiling_sessions_total", "counter", STATUS(interval),
	    "Intervals that were begun." },
	{ "phlare_ebpf_profiling_sessions_failing_total", "counter",
	    STATUS(intervals_failed),
	    "Intervals without a sampler, or with one that did not answer." },
	{ "phlare_ebpf_intervals_total", "counter", STATUS(interval),
	    "Finished intervals." },
	{ "phlare_ebpf_processes_cached", "gauge", STATUS(pids_cached),
	    "Processes in the cache." },
	{ "phlare_ebpf_files_cached", "gauge", STATUS(files_cached),
	    "Files in the cache." },
	{ "phlare_ebpf_files_parsed_total", "counter", STATUS(files_parsed),
	    "Files parsed." },
	{ "phlare_ebpf_files_refused_total", "counter", STATUS(files_refused),
	    "Files that could not be parsed." },
	{ "phlare_ebpf_processes_evicted_total", "counter",
	    STATUS(pids_evicted), "Processes that left the full cache." },
	{ "phlare_ebpf_files_evicted_total", "counter", STATUS(files_evicted),
	    "Files that left the full cache." },
	{ "phlare_ebpf_symbol_table_bytes", "gauge", STATUS(table_bytes),
	    "Memory of symbol tables." },
	{ "phlare_ebpf_map_bytes", "gauge", STATUS(map_bytes),
	    "Kernel memory of BPF maps." },
	{ "phlare_ebpf_frames_named_total", "counter", STATUS(frames_named),
	    "Frames with a symbol." },
	{ "phlare_ebpf_frames_unnamed_total", "counter", STATUS(frames_unnamed),
	    "Frames without one." },
	{ "phlare_ebpf_active_targets", "gauge", STATUS(container_targets),
	    "Targets that a container id leads to." },
	{ "phlare_ebpf_active_pid_targets", "gauge", STATUS(pid_targets),
	    "Targets that a pid leads to." },
	{ "phlare_ebpf_container_ids_cached", "gauge",
	    STATUS(container_ids_cached),
	    "Processes whose container is known." },
	{ "phlare_ebpf_container_ids_evicted_total", "counter",
	    STATUS(container_ids_evicted),
	    "Processes that left the full cache of container ids." },
	{ "phlare_ebpf_cgroup_files_asked_total", "counter",
	    STATUS(cgroups_asked), "How often a cgroup file was asked for." },
	{ "phlare_ebpf_healthy", "gauge", STATUS(healthy),
	    "Whether the symbolizer says all is well." },
};

static uint64_t
status_value(const phlare_SymbolizerStatus *status, size_t offset)
{
	uint64_t wide;
	uint32_t narrow;

	if (offset == STATUS(healthy)) {
		memcpy(&narrow, (const char *)status + offset, sizeof(narrow));
		return narrow;
	}
	memcpy(&wide, (const char *)status + offset, sizeof(wide));
	return wide;
}

static void
write_status(const struct metrics_view *v, struct evbuffer *out)
{
	for (size_t i = 0; i < sizeof(status_rows) / sizeof(status_rows[0]);
	     i++) {
		help(out, status_rows[i].name, status_rows[i].type,
		    status_rows[i].help);
		for (size_t k = 0; k < v->components; k++) {
			const struct metrics_component *c = &v->component[k];
			char *id = escaped(c->id);

			if (c->reported)
				evbuffer_add_printf(out,
				    "%s{component_id=\"%s\"} %" PRIu64 "\n",
				    status_rows[i].name, id,
				    status_value(
					&c->status, status_rows[i].offset));
			free(id);
		}
	}
}

/* ---- targets */

static void
write_lists(const struct metrics_view *v, struct evbuffer *out)
{
	help(out, "phlare_discovery_targets", "gauge",
	    "Targets that the component exports.");
	for (size_t i = 0; i < v->lists; i++)
		if (v->list[i].present)
			evbuffer_add_printf(out,
			    "phlare_discovery_targets{component_id=\"%s\"} "
			    "%" PRIu64 "\n",
			    v->list[i].id, v->list[i].targets);
	help(out, "phlare_relabel_limit_total", "counter",
	    "Targets dropped because a rule took too long on their labels or "
	    "made them too long.");
	for (size_t i = 0; i < v->lists; i++)
		if (v->list[i].relabels)
			evbuffer_add_printf(out,
			    "phlare_relabel_limit_total{component_id=\"%s\"} "
			    "%" PRIu64 "\n",
			    v->list[i].id, v->list[i].given_up);
}

static void
write_notes(const struct metrics_view *v, struct evbuffer *out)
{
	for (size_t i = 0; i < v->lists; i++)
		if (v->list[i].present && v->list[i].notice != NULL)
			evbuffer_add_printf(out, "note: %s: %s\n",
			    v->list[i].id, v->list[i].notice);
}

/* ---- writing */

static const struct {
	const char *name, *type;
	size_t offset;
	const char *help;
} write_rows[] = {
	{ "phlare_write_sent_bytes_total", "counter",
	    offsetof(struct write_stats, sent_bytes),
	    "Total number of compressed bytes sent to Phlare." },
	{ "phlare_write_dropped_bytes_total", "counter",
	    offsetof(struct write_stats, dropped_bytes),
	    "Total number of compressed bytes dropped by Phlare." },
	{ "phlare_write_sent_profiles_total", "counter",
	    offsetof(struct write_stats, sent_profiles),
	    "Total number of profiles sent to Phlare." },
	{ "phlare_write_dropped_profiles_total", "counter",
	    offsetof(struct write_stats, dropped_profiles),
	    "Total number of profiles dropped by Phlare." },
	{ "phlare_write_retries_total", "counter",
	    offsetof(struct write_stats, retries),
	    "Total number of retries to Phlare." },
	{ "phlare_write_queued_profiles", "gauge",
	    offsetof(struct write_stats, queued_profiles),
	    "Profiles that wait for the endpoint." },
	{ "phlare_write_queued_bytes", "gauge",
	    offsetof(struct write_stats, queued_bytes),
	    "Compressed bytes that wait for the endpoint." },
};

static void
write_writes(const struct metrics_view *v, struct evbuffer *out)
{
	for (size_t i = 0; i < sizeof(write_rows) / sizeof(write_rows[0]);
	     i++) {
		const struct write_stats *s;
		bool counter = strcmp(write_rows[i].type, "counter") == 0;

		help(out, write_rows[i].name, write_rows[i].type,
		    write_rows[i].help);
		TAILQ_FOREACH(s, v->writes, entry) {
			char *id = escaped(s->component);
			char *url = escaped(s->url);
			uint64_t value;

			memcpy(&value, (const char *)s + write_rows[i].offset,
			    sizeof(value));
			/* a counter appears with its first increment */
			if (!counter || value > 0)
				evbuffer_add_printf(out,
				    "%s{component_id=\"%s\",endpoint=\"%s\"} "
				    "%" PRIu64 "\n",
				    write_rows[i].name, id, url, value);
			free(id);
			free(url);
		}
	}
}

static void
write_latency(const struct latency *l, struct evbuffer *out)
{
	char *id = escaped(l->component);
	uint64_t count = 0;

	for (int i = 0; i < LATENCY_BUCKETS; i++) {
		count += l->bucket[i];
		evbuffer_add_printf(out,
		    "phlare_fanout_latency_bucket{component_id=\"%s\","
		    "le=\"%g\"} %" PRIu64 "\n",
		    id, latency_bounds[i], count);
	}
	count += l->bucket[LATENCY_BUCKETS];
	evbuffer_add_printf(out,
	    "phlare_fanout_latency_bucket{component_id=\"%s\",le=\"+Inf\"} "
	    "%" PRIu64 "\n"
	    "phlare_fanout_latency_sum{component_id=\"%s\"} %.9g\n"
	    "phlare_fanout_latency_count{component_id=\"%s\"} %" PRIu64 "\n",
	    id, count, id, l->sum, id, count);
	free(id);
}

static void
write_fanout(const struct latency_list *list, struct evbuffer *out)
{
	const struct latency *l;

	help(out, "phlare_fanout_latency", "histogram",
	    "Write latency for sending to phlare profiles");
	TAILQ_FOREACH(l, list, entry)
		write_latency(l, out);
}

static void
write_lone(struct evbuffer *out, const char *name, const char *type,
    const char *text, int64_t value)
{
	help(out, name, type, text);
	evbuffer_add_printf(out, "%s %" PRId64 "\n", name, value);
}

/* ---- services */

static const struct {
	const char *name, *help;
	size_t offset;
} service_rows[] = {
#define ROW(member, metric, what)                                              \
	{ metric, what, offsetof(struct service_numbers, member) },
	SERVICE_NUMBERS(ROW)
#undef ROW
};

struct service_view {
	struct evbuffer *out;
	size_t row;
};

static void
service_of(void *arg, const char *component, const char *service,
    const struct service_numbers *numbers)
{
	const struct service_view *v = arg;
	char *id = escaped(component), *name = escaped(service);
	uint64_t value;

	memcpy(&value, (const char *)numbers + service_rows[v->row].offset,
	    sizeof(value));
	evbuffer_add_printf(v->out,
	    "%s{component_id=\"%s\",service_name=\"%s\"} %" PRIu64 "\n",
	    service_rows[v->row].name, id, name, value);
	free(id);
	free(name);
}

static void
write_services(const struct service_stats *services, struct evbuffer *out)
{
	for (size_t i = 0; i < sizeof(service_rows) / sizeof(service_rows[0]);
	     i++) {
		struct service_view v = { out, i };

		help(
		    out, service_rows[i].name, "counter", service_rows[i].help);
		service_stats_each(services, service_of, &v);
	}
}

void
metrics_write(const struct metrics_view *v, struct evbuffer *out)
{
	help(out, "phlare_ebpf_build_info", "gauge", "The version.");
	evbuffer_add_printf(
	    out, "phlare_ebpf_build_info{version=\"" PACKAGE_VERSION "\"} 1\n");
	write_lone(out, "phlare_ebpf_symbolizer_connected", "gauge",
	    "Whether a symbolizer is connected.", v->connected);
	write_lone(out, "phlare_ebpf_config_last_reload_successful", "gauge",
	    "Whether the configuration was good when it was last read.",
	    v->config_good);
	write_lone(out,
	    "phlare_ebpf_config_last_reload_success_timestamp_seconds", "gauge",
	    "When a good configuration was last read.", v->config_loaded_sec);
	write_lone(out, "phlare_ebpf_profiles_queued", "gauge",
	    "Profiles taken in, neither sent nor dropped yet.",
	    (int64_t)v->queued);
	write_ledger(v, out);
	write_status(v, out);
	write_lists(v, out);
	write_writes(v, out);
	write_services(v->services, out);
	write_fanout(v->fanout, out);
}

/* ---- health */

/* How long it may take until something comes. */
static int64_t
patience_ns(const struct metrics_component *c)
{
	return SILENT_INTERVALS * c->interval_ns + SILENT_NSEC;
}

static bool
is_heard(const struct metrics_view *v, const struct metrics_component *c,
    struct evbuffer *out)
{
	int64_t since = c->reported ? c->reported_ns : v->started_ns;

	if (v->now_ns - since <= patience_ns(c))
		return true;
	evbuffer_add_printf(out,
	    "%s: nothing heard from the symbolizer for %.0f s: "
	    "phlare-symbolizer must be started again if it hangs\n",
	    c->id, (v->now_ns - since) / NSEC_PER_SEC);
	return false;
}

/* CPUs that do nothing do not tick: it takes long to be sure. */
static bool
has_samples(const struct metrics_view *v, const struct metrics_component *c,
    struct evbuffer *out)
{
	int64_t ticks = c->sample_rate > 0
			    ? NSEC_PER_SEC * QUIET_TICKS / c->sample_rate
			    : 0;

	if (c->runs_ns == 0 || v->now_ns - c->runs_ns <= patience_ns(c) + ticks)
		return true;
	evbuffer_add_printf(out,
	    "%s: no sample was taken for %.0f s: see the log of "
	    "phlare-collector\n",
	    c->id, (v->now_ns - c->runs_ns) / NSEC_PER_SEC);
	return false;
}

static bool
has_names(const struct metrics_view *v, const struct metrics_component *c,
    struct evbuffer *out)
{
	if (c->unnamed_ns <= c->named_ns ||
	    v->now_ns - c->named_ns <= patience_ns(c))
		return true;
	evbuffer_add_printf(out,
	    "%s: no frame had a name for %.0f s: phlare-collector opens no "
	    "file for phlare-symbolizer, see their logs\n",
	    c->id, (v->now_ns - c->named_ns) / NSEC_PER_SEC);
	return false;
}

static bool
component_healthy(const struct metrics_view *v,
    const struct metrics_component *c, struct evbuffer *out)
{
	if (!is_heard(v, c, out))
		return false;
	if (c->reported && !c->status.healthy) {
		evbuffer_add_printf(out,
		    "%s: %s: is phlare-collector running?\n", c->id,
		    c->status.text);
		return false;
	}
	return has_samples(v, c, out) && has_names(v, c, out);
}

bool
metrics_health(const struct metrics_view *v, struct evbuffer *out)
{
	const struct write_stats *s;
	bool healthy = true;

	if (!v->connected && v->now_ns - v->started_ns > SILENT_NSEC) {
		evbuffer_add_printf(out,
		    "no symbolizer is connected: is phlare-symbolizer "
		    "running?\n");
		healthy = false;
	}
	for (size_t i = 0; i < v->components; i++)
		healthy &= component_healthy(v, &v->component[i], out);
	TAILQ_FOREACH(s, v->writes, entry) {
		if (s->failures < FAILURES_UNHEALTHY)
			continue;
		evbuffer_add_printf(out,
		    "%s: endpoint %s has failed %" PRIu64
		    " times in a row: %s: is it the right url, and does the "
		    "server run?\n",
		    s->component, s->url, s->failures, s->error);
		healthy = false;
	}
	if (!v->config_good) {
		evbuffer_add_printf(out,
		    "the configuration has mistakes, the one before it is "
		    "still used: correct it, the log says where, and reload\n");
		healthy = false;
	}
	if (healthy)
		evbuffer_add_printf(out, "healthy\n");
	write_notes(v, out);
	return healthy;
}
