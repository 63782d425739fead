/*
 * Keeps a DNS server in step with a list of names. The list is in the store and says what each name is to be and whether
 * the server has confirmed it, so nothing is lost by either side's absence:
 *
 *     dns_set, dns_unset -> name (unconfirmed) -> kick -> [idle] -> connect -> send -> read -> confirm -> kick
 *                                                   \<- backoff <- failed <-------/
 *
 * One update is under way at a time, over TCP (an update may be long, and RFC 2136 allows it), with one deadline for the
 * whole exchange; all of it in the event loop, so a server that hangs costs a socket and nothing else. After a failure has
 * passed, and after our own start, everything is sent again: a server that was away may have lost it.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatekeeper/dns.h"
#include "gatekeeper/dns_message.h"
#include "gatekeeper/events.h"
#include "gatekeeper/input.h"
#include "lib/addr.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/mac.h"

#define BATCH 50
#define DEADLINE_S 5
#define BACKOFF_MIN_MS 500
#define BACKOFF_MAX_MS 30000

struct name {
	char name[CONTRACT_DNS];
	unsigned n;
	struct in_addr address[DNS_ADDRESSES];
	int confirmed;
	int sent;       /* in the update under way, and not changed since */
	struct name *next;
};

struct dns {
	struct gatekeeper *gk;
	struct sockaddr_in server;       /* family 0: none configured */
	char secret[256];
	struct name *first;
	size_t n_pending;
	struct dns_update *update;       /* under way */
	struct bufferevent *bev;
	struct event *deadline, *retry;
	unsigned backoff_ms;
	uint64_t retry_us;
	int error;                       /* of the last attempt */
	int resync;                      /* send everything again after the next success */
	char why[200];
};

static void kick(struct dns *dns);

/* ---- the list ---- */

static struct name *find(const struct dns *dns, const char *name)
{
	struct name *n;

	for (n = dns->first; n; n = n->next)
		if (!strcmp(n->name, name))
			return n;
	return NULL;
}

static void addresses_text(const struct name *n, char *out, size_t room)
{
	char text[ADDR_TEXT];
	size_t used = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < n->n && used < room; i++)
		used += (size_t)snprintf(out + used, room - used, "%s%s", i ? "," : "", addr_text(n->address[i], text));
}

static void keep(struct dns *dns, const struct name *n)
{
	char text[DNS_ADDRESSES * (ADDR_TEXT + 1)];
	struct store_name record = {n->name, text, n->confirmed};

	addresses_text(n, text, sizeof(text));
	if (store_name_put(dns->gk->store, &record) < 0)
		log_msg(LOG_LEVEL_ERROR, "dns: %s not saved", n->name);
}

static void forget(struct dns *dns, struct name *name)
{
	struct name **at = &dns->first;

	if (store_name_remove(dns->gk->store, name->name) < 0)
		log_msg(LOG_LEVEL_ERROR, "dns: %s not removed from the store", name->name);
	while (*at != name)
		at = &(*at)->next;
	*at = name->next;
	free(name);
}

static struct name *want(struct dns *dns, const char *name, const struct in_addr *addresses, unsigned n)
{
	struct name *entry = find(dns, name);

	if (!entry) {
		entry = calloc(1, sizeof(*entry));
		if (!entry)
			return NULL;
		snprintf(entry->name, sizeof(entry->name), "%s", name);
		entry->next = dns->first;
		dns->first = entry;
		dns->n_pending++;
	} else if (entry->confirmed) {
		dns->n_pending++;
	}
	entry->n = n < DNS_ADDRESSES ? n : DNS_ADDRESSES;
	if (n)
		memcpy(entry->address, addresses, entry->n * sizeof(*addresses));
	entry->confirmed = 0;
	entry->sent = 0;
	return entry;
}

void dns_set(struct dns *dns, const char *name, const struct in_addr *addresses, unsigned n)
{
	struct name *entry = want(dns, name, addresses, n);

	if (!entry) {
		log_msg(LOG_LEVEL_ERROR, "dns: %s: out of memory", name);
		return;
	}
	keep(dns, entry);
	kick(dns);
}

void dns_unset(struct dns *dns, const char *name)
{
	dns_set(dns, name, NULL, 0);
}

static int load(void *ctx, const struct store_name *record)
{
	struct dns *dns = ctx;
	struct in_addr addresses[DNS_ADDRESSES];
	const char *at = record->addresses;
	unsigned n = 0;

	while (*at && n < DNS_ADDRESSES) {
		char text[ADDR_TEXT + 1];
		size_t len = strcspn(at, ",");

		snprintf(text, sizeof(text), "%.*s", (int)(len < ADDR_TEXT ? len : ADDR_TEXT), at);
		if (addr_parse(text, &addresses[n]) == 0)
			n++;
		at += len + (at[len] == ',');
	}
	return want(dns, record->name, addresses, n) ? 0 : -ENOMEM;
}

/* ---- one exchange ---- */

static void end_exchange(struct dns *dns)
{
	if (dns->bev)
		bufferevent_free(dns->bev);
	dns->bev = NULL;
	dns_update_free(dns->update);
	dns->update = NULL;
	event_del(dns->deadline);
}

static void failed(struct dns *dns, int error, const char *why)
{
	uint16_t noise = 0;
	struct timeval pause;
	unsigned ms;

	end_exchange(dns);
	dns->gk->counts.dns_failures++;
	if (!dns->error || strcmp(dns->why, why))
		log_msg(LOG_LEVEL_WARN, "dns: %s: %s; trying again", dns->gk->config->dns_server, why);
	dns->error = error;
	dns->resync = 1;
	snprintf(dns->why, sizeof(dns->why), "%s", why);
	dns->backoff_ms = dns->backoff_ms ? dns->backoff_ms * 2 : BACKOFF_MIN_MS;
	if (dns->backoff_ms > BACKOFF_MAX_MS)
		dns->backoff_ms = BACKOFF_MAX_MS;
	random_bytes(&noise, sizeof(noise));
	ms = dns->backoff_ms * 3 / 4 + dns->backoff_ms / 2 * (unsigned)noise / 65536;
	pause = (struct timeval){ms / 1000, (suseconds_t)(ms % 1000) * 1000};
	dns->retry_us = clock_now_us() + ms * CLOCK_MS;
	event_add(dns->retry, &pause);
	events_dns(dns->gk->events);
}

/* The server is back, and may have lost names, or still be working off an update we gave up on: nothing counts as
 * confirmed before it has been said once more. */
static void resync(struct dns *dns)
{
	dns->resync = 0;
	for (struct name *n = dns->first; n; n = n->next) {
		if (n->confirmed)
			dns->n_pending++;
		n->confirmed = 0;
		n->sent = 0;
	}
}

static void confirm(struct dns *dns)
{
	struct name *next;

	for (struct name *n = dns->first; n; n = next) {
		next = n->next;
		if (!n->sent)
			continue;
		n->sent = 0;
		n->confirmed = 1;
		dns->n_pending--;
		log_msg(LOG_LEVEL_INFO, "dns: %s %s", n->name, n->n ? "published" : "withdrawn");
		if (n->n)
			keep(dns, n);
		else
			forget(dns, n);
	}
}

static void succeeded(struct dns *dns)
{
	end_exchange(dns);
	dns->gk->counts.dns_updates++;
	if (dns->error)
		log_msg(LOG_LEVEL_INFO, "dns: %s answers again", dns->gk->config->dns_server);
	dns->error = 0;
	dns->why[0] = '\0';
	dns->backoff_ms = 0;
	if (dns->resync)
		resync(dns);
	confirm(dns);
	events_dns(dns->gk->events);
	kick(dns);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct dns *dns = arg;
	struct evbuffer *input = bufferevent_get_input(bev);
	unsigned char head[2];
	size_t len;
	char why[200];
	int err;

	if (evbuffer_copyout(input, head, 2) < 2)
		return;
	len = (size_t)head[0] << 8 | head[1];
	if (evbuffer_get_length(input) < len + 2)
		return;
	err = dns_update_check(dns->update, evbuffer_pullup(input, (ev_ssize_t)len + 2) + 2, len, why, sizeof(why));
	if (err)
		failed(dns, err, why);
	else
		succeeded(dns);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct dns *dns = arg;
	int error = EVUTIL_SOCKET_ERROR();

	if (what & BEV_EVENT_CONNECTED)
		return;
	if (what & BEV_EVENT_EOF)
		failed(dns, -ECONNRESET, "the connection was closed without an answer");
	else
		failed(dns, error ? -error : -EIO, error ? evutil_socket_error_to_string(error) : "connection failed");
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	failed(arg, -ETIMEDOUT, "no answer in time");
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct dns *dns = arg;

	dns->retry_us = 0;
	kick(dns);
}

static int start_exchange(struct dns *dns)
{
	const uint8_t *wire;
	size_t len;
	unsigned char head[2];

	dns->bev = bufferevent_socket_new(dns->gk->base, -1, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (!dns->bev)
		return -ENOMEM;
	wire = dns_update_wire(dns->update, &len);
	head[0] = (unsigned char)(len >> 8);
	head[1] = (unsigned char)len;
	bufferevent_setcb(dns->bev, on_read, NULL, on_event, dns);
	bufferevent_setwatermark(dns->bev, EV_READ, 0, 65537);
	if (bufferevent_enable(dns->bev, EV_READ | EV_WRITE) < 0 || bufferevent_write(dns->bev, head, 2) < 0 ||
	    bufferevent_write(dns->bev, wire, len) < 0 ||
	    bufferevent_socket_connect(dns->bev, (struct sockaddr *)&dns->server, sizeof(dns->server)) < 0)
		return -EIO;
	return 0;
}

/* Starts an exchange if there is something to say and nothing hinders. */
static void kick(struct dns *dns)
{
	const struct gk_config *config = dns->gk->config;
	struct dns_key key = {config->tsig_name, config->tsig_algorithm, dns->secret};
	struct timeval patience = {DEADLINE_S, 0};
	struct dns_change changes[BATCH];
	char why[200] = "out of memory";
	size_t n = 0;

	if (!dns->server.sin_family || dns->update || dns->retry_us || !dns->n_pending)
		return;
	for (struct name *entry = dns->first; entry; entry = entry->next) {
		entry->sent = 0;
		if (entry->confirmed || n == BATCH)
			continue;
		changes[n].name = entry->name;
		changes[n].n = entry->n;
		memcpy(changes[n].address, entry->address, sizeof(entry->address));
		entry->sent = 1;
		n++;
	}
	dns->update = dns_update_new(config->zone, (uint32_t)config->dns_ttl, changes, n, &key, why, sizeof(why));
	event_add(dns->deadline, &patience);
	if (!dns->update)
		failed(dns, -EINVAL, why);
	else if (start_exchange(dns) < 0)
		failed(dns, -EIO, "cannot connect");
}

/* ---- outside ---- */

static int parse_server(const char *text, struct sockaddr_in *out, char *why, size_t room)
{
	char addr[ADDR_TEXT + 1];
	size_t len = strcspn(text, ":");
	uint64_t port = 53;

	if (!*text)
		return 0;
	snprintf(addr, sizeof(addr), "%.*s", (int)(len < ADDR_TEXT ? len : ADDR_TEXT), text);
	if (addr_parse(addr, &out->sin_addr) < 0 || (text[len] && input_number(text + len + 1, 65535, &port) < 0)) {
		snprintf(why, room, "dns_server: \"%s\" is not ADDRESS or ADDRESS:PORT", text);
		return -EINVAL;
	}
	out->sin_family = AF_INET;
	out->sin_port = htons((uint16_t)port);
	return 0;
}

static int read_secret(const struct gk_config *config, char *out, size_t size, char *why, size_t room)
{
	FILE *f;

	if (!config->tsig_name[0])
		return 0;
	f = fopen(config->tsig_secret_file, "re");
	if (!f || !fgets(out, (int)size, f)) {
		int err = f ? -EINVAL : -errno;

		snprintf(why, room, "tsig_secret_file: %s: %s", config->tsig_secret_file,
			 f ? "it is empty" : strerror(-err));
		if (f)
			fclose(f);
		return err;
	}
	fclose(f);
	out[strcspn(out, " \t\r\n")] = '\0';
	return 0;
}

int dns_new(struct gatekeeper *gk, struct dns **out, char *why, size_t room)
{
	struct dns *dns = calloc(1, sizeof(*dns));
	int err = -ENOMEM;

	if (!dns)
		return -ENOMEM;
	dns->gk = gk;
	dns->deadline = event_new(gk->base, -1, 0, on_deadline, dns);
	dns->retry = event_new(gk->base, -1, 0, on_retry, dns);
	if (dns->deadline && dns->retry)
		err = parse_server(gk->config->dns_server, &dns->server, why, room);
	if (!err)
		err = read_secret(gk->config, dns->secret, sizeof(dns->secret), why, room);
	if (!err)
		err = store_name_each(gk->store, load, dns);
	if (err) {
		dns_free(dns);
		return err;
	}
	kick(dns);
	*out = dns;
	return 0;
}

void dns_free(struct dns *dns)
{
	if (!dns)
		return;
	if (dns->deadline)
		end_exchange(dns);
	while (dns->first) {
		struct name *next = dns->first->next;

		free(dns->first);
		dns->first = next;
	}
	if (dns->deadline)
		event_free(dns->deadline);
	if (dns->retry)
		event_free(dns->retry);
	explicit_bzero(dns->secret, sizeof(dns->secret));
	free(dns);
}

const char *dns_state(const struct dns *dns, int wanted, const char *name)
{
	const struct name *n = dns ? find(dns, name) : NULL;

	if (dns && !dns->server.sin_family)
		return "disabled";
	if (!wanted || !n)
		return "none";
	return n->confirmed ? "published" : "pending";
}

int dns_health(const struct dns *dns)
{
	return dns->error;
}

size_t dns_pending(const struct dns *dns)
{
	return dns->server.sin_family ? dns->n_pending : 0;
}

static json_t *name_json(const struct name *n)
{
	json_t *addresses = json_array();
	char text[ADDR_TEXT];

	for (unsigned i = 0; i < n->n; i++)
		json_array_append_new(addresses, json_string(addr_text(n->address[i], text)));
	return json_pack("{s:s, s:o, s:s}", "name", n->name, "addresses", addresses, "state",
			 n->confirmed ? "published" : n->n ? "pending" : "withdrawing");
}

json_t *dns_json(const struct dns *dns)
{
	json_t *names = json_array();
	const char *state = !dns->server.sin_family ? "disabled" : dns->update ? "updating" : dns->retry_us ? "retrying" : "idle";
	uint64_t now = clock_now_us();

	for (const struct name *n = dns->first; n; n = n->next)
		json_array_append_new(names, name_json(n));
	return json_pack("{s:s, s:s, s:s, s:b, s:s, s:I, s:I, s:o}", "server", dns->gk->config->dns_server, "zone",
			 dns->gk->config->zone, "state", state, "ok", dns->error == 0, "error", dns->why, "pending",
			 (json_int_t)dns_pending(dns), "retry_in_ms",
			 (json_int_t)(dns->retry_us > now ? (dns->retry_us - now) / CLOCK_MS : 0), "names", names);
}
