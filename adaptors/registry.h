/*
 * Which adaptors this program has: adaptor_list is defined once per program (registry_net.c, registry_vm.c) out of
 * adaptors/list.h; adaptor_find and adaptor_nth (adaptor.h) read it. A test that brings its own adaptor defines its
 * own adaptor_list instead.
 */
#ifndef ICORP_ADAPTOR_REGISTRY_H
#define ICORP_ADAPTOR_REGISTRY_H

#include "adaptors/adaptor.h"

/* Ended by NULL. */
extern const struct adaptor_ops *const adaptor_list[];

#endif
