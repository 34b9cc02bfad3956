/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes at all as what a server answers: to a push, to the request for a
 * token; as the labels of a profile, and as a URL. What is made of them is
 * text that can be shown.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shipper/http_url.h"
#include "shipper/labels.h"
#include "shipper/oauth2_token.h"
#include "shipper/push.h"
#include "shipper/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool good)
{
	if (!good)
		abort();
}

static void
as_answer(const uint8_t *data, size_t size)
{
	static const int statuses[] = { 200, 204, 307, 400, 401, 413, 429, 500,
		503 };

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		struct push_answer a;

		push_answer_read(&a, statuses[i], data, size, true);
		require(text_is_header_value(a.message));
		require(strchr(a.message, '\t') == NULL);
		require(push_answer_retryable(&a, true) ||
			!push_answer_retryable(&a, false));
		require((a.code == PUSH_OK) <= (statuses[i] == 200));
	}
}

static void
as_token(const uint8_t *data, size_t size)
{
	for (int status = 200; status < 500; status += 200) {
		struct oauth2_token token;
		char *why = NULL;
		int r = oauth2_token_read(&token, status, data, size, &why);

		require((r == 0) == (token.header != NULL));
		require((r == 0) == (why == NULL));
		if (r == 0)
			require(text_is_header_value(token.header) &&
				token.lifetime_ns >= 0);
		text_free_secret(token.header);
		free(why);
	}
}

static void
as_labels(const uint8_t *data, size_t size)
{
	struct labels *labels;

	if (labels_decode(data, size, &labels) < 0)
		return;
	for (size_t i = 0; i < labels->count; i++) {
		const struct label *l = &labels->item[i];

		require(l->name[0] != '\0' &&
			labels_text_valid(l->name, strlen(l->name)) &&
			labels_text_valid(l->value, strlen(l->value)));
		if (i > 0)
			require(strcmp(labels->item[i - 1].name, l->name) < 0);
	}
	free(push_head_new(labels, size));
	free(labels);
}

static void
as_url(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	char *shown = http_url_redacted(text);
	struct http_url url;

	require(strlen(shown) <= strlen(text) + 5);
	free(shown);
	if (http_url_check(text) == NULL) {
		require(http_url_parse(text, &url) == 0);
		require(url.host[0] != '\0' && url.port[0] != '\0');
		require(http_url_same_origin(&url, &url));
		free(http_url_authority(&url));
		http_url_clear(&url);
	}
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	as_answer(data, size);
	as_token(data, size);
	as_labels(data, size);
	as_url(data, size);
	return 0;
}
