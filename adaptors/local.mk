# adaptors: one library for the controller's end, one for the process, one per program's technologies
noinst_LIBRARIES += adaptors/libadaptorclient.a adaptors/libadaptorhost.a adaptors/libadaptornet.a adaptors/libadaptorvm.a

adaptors_libadaptorclient_a_SOURCES = adaptors/adaptor.h adaptors/client.h adaptors/list.h adaptors/protocol.h \
	adaptors/client_internal.h adaptors/keymap.h adaptors/keymap.c adaptors/client.c \
	adaptors/client_receive.c adaptors/client_run.c adaptors/client_send.c adaptors/names.c adaptors/process.c adaptors/process.h \
	adaptors/protocol.c adaptors/terms.c
adaptors_libadaptorclient_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)

adaptors_libadaptorhost_a_SOURCES = adaptors/host.h adaptors/host_internal.h adaptors/registry.h adaptors/host.c adaptors/host_batch.c adaptors/host_open.c \
	adaptors/host_query.c adaptors/cli.c adaptors/registry.c

# The technologies: a line each, and a line in adaptors/list.h.
adaptors_libadaptornet_a_SOURCES = adaptors/registry_net.c
adaptors_libadaptornet_a_SOURCES += adaptors/null.c adaptors/null_files.c adaptors/null_files.h adaptors/null_ports.c adaptors/null_ports.h \
	adaptors/null_found.c adaptors/null_record.c adaptors/null_record.h
adaptors_libadaptornet_a_SOURCES += adaptors/bridge.h adaptors/bridge.c adaptors/bridge_audit.c adaptors/bridge_message.c \
	adaptors/bridge_netlink.c adaptors/bridge_plan.c adaptors/bridge_read.c
adaptors_libadaptornet_a_SOURCES += adaptors/nat.h adaptors/nat.c adaptors/nat_audit.c adaptors/nat_flow.c adaptors/nat_kernel.c \
	adaptors/nat_plan.c adaptors/nat_text.c
adaptors_libadaptornet_a_SOURCES += adaptors/nftables.h adaptors/nftables.c
adaptors_libadaptornet_a_SOURCES += adaptors/switch.h adaptors/switch.c
adaptors_libadaptornet_a_SOURCES += adaptors/openflow.h adaptors/ovs.h adaptors/ovs.c adaptors/ovs_audit.c adaptors/ovs_database.c adaptors/ovs_flow.c \
	adaptors/ovs_note.h adaptors/ovs_openflow.c adaptors/ovs_parse.c adaptors/ovs_plan.c adaptors/ovs_queue.c adaptors/ovs_read.c \
	adaptors/ovs_rpc.c adaptors/ovs_stage.c adaptors/ovs_stream.c
adaptors_libadaptornet_a_SOURCES += adaptors/dscp.c
adaptors_libadaptornet_a_SOURCES += adaptors/proxy.c adaptors/proxy.h adaptors/proxy_audit.c adaptors/proxy_text.c
adaptors_libadaptornet_a_SOURCES += adaptors/route.h adaptors/route.c adaptors/route_audit.c adaptors/route_kernel.c adaptors/route_message.c adaptors/route_message.h
adaptors_libadaptornet_a_SOURCES += adaptors/tc.h adaptors/tc_kernel.h adaptors/tc.c adaptors/tc_audit.c adaptors/tc_link.c \
	adaptors/tc_netlink.c adaptors/tc_nft.c adaptors/tc_plan.c adaptors/tc_state.c adaptors/tc_text.c
adaptors_libadaptornet_a_SOURCES += adaptors/trunk.h adaptors/trunk.c adaptors/trunk_audit.c adaptors/trunk_choose.c \
	adaptors/trunk_circuit.c adaptors/trunk_plan.c adaptors/trunk_table.c
adaptors_libadaptornet_a_CFLAGS = $(AM_CFLAGS) $(MNL_CFLAGS) $(NFT_CFLAGS) $(JANSSON_CFLAGS)

adaptors_libadaptorvm_a_SOURCES = adaptors/registry_vm.c
adaptors_libadaptorvm_a_SOURCES += adaptors/vm.h adaptors/vm.c adaptors/vm_audit.c adaptors/vm_conn.c adaptors/vm_files.c \
	adaptors/vm_levels.c adaptors/vm_link.c adaptors/vm_lxc.c adaptors/vm_qemu.c adaptors/vm_writer.h adaptors/vm_xml.c
adaptors_libadaptorvm_a_CFLAGS = $(AM_CFLAGS) $(VIRT_CFLAGS) $(XML_CFLAGS) $(JANSSON_CFLAGS)

# What an adaptor process (or a test of one technology) links besides its technology's library and libraries.
# No libcrypto here: libnftables is GPL-2 only.
ADAPTOR_HOST_LIBS = adaptors/libadaptorhost.a adaptors/libadaptorclient.a lib/libbase.a $(JANSSON_LIBS)

pkglibexec_PROGRAMS += icorp-adaptor icorp-adaptor-vm
icorp_adaptor_SOURCES = adaptors/main.c
icorp_adaptor_LDADD = adaptors/libadaptorhost.a adaptors/libadaptornet.a $(ADAPTOR_HOST_LIBS) $(NFT_LIBS) $(MNL_LIBS)
icorp_adaptor_vm_SOURCES = adaptors/main.c
icorp_adaptor_vm_LDADD = adaptors/libadaptorhost.a adaptors/libadaptorvm.a $(ADAPTOR_HOST_LIBS) $(VIRT_LIBS) $(XML_LIBS)

dist_man_MANS += man/icorp-adaptor.8 man/icorp-adaptor-vm.8
EXTRA_DIST += doc/adaptors.md doc/writing-an-adaptor.md
