/* The adaptors of icorp-adaptor: every line of list.h that names the program `net`. */
#include "adaptors/registry.h"

#define ADAPTOR_net(type) extern const struct adaptor_ops adaptor_##type;
#define ADAPTOR_vm(type)
#define ADAPTOR(type, program) ADAPTOR_##program(type)
#include "adaptors/list.h"
#undef ADAPTOR_net

#define ADAPTOR_net(type) &adaptor_##type,
const struct adaptor_ops *const adaptor_list[] = {
#include "adaptors/list.h"
	NULL,
};
