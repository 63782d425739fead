# tests of adaptors
EXTRA_DIST += tests/unit/adaptor_samples.h tests/e2e/nat.sh

check_PROGRAMS += tests/unit/test_adaptor_codec tests/unit/test_adaptor_client
TESTS += tests/unit/test_adaptor_codec tests/unit/test_adaptor_client

tests_unit_test_adaptor_codec_SOURCES = tests/unit/test_adaptor_codec.c tests/unit/adaptor_samples.h
tests_unit_test_adaptor_codec_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_adaptor_codec_LDADD = adaptors/libadaptorclient.a lib/libbase.a $(CMOCKA_LIBS)

tests_unit_test_adaptor_client_SOURCES = tests/unit/test_adaptor_client.c tests/unit/adaptor_samples.h
tests_unit_test_adaptor_client_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(EVENT_CFLAGS)
tests_unit_test_adaptor_client_LDADD = adaptors/libadaptorclient.a lib/libbase.a $(EVENT_LIBS) $(CMOCKA_LIBS)
tests_unit_test_adaptor_client_DEPENDENCIES = icorp-adaptor$(EXEEXT) adaptors/libadaptorclient.a lib/libbase.a

check_PROGRAMS += tests/unit/test_keymap
TESTS += tests/unit/test_keymap
tests_unit_test_keymap_SOURCES = tests/unit/test_keymap.c
tests_unit_test_keymap_LDADD = adaptors/libadaptorclient.a lib/libbase.a $(CMOCKA_LIBS)

# What any adaptor must keep to: one list of checks, a row per technology. As root all that this machine can do are tried;
# `bridge` in a user-mode-linux kernel (tests/e2e/conformance-uml.sh), `lxc` in tests/e2e/vm.sh.
CONFORMANCE_SOURCES = tests/conformance/checks.c tests/conformance/checks_audit.c \
	tests/conformance/checks_hostile.c tests/conformance/checks_kill.c tests/conformance/conformance.h \
	tests/conformance/run.c
check_PROGRAMS += tests/conformance/conformance_net tests/conformance/conformance_vm
TESTS += tests/conformance/conformance_net tests/conformance/conformance_vm
tests_conformance_conformance_net_SOURCES = $(CONFORMANCE_SOURCES) tests/conformance/subjects_net.c
tests_conformance_conformance_net_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(EVENT_CFLAGS)
tests_conformance_conformance_net_LDADD = adaptors/libadaptorhost.a adaptors/libadaptornet.a $(ADAPTOR_HOST_LIBS) \
	$(NFT_LIBS) $(MNL_LIBS) $(EVENT_LIBS) $(CMOCKA_LIBS)
tests_conformance_conformance_net_DEPENDENCIES = icorp-adaptor$(EXEEXT) icorp-proxy$(EXEEXT) icorpctl$(EXEEXT) \
	adaptors/libadaptorhost.a adaptors/libadaptornet.a adaptors/libadaptorclient.a lib/libbase.a
tests_conformance_conformance_vm_SOURCES = $(CONFORMANCE_SOURCES) tests/conformance/subjects_vm.c
tests_conformance_conformance_vm_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(EVENT_CFLAGS) $(VIRT_CFLAGS)
tests_conformance_conformance_vm_LDADD = adaptors/libadaptorhost.a adaptors/libadaptorvm.a $(ADAPTOR_HOST_LIBS) \
	$(VIRT_LIBS) $(XML_LIBS) $(EVENT_LIBS) $(CMOCKA_LIBS)
tests_conformance_conformance_vm_DEPENDENCIES = icorp-adaptor-vm$(EXEEXT) adaptors/libadaptorhost.a \
	adaptors/libadaptorvm.a adaptors/libadaptorclient.a lib/libbase.a

EXTRA_DIST += tests/golden/tc
check_PROGRAMS += tests/unit/test_adaptor_tc
TESTS += tests/unit/test_adaptor_tc
tests_unit_test_adaptor_tc_SOURCES = tests/unit/test_adaptor_tc.c tests/unit/tc_fake.c tests/unit/tc_fake.h \
	tests/unit/adaptor_samples.h tests/unit/netns.h
tests_unit_test_adaptor_tc_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(MNL_CFLAGS) $(NFT_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_adaptor_tc_LDADD = adaptors/libadaptorhost.a adaptors/libadaptornet.a $(ADAPTOR_HOST_LIBS) \
	$(NFT_LIBS) $(MNL_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_trunk
TESTS += tests/unit/test_trunk
tests_unit_test_trunk_SOURCES = tests/unit/test_trunk.c
tests_unit_test_trunk_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_trunk_LDADD = adaptors/libadaptorhost.a adaptors/libadaptornet.a $(ADAPTOR_HOST_LIBS) \
	$(NFT_LIBS) $(MNL_LIBS) $(CMOCKA_LIBS)

EXTRA_DIST += tests/fuzz/corpus/terms
FUZZ_TARGETS += tests/fuzz/fuzz_terms
tests_fuzz_fuzz_terms_SOURCES = tests/fuzz/fuzz_terms.c
tests_fuzz_fuzz_terms_LDADD = $(FUZZ_DRIVER) adaptors/libadaptorclient.a lib/libbase.a

EXTRA_DIST += tests/golden/nat
check_PROGRAMS += tests/unit/test_nat
TESTS += tests/unit/test_nat
tests_unit_test_nat_SOURCES = tests/unit/test_nat.c tests/unit/proxy_golden.c tests/unit/proxy_golden.h tests/unit/netns.h
tests_unit_test_nat_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(MNL_CFLAGS) $(NFT_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_nat_LDADD = adaptors/libadaptorhost.a adaptors/libadaptornet.a $(ADAPTOR_HOST_LIBS) $(NFT_LIBS) $(MNL_LIBS) \
	$(CMOCKA_LIBS)
