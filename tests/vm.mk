# tests of the vm, bridge and ovs adaptors
EXTRA_DIST += tests/unit/terms_text.h tests/e2e/vm.sh tests/e2e/vm-qemu.sh tests/e2e/vm.d tests/e2e/servers.sh tests/e2e/bridge-uml.sh \
	tests/e2e/ovs.sh tests/e2e/ovs-uml.sh tests/e2e/switch_checks.sh tests/e2e/switch_uml.sh tests/e2e/conformance-uml.sh tests/e2e/dscp.sh \
	tests/e2e/trunk.sh

check_LIBRARIES += tests/unit/libtermstext.a
tests_unit_libtermstext_a_SOURCES = tests/unit/terms_text.c tests/unit/terms_text.h

VM_TEST_LIBS = tests/unit/libtermstext.a adaptors/libadaptorvm.a $(ADAPTOR_HOST_LIBS) $(VIRT_LIBS) $(XML_LIBS)

check_PROGRAMS += tests/unit/test_vm tests/e2e/adaptor_drive_vm
TESTS += tests/unit/test_vm

tests_unit_test_vm_SOURCES = tests/unit/test_vm.c
tests_unit_test_vm_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(VIRT_CFLAGS)
tests_unit_test_vm_LDADD = adaptors/libadaptorhost.a $(VM_TEST_LIBS) $(CMOCKA_LIBS)

tests_e2e_adaptor_drive_vm_SOURCES = tests/e2e/adaptor_drive.c
tests_e2e_adaptor_drive_vm_LDADD = adaptors/libadaptorhost.a $(VM_TEST_LIBS)

check_PROGRAMS += tests/e2e/adaptor_drive_net
tests_e2e_adaptor_drive_net_SOURCES = tests/e2e/adaptor_drive.c
tests_e2e_adaptor_drive_net_LDADD = tests/unit/libtermstext.a adaptors/libadaptorhost.a adaptors/libadaptornet.a \
	$(ADAPTOR_HOST_LIBS) $(NFT_LIBS) $(MNL_LIBS)

check_PROGRAMS += tests/unit/test_bridge
TESTS += tests/unit/test_bridge
tests_unit_test_bridge_SOURCES = tests/unit/test_bridge.c tests/unit/bridge_text.c tests/unit/bridge_text.h \
	tests/unit/golden_terms.c tests/unit/golden_terms.h
tests_unit_test_bridge_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(MNL_CFLAGS)
tests_unit_test_bridge_LDADD = tests/unit/libtermstext.a adaptors/libadaptorhost.a adaptors/libadaptornet.a \
	$(ADAPTOR_HOST_LIBS) $(NFT_LIBS) $(MNL_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_ovs
TESTS += tests/unit/test_ovs
tests_unit_test_ovs_SOURCES = tests/unit/test_ovs.c tests/unit/test_ovs.h tests/unit/test_ovs_peer.c tests/unit/test_ovs_queue.c tests/unit/ovs_text.c tests/unit/ovs_text.h \
	tests/unit/golden_terms.c tests/unit/golden_terms.h
tests_unit_test_ovs_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_ovs_LDADD = tests/unit/libtermstext.a adaptors/libadaptorhost.a adaptors/libadaptornet.a \
	$(ADAPTOR_HOST_LIBS) $(NFT_LIBS) $(MNL_LIBS) $(CMOCKA_LIBS)
