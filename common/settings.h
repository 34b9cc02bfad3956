/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounds of what the shipper may ask of the symbolizer (Settings and Targets
 * of shipper.proto). The configuration is checked against them; a message
 * beyond them breaks the protocol.
 */
#ifndef COMMON_SETTINGS_H
#define COMMON_SETTINGS_H

/* Components numbered 1 to this. */
#define SETTINGS_COMPONENTS_MAX 8
/* Samples per second and CPU, from 1. */
#define SETTINGS_RATE_MAX 10000
#define SETTINGS_INTERVAL_MIN_NS (10 * 1000000LL)
#define SETTINGS_INTERVAL_MAX_NS (24 * 3600 * 1000000000LL)
/* Entries of pid and container id caches, from 1. */
#define SETTINGS_PID_CACHE_MAX 65536
/* Entries of the cache of files, from 1. */
#define SETTINGS_ELF_CACHE_MAX 65536
/* One set of targets. */
#define SETTINGS_TARGETS_MAX 65536
#define SETTINGS_TARGETS_MAX_BYTES (16 * 1024 * 1024)
/* One profile, compressed. */
#define SETTINGS_PROFILE_MAX_BYTES (16 * 1024 * 1024)

#endif
