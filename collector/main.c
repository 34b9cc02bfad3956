/* SPDX-License-Identifier: Apache-2.0 */
/* phlare-collector: options, privilege, sandbox, then the listener. */
#include "config.h"

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/ksyms.h"
#include "collector/listener.h"
#include "collector/opener.h"
#include "collector/requirements.h"
#include "collector/sampler.h"
#include "collector/sampling.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/process_options.h"
#include "common/sandbox.h"

struct settings {
	struct process_options process;
	struct listener_options listener;
	unsigned long long extra_caps;
};

/* ---- options */

static int
set_client(void *into, const char *value, const char **why)
{
	struct settings *s = into;
	struct passwd *pw = getpwnam(value);
	uint64_t uid;

	*why = "neither an account nor a UID";
	if (pw != NULL)
		uid = pw->pw_uid;
	else if (options_number(value, 0, UINT32_MAX - 1, &uid) < 0)
		return -EINVAL;
	s->listener.client = uid;
	return 0;
}

static int
set_entries(const char *value, const char **why, uint32_t *entries)
{
	uint64_t n;

	*why = "not a number from 1 to 524288";
	if (options_number(value, 1, SAMPLING_ENTRIES_MAX, &n) < 0)
		return -EINVAL;
	*entries = n;
	return 0;
}

static int
set_stack_parts(void *into, const char *value, const char **why)
{
	struct settings *s = into;

	return set_entries(value, why, &s->listener.stack_parts);
}

static int
set_counts(void *into, const char *value, const char **why)
{
	struct settings *s = into;

	return set_entries(value, why, &s->listener.counts);
}

static const struct option_row rows[] = {
	{ "client", "NAME|UID", "who may connect, besides root", set_client },
	{ "stack-parts", "N", "entries of a map of stacks (default: by CPUs)",
	    set_stack_parts },
	{ "counts", "N", "entries of a map of counts (default: by CPUs)",
	    set_counts },
	PROCESS_OPTION_ROWS,
	{ NULL },
};
static const struct option_table table = { "phlare-collector", "",
	"Samples and opens files for phlare-symbolizer. Takes its listening "
	"sockets\n\"collector\" and \"opener\" by LISTEN_FDS.",
	rows };

/* ---- the steps */

static void
find_sockets(struct listener_options *l)
{
	l->sockets[CHILD_SAMPLER] = notify_listen_fd("collector");
	l->sockets[CHILD_OPENER] = notify_listen_fd("opener");
	if (l->sockets[CHILD_SAMPLER] < 0 && l->sockets[CHILD_OPENER] < 0) {
		errno = 0;
		fatalx("no listening socket: LISTEN_FDNAMES has neither "
		       "\"collector\" nor \"opener\"; phlare-ebpf run and the "
		       "socket units pass them");
	}
}

static void
check_requirements(struct settings *s)
{
	struct requirements found;
	char text[512];

	requirements_find(&found);
	if (!requirements_met(&found, text, sizeof(text)))
		fatalx("%s", text);
	s->extra_caps = requirements_extra_caps(&found);
	s->listener.kallsyms = ksyms_open_file();
}

int
main(int argc, char **argv)
{
	struct settings s = {
		.process = PROCESS_OPTIONS_NONE,
		.listener = { .client = (uid_t)-1,
		    .sampler = sampler_run,
		    .opener = opener_run },
	};
	int code;

	log_init(table.name, false);
	if (options_parse(&table, argc, argv, &s, &code) < 0)
		return code;
	if ((code = process_options_check(&table, &s.process)) != 0)
		return code;
	log_init(table.name, s.process.debug);
	find_sockets(&s.listener);
	check_requirements(&s);
	notify_open();
	if (privilege_drop(PROCESS_LISTENER, &s.process.ids, s.extra_caps) <
		0 ||
	    sandbox_enter(PROCESS_LISTENER, NULL) < 0)
		return 1;
	notify_send("READY=1");
	return listener_run(&s.listener) < 0 ? 1 : 0;
}
