/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames of a profile as a reader sees them: what is the same function of
 * the same file is one frame, with a name that may be shown.
 */
#ifndef CLI_FRAMES_H
#define CLI_FRAMES_H

#include <stdint.h>

#include "cli/profile.h"

enum frame_kind {
	FRAME_USER,
	FRAME_KERNEL,
	FRAME_PROCESS, /* the command's name at the root of a stack */
	FRAME_OTHER,   /* "[truncated]" and the like: in no file */
	FRAME_KINDS
};

struct frame {
	char *name; /* printable */
	char *file; /* of the mapping, printable, "" if not known */
	enum frame_kind kind;
	uint32_t function; /* frames of one name have one number here */
};

struct frames_tables;

struct frames {
	const struct profile *profile; /* borrowed */
	PROFILE_ARRAY(struct frame, frame);
	uint32_t functions;    /* how many different names */
	uint32_t *of_line;     /* the frame of each line of the profile */
	uint32_t *of_location; /* of a location without lines */
	uint32_t *of_root;     /* of a location at the root of a stack */
	PROFILE_ARRAY(uint32_t, stack);
	struct frames_tables *tables; /* its own */
};

/* The profile must live as long. */
struct frames *frames_new(const struct profile *profile);
void frames_free(struct frames *frames);

/*
 * Puts the frames of a sample into frames->stack, root first: stack_count of
 * them.
 */
void frames_of_sample(struct frames *frames, uint32_t sample);

/* The last component of a path. */
const char *frames_base_name(const char *path);

#endif
