/*
 * The agent's loop. Events come in from four sides (datagrams, the control socket, children, time); each becomes an input
 * of a pure part, and what that part answers is carried out here:
 *
 *     on_datagram -> link_unseal -> agent_message --\
 *     command_more/less -> agent_demand -------------+-> carry_out: send, answer clients, stop
 *     on_timer -> agent_tick, agent_sample ---------/
 *     on_child, on_report -> apps_* ; on_timer -> apps_tick -> run_apps: start, terminate, kill
 *
 * One timer serves all deadlines (schedule()). While the first Resv waits for the application, the listening sockets are
 * looked at every READY_POLL_US.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/daemon.h"
#include "agent/daemon_parts.h"
#include "agent/settings.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/loop.h"

#define SAMPLE_US CLOCK_S
#define READY_POLL_US (50 * CLOCK_MS)
#define DATAGRAMS_PER_TURN 64

static void schedule(struct agentd *d);

/* ---- out ---- */

static void send_message(struct agentd *d, int r)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = d->boot->host, .sin_port = htons(d->boot->port) };

	if (!r)
		r = link_seal(&d->link, &d->out, clock_wall_us() * 1000, d->buffer, sizeof(d->buffer));
	if (r > 0 && sendto(d->udp, d->buffer, (size_t)r, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		r = -errno;
	if (r < 0 && r != d->send_error)
		log_icorp(LOG_LEVEL_WARN, d->boot->icorp, "can't send to the host's controller: %s", strerror(-r));
	d->send_error = r < 0 ? r : 0; /* the next refresh tries again */
}

static void carry_out(struct agentd *d, const struct agent_actions *actions)
{
	if (d->agent.last_sequence != d->stored_sequence)
		sequence_store(d);
	if (actions->resv)
		send_message(d, agent_resv(&d->agent, &d->out));
	if (actions->tear)
		send_message(d, agent_resv_tear(&d->agent, &d->out));
	for (unsigned r = 1; r <= ICORP_RESOURCES; r++)
		if (actions->answered & 1u << r)
			commands_answered(d, r);
	if (actions->changed)
		commands_changed(d);
	if (actions->stop)
		agentd_stop(d);
}

/* ---- applications ---- */

static void signal_group(const struct app *app, int number)
{
	if (app->pid > 1)
		kill(-app->pid, number);
}

static void tell_agent(struct agentd *d)
{
	struct agent_actions actions = { 0 };
	int accepting = !d->ready_port || measure_listening(&d->measure, d->ready_port);

	agent_apps(&d->agent, apps_up(&d->apps), accepting, clock_now_us(), &actions);
	carry_out(d, &actions);
}

static void close_report(struct agentd *d, unsigned i)
{
	if (d->report_event[i])
		event_free(d->report_event[i]);
	if (d->report[i] >= 0)
		close(d->report[i]);
	d->report_event[i] = NULL;
	d->report[i] = -1;
}

static void read_report(struct agentd *d, unsigned i)
{
	char why[SPAWN_REPORT] = "";
	enum spawn_report how;

	if (d->report[i] < 0)
		return;
	how = spawn_report(d->report[i], why, sizeof(why));
	if (how == SPAWN_PENDING)
		return;
	close_report(d, i);
	if (how == SPAWN_RUNNING)
		apps_running(&d->apps, i, clock_now_us());
	else
		apps_gave_up(&d->apps, i, how == SPAWN_REFUSED, why);
}

static void on_report(evutil_socket_t fd, short what, void *arg)
{
	struct agentd *d = arg;

	for (unsigned i = 0; i < d->apps.n; i++)
		if (d->report[i] == fd) {
			read_report(d, i);
			break;
		}
	tell_agent(d);
	schedule(d);
}

static void start_app(struct agentd *d, unsigned i)
{
	const struct spawn_dirs dirs = { d->options->apps_dir, d->private_dir };
	pid_t pid;
	int r = spawn_app(d->boot, d->apps.app[i].spec, &dirs, &pid, &d->report[i]);

	if (r) {
		apps_failed(&d->apps, i, strerror(-r), clock_now_us());
		return;
	}
	d->group[i] = pid;
	apps_started(&d->apps, i, pid, clock_now_us());
	d->report_event[i] = event_new(loop_base(d->loop), d->report[i], EV_READ | EV_PERSIST, on_report, d);
	if (d->report_event[i])
		event_add(d->report_event[i], NULL);
}

static void run_apps(struct agentd *d, const struct apps_actions *actions)
{
	for (unsigned i = 0; i < d->apps.n; i++) {
		if (actions->start & 1u << i)
			start_app(d, i);
		if (actions->terminate & 1u << i)
			signal_group(&d->apps.app[i], SIGTERM);
		if (actions->kill & 1u << i)
			signal_group(&d->apps.app[i], SIGKILL);
	}
}

static void on_child(void *ctx, pid_t pid, int status)
{
	struct agentd *d = ctx;
	int i;

	for (unsigned k = 0; k < d->apps.n; k++)
		if (d->apps.app[k].pid == pid)
			read_report(d, k);
	i = apps_exited(&d->apps, pid, status, clock_now_us());
	if (i < 0)
		return; /* an orphan that came to us as pid 1 */
	close_report(d, (unsigned)i);
	kill(-pid, SIGKILL); /* what is left of its group */
	d->group[i] = 0;
	tell_agent(d);
	if (d->stopping && apps_gone(&d->apps))
		loop_stop(d->loop);
	schedule(d);
}

void agentd_stop(struct agentd *d)
{
	struct apps_actions actions = { 0 };

	if (d->stopping)
		return;
	d->stopping = 1;
	commands_end(d);
	apps_stop(&d->apps, clock_now_us(), &actions);
	run_apps(d, &actions);
	if (apps_gone(&d->apps))
		loop_stop(d->loop);
}

/* ---- in ---- */

static void on_datagram(evutil_socket_t fd, short what, void *arg)
{
	struct agentd *d = arg;

	for (int n = 0; n < DATAGRAMS_PER_TURN; n++) {
		ssize_t len = recv(fd, d->buffer, sizeof(d->buffer), MSG_DONTWAIT);
		struct agent_actions actions = { 0 };
		uint64_t now = clock_now_us();
		int r;

		if (len < 0 && (errno == ECONNREFUSED || errno == EINTR))
			continue; /* an ICMP about what we sent: refreshes go on */
		if (len < 0)
			break;
		r = link_challenge(&d->link, d->buffer, (size_t)len, now, &d->out);
		if (r == 1) {
			send_message(d, 0);
			agent_repeat(&d->agent, now, &actions);
			carry_out(d, &actions);
		}
		if (r || link_unseal(&d->link, d->buffer, (size_t)len, now, &d->in))
			continue;
		agent_message(&d->agent, &d->in, now, &actions);
		carry_out(d, &actions);
	}
	schedule(d);
}

void agentd_demand(struct agentd *d, const struct agent_actions *actions)
{
	carry_out(d, actions);
	schedule(d);
}

static void take_sample(struct agentd *d, uint64_t now)
{
	struct agent_actions actions = { 0 };
	struct agent_sample sample;

	measure_take(&d->measure, d->ports, d->n_ports, now, &sample);
	agent_sample(&d->agent, &sample, now, clock_wall_us() / CLOCK_S, &actions);
	carry_out(d, &actions);
	d->next_sample_us = now + SAMPLE_US;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct agentd *d = arg;
	struct apps_actions apps = { 0 };
	struct agent_actions actions = { 0 };
	uint64_t now = clock_now_us();

	apps_tick(&d->apps, now, &apps);
	run_apps(d, &apps);
	if (d->agent.ready_us && now >= d->next_ready_us) {
		d->next_ready_us = now + READY_POLL_US;
		tell_agent(d);
	}
	if (now >= d->next_sample_us)
		take_sample(d, now);
	agent_tick(&d->agent, now, &actions);
	carry_out(d, &actions);
	commands_tick(d, now);
	schedule(d);
}

static void schedule(struct agentd *d)
{
	uint64_t next = d->next_sample_us, now = clock_now_us(), other;
	struct timeval tv;

	if ((other = agent_deadline(&d->agent)) < next)
		next = other;
	if ((other = apps_deadline(&d->apps)) < next)
		next = other;
	if ((other = commands_deadline(d)) < next)
		next = other;
	if (d->agent.ready_us && d->next_ready_us < next)
		next = d->next_ready_us;
	next = next > now ? next - now : 0;
	tv.tv_sec = (time_t)(next / CLOCK_S);
	tv.tv_usec = (suseconds_t)(next % CLOCK_S);
	event_add(d->timer, &tv);
}

/* ---- start and end ---- */

/* A container's lo is down until someone brings it up; applications expect it. */
static void lo_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &ifr)) {
		log_msg(LOG_LEVEL_WARN, "lo: %s", strerror(errno));
	} else if (!(ifr.ifr_flags & IFF_UP)) {
		ifr.ifr_flags |= IFF_UP;
		if (ioctl(fd, SIOCSIFFLAGS, &ifr))
			log_msg(LOG_LEVEL_WARN, "lo: can't bring it up: %s", strerror(errno));
	}
	if (fd >= 0)
		close(fd);
}

static int open_udp(const struct boot *boot)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = boot->address, .sin_port = htons(boot->listen) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, r;

	if (fd < 0)
		return -errno;
	/* our address may come up a moment after us */
	if (setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)) || bind(fd, (struct sockaddr *)&at, sizeof(at))) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

static void note_ports(struct agentd *d)
{
	for (unsigned i = 0; i < d->boot->n_services; i++) {
		const struct boot_service *s = &d->boot->service[i];

		if (!s->tcp)
			continue;
		if (!d->ready_port)
			d->ready_port = s->port;
		d->ports[d->n_ports++] = s->port;
	}
}

static void init_parts(struct agentd *d)
{
	uint64_t now = clock_now_us(), seed = now;

	random_bytes(&seed, sizeof(seed)); /* without: the clock spreads well enough */
	d->stored_sequence = sequence_load(d);
	agent_init(&d->agent, d->boot, d->stored_sequence, seed);
	apps_init(&d->apps, d->boot, now);
	measure_init(&d->measure, "", d->options->init);
	d->measure.processes.group = d->group;
	d->measure.processes.n_groups = d->apps.n;
	note_ports(d);
	for (unsigned i = 0; i < BOOT_MAX_APPS; i++)
		d->report[i] = -1;
	d->next_sample_us = d->next_ready_us = now;
}

static int open_parts(struct agentd *d)
{
	struct loop_hooks hooks = { .child = on_child, .ctx = d };
	int r;

	d->loop = loop_new(&hooks);
	if (!d->loop)
		return -errno;
	r = d->udp = open_udp(d->boot);
	if (r < 0) {
		log_icorp(LOG_LEVEL_ERROR, d->boot->icorp, "can't listen on UDP port %u: %s", d->boot->listen, strerror(-r));
		return r;
	}
	r = link_init(&d->link, d->boot);
	if (r)
		return r;
	d->timer = event_new(loop_base(d->loop), -1, EV_TIMEOUT, on_timer, d);
	d->udp_event = event_new(loop_base(d->loop), d->udp, EV_READ | EV_PERSIST, on_datagram, d);
	if (!d->timer || !d->udp_event || event_add(d->udp_event, NULL))
		return -ENOMEM;
	return commands_open(d);
}

static void close_parts(struct agentd *d)
{
	commands_close(d);
	for (unsigned i = 0; i < BOOT_MAX_APPS; i++)
		close_report(d, i);
	if (d->udp_event)
		event_free(d->udp_event);
	if (d->timer)
		event_free(d->timer);
	if (d->udp >= 0)
		close(d->udp);
	link_close(&d->link);
	loop_free(d->loop);
	measure_clear(&d->measure);
	rsvp_msg_free(&d->in);
	rsvp_msg_free(&d->out);
}

static int make_dirs(struct agentd *d)
{
	char socket[300];

	if (mkdir(d->options->run_dir, 0755) && errno != EEXIST)
		return -errno;
	if ((size_t)snprintf(d->private_dir, sizeof(d->private_dir), "%s/apps", d->options->run_dir) >=
	    sizeof(d->private_dir))
		return -ENAMETOOLONG;
	snprintf(socket, sizeof(socket), "%s/agent.sock", d->options->run_dir);
	return setenv("ICORP_SOCKET", socket, 1) ? -ENOMEM : 0; /* applications are told */
}

/* Told to end: says so, ends the applications, and waits for them in the loop. */
static void wind_down(struct agentd *d)
{
	struct agent_actions actions = { 0 };

	agent_stop(&d->agent, &actions);
	carry_out(d, &actions);
	agentd_stop(d);
	schedule(d);
	if (!apps_gone(&d->apps))
		event_base_dispatch(loop_base(d->loop));
	event_base_loop(loop_base(d->loop), EVLOOP_NONBLOCK); /* the last answers go out */
}

int agentd_run(const struct agentd_options *options, struct boot *boot)
{
	struct agentd *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	d->options = options;
	d->boot = boot;
	d->udp = -1;
	r = make_dirs(d);
	if (r)
		log_msg(LOG_LEVEL_ERROR, "%s: %s", options->run_dir, strerror(-r));
	init_parts(d);
	if (!r && options->init)
		lo_up();
	if (!r)
		r = open_parts(d);
	if (!r) {
		log_icorp(LOG_LEVEL_INFO, boot->icorp, "%s: %u applications, measuring by %s", boot->name, boot->n_apps,
			  measure_source_name(&d->measure));
		schedule(d);
		r = loop_run(d->loop);
		wind_down(d);
		log_icorp(LOG_LEVEL_INFO, boot->icorp, "stopped");
	}
	close_parts(d);
	free(d);
	return r;
}

int agentd_load(const struct agentd_options *options, struct boot *boot, char *why, size_t room)
{
	struct config_error config_error = { "" };
	struct boot_error boot_error = { "" };
	struct policy_config policy = { 0 };
	/* The settings first: -t tells their errors also where they are written, which has no boot file. */
	int settings = settings_load(options->config, &policy, &config_error), r;

	if (settings && (settings != -ENOENT || options->config_required)) {
		snprintf(why, room, "%s", config_error.text);
		return settings;
	}
	r = boot_load(options->boot, boot, &boot_error);
	if (r) {
		snprintf(why, room, "%s: %s", options->boot, boot_error.text);
		return r;
	}
	if (!settings)
		boot->policy = policy;
	return 0;
}
