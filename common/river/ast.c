/* SPDX-License-Identifier: Apache-2.0 */
#include "common/river/ast.h"

#include <string.h>

const struct river_attribute *
river_body_attribute(const struct river_body *body, const char *name)
{
	const struct river_attribute *found = NULL;

	for (const struct river_statement *s = body->first; s != NULL;
	     s = s->next)
		if (!s->is_block && strcmp(s->attribute.name.text, name) == 0)
			found = &s->attribute;
	return found;
}
