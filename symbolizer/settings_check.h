/* SPDX-License-Identifier: Apache-2.0 */
/* What a shipper may ask of a component: the bounds of common/settings.h. */
#ifndef SYMBOLIZER_SETTINGS_CHECK_H
#define SYMBOLIZER_SETTINGS_CHECK_H

#include <stdbool.h>

#include "common/shipper.pb.h"

/* False with *why, the name of the setting that is out of bounds. */
bool settings_ok(const phlare_Settings *settings, const char **why);

#endif
