/* SPDX-License-Identifier: Apache-2.0 */
/* The program's version as messages carry it: 0x00MMmmpp. */
#ifndef COMMON_VERSION_H
#define COMMON_VERSION_H

#define PROGRAM_VERSION 0x000100u

#endif
