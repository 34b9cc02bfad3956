/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One phlare.ebpf component: its sampler, its opener, its caches, and the
 * order of work of its intervals. It hands finished profiles to an outbox.
 */
#ifndef SYMBOLIZER_COMPONENT_H
#define SYMBOLIZER_COMPONENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/shipper.pb.h"
#include "symbolizer/work.h"

struct component;
struct event_base;

struct component_host {
	struct event_base *base;
	const char *collector_path, *opener_path;
	void *arg;
	void (*on_profile)(void *arg, const struct finished_profile *profile);
	/*
	 * Time to send what component_report() and component_status() say.
	 * False: it is not in the shipper's hands now.
	 */
	bool (*report)(void *arg, struct component *component);
	/*
	 * All that component_finish() or component_leave() asked for is handed
	 * over and taken. The callee may free the component.
	 */
	void (*on_finished)(void *arg, struct component *component);
};

/* settings must be such that settings_ok() says so. Never NULL. */
struct component *component_new(
    const struct component_host *host, const phlare_Settings *settings);
void component_free(struct component *component);

/*
 * New settings of a running component: what was sampled so far is collected
 * under the old ones first. One that leaves stays.
 */
void component_configure(
    struct component *component, const phlare_Settings *settings);

/*
 * Its targets, an encoded TargetSet, likewise. False with *why: refused, none
 * set.
 */
bool component_set_targets(struct component *component, const void *data,
    size_t size, const char **why);

/*
 * Collects once more, now, and then no more until component_resume(): what is
 * sampled meanwhile waits, so that who asked has an account that closes. Who
 * asked is gone with component_resume(), whether it was done or not.
 */
void component_finish(struct component *component);
void component_resume(struct component *component);
/* True while what component_finish() asked for is not done. */
bool component_finishing(const struct component *component);

/* Collects once more, now, and samples no more after that. */
void component_leave(struct component *component);
bool component_leaving(const struct component *component);

/* A profile is out of our hands: taken (delivered) or dropped. */
void component_taken(
    struct component *component, uint64_t samples, bool delivered);

/* Reports: there is a new shipper. */
void component_tell(struct component *component);

uint32_t component_number(const struct component *component);
/* For the shipper. */
void component_report(
    const struct component *component, phlare_LedgerReport *report);
void component_status(
    const struct component *component, phlare_SymbolizerStatus *status);

#endif
