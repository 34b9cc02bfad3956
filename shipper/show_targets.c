/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/show_targets.h"

#include <stdlib.h>

#include <jansson.h>

#include "common/log.h"
#include "common/target.h"
#include "shipper/check.h"
#include "shipper/config_file.h"
#include "shipper/config_source.h"

/* What the common functions look at; made anew for each. */
struct view {
	struct target_label *label;
	size_t room;
};

static struct target
view_of(struct view *v, const struct river_pairs *labels)
{
	if (labels->count > v->room) {
		v->room = 2 * labels->count;
		v->label = erealloc(v->label, v->room, sizeof(*v->label));
	}
	for (size_t i = 0; i < labels->count; i++)
		v->label[i] = (struct target_label){ labels->item[i].name,
			labels->item[i].value };
	return (struct target){ v->label, labels->count };
}

static void
set(json_t *object, const char *name, json_t *value)
{
	if (value == NULL || json_object_set_new(object, name, value) < 0)
		fatalx("out of memory");
}

static json_t *
labels_object(const struct river_pairs *labels)
{
	json_t *object = json_object();

	for (size_t i = 0; i < labels->count; i++)
		set(object, labels->item[i].name,
		    json_string(labels->item[i].value));
	return object;
}

/* Takes object. */
static int
print_line(json_t *object)
{
	int r = json_dumpf(object, stdout, JSON_COMPACT);

	json_decref(object);
	return r < 0 || putchar('\n') == EOF ? -1 : 0;
}

static int
print_component(const struct config_component *c, const char *service)
{
	const struct ebpf_args *args = c->args;
	json_t *line = json_object();

	set(line, "component", json_string(c->id));
	set(line, "targets_only", json_boolean(args->targets_only));
	if (!args->targets_only) {
		set(line, "default_target",
		    labels_object(&args->default_target));
		set(line, "service_name", json_string(service));
	}
	return print_line(line);
}

static int
print_target(const struct river_pairs *labels, const struct target *target,
    const char *service)
{
	const char *id = target_container_id(target);
	json_t *line = json_object();

	set(line, "labels", labels_object(labels));
	if (id[0] != '\0')
		set(line, "container_id", json_string(id));
	set(line, "service_name", json_string(service));
	return print_line(line);
}

static int
print_targets(const struct config_component *c, struct view *v)
{
	const struct ebpf_args *args = c->args;
	const struct target_naming naming = {
		args->service_name != NULL ? args->service_name : "", c->id
	};
	char room[TARGET_SERVICE_SIZE];
	struct target target = view_of(v, &args->default_target);
	int r = print_component(
	    c, target_service_name(&target, true, &naming, room));

	for (size_t i = 0; i < args->targets.count && r == 0; i++) {
		target = view_of(v, &args->targets.item[i]);
		r = print_target(&args->targets.item[i], &target,
		    target_service_name(&target, false, &naming, room));
	}
	return r;
}

static int
print_config(const struct config *config)
{
	struct view v = { 0 };
	int r = 0;

	for (size_t i = 0; i < config->count && r == 0; i++) {
		const struct config_component *c = &config->item[i];

		if (c->notice != NULL)
			log_warnx("config", "%s: %s", c->id, c->notice);
		if (c->role == COMPONENT_EBPF)
			r = print_targets(c, &v);
	}
	free(v.label);
	if (r == 0 && fflush(stdout) == 0)
		return 0;
	log_warn(NULL, "write to standard output");
	return 1;
}

int
show_targets(const char *path, const struct privilege_ids *ids)
{
	struct config_source *source = config_source_open(path);
	struct config *config = NULL;
	int code = 1;

	if (source == NULL) {
		log_warn(NULL, "%s", path);
		return 1;
	}
	config_source_ignore_files(source);
	if (check_enter() == 0 &&
	    (config = config_source_read(source)) != NULL &&
	    check_become(ids) == 0)
		code = print_config(config);
	config_free(config);
	config_source_free(source);
	return code;
}
