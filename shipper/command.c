/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/shipper.pb.h"
#include "shipper/config_file.h"
#include "shipper/running.h"
#include "shipper/symbolizer_server.h"
#include "shipper/target_set.h"

static phlare_Settings
settings_of(uint32_t number, const struct config_component *component)
{
	const struct ebpf_args *args = component->args;
	phlare_Settings s = {
		.component = number,
		.sample_rate = args->sample_rate,
		.collect_interval_ns = args->collect_interval,
		.pid_cache_size = args->pid_cache_size,
		.elf_cache_size = args->elf_cache_size,
		.container_id_cache_size = args->container_id_cache_size,
		.collect_user = args->collect_user_profile,
		.collect_kernel = args->collect_kernel_profile,
		.demangle = ebpf_args_demangle(args->demangle),
		.comm = ebpf_args_comm(args->comm),
		.pid_label = args->pid_label,
	};

	snprintf(s.name, sizeof(s.name), "%s", component->id);
	return s;
}

static int
send_targets(struct symbolizer_server *server, uint32_t number,
    const struct profiler *profiler)
{
	phlare_ShipperCommand c = {
		.which_body = phlare_ShipperCommand_targets_tag,
		.body.targets.component = number,
	};
	int fd, r;

	fd = target_set_new(profiler->component->args, profiler->id,
	    profiler->changed_at, &c.body.targets.count);
	if (fd < 0)
		return fd;
	r = symbolizer_server_send(server, &c, fd);
	close(fd);
	return r;
}

int
command_run(struct symbolizer_server *server, uint32_t number,
    const struct profiler *profiler)
{
	phlare_ShipperCommand c = {
		.which_body = phlare_ShipperCommand_settings_tag,
		.body.settings = settings_of(number, profiler->component),
	};
	int r = symbolizer_server_send(server, &c, -1);

	return r < 0 ? r : send_targets(server, number, profiler);
}

int
command_remove(struct symbolizer_server *server, uint32_t number)
{
	const phlare_ShipperCommand c = {
		.which_body = phlare_ShipperCommand_remove_tag,
		.body.remove.component = number,
	};

	return symbolizer_server_send(server, &c, -1);
}

int
command_taken(struct symbolizer_server *server, uint64_t profile)
{
	const phlare_ShipperCommand c = {
		.which_body = phlare_ShipperCommand_taken_tag,
		.body.taken.profile = profile,
	};

	return symbolizer_server_send(server, &c, -1);
}

int
command_finish(struct symbolizer_server *server)
{
	const phlare_ShipperCommand c = {
		.which_body = phlare_ShipperCommand_finish_tag,
	};

	return symbolizer_server_send(server, &c, -1);
}
