/*
 * Inside `icorpctl show …`: one function per command (control_fn), in a file per concern, and how they all write the
 * same things. ctx is the struct daemon; nothing is changed.
 */
#ifndef ICORP_SIGNALD_SHOW_H
#define ICORP_SIGNALD_SHOW_H

#include "lib/control.h"
#include "lib/writer.h"
#include "signald/daemon.h"

/* show.c: 0.0.0.0 is written as nothing; no port as "-"; a deadline in ms from now, none as "-". */
void show_addr(struct writer *w, const char *name, struct in_addr addr);
const char *show_port(const struct daemon *d, int port);
void show_ms(struct writer *w, const char *name, uint64_t at_us, uint64_t now_us);
/* A whole number from first to last in text. 0, or -EINVAL with control_fail. */
int show_number(const char *text, uint64_t first, uint64_t last, uint64_t *out, struct control_reply *reply);

/* show_sessions.c */
control_fn show_sessions, show_path, show_hops;
void show_grant(struct writer *w, const char *name, const struct rsvp_grant *g);
/* show_timers.c */
control_fn show_timers;
/* show_neighbours.c */
control_fn show_neighbours, show_counters;
/* show_errors.c */
control_fn show_errors;
/* show_element.c */
control_fn show_status, show_ports, show_l2, show_routes;
/* trace.c, capture.c: streams */
control_fn show_trace, show_pcap;
/* show_adaptors.c: answered when the adaptors have */
control_fn show_adaptors, show_measure;
void show_adaptors_close(struct daemon *d);

#endif
