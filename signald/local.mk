# signald: the pure core as its own library (the simulator and the fuzzers link only it), the daemon around it.
noinst_LIBRARIES += signald/libcore.a
signald_libcore_a_SOURCES = \
	signald/core.h signald/grants.h signald/leader.h signald/neighbour.h signald/neighbour_internal.h \
	signald/nexthop.h signald/plan.h signald/session.h \
	signald/actions.c signald/admit.c signald/blockade.c signald/branch.c signald/cutthrough.c signald/demand.c signald/error.c \
	signald/exchange.c signald/grants.c signald/input.c signald/leader.c signald/names.c signald/neighbour.c \
	signald/neighbour_hello.c signald/neighbour_input.c signald/neighbour_pending.c signald/parked.c \
	signald/neighbour_send.c signald/neighbour_summary.c signald/nexthop.c signald/path.c \
	signald/plan.c signald/preempt.c signald/recovery.c signald/reroute.c signald/resv.c signald/revision.c \
	signald/revision_isc.c signald/revision_leader.c signald/send.c \
	signald/settle.c \
	signald/shelf.c signald/table.c signald/tick.c signald/unknown.c signald/upstream.c signald/use.c

noinst_LIBRARIES += signald/libsignald.a
signald_libsignald_a_SOURCES = signald/audit.c signald/audit.h signald/meter.c signald/meter.h signald/readings.c signald/readings.h signald/config.h signald/daemon.h signald/dispatch.h signald/keyring.h signald/l2.h signald/launcher.h signald/launcher_protocol.h \
	signald/peer.h signald/peer_internal.h signald/pull.h signald/registrar.h signald/registration.h signald/report_queue.h signald/replay.h \
	signald/restart.h signald/routes.h signald/transport.h signald/capture.c signald/capture.h signald/config.c signald/daemon.c \
	signald/dispatch.c signald/errors.c signald/errors.h signald/handshake.c signald/keyring.c \
	signald/keyring_file.c signald/l2.c signald/l2_config.c signald/l2_lldp.c signald/l2_lldp.h signald/launcher.c signald/launcher_serve.c signald/options.c signald/outbox.c signald/outbox.h signald/peer.c signald/peer_check.c \
	signald/pull.c signald/receive.c signald/reload.c signald/reload.h signald/registrar.c signald/registration.c signald/report_queue.c signald/replay.c signald/restart.c signald/routes.c \
	signald/show.c signald/show.h signald/show_adaptors.c signald/show_element.c signald/show_errors.c \
	signald/show_neighbours.c signald/show_sessions.c signald/show_timers.c signald/trace.c signald/trace.h signald/transport.c
if LLDP
signald_libsignald_a_SOURCES += signald/l2_lldpd.c signald/l2_lldpd_read.c signald/l2_lldpd_read.h
else
signald_libsignald_a_SOURCES += signald/l2_lldpd_none.c
endif
signald_libsignald_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JANSSON_CFLAGS) $(MNL_CFLAGS) $(LLDP_CFLAGS)
SIGNALD_LIBS = signald/libsignald.a signald/libcore.a adaptors/libadaptorclient.a contracts/libcontracts.a \
	$(HTTP_LIBS) $(CRYPTOBASE_LIBS) $(XML_LIBS) $(ZLIB_LIBS) $(MNL_LIBS) $(PCAP_LIBS) $(LLDP_LIBS)

sbin_PROGRAMS += icorp-signald
icorp_signald_SOURCES = signald/main.c
icorp_signald_LDADD = $(SIGNALD_LIBS)
dist_man_MANS += man/icorp-signald.8
