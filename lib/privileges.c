/* See privileges.h. Plain system calls: it is a page, and needs no library. capabilities(7), credentials(7). */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/privileges.h"

static int stay(struct privileges *p, const char *name, const char *reason)
{
	snprintf(p->user, sizeof(p->user), "%s", name);
	snprintf(p->reason, sizeof(p->reason), "%s", reason);
	return 0;
}

static int find_unprivileged(struct privileges *p, const char *name, char *why, size_t room)
{
	/* cppcheck-suppress getpwuidCalled ; there is one thread */
	const struct passwd *own = getpwuid(geteuid());
	char number[32];

	snprintf(number, sizeof(number), "%u", (unsigned)geteuid());
	stay(p, own ? own->pw_name : number, "");
	if (!*name || !strcmp(name, p->user))
		return 0;
	snprintf(why, room, "user %s: only root becomes somebody else, and this is %s", name, p->user);
	return -EPERM;
}

int privileges_find(struct privileges *p, const char *name, const char *usual, char *why, size_t room)
{
	const struct passwd *pw;
	char reason[64];

	memset(p, 0, sizeof(*p));
	if (geteuid())
		return find_unprivileged(p, name, why, room);
	/* cppcheck-suppress getpwnamCalled ; there is one thread */
	pw = getpwnam(*name ? name : usual);
	if (!pw && *name) {
		snprintf(why, room, "user %s: no such user", name);
		return -ENOENT;
	}
	if (!pw) {
		snprintf(reason, sizeof(reason), "there is no user %s", usual);
		return stay(p, "root", reason);
	}
	if (!pw->pw_uid)
		return stay(p, pw->pw_name, "configured so");
	p->change = 1;
	p->uid = pw->pw_uid;
	p->gid = pw->pw_gid;
	return stay(p, pw->pw_name, "");
}

/* Without CAP_SETPCAP the bounding set stays: nothing can be got from it after no_new_privs. */
static int drop_bounding(void)
{
	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0))
			return errno == EPERM ? 0 : -1;
	return 0;
}

static int set_none(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	return (int)syscall(SYS_capset, &header, none);
}

/* What the kernel says of us now; a user other than root must not get back, either. */
static int is_dropped(const struct privileges *p)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct now[_LINUX_CAPABILITY_U32S_3];
	uid_t uid[3];
	gid_t gid[3];

	if (getresuid(&uid[0], &uid[1], &uid[2]) || getresgid(&gid[0], &gid[1], &gid[2]) ||
	    syscall(SYS_capget, &header, now))
		return 0;
	for (unsigned i = 0; p->change && i < 3; i++)
		if (uid[i] != p->uid || gid[i] != p->gid)
			return 0;
	for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		if (now[i].effective || now[i].permitted || now[i].inheritable)
			return 0;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && !(p->change && !setuid(0));
}

int privileges_drop(const struct privileges *p, char *why, size_t room)
{
	const char *what = NULL;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		what = "no_new_privs";
	else if (drop_bounding())
		what = "the capability bounding set";
	else if (p->change && (setgroups(0, NULL) || setresgid(p->gid, p->gid, p->gid)))
		what = "groups";
	else if (p->change && setresuid(p->uid, p->uid, p->uid))
		what = "user";
	else if (set_none())
		what = "capabilities";
	if (!what && is_dropped(p))
		return 0;
	int r = what ? -errno : -EPERM;

	snprintf(why, room, "to become %s: %s", p->user, what ? what : "privileges are left");
	return r;
}
