/*
 * Hello (RFC 3209 section 5). Each end has an instance number per neighbour; the other gives it back, and so each sees
 * that it is heard, and by its change that the other was restarted.
 *
 * Any authentic message is a sign of life, so a busy pair of neighbours sends no Hello at all: a REQUEST goes out only
 * after hello_us of silence (section 5.3 lets a REQUEST heard suppress one's own; here, everything does). 3.5 intervals
 * without a word, and the neighbour is lost; we then take another instance (section 5.3) and keep asking.
 *
 * Where this differs from section 5.3: a neighbour whose instance changed was restarted or had lost us. We do not take
 * another instance because of that, or two neighbours could chase each other for ever. Whether it lost its state, its
 * epoch (RFC 2961) and its NACKs tell. But what it has not acknowledged it may have dropped, not knowing us (handshake.c):
 * that is sent again at once, and so two that meet for the first time lose no time by that.
 */
#include "signald/neighbour_internal.h"

#define WRONG_MAX 4             /* REQUESTs that give back a number that is not ours */

static uint64_t loss_us(const struct neighbour *n)
{
	return n->ns->options.hello_us * n->ns->options.hello_tenths / 10;
}

/* The time of the last sign of life, or of the moment from which we wait for one. */
static uint64_t silent_since(const struct neighbour *n)
{
	return n->heard_us > n->hello.since_us ? n->heard_us : n->hello.since_us;
}

static int watching(const struct neighbour *n)
{
	return n->hello.watched && n->ns->options.hello_us;
}

void neighbour_watch(struct neighbour *n, int watched, uint64_t now_us)
{
	if (n->hello.watched == !!watched)
		return;
	n->hello.watched = !!watched;
	n->hello.since_us = now_us;
	n->hello.due_us = now_us + n->ns->options.hello_us;
	neighbour_wake(n, hello_next(n));
}

static void output(struct neighbour *n, int ack)
{
	struct rsvp_msg msg = {
		.type = RSVP_HELLO, .flags = RSVP_FLAG_REDUCTION, .ttl = NEIGHBOUR_TTL, .has = RSVP_HAS_HELLO,
		.hello = { ack, n->hello.ours, n->hello.theirs },
	};

	n->counter[NEIGHBOUR_HELLOS_SENT]++;
	neighbour_output(n, &msg);
}

void neighbour_greet(struct neighbour *n, uint64_t now_us)
{
	if (!n->ns->options.hello_us)
		return;
	output(n, 0);
	n->hello.due_us = now_us + n->ns->options.hello_us;
}

static void lost(struct neighbour *n, uint64_t now_us)
{
	n->hello.theirs = 0;
	n->hello.wrong = 0;
	n->hello.ours++;
	n->hello.ours += !n->hello.ours;
	neighbour_event(n, NEIGHBOUR_LOST, now_us);
}

/* Does it give back what we told it? */
static int gives_back(struct neighbour *n, const struct rsvp_hello *hello)
{
	if (hello->destination == n->hello.ours || (!hello->ack && !hello->destination)) {
		n->hello.wrong = 0;
		return 1;
	}
	return !hello->ack && ++n->hello.wrong < WRONG_MAX;
}

void hello_input(struct neighbour *n, const struct rsvp_hello *hello, uint64_t now_us)
{
	int first = !n->hello.theirs, restarted = !first && hello->source && hello->source != n->hello.theirs;

	n->counter[NEIGHBOUR_HELLOS_RECEIVED]++;
	if (!hello->source || !gives_back(n, hello)) {
		if (n->state != NEIGHBOUR_IS_LOST)
			lost(n, now_us);
		return;
	}
	input_heard(n, now_us);
	n->hello.theirs = hello->source;
	if (!hello->ack)
		output(n, 1);
	if (first || restarted)
		send_again(n, now_us);
	if (restarted) {
		n->restart_told = 1;
		neighbour_event(n, NEIGHBOUR_RESTARTED, now_us);
		summary_hurry(n, 0, now_us);
	}
}

void hello_tick(struct neighbour *n, uint64_t now_us)
{
	uint64_t hello_us = n->ns->options.hello_us, since = silent_since(n);

	if (!watching(n))
		return;
	if (n->state != NEIGHBOUR_IS_LOST && now_us >= since + loss_us(n))
		lost(n, now_us);
	if (now_us < n->hello.due_us)
		return;
	if (now_us >= since + hello_us) {
		output(n, 0);
		n->hello.due_us = now_us + hello_us;
	} else {
		n->hello.due_us = since + hello_us;
	}
}

uint64_t hello_next(const struct neighbour *n)
{
	uint64_t lost_at = silent_since(n) + loss_us(n);

	if (!watching(n))
		return UINT64_MAX;
	return n->state != NEIGHBOUR_IS_LOST && lost_at < n->hello.due_us ? lost_at : n->hello.due_us;
}
