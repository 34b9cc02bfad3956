/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Structs that the BPF program and the collector share. */
#ifndef BPF_SAMPLER_H
#define BPF_SAMPLER_H

#endif
