/* SPDX-License-Identifier: Apache-2.0 */
/* What the listening port shows. */
#ifndef SHIPPER_PAGES_H
#define SHIPPER_PAGES_H

#include "shipper/http_server.h"

struct metrics_view;

/* Where the pages get what they show: the view is lent for the call. */
struct pages_source {
	void (*view)(void *arg, struct metrics_view *view);
	/* Reads the configuration again: NULL, or what is wrong with it. */
	const char *(*reload)(void *arg);
	const char *path; /* of the configuration */
	void *arg;
};

/* For http_server_new(), whose arg must be a struct pages_source. */
extern const struct http_page pages[];

#endif
