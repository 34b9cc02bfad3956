/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/settings_check.h"

#include <stddef.h>

#include "common/settings.h"

#define IN(value, low, high) ((value) >= (low) && (value) <= (high))

bool
settings_ok(const phlare_Settings *settings, const char **why)
{
	const struct {
		bool good;
		const char *why;
	} checks[] = {
		{ IN(settings->component, 1, SETTINGS_COMPONENTS_MAX),
		    "component" },
		{ settings->name[0] != '\0', "name" },
		{ IN(settings->sample_rate, 1, SETTINGS_RATE_MAX),
		    "sample_rate" },
		{ IN(settings->collect_interval_ns, SETTINGS_INTERVAL_MIN_NS,
		      SETTINGS_INTERVAL_MAX_NS),
		    "collect_interval" },
		{ IN(settings->pid_cache_size, 1, SETTINGS_PID_CACHE_MAX),
		    "pid_cache_size" },
		{ IN(settings->elf_cache_size, 1, SETTINGS_ELF_CACHE_MAX),
		    "elf_cache_size" },
		{ IN(settings->container_id_cache_size, 1,
		      SETTINGS_PID_CACHE_MAX),
		    "container_id_cache_size" },
		{ settings->collect_user <= 1, "collect_user" },
		{ settings->collect_kernel <= 1, "collect_kernel" },
		{ settings->demangle <= phlare_Demangle_DEMANGLE_FULL,
		    "demangle" },
		{ settings->comm <= phlare_Comm_COMM_BOTH, "comm" },
		{ settings->pid_label <= 1, "pid_label" },
	};

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (!checks[i].good) {
			*why = checks[i].why;
			return false;
		}
	return true;
}
