/* Namespaces and links of the signaling benchmark. See world.h. Made with iproute2 and nft, as an operator would. */
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bench/load/namespace.h"
#include "bench/load/world.h"

static unsigned built[WORLD_CHAINS]; /* routers of each chain */

static char letter(enum world_chain chain)
{
	return chain == WORLD_FLOOR ? 'f' : 'r';
}

static struct in_addr ten_nine(unsigned c, unsigned d)
{
	return (struct in_addr){ htonl(10u << 24 | 9u << 16 | c << 8 | d) };
}

struct in_addr world_router(unsigned number) { return ten_nine(0, number); }
struct in_addr world_up(void) { return ten_nine(1, 1); }
struct in_addr world_down(void) { return ten_nine(2, 1); }
struct in_addr world_spare(void) { return ten_nine(3, 1); }
struct in_addr world_leader(void) { return ten_nine(10, 1); }
struct in_addr world_endpoint(void) { return ten_nine(20, 1); }

static const char *name_of(enum world_chain chain, unsigned router, char name[16])
{
	snprintf(name, 16, "%c%u", letter(chain), router);
	return router ? name : NULL;
}

int world_join(enum world_chain chain, unsigned router)
{
	char name[16];

	return namespace_join(name_of(chain, router, name));
}

static int command(enum world_chain chain, unsigned router, const char *text, const char *const *argv)
{
	char name[16];

	return namespace_command(name_of(chain, router, name), text, argv);
}

struct text { char at[4096]; size_t len; };

static void add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct text *t, const char *fmt, ...)
{
	va_list list;
	int n;

	va_start(list, fmt);
	n = vsnprintf(t->at + t->len, sizeof(t->at) - t->len, fmt, list);
	va_end(list);
	if (n > 0)
		t->len += (size_t)n < sizeof(t->at) - t->len ? (size_t)n : sizeof(t->at) - t->len - 1;
}

static int batch(enum world_chain chain, unsigned router, const struct text *t)
{
	const char *const argv[] = { "ip", "-batch", "-", NULL };

	return command(chain, router, t->at, argv);
}

/* ---- building ---- */

static const char *const nft[] = { "nft", "-f", "-", NULL };
static int losing; /* world_lose's rules are in the generator's namespace */

/* A namespace goes when the kernel finds the time, and takes its links along only then: they go first. */
static void clear(void)
{
	struct text t = { .len = 0 };

	for (int chain = 0; chain < WORLD_CHAINS; chain++) {
		const char *f = chain == WORLD_FLOOR ? "f" : "";

		if (built[chain])
			add(&t, "link del dev %sup\nlink del dev %sdown\n", f, f);
		if (built[chain] && chain == WORLD_DAEMONS)
			add(&t, "link del dev spare\n");
		for (unsigned i = 1; i <= built[chain]; i++)
			add(&t, "netns del %c%u\n", letter(chain), i);
		built[chain] = 0;
	}
	if (t.len)
		batch(WORLD_DAEMONS, 0, &t);
	if (losing) /* the generator's namespace stays, and its rules with it */
		command(WORLD_DAEMONS, 0, "delete table ip bench\n", nft);
	losing = 0;
}

/* The generator's ends of a chain; each socket is bound to its device, so the routes' metrics do not matter. */
static int build_ends(enum world_chain chain, unsigned routers)
{
	const char *f = chain == WORLD_FLOOR ? "f" : "";
	char c = letter(chain);
	struct text t = { .len = 0 };

	for (unsigned i = 1; i <= routers; i++)
		add(&t, "netns add %c%u\n", c, i);
	add(&t, "link add name %sup type veth peer name in netns %c1\n", f, c);
	add(&t, "link add name %sdown type veth peer name out netns %c%u\n", f, c, routers);
	add(&t, "link set dev %sup up\nlink set dev %sdown up\n", f, f);
	add(&t, "route add 10.9.0.1 dev %sup metric %d\n", f, chain * 10 + 1);
	add(&t, "route add 10.9.0.%u dev %sdown metric %d\n", routers, f, chain * 10 + 2);
	if (chain == WORLD_DAEMONS)
		add(&t, "link add name spare type veth peer name spare netns r1\nlink set dev spare up\n"
			"route add 10.9.0.1 dev spare metric 3\n"
			"addr replace 10.9.1.1/32 dev lo\naddr replace 10.9.2.1/32 dev lo\naddr replace 10.9.3.1/32 dev lo\n");
	return batch(chain, 0, &t);
}

static int build_router(enum world_chain chain, unsigned i, unsigned routers)
{
	struct text t = { .len = 0 };

	if (i < routers)
		add(&t, "link add name out type veth peer name in netns %c%u\n", letter(chain), i + 1);
	add(&t, "link set dev lo up\naddr add 10.9.0.%u/32 dev lo\nlink set dev in up\nlink set dev out up\n", i);
	if (i == 1)
		add(&t, "route add 10.9.1.1 dev in\nroute add 10.9.10.0/24 via 10.9.1.1 dev in onlink\n");
	else
		add(&t, "route add 10.9.0.%u dev in\nroute add 10.9.10.0/24 via 10.9.0.%u dev in onlink\n", i - 1, i - 1);
	if (i == 1 && chain == WORLD_DAEMONS)
		add(&t, "link set dev spare up\nroute add 10.9.3.1 dev spare\n");
	if (i == routers)
		add(&t, "route add 10.9.2.1 dev out\nroute add 10.9.20.0/24 via 10.9.2.1 dev out onlink\n");
	else
		add(&t, "route add 10.9.0.%u dev out\nroute add 10.9.20.0/24 via 10.9.0.%u dev out onlink\n", i + 1, i + 1);
	return batch(chain, i, &t);
}

int world_build(unsigned routers)
{
	clear();
	for (int chain = 0; chain < WORLD_CHAINS; chain++) {
		if (build_ends(chain, routers))
			return -1;
		built[chain] = routers;
		for (unsigned i = 1; i <= routers; i++)
			if (build_router(chain, i, routers))
				return -1;
	}
	return 0;
}

const char *world_device(enum world_chain chain, const char *end)
{
	int up = !strcmp(end, "up");

	return chain == WORLD_FLOOR ? (up ? "fup" : "fdown") : (up ? "up" : "down");
}

int world_lose(unsigned percent)
{
	char text[256];

	snprintf(text, sizeof(text), "table ip bench { chain in { type filter hook input priority 0; "
		 "meta l4proto { 46, 17 } numgen random mod 100 < %u drop; }; }\n", percent);
	if (command(WORLD_DAEMONS, 0, text, nft))
		return -1;
	losing = 1;
	for (unsigned i = 1; i <= built[WORLD_DAEMONS]; i++)
		if (command(WORLD_DAEMONS, i, text, nft))
			return -1;
	return 0;
}

int world_reroute(void)
{
	const struct text t = { .at = "route replace 10.9.20.0/24 via 10.9.3.1 dev spare onlink\n" };

	return batch(WORLD_DAEMONS, 1, &t);
}
