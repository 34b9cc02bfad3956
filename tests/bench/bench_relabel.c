/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast targets are relabelled and handed on: rules per second behind the
 * shipper's sandbox, what the forbidden JIT would bring, how long a large
 * configuration takes, and 10 000 targets on their way to the symbolizer.
 */
#include "config.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memfd.h"
#include "common/river/arena.h"
#include "common/river/diagnostics.h"
#include "common/river/eval.h"
#include "common/river/source.h"
#include "common/sandbox.h"
#include "common/settings.h"
#include "shipper/config_file.h"
#include "shipper/re2.h"
#include "shipper/relabel.h"
#include "shipper/relabel_args.h"
#include "shipper/target_set.h"
#include "symbolizer/targets.h"

#define TARGETS 10000
#define ROUNDS 5
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Names are cut here, as they are said of "__meta_kubernetes_". */
#define M "__meta_kubernetes_"

/* As people write them; a target goes through all 20. */
static const char *const rules[] = {
	"source_labels = [\"" M "pod_node_name\"]\n"
	"regex = regex_quote(\"node-7.internal\")\naction = \"keep\"",
	"source_labels = [\"" M "pod_phase\"]\n"
	"regex = \"Pending|Succeeded|Failed|Completed\"\naction = \"drop\"",
	"source_labels = [\"" M "pod_annotation_scrape\"]\n"
	"regex = \"false\"\naction = \"drop\"",
	"source_labels = [\"" M "namespace\"]\ntarget_label = \"namespace\"",
	"source_labels = [\"" M "pod_name\"]\ntarget_label = \"pod\"",
	"source_labels = [\"" M "pod_container_name\"]\n"
	"target_label = \"container\"",
	"source_labels = [\"" M "pod_node_name\"]\ntarget_label = \"node\"",
	"source_labels = [\"" M "namespace\", \"" M "pod_label_app\"]\n"
	"separator = \"/\"\ntarget_label = \"job\"",
	"source_labels = [\"" M "pod_name\"]\n"
	"regex = \"(.+)-[0-9a-f]{8,10}-[a-z0-9]{5}\"\n"
	"target_label = \"workload\"",
	"source_labels = [\"" M "pod_container_image\"]\n"
	"regex = \"(?:.*/)?([^/:]+):(.+)\"\n"
	"target_label = \"image\"\nreplacement = \"$1\"",
	"source_labels = [\"" M "pod_container_image\"]\n"
	"regex = \"(?:.*/)?([^/:]+):(.+)\"\n"
	"target_label = \"version\"\nreplacement = \"$2\"",
	"regex = \"" M "pod_label_(.+)\"\naction = \"labelmap\"",
	"source_labels = [\"" M "pod_name\"]\ntarget_label = \"shard\"\n"
	"modulus = 64\naction = \"hashmod\"",
	"source_labels = [\"team\"]\ntarget_label = \"team\"\n"
	"action = \"lowercase\"",
	"source_labels = [\"" M "namespace\"]\nregex = \"(kube|istio)-.*\"\n"
	"target_label = \"kind\"\nreplacement = \"system\"",
	"source_labels = [\"" M "namespace\", \"" M "pod_name\", \"" M
	"pod_container_name\"]\nregex = \"([^;]+);([^;]+);([^;]+)\"\n"
	"target_label = \"service_name\"\nreplacement = \"$1/$2/$3\"",
	"target_label = \"cluster\"\nreplacement = \"production-1\"",
	"source_labels = [\"" M "pod_ready\"]\nregex = \"true\"\n"
	"action = \"keep\"",
	"source_labels = [\"" M "pod_ip\", \"" M "pod_host_ip\"]\n"
	"regex = \"(10\\\\..*);10\\\\..*\"\ntarget_label = \"ip\"",
	"regex = \"pod_template_hash|controller_revision_hash\"\n"
	"action = \"labeldrop\"",
};

static double
seconds(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* What a core of our own would take: others may be at work. */
static double
cpu(void)
{
	return seconds(CLOCK_PROCESS_CPUTIME_ID);
}

static double
wall(void)
{
	return seconds(CLOCK_MONOTONIC);
}

/* ---- the configuration */

static void
write_target(FILE *out, unsigned i)
{
	fprintf(out,
	    "    {\"__address__\" = \"10.1.%u.%u:8080\", \"" M
	    "namespace\" = \"team-%u\", \"" M
	    "pod_name\" = \"checkout-service-%08x-%05x\", \"" M
	    "pod_ip\" = \"10.1.%u.%u\", \"" M "pod_host_ip\" = \"10.0.0.7\", "
	    "\"" M "pod_ready\" = \"true\", \"" M "pod_phase\" = \"Running\", "
	    "\"" M "pod_node_name\" = \"node-7.internal\", \"" M
	    "pod_uid\" = \"6fa459ea-ee8a-3ca4-894e-%012x\", \"" M
	    "pod_controller_kind\" = \"ReplicaSet\", \"" M
	    "pod_container_name\" = \"main\", \"" M
	    "pod_container_image\" = \"registry.example.com/shop/checkout:%u.2"
	    "\", \"" M "pod_container_id\" = \"containerd://%064x\", \"" M
	    "pod_container_init\" = \"false\", \"" M
	    "pod_container_port_number\" = \"8080\", \"" M
	    "pod_container_port_protocol\" = \"TCP\", \"" M
	    "pod_label_app\" = \"checkout\", \"" M
	    "pod_label_team\" = \"Payments\", \"" M
	    "pod_label_pod_template_hash\" = \"%08x\", \"" M
	    "pod_labelpresent_app\" = \"true\"},\n",
	    i >> 8 & 255, i & 255, i % 50, i * 2654435761u, i & 0xfffff,
	    i >> 8 & 255, i & 255, i, i % 30, i, i * 2654435761u);
}

/* A file that nobody can write to any more. */
static int
write_config(void)
{
	FILE *out = tmpfile();
	int fd;

	if (out == NULL)
		fatal("a temporary file");
	fprintf(out, "discovery.relabel \"r\" {\n  targets = [\n");
	for (unsigned i = 0; i < TARGETS; i++)
		write_target(out, i);
	fprintf(out, "  ]\n");
	for (size_t i = 0; i < COUNT(rules); i++)
		fprintf(out, "rule {\n%s\n}\n", rules[i]);
	fprintf(out, "}\nphlare.write \"w\" {\n}\nphlare.ebpf \"e\" {\n"
		     "targets = discovery.relabel.r.output\n"
		     "forward_to = [phlare.write.w.receiver]\n}\n");
	fflush(out);
	fd = dup(fileno(out));
	fclose(out);
	return fd;
}

static struct config *
read_config(int fd)
{
	struct river_diagnostics *d = river_diagnostics_new();
	struct river_source *source = NULL;
	struct config *config;

	lseek(fd, 0, SEEK_SET);
	config = config_read("bench.river", fd, &source, d);
	river_diagnostics_print(d, false, stderr);
	if (config == NULL)
		exit(1);
	river_diagnostics_free(d);
	river_source_free(source);
	return config;
}

static void
report(const char *what, double value, const char *unit, const char *goal)
{
	printf("%-58s %9.4g %-8s %s\n", what, value, unit, goal);
}

/* ---- behind the sandbox */

static bool
jit_is_possible(void)
{
	int error;
	PCRE2_SIZE at;
	pcre2_code *code = pcre2_compile(
	    (PCRE2_SPTR) "a+b", PCRE2_ZERO_TERMINATED, 0, &error, &at, NULL);
	int r = pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);

	pcre2_code_free(code);
	return r == 0;
}

static void
bench_config(int fd)
{
	double best = 1e9;

	for (int i = 0; i < ROUNDS; i++) {
		double start = cpu(), took;

		config_free(read_config(fd));
		took = cpu() - start;
		best = took < best ? took : best;
	}
	report("read, check and evaluate 10 000 targets with 20 rules",
	    best * 1000, "ms", "goal < 500");
}

/* Rules applied to all targets, for a while. */
static double
rules_per_second(const struct river_targets *targets,
    const struct relabel_rule_args *args, size_t count, size_t *left)
{
	struct relabel_rules *r = relabel_rules_new(args, count);
	uint64_t applied = 0;
	double start = cpu(), end;

	do {
		struct river_eval eval = { .arena = river_arena_new(),
			.limit = (size_t)1 << 30 };
		struct relabel_counts counts;
		struct river_targets out;

		if (relabel_apply(r, targets, &eval, &out, &counts) < 0)
			fatalx("too large");
		applied += targets->count * count;
		*left = out.count;
		river_arena_free(eval.arena);
		end = cpu();
	} while (end - start < 1);
	relabel_rules_free(r);
	return applied / (end - start);
}

/* One rule, often enough that taking up a target does not count. */
static void
bench_rule(
    const struct river_targets *targets, const struct relabel_rule_args *rule)
{
	struct relabel_rule_args copies[20];
	char name[58], target[64] = "";
	size_t left;

	for (size_t i = 0; i < COUNT(copies); i++)
		copies[i] = *rule;
	if (rule->target_label[0] != '\0')
		snprintf(target, sizeof(target), " -> %s", rule->target_label);
	snprintf(
	    name, sizeof(name), "  %s %s%s", rule->action, rule->regex, target);
	report(name,
	    rules_per_second(targets, copies, COUNT(copies), &left) / 1e6,
	    "million/s", "");
}

static void
bench_rules(const struct config *config)
{
	const struct config_component *c =
	    config_find(config, "discovery.relabel.r");
	const struct relabel_args *args = c->args;
	const struct relabel_rule_args *rule = args->rules.item;
	size_t left;
	double rate;

	rate = rules_per_second(&args->targets, rule, args->rules.count, &left);
	if (left != args->targets.count)
		fatalx("a rule drops targets: %zu are left", left);
	report("all 20 rules on one core", rate / 1e6, "million/s", "goal > 1");
	for (size_t i = 0; i < args->rules.count; i++)
		bench_rule(&args->targets, &rule[i]);
}

/* As the shipper would: no new privilege, no file, no executable memory. */
static void
behind_sandbox(int fd)
{
	struct config *config;

	if (sandbox_enter(PROCESS_SHIPPER, NULL) < 0)
		exit(1);
	printf("behind the shipper's sandbox; JIT there: %s\n",
	    jit_is_possible() ? "possible" : "refused");
	bench_config(fd);
	config = read_config(fd);
	bench_rules(config);
	fflush(stdout);
	_exit(0);
}

/* ---- with and without JIT */

static const struct {
	const char *regex, *text;
} matches[] = {
	{ "(.*)", "checkout-service-9e3779b1-00001" },
	{ "node-7\\.internal", "node-7.internal" },
	{ "Pending|Succeeded|Failed|Completed", "Running" },
	{ "(.+)-[0-9a-f]{8,10}-[a-z0-9]{5}",
	    "checkout-service-9e3779b1-00001" },
	{ "(?:.*/)?([^/:]+):(.+)", "registry.example.com/shop/checkout:1.2" },
	{ M "pod_label_(.+)", M "pod_container_port_protocol" },
	{ M "pod_label_(.+)", M "pod_label_pod_template_hash" },
	{ "([^;]+);([^;]+);([^;]+)",
	    "team-7;checkout-service-9e3779b1-00001;main" },
};

static double
ns_per_match(pcre2_code *code, const char *text)
{
	pcre2_match_data *data = pcre2_match_data_create(16, NULL);
	size_t size = strlen(text);
	unsigned long n = 0;
	double start = cpu(), end;

	do {
		for (int i = 0; i < 10000; i++)
			pcre2_match(
			    code, (PCRE2_SPTR)text, size, 0, 0, data, NULL);
		n += 10000;
		end = cpu();
	} while (end - start < 0.2);
	pcre2_match_data_free(data);
	return (end - start) / n * 1e9;
}

static void
bench_jit(void)
{
	printf("\n%-36s %15s %10s\n", "one match, outside of it",
	    "interpreter ns", "JIT ns");
	for (size_t i = 0; i < COUNT(matches); i++) {
		char *why = NULL;
		struct re2 *re2 = re2_translate(matches[i].regex, &why);
		double slow, fast = 0;
		int error;
		PCRE2_SIZE at;
		pcre2_code *code =
		    pcre2_compile((PCRE2_SPTR)re2->pattern, re2->size,
			PCRE2_UTF | PCRE2_DOTALL | PCRE2_ANCHORED |
			    PCRE2_ENDANCHORED,
			&error, &at, NULL);

		slow = ns_per_match(code, matches[i].text);
		if (pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0)
			fast = ns_per_match(code, matches[i].text);
		printf(
		    "%-36.36s %15.0f %10.0f\n", matches[i].regex, slow, fast);
		pcre2_code_free(code);
		re2_free(re2);
	}
}

/* ---- on their way to the symbolizer */

static void
send_fd(int socket, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(socket, &m, 0) < 0)
		fatal("sendmsg");
}

/* -1 at the end. */
static int
receive_fd(int socket)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	int fd = -1;

	if (recvmsg(socket, &m, MSG_CMSG_CLOEXEC) <= 0)
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

/* Each set that comes replaces the one before. */
static void
play_symbolizer(int socket)
{
	struct targets *targets = NULL;
	int fd;

	if (sandbox_enter(PROCESS_SYMBOLIZER, NULL) < 0)
		exit(1);
	while ((fd = receive_fd(socket)) >= 0) {
		const char *why = "no memfd";
		double start = cpu(), took;
		struct targets *new;
		const void *data;
		size_t size;

		if (memfd_map(fd, SETTINGS_TARGETS_MAX_BYTES, &data, &size) < 0)
			fatalx("%s", why);
		new = targets_decode(data, size, "phlare.ebpf.e", &why);
		if (new == NULL || targets_containers(new) != TARGETS)
			fatalx("%s", why);
		targets_free(targets);
		targets = new;
		memfd_unmap(data, size);
		close(fd);
		took = cpu() - start;
		if (write(socket, &took, sizeof(took)) != sizeof(took))
			fatal("write");
	}
	_exit(0);
}

static pid_t
start_symbolizer(int *socket)
{
	int pair[2];
	pid_t pid;

	fflush(stdout);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0 ||
	    (pid = fork()) < 0)
		fatal("a process");
	if (pid == 0) {
		close(pair[0]);
		play_symbolizer(pair[1]);
	}
	close(pair[1]);
	*socket = pair[0];
	return pid;
}

static double
least(double a, double b)
{
	return a < b ? a : b;
}

static void
bench_way(int config_fd)
{
	struct config *config = read_config(config_fd);
	const struct config_component *c = config_find(config, "phlare.ebpf.e");
	double whole = 1e9, written = 1e9, read_in = 1e9;
	int socket;
	pid_t pid = start_symbolizer(&socket);

	for (int i = 0; i < 4 * ROUNDS; i++) {
		double start = wall(), began = cpu(), took;
		uint32_t count;
		int fd = target_set_new(c->args, c->id, 1, &count);

		if (fd < 0)
			fatalx("target_set_new: %s", strerror(-fd));
		written = least(written, cpu() - began);
		send_fd(socket, fd);
		close(fd);
		if (read(socket, &took, sizeof(took)) != sizeof(took))
			fatal("the other end is gone");
		whole = least(whole, wall() - start);
		read_in = least(read_in, took);
	}
	close(socket);
	waitpid(pid, NULL, 0);
	printf("\n");
	report("10 000 targets: written by the shipper (CPU)", written * 1000,
	    "ms", "");
	report("10 000 targets: put in force by the symbolizer (CPU)",
	    read_in * 1000, "ms", "");
	report("10 000 targets: until they are in force (clock)", whole * 1000,
	    "ms", "goal < 100");
	config_free(config);
}

int
main(void)
{
	int config = write_config(), status;
	pid_t pid;

	log_init("bench_relabel", false);
	printf("%.1f MB of River\n", lseek(config, 0, SEEK_END) / 1e6);
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		behind_sandbox(config);
	if (waitpid(pid, &status, 0) < 0 || status != 0)
		fatalx("the sandboxed part failed");
	bench_jit();
	bench_way(config);
	return 0;
}
