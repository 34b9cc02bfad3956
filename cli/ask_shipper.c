/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ask_shipper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
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

/* Where it is and whom it becomes. 0, or EXIT_FAILED after saying why not. */
static int
prepare(const struct ask_shipper *ask, char *path, size_t path_size, char *user,
    size_t user_size)
{
	if (program_find(PROGRAM_SHIPPER, path, path_size) < 0)
		log_warnx(ask->command,
		    "%s is neither beside this program nor in %s",
		    program_name(PROGRAM_SHIPPER), SBINDIR);
	else if (choose_user(user, user_size) < 0)
		log_warnx(ask->command, "no free user id");
	else
		return 0;
	return EXIT_FAILED;
}

int
ask_shipper_exec(const struct ask_shipper *ask)
{
	char path[PATH_MAX], user[32];

	if (prepare(ask, path, sizeof(path), user, sizeof(user)) == 0)
		execute(ask, path, user);
	return EXIT_FAILED;
}

int
ask_shipper_start(const struct ask_shipper *ask, struct shipper_answer *answer)
{
	char path[PATH_MAX], user[32];
	pid_t parent = getpid();
	int ends[2];

	if (prepare(ask, path, sizeof(path), user, sizeof(user)) != 0)
		return EXIT_FAILED;
	if (pipe2(ends, O_CLOEXEC) < 0 || (answer->pid = fork()) < 0) {
		log_warn(ask->command, "%s", path);
		return EXIT_FAILED;
	}
	if (answer->pid == 0) {
		privilege_die_with(parent);
		if (dup2(ends[1], STDOUT_FILENO) >= 0)
			execute(ask, path, user);
		_exit(EXIT_FAILED);
	}
	close(ends[1]);
	answer->text = fdopen(ends[0], "r");
	if (answer->text == NULL)
		fatal("fdopen");
	return 0;
}

int
ask_shipper_end(const struct ask_shipper *ask, struct shipper_answer *answer)
{
	int status;

	fclose(answer->text);
	while (waitpid(answer->pid, &status, 0) < 0)
		if (errno != EINTR)
			fatal("wait for a child");
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	log_warnx(ask->command, "%s was ended by signal %d (%s)",
	    program_name(PROGRAM_SHIPPER), WTERMSIG(status),
	    strsignal(WTERMSIG(status)));
	return EXIT_FAILED;
}
