/*
 * icorp-signald as a library: everything around the pure core. One struct daemon owns the parts and carries out the core's
 * actions; data flows socket -> peer -> codec -> core -> actions -> dispatch/transport/registrar.
 */
#ifndef ICORP_SIGNALD_DAEMON_H
#define ICORP_SIGNALD_DAEMON_H

#include "lib/privileges.h"
#include "signald/config.h"
#include "signald/core.h"
#include "signald/dispatch.h"
#include "signald/errors.h"
#include "signald/peer.h"

struct audit;
struct meter;
struct event;
struct control_server;
struct l2_lldpd;
struct reload;
struct launcher;
struct loop;
struct pull;
struct registrar;
struct restart;
struct routes;
struct outbox;
struct transport;
struct transport_received;
struct show_wait;
struct trace;
struct capture;

struct daemon {
	const char *config_file;
	const char *pcap;                     /* of the command line: instead of the configuration's; or NULL */
	struct signald_config config;
	struct core_config core_config;       /* as loaded; the core has its own copy with what is used */
	struct loop *loop;
	struct core *core;
	struct core_actions actions;
	int busy;                             /* carrying out actions: inputs wait in `late` */
	struct late *late, **late_end;
	struct nexthops nexthops;
	struct nexthops sections;             /* the map of the sections `neighbour`, to which lldpd's is added */
	struct routes *routes;
	struct peers *peers;
	struct transport *transport;
	struct outbox *outbox;
	struct pull *pull;
	struct launcher *launcher;
	struct reload *reload;                /* under way; NULL: none (reload.c) */
	struct privileges privileges;         /* whom we became */
	int failed;                           /* it cannot go on */
	struct dispatch *dispatch;
	struct registrar *registrar;
	struct restart *restart;
	struct l2_lldpd *lldpd;               /* NULL: another one knows the map */
	struct control_server *control;
	struct audit *audit;
	struct meter *meter;
	struct event *timer;
	struct event *settle;                 /* active: the inputs at hand are to be settled */
	struct rsvp_msg msg;
	struct errors errors;
	uint64_t bundles_received;
	struct show_wait *shows;
	struct trace *traces;                 /* ICorps that are followed (trace.h); NULL: nobody asks */
	struct capture *capture;              /* who gets the packets (capture.h); NULL: nobody */
	uint64_t started_us;
};

/* The command line: SIGNALD_RUN, SIGNALD_CHECK, 0 when all is said, -1 for a wrong one (said on stderr). *pcap: NULL unless given. */
enum { SIGNALD_RUN = 1, SIGNALD_CHECK = 2 };
int signald_options(int argc, char **argv, const char **config_file, const char **pcap);

/* The whole program after main: options, config, run, clean up. The exit status. */
int signald_main(int argc, char **argv);

/* An input for the core has been put into d->actions: carry them out, and settle. */
void daemon_run_actions(struct daemon *d);
/* When the inputs at hand are done: acknowledgements and all that they made leaves together, and the timer is set. */
void daemon_settle(struct daemon *d);

/* receive.c: the transport's hook */
void receive_datagram(void *ctx, const struct transport_received *received);

/* show.c, show_adaptors.c */
int show_open(struct daemon *d);
void show_shown(struct daemon *d, uint64_t cookie, const char *instance, const char *json, const char *error);
void show_close(struct daemon *d);

#endif
