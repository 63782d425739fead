/* The adaptors of icorp-adaptor-vm: every line of list.h that names the program `vm`. */
#include "adaptors/registry.h"

#define ADAPTOR_vm(type) extern const struct adaptor_ops adaptor_##type;
#define ADAPTOR_net(type)
#define ADAPTOR(type, program) ADAPTOR_##program(type)
#include "adaptors/list.h"
#undef ADAPTOR_vm

#define ADAPTOR_vm(type) &adaptor_##type,
const struct adaptor_ops *const adaptor_list[] = {
#include "adaptors/list.h"
	NULL,
};
