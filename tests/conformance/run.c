/* The conformance program: its tools, and main. See conformance.h. */
#include "config.h"

#include "tests/conformance/conformance.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"

#define MAX_TEXT (1u << 20)

char *conform_shell(const char *text)
{
	FILE *f = popen(text, "r");
	char *out = calloc(1, MAX_TEXT);

	assert_non_null(f);
	assert_non_null(out);
	out[fread(out, 1, MAX_TEXT - 1, f)] = '\0';
	int status = pclose(f);

	if (status) {
		print_message("# %s: status %d: %s\n", text, status, out);
		free(out);
		return NULL;
	}
	return out;
}

void conform_must(const char *text)
{
	char *out = conform_shell(text);

	assert_non_null(out);
	free(out);
}

char *conform_see(const struct instance *i)
{
	char *text = i->subject->look ? i->subject->look() : conform_shell(i->subject->see);

	assert_non_null(text);
	return text;
}

char *conform_see_foreign(const struct instance *i)
{
	char *text = conform_shell(i->subject->foreign_see);

	assert_non_null(text);
	return text;
}

static void save(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", getenv("DIR"), name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void compare(const struct instance *i, const char *state, int equal, const char *what)
{
	char *now = conform_see(i);

	if ((strcmp(now, state) == 0) != equal) {
		save("was", state);
		save("is", now);
		char *diff = conform_shell("cd $DIR; diff -U0 was is | cut -c1-700; true");

		print_error("%s: %s\n%s\n", i->subject->name, what, diff);
		fail();
	}
	free(now);
}

void conform_expect(const struct instance *i, const char *state, const char *what)
{
	compare(i, state, 1, what);
}

void conform_differs(const struct instance *i, const char *state, const char *what)
{
	compare(i, state, 0, what);
}

struct in_addr conform_addr(const char *text)
{
	struct in_addr addr = { 0 };

	assert_int_equal(inet_pton(AF_INET, text, &addr), 1);
	return addr;
}

static struct in_addr addr_of(uint32_t icorp, unsigned host)
{
	return (struct in_addr){ htonl(0x0a400000u | (icorp & 0xff) << 8 | host) };
}

void conform_fill(struct conform_terms *c, const struct subject *s, uint32_t icorp, unsigned level)
{
	struct adaptor_terms *t = &c->t;

	memset(c, 0, sizeof(*c));
	*t = (struct adaptor_terms){ .icorp = icorp, .leader = conform_addr("10.200.1.11"), .revision = 1,
				     .prefix = { addr_of(icorp, 0), 24 }, .capacity = CAPACITY_CONTROLLED,
				     .priority = level == 1 ? 5 : 3, .vlan = (uint16_t)(100 + icorp), .lifetime_s = level == 1 ? 900 : 1200,
				     .n_endpoints = 3, .endpoints = c->endpoint, .n_services = 1, .services = &c->service };
	snprintf(t->name, sizeof(t->name), "shop-%u", icorp);
	if (s->port) {
		t->n_ports = 1;
		snprintf(t->ports[0].ifname, sizeof(t->ports[0].ifname), "%s", s->port);
		t->ports[0].rate_bps = (1000000 + icorp * 8000) * level;
		t->ports[0].ceil_bps = t->ports[0].rate_bps * 2;
	}
	if (s->second_port) {
		t->n_ports = 2;
		t->ports[1] = t->ports[0];
		t->ports[1].trunk = 1;
		snprintf(t->ports[1].ifname, sizeof(t->ports[1].ifname), "%s", s->second_port);
	}
	c->endpoint[0] = (struct terms_endpoint){ .element = "ar1", .kind = ENDPOINT_ACCESS, .local = 1,
						  .control = conform_addr("10.200.1.11"), .private_addr = addr_of(icorp, 1),
						  .public_addr = { htonl(0x0aca0100u | (icorp & 0xff)) } };
	c->endpoint[1] = (struct terms_endpoint){ .element = "srv1", .kind = ENDPOINT_SERVER, .up = 1, .weight = 10,
						  .control = conform_addr(level == 1 ? "10.200.1.21" : "10.200.1.22"),
						  .private_addr = addr_of(icorp, 65) };
	c->endpoint[2] = (struct terms_endpoint){ .element = "srv3", .kind = ENDPOINT_SERVER, .up = 1,
						  .weight = (uint16_t)(10 * level), .control = conform_addr("10.200.1.23"),
						  .private_addr = addr_of(icorp, 66) };
	c->service = (struct contract_service){ .name = "web", .protocol = SERVICE_TCP, .port = 80, .target_port = 8080 };
	t->isc = (struct terms_isc){ .present = 1, .address = addr_of(icorp, 67), .host = conform_addr("169.254.1.1"),
				     .host_port = 3455, .key_id = 42,
				     .spec = { .image = "web", .cpu_shares = 512 * level, .memory_kib = 65536 * level,
					       .vcpus = 1 } };
	memset(t->isc.key, 0xa5, sizeof(t->isc.key));
}

int conform_open(struct instance *i, char *why, size_t room)
{
	int rc = i->ops->probe ? i->ops->probe(i->options, i->n_options, why, room) : 0;

	return rc ? rc : i->ops->open(i->options, i->n_options, &i->state, why, room);
}

void conform_reopen(struct instance *i)
{
	char why[ADAPTOR_REASON] = "";

	if (i->state)
		i->ops->close(i->state);
	i->state = NULL;
	if (conform_open(i, why, sizeof(why)))
		fail_msg("%s does not open again: %s", i->subject->name, why);
}

static void on_failed(void *ctx, struct adaptor_key key, int error, const char *reason)
{
	struct adaptor_result *r = ctx;

	r->error = error;
	snprintf(r->reason, sizeof(r->reason), "%s", reason);
}

int conform_stage(struct instance *i, const struct conform_terms *c, struct adaptor_result *r)
{
	memset(r, 0, sizeof(*r));
	return i->ops->apply(i->state, &c->t, r);
}

int conform_flush(struct instance *i, struct adaptor_result *r)
{
	int rc = i->ops->flush ? i->ops->flush(i->state, on_failed, r) : 0;

	return rc ? rc : r->error;
}

int conform_apply(struct instance *i, const struct conform_terms *c, struct adaptor_result *r)
{
	int rc = conform_stage(i, c, r);

	return rc ? rc : conform_flush(i, r);
}

void conform_applied(struct instance *i, uint32_t icorp, unsigned level)
{
	struct adaptor_result r;
	struct conform_terms c;

	conform_fill(&c, i->subject, icorp, level);
	if (conform_apply(i, &c, &r))
		fail_msg("%s: apply of ICorp %u: %s: %s", i->subject->name, icorp, strerror(-r.error), r.reason);
}

struct adaptor_key conform_key(uint32_t icorp)
{
	return (struct adaptor_key){ icorp, conform_addr("10.200.1.11") };
}

int conform_revoke(struct instance *i, uint32_t icorp)
{
	struct adaptor_result r = { 0 };
	int rc = i->ops->revoke(i->state, conform_key(icorp), r.reason, sizeof(r.reason));

	return rc ? rc : conform_flush(i, &r);
}

void conform_audit(struct instance *i, const uint32_t *icorps, size_t n, unsigned *orphans, unsigned *repaired)
{
	struct adaptor_key keys[64];

	for (size_t k = 0; k < n; k++)
		keys[k] = conform_key(icorps[k]);
	*orphans = *repaired = 99;
	int rc = i->ops->audit(i->state, keys, n, orphans, repaired);

	if (rc)
		fail_msg("%s: the audit failed: %s", i->subject->name, strerror(-rc));
}

/* Removes DIR and what tests left there. */
static void remove_dir(const char *dir)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	conform_must(command);
}

static char *expand(const char *text)
{
	char *command, *out;

	assert_true(asprintf(&command, "printf %%s \"%s\"", text) > 0);
	out = conform_shell(command);
	free(command);
	assert_non_null(out);
	return out;
}

/* Each check begins with an adaptor just opened and nothing of ours there, and ends so. */
static struct instance one;

static int setup(void **state)
{
	char why[ADAPTOR_REASON] = "";

	*state = &one;
	if (conform_open(&one, why, sizeof(why))) {
		print_error("%s does not open: %s\n", one.subject->name, why);
		return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	unsigned orphans, repaired;

	if (!one.state)
		conform_reopen(&one);
	conform_audit(&one, NULL, 0, &orphans, &repaired);
	one.ops->close(one.state);
	one.state = NULL;
	return 0;
}

/* 0, or 1 with why: it cannot be tried here. */
static int prepare(const struct subject *s, char *why, size_t room)
{
	snprintf(why, room, "needs root");
	if (s->needs_root && geteuid())
		return 1;
	if (s->prepare) {
		char *command, *out;

		assert_true(asprintf(&command, "{ %s\n} > $DIR/prepare.log 2>&1", s->prepare) > 0);
		out = conform_shell(command);
		free(command);
		snprintf(why, room, "its surroundings cannot be made: see above");
		if (!out)
			return 1;
		free(out);
	}
	one = (struct instance){ .subject = s, .ops = adaptor_find(s->type) };
	assert_non_null(one.ops);
	for (; one.n_options < CONFORM_OPTIONS && s->options[one.n_options].key; one.n_options++)
		one.options[one.n_options] = (struct adaptor_option){ s->options[one.n_options].key,
								      expand(s->options[one.n_options].value) };
	return one.ops->probe && one.ops->probe(one.options, one.n_options, why, room) ? 1 : 0;
}

static int run(const struct subject *s, int asked)
{
	struct CMUnitTest tests[32];
	char dir[] = "/tmp/conformance.XXXXXX", why[256];
	int rc = 0;

	assert_true(conform_n_checks <= 32);
	assert_non_null(mkdtemp(dir));
	setenv("DIR", dir, 1);
	memcpy(tests, conform_checks, conform_n_checks * sizeof(tests[0]));
	for (size_t i = 0; i < conform_n_checks; i++) {
		tests[i].setup_func = setup;
		tests[i].teardown_func = teardown;
	}
	if (prepare(s, why, sizeof(why))) {
		print_message("%s is not tried: %s\n", s->name, why);
		rc = asked;              /* named on the command line it must be possible */
	} else {
		rc = _cmocka_run_group_tests(s->name, tests, conform_n_checks, NULL, NULL);
	}
	if (s->finish && !(s->needs_root && geteuid()))
		free(conform_shell(s->finish));
	for (size_t i = 0; i < one.n_options; i++)
		free((char *)(uintptr_t)one.options[i].value);
	one.n_options = 0;
	remove_dir(dir);
	return rc;
}

int main(int argc, char **argv)
{
	int rc = 0, found;

	log_open("conformance", NULL, LOG_SINK_STDERR, LOG_LEVEL_ERROR);
	if (!geteuid() && unshare(CLONE_NEWNET))
		return EXIT_FAILURE;
	for (size_t i = 0; i < conform_n_subjects && argc < 2; i++)
		rc |= run(&conform_subjects[i], 0);
	for (int a = 1; a < argc; a++) {
		found = 0;
		for (size_t i = 0; i < conform_n_subjects; i++)
			if (!strcmp(conform_subjects[i].name, argv[a])) {
				found = 1;
				rc |= run(&conform_subjects[i], 1);
			}
		if (!found) {
			print_error("no subject %s\n", argv[a]);
			rc = EXIT_FAILURE;
		}
	}
	log_close();
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
