# tests of signald and of the codec it shares with the agent
TEST_RSVP_LIBS = lib/libcryptobase.a lib/libbase.a $(CRYPTO_LIBS)

check_PROGRAMS += tests/unit/test_rsvp tests/unit/rsvp_pcap
tests_unit_test_rsvp_SOURCES = tests/unit/test_rsvp.c tests/unit/rsvp_samples.c tests/unit/rsvp_samples.h
tests_unit_test_rsvp_LDADD = $(TEST_RSVP_LIBS) $(CMOCKA_LIBS)
tests_unit_rsvp_pcap_SOURCES = tests/unit/rsvp_pcap.c tests/unit/rsvp_samples.c tests/unit/rsvp_samples.h
tests_unit_rsvp_pcap_LDADD = $(TEST_RSVP_LIBS) $(PCAP_LIBS)
dist_check_SCRIPTS += tests/unit/rsvp_oracles.sh
TESTS += tests/unit/test_rsvp tests/unit/rsvp_oracles.sh
EXTRA_DIST += tests/unit/demo_network.h tests/unit/element.h tests/unit/memory.h tests/unit/network.h tests/lib/oracles.sh tests/lib/stage.sh tests/lib/network.sh

check_PROGRAMS += tests/unit/test_cutthrough
tests_unit_test_cutthrough_SOURCES = tests/unit/test_cutthrough.c
tests_unit_test_cutthrough_LDADD = $(SIM_LIBS) $(CMOCKA_LIBS)
TESTS += tests/unit/test_cutthrough

check_PROGRAMS += tests/unit/test_core tests/unit/test_revision tests/unit/test_lapse tests/unit/test_plain tests/unit/test_preempt tests/unit/test_reroute
check_PROGRAMS += tests/unit/test_use tests/unit/test_readings
tests_unit_test_use_SOURCES = tests/unit/test_use.c
tests_unit_test_use_LDADD = $(SIM_LIBS) $(CMOCKA_LIBS)
tests_unit_test_readings_SOURCES = tests/unit/test_readings.c
tests_unit_test_readings_LDADD = signald/libsignald.a $(SIM_LIBS) $(CMOCKA_LIBS)
TESTS += tests/unit/test_use tests/unit/test_readings
tests_unit_test_preempt_SOURCES = tests/unit/test_preempt.c
tests_unit_test_preempt_LDADD = $(SIM_LIBS) $(CMOCKA_LIBS)
tests_unit_test_plain_SOURCES = tests/unit/test_plain.c
tests_unit_test_plain_LDADD = $(SIM_LIBS) $(CMOCKA_LIBS)
tests_unit_test_reroute_SOURCES = tests/unit/test_reroute.c
tests_unit_test_reroute_LDADD = $(SIM_LIBS) $(CMOCKA_LIBS)
tests_unit_test_core_SOURCES = tests/unit/test_core.c
tests_unit_test_core_LDADD = $(SIM_LIBS) $(CMOCKA_LIBS)
tests_unit_test_revision_SOURCES = tests/unit/test_revision.c
tests_unit_test_revision_LDADD = $(SIM_LIBS) $(CMOCKA_LIBS)
tests_unit_test_lapse_SOURCES = tests/unit/test_lapse.c
tests_unit_test_lapse_LDADD = $(SIM_LIBS) $(CMOCKA_LIBS)
TESTS += tests/unit/test_core tests/unit/test_revision tests/unit/test_lapse tests/unit/test_plain tests/unit/test_preempt tests/unit/test_reroute tests/sim/quick.sh
# What broken cores show of the simulator is the same with sanitizers, where it takes many times as long.
if !SANITIZE
TESTS += tests/sim/broken.sh
endif
dist_check_SCRIPTS += tests/sim/quick.sh tests/sim/broken.sh
EXTRA_DIST += tests/sim/seeds.sh

FUZZ_TARGETS += tests/fuzz/fuzz_rsvp
tests_fuzz_fuzz_rsvp_SOURCES = tests/fuzz/fuzz_rsvp.c
tests_fuzz_fuzz_rsvp_LDADD = $(FUZZ_DRIVER) $(TEST_RSVP_LIBS)

check_PROGRAMS += tests/unit/test_grants tests/unit/test_table
tests_unit_test_grants_SOURCES = tests/unit/test_grants.c
tests_unit_test_grants_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
tests_unit_test_grants_LDADD = $(SIM_LIBS) $(CMOCKA_LIBS)
tests_unit_test_table_SOURCES = tests/unit/test_table.c
tests_unit_test_table_LDADD = $(SIM_LIBS) $(CMOCKA_LIBS)
TESTS += tests/unit/test_grants tests/unit/test_table

check_PROGRAMS += tests/unit/test_keyring tests/unit/test_peer
tests_unit_test_keyring_SOURCES = tests/unit/test_keyring.c tests/unit/peer_world.c tests/unit/peer_world.h
tests_unit_test_keyring_LDADD = signald/libsignald.a $(TEST_RSVP_LIBS) $(CMOCKA_LIBS)
tests_unit_test_peer_SOURCES = tests/unit/test_peer.c tests/unit/peer_world.c tests/unit/peer_world.h
tests_unit_test_peer_LDADD = signald/libsignald.a $(TEST_RSVP_LIBS) $(CMOCKA_LIBS)
TESTS += tests/unit/test_keyring tests/unit/test_peer

check_PROGRAMS += tests/unit/test_l2
tests_unit_test_l2_SOURCES = tests/unit/test_l2.c
tests_unit_test_l2_LDADD = $(SIGNALD_LIBS) $(CMOCKA_LIBS)
TESTS += tests/unit/test_l2

check_PROGRAMS += tests/unit/test_l2_lldp
tests_unit_test_l2_lldp_SOURCES = tests/unit/test_l2_lldp.c
tests_unit_test_l2_lldp_LDADD = $(SIGNALD_LIBS) $(CMOCKA_LIBS)
TESTS += tests/unit/test_l2_lldp

check_PROGRAMS += tests/unit/test_transport
tests_unit_test_transport_SOURCES = tests/unit/test_transport.c tests/unit/netns.h
tests_unit_test_transport_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(MNL_CFLAGS)
tests_unit_test_transport_LDADD = signald/libsignald.a $(TEST_RSVP_LIBS) $(PCAP_LIBS) $(EVENT_LIBS) $(MNL_LIBS) $(CMOCKA_LIBS)
TESTS += tests/unit/test_transport

check_PROGRAMS += tests/unit/test_pull
tests_unit_test_pull_SOURCES = tests/unit/test_pull.c
tests_unit_test_pull_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
tests_unit_test_pull_LDADD = $(SIGNALD_LIBS) $(CMOCKA_LIBS)
TESTS += tests/unit/test_pull

check_PROGRAMS += tests/unit/test_parked
tests_unit_test_parked_SOURCES = tests/unit/test_parked.c
tests_unit_test_parked_LDADD = $(SIM_LIBS) $(CMOCKA_LIBS)
TESTS += tests/unit/test_parked

check_PROGRAMS += tests/unit/test_recovery
tests_unit_test_recovery_SOURCES = tests/unit/test_recovery.c
tests_unit_test_recovery_LDADD = $(SIM_LIBS) $(CMOCKA_LIBS)
tests_unit_test_recovery_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=session_hold
TESTS += tests/unit/test_recovery

check_PROGRAMS += tests/unit/test_element tests/unit/test_parts tests/unit/test_memory
tests_unit_test_parts_SOURCES = tests/unit/test_parts.c
tests_unit_test_parts_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
tests_unit_test_parts_LDADD = $(SIM_LIBS) $(CMOCKA_LIBS)
tests_unit_test_element_SOURCES = tests/unit/test_element.c
tests_unit_test_element_LDADD = $(SIM_LIBS) $(CMOCKA_LIBS)
tests_unit_test_memory_SOURCES = tests/unit/test_memory.c
tests_unit_test_memory_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
tests_unit_test_memory_LDADD = $(SIGNALD_LIBS) $(CMOCKA_LIBS)
TESTS += tests/unit/test_element tests/unit/test_parts tests/unit/test_memory

# Two neighbours on a virtual clock.
check_LIBRARIES += tests/unit/libneighbourworld.a
tests_unit_libneighbourworld_a_SOURCES = tests/unit/neighbour_world.c tests/unit/neighbour_world.h
NEIGHBOUR_TESTS = tests/unit/test_neighbour tests/unit/test_neighbour_hello tests/unit/test_neighbour_hostile \
	tests/unit/test_neighbour_summary
NEIGHBOUR_TEST_LIBS = tests/unit/libneighbourworld.a signald/libcore.a $(TEST_RSVP_LIBS) $(CMOCKA_LIBS)
tests_unit_test_neighbour_LDADD = $(NEIGHBOUR_TEST_LIBS)
tests_unit_test_neighbour_hello_LDADD = $(NEIGHBOUR_TEST_LIBS)
tests_unit_test_neighbour_hostile_LDADD = $(NEIGHBOUR_TEST_LIBS)
tests_unit_test_neighbour_summary_LDADD = $(NEIGHBOUR_TEST_LIBS)
check_PROGRAMS += $(NEIGHBOUR_TESTS)
TESTS += $(NEIGHBOUR_TESTS)

check_PROGRAMS += tests/unit/test_network
tests_unit_test_network_SOURCES = tests/unit/test_network.c
tests_unit_test_network_LDADD = $(SIM_LIBS) $(CMOCKA_LIBS)
TESTS += tests/unit/test_network

FUZZ_TARGETS += tests/fuzz/fuzz_gml tests/fuzz/fuzz_sndlib
tests_fuzz_fuzz_gml_SOURCES = tests/fuzz/fuzz_gml.c
tests_fuzz_fuzz_gml_LDADD = $(FUZZ_DRIVER) $(SIM_LIBS)
tests_fuzz_fuzz_sndlib_SOURCES = tests/fuzz/fuzz_sndlib.c
tests_fuzz_fuzz_sndlib_LDADD = $(FUZZ_DRIVER) $(SIM_LIBS)

check_PROGRAMS += tests/unit/test_show
tests_unit_test_show_SOURCES = tests/unit/test_show.c
tests_unit_test_show_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_show_LDADD = tests/sim/libsim.a $(SIGNALD_LIBS) $(CMOCKA_LIBS)
TESTS += tests/unit/test_show

check_PROGRAMS += tests/unit/test_dispatch
tests_unit_test_dispatch_SOURCES = tests/unit/test_dispatch.c tests/unit/adaptor_samples.h
tests_unit_test_dispatch_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(EVENT_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_dispatch_LDADD = $(SIGNALD_LIBS) $(CMOCKA_LIBS)
tests_unit_test_dispatch_DEPENDENCIES = icorp-adaptor$(EXEEXT) signald/libsignald.a signald/libcore.a 	adaptors/libadaptorclient.a lib/libbase.a
TESTS += tests/unit/test_dispatch

check_PROGRAMS += tests/unit/test_launcher
tests_unit_test_launcher_SOURCES = tests/unit/test_launcher.c
tests_unit_test_launcher_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(EVENT_CFLAGS)
tests_unit_test_launcher_LDADD = $(SIGNALD_LIBS) $(CMOCKA_LIBS)
tests_unit_test_launcher_DEPENDENCIES = icorp-adaptor$(EXEEXT) signald/libsignald.a signald/libcore.a adaptors/libadaptorclient.a lib/libbase.a
TESTS += tests/unit/test_launcher

TESTS += tests/e2e/audit.sh
EXTRA_DIST += tests/e2e/audit.sh
