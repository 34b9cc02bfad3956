/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protobuf fields with a length, written by hand over nanopb's primitives:
 * for messages whose content must not be copied into a struct first.
 */
#ifndef SHIPPER_WIRE_H
#define SHIPPER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pb_encode.h>

/* Bytes of a tag, a length and that much content; field is below 16. */
size_t wire_field_size(size_t content);

/* The tag and length of a field that size bytes of content follow. */
bool wire_put_length(pb_ostream_t *out, uint32_t field, uint64_t size);
bool wire_put_string(pb_ostream_t *out, uint32_t field, const char *text);

/* A message { string name = 1; string value = 2; } as that field. */
size_t wire_pair_size(const char *name, const char *value);
bool wire_put_pair(
    pb_ostream_t *out, uint32_t field, const char *name, const char *value);

#endif
