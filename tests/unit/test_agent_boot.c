/*
 * boot.json and agent.conf: golden cases from tests/golden/boot (NAME.json or NAME.conf with NAME.expected beside it:
 * "ok", or the message; "-invalid" in the name: must be refused), and what a good boot file means.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/boot.h"
#include "agent/daemon.h"
#include "agent/settings.h"
#include "lib/addr.h"
#include "lib/clock.h"

#define DIRECTORY SRCDIR "/tests/golden/boot"

static void read_expected(const char *name, char *out, size_t room)
{
	char path[600];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), DIRECTORY "/%.*s.expected", (int)(strrchr(name, '.') - name), name);
	f = fopen(path, "r");
	if (!f)
		fail_msg("%s is missing", path);
	n = fread(out, 1, room - 1, f);
	fclose(f);
	while (n && out[n - 1] == '\n')
		n--;
	out[n] = '\0';
}

static void one_case(const char *name, int is_conf)
{
	char path[600], expected[600], got[600] = "ok";
	struct policy_config policy = policy_default;
	struct config_error config_error = { "" };
	struct boot_error boot_error = { "" };
	struct boot boot = { 0 };
	int r;

	snprintf(path, sizeof(path), DIRECTORY "/%s", name);
	read_expected(name, expected, sizeof(expected));
	r = is_conf ? settings_load(path, &policy, &config_error) : boot_load(path, &boot, &boot_error);
	if (r && is_conf) /* the message begins with the path, which is the builder's own */
		snprintf(got, sizeof(got), "%s", strrchr(config_error.text, '/') ? strrchr(config_error.text, '/') + 1 :
			 config_error.text);
	else if (r)
		snprintf(got, sizeof(got), "%s", boot_error.text);
	if (strcmp(got, expected) || !r == !!strstr(name, "-invalid"))
		fail_msg("%s: '%s', expected '%s'", name, got, expected);
	boot_clear(&boot);
}

static void golden(void **state)
{
	DIR *dir = opendir(DIRECTORY);
	struct dirent *e;
	unsigned n = 0;

	assert_non_null(dir);
	while ((e = readdir(dir))) {
		const char *end = strrchr(e->d_name, '.');

		if (!end || (strcmp(end, ".json") && strcmp(end, ".conf")))
			continue;
		one_case(e->d_name, !strcmp(end, ".conf"));
		n++;
	}
	closedir(dir);
	assert_true(n >= 10);
}

static void what_it_means(void **state)
{
	struct boot boot = { 0 };
	struct boot_error error;
	char text[ADDR_TEXT];

	assert_int_equal(boot_load(DIRECTORY "/full.json", &boot, &error), 0);
	assert_int_equal(boot.icorp, 7);
	assert_string_equal(addr_text(boot.leader, text), "10.200.1.11");
	assert_string_equal(addr_text(boot.endpoint, text), "10.200.2.21");
	assert_string_equal(boot.name, "shop");
	assert_int_equal(boot.port, 3455);
	assert_int_equal(boot.listen, 3456);
	assert_int_equal(boot.key_len, 32);
	assert_int_equal(boot.key[1], 0x11);
	assert_int_equal(boot.n_services, 2);
	assert_true(boot.service[0].tcp);
	assert_false(boot.service[1].tcp);
	assert_int_equal(boot.n_apps, 2);
	assert_string_equal(boot.app[0].name, "httpd");
	assert_string_equal(boot.app[0].url, "");
	assert_int_equal(boot.app[1].n_args, 2);
	assert_string_equal(boot.app[1].arg[1], "two words");
	assert_int_equal(boot.app[1].sha256[31], 0xab);
	assert_int_equal(boot.limit[ICORP_CPU], 4096);
	assert_int_equal(boot.policy.high_permille, 700);
	assert_int_equal(boot.policy.high_us, 2 * CLOCK_S);
	assert_int_equal(boot.policy.low_permille, 200);
	boot_clear(&boot);
}

static void too_large(void **state)
{
	char *text = calloc(1, BOOT_MAX_SIZE + 2);
	struct boot boot = { 0 };
	struct boot_error error;

	memset(text, ' ', BOOT_MAX_SIZE + 1);
	assert_int_equal(boot_parse(text, BOOT_MAX_SIZE + 1, &boot, &error), -E2BIG);
	free(text);
}

/* Whatever a byte becomes, it parses or is refused; nothing else (the sanitizers watch). */
static void damaged(void **state)
{
	char text[BOOT_MAX_SIZE];
	struct boot_error error;
	size_t len;
	FILE *f = fopen(DIRECTORY "/full.json", "r");

	assert_non_null(f);
	len = fread(text, 1, sizeof(text), f);
	fclose(f);
	for (size_t cut = 0; cut < len; cut++) {
		struct boot boot = { 0 };

		if (!boot_parse(text, cut, &boot, &error))
			boot_clear(&boot);
	}
	for (size_t at = 0; at < len; at++) {
		static const char bytes[] = { 0, '"', '-', '9', '{', '[', '\xff' };

		for (size_t k = 0; k < sizeof(bytes); k++) {
			struct boot boot = { 0 };
			char was = text[at];

			text[at] = bytes[k];
			if (!boot_parse(text, len, &boot, &error))
				boot_clear(&boot);
			text[at] = was;
		}
	}
}

static void a_missing_conf_is_fine_unless_asked_for(void **state)
{
	struct agentd_options o = { .boot = DIRECTORY "/full.json", .config = "/nonexistent/agent.conf" };
	struct boot boot = { 0 };
	char why[700];

	assert_int_equal(agentd_load(&o, &boot, why, sizeof(why)), 0);
	assert_int_equal(boot.policy.high_permille, 700);
	boot_clear(&boot);
	o.config_required = 1;
	assert_int_equal(agentd_load(&o, &boot, why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, "/nonexistent/agent.conf"));
	o.config = DIRECTORY "/good.conf";
	assert_int_equal(agentd_load(&o, &boot, why, sizeof(why)), 0);
	assert_int_equal(boot.policy.high_permille, 900); /* agent.conf wins */
	assert_int_equal(boot.policy.high_us, 1500000);
	boot_clear(&boot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden), cmocka_unit_test(what_it_means), cmocka_unit_test(too_large),
		cmocka_unit_test(damaged), cmocka_unit_test(a_missing_conf_is_fine_unless_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
