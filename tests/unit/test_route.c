/*
 * The route adaptor: its messages (tests/golden/route), and its work in a fresh network namespace:
 *
 *     10.200.1.1/24 icr0 (a tap) -- 10.200.1.12 ar2 (on the link)
 *                               \-- 10.200.1.9 the base network's router -- 10.200.2.0/24: srv1 .21, srv2 .22
 *
 * What the kernel then holds is read from /proc/net/route. Skipped without root and /dev/net/tun.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/route.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "adaptors/adaptor.h"
#include "adaptors/route_message.h"
#include "tests/unit/proxy_golden.h"

extern const struct adaptor_ops adaptor_route;

#define IFNAME "icr0"

static struct in_addr ip(const char *text)
{
	struct in_addr a = { 0 };

	inet_aton(text, &a);
	return a;
}

/* --- messages --- */

static void print_netlink(FILE *out, const struct nlmsghdr *nlh)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	fprintf(out, "type %u flags %#x family %u dst_len %u table %u protocol %u scope %u type %u", nlh->nlmsg_type,
		nlh->nlmsg_flags, rtm->rtm_family, rtm->rtm_dst_len, rtm->rtm_table, rtm->rtm_protocol, rtm->rtm_scope,
		rtm->rtm_type);
	mnl_attr_for_each(attr, nlh, sizeof(*rtm)) {
		const uint8_t *byte = mnl_attr_get_payload(attr);
		int type = mnl_attr_get_type(attr);

		fprintf(out, " [%d]", type);
		if (type == RTA_OIF || type == RTA_PRIORITY) { /* in the machine's byte order */
			fprintf(out, " %u", mnl_attr_get_u32(attr));
			continue;
		}
		for (unsigned i = 0; i < mnl_attr_get_payload_len(attr); i++)
			fprintf(out, "%c%u", i ? '.' : ' ', byte[i]);
	}
	fputc('\n', out);
}

static char *messages(const char *input, int invalid)
{
	char *copy = strdup(input), *save, *text = NULL, verb[16], dst[32], gw[32];
	size_t len;
	FILE *out = open_memstream(&text, &len);
	uint8_t buf[ROUTE_MESSAGE_ROOM];

	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct route route = { 0 };
		unsigned oif = 0, table = RT_TABLE_MAIN;

		sscanf(line, "%15s %31s %31s %u %u", verb, dst, gw, &oif, &table);
		if (!strcmp(verb, "add")) {
			route = (struct route){ ip(dst), ip(gw), oif, ROUTE_METRIC + 7, table };
			print_netlink(out, route_message_add(buf, &route));
		} else if (!strcmp(verb, "get")) {
			print_netlink(out, route_message_get(buf, ip(dst)));
		} else if (!strcmp(verb, "delete")) {
			route = (struct route){ .dst = ip(dst), .metric = ROUTE_METRIC + 7, .table = RT_TABLE_MAIN };
			print_netlink(out, route_message_delete(buf, &route));
		} else {
			print_netlink(out, route_message_dump(buf));
		}
	}
	fclose(out);
	free(copy);
	return text;
}

static void golden(void **state)
{
	assert_true(golden_run("route", "msg", messages) >= 1);
}

static void reads_what_it_writes(void **state)
{
	const struct route route = { ip("10.64.7.65"), ip("10.200.1.9"), 3, ROUTE_METRIC + 7, 7300 };
	struct route back;
	uint8_t buf[ROUTE_MESSAGE_ROOM];
	struct nlmsghdr *nlh = route_message_add(buf, &route);
	struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	int ours, type;

	assert_int_equal(route_message_read(nlh, &back, &ours, &type), 0);
	assert_memory_equal(&route, &back, sizeof(route));
	assert_int_equal(ours, 1);
	assert_int_equal(type, RTN_UNICAST);
	rtm->rtm_protocol = RTPROT_STATIC;
	assert_int_equal(route_message_read(nlh, &back, &ours, &type), 0);
	assert_int_equal(ours, 0);
	rtm->rtm_family = AF_INET6;
	assert_int_equal(route_message_read(nlh, &back, &ours, &type), -EBADMSG);
	nlh->nlmsg_len = NLMSG_HDRLEN + 4;
	assert_int_equal(route_message_read(nlh, &back, &ours, &type), -EBADMSG);
}

static void reads_the_rules_it_writes(void **state)
{
	const struct route_rule rule = { { ip("10.64.0.0"), 10 }, 7300 };
	struct route_rule back;
	uint8_t buf[ROUTE_MESSAGE_ROOM];
	struct nlmsghdr *nlh = route_message_add_rule(buf, &rule);
	struct fib_rule_hdr *frh = mnl_nlmsg_get_payload(nlh);
	int ours;

	assert_int_equal(route_message_read_rule(nlh, &back, &ours), 0);
	assert_int_equal(ours, 1);
	assert_int_equal(back.table, 7300);
	assert_int_equal(back.dst.len, 10);
	assert_int_equal(back.dst.addr.s_addr, rule.dst.addr.s_addr);
	frh->src_len = 8;                                /* somebody's with our number */
	assert_int_equal(route_message_read_rule(nlh, &back, &ours), 0);
	assert_int_equal(ours, 0);
	nlh->nlmsg_len = NLMSG_HDRLEN + 4;
	assert_int_equal(route_message_read_rule(nlh, &back, &ours), -EBADMSG);
}

/* --- in a namespace --- */

struct scene { int tap, sock; void *state; };

static int ifreq(struct scene *s, unsigned long request, const char *addr, int flags)
{
	struct ifreq ifr = { .ifr_name = IFNAME };

	if (addr) {
		struct sockaddr_in *sin = (struct sockaddr_in *)&ifr.ifr_addr;

		sin->sin_family = AF_INET;
		sin->sin_addr = ip(addr);
	} else {
		ifr.ifr_flags = (short)flags;
	}
	return ioctl(s->sock, request, &ifr);
}

/* The base network's route to 10.200.2.0/24, by ioctl: not the code under test. */
static int base_route(struct scene *s, unsigned long request, const char *gateway)
{
	struct rtentry rt = { .rt_flags = RTF_UP | RTF_GATEWAY, .rt_metric = 1 };

	((struct sockaddr_in *)&rt.rt_dst)->sin_family = AF_INET;
	((struct sockaddr_in *)&rt.rt_dst)->sin_addr = ip("10.200.2.0");
	((struct sockaddr_in *)&rt.rt_genmask)->sin_family = AF_INET;
	((struct sockaddr_in *)&rt.rt_genmask)->sin_addr = ip("255.255.255.0");
	((struct sockaddr_in *)&rt.rt_gateway)->sin_family = AF_INET;
	((struct sockaddr_in *)&rt.rt_gateway)->sin_addr = ip(gateway);
	return ioctl(s->sock, request, &rt);
}

static int setup(void **state)
{
	static struct scene scene;
	struct ifreq ifr = { .ifr_name = IFNAME, .ifr_flags = IFF_TAP | IFF_NO_PI };
	char why[128];

	*state = NULL;
	if (geteuid() || unshare(CLONE_NEWNET))
		return 0;
	scene.sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	scene.tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (scene.tap < 0 || ioctl(scene.tap, TUNSETIFF, &ifr))
		return 0;
	if (ifreq(&scene, SIOCSIFADDR, "10.200.1.1", 0) || ifreq(&scene, SIOCSIFNETMASK, "255.255.255.0", 0) ||
	    ifreq(&scene, SIOCSIFFLAGS, NULL, IFF_UP | IFF_RUNNING) || base_route(&scene, SIOCADDRT, "10.200.1.9"))
		return -1;
	if (adaptor_route.probe(NULL, 0, why, sizeof(why)) || adaptor_route.open(NULL, 0, &scene.state, why, sizeof(why)))
		return -1;
	*state = &scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	if (!s)
		return 0;
	adaptor_route.close(s->state);
	close(s->tap);
	close(s->sock);
	return 0;
}

static struct scene *scene_or_skip(void **state)
{
	if (*state)
		return *state;
	print_message("skipped: needs root, network namespaces and /dev/net/tun\n");
	skip();
	return NULL;
}

/* The /32 routes as "10.64.7.65>10.200.1.9 …", sorted by the kernel (by address), without the word's own. */
static void routes(char *out, size_t room)
{
	char line[256];
	FILE *f = fopen("/proc/thread-self/net/route", "r");
	size_t n = 0;

	assert_non_null(f);
	out[0] = '\0';
	while (fgets(line, sizeof(line), f)) {
		unsigned dst, gw, flags, ref, use, metric, mask;
		char dev[17], a[16], b[16];

		if (sscanf(line, "%16s %x %x %x %u %u %u %x", dev, &dst, &gw, &flags, &ref, &use, &metric, &mask) != 8 ||
		    mask != 0xffffffff)
			continue;
		assert_int_equal(metric & ROUTE_METRIC_MASK, ROUTE_METRIC);
		assert_string_equal(dev, IFNAME);
		inet_ntop(AF_INET, &dst, a, sizeof(a));
		inet_ntop(AF_INET, &gw, b, sizeof(b));
		n += (size_t)snprintf(out + n, room - n, "%s%s>%s", n ? " " : "", a, b);
	}
	fclose(f);
}

static void expect(const char *want)
{
	char got[1024];

	routes(got, sizeof(got));
	assert_string_equal(got, want);
}

static struct terms_endpoint endpoint(const char *element, const char *control, const char *addr, int local)
{
	struct terms_endpoint e = { .kind = ENDPOINT_SERVER, .control = ip(control), .private_addr = ip(addr),
				    .local = local, .up = 1, .weight = 1 };

	snprintf(e.element, sizeof(e.element), "%s", element);
	return e;
}

static int apply(struct scene *s, uint32_t icorp, struct terms_endpoint *e, unsigned n, struct adaptor_result *result)
{
	struct adaptor_terms terms = { .icorp = icorp, .leader = ip("10.200.1.11"), .name = "shop", .n_endpoints = n,
				       .endpoints = e };

	memset(result, 0, sizeof(*result));
	return adaptor_route.apply(s->state, &terms, result);
}

static struct adaptor_key key_of(uint32_t icorp)
{
	return (struct adaptor_key){ icorp, ip("10.200.1.11") };
}

static void life(void **state)
{
	struct scene *s = scene_or_skip(state);
	struct adaptor_result result;
	struct terms_endpoint e[] = {
		endpoint("ar1", "10.200.1.1", "10.64.7.1", 1),
		endpoint("ar2", "10.200.1.12", "10.64.7.2", 0),
		endpoint("srv1", "10.200.2.21", "10.64.7.65", 0),
		endpoint("srv2", "10.200.2.22", "10.64.7.66", 0),
	};

	assert_int_equal(apply(s, 7, e, 4, &result), 0);
	assert_int_equal(result.n_grants, 1);
	assert_int_equal(result.grants[0].enforcement, ENFORCEMENT_ENFORCED);
	expect("10.64.7.2>10.200.1.12 10.64.7.65>10.200.1.9 10.64.7.66>10.200.1.9");
	assert_int_equal(apply(s, 7, e, 4, &result), 0);
	expect("10.64.7.2>10.200.1.12 10.64.7.65>10.200.1.9 10.64.7.66>10.200.1.9");
	assert_int_equal(apply(s, 7, e, 3, &result), 0); /* srv2 leaves */
	expect("10.64.7.2>10.200.1.12 10.64.7.65>10.200.1.9");
	assert_int_equal(adaptor_route.revoke(s->state, key_of(7), NULL, 0), 0);
	expect("");
	assert_int_equal(adaptor_route.revoke(s->state, key_of(7), NULL, 0), 0);
	assert_int_equal(adaptor_route.revoke(s->state, key_of(99), NULL, 0), 0);
}

static void follows_the_base_route(void **state)
{
	struct scene *s = scene_or_skip(state);
	struct adaptor_result result;
	struct terms_endpoint e = endpoint("srv1", "10.200.2.21", "10.64.7.65", 0);

	assert_int_equal(apply(s, 7, &e, 1, &result), 0);
	expect("10.64.7.65>10.200.1.9");
	assert_int_equal(base_route(s, SIOCDELRT, "10.200.1.9"), 0);
	assert_int_equal(base_route(s, SIOCADDRT, "10.200.1.8"), 0);
	assert_int_equal(apply(s, 7, &e, 1, &result), 0);
	expect("10.64.7.65>10.200.1.8");
	assert_int_equal(base_route(s, SIOCDELRT, "10.200.1.8"), 0);
	assert_int_equal(apply(s, 7, &e, 1, &result), -ENETUNREACH); /* what was stays */
	assert_string_equal(result.reason, "no way to srv1: Network is unreachable");
	expect("10.64.7.65>10.200.1.8");
	assert_int_equal(base_route(s, SIOCADDRT, "10.200.1.9"), 0);
	assert_int_equal(adaptor_route.revoke(s->state, key_of(7), NULL, 0), 0);
	expect("");
}

static void failure_takes_back(void **state)
{
	struct scene *s = scene_or_skip(state);
	struct adaptor_result result;
	struct terms_endpoint e[] = {
		endpoint("srv1", "10.200.2.21", "10.64.7.65", 0),
		endpoint("srv2", "10.200.2.22", "10.64.7.66", 0),
		endpoint("srv3", "10.200.9.1", "10.64.7.67", 0),
	};

	assert_int_equal(apply(s, 7, e, 3, &result), -ENETUNREACH);
	expect("");
	assert_int_equal(apply(s, 7, e, 1, &result), 0);
	assert_int_equal(apply(s, 7, e, 3, &result), -ENETUNREACH);
	expect("10.64.7.65>10.200.1.9");
	adaptor_route.revoke(s->state, key_of(7), NULL, 0);
}

static void audit_after_a_crash(void **state)
{
	struct scene *s = scene_or_skip(state);
	struct adaptor_result result;
	struct terms_endpoint a = endpoint("srv1", "10.200.2.21", "10.64.7.65", 0);
	struct terms_endpoint b = endpoint("srv2", "10.200.2.22", "10.64.8.65", 0);
	struct adaptor_key keys[] = { key_of(7), key_of(8) };
	unsigned orphans, repaired;
	char why[128];

	assert_int_equal(apply(s, 7, &a, 1, &result), 0);
	assert_int_equal(apply(s, 8, &b, 1, &result), 0);
	adaptor_route.close(s->state); /* the process dies, its routes stay */
	assert_int_equal(adaptor_route.open(NULL, 0, &s->state, why, sizeof(why)), 0);
	expect("10.64.7.65>10.200.1.9 10.64.8.65>10.200.1.9");
	assert_int_equal(adaptor_route.audit(s->state, keys, 2, &orphans, &repaired), 0);
	assert_int_equal(orphans, 0); /* they are those of 7 and 8, which are yet to be applied */
	assert_int_equal(adaptor_route.audit(s->state, keys, 1, &orphans, &repaired), 0);
	assert_int_equal(orphans, 1); /* 8 is no longer wanted */
	assert_int_equal(repaired, 0);
	expect("10.64.7.65>10.200.1.9");
	assert_int_equal(apply(s, 7, &a, 1, &result), 0);
	assert_int_equal(adaptor_route.audit(s->state, NULL, 0, &orphans, &repaired), 0);
	assert_int_equal(orphans, 1);
	expect("");
}

static void audit_repairs(void **state)
{
	struct scene *s = scene_or_skip(state);
	struct adaptor_result result;
	struct terms_endpoint e = endpoint("ar2", "10.200.1.12", "10.64.7.2", 0);
	struct adaptor_key key = key_of(7);
	unsigned orphans, repaired;

	assert_int_equal(apply(s, 7, &e, 1, &result), 0);
	assert_int_equal(ifreq(s, SIOCSIFFLAGS, NULL, 0), 0); /* down: the kernel drops the routes */
	assert_int_equal(ifreq(s, SIOCSIFFLAGS, NULL, IFF_UP | IFF_RUNNING), 0);
	expect("");
	assert_int_equal(adaptor_route.audit(s->state, &key, 1, &orphans, &repaired), 0);
	assert_int_equal(repaired, 1);
	expect("10.64.7.2>10.200.1.12");
	assert_int_equal(base_route(s, SIOCADDRT, "10.200.1.9"), 0);
	adaptor_route.revoke(s->state, key, NULL, 0);
}

/* Two ICorps that want the same route have one each: it is there until the last of them goes. */
static void shared_route(void **state)
{
	struct scene *s = scene_or_skip(state);
	struct adaptor_result result;
	struct terms_endpoint e = endpoint("ar2", "10.200.1.12", "10.64.7.2", 0);

	assert_int_equal(apply(s, 7, &e, 1, &result), 0);
	assert_int_equal(apply(s, 8, &e, 1, &result), 0);
	assert_int_equal(adaptor_route.revoke(s->state, key_of(7), NULL, 0), 0);
	expect("10.64.7.2>10.200.1.12");
	assert_int_equal(adaptor_route.revoke(s->state, key_of(8), NULL, 0), 0);
	expect("");
}

/* Does the kernel know a way there? */
static int reachable(const char *addr)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr = ip(addr) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;

	assert_true(fd >= 0);
	rc = connect(fd, (struct sockaddr *)&to, sizeof(to));
	close(fd);
	return !rc;
}

static void reopen(struct scene *s, const char *table)
{
	struct adaptor_option option = { "table", table };
	char why[128];

	adaptor_route.close(s->state);
	assert_int_equal(adaptor_route.probe(&option, 1, why, sizeof(why)), 0);
	assert_int_equal(adaptor_route.open(&option, 1, &s->state, why, sizeof(why)), 0);
}

/* Another table in the configuration: what a former process put elsewhere works until its session is applied again. */
static void table_of_its_own(void **state)
{
	struct scene *s = scene_or_skip(state);
	struct adaptor_result result;
	struct terms_endpoint e = endpoint("srv1", "10.200.2.21", "10.64.7.65", 0);
	struct adaptor_key key = key_of(7);
	unsigned orphans, repaired;

	assert_int_equal(reachable("10.64.7.65"), 0);
	assert_int_equal(apply(s, 7, &e, 1, &result), 0);
	reopen(s, "7300");
	assert_int_equal(adaptor_route.audit(s->state, &key, 1, &orphans, &repaired), 0);
	assert_int_equal(orphans, 0);
	expect("10.64.7.65>10.200.1.9");
	assert_int_equal(apply(s, 7, &e, 1, &result), 0);
	assert_int_equal(adaptor_route.audit(s->state, &key, 1, &orphans, &repaired), 0);
	assert_int_equal(orphans, 1);                    /* the one in main */
	expect("");
	assert_int_equal(reachable("10.64.7.65"), 1);    /* by the rule */
	reopen(s, "main");
	assert_int_equal(reachable("10.64.7.65"), 1);
	assert_int_equal(apply(s, 7, &e, 1, &result), 0);
	assert_int_equal(adaptor_route.audit(s->state, &key, 1, &orphans, &repaired), 0);
	assert_int_equal(orphans, 2);                    /* the route in the other table, and the rule */
	expect("10.64.7.65>10.200.1.9");
	reopen(s, "200");
	assert_int_equal(adaptor_route.revoke(s->state, key, NULL, 0), 0); /* wherever it is */
	expect("");
	reopen(s, "main");
	assert_int_equal(adaptor_route.audit(s->state, NULL, 0, &orphans, &repaired), 0);
	assert_int_equal(orphans, 1);
}

static void refuses_tables(void **state)
{
	static const char *const wrong[] = { "", "0", "254", "255", "mine", "7300x", "-1", "99999999999" };
	char why[128];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct adaptor_option option = { "table", wrong[i] };

		assert_int_equal(adaptor_route.probe(&option, 1, why, sizeof(why)), -EINVAL);
		assert_non_null(strstr(why, "table="));
	}
	struct adaptor_option option = { "private", "10.64.0.1/10" };

	assert_int_equal(adaptor_route.probe(&option, 1, why, sizeof(why)), -EINVAL);
}

/* A probe says so, before anybody relies on it. */
static void without_privileges(void **state)
{
	char why[128] = "";
	int status;

	scene_or_skip(state);
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
			_exit(2);
		_exit(adaptor_route.probe(NULL, 0, why, sizeof(why)) == -EPERM && strstr(why, "CAP_NET_ADMIN") ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(adaptor_route.probe(NULL, 0, why, sizeof(why)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden),
		cmocka_unit_test(reads_what_it_writes),
		cmocka_unit_test(reads_the_rules_it_writes),
		cmocka_unit_test(life),
		cmocka_unit_test(follows_the_base_route),
		cmocka_unit_test(failure_takes_back),
		cmocka_unit_test(audit_after_a_crash),
		cmocka_unit_test(audit_repairs),
		cmocka_unit_test(shared_route),
		cmocka_unit_test(table_of_its_own),
		cmocka_unit_test(refuses_tables),
		cmocka_unit_test(without_privileges),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
