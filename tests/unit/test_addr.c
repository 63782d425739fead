/* Addresses: what is accepted, what is refused, and prefixes' arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "lib/addr.h"

static struct in_addr ip(const char *text)
{
	struct in_addr a = { 0 };

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static struct prefix net(const char *text)
{
	struct prefix p = { .len = 99 };

	assert_int_equal(prefix_parse(text, &p, 0), 0);
	return p;
}

static void test_addresses(void **state)
{
	static const char *const bad[] = { "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", " 1.2.3.4", "1.2.3.4 ", "1.2.3.4/8",
					   "0x1.2.3.4", "::1", "host" };
	struct in_addr a;
	char text[ADDR_TEXT];

	assert_string_equal(addr_text(ip("255.255.255.255"), text), "255.255.255.255");
	assert_int_equal(ntohl(ip("10.0.0.1").s_addr), 0x0a000001);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (addr_parse(bad[i], &a) != -EINVAL)
			fail_msg("\"%s\" was accepted", bad[i]);
	assert_int_equal(addr_parse(NULL, &a), -EINVAL);
}

static void test_prefixes(void **state)
{
	static const char *const bad[] = { "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8x",
					   "10.0.0.0/ 8", "10.0.0.0/08", "10.0.0.1/8", "10.0.0/8", "10.0.0.0/8/8",
					   "10.0.0.0/4294967304", "1000.1000.1000.1000.1000/8" };
	struct prefix p;
	char text[PREFIX_TEXT];

	assert_string_equal(prefix_text(net("10.0.0.0/8"), text), "10.0.0.0/8");
	assert_string_equal(prefix_text(net("192.168.100.100"), text), "192.168.100.100/32");
	assert_string_equal(prefix_text(net("0.0.0.0/0"), text), "0.0.0.0/0");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (prefix_parse(bad[i], &p, 0) != -EINVAL)
			fail_msg("\"%s\" was accepted", bad[i]);
	assert_int_equal(prefix_parse(NULL, &p, 0), -EINVAL);
	assert_int_equal(prefix_parse("10.0.0.1/8", &p, 1), 0);
	assert_string_equal(prefix_text(p, text), "10.0.0.1/8");
}

static void test_arithmetic(void **state)
{
	char text[ADDR_TEXT];

	assert_true(prefix_contains(net("10.0.0.0/8"), ip("10.255.0.1")));
	assert_false(prefix_contains(net("10.0.0.0/8"), ip("11.0.0.0")));
	assert_true(prefix_contains(net("0.0.0.0/0"), ip("255.255.255.255")));
	assert_false(prefix_contains(net("10.0.0.1"), ip("10.0.0.2")));
	assert_true(prefix_overlaps(net("10.0.0.0/8"), net("10.1.0.0/16")));
	assert_true(prefix_overlaps(net("10.1.0.0/16"), net("10.0.0.0/8")));
	assert_false(prefix_overlaps(net("10.0.0.0/16"), net("10.1.0.0/16")));
	assert_string_equal(addr_text(prefix_nth(net("10.0.0.0/8"), 256), text), "10.0.1.0");
	assert_string_equal(addr_text(prefix_nth(net("10.0.0.0/24"), 0), text), "10.0.0.0");
}

static void test_ethernet(void **state)
{
	static const char *const bad[] = { "", "00:11:22:33:44", "00:11:22:33:44:5", "00:11:22:33:44:55:66", "00-11-22-33-44-55",
					   "g0:11:22:33:44:55", " 0:11:22:33:44:55", "+0:11:22:33:44:55", "0x:11:22:33:44:55" };
	uint8_t mac[ETHER_SIZE] = { 9, 9, 9, 9, 9, 9 };
	char text[ETHER_TEXT];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (ether_parse(bad[i], mac) != -EINVAL)
			fail_msg("\"%s\" was accepted", bad[i]);
	assert_int_equal(mac[0], 9); /* untouched */
	assert_int_equal(ether_parse("00:1a:2B:ff:44:55", mac), 0);
	assert_string_equal(ether_text(mac, text), "00:1a:2b:ff:44:55");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses), cmocka_unit_test(test_prefixes), cmocka_unit_test(test_arithmetic),
		cmocka_unit_test(test_ethernet),
	};

	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
