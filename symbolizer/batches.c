/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/batches.h"

#include <stdlib.h>

#include "common/log.h"
#include "symbolizer/batch_view.h"

void
batches_init(struct batches *batches)
{
	TAILQ_INIT(&batches->came);
	TAILQ_INIT(&batches->working);
	batches->bytes = 0;
}

void
batches_fini(struct batches *batches)
{
	batches_take(batches);
	while (!TAILQ_EMPTY(&batches->working))
		batches_done(batches, TAILQ_FIRST(&batches->working));
}

bool
batches_fit(const struct batches *batches, size_t bytes)
{
	return bytes <= BATCHES_MAX_BYTES &&
	       batches->bytes <= BATCHES_MAX_BYTES - bytes;
}

void
batches_add(struct batches *batches, struct batch_view *view, uint64_t samples)
{
	struct batch *b = ecalloc(1, sizeof(*b));

	b->view = view;
	b->samples = samples;
	batches->bytes += view->size;
	TAILQ_INSERT_TAIL(&batches->came, b, entry);
}

void
batches_add_lost(
    struct batches *batches, enum ledger_counter reason, uint64_t samples)
{
	struct batch *b = TAILQ_LAST(&batches->came, batch_list);

	if (b == NULL || b->view != NULL || b->reason != reason) {
		b = ecalloc(1, sizeof(*b));
		b->reason = reason;
		TAILQ_INSERT_TAIL(&batches->came, b, entry);
	}
	b->samples += samples;
}

void
batches_take(struct batches *batches)
{
	TAILQ_CONCAT(&batches->working, &batches->came, entry);
}

void
batches_done(struct batches *batches, struct batch *batch)
{
	TAILQ_REMOVE(&batches->working, batch, entry);
	if (batch->view != NULL)
		batches->bytes -= batch->view->size;
	batch_view_free(batch->view);
	free(batch);
}
