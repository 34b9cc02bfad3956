/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "shipper/pages.h"

#include <event2/buffer.h>

#include "shipper/metrics.h"

#define TEXT "text/plain; charset=utf-8"

static struct metrics_view
view_of(void *arg)
{
	const struct pages_source *source = arg;
	struct metrics_view view = { 0 };

	source->view(source->arg, &view);
	return view;
}

static int
show_index(void *arg, struct evbuffer *out)
{
	(void)arg;
	evbuffer_add_printf(out,
	    "phlare-shipper " PACKAGE_VERSION "\n\n"
	    "/metrics    counters, as Prometheus reads them\n"
	    "/-/healthy  whether samples come in, are named and accepted\n"
	    "/-/ready    whether a configuration is in force\n"
	    "/-/reload   reads the configuration again\n");
	return 200;
}

static int
show_metrics(void *arg, struct evbuffer *out)
{
	struct metrics_view view = view_of(arg);

	metrics_write(&view, out);
	return 200;
}

static int
show_health(void *arg, struct evbuffer *out)
{
	struct metrics_view view = view_of(arg);

	return metrics_health(&view, out) ? 200 : 503;
}

/* Before the first configuration is in force nobody listens. */
static int
show_ready(void *arg, struct evbuffer *out)
{
	(void)arg;
	evbuffer_add_printf(out, "Agent is Ready.\n");
	return 200;
}

static int
do_reload(void *arg, struct evbuffer *out)
{
	const struct pages_source *source = arg;
	const char *why = source->reload(source->arg);

	if (why == NULL) {
		evbuffer_add_printf(out, "config reloaded\n");
		return 200;
	}
	evbuffer_add_printf(
	    out, "reading config file \"%s\": %s\n", source->path, why);
	return 400;
}

const struct http_page pages[] = {
	{ "/", TEXT, show_index },
	{ "/metrics", "text/plain; version=0.0.4; charset=utf-8",
	    show_metrics },
	{ "/-/healthy", TEXT, show_health },
	{ "/-/ready", TEXT, show_ready },
	{ "/-/reload", TEXT, do_reload, .acts = true },
	{ NULL },
};
