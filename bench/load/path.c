/* See path.h. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/load/namespace.h"
#include "bench/load/path.h"

#define OVS_DIR NAMESPACES_DIR "/ovs"

static const unsigned subnet[PATH_ICORPS + 1] = { 10u << 24 | 64u << 16 | 15u << 8, 10u << 24 | 64u << 16 | 30u << 8,
						  10u << 24 | 200u << 16 | 1u << 8 };

struct in_addr path_address(unsigned k, unsigned last)
{
	return (struct in_addr){ htonl(subnet[k] | last) };
}

static int sh(const char *namespace, const char *text)
{
	const char *const argv[] = { "sh", "-e", NULL };

	return namespace_command(namespace, text, argv);
}

/* Is it a program of a directory of PATH? */
static int installed(const char *program)
{
	char file[4096];

	for (const char *path = getenv("PATH"); path && *path;) {
		size_t len = strcspn(path, ":");

		snprintf(file, sizeof(file), "%.*s/%s", (int)len, path, program);
		if (!access(file, X_OK))
			return 1;
		path += len + (path[len] == ':');
	}
	return 0;
}

int path_possible(enum path_kind kind, char *why, size_t room)
{
	static const char *const needed[] = { "ovs-vswitchd", "ovsdb-server", "ovsdb-tool", "ovs-vsctl" };

	for (size_t i = 0; kind == PATH_OVS && i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (installed(needed[i]))
			continue;
		snprintf(why, room, "Open vSwitch is not installed: no %s", needed[i]);
		return -1;
	}
	if (kind == PATH_OVS && geteuid()) {
		snprintf(why, room, "Open vSwitch needs root");
		return -1;
	}
	return 0;
}

/* ---- wires ---- */

/* A host's addresses, and no IPv6 chatter among what is counted. */
static int host(const char *name, unsigned last)
{
	return namespace_ip(name, "link set lo up\naddr add 10.64.15.%u/24 dev eth0\naddr add 10.64.30.%u/24 dev eth0\n"
			    "addr add 10.200.1.%u/24 dev eth0\nlink set dev eth0 addrgenmode none\nlink set eth0 up\n",
			    last, last, last);
}

static int hosts(enum path_kind kind)
{
	if (namespace_ip(NULL, "netns add sender\nnetns add receiver\n"))
		return -1;
	if (kind == PATH_DIRECT)
		return namespace_ip("sender", "link add eth0 type veth peer name eth0 netns receiver\n") ||
		       host("sender", 1) || host("receiver", 2) ? -1 : 0;
	return namespace_ip(NULL, "netns add remote\nnetns add switch\n") ||
	       namespace_ip("switch", "link add p0 type veth peer name eth0 netns sender\n"
			    "link add p1 type veth peer name eth0 netns receiver\n"
			    "link add p2 type veth peer name eth0 netns remote\n"
			    "link set lo up\nlink set p0 up\nlink set p1 up\nlink set p2 up\n") ||
	       host("sender", 1) || host("receiver", 2) || host("remote", 3) ? -1 : 0;
}

static int bridge(void)
{
	return namespace_ip("switch", "link add br0 type bridge mcast_snooping 0\nlink set p0 master br0\n"
			    "link set p1 master br0\nlink set p2 master br0\nlink set br0 up\n");
}

/* Checksums are not left to hardware that is not there: this datapath would pass them on unfinished. */
static int ovs(void)
{
	return sh(NULL, "for h in sender receiver remote; do\n"
		  "ip netns exec $h ethtool -K eth0 tx off > /dev/null 2>&1 || true; done\n") ||
	       sh("switch", "export OVS_RUNDIR=" OVS_DIR " OVS_DBDIR=" OVS_DIR " OVS_LOGDIR=" OVS_DIR "\n"
		  "mkdir -p " OVS_DIR "\ncd " OVS_DIR "\nrm -f conf.db\n"
		  "ovsdb-tool create conf.db /usr/share/openvswitch/vswitch.ovsschema\n"
		  "ovsdb-server --detach --no-chdir --pidfile=ovsdb-server.pid -vconsole:off --remote=punix:db.sock"
		  " --unixctl=db.ctl conf.db\n"
		  "ovs-vsctl --no-wait --db=unix:db.sock init\n"
		  "ovs-vswitchd --detach --no-chdir --pidfile=ovs-vswitchd.pid -vconsole:off unix:db.sock\n"
		  "timeout 20 ovs-vsctl --db=unix:db.sock add-br br0 -- set Bridge br0 datapath_type=netdev"
		  " -- add-port br0 p0 -- set Interface p0 ofport_request=1"
		  " -- add-port br0 p1 -- set Interface p1 ofport_request=2"
		  " -- add-port br0 p2 -- set Interface p2 ofport_request=3\n") ? -1 : 0;
}

static void ovs_stop(void)
{
	sh(NULL, "cd " OVS_DIR " && for p in ovs-vswitchd ovsdb-server; do\n"
	   "pid=$(cat $p.pid) && kill $pid && while kill -0 $pid 2> /dev/null; do sleep 0.05; done; done\n");
}

/* ---- enforcement ---- */

static int enforce(struct path *path, const char *directory, const char *namespace, const char *type, const char *key,
		   const char *value)
{
	const struct adaptor_option options[] = { { key, value }, { "rundir", OVS_DIR } };

	return bench_adaptor_open(&path->adaptor[path->n++], directory, namespace, type, options,
				  strcmp(type, "ovs") ? 1 : 2);
}

int path_open(struct path *path, enum path_kind kind, const char *directory, const char *rate)
{
	memset(path, 0, sizeof(*path));
	path->kind = kind;
	if (hosts(kind) || (kind == PATH_BRIDGE && bridge()) || (kind == PATH_OVS && ovs()) ||
	    enforce(path, directory, "sender", "tc", "link.eth0", rate))
		return -1;
	if (kind != PATH_DIRECT && enforce(path, directory, "switch", "tc", "link.p1", rate))
		return -1;
	return kind == PATH_OVS ? enforce(path, directory, "switch", "ovs", "bridge", "br0") : 0;
}

int path_reserve(struct path *path, unsigned k, uint64_t rate_bps)
{
	static const char *const ports[] = { "p0", "p1" };
	struct prefix prefix = { .addr = path_address(k, 0), .len = 24 };

	for (unsigned i = 0; i < path->n; i++) {
		struct adaptor_terms t = bench_adaptor_terms(k + 1, prefix, i ? "p1" : "eth0", rate_bps);

		t.vlan = (uint16_t)(i ? 100 + k : 0);
		for (unsigned p = 0; i == 2 && p < 2; p++) {
			t.ports[p] = t.ports[0];
			snprintf(t.ports[p].ifname, sizeof(t.ports[p].ifname), "%s", ports[p]);
			t.n_ports = p + 1;
		}
		if (bench_adaptor_apply(&path->adaptor[i], &t) || bench_adaptor_wait(&path->adaptor[i]))
			return -1;
	}
	return 0;
}

/* A namespace goes when the kernel finds the time, and takes its links along only then: they go first. */
void path_close(struct path *path)
{
	for (unsigned i = 0; i < path->n; i++)
		bench_adaptor_close(&path->adaptor[i]);
	if (path->kind == PATH_OVS)
		ovs_stop();
	if (path->kind == PATH_DIRECT)
		namespace_ip("sender", "link del dev eth0\n");
	else
		namespace_ip("switch", "link del dev p0\nlink del dev p1\nlink del dev p2\n");
	if (path->kind != PATH_DIRECT)
		namespace_ip(NULL, "netns del remote\nnetns del switch\n");
	namespace_ip(NULL, "netns del sender\nnetns del receiver\n");
	memset(path, 0, sizeof(*path));
}
