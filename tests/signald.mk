# tests of signald and of the codec it shares with the agent
TEST_RSVP_LIBS = lib/libcryptobase.a lib/libbase.a $(CRYPTO_LIBS)

check_PROGRAMS += tests/unit/test_rsvp tests/unit/rsvp_pcap
tests_unit_test_rsvp_SOURCES = tests/unit/test_rsvp.c tests/unit/rsvp_samples.c tests/unit/rsvp_samples.h
tests_unit_test_rsvp_LDADD = $(TEST_RSVP_LIBS) $(CMOCKA_LIBS)
tests_unit_rsvp_pcap_SOURCES = tests/unit/rsvp_pcap.c tests/unit/rsvp_samples.c tests/unit/rsvp_samples.h
tests_unit_rsvp_pcap_LDADD = $(TEST_RSVP_LIBS) $(PCAP_LIBS)
dist_check_SCRIPTS = tests/unit/rsvp_oracles.sh
TESTS += tests/unit/test_rsvp tests/unit/rsvp_oracles.sh
EXTRA_DIST += tests/lib/oracles.sh
