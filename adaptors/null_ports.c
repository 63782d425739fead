/*
 * A bridge's ports and forwarding database out of sysfs: enough for the layer-2 map where a switch is played by an
 * ordinary bridge and the null technology (scripts/demo --null). Nothing is changed, no privileges are needed.
 *
 * /sys/class/net/BRIDGE/brif/PORT/port_no numbers the ports; /sys/class/net/PORT/address is a port's MAC;
 * /sys/class/net/BRIDGE/brforward is an array of struct __fdb_entry (linux/if_bridge.h), our own MACs marked is_local.
 */
#include "config.h"

#include "adaptors/null_ports.h"

#include <dirent.h>
#include <errno.h>
#include <linux/if_bridge.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adaptors/adaptor.h"
#include "lib/writer.h"

#define PATH_ROOM 128

struct port { char ifname[IF_NAMESIZE]; unsigned number; };

/* The first word of a file of sysfs. 0 or -errno. */
static int read_word(const char *path, char *out, size_t room)
{
	FILE *f = fopen(path, "r");
	int rc;

	if (!f)
		return -errno;
	rc = fgets(out, (int)room, f) ? 0 : -EIO;
	fclose(f);
	if (!rc)
		out[strcspn(out, "\n")] = '\0';
	return rc;
}

/* Fills port[] with the bridge's ports; their number. */
static unsigned find_ports(const char *bridge, struct port port[ADAPTOR_MAX_PORTS])
{
	char path[PATH_ROOM], word[32];
	unsigned n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/class/net/%.15s/brif", bridge);
	dir = opendir(path);
	for (struct dirent *d; dir && n < ADAPTOR_MAX_PORTS && (d = readdir(dir));) {
		if (d->d_name[0] == '.' || strlen(d->d_name) >= IF_NAMESIZE)
			continue;
		snprintf(path, sizeof(path), "/sys/class/net/%.15s/brif/%.15s/port_no", bridge, d->d_name);
		if (read_word(path, word, sizeof(word)))
			continue;
		strcpy(port[n].ifname, d->d_name);
		port[n++].number = (unsigned)strtoul(word, NULL, 0);
	}
	if (dir)
		closedir(dir);
	return n;
}

static void write_ports(struct writer *w, const struct port *port, unsigned n)
{
	char path[PATH_ROOM], mac[32];

	writer_array(w, "ports");
	for (unsigned i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "/sys/class/net/%.15s/address", port[i].ifname);
		if (read_word(path, mac, sizeof(mac)))
			continue;
		writer_object(w, NULL);
		writer_str(w, "name", port[i].ifname);
		writer_str(w, "mac", mac);
		writer_end(w);
	}
	writer_end(w);
}

static void write_learnt(struct writer *w, const struct __fdb_entry *e, const struct port *port, unsigned n)
{
	unsigned number = e->port_no | (unsigned)e->port_hi << 8;
	char mac[18];

	for (unsigned i = 0; i < n; i++) {
		if (port[i].number != number)
			continue;
		snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", e->mac_addr[0], e->mac_addr[1],
			 e->mac_addr[2], e->mac_addr[3], e->mac_addr[4], e->mac_addr[5]);
		writer_object(w, NULL);
		writer_str(w, "mac", mac);
		writer_str(w, "port", port[i].ifname);
		writer_end(w);
	}
}

int null_ports_write(const char *bridge, struct writer *w)
{
	struct port port[ADAPTOR_MAX_PORTS];
	unsigned n = find_ports(bridge, port);
	struct __fdb_entry entry;
	char path[PATH_ROOM];
	FILE *f;

	write_ports(w, port, n);
	snprintf(path, sizeof(path), "/sys/class/net/%.15s/brforward", bridge);
	f = fopen(path, "r");
	writer_array(w, "fdb");
	while (f && fread(&entry, sizeof(entry), 1, f) == 1)
		if (!entry.is_local)
			write_learnt(w, &entry, port, n);
	writer_end(w);
	if (f)
		fclose(f);
	return 0;
}
