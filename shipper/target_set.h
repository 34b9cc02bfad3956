/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The targets of one phlare.ebpf component as the symbolizer gets them. Only
 * labels that have an effect there are sent, and of these only what fits into
 * its bounds: what one container calls itself must not stop the others.
 */
#ifndef SHIPPER_TARGET_SET_H
#define SHIPPER_TARGET_SET_H

#include <stdbool.h>
#include <stdint.h>

/* What a server takes of a label, and the symbolizer of a target. */
#define TARGET_SET_NAME_MAX 1024
#define TARGET_SET_VALUE_MAX 2048
#define TARGET_SET_LABELS_MAX 120
#define TARGET_SET_LABEL_BYTES_MAX 40960

struct ebpf_args;

/*
 * A sealed memfd that holds TargetSet (common/shipper.proto), or -errno;
 * -EFBIG: over SETTINGS_TARGETS_MAX_BYTES. component is the id. The label
 * "job" is set here: to job_name if given, else to the id where a target has
 * none. decided_at is TargetSet's. *count is the number of targets.
 */
int target_set_new(const struct ebpf_args *args, const char *component,
    uint64_t decided_at, uint32_t *count);

/* False where target_set_new() would say -EFBIG. */
bool target_set_fits(const struct ebpf_args *args, const char *component);

#endif
