/* SPDX-License-Identifier: Apache-2.0 */
#include "common/process_options.h"

#include <errno.h>
#include <unistd.h>

#include "common/sandbox.h"

int
process_option_user(void *into, const char *value, const char **why)
{
	struct process_options *o = into;

	return privilege_parse_user(value, &o->ids, why);
}

int
process_option_sandbox(void *into, const char *value, const char **why)
{
	(void)into;
	*why = "not enforce or trap";
	return sandbox_set_mode(value);
}

int
process_option_debug(void *into, const char *value, const char **why)
{
	struct process_options *o = into;

	(void)value;
	(void)why;
	o->debug = true;
	return 0;
}

int
process_options_check(
    const struct option_table *table, const struct process_options *options)
{
	if (geteuid() != 0 || options->ids.uid != (uid_t)-1)
		return 0;
	return options_refuse(table,
	    "started as root: --user NAME|UID[:GID] says whom to become");
}
