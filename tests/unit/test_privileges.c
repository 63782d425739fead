/* Giving up privileges, each time in a child: what /proc says of it afterwards. Some of it needs root. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/privileges.h"

#define NOBODY "nobody"

/* The line of /proc/self/status that begins so, without white space at its ends. */
static const char *status_of(const char *name, char line[256])
{
	FILE *in = fopen("/proc/self/status", "r");
	size_t len = strlen(name);
	char *found = NULL;

	while (in && !found && fgets(line, 256, in))
		if (!strncmp(line, name, len) && line[len] == ':')
			found = line + len + 1 + strspn(line + len + 1, " \t");
	if (in)
		fclose(in);
	if (!found)
		return "";
	found[strcspn(found, "\n")] = 0;
	while (*found && found[strlen(found) - 1] == ' ')
		found[strlen(found) - 1] = 0;
	return found;
}

static int is(const char *name, const char *want)
{
	char line[256];
	const char *now = status_of(name, line);

	if (!strcmp(now, want))
		return 1;
	fprintf(stderr, "%s is %s, not %s\n", name, now, want);
	return 0;
}

/* In a child: the number of what is not as it should be, or 0. */
static int dropped(const struct privileges *p, int ids, int bounding)
{
	static const char none[] = "0000000000000000";
	char why[256] = "", uid[64], gid[64];
	int status;
	pid_t pid = fork();

	if (pid) {
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		return WEXITSTATUS(status);
	}
	if (ids && setgroups(1, &(gid_t){ 1 }))
		_exit(1);
	if (privileges_drop(p, why, sizeof(why))) {
		fprintf(stderr, "%s\n", why);
		_exit(1);
	}
	snprintf(uid, sizeof(uid), "%u\t%u\t%u\t%u", p->uid, p->uid, p->uid, p->uid);
	snprintf(gid, sizeof(gid), "%u\t%u\t%u\t%u", p->gid, p->gid, p->gid, p->gid);
	if (!is("NoNewPrivs", "1") || !is("CapEff", none) || !is("CapPrm", none) || !is("CapInh", none) || !is("CapAmb", none))
		_exit(2);
	if (bounding && !is("CapBnd", none))
		_exit(3);
	if (ids && (!is("Uid", uid) || !is("Gid", gid) || !is("Groups", "")))
		_exit(4);
	if (ids && (!setuid(0) || !setgid(0) || !access("/proc/1/environ", R_OK)))
		_exit(5);
	_exit(0);
}

static void test_becomes_nobody(void **state)
{
	const struct passwd *pw = getpwnam(NOBODY);
	struct privileges p;
	char why[256];

	if (geteuid() || !pw)
		skip();
	uid_t uid = pw->pw_uid;

	assert_int_equal(privileges_find(&p, NOBODY, "no-such-user", why, sizeof(why)), 0);
	assert_string_equal(p.user, NOBODY);
	assert_string_equal(p.reason, "");
	assert_true(p.change);
	assert_int_equal(p.uid, uid);
	assert_int_equal(dropped(&p, 1, 1), 0);
	assert_int_equal(privileges_find(&p, "", NOBODY, why, sizeof(why)), 0); /* the usual one */
	assert_string_equal(p.user, NOBODY);
	assert_true(p.change);
}

static void test_stays_root(void **state)
{
	struct privileges p;
	char why[256];

	if (geteuid())
		skip();
	assert_int_equal(privileges_find(&p, "", "no-such-user", why, sizeof(why)), 0);
	assert_string_equal(p.user, "root");
	assert_string_equal(p.reason, "there is no user no-such-user");
	assert_false(p.change);
	assert_int_equal(dropped(&p, 0, 1), 0);
	assert_int_equal(privileges_find(&p, "root", NOBODY, why, sizeof(why)), 0);
	assert_string_equal(p.reason, "configured so");
	assert_false(p.change);
	assert_int_equal(privileges_find(&p, "no-such-user", NOBODY, why, sizeof(why)), -ENOENT);
	assert_string_equal(why, "user no-such-user: no such user");
}

/* Nobody else, and still without what exec could give. */
static void test_not_root(void **state)
{
	const struct passwd *pw = getpwuid(geteuid());
	char why[256], own[64];
	struct privileges p;

	if (!geteuid() || !pw)
		skip();
	snprintf(own, sizeof(own), "%s", pw->pw_name);
	assert_int_equal(privileges_find(&p, "", "no-such-user", why, sizeof(why)), 0);
	assert_string_equal(p.user, own);
	assert_false(p.change);
	assert_int_equal(dropped(&p, 0, 0), 0);
	assert_int_equal(privileges_find(&p, own, "no-such-user", why, sizeof(why)), 0);
	assert_int_equal(privileges_find(&p, "root", "no-such-user", why, sizeof(why)), -EPERM);
	assert_non_null(strstr(why, "only root becomes somebody else"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_becomes_nobody), cmocka_unit_test(test_stays_root), cmocka_unit_test(test_not_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
