/*
 * Who may send by an ISC's link. A client has all of its machine, and could give itself any address there. Nothing but what
 * comes from the ISC's own gets in: the host's route to it, which libvirt makes with the link, is the only one that leads there,
 * so a strict check of reverse paths (RFC 3704, 2.2) drops the rest. IPv6 is off: an ICorp has none.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "adaptors/vm.h"

/* The setting's value, or -errno. */
static int setting(const char *family, const char *ifname, const char *name, const char *value)
{
	char path[96], text[16] = "";
	int rc = 0;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, ifname, name);
	int fd = open(path, (value ? O_WRONLY : O_RDONLY) | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if ((value ? write(fd, value, 1) : read(fd, text, sizeof(text) - 1)) < 0)
		rc = -errno;
	close(fd);
	return rc ? rc : atoi(text);
}

/* Sets it to 1 unless it is. 0, 1 when it was not, or -errno. */
static int turn_on(const char *family, const char *ifname, const char *name)
{
	int now = setting(family, ifname, name, NULL);

	if (now < 0 || now == 1)
		return now < 0 ? now : 0;
	now = setting(family, ifname, name, "1");
	return now < 0 ? now : 1;
}

int vm_link_guard(struct adaptor_key key, int *changed, char *why, size_t room)
{
	char ifname[IFNAMSIZ];

	*changed = 0;
	vm_ifname(key, ifname);
	int strict = turn_on("ipv4", ifname, "rp_filter"), ipv6 = turn_on("ipv6", ifname, "disable_ipv6");

	if (strict == -ENOENT)           /* a test driver's, or on another machine */
		return 0;
	if (strict >= 0 && setting("ipv4", "all", "rp_filter", NULL) > 1) {
		snprintf(why, room, "net.ipv4.conf.all.rp_filter=2 lets an ISC send from any address: 0 or 1 is wanted");
		return -EPERM;
	}
	if (strict < 0) {
		snprintf(why, room, "net.ipv4.conf.%s.rp_filter cannot be set: without, an ISC could send from any address", ifname);
		return strict;
	}
	*changed = strict > 0 || ipv6 > 0;
	return 0;
}
