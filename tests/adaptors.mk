# tests of adaptors
EXTRA_DIST += tests/unit/adaptor_samples.h

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

check_PROGRAMS += tests/unit/test_adaptor_conformance
TESTS += tests/unit/test_adaptor_conformance
tests_unit_test_adaptor_conformance_SOURCES = tests/unit/test_adaptor_conformance.c tests/unit/adaptor_samples.h \
	tests/unit/netns.h
tests_unit_test_adaptor_conformance_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(EVENT_CFLAGS) $(MNL_CFLAGS) $(NFT_CFLAGS)
tests_unit_test_adaptor_conformance_LDADD = adaptors/libadaptorhost.a adaptors/libadaptornet.a $(ADAPTOR_HOST_LIBS) \
	$(NFT_LIBS) $(MNL_LIBS) $(EVENT_LIBS) $(CMOCKA_LIBS)
tests_unit_test_adaptor_conformance_DEPENDENCIES = icorp-adaptor$(EXEEXT) adaptors/libadaptorhost.a \
	adaptors/libadaptornet.a adaptors/libadaptorclient.a lib/libbase.a

EXTRA_DIST += tests/golden/tc
check_PROGRAMS += tests/unit/test_adaptor_tc
TESTS += tests/unit/test_adaptor_tc
tests_unit_test_adaptor_tc_SOURCES = tests/unit/test_adaptor_tc.c tests/unit/tc_fake.c tests/unit/tc_fake.h \
	tests/unit/adaptor_samples.h tests/unit/netns.h
tests_unit_test_adaptor_tc_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(MNL_CFLAGS)
tests_unit_test_adaptor_tc_LDADD = adaptors/libadaptorhost.a adaptors/libadaptornet.a $(ADAPTOR_HOST_LIBS) \
	$(NFT_LIBS) $(MNL_LIBS) $(CMOCKA_LIBS)

EXTRA_DIST += tests/fuzz/corpus/terms
FUZZ_TARGETS += tests/fuzz/fuzz_terms
tests_fuzz_fuzz_terms_SOURCES = tests/fuzz/fuzz_terms.c
tests_fuzz_fuzz_terms_LDADD = $(FUZZ_DRIVER) adaptors/libadaptorclient.a lib/libbase.a
