/*
 * A probe is a connect from the ICorp's source address that is closed (reset: it leaves no TIME_WAIT) as soon as it
 * stands. The target's one timer says when to begin one, or, while one is under way, when to give it up. What came
 * of it goes to target_report, like what came of a user's connect. Targets that are not up by description are not
 * probed.
 */
#include "config.h"

#include "proxy/probe.h"

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "proxy/settings.h"

static struct proxy *proxy_of(const struct target *target)
{
	return target->service->icorp->proxy;
}

static void abandon(struct target *target)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	if (target->probe_fd < 0)
		return;
	event_del(&target->probe_event);
	setsockopt(target->probe_fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(target->probe_fd);
	target->probe_fd = -1;
}

static void finish(struct target *target, int error, uint64_t now_us)
{
	struct proxy *proxy = proxy_of(target);

	abandon(target);
	target_report(target, proxy, error, now_us);
	probe_plan(target, proxy, now_us);
}

static void on_writable(evutil_socket_t fd, short what, void *ctx)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len))
		error = errno;
	finish(ctx, error, clock_now_us());
}

/* Under way: 0. Connected at once: 1. -errno. */
static int begin(struct target *target, struct proxy *proxy)
{
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr = target->service->icorp->spec.source };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	target->probe_fd = fd;
	if (event_assign(&target->probe_event, proxy->base, fd, EV_WRITE, on_writable, target))
		return -ENOMEM;
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)))
		return -errno;
	if (!connect(fd, (struct sockaddr *)&target->addr, sizeof(target->addr)))
		return 1;
	if (errno != EINPROGRESS)
		return -errno;
	return event_add(&target->probe_event, NULL) ? -ENOMEM : 0;
}

static void on_timer(struct timer *timer, uint64_t now_us)
{
	struct target *target = (struct target *)((char *)timer - offsetof(struct target, probe_timer));
	struct proxy *proxy = proxy_of(target);
	int result;

	if (target->probe_fd >= 0) {
		finish(target, ETIMEDOUT, now_us);
		return;
	}
	result = begin(target, proxy);
	if (!result && !timer_set(proxy->timers, timer, now_us + proxy->config->connect_timeout_us))
		return;
	finish(target, result < 0 ? -result : 0, now_us);
}

void probe_plan(struct target *target, struct proxy *proxy, uint64_t now_us)
{
	uint64_t when = 0;

	if (target->probe_fd >= 0 || target->service->spec.protocol != SPEC_TCP)
		return;
	if (target->up && target->health.ejected)
		when = target->health.until_us;
	else if (target->up && proxy->config->check_interval_us)
		when = now_us + proxy->config->check_interval_us;
	if (when)
		timer_set(proxy->timers, &target->probe_timer, when);
	else
		timer_cancel(proxy->timers, &target->probe_timer);
}

void probe_init(struct target *target)
{
	target->probe_fd = -1;
	target->probe_timer.fire = on_timer;
}

void probe_stop(struct target *target, struct proxy *proxy)
{
	timer_cancel(proxy->timers, &target->probe_timer);
	abandon(target);
}
