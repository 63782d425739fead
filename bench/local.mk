# bench: measured claims, each against a floor or a peer in the same run. Built with everything else, not installed.
noinst_PROGRAMS += bench/signaling
bench_signaling_SOURCES = bench/signaling.c bench/load/bench.h bench/load/docs.h bench/load/generator.h bench/load/messages.h \
	bench/load/neighbour.h bench/load/process.h bench/load/relay.h bench/load/report.h bench/load/socket.h bench/load/world.h \
	bench/load/change.c bench/load/docs.c bench/load/generator.c bench/load/messages.c bench/load/neighbour.c \
	bench/load/plot.c bench/load/process.c bench/load/relay.c bench/load/report.c bench/load/rig.c bench/load/scale.c \
	bench/load/setups.c bench/load/socket.c bench/load/world.c
bench_signaling_CPPFLAGS = $(AM_CPPFLAGS) $(ZLIB_CFLAGS)
bench_signaling_LDADD = $(CONTRACT_LIBS) -lm
EXTRA_bench_signaling_DEPENDENCIES = icorp-signald$(EXEEXT) icorp-adaptor$(EXEEXT)

noinst_PROGRAMS += bench/contract
bench_contract_SOURCES = bench/contract.c
bench_contract_CPPFLAGS = $(AM_CPPFLAGS) $(XML_CFLAGS)
bench_contract_LDADD = $(CONTRACT_LIBS)

bench-signaling: bench/signaling$(EXEEXT)
	bench/signaling $(BENCHFLAGS)
EXTRA_DIST += bench/profile
.PHONY: bench-signaling
