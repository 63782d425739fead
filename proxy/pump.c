/*
 * See pump.h. The order in pump_run: deliver what is held; if all of it went, read more; until there is nothing
 * to read, no room to write, or the turn is over.
 *
 * A pipe goes back to the pool only when it is empty, so that no byte of one ICorp can turn up in another's
 * connection; one that still holds bytes at the end of a broken connection is closed.
 */
#include "config.h"

#include "proxy/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PUMP_BUFFER 16384          /* a read that fills it makes the direction bulk */
#define PUMP_PIPE (256 * 1024)     /* wished size of a pipe */
#define PUMP_TURNS 4               /* reads per run */
#define PUMP_IDLE_PIPES 64         /* kept for reuse */

struct pipe_pool {
	unsigned max, used, idle;
	int spare[PUMP_IDLE_PIPES][2];
	uint8_t buffer[PUMP_BUFFER];
};

struct pipe_pool *pipe_pool_new(unsigned max)
{
	struct pipe_pool *pool = calloc(1, sizeof(*pool));

	if (pool)
		pool->max = max;
	return pool;
}

void pipe_pool_free(struct pipe_pool *pool)
{
	if (!pool)
		return;
	while (pool->idle--) {
		close(pool->spare[pool->idle][0]);
		close(pool->spare[pool->idle][1]);
	}
	free(pool);
}

unsigned pipe_pool_used(const struct pipe_pool *pool)
{
	return pool->used;
}

static int pipe_take(struct pipe_pool *pool, int out[2])
{
	if (pool->used >= pool->max)
		return -ENFILE;
	if (pool->idle) {
		memcpy(out, pool->spare[--pool->idle], sizeof(pool->spare[0]));
	} else {
		if (pipe2(out, O_NONBLOCK | O_CLOEXEC)) {
			out[0] = out[1] = -1;
			return -errno;
		}
		(void)fcntl(out[1], F_SETPIPE_SZ, PUMP_PIPE); /* a wish: the default size works too */
	}
	pool->used++;
	return 0;
}

static void pipe_give(struct pipe_pool *pool, int pipe[2], int empty)
{
	if (pipe[0] < 0)
		return;
	pool->used--;
	if (empty && pool->idle < PUMP_IDLE_PIPES) {
		memcpy(pool->spare[pool->idle++], pipe, sizeof(pool->spare[0]));
	} else {
		close(pipe[0]);
		close(pipe[1]);
	}
	pipe[0] = pipe[1] = -1;
}

void pump_init(struct pump *pump, int from, int to)
{
	memset(pump, 0, sizeof(*pump));
	pump->from = from;
	pump->to = to;
	pump->pipe[0] = pump->pipe[1] = -1;
}

static int spill(struct pump *pump, const void *data, size_t len)
{
	pump->spill = malloc(len);
	if (!pump->spill)
		return -ENOMEM;
	memcpy(pump->spill, data, len);
	pump->spilled = len;
	pump->sent = 0;
	return 0;
}

int pump_preface(struct pump *pump, const void *data, size_t len)
{
	return spill(pump, data, len);
}

void pump_clear(struct pump *pump, struct pipe_pool *pool)
{
	pipe_give(pool, pump->pipe, !pump->piped);
	pump->piped = 0;
	free(pump->spill);
	pump->spill = NULL;
	pump->spilled = pump->sent = 0;
}

/* What a failed send means: 0 for later, or -errno. */
static int not_taken(struct pump *pump)
{
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	pump->refused = 1;
	return -errno;
}

static size_t held(const struct pump *pump)
{
	return pump->piped + (pump->spilled - pump->sent);
}

/* Delivers what is held: 0 (some may be left), or -errno. */
static int deliver(struct pump *pump)
{
	ssize_t n;

	if (pump->spill) {
		n = send(pump->to, pump->spill + pump->sent, pump->spilled - pump->sent, MSG_NOSIGNAL);
		if (n < 0)
			return not_taken(pump);
		pump->sent += (size_t)n;
		pump->bytes += (size_t)n;
		if (pump->sent < pump->spilled)
			return 0;
		free(pump->spill);
		pump->spill = NULL;
		pump->spilled = pump->sent = 0;
	}
	while (pump->piped) {
		n = splice(pump->pipe[0], NULL, pump->to, NULL, pump->piped, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
		if (n <= 0)
			return n < 0 ? not_taken(pump) : -EPIPE;
		pump->piped -= (size_t)n;
		pump->bytes += (size_t)n;
	}
	return 0;
}

/* Reads through the shared buffer and sends at once. The number of bytes read, 0 at the end, or -errno. */
static ssize_t copy(struct pump *pump, struct pipe_pool *pool)
{
	ssize_t n = recv(pump->from, pool->buffer, sizeof(pool->buffer), 0), m;

	if (n <= 0)
		return n < 0 ? -errno : 0;
	m = send(pump->to, pool->buffer, (size_t)n, MSG_NOSIGNAL);
	if (m < 0 && not_taken(pump))
		return -errno;
	if (m < 0)
		m = 0;
	pump->bytes += (size_t)m;
	if (m < n && spill(pump, pool->buffer + m, (size_t)(n - m)))
		return -ENOMEM;
	pump->bulk = n == (ssize_t)sizeof(pool->buffer);
	return n;
}

/* Reads into the pipe. As copy(). */
static ssize_t splice_in(struct pump *pump)
{
	ssize_t n = splice(pump->from, NULL, pump->pipe[1], NULL, PUMP_PIPE, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

	if (n < 0)
		return -errno;
	pump->piped += (size_t)n;
	if (n < PUMP_BUFFER / 4)
		pump->bulk = 0; /* the flood is over */
	return n;
}

/* The end of `from`: `to` is told when all is delivered. */
static int finish(struct pump *pump)
{
	pump->eof = 1;
	if (held(pump))
		return 0;
	pump->done = 1;
	return shutdown(pump->to, SHUT_WR) && errno != ENOTCONN ? -errno : 0;
}

int pump_run(struct pump *pump, struct pipe_pool *pool)
{
	for (int turn = 0; !pump->done; turn++) {
		ssize_t n;
		int err = held(pump) ? deliver(pump) : 0;

		if (err || held(pump))
			return err;
		if (pump->eof)
			return finish(pump);
		if (!pump->bulk)
			pipe_give(pool, pump->pipe, 1);
		if (turn && (turn >= PUMP_TURNS || !pump->bulk))
			return 0; /* a short read: wait for the socket to say there is more */
		if (pump->bulk && pump->pipe[0] < 0 && pipe_take(pool, pump->pipe))
			pump->bulk = 0;
		n = pump->bulk ? splice_in(pump) : copy(pump, pool);
		if (n == -EAGAIN || n == -EINTR) {
			pipe_give(pool, pump->pipe, 1); /* an idle connection holds no pipe */
			return 0;
		}
		if (n < 0)
			return (int)n;
		if (!n)
			return finish(pump);
	}
	return 0;
}

unsigned pump_waits(const struct pump *pump)
{
	if (pump->done)
		return 0;
	return held(pump) ? PUMP_WRITE : PUMP_READ;
}
