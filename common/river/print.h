/* SPDX-License-Identifier: Apache-2.0 */
/* A value as River again, for people. */
#ifndef COMMON_RIVER_PRINT_H
#define COMMON_RIVER_PRINT_H

#include <stdio.h>

struct river_value;

/*
 * On one line, with nothing that steers a terminal. A secret is "(secret)",
 * another capsule "capsule(NAME)", a function "function".
 */
void river_value_print(const struct river_value *value, FILE *out);

#endif
