/*
 * Killed in the middle of its work. First at many moments of one batch, each a system call: the batch runs in a traced child,
 * which is killed before its n-th call; a successor then does what a restarted controller does. Then as a controller sees it:
 * the adaptor's own process is killed while requests are under way, and each is answered once.
 */
#include "config.h"

#include "tests/conformance/conformance.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adaptors/client.h"
#include "adaptors/process.h"

static const uint32_t wanted[] = { 1, 2, 3, 6, 7, 8 };
#define N_WANTED (sizeof(wanted) / sizeof(wanted[0]))

/* ICorps 1 to 5 and 6 are there; 1 to 3 change, 4 and 5 go, 7 and 8 come. */
static unsigned level_of(uint32_t icorp)
{
	return icorp == 6 ? 1 : 2;
}

static void begin(struct instance *i)
{
	for (uint32_t n = 1; n <= 6; n++)
		conform_applied(i, n, 1);
}

static void batch(struct instance *i)
{
	struct adaptor_result r;
	struct conform_terms c;

	for (size_t k = 0; k < N_WANTED; k++) {
		conform_fill(&c, i->subject, wanted[k], level_of(wanted[k]));
		if (wanted[k] != 6 && conform_stage(i, &c, &r))
			_exit(2);
	}
	for (uint32_t n = 4; n <= 5; n++)
		if (i->ops->revoke(i->state, conform_key(n), NULL, 0))
			_exit(3);
	_exit(conform_flush(i, &r) ? 4 : 0);
}

/* What a restarted controller's sessions do: all are applied, then an audit; a second one finds nothing more. */
static void recover(struct instance *i)
{
	unsigned orphans, repaired;

	conform_reopen(i);
	for (size_t k = 0; k < N_WANTED; k++)
		conform_applied(i, wanted[k], level_of(wanted[k]));
	conform_audit(i, wanted, N_WANTED, &orphans, &repaired);
	conform_audit(i, wanted, N_WANTED, &orphans, &repaired);
	assert_int_equal(orphans, 0);
	assert_int_equal(repaired, 0);
}

static pid_t child(struct instance *i)
{
	char why[ADAPTOR_REASON];
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) || raise(SIGSTOP) || conform_open(i, why, sizeof(why)))
		_exit(1);
	batch(i);
	return 0;
}

/* Runs open and the batch, killed before the n-th system call (0: never). How many calls there were. */
static unsigned run_killed(struct instance *i, unsigned at)
{
	pid_t pid = child(i);
	unsigned calls = 0;
	int status, signal = 0, inside = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)), 0);
	for (;;) {
		ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)signal);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (!WIFSTOPPED(status))
			break;
		signal = WSTOPSIG(status) == (SIGTRAP | 0x80) ? 0 : WSTOPSIG(status);
		if (signal)
			continue;
		inside = !inside;
		if (inside && ++calls == at)
			kill(pid, SIGKILL);
	}
	if (!at || WIFEXITED(status))            /* the number of calls may differ from run to run */
		assert_int_equal(status, 0);
	return calls;
}

static void without_ours(struct instance *i, const char *empty)
{
	unsigned orphans, repaired;

	conform_audit(i, NULL, 0, &orphans, &repaired);
	conform_expect(i, empty, "an audit of nothing left something");
	i->ops->close(i->state);
	i->state = NULL;
}

void check_killed_anywhere(void **state)
{
	struct instance *i = *state;
	unsigned points = i->subject->points ? i->subject->points : CONFORM_POINTS, calls;
	char *empty = conform_see(i), *expected;

	if (i->subject->forgets) {
		free(empty);
		return;
	}
	begin(i);
	i->ops->close(i->state);
	i->state = NULL;
	calls = run_killed(i, 0);
	recover(i);
	expected = conform_see(i);
	without_ours(i, empty);
	if (calls < points)
		points = calls;
	print_message("%s: killed at %u of %u system calls\n", i->subject->name, points, calls);
	for (unsigned p = 0; p < points; p++) {
		unsigned at = 1 + (unsigned)((uint64_t)p * (calls - 1) / points);
		char what[96];

		conform_reopen(i);
		begin(i);
		i->ops->close(i->state);
		i->state = NULL;
		run_killed(i, at);
		recover(i);
		snprintf(what, sizeof(what), "killed before system call %u of %u", at, calls);
		conform_expect(i, expected, what);
		without_ours(i, empty);
	}
	free(empty);
	free(expected);
}

struct watch { unsigned ups, sent, answers[64], failed; };

static void on_answer(void *ctx, struct adaptor_client *client, const struct adaptor_answer *a)
{
	struct watch *w = ctx;

	w->failed += a->result.error != 0;
	if (a->result.error)
		print_message("# %s\n", a->result.reason);
	if (a->request == ADAPTOR_APPLY)
		w->answers[a->cookie]++;
}

static void on_state(void *ctx, struct adaptor_client *client, enum adaptor_state state, const char *reason)
{
	struct watch *w = ctx;

	w->ups += state == ADAPTOR_STARTED;
}

static void guard(evutil_socket_t fd, short what, void *arg)
{
	fail_msg("nothing happened for a minute");
}

static void kill_while_busy(struct instance *i, struct adaptor_client *c, struct event_base *base, struct watch *w)
{
	while (!w->ups)
		event_base_loop(base, EVLOOP_ONCE);
	for (unsigned n = 1; n <= w->sent; n++) {
		struct conform_terms t;

		conform_fill(&t, i->subject, n, 1);
		assert_int_equal(adaptor_client_apply(c, &t.t, n), 0);
	}
	event_base_loop(base, EVLOOP_ONCE);      /* sent */
	kill(adaptor_client_pid(c), SIGKILL);
	while (w->ups < 2 || adaptor_client_pending(c))
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(w->failed, 0);
	for (unsigned n = 1; n <= w->sent; n++)
		assert_int_equal(w->answers[n], 1);
}

void check_killed_process(void **state)
{
	struct instance *i = *state;
	struct watch w = { .sent = i->subject->many ? i->subject->many : CONFORM_MANY };
	struct event_base *base = event_base_new();
	struct event *timer = evtimer_new(base, guard, NULL);
	struct adaptor_process_options o = { .instance = "test", .type = i->subject->type, .options = i->options,
					     .n_options = i->n_options, .program_dir = "." };
	struct adaptor_process process = { 0 };
	struct adaptor_client_options how = { .instance = "test", .type = i->subject->type, .start = adaptor_process_client,
					      .ctx = &process };
	char *expected;

	for (unsigned n = 1; n <= w.sent; n++)
		conform_applied(i, n, 1);
	expected = conform_see(i);
	for (unsigned n = 1; n <= w.sent; n++)
		assert_int_equal(conform_revoke(i, n), 0);
	i->ops->close(i->state);
	i->state = NULL;
	assert_int_equal(adaptor_process_init(&process, &o), 0);
	struct adaptor_client *c = adaptor_client_new(base, &how, on_answer, on_state, &w);

	assert_non_null(c);
	event_add(timer, &(struct timeval){ 60, 0 });
	kill_while_busy(i, c, base, &w);
	adaptor_client_free(c);
	adaptor_process_clear(&process);
	event_free(timer);
	event_base_free(base);
	if (!i->subject->forgets)
		conform_expect(i, expected, "what is there after the adaptor's process was killed");
	free(expected);
}
