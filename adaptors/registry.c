/* Finding an adaptor in this program's list (registry.h). */
#include "adaptors/registry.h"

#include <string.h>

const struct adaptor_ops *adaptor_nth(size_t n)
{
	for (size_t i = 0; adaptor_list[i]; i++)
		if (i == n)
			return adaptor_list[i];
	return NULL;
}

const struct adaptor_ops *adaptor_find(const char *type)
{
	for (size_t i = 0; adaptor_list[i]; i++)
		if (!strcmp(adaptor_list[i]->type, type))
			return adaptor_list[i];
	return NULL;
}
