/* SPDX-License-Identifier: Apache-2.0 */
/* The targets of one phlare.ebpf component as the symbolizer gets them. */
#ifndef SHIPPER_TARGET_SET_H
#define SHIPPER_TARGET_SET_H

#include <stdint.h>

struct ebpf_args;

/*
 * A sealed memfd that holds TargetSet (common/shipper.proto), or -errno;
 * -EFBIG: over SETTINGS_TARGETS_MAX_BYTES. component is the id. The label
 * "job" is set here: to job_name if given, else to the id where a target has
 * none. *count is the number of targets.
 */
int target_set_new(
    const struct ebpf_args *args, const char *component, uint32_t *count);

#endif
