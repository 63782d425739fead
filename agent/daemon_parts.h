/*
 * What the daemon's files share: daemon.c (the loop), commands.c (the control socket), state.c (the last sequence number).
 */
#ifndef ICORP_AGENT_DAEMON_PARTS_H
#define ICORP_AGENT_DAEMON_PARTS_H

#include "agent/apps.h"
#include "agent/core.h"
#include "agent/daemon.h"
#include "agent/link.h"
#include "agent/measure.h"
#include "agent/spawn.h"

#define AGENTD_WATCHERS 16

struct event;
struct loop;
struct writer;
struct control_server;
struct control_reply;

/* A client waiting for its demand's answer, or for a change. */
struct agentd_wait { struct control_reply *reply; struct writer *w; uint64_t until_us; };

struct agentd {
	const struct agentd_options *options;
	const struct boot *boot;
	struct loop *loop;
	struct event *timer, *udp_event;
	int udp, send_error, stopping;
	struct agent agent;
	struct apps apps;
	struct link link;
	struct measure measure;
	struct rsvp_msg in, out;
	uint8_t buffer[RSVP_MAX_SIZE];
	uint16_t ports[BOOT_MAX_SERVICES], ready_port; /* ready_port 0: no TCP service */
	size_t n_ports;
	uint64_t next_sample_us, next_ready_us;
	uint32_t stored_sequence;
	char private_dir[256];
	int report[BOOT_MAX_APPS]; struct event *report_event[BOOT_MAX_APPS];
	pid_t group[BOOT_MAX_APPS];
	struct control_server *control;
	struct agentd_wait demand_wait[ICORP_RESOURCES + 1], watch[AGENTD_WATCHERS];
};

/* daemon.c: carries out what a command led to; ends the applications, then the loop. */
void agentd_demand(struct agentd *d, const struct agent_actions *actions);
void agentd_stop(struct agentd *d);

/* commands.c */
int commands_open(struct agentd *d);
void commands_close(struct agentd *d);
void commands_end(struct agentd *d); /* those who wait are told that we end */
void commands_answered(struct agentd *d, enum icorp_resource resource);
void commands_changed(struct agentd *d);
void commands_tick(struct agentd *d, uint64_t now_us);
uint64_t commands_deadline(const struct agentd *d);

/* state.c: RUNDIR/sequence. A failure to store is logged: the wall clock still keeps numbers apart. */
uint32_t sequence_load(const struct agentd *d);
void sequence_store(struct agentd *d);

#endif
