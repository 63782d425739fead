/*
 * The daemon: wiring and the carrying out of actions. See daemon.h. Inputs reach the core only between action lists: what
 * arrives while a list is being carried out (an adaptor that answers at once) waits in `late`.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "lib/clock.h"
#include "lib/control.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "signald/daemon.h"
#include "signald/l2.h"
#include "signald/launcher.h"
#include "signald/outbox.h"
#include "signald/plan.h"
#include "signald/pull.h"
#include "signald/registrar.h"
#include "signald/audit.h"
#include "signald/meter.h"
#include "signald/reload.h"
#include "signald/restart.h"
#include "signald/routes.h"
#include "signald/session.h"
#include "signald/trace.h"
#include "signald/transport.h"

struct late { struct late *next; struct adaptor_key key; uint64_t cookie; struct adaptor_result result; };

/* ---- time ---- */

static void set_timer(struct daemon *d)
{
	uint64_t at = core_next(d->core), now = clock_now_us(), in = at > now ? at - now : 0;
	struct timeval tv = { (time_t)(in / CLOCK_S), (suseconds_t)(in % CLOCK_S) };

	if (at == UINT64_MAX)
		event_del(d->timer);
	else
		event_add(d->timer, &tv);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct daemon *d = ctx;

	core_tick(d->core, clock_now_us(), &d->actions);
	daemon_run_actions(d);
}

/* ---- actions ---- */

static int isc_of(struct daemon *d, const struct session *s, struct plan_isc *isc)
{
	struct in_addr addr = plan_isc_address(s);

	addr_parse(d->config.isc_host, &isc->host);
	isc->port = RSVP_PORT;
	return addr.s_addr &&
	       !peers_add_isc(d->peers, addr, s->key.icorp, s->key.leader, clock_wall_us(), &isc->key_id, isc->key);
}

static void on_applied(void *ctx, struct adaptor_key key, uint64_t cookie, const struct adaptor_result *result)
{
	struct daemon *d = ctx;
	struct late *one = malloc(sizeof(*one));

	if (d->traces)
		trace_applied(d, key, cookie, result);
	if (!one) {
		core_apply_again(d->core, key, cookie, clock_now_us());
		set_timer(d);
		return;
	}
	*one = (struct late){ NULL, key, cookie, *result };
	*d->late_end = one;
	d->late_end = &one->next;
	daemon_run_actions(d);
}

static void act_apply(struct daemon *d, const struct core_action *a)
{
	const struct core_config *config = core_config(d->core);
	uint64_t lifetime_us = (2 * (uint64_t)config->multiplier + 1) * 3 * config->refresh_us / 4;
	struct adaptor_terms terms;
	struct plan_isc isc;

	if (plan_terms(config, a->session, isc_of(d, a->session, &isc) ? &isc : NULL, (uint32_t)(lifetime_us / CLOCK_S) + 1,
		       &terms)) {
		struct adaptor_result none = { .error = -ENOMEM, .reason = "out of memory" };

		on_applied(d, a->key, a->cookie, &none);
		return;
	}
	core_set_adaptors(a->session, dispatch_apply(d->dispatch, &terms, a->cookie, core_adaptors(a->session)));
	plan_clear(&terms);
}

static void act_revoke(struct daemon *d, const struct core_action *a)
{
	dispatch_revoke(d->dispatch, a->key, a->session ? core_adaptors(a->session) : DISPATCH_ALL);
	if (a->session)
		core_set_adaptors(a->session, 0);
}

static void act_closed(struct daemon *d, const struct core_action *a)
{
	const struct contract_endpoint *us = contract_endpoint_by_control(a->session->contract, d->core_config.address);

	if (us && us->kind == ENDPOINT_SERVER)
		peers_forget(d->peers, us->private_addr);
}

static void act_fetch(struct daemon *d, const struct core_action *a)
{
	if (pull_fetch(d->pull, a->to, a->digest))
		log_icorp(LOG_LEVEL_WARN, a->key.icorp, "contract cannot be fetched: out of memory");
}

static void note_refused(struct daemon *d, const struct core_action *a)
{
	struct error_entry e = { .icorp = a->key.icorp, .event = "refused", .code = rsvp_error_name(a->code, a->value) };

	snprintf(e.element, sizeof(e.element), "%s", d->core_config.element);
	snprintf(e.reason, sizeof(e.reason), "%s", core_action_text(&d->actions, a));
	errors_note(&d->errors, &e);
}

static void carry_out(struct daemon *d)
{
	for (unsigned i = 0; i < d->actions.n; i++) {
		const struct core_action *a = &d->actions.v[i];

		if (d->traces)
			trace_action(d, a);
		switch (a->type) {
		case CORE_SEND:
			outbox_add(d->outbox, a->to, a->isc, a->beyond, a->message_type, core_action_message(&d->actions, a), a->len);
			break;
		case CORE_APPLY:
			if (a->session->asked) /* it may have been taken back, or closed, since */
				act_apply(d, a);
			break;
		case CORE_RENEW:
			if (core_renews(a))
				dispatch_renew(d->dispatch, a->key, core_adaptors(a->session));
			break;
		case CORE_REVOKE:
			act_revoke(d, a);
			break;
		case CORE_FETCH:
			act_fetch(d, a);
			break;
		case CORE_REPORT:
			registrar_report(d->registrar, a->session);
			break;
		case CORE_CLOSED:
			act_closed(d, a);
			break;
		case CORE_REFUSAL:
			note_refused(d, a);
			break;
		case CORE_STATE:
			break; /* only for traces */
		case CORE_RECOVERED:
			audit_begin(d->audit);
			break;
		}
	}
	core_actions_clear(&d->actions);
}

/* Inputs that came while actions were carried out. */
static void run_late(struct daemon *d)
{
	while (d->late) {
		struct late *one = d->late;

		d->late = one->next;
		if (!d->late)
			d->late_end = &d->late;
		core_applied(d->core, one->key, one->cookie, &one->result, clock_now_us(), &d->actions);
		free(one);
		carry_out(d);
	}
}

void daemon_run_actions(struct daemon *d)
{
	if (d->busy)
		return; /* the outer call goes on with the list */
	d->busy = 1;
	carry_out(d);
	run_late(d);
	d->busy = 0;
	daemon_settle(d);
}

static void on_settle(evutil_socket_t fd, short what, void *ctx)
{
	struct daemon *d = ctx;

	d->busy = 1;
	core_flush(d->core, clock_now_us(), &d->actions);
	carry_out(d);
	run_late(d);
	d->busy = 0;
	outbox_flush(d->outbox);
	set_timer(d);
}

/* libevent runs it after all events that are active by now: what one wakening brought, from the network and from adaptors. */
void daemon_settle(struct daemon *d)
{
	event_active(d->settle, EV_TIMEOUT, 0);
}

/* ---- inputs ---- */

static void on_lost(void *ctx, struct adaptor_key key)
{
	struct daemon *d = ctx;

	core_lost(d->core, key, clock_now_us(), &d->actions);
	daemon_run_actions(d);
}

static void on_restarted(void *ctx, uint16_t adaptors)
{
	struct daemon *d = ctx;

	core_reapply(d->core, adaptors, clock_now_us());
	audit_restarted(d->audit, adaptors);
	set_timer(d);
}

static void on_found(void *ctx, size_t adaptor, const char *json, const char *why)
{
	restart_found(ctx, adaptor, json, why);
}

static void on_audited(void *ctx, size_t adaptor, const char *instance, const struct adaptor_answer *answer)
{
	audit_answered(((struct daemon *)ctx)->audit, adaptor, instance, answer);
}

static void on_ports(void *ctx, const char *json)
{
	registrar_ports(((struct daemon *)ctx)->registrar, json);
}

static void on_adaptor_state(void *ctx)
{
	registrar_changed(((struct daemon *)ctx)->registrar);
}

static void on_shown(void *ctx, uint64_t cookie, const char *instance, const char *json, const char *error)
{
	if (cookie == METER_COOKIE)
		meter_answered(((struct daemon *)ctx)->meter, instance, error ? NULL : json);
	else
		show_shown(ctx, cookie, instance, json, error);
}

static void on_contract(void *ctx, struct in_addr from, const uint8_t digest[SHA256_SIZE], struct contract *contract,
			const char *why)
{
	struct daemon *d = ctx;

	core_contract(d->core, from, digest, contract, why, clock_now_us(), &d->actions);
	daemon_run_actions(d);
}

static void on_routes(void *ctx)
{
	struct daemon *d = ctx;

	core_routes(d->core, clock_now_us(), &d->actions);
	daemon_run_actions(d);
	registrar_changed(d->registrar);
	l2_lldpd_reload(d->lldpd);
}

/* ---- life ---- */

static const char *port_name(const void *ctx, int port)
{
	const struct daemon *d = ctx;

	return d->core_config.port[port].ifname;
}

static int start_signaling(struct daemon *d, char *why, size_t room)
{
	struct transport_options transport = { !strcmp(d->config.transport, "raw"), d->core_config.address,
					       d->pcap ? d->pcap : d->config.pcap };
	struct transport_hooks hooks = { receive_datagram, d };
	int r;

	d->peers = peers_new(d->config.integrity);
	d->nexthops.alert = !strcmp(d->config.transport, "raw");
	d->nexthops.is_switch = d->core_config.kind == ELEMENT_SWITCH;
	d->nexthops.port_name = port_name;
	d->nexthops.port_ctx = d;
	d->nexthops.n_ports = (int)d->core_config.n_ports;
	snprintf(d->nexthops.self, sizeof(d->nexthops.self), "%s", d->config.name);
	if (random_bytes(&d->core_config.epoch, sizeof(d->core_config.epoch)) ||
	    random_bytes(&d->core_config.instance, sizeof(d->core_config.instance)))
		return -EIO;
	d->core = core_new(&d->core_config, &d->nexthops);
	if (!d->peers || !d->core)
		return -ENOMEM;
	r = reload_trust(d, &d->config, *d->config.keyring ? config_open(d->config.keyring) : -1, why, room);
	if (r)
		return r;
	snprintf(why, room, "rtnetlink");
	r = routes_new(loop_base(d->loop), &d->core_config, &d->nexthops, on_routes, d, &d->routes);
	if (!r)
		r = transport_new(loop_base(d->loop), &transport, &hooks, &d->transport, why, room);
	if (!r && !(d->outbox = outbox_new(d->transport, d->peers, &d->errors)))
		r = -ENOMEM;
	if (!r)
		r = pull_new(loop_base(d->loop), d->core, d->core_config.address, on_contract, d, &d->pull, why, room);
	return r;
}

static void on_ended(void *ctx, unsigned n, pid_t pid, const char *how)
{
	const struct daemon *d = ctx;
	const struct config_adaptor *adaptor = d->config.adaptors.data;

	if (n < d->config.adaptors.n)
		log_msg(LOG_LEVEL_WARN, "adaptor %s: process %d: %s", adaptor[n].title, (int)pid, how);
}

/* Adaptors that cannot be started again are no controller: whoever supervises us starts all anew. */
static void on_launcher_gone(void *ctx)
{
	struct daemon *d = ctx;

	log_msg(LOG_LEVEL_ERROR, "the launcher has ended, and adaptors can be started no more: stopping");
	d->failed = 1;
	loop_stop(d->loop);
}

/* All is open: from here on what we are serves only to read and write it. */
static int drop(struct daemon *d, char *why, size_t room)
{
	const struct privileges *p = &d->privileges;
	int r = privileges_drop(p, why, room);

	if (!r)
		log_msg(*p->reason && !*d->config.user ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "runs as %s, without capabilities%s%s",
			p->user, *p->reason ? ": " : "", p->reason);
	return r;
}

static int start(struct daemon *d, char *why, size_t room)
{
	struct launcher_hooks told = { on_ended, on_launcher_gone, d };
	struct dispatch_hooks hooks = { on_applied, on_lost, on_restarted, on_found, on_audited, on_ports, on_adaptor_state, on_shown, d };
	int r;

	snprintf(why, room, "out of memory");
	d->late_end = &d->late;
	d->started_us = clock_now_us();
	d->loop = loop_new(&(struct loop_hooks){ .reload = reload_all, .ctx = d });
	if (!d->loop)
		return -ENOMEM;
	d->timer = event_new(loop_base(d->loop), -1, 0, on_timer, d);
	d->settle = event_new(loop_base(d->loop), -1, 0, on_settle, d);
	if (!d->timer || !d->settle || audit_new(d, &d->audit) || meter_new(d, &d->meter))
		return -ENOMEM;
	r = launcher_watch(d->launcher, loop_base(d->loop), &told);
	if (!r)
		r = start_signaling(d, why, room);
	if (r)
		return r;
	snprintf(why, room, "adaptors");
	r = dispatch_new(loop_base(d->loop), d->launcher, &d->config, &hooks, &d->dispatch);
	if (r)
		return r;
	meter_reconfigured(d->meter);
	r = restart_new(d, &d->restart);
	if (!r)
		r = registrar_new(d, &d->registrar, why, room);
	if (!r)
		r = l2_lldpd_new(d, &d->lldpd);
	if (r)
		return r;
	snprintf(why, room, "control socket %s", d->config.control);
	r = show_open(d);
	return r ? r : drop(d, why, room);
}

static void stop(struct daemon *d)
{
	show_close(d);
	restart_free(d->restart);
	l2_lldpd_free(d->lldpd);
	registrar_free(d->registrar);
	dispatch_free(d->dispatch);
	reload_free(d);
	launcher_free(d->launcher);
	pull_free(d->pull);
	outbox_free(d->outbox);
	transport_free(d->transport);
	routes_free(d->routes);
	core_free(d->core);
	core_actions_free(&d->actions);
	rsvp_msg_free(&d->msg);
	peers_free(d->peers);
	nexthops_clear_map(&d->nexthops);
	nexthops_clear_map(&d->sections);
	nexthops_clear_routes(&d->nexthops);
	while (d->late) {
		struct late *one = d->late;

		d->late = one->next;
		free(one);
	}
	if (d->timer)
		event_free(d->timer);
	if (d->settle)
		event_free(d->settle);
	audit_free(d->audit);
	meter_free(d->meter);
	loop_free(d->loop);
	signald_config_free(&d->config);
	contract_cleanup();
	libevent_global_shutdown();
}

int signald_main(int argc, char **argv)
{
	static struct daemon d;
	enum log_level level = LOG_LEVEL_INFO;
	struct config_error error;
	char why[512] = "";
	int r;

	r = signald_options(argc, argv, &d.config_file, &d.pcap);
	if (r <= 0)
		return r ? 2 : 0;
	if (signald_config_read(config_open(d.config_file), d.config_file, &d.config, &d.core_config, &error)) {
		fprintf(stderr, "icorp-signald: %s\n", error.text);
		return 1;
	}
	if (r == SIGNALD_CHECK) {
		signald_config_free(&d.config);
		printf("icorp-signald: %s: ok\n", d.config_file);
		return 0;
	}
	log_level_parse(d.config.log_level, &level);
	log_open("icorp-signald", d.config.name, LOG_SINK_STDERR, level);
	snprintf(why, sizeof(why), "launcher");
	r = launcher_new(&d.config, d.config_file, &d.launcher);
	if (!r)
		r = privileges_find(&d.privileges, d.config.user, "icorp", why, sizeof(why));
	if (!r)
		r = contract_init();
	if (!r)
		r = start(&d, why, sizeof(why));
	if (r)
		log_msg(LOG_LEVEL_ERROR, "cannot start: %s: %s", why, strerror(-r));
	else
		log_msg(LOG_LEVEL_INFO, "ready, %s at %s", d.config.kind, d.config.address);
	if (!r)
		r = loop_run(d.loop);
	r |= d.failed;
	stop(&d);
	return r ? 1 : 0;
}
