/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ask_shipper.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/ids.h"
#include "cli/programs.h"
#include "common/log.h"

/* Arguments beside the files: name, question, "--user", ids, "--", NULL. */
#define ARGUMENTS 6

/* "UID:GID" of the shipper that root would start; "" if we are not root. */
static int
choose_user(char *text, size_t size)
{
	struct privilege_ids ids[PROGRAMS];
	struct ids_used used = { 0 };
	int r;

	text[0] = '\0';
	if (geteuid() != 0)
		return 0;
	if ((r = ids_note_processes(&used)) < 0 ||
	    (r = ids_choose(&used, getpid(), ids)) < 0)
		return r;
	snprintf(text, size, "%u:%u", (unsigned)ids[PROGRAM_SHIPPER].uid,
	    (unsigned)ids[PROGRAM_SHIPPER].gid);
	return 0;
}

static void
execute(const struct ask_shipper *ask, const char *path, const char *user)
{
	const char **argv = ecalloc(ask->count + ARGUMENTS, sizeof(*argv));
	size_t n = 0;

	argv[n++] = program_name(PROGRAM_SHIPPER);
	argv[n++] = ask->question;
	if (user[0] != '\0') {
		argv[n++] = "--user";
		argv[n++] = user;
	}
	argv[n++] = "--";
	for (size_t i = 0; i < ask->count; i++)
		argv[n++] = ask->files[i];
	execv(path, (char *const *)argv);
	log_warn(ask->command, "%s", path);
	free(argv);
}

int
ask_shipper_exec(const struct ask_shipper *ask)
{
	char path[PATH_MAX], user[32];

	if (program_find(PROGRAM_SHIPPER, path, sizeof(path)) < 0)
		log_warnx(ask->command,
		    "%s is neither beside this program nor in %s",
		    program_name(PROGRAM_SHIPPER), SBINDIR);
	else if (choose_user(user, sizeof(user)) < 0)
		log_warnx(ask->command, "find free user ids");
	else
		execute(ask, path, user);
	return EXIT_FAILED;
}
