/*
 * The gatekeeper's settings as rows of data (lib/config.h), plus the checks that need two settings at once. Loaded
 * once by the program; everything else gets a const pointer.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "gatekeeper/config.h"
#include "gatekeeper/input.h"

#ifndef DATADIR
#define DATADIR "/usr/share/icorpmaker"
#endif

#define CLASS(m) offsetof(struct gk_class, m)
#define CONF(m) offsetof(struct gk_config, m)

static const struct config_row class_rows[] = {
	{.name = "help", .type = CONFIG_STRING, .offset = CLASS(help), .deflt = "",
	 .help = "one line for the form"},
	{.name = "rate", .type = CONFIG_RATE, .offset = CLASS(rate), .deflt = "1M",
	 .help = "guaranteed bit/s on every link, each direction"},
	{.name = "ceil", .type = CONFIG_RATE, .offset = CLASS(ceil), .deflt = "0",
	 .help = "bit/s that may be borrowed up to; 0: as rate"},
	{.name = "priority", .type = CONFIG_INT, .offset = CLASS(priority), .deflt = "0", .min = 0, .max = 7,
	 .help = "802.1p priority"},
	{.name = "capacity", .type = CONFIG_STRING, .offset = CLASS(capacity), .deflt = "controlled",
	 .choices = "best-effort|controlled|constant", .help = "capacity class"},
	{.name = "cpu", .type = CONFIG_INT, .offset = CLASS(cpu), .deflt = "1024", .min = 2, .max = 262144,
	 .help = "CPU shares of each ISC"},
	{.name = "quota", .type = CONFIG_INT, .offset = CLASS(quota_us), .deflt = "0", .min = 0, .max = 100000000,
	 .help = "microseconds of CPU per 100 ms; 0: no cap"},
	{.name = "vcpus", .type = CONFIG_INT, .offset = CLASS(vcpus), .deflt = "1", .min = 1, .max = 256,
	 .help = "virtual CPUs of each ISC"},
	{.name = "memory", .type = CONFIG_SIZE, .offset = CLASS(memory), .deflt = "128MiB",
	 .help = "memory of each ISC, bytes"},
	{.name = "disk", .type = CONFIG_SIZE, .offset = CLASS(disk), .deflt = "0",
	 .help = "disk of each ISC, bytes; 0: what the image has"},
	{.name = "image", .type = CONFIG_STRING, .offset = CLASS(image), .deflt = "web",
	 .help = "image when the client names none"},
	{.name = "setup", .type = CONFIG_INT, .offset = CLASS(setup), .deflt = "4", .min = 0, .max = 7,
	 .help = "setup priority, 0 is highest"},
	{.name = "holding", .type = CONFIG_INT, .offset = CLASS(holding), .deflt = "4", .min = 0, .max = 7,
	 .help = "holding priority, 0 is highest"},
	{.name = "max_bandwidth", .type = CONFIG_RATE, .offset = CLASS(max_bandwidth), .deflt = "0",
	 .help = "bit/s an ICorp may grow to; 0: no limit"},
	{.name = "max_cpu", .type = CONFIG_INT, .offset = CLASS(max_cpu), .deflt = "0", .min = 0, .max = 262144,
	 .help = "CPU shares an ISC may grow to; 0: no limit"},
	{.name = "max_memory", .type = CONFIG_SIZE, .offset = CLASS(max_memory), .deflt = "0",
	 .help = "bytes of memory an ISC may grow to; 0: no limit"},
	{.name = "price_bandwidth", .type = CONFIG_INT, .offset = CLASS(price_bandwidth), .deflt = "0", .min = 0,
	 .max = 1e15, .help = "millionths of the currency per interval for 1 Mbit/s"},
	{.name = "price_cpu", .type = CONFIG_INT, .offset = CLASS(price_cpu), .deflt = "0", .min = 0, .max = 1e15,
	 .help = "the same for 1024 CPU shares"},
	{.name = "price_memory", .type = CONFIG_INT, .offset = CLASS(price_memory), .deflt = "0", .min = 0,
	 .max = 1e15, .help = "the same for 1 MiB of memory"},
	{.name = "price_disk", .type = CONFIG_INT, .offset = CLASS(price_disk), .deflt = "0", .min = 0, .max = 1e15,
	 .help = "the same for 1 GiB of disk"},
	{0},
};

static const struct config_row rows[] = {
	{.name = "name", .type = CONFIG_STRING, .offset = CONF(name), .deflt = "gk", .help = "its name in the log"},
	{.name = "listen", .type = CONFIG_STRING, .offset = CONF(listen), .deflt = "127.0.0.1:8080",
	 .help = "ADDRESS:PORT for HTTP, or HTTPS when tls_cert is given; port 0: any"},
	{.name = "tls_cert", .type = CONFIG_STRING, .offset = CONF(tls_cert), .deflt = "",
	 .help = "certificate chain, PEM"},
	{.name = "tls_key", .type = CONFIG_STRING, .offset = CONF(tls_key), .deflt = "", .help = "its key, PEM"},
	{.name = "store", .type = CONFIG_STRING, .offset = CONF(store), .deflt = "/var/lib/icorp/gatekeeper.db",
	 .help = "SQLite database"},
	{.name = "zone", .type = CONFIG_STRING, .offset = CONF(zone), .deflt = "asp.example",
	 .help = "DNS zone of the ICorps' names"},
	{.name = "reserved", .type = CONFIG_LIST, .offset = CONF(reserved), .help = "names no client may take"},
	{.name = "dns_ttl", .type = CONFIG_INT, .offset = CONF(dns_ttl), .deflt = "5", .min = 0, .max = 86400,
	 .help = "seconds"},
	{.name = "dns_server", .type = CONFIG_STRING, .offset = CONF(dns_server), .deflt = "",
	 .help = "ADDRESS[:PORT] that takes updates; empty: none"},
	{.name = "tsig_name", .type = CONFIG_STRING, .offset = CONF(tsig_name), .deflt = "",
	 .help = "TSIG key name; empty: unsigned updates"},
	{.name = "tsig_algorithm", .type = CONFIG_STRING, .offset = CONF(tsig_algorithm), .deflt = "hmac-sha256",
	 .choices = "hmac-sha256|hmac-sha1|hmac-md5", .help = "TSIG algorithm"},
	{.name = "tsig_secret_file", .type = CONFIG_STRING, .offset = CONF(tsig_secret_file), .deflt = "",
	 .help = "file with the base64 secret"},
	{.name = "private_pool", .type = CONFIG_STRING, .offset = CONF(private_pool), .deflt = "10.64.0.0/10",
	 .help = "each ICorp gets a /24 of it"},
	{.name = "tokens", .type = CONFIG_LIST, .offset = CONF(tokens),
	 .help = "files of KIND:NAME:TOKEN lines, KIND client, element or operator"},
	{.name = "anonymous", .type = CONFIG_STRING, .offset = CONF(anonymous), .deflt = "none",
	 .choices = "none|read|client", .help = "what callers without a token may do (never an element's part)"},
	{.name = "currency", .type = CONFIG_STRING, .offset = CONF(currency), .deflt = "EUR", .help = "three letters"},
	{.name = "price_interval", .type = CONFIG_TIME, .offset = CONF(price_interval), .deflt = "3600s",
	 .help = "what prices are per"},
	{.name = "heartbeat", .type = CONFIG_TIME, .offset = CONF(heartbeat), .deflt = "10s",
	 .help = "how often elements register"},
	{.name = "expiry", .type = CONFIG_INT, .offset = CONF(expiry), .deflt = "3", .min = 1, .max = 100,
	 .help = "heartbeats an element may miss"},
	{.name = "l2_hold", .type = CONFIG_TIME, .offset = CONF(l2_hold), .deflt = "15m",
	 .help = "how long a MAC a switch forgot stays on the L2 map"},
	{.name = "l2_debounce", .type = CONFIG_TIME, .offset = CONF(l2_debounce), .deflt = "200ms",
	 .help = "how long changes are gathered before the L2 map is worked out"},
	{.name = "www", .type = CONFIG_STRING, .offset = CONF(www), .deflt = DATADIR "/www",
	 .help = "directory of the pages"},
	{.name = "control", .type = CONFIG_STRING, .offset = CONF(control), .deflt = "",
	 .help = "control socket; empty: none"},
	{.name = "max_icorps", .type = CONFIG_INT, .offset = CONF(max_icorps), .deflt = "10000", .min = 1,
	 .max = 1000000, .help = "ICorps at a time"},
	{.name = "max_connections", .type = CONFIG_INT, .offset = CONF(max_connections), .deflt = "1000", .min = 8,
	 .max = 100000, .help = "connections at a time"},
	{.name = "max_streams", .type = CONFIG_INT, .offset = CONF(max_streams), .deflt = "100", .min = 1,
	 .max = 10000, .help = "clients listening for events at a time"},
	{.name = "class", .type = CONFIG_SECTION, .offset = CONF(classes), .section = class_rows,
	 .section_size = sizeof(struct gk_class), .help = "class NAME { … }: what clients choose from"},
	{0},
};

static int bad(struct config_error *error, const char *file, const char *setting, const char *what)
{
	snprintf(error->text, sizeof(error->text), "%s: %s: %s", file, setting, what);
	return -EINVAL;
}

static int check_zone(const char *zone)
{
	size_t n = strlen(zone);

	return n && n < 128 && zone[0] != '.' && zone[0] != '-' && !strstr(zone, "..") &&
	       strspn(zone, "abcdefghijklmnopqrstuvwxyz0123456789-.") == n;
}

static int check_classes(const struct gk_config *c, const char *file, struct config_error *error)
{
	const struct gk_class *list = c->classes.data;

	for (size_t i = 0; i < c->classes.n; i++) {
		if (!list[i].title || !input_is_name(list[i].title, CONTRACT_NAME))
			return bad(error, file, "class", "a class needs a name of a-z, 0-9 and -");
		if (list[i].ceil && list[i].ceil < list[i].rate)
			return bad(error, file, list[i].title, "ceil is below rate; make it 0 or larger than rate");
		if (list[i].holding > list[i].setup)
			return bad(error, file, list[i].title, "holding is weaker than setup; make it at most setup");
		if (!input_is_name(list[i].image, CONTRACT_NAME))
			return bad(error, file, list[i].title, "image must be a name of a-z, 0-9 and -");
		for (size_t j = 0; j < i; j++)
			if (!strcmp(list[i].title, list[j].title))
				return bad(error, file, list[i].title, "two classes of this name; keep one");
	}
	return 0;
}

static int check(struct gk_config *c, const char *file, struct config_error *error)
{
	if (!c->tls_cert[0] != !c->tls_key[0])
		return bad(error, file, "tls_cert", "tls_cert and tls_key go together; give both or none");
	if (!check_zone(c->zone))
		return bad(error, file, "zone", "not a domain name; write it in lower case without a final dot");
	if (strlen(c->currency) != 3 || strspn(c->currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3)
		return bad(error, file, "currency", "not three capital letters, like EUR");
	if (prefix_parse(c->private_pool, &c->pool, 0) < 0 || c->pool.len > 24 || c->pool.len < 8)
		return bad(error, file, "private_pool", "not a prefix of length 8 to 24, like 10.64.0.0/10");
	if (c->tsig_name[0] && !c->tsig_secret_file[0])
		return bad(error, file, "tsig_secret_file", "tsig_name is given, so the secret's file is needed");
	if (c->heartbeat < 100000 || c->price_interval < 1000000)
		return bad(error, file, "heartbeat", "heartbeat is at least 100ms, price_interval at least 1s");
	return check_classes(c, file, error);
}

int gk_config_load(const char *file, struct gk_config *out, struct config_error *error)
{
	int err = config_load(file, rows, out, error);

	if (err < 0)
		return err;
	err = check(out, file, error);
	if (err < 0)
		gk_config_free(out);
	return err;
}

void gk_config_free(struct gk_config *config)
{
	config_free(rows, config);
	memset(config, 0, sizeof(*config));
}

void gk_config_describe(void (*line)(void *ctx, const char *text), void *ctx)
{
	config_describe(rows, line, ctx);
}

const struct gk_class *gk_config_class(const struct gk_config *config, const char *name)
{
	const struct gk_class *list = config->classes.data;

	for (size_t i = 0; i < config->classes.n; i++)
		if (!strcmp(list[i].title, name))
			return &list[i];
	return NULL;
}

enum capacity_class gk_class_capacity(const struct gk_class *class_)
{
	if (!strcmp(class_->capacity, "constant"))
		return CAPACITY_CONSTANT;
	return strcmp(class_->capacity, "controlled") ? CAPACITY_BEST_EFFORT : CAPACITY_CONTROLLED;
}
