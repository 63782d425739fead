# signald: the pure core as its own library (the simulator and the fuzzers link only it), the daemon around it.
noinst_LIBRARIES += signald/libcore.a
signald_libcore_a_SOURCES = signald/core.h signald/leader.h signald/nexthop.h signald/plan.h signald/session.h \
	signald/admit.c signald/branch.c signald/demand.c signald/error.c signald/leader.c signald/nexthop.c \
	signald/path.c signald/plan.c signald/resv.c signald/send.c signald/settle.c signald/table.c
