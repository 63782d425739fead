/*
 * The registered adaptors, one line each: ADAPTOR(type, program). `type` is the name in the config and the
 * name of the exported table `const struct adaptor_ops adaptor_TYPE`; `program` is which helper links it:
 *     net   icorp-adaptor      (libmnl, libnftables)
 *     vm    icorp-adaptor-vm   (libvirt)
 * The other line a new technology needs is its source file in adaptors/local.mk. No include guard: this file is
 * included once per question asked of the list (registry_net.c, registry_vm.c, names.c).
 */
ADAPTOR(null, net)
ADAPTOR(bridge, net)
ADAPTOR(ovs, net)
ADAPTOR(dscp, net)
ADAPTOR(nat, net)
ADAPTOR(proxy, net)
ADAPTOR(route, net)
ADAPTOR(tc, net)
ADAPTOR(trunk, net)
ADAPTOR(vm, vm)
