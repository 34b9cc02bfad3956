/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/config_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/river/diagnostics.h"
#include "shipper/config_file.h"
#include "shipper/config_files.h"

struct config_source {
	const char *path;
	int fd; /* as it was opened at the start */
	config_look *look;
	bool colour;
	char *why; /* the last reading failed, or NULL */
};

struct config_source *
config_source_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct config_source *s;

	if (fd < 0)
		return NULL;
	s = ecalloc(1, sizeof(*s));
	s->path = path;
	s->fd = fd;
	s->look = config_files_check;
	s->colour = isatty(STDERR_FILENO) && getenv("NO_COLOR") == NULL;
	return s;
}

void
config_source_free(struct config_source *s)
{
	if (s == NULL)
		return;
	close(s->fd);
	free(s->why);
	free(s);
}

void
config_source_ignore_files(struct config_source *s)
{
	s->look = NULL;
}

const char *
config_source_path(const struct config_source *s)
{
	return s->path;
}

/* The file that has this name now. */
static void
open_again(struct config_source *s)
{
	int fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0) {
		close(s->fd);
		s->fd = fd;
		return;
	}
	if (errno != EACCES)
		log_warn("config", "%s", s->path);
	else
		log_info("config",
		    "%s: reading the file that had this name at the start",
		    s->path);
}

const char *
config_source_why(const struct config_source *s)
{
	return s->why;
}

static void
note_why(struct config_source *s, const struct config *config,
    const struct river_diagnostics *d)
{
	free(s->why);
	s->why = NULL;
	if (config != NULL)
		return;
	s->why = river_diagnostics_summary(d);
	if (s->why[0] == '\0') {
		free(s->why);
		s->why = estrdup("it cannot be read");
	}
}

struct config *
config_source_read(struct config_source *s)
{
	struct river_diagnostics *d = river_diagnostics_new();
	struct river_source *source = NULL;
	struct config *config = NULL;

	open_again(s);
	if (lseek(s->fd, 0, SEEK_SET) < 0 && errno != ESPIPE)
		log_warn("config", "%s", s->path);
	else
		config = config_read_with(s->path, s->fd, &source, d, s->look);
	if (s->look != NULL)
		s->look = config_files_check_again;
	if (source == NULL)
		log_warn("config", "%s", s->path);
	river_diagnostics_print(d, s->colour, stderr);
	note_why(s, config, d);
	river_diagnostics_free(d);
	river_source_free(source);
	return config;
}
