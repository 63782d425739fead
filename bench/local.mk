# bench: measured claims, each against a floor or a peer in the same run. Built with everything else, not installed.
noinst_LIBRARIES += bench/libbench.a
bench_libbench_a_SOURCES = bench/load/namespace.h bench/load/options.h bench/load/report.h \
	bench/load/namespace.c bench/load/options.c bench/load/plot.c bench/load/report.c

# A real controller between two neighbours.
BENCH_RIG = bench/load/bench.h bench/load/docs.h bench/load/generator.h bench/load/messages.h \
	bench/load/neighbour.h bench/load/process.h bench/load/relay.h bench/load/socket.h bench/load/world.h \
	bench/load/docs.c bench/load/generator.c bench/load/messages.c bench/load/neighbour.c \
	bench/load/process.c bench/load/relay.c bench/load/rig.c bench/load/socket.c bench/load/world.c

noinst_PROGRAMS += bench/signaling
bench_signaling_SOURCES = bench/signaling.c bench/load/change.c bench/load/scale.c bench/load/setups.c $(BENCH_RIG)
bench_signaling_CPPFLAGS = $(AM_CPPFLAGS) $(ZLIB_CFLAGS)
bench_signaling_LDADD = bench/libbench.a $(CONTRACT_LIBS) -lm
EXTRA_bench_signaling_DEPENDENCIES = icorp-signald$(EXEEXT) icorp-adaptor$(EXEEXT)

# What drives an adaptor's process and flows through what it made.
BENCH_ADAPTOR = bench/load/adaptor.h bench/load/flow.h bench/load/adaptor.c bench/load/flow.c
BENCH_ADAPTOR_LIBS = bench/libbench.a adaptors/libadaptorclient.a lib/libbase.a $(EVENT_LIBS) $(JANSSON_LIBS) -lm

noinst_PROGRAMS += bench/isolation
bench_isolation_SOURCES = bench/isolation.c bench/load/path.h bench/load/path.c $(BENCH_ADAPTOR)
bench_isolation_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS)
bench_isolation_LDADD = $(BENCH_ADAPTOR_LIBS)
EXTRA_bench_isolation_DEPENDENCIES = icorp-adaptor$(EXEEXT)

noinst_PROGRAMS += bench/adaptors
bench_adaptors_SOURCES = bench/adaptors.c bench/load/demand.c bench/load/lapse.c $(BENCH_ADAPTOR) $(BENCH_RIG)
bench_adaptors_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS) $(ZLIB_CFLAGS)
bench_adaptors_LDADD = $(BENCH_ADAPTOR_LIBS) $(CONTRACT_LIBS)
EXTRA_bench_adaptors_DEPENDENCIES = icorp-signald$(EXEEXT) icorp-adaptor$(EXEEXT)

noinst_PROGRAMS += bench/vm
bench_vm_SOURCES = bench/vm.c $(BENCH_ADAPTOR)
bench_vm_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS) $(VIRT_CFLAGS)
bench_vm_LDADD = adaptors/libadaptorvm.a adaptors/libadaptorhost.a $(BENCH_ADAPTOR_LIBS) $(VIRT_LIBS) $(XML_LIBS)
EXTRA_bench_vm_DEPENDENCIES = icorp-adaptor-vm$(EXEEXT)

noinst_PROGRAMS += bench/contract
bench_contract_SOURCES = bench/contract.c
bench_contract_CPPFLAGS = $(AM_CPPFLAGS) $(XML_CFLAGS)
bench_contract_LDADD = $(CONTRACT_LIBS)

bench-signaling: bench/signaling$(EXEEXT)
	bench/signaling $(BENCHFLAGS)
bench-isolation: bench/isolation$(EXEEXT)
	bench/isolation $(BENCHFLAGS)
bench-adaptors: bench/adaptors$(EXEEXT)
	bench/adaptors $(BENCHFLAGS)
# The figures of doc/performance.md, anew; four minutes of a machine with nothing else to do.
figures: bench/isolation$(EXEEXT)
	bench/isolation --only host,bridge --svg $(top_srcdir)/doc
EXTRA_DIST += bench/profile
.PHONY: bench-signaling bench-isolation bench-adaptors figures
