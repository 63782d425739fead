/*
 * What the files of the `ovs` technology share (ovs.c has the essay).
 */
#ifndef ICORP_ADAPTOR_OVS_H
#define ICORP_ADAPTOR_OVS_H

#include <jansson.h>

#include "adaptors/keymap.h"
#include "adaptors/switch.h"
#include "lib/wire.h"

#define OVS_TABLE_MAX 253
#define OVS_PATH 108                   /* of a unix socket */
#define OVS_FLOW_ROOM 2048             /* the largest of our flow-mods: 64 ports */
#define OVS_PORT_MAX 0xffffff00u       /* above are the reserved ones, the bridge's own among them */

/* What a flow of ours is for. In its note, so in the switch: values stay. */
enum ovs_kind {
	OVS_IP = 1,      /* table 0, host port: untagged IPv4 to the prefix gets VLAN and priority */
	OVS_ARP = 2,     /* likewise ARP for the prefix */
	OVS_TAG = 3,     /* table 0, trunk: what comes in the VLAN gets the priority */
	OVS_NO_IP = 4,   /* table 0, lower: what of these comes from any other port is dropped */
	OVS_NO_ARP = 5,
	OVS_NO_TAG = 6,
	OVS_FLOOD = 7,   /* our table: to all members, when the address is not learnt */
};

/* A flow as it is to be or as it was read. The session owns body. */
struct ovs_flow {
	enum ovs_kind kind;
	uint8_t table;
	uint16_t priority;
	uint64_t digest;               /* of all that it says: flows with the same digest are the same */
	uint64_t bytes, packets;       /* as read */
	size_t match_len, len;         /* body: an ofp_match, then (not as read) instructions */
	uint8_t *body;
};

struct ovs_member {
	char ifname[ADAPTOR_IFNAME];
	int trunk;
	uint32_t port;                 /* 0: not there now */
	uint64_t rate_bps, ceil_bps;
};

/* A session as it is or is to be. It owns its arrays. */
struct ovs_session {
	struct adaptor_key key;
	uint16_t vlan;
	struct prefix prefix;
	uint8_t priority;
	uint16_t timeout_s;            /* of its flows, 0: none */
	enum capacity_class capacity;
	int queued;                    /* its flows set its queue */
	int adopted;                   /* found in the switch; not yet asked for by this controller */
	unsigned n_members;
	struct ovs_member *member;
	unsigned n_flows;
	struct ovs_flow *flow;
};

/* By VLAN id: a VLAN is one session's. */
struct ovs_sessions { struct ovs_session *vlan[SWITCH_VLANS]; };

struct ovs_port { uint32_t number; char ifname[ADAPTOR_IFNAME]; uint8_t mac[ETHER_SIZE]; };

/* The switch as read. */
struct ovs_world { char datapath[32]; int queues; /* its datapath has them, and links are given */ unsigned n_ports; struct ovs_port *port; };

struct ovs_link { char ifname[ADAPTOR_IFNAME]; uint64_t rate_bps; };
struct ovs_config {
	char bridge[32], rundir[64];
	uint8_t table;
	size_t n_links; struct ovs_link link[ADAPTOR_MAX_PORTS];
};

/* A connection to a unix socket of Open vSwitch; what was sent last is waited for until deadline_us. */
struct ovs_stream { int fd; uint64_t deadline_us; struct protocol_buffer in; };

/* A change that waits for flush. */
struct ovs_change { struct ovs_change *next; struct adaptor_key key; struct ovs_session *from, *to; int failed; };

struct ovs_of;

struct ovs_state {
	struct ovs_config config;
	struct ovs_of *of;             /* from the first apply of a batch to its flush */
	struct ovs_world world;        /* as read when that began */
	int adopted, made;             /* what a former process left was looked for; the links' queues were made */
	uint8_t ours[ADAPTOR_MAX_PORTS];   /* the links whose QoS is ours */
	uint8_t queued[ADAPTOR_MAX_PORTS]; /* the links whose queues are really there */
	struct ovs_sessions sessions;  /* as they are when all changes are done */
	struct keymap known;           /* those applied by this process, whatever they wanted */
	struct ovs_change *changes, **last_change;
};

/* ovs_stream.c: 0, or -errno with a reason; -EAGAIN: who listens there is down, busy or broken off. */
int ovs_stream_open(struct ovs_stream *s, const char *path, char *why, size_t room);
int ovs_stream_send(struct ovs_stream *s, const void *data, size_t len);
/* Waits for more bytes behind those in s->in. */
int ovs_stream_receive(struct ovs_stream *s);
void ovs_stream_close(struct ovs_stream *s);

/* ovs_rpc.c */
/* One JSON-RPC 1.0 request to a unix socket; takes params over. 0 and *result (the caller's), -EAGAIN as above,
 * -EPROTO: refused or not understood. */
int ovs_rpc(const char *path, const char *method, json_t *params, json_t **result, char *why, size_t room);
/* The words of an error, which is text or OVSDB's object, into why. -EPROTO. */
int ovs_rpc_failed(const json_t *error, char *why, size_t room);
/* What the bridge's NORMAL action has learnt, from ovs-vswitchd's unixctl. */
int ovs_read_fdb(const struct ovs_config *config, struct switch_fdb *fdb, char *why, size_t room);
/* The text of unixctl's fdb/show. No I/O. */
int ovs_fdb_parse(const char *text, struct switch_fdb *fdb);

/* ovs_database.c */
/* One transaction of these operations, which stay the caller's. 0 and *result (the caller's), or as ovs_rpc. */
int ovs_transact(const struct ovs_config *config, json_t *operations, json_t **result, char *why, size_t room);
/* Likewise, and waits until ovs-vswitchd has done it; appends to the operations. */
int ovs_transact_done(const struct ovs_config *config, json_t *operations, char *why, size_t room);
/* The rows that the select at that place found. Borrowed; NULL: none. */
json_t *ovs_rows(const json_t *result, size_t operation);
/* The Bridge row: its datapath's type. 0, -ENODEV (no such bridge), or as ovs_rpc. */
int ovs_read_bridge(const struct ovs_config *config, char *datapath, size_t size, char *why, size_t room);

/* ovs_queue.c */
struct ovs_queued {
	uint8_t touched[SWITCH_VLANS];   /* 1: something of a session changes (0: of what they share), 2: an orphan goes */
	uint8_t ours[ADAPTOR_MAX_PORTS]; /* the links whose port has, or gets, our queues */
};
/* Appends to ops what makes the rows read (of Port, QoS, Queue) those of the sessions; *out comes zeroed. No I/O. 0 or
 * -ENOMEM. */
int ovs_queues_plan(const struct ovs_config *config, const struct ovs_sessions *all, const json_t *read, json_t *ops,
		    struct ovs_queued *out);
/* Reads the rows and commits that. 0, or -errno with a reason. */
int ovs_queues_sync(const struct ovs_config *config, const struct ovs_sessions *all, struct ovs_queued *out, char *why,
		    size_t room);

/* ovs_openflow.c */
/* Connects to the bridge's management socket and agrees on OpenFlow 1.4. */
int ovs_of_open(const struct ovs_config *config, struct ovs_of **out, char *why, size_t room);
void ovs_of_close(struct ovs_of *of);   /* NULL is fine */
/* Commits flow-mods (one after the other in buffer) as one ordered, atomic bundle: all or none. 0, -EAGAIN, or what the
 * switch refused them with. */
int ovs_of_commit(struct ovs_of *of, const struct protocol_buffer *mods, char *why, size_t room);
/* Calls each(ctx, reader over the body) for every message of the answers to a multipart request. */
int ovs_of_dump(struct ovs_of *of, uint16_t type, const void *body, size_t len,
		int (*each)(void *ctx, struct wire *body), void *ctx, char *why, size_t room);

/* ovs_flow.c: no I/O */
/* Fills the session's flows from its other fields. Ports that are not there have none. 0, -ENOMEM, -E2BIG. */
int ovs_flows_make(struct ovs_session *s, uint8_t table);
void ovs_flows_free(struct ovs_session *s);
/* Appends the flow-mod that adds or removes (exactly) a flow. 0 or -ENOMEM. */
int ovs_flow_mod(struct protocol_buffer *mods, const struct ovs_session *s, const struct ovs_flow *flow, int add);
/* Appends the one that removes all that the session has in our table, what was learnt too. */
int ovs_flow_forget(struct protocol_buffer *mods, struct adaptor_key key, uint8_t table);

/* ovs_parse.c: no I/O. Answers of the switch. */
/* A flow of a flow statistics answer. */
struct ovs_seen {
	int ours;                      /* it carries our note: session and flow (whose body points into the answer) say which */
	struct ovs_session session;
	struct ovs_flow flow;
	int learnt;                    /* one of our table by which an address is reached: mac and port */
	uint8_t mac[ETHER_SIZE];
	uint32_t port;
};
/* Takes the next flow of a body. 1, 0: no more, -EBADMSG. */
int ovs_parse_flow(struct wire *body, uint8_t table, struct ovs_seen *seen);
/* Takes the next port of a body. 1, 0: no more, -EBADMSG. */
int ovs_parse_port(struct wire *body, struct ovs_port *port);

/* ovs_plan.c: no I/O */
/* What the terms want of a switch with these ports. 0, -EINVAL, -ENOENT (no such port) with a reason, -ENOMEM. */
int ovs_want(const struct ovs_world *world, const struct adaptor_terms *t, uint8_t table, struct ovs_session **out,
	     char *why, size_t room);
/* Appends what leads from one to the other; either may be NULL. What stays is added again: that renews its timeouts.
 * *changes counts what is not renewed only. 0 or -ENOMEM. */
int ovs_plan(const struct ovs_session *from, const struct ovs_session *to, uint8_t table, struct protocol_buffer *mods,
	     size_t *changes);
/* The ports may have other numbers now, or none: makes the flows again. 0 or -ENOMEM. */
int ovs_refresh(const struct ovs_world *world, uint8_t table, struct ovs_session *s);
const struct ovs_port *ovs_port_named(const struct ovs_world *world, const char *ifname);
const struct ovs_port *ovs_port_numbered(const struct ovs_world *world, uint32_t number);
struct ovs_session *ovs_session_find(const struct ovs_sessions *all, struct adaptor_key key);
void ovs_session_free(struct ovs_session *s);   /* NULL is fine */
void ovs_sessions_clear(struct ovs_sessions *all);

/* What is guaranteed to the session on that port, in bit/s. */
uint64_t ovs_guarantee(const struct ovs_session *s, const struct ovs_member *m);
const struct ovs_link *ovs_link_named(const struct ovs_config *config, const char *ifname);
/* Are the guarantees of all sessions within 99 % of each link's rate, with this one in place of its key's? 0, -ENOSPC with a
 * reason. */
int ovs_fits(const struct ovs_config *config, const struct ovs_sessions *all, const struct ovs_session *want, char *why,
	     size_t room);

/* ovs_read.c */
/* ovs_world_clear frees what it filled. */
int ovs_read_world(const struct ovs_config *config, struct ovs_of *of, struct ovs_world *world, char *why, size_t room);
void ovs_world_clear(struct ovs_world *world);
/* Which links' queue 0 is really there: queued[i] for config->link[i]. */
int ovs_read_queued(const struct ovs_config *config, struct ovs_of *of, const struct ovs_world *world,
		    uint8_t queued[ADAPTOR_MAX_PORTS], char *why, size_t room);
/* Our sessions as the switch has them; fdb (may be NULL) gets what they have learnt. */
int ovs_read_sessions(const struct ovs_config *config, struct ovs_of *of, struct ovs_sessions *all,
		      struct switch_fdb *fdb, char *why, size_t room);

/* ovs.c */
/* Connects, reads the ports and, the first time, adopts what a former process left. What is connected already stays. */
int ovs_ready(struct ovs_state *s, char *why, size_t room);
/* Closes the connection. */
void ovs_done(struct ovs_state *s);

/* ovs_stage.c */
/* The session is to be that, which is taken over; NULL: gone. 0 or -ENOMEM. */
int ovs_stage(struct ovs_state *s, struct adaptor_key key, struct ovs_session *to);
/* The session was applied by this process; or is not any more. 0 or -ENOMEM. */
int ovs_know(struct ovs_state *s, struct adaptor_key key);
void ovs_unknow(struct ovs_state *s, struct adaptor_key key);
/* Queues follow the sessions as they are now. As ovs_queues_sync; for a switch that has them (s->made). */
int ovs_sync_queues(struct ovs_state *s, struct ovs_queued *out, char *why, size_t room);
/* Forgets what is staged. */
void ovs_abandon(struct ovs_state *s);
/* A slot of the adaptor's table. */
int ovs_flush(void *state, void (*result)(void *ctx, struct adaptor_key key, int error, const char *reason), void *ctx);

/* ovs_audit.c: slots of the adaptor's table */
int ovs_audit(void *state, const struct adaptor_key *keys, size_t n, unsigned *orphans, unsigned *repaired);
int ovs_measure(void *state, struct writer *w);
int ovs_ports(void *state, struct writer *w);
int ovs_show(void *state, struct writer *w);

#endif
