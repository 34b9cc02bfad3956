/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolizer/symbol_name.h"

#include <string.h>

static int
underscores(const char *name, size_t size)
{
	size_t n = 0;

	while (n < size && name[n] == '_')
		n++;
	if (n > 0 && n < size && (name[n] == 'Z' || name[n] == 'R'))
		return 0;
	return n < 100 ? (int)n : 100;
}

int
symbol_name_compare(const char *a, size_t a_size, int a_binding, const char *b,
    size_t b_size, int b_binding)
{
	int r = underscores(a, a_size) - underscores(b, b_size);

	if (r == 0)
		r = a_binding - b_binding;
	if (r == 0 && a_size != b_size)
		r = a_size < b_size ? -1 : 1;
	return r != 0 ? r : memcmp(a, b, a_size);
}
