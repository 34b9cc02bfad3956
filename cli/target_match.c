/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/target_match.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/profile.h"
#include "cli/target_json.h"
#include "cli/text.h"
#include "common/log.h"

/* The best target of a component so far. */
struct best {
	enum target_match how;
	size_t number;
	json_t *line;
};

struct target_answer {
	FILE *out;
	const struct match_process *process;
	bool json;
	struct json_list list;
	char *component;
	json_t *fallback; /* the default target, NULL: there is none */
	struct best best;
};

/* ---- the process */

static int
open_of(uint32_t pid, const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int
read_name(uint32_t pid, char name[MATCH_NAME_SIZE])
{
	int fd = open_of(pid, "comm");
	ssize_t n;

	if (fd < 0)
		return fd == -ENOENT ? -ESRCH : fd;
	n = read(fd, name, MATCH_NAME_SIZE - 1);
	close(fd);
	if (n < 0)
		return -errno;
	name[n] = '\0';
	name[strcspn(name, "\n")] = '\0';
	return 0;
}

int
match_process_read(uint32_t pid, struct match_process *p)
{
	int r = read_name(pid, p->name), fd;

	if (r < 0)
		return r;
	p->pid = pid;
	fd = open_of(pid, "cgroup");
	if (fd < 0)
		return fd == -ENOENT ? -ESRCH : fd;
	r = container_id_read(fd, p->container_id);
	close(fd);
	return r;
}

/* ---- the answer */

static char *
printable(const char *text)
{
	return text_printable(
	    (struct profile_string){ text, (uint32_t)strlen(text) });
}

static void
print_process(const struct target_answer *a)
{
	const struct match_process *p = a->process;
	char *name = printable(p->name);

	fprintf(a->out, "process %" PRIu32 " (%s) is in %s%s\n", p->pid, name,
	    p->container_id[0] != '\0' ? "container " : "no container",
	    p->container_id);
	free(name);
}

struct target_answer *
target_answer_new(FILE *out, const struct match_process *process, bool json)
{
	struct target_answer *a = ecalloc(1, sizeof(*a));

	a->out = out;
	a->process = process;
	a->json = json;
	if (json)
		json_list_start(&a->list, out);
	else
		print_process(a);
	return a;
}

static void
forget(struct target_answer *a)
{
	free(a->component);
	json_decref(a->fallback);
	json_decref(a->best.line);
	a->component = NULL;
	a->fallback = NULL;
	a->best = (struct best){ .how = TARGET_MATCH_NONE };
}

void
target_answer_free(struct target_answer *a)
{
	forget(a);
	if (a->json)
		json_list_end(&a->list);
	free(a);
}

static void
on_component(void *arg, const struct shown_component *c)
{
	struct target_answer *a = arg;

	forget(a);
	a->component = estrdup(c->id);
	if (c->default_labels == NULL)
		return;
	a->fallback = json_object();
	json_list_set(
	    a->fallback, "labels", json_incref((json_t *)c->default_labels));
	json_list_set(
	    a->fallback, "service_name", json_string(c->default_service));
}

/* A pid is better than a container; of two alike the later one counts. */
static void
on_target(void *arg, const struct shown_target *t)
{
	const struct match_process *p = ((struct target_answer *)arg)->process;
	struct best *best = &((struct target_answer *)arg)->best;
	size_t index;
	enum target_match how =
	    target_choose(&t->target, 1, p->pid, p->container_id, &index);

	if (how == TARGET_MATCH_NONE ||
	    (how == TARGET_MATCH_CONTAINER && best->how == TARGET_MATCH_PID))
		return;
	json_decref(best->line);
	*best = (struct best){ how, t->number, json_incref(t->line) };
}

/* Why it is that one, or none. */
static const char *
reason(const struct target_answer *a)
{
	switch (a->best.how) {
	case TARGET_MATCH_PID:
		return "it names the pid of the process";
	case TARGET_MATCH_CONTAINER:
		return "it names the container of the process";
	default:
		break;
	}
	if (a->fallback == NULL)
		return a->process->container_id[0] != '\0'
			   ? "no target names the pid or the container of the "
			     "process, and targets_only leaves no default "
			     "target"
			   : "no target names the pid of the process, it is in "
			     "no container, and targets_only leaves no default "
			     "target";
	return a->process->container_id[0] != '\0'
		   ? "no target names the pid or the container of the process"
		   : "no target names the pid of the process, and it is in no "
		     "container";
}

static const char *const match_words[] = {
	[TARGET_MATCH_NONE] = "default_target",
	[TARGET_MATCH_PID] = "pid",
	[TARGET_MATCH_CONTAINER] = "container_id",
};

static void
add_json(struct target_answer *a, json_t *line)
{
	json_t *element = json_object();

	json_list_set(element, "component", json_string(a->component));
	json_list_set(element, "match",
	    json_string(line != NULL ? match_words[a->best.how] : "none"));
	json_list_set(element, "why", json_string(reason(a)));
	if (a->best.line != NULL)
		json_list_set(element, "target",
		    json_integer((json_int_t)a->best.number));
	if (line != NULL && json_object_update(element, line) < 0)
		fatalx("out of memory");
	json_list_add(&a->list, element);
}

static void
print_text(struct target_answer *a, json_t *line)
{
	const char *service =
	    json_string_value(json_object_get(line, "service_name"));
	char *shown = printable(service != NULL ? service : "");

	fprintf(a->out, "%s: ", a->component);
	if (line == NULL)
		fprintf(a->out, "no target: ");
	else if (a->best.line == NULL)
		fprintf(
		    a->out, "the default target (service_name %s): ", shown);
	else
		fprintf(a->out,
		    "target %zu (service_name %s): ", a->best.number, shown);
	fprintf(a->out, "%s\n", reason(a));
	free(shown);
}

static void
on_end(void *arg)
{
	struct target_answer *a = arg;
	json_t *line = a->best.line != NULL ? a->best.line : a->fallback;

	if (a->json)
		add_json(a, line);
	else
		print_text(a, line);
}

const struct target_sink target_answer_sink = { on_component, on_target,
	on_end };
