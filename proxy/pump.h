/*
 * One direction of a relayed connection: bytes from one non-blocking socket to the other, without an event loop
 * of its own. The caller calls pump_run when something may be possible and asks what to wait for.
 *
 * Small traffic is received into one shared buffer and sent at once (two system calls, nothing held). When reads
 * fill the buffer the direction turns to bulk: splice(2) through a pipe from a pool, no byte in user space. What
 * the receiver does not take stays in the pipe, or in a spill buffer of exactly that size: until it is gone
 * nothing more is read, so the sender's window closes (backpressure).
 */
#ifndef ICORP_PROXY_PUMP_H
#define ICORP_PROXY_PUMP_H

#include <stddef.h>
#include <stdint.h>

struct pipe_pool;

struct pump {
	int from, to;                        /* sockets; not owned */
	uint64_t bytes;                      /* delivered */
	unsigned bulk : 1, eof : 1, done : 1;/* eof: `from` has ended; done: and `to` has been told */
	unsigned refused : 1;                /* the error was `to`'s: it takes nothing more */
	int pipe[2];                         /* of the pool while bulk; -1 else */
	size_t piped;                        /* bytes in the pipe */
	uint8_t *spill; size_t spilled, sent;/* bytes in the spill buffer, and how many of them are gone */
};

/* What to wait for next. */
enum pump_wait { PUMP_READ = 1, PUMP_WRITE = 2 };

void pump_init(struct pump *pump, int from, int to);
/* Puts bytes in front of what will be received. Before the first pump_run only. 0 or -ENOMEM. */
int pump_preface(struct pump *pump, const void *data, size_t len);
/* Moves what can be moved, at most some 100s of KiB. On the end of `from` shuts `to` down for writing, once all is
 * delivered. 0, or -errno: the connection is broken. */
int pump_run(struct pump *pump, struct pipe_pool *pool);
/* A mask of enum pump_wait; 0 when done. */
unsigned pump_waits(const struct pump *pump);
/* Gives the pipe back, frees the spill. */
void pump_clear(struct pump *pump, struct pipe_pool *pool);

/* At most max pipes exist at a time; when they are all in use, directions stay with the buffer. NULL and errno. */
struct pipe_pool *pipe_pool_new(unsigned max);
void pipe_pool_free(struct pipe_pool *pool); /* NULL is fine */
unsigned pipe_pool_used(const struct pipe_pool *pool);

#endif
