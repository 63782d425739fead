/*
 * Where the transport sends, in a network namespace of its own:
 *
 *     10.200.1.21/24 eth0 ==veth== eth0p      default route over 10.200.1.9
 *     169.254.1.1 isc0 ==veth== isc0p         peer 10.64.0.66, the ISC; comes later
 *
 * Skipped without root.
 */
#include <arpa/inet.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "signald/transport.h"
#include "tests/unit/netns.h"

static uint8_t message[8] = { 0x10, 1, 0, 0, 63, 0, 0, 8 };

static void receive(void *ctx, const struct transport_received *received)
{
}

static int send_to(struct transport *t, const char *to, int isc)
{
	struct transport_datagram one = { .to = { inet_addr(to) }, .isc = isc, .data = message, .len = sizeof(message) };

	transport_send(t, &one, 1);
	return one.error;
}

/* What is for an ISC leaves by its interface or not at all. */
static void isc_only_over_its_interface(void **state)
{
	struct transport_options options = { .address = { inet_addr("10.200.1.21") } };
	struct transport_hooks hooks = { receive, NULL };
	struct event_base *base;
	struct transport *t;
	char why[128];

	if (netns_enter())
		skip();
	assert_int_equal(netns_veth("eth0", "eth0p"), 0);
	assert_int_equal(netns_addr("eth0", inet_addr("10.200.1.21"), inet_addr("10.200.1.21"), 24), 0);
	assert_int_equal(netns_default(inet_addr("10.200.1.9")), 0);
	base = event_base_new();
	assert_int_equal(transport_new(base, &options, &hooks, &t, why, sizeof(why)), 0);
	assert_int_equal(send_to(t, "10.64.0.66", 0), 0);
	assert_int_equal(send_to(t, "10.64.0.66", 1), -ENETUNREACH);
	assert_int_equal(netns_veth("isc0", "isc0p"), 0);
	assert_int_equal(netns_addr("isc0", inet_addr("169.254.1.1"), inet_addr("10.64.0.66"), 32), 0);
	assert_int_equal(send_to(t, "10.64.0.66", 1), 0);
	assert_int_equal(netns_delete("isc0"), 0);
	assert_int_equal(send_to(t, "10.64.0.66", 1), -ENETUNREACH);
	transport_free(t);
	event_base_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(isc_only_over_its_interface) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
