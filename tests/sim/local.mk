# The simulator: the core and the codec of whole networks on a virtual clock. The program is installed, too.
noinst_LIBRARIES += tests/sim/libsim.a
tests_sim_libsim_a_SOURCES = tests/sim/farm.h tests/sim/icorp_sim.h tests/sim/internal.h tests/sim/map.h tests/sim/network.h \
	tests/sim/probe.h tests/sim/scenario.h tests/sim/sim.h tests/sim/source.h tests/sim/topo.h tests/sim/attach.c \
	tests/sim/change.c tests/sim/check.c tests/sim/controller.c tests/sim/farm.c tests/sim/faults.c tests/sim/gml.c \
	tests/sim/icorp_sim.c tests/sim/look.c tests/sim/map.c tests/sim/network.c tests/sim/options.c tests/sim/probe.c \
	tests/sim/restart.c tests/sim/scenario.c \
	tests/sim/script.c tests/sim/settled.c tests/sim/sim.c tests/sim/sndlib.c tests/sim/source.c tests/sim/topo.c \
	tests/sim/topo_read.c tests/sim/topo_view.c tests/sim/world.c
tests_sim_libsim_a_CFLAGS = $(AM_CFLAGS) $(XML_CFLAGS)
SIM_LIBS = tests/sim/libsim.a signald/libcore.a adaptors/libadaptorclient.a contracts/libcontracts.a $(CRYPTOBASE_LIBS) \
	$(XML_LIBS) $(ZLIB_LIBS)

bin_PROGRAMS += icorp-sim
icorp_sim_SOURCES = tests/sim/main.c
icorp_sim_LDADD = $(SIM_LIBS)
dist_pkgdata_DATA += testbed/demo.topo
dist_man_MANS += man/icorp-sim.1
dist_bashcompletion_DATA += packaging/completion/icorp-sim

# The same program with a core that is broken on purpose
check_PROGRAMS += tests/sim/broken
tests_sim_broken_SOURCES = tests/sim/broken.c
tests_sim_broken_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=session_hold,--wrap=demand_input,--wrap=core_their_lifetime \
	-Wl,--wrap=nexthop_find,--wrap=leader_failed,--wrap=leader_weigh,--wrap=vlan_give \
	-Wl,--wrap=recovery_claim,--wrap=recovery_waits,--wrap=recovery_tick,--wrap=core_found,--wrap=preempt_spare,--wrap=branch_reduce,--wrap=core_message,--wrap=core_applied \
	-Wl,--wrap=cutthrough_ends,--wrap=revision_held,--wrap=revision_supersede,--wrap=revision_complete
tests_sim_broken_LDADD = $(SIM_LIBS)
