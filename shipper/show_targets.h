/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each phlare.ebpf of a configuration gets, as phlare-ebpf targets asks
 * for it: one JSON object a line.
 *
 *   {"component": ID, "targets_only": BOOL, "default_target": LABELS,
 *    "service_name": NAME}
 *   {"labels": LABELS, "container_id": ID, "service_name": NAME}
 *
 * A line with "component", then one for each of its targets in their order.
 * LABELS is an object; service_name is that of the default target or of the
 * target. What does not apply is left out.
 */
#ifndef SHIPPER_SHOW_TARGETS_H
#define SHIPPER_SHOW_TARGETS_H

struct privilege_ids;

/*
 * Prints them on standard output. ids: whom root becomes. 0, or 1 when the
 * configuration has a mistake, which has been said then: an exit status.
 */
int show_targets(const char *path, const struct privilege_ids *ids);

#endif
