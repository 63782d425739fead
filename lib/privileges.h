/*
 * Giving up what a daemon needed only to start. Everything that takes a privilege (raw sockets, low ports, other users'
 * files) is opened first; then privileges_drop leaves a process without capabilities, that no exec can give any back.
 */
#ifndef ICORP_LIB_PRIVILEGES_H
#define ICORP_LIB_PRIVILEGES_H

#include <stddef.h>
#include <sys/types.h>

struct privileges {
	char user[64];           /* whom we run as once dropped */
	char reason[96];         /* why that is root, or "" */
	int change;              /* to uid and gid */
	uid_t uid;
	gid_t gid;
};

/*
 * Whom to become: `name`; when that is empty, `usual` if there is such a user, else we stay who we are. Only root becomes
 * somebody else. 0; or -ENOENT (no such user), -EPERM (another name, and we are not root) with what is wrong in why.
 */
int privileges_find(struct privileges *p, const char *name, const char *usual, char *why, size_t room);

/*
 * Becomes that user, without supplementary groups; whoever it is, gives up all capabilities, the bounding set, and
 * (no_new_privs) what programs have that it might execute. For processes of one thread. 0, or -errno with what failed in
 * why: the process must not go on then.
 */
int privileges_drop(const struct privileges *p, char *why, size_t room);

#endif
