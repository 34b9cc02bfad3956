/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An opener in the test's own event loop, behind a real socket: answers the
 * symbolizer's questions as the test says, and counts them.
 */
#ifndef TESTS_FAKE_OPENER_H
#define TESTS_FAKE_OPENER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/collector.pb.h"

struct event_base;
struct fake_opener;
struct opener;

/*
 * Fills in the answer to a question; the descriptor goes to the client. What
 * the answer says of the file is true unless told overrides it. Negative: an
 * errno. False in *answer: none comes (it hangs).
 */
struct fake_answer {
	int fd; /* taken; or -errno */
	bool hangs;
	/* not 0: said instead of what is true */
	uint64_t device, inode, changed_ns, size;
	uint32_t owner, file_system;
};
typedef struct fake_answer (*fake_opener_answers)(
    void *arg, const phlare_OpenRequest *question);

struct fake_opener *fake_opener_new(
    struct event_base *base, fake_opener_answers answers, void *arg);
void fake_opener_free(struct fake_opener *fake);
/* Where it listens. */
const char *fake_opener_path(const struct fake_opener *fake);
/* Questions so far. */
int fake_opener_asked(const struct fake_opener *fake);

#endif
