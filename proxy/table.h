/*
 * What is live: the ICorps this proxy serves, each with its services, each with its targets (one server's port).
 *
 *     proxy --> icorp (one per description) --> service (one per protocol and port) --> target (one per backend)
 *                                                   |                                      ^
 *                                                   +--> connections (conn.c) -------------+ hold a reference
 *
 * table_set makes the difference between what is and a new description: services that stay keep their listening
 * socket, targets that stay keep their health and counts, connections stay whatever becomes of their target. Either
 * all of a description holds afterwards or what was before. Descriptions that are not renewed within their
 * lifetime are removed: soft state.
 *
 * Ownership: the proxy owns its ICorps, an ICorp its services; a target lives until its service and the last
 * connection let go of it.
 */
#ifndef ICORP_PROXY_TABLE_H
#define ICORP_PROXY_TABLE_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/queue.h>

#include "proxy/health.h"
#include "proxy/policy.h"
#include "proxy/spec.h"
#include "proxy/timer.h"

struct addresses;
struct conn;
struct kernel;
struct kernel_icorp;
struct listener;
struct pipe_pool;
struct proxy_config;

LIST_HEAD(conn_list, conn);
LIST_HEAD(icorp_list, icorp);

struct target {
	unsigned refs;
	struct service *service;      /* NULL once the service has let go of it */
	char element[SPEC_NAME];
	struct sockaddr_in addr;
	int up;                       /* as described */
	struct policy_item item;
	struct health health;
	uint64_t connects;            /* that succeeded */
	int probe_fd;                 /* -1: no probe under way */
	struct event probe_event;
	struct timer probe_timer;     /* when to probe, or when to give one up */
};

struct service_counters {
	uint64_t accepted;            /* connections taken */
	uint64_t failed;              /* of those, closed because no server could be reached */
	uint64_t failovers;           /* connects that failed and went to another server */
	uint64_t broken;              /* ended by an error */
	uint64_t timeouts;            /* ended by the idle timeout */
	uint64_t bytes_up, bytes_down;/* from and to the user; of connections ended and open */
};

struct service {
	struct icorp *icorp;
	struct spec_service spec;
	int in_kernel;
	struct listener *listener;    /* NULL on the kernel path */
	struct target **targets; unsigned n_targets;
	uint32_t cursor;              /* the policy's */
	struct conn_list conns; unsigned n_conns;
	struct service_counters counters;
};

struct icorp {
	LIST_ENTRY(icorp) link;
	struct proxy *proxy;
	struct spec spec;
	struct service *services[SPEC_MAX_SERVICES]; unsigned n_services;
	struct kernel_icorp *installed; /* what the kernel has of it; NULL: nothing */
	unsigned n_conns;
	uint64_t deadline_us;         /* 0: none */
	struct timer expiry;
};

struct proxy {
	struct event_base *base;      /* not owned */
	const struct proxy_config *config; /* not owned */
	struct timers *timers;
	struct pipe_pool *pipes;
	struct addresses *addresses;  /* NULL: addresses are the operator's business */
	struct kernel *kernel;        /* NULL: no kernel path */
	struct icorp_list icorps; unsigned n_icorps;
	unsigned max_conns;           /* the configured limit, or what the open files allow */
	unsigned n_conns, n_paused;
	struct timer retry;           /* looks at paused listeners again */
	struct timer audit;           /* the next comparison with the kernel */
};

/* base and config must outlive the proxy. Cleans up what a crashed predecessor left in the kernel. NULL with the
 * reason in why. */
struct proxy *proxy_new(struct event_base *base, const struct proxy_config *config, char *why, size_t room);
/* Removes every ICorp and all kernel state. NULL is fine. */
void proxy_free(struct proxy *proxy);

/* Takes over the contents of spec (and empties it) on success. 0, or -errno with the reason in why: what was before
 * stands, except that its lifetime is not renewed. */
int table_set(struct proxy *proxy, struct spec *spec, char *why, size_t room);
/* 0; -ENOENT when there was none. */
int table_unset(struct proxy *proxy, struct spec_key key);
struct icorp *table_find(struct proxy *proxy, struct spec_key key);
/* Brings the kernel's map of the ICorp up to date with its targets' health. */
void table_refresh_kernel(struct icorp *icorp);
/* Compares the kernel's addresses and table with what should be there and puts back what is missing. The number of
 * repairs, or -errno. */
int table_audit(struct proxy *proxy);

/* The target for the next connection, or NULL: one by the policy among those up, not ejected and not in tried; if
 * all of those are ejected, one of the ejected rather than none. */
struct target *service_pick(struct service *service, struct target *const *tried, unsigned n_tried);
/* What a connect to the target came to (error 0 or an errno): health, ejection, the kernel's map. */
void target_report(struct target *target, struct proxy *proxy, int error, uint64_t now_us);
/* A target for one backend of the service, with one reference. NULL when out of memory. */
struct target *target_new(struct service *service, const struct spec_backend *backend);
/* Takes over what the description says of the backend: its name, weight, whether it is up. */
void target_describe(struct target *target, const struct spec_backend *backend);
/* The service lets go: no more probes, no more kernel slots; drops the service's reference. */
void target_detach(struct target *target, struct proxy *proxy);
struct target *target_ref(struct target *target);
void target_unref(struct target *target);

#endif
