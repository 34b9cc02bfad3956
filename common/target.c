/* SPDX-License-Identifier: Apache-2.0 */
#include "common/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define META "__meta_"
#define CONTAINER "__container_id__"
#define KUBERNETES META "kubernetes_pod_container_id"
#define DOCKER META "docker_container_id"
#define SWARM META "dockerswarm_task_container_id"
#define ANNOTATION META "kubernetes_pod_annotation_pyroscope_io_service_name"
#define NAMESPACE META "kubernetes_namespace"
#define POD META "kubernetes_pod_name"
#define DOCKER_NAME META "docker_container_name"

#define NAME(text)                                                             \
	{                                                                      \
		text, sizeof(text) - 1                                         \
	}

/* Labels with "__" in front that count. */
static const struct {
	const char *name;
	size_t size;
} used[] = { NAME(TARGET_PID_LABEL), NAME(CONTAINER), NAME(KUBERNETES),
	NAME(DOCKER), NAME(SWARM), NAME(ANNOTATION), NAME(NAMESPACE), NAME(POD),
	NAME(DOCKER_NAME) };

static const char *const runtimes[] = { "docker://", "containerd://",
	"cri-o://" };

const char *
target_get(const struct target *target, const char *name)
{
	for (size_t i = 0; i < target->count; i++)
		if (target->label[i].name[0] == name[0] &&
		    strcmp(target->label[i].name, name) == 0)
			return target->label[i].value;
	return "";
}

uint32_t
target_pid(const struct target *target)
{
	const char *text = target_get(target, TARGET_PID_LABEL);
	unsigned long long pid;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return 0;
	pid = strtoull(text, &end, 10);
	return *end == '\0' && pid <= UINT32_MAX ? pid : 0;
}

/* Kubernetes says which runtime made the container; "" without that. */
static const char *
without_runtime(const char *id)
{
	for (size_t i = 0; i < COUNT(runtimes); i++) {
		size_t size = strlen(runtimes[i]);

		if (strncmp(id, runtimes[i], size) == 0)
			return id + size;
	}
	return "";
}

const char *
target_container_id(const struct target *target)
{
	const char *id;

	if (target_pid(target) != 0)
		return "";
	if ((id = target_get(target, CONTAINER))[0] != '\0')
		return id;
	/* whatever it holds, it ends the search */
	if ((id = target_get(target, KUBERNETES))[0] != '\0')
		return without_runtime(id);
	if ((id = target_get(target, DOCKER))[0] != '\0')
		return id;
	return target_get(target, SWARM);
}

/* As discovery names it, or "". */
static const char *
discovered_name(const struct target *target, char room[TARGET_SERVICE_SIZE])
{
	const char *namespace = target_get(target, NAMESPACE);
	const char *pod = target_get(target, POD);
	const char *noted = target_get(target, ANNOTATION);

	if (noted[0] != '\0')
		return noted;
	if (namespace[0] == '\0' || pod[0] == '\0')
		return target_get(target, DOCKER_NAME);
	snprintf(room, TARGET_SERVICE_SIZE, "%s/%s", namespace, pod);
	return room;
}

const char *
target_service_name(const struct target *target, bool is_default,
    const struct target_naming *naming, char room[TARGET_SERVICE_SIZE])
{
	const char *name = target_get(target, TARGET_SERVICE_LABEL);

	if (name[0] == '\0' && !is_default)
		name = discovered_name(target, room);
	if (name[0] == '\0')
		name = naming->service_name;
	return name[0] != '\0' ? name : naming->component;
}

bool
target_label_visible(const char *name)
{
	return name[0] != '_' || name[1] != '_' ||
	       strcmp(name, "__name__") == 0;
}

bool
target_label_counts(const char *name)
{
	size_t size;

	if (target_label_visible(name))
		return true;
	size = strlen(name);
	for (size_t i = 0; i < COUNT(used); i++)
		if (used[i].size == size &&
		    memcmp(name, used[i].name, size) == 0)
			return true;
	return false;
}

enum target_match
target_choose(const struct target *targets, size_t count, uint32_t pid,
    const char *container_id, size_t *index)
{
	for (size_t i = count; pid != 0 && i-- > 0;) {
		*index = i;
		if (target_pid(&targets[i]) == pid)
			return TARGET_MATCH_PID;
	}
	for (size_t i = count; container_id[0] != '\0' && i-- > 0;) {
		*index = i;
		if (strcmp(target_container_id(&targets[i]), container_id) == 0)
			return TARGET_MATCH_CONTAINER;
	}
	return TARGET_MATCH_NONE;
}
