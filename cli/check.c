/* SPDX-License-Identifier: Apache-2.0 */
/* phlare-ebpf check: the mistakes of configurations, nothing started. */
#include "cli/ask_shipper.h"
#include "cli/commands.h"
#include "common/log.h"
#include "common/options.h"

static const struct option_row rows[] = { { NULL } };
static const struct option_table table = { "phlare-ebpf check", "FILE...",
	"Checks configurations as phlare-ebpf run reads them, and starts "
	"nothing. All\nmistakes are shown with their lines. Files that FILE "
	"names are read as well.",
	rows };

int
command_check(int argc, char **argv)
{
	int code, first = options_parse(&table, argc, argv, NULL, &code);

	if (first < 0)
		return code;
	return ask_shipper_exec(&(struct ask_shipper){
	    "check", "--check", argv + first, argc - first });
}
