/*
 * The rows of icorp-adaptor's technologies. Each is made in a network namespace of the program's own (the same for all, so a
 * row's finish takes away what its prepare made); the current directory is the build's.
 */
#include "tests/conformance/conformance.h"

#include <string.h>

#define VETHS "ip link set lo up; for i in 0 1; do ip link add tst$i type veth peer name far$i && ip link set tst$i up && " \
	      "ip link set far$i up || exit 1; done;"
#define NO_VETHS "ip link del tst0; ip link del tst1;"

static void spoil_null(struct conform_terms *c)
{
	c->t.n_ports = ADAPTOR_MAX_PORTS + 1;
}

#define NULL_SEE "cd $DIR/record; for f in *.json; do [ ! -e \"$f\" ] || { echo \"$f\"; cat \"$f\"; echo; }; done"
#define NULL_7 "$DIR/record/7-10.200.1.11.json"

/* 200 Mbit/s of 100 on the second link. */
static void spoil_tc(struct conform_terms *c)
{
	c->t.ports[c->t.n_ports - 1].rate_bps = 200000000;
}

/* The map's elements with their class's level on each link, whatever the class's number; levels that nobody points at;
 * queues of those in use; the rules. What looks up prefixes is shared, and stays, as the classes of the pool do. */
#define TC_SEE(family) \
	"map() { nft list map " family " icorp_tc class24 2> /dev/null | grep -oE '[0-9.]+ timeout [^,}]*'; };" \
	"classes() { tc class show dev $1 | grep -v ' rate 8Kbit '; };" \
	"map | sed -E 's/^([^ ]+) timeout ([^ ]+) .*comment (.*) : ([^ ]+) *$/\\1 \\2 \\3 \\4/' | sort | while read -r line; do " \
	"echo \"${line% *}\"; for d in tst0 tst1; do " \
	"tc class show dev $d classid \"${line##* }\" | sed -E 's/htb [^ ]+//; s/leaf [^ ]+//' | sed \"s/^/$d /\";" \
	"tc qdisc show dev $d | grep \" parent ${line##* } \" | sed -E 's/(qdisc [a-z_]+) [^ ]+ parent [^ ]+/\\1/';" \
	"done; done;" \
	"for d in tst0 tst1; do classes $d | sed -E 's/htb 1c0b:[0-9a-f]{2,}//; s/leaf [^ ]+//' | sort; done;" \
	"unused() { if map | grep . > /dev/null; then cat; else sed '/map class24 {/,/}/d; /@class24/d'; fi; };" \
	"nft -s -t list table " family " icorp_tc | unused | grep -v '^$'; true"
#define TC_CLASS(family) "c=$(nft list map " family " icorp_tc class24 | grep -oE '10.64.7.0[^,}]*' | grep -oE '1c0b:[0-9a-f]+');"
#define TC_HARM(family) { \
	TC_CLASS(family) "tc class change dev tst0 parent 1c0b:1 classid $c htb rate 64kbit ceil 64kbit", \
	"nft delete element " family " icorp_tc class24 '{ 10.64.7.0 }'", \
	"nft delete table " family " icorp_tc", \
	"tc qdisc del dev tst0 root", \
	"nft flush table " family " icorp_tc", \
	TC_CLASS(family) "tc qdisc replace dev tst0 parent $c pfifo limit 1", \
	}
#define TC_JAM "tc qdisc replace dev tst0 root handle 5: pfifo"
#define TC_UNJAM "tc qdisc del dev tst0 root"
#define TC_FOREIGN "nft add table inet other; nft add map inet other class '{ type ipv4_addr : classid; flags interval; }';" \
	"nft add element inet other class '{ 10.64.7.0/24 : 1:1 }';" \
	"tc qdisc add dev far0 root handle 1c0b: htb; tc class add dev far0 parent 1c0b: classid 1c0b:10 htb rate 1mbit"
#define TC_FOREIGN_SEE "nft list table inet other; tc qdisc show dev far0 | grep -o 'htb 1c0b:'; tc class show dev far0"

#define NAT "ip icorp_nat"
#define NAT_SEE "nft -s -t list table " NAT " 2> /dev/null; for s in icorps inside; do " \
	"nft -s list set " NAT " $s 2> /dev/null | tr ',{}' '\n' | sed 's/^[[:space:]]*//; s/ *$//' | sort; done"
/* Of routes in the table and the rule that leads to one of ours; what a stranger has to say to have one of his own there. */
#define ROUTE_OF_7(table, text) "m=$(ip route show " table " 10.64.7.65 proto 73 | grep -oE 'metric [0-9]+');" \
	"ip route " text " " table " $m"
#define ROUTE(table, strange) \
	.type = "route", .needs_root = 1, .prepare = VETHS "ip addr add 10.200.1.11/24 dev tst0", \
	.finish = NO_VETHS "for p in 32072 32073; do while ip rule del pref $p 2> /dev/null; do :; done; done", .spoil = spoil_route, \
	.see = "ip -4 route show table all proto 73 | grep -E 'metric 12[0-9]{8} ' | grep -v / | sort; ip rule show pref 32073 | sed -n '/proto 73/p'", \
	.jam = "ip addr del 10.200.1.11/24 dev tst0", .unjam = "ip addr add 10.200.1.11/24 dev tst0", \
	.harm = { ROUTE_OF_7(table, "del 10.64.7.65"), \
		  ROUTE_OF_7(table, "replace 10.64.7.65/32 via 10.200.1.99 dev tst0 proto 73"), \
		  ROUTE_OF_7(table, "replace blackhole 10.64.7.65/32 proto 73"), \
		  ROUTE_OF_7(table, "replace 10.64.7.65/32 via 10.200.1.21 dev tst0 proto static"), \
		  "ip link set tst0 down; ip link set tst0 up", \
		  "ip rule del to 10.64.0.0/10 pref 32073 || ip route flush proto 73" }, \
	.foreign = "ip route add 10.99.1.1/32 via 10.200.1.50 proto 73; ip route add 10.99.2.0/24 via 10.200.1.50 proto 73 metric 73;" \
		   "ip route add 10.64.7.65/32 via 10.200.1.50 " strange "; ip route add 10.99.3.1/32 via 10.200.1.50 metric 1224736775;" \
		   "ip route add 10.99.4.1/32 via 10.200.1.50 proto 73 metric 73; ip rule add to 10.99.0.0/16 lookup 7300 pref 32072;" \
		   "ip rule add to 10.99.0.0/16 lookup 7301 pref 32073", \
	.foreign_see = "ip route show table all | grep -E '^10\\.99\\.|metric 10 '; ip rule show to 10.99.0.0/16"

/* The second way leads nowhere. */
static void spoil_route(struct conform_terms *c)
{
	c->endpoint[2].control = conform_addr("192.0.2.1");
}

static void spoil_bridge(struct conform_terms *c)
{
	strcpy(c->t.ports[1].ifname, "nosuchport");
}

#define BRIDGE_SEE "for d in tst0 tst1; do bridge vlan show dev $d | grep -v ' 300$'; for p in 7169 7170 7171; do " \
	"tc filter show dev $d ingress pref $p | sed -E 's/index [0-9]+ ref [0-9]+ bind [0-9]+//'; done; done;" \
	"ip -d link show br0 | grep -o 'vlan_filtering [01]'"

static void spoil_dscp(struct conform_terms *c)
{
	c->t.priority = 9;
}

/* Nobody knows these addresses. */
static void spoil_nat(struct conform_terms *c)
{
	c->t.prefix.addr = conform_addr("192.0.2.0");
}

static void spoil_proxy(struct conform_terms *c)
{
	c->endpoint[0].public_addr.s_addr = 0;
}

#define PROXY_CTL "./icorpctl -s $DIR/proxy.sock "
#define PROXY_START "./icorp-proxy -c $DIR/conf < /dev/null > $DIR/proxy.log 2>&1 & echo $! > $DIR/pid;" \
	"n=0; until " PROXY_CTL "version > /dev/null 2>&1; do n=$((n + 1)); [ $n -lt 200 ] || exit 1; sleep 0.05; done"
#define PROXY_STOP "read -r p < $DIR/pid; kill -9 $p; while kill -0 $p 2> /dev/null; do sleep 0.02; done;"

#define PROXY(mode_, harm3) \
	.type = "proxy", .options = { { "socket", "$DIR/proxy.sock" }, { "mode", mode_ } }, .needs_root = 1, \
	.prepare = "ip link set lo up; printf 'control = \"%s/proxy.sock\"\\nname = \"ar1\"\\naudit = 0s\\n' $DIR > $DIR/conf;" \
		   "[ -x ./icorp-proxy ] || exit 1;" PROXY_START, \
	.finish = "read -r p < $DIR/pid; kill $p; while kill -0 $p 2> /dev/null; do sleep 0.02; done; ip addr flush dev lo", \
	.see = PROXY_CTL "--json proxy/list | sed 's/{\"id\"/\\n&/g; s/[],}]*$//' | sed 's/[],}]*$//' | sort; ip -o -4 addr show dev lo | grep 10.202 | sort;" \
	       "nft -s list table ip icorp_proxy 2> /dev/null | sort; true", \
	.spoil = spoil_proxy, \
	.jam = PROXY_STOP, .unjam = PROXY_START, \
	.harm = { PROXY_CTL "proxy/unset 7 10.200.1.11", "ip addr del 10.202.1.7/32 dev lo", PROXY_STOP PROXY_START, harm3 }, \
	.foreign = "ip addr add 10.77.0.1/32 dev lo; nft add table inet other", \
	.foreign_see = "ip -o -4 addr show dev lo | grep 10.77; nft list table inet other"

/* An Open vSwitch of its own, in user space. */
#define OVS "export OVS_RUNDIR=$DIR/ovs OVS_DBDIR=$DIR/ovs OVS_LOGDIR=$DIR/ovs PATH=$PATH:/usr/sbin:/sbin;"
#define OVS_OF OVS "of() { c=$1; shift; ovs-ofctl -O OpenFlow14 --no-stats --no-names $c br0 \"$@\"; };"
#define OVS_SWITCH "ovs-vswitchd --detach --no-chdir --pidfile --log-file=$DIR/ovs/log -vconsole:off"
#define OVS_GONE(what) "read -r p < $DIR/ovs/" what ".pid; kill -9 $p; while kill -0 $p 2> /dev/null; do sleep 0.02; done;"

/* The map's elements, which rule and route of each circuit, and the rules. */
#define TRUNK_SEE "nft list map ip icorp_trunk_tst0 circuit 2> /dev/null | grep -oE '[0-9]+[0-9./]+ [^,}]*: 0x[0-9a-f]+' | sed -E 's/expires [^ ]+ //; s/ *$//' | sort;" \
	"ip rule show | grep 1c0b | sort; for t in $(ip rule show | grep -oE 'lookup 4[0-9]+' | cut -c8- | sort); do ip route show table $t; done;" \
	"nft -s -t list table ip icorp_trunk_tst0 2> /dev/null; true"

const struct subject conform_subjects[] = {
	{ .name = "null", .type = "null", .options = { { "record", "$DIR/record" } }, .port = "tst0", .spoil = spoil_null,
	  .see = NULL_SEE,
	  .jam = "mv $DIR/record $DIR/aside && : > $DIR/record", .unjam = "rm $DIR/record && mv $DIR/aside $DIR/record",
	  .harm = { "rm " NULL_7, "echo x > " NULL_7, ": > " NULL_7 },
	  .foreign = "echo a > $DIR/record/notes.txt; echo b > $DIR/record/x.json; echo c > \"$DIR/record/ 8-10.200.1.11.json\";"
		     "echo d > $DIR/record/08-10.200.1.11.json; echo e > $DIR/record/8-10.200.1.11.json.bak",
	  .foreign_see = "cd $DIR/record && cat notes.txt x.json ' 8-10.200.1.11.json' 08-10.200.1.11.json 8-10.200.1.11.json.bak" },
	{ .name = "tc", .type = "tc", .options = { { "link.tst0", "100M" } }, .port = "tst0", .needs_root = 1,
	  .prepare = VETHS, .finish = NO_VETHS, .spoil = spoil_tc, .see = TC_SEE("netdev"), .jam = TC_JAM, .unjam = TC_UNJAM, .harm = TC_HARM("netdev"),
	  .foreign = TC_FOREIGN, .foreign_see = TC_FOREIGN_SEE },
	{ .name = "tc-postrouting", .type = "tc",
	  .options = { { "link.tst0", "100M" }, { "link.tst1", "1G" }, { "hook", "postrouting" } }, .port = "tst1",
	  .second_port = "tst0", .needs_root = 1, .prepare = VETHS, .finish = NO_VETHS, .spoil = spoil_tc, .see = TC_SEE("inet"),
	  .jam = TC_JAM, .unjam = TC_UNJAM, .harm = TC_HARM("inet"), .foreign = TC_FOREIGN, .foreign_see = TC_FOREIGN_SEE },
	{ .name = "trunk", .type = "trunk", .port = "tst0", .needs_root = 1, .spoil = spoil_tc,
	  .options = { { "port", "tst0" }, { "circuit.tst0", "100M via 10.200.3.2" }, { "circuit.tst1", "150M" } },
	  .prepare = VETHS "ip addr add 10.200.3.1/30 dev tst0", .finish = NO_VETHS, .see = TRUNK_SEE,
	  .jam = "ip link set tst0 down; ip link set tst1 down", .unjam = "ip link set tst0 up; ip link set tst1 up",
	  .harm = { "nft delete element ip icorp_trunk_tst0 circuit '{ 10.64.7.0/24 }'", "nft delete table ip icorp_trunk_tst0",
		    "nft flush chain ip icorp_trunk_tst0 forwarded", "ip rule del pref 7179",
		    "for t in $(ip rule show pref 7179 | grep -oE 'lookup 4[0-9]+' | cut -c8-); do ip route replace blackhole default table $t; done",
		    "nft add element ip icorp_trunk_tst0 circuit '{ 10.64.99.0/24 : 5 }'" },
	  .foreign = "nft add table ip other; nft add table ip icorp_trunk_tst1; ip rule add fwmark 5 lookup 5 pref 7179; ip route add default dev tst1 table 5",
	  .foreign_see = "nft list table ip other; nft list table ip icorp_trunk_tst1; ip rule show | grep 'fwmark 0x5'; ip route show table 5" },
	{ .name = "route", ROUTE("table main", "metric 10"), .options = { { "table", "main" } } },
	{ .name = "route-table", ROUTE("table 7300", "metric 10 table 7300"), .options = { { "table", "7300" } } },
	{ .name = "dscp", .type = "dscp", .port = "tst0", .needs_root = 1, .spoil = spoil_dscp,
	  .see = "nft list table ip icorp_dscp 2> /dev/null; true",
	  .harm = { "nft delete element ip icorp_dscp prefixes '{ 10.64.7.0/24 }'", "nft delete table ip icorp_dscp",
		    "nft flush chain ip icorp_dscp cs5", "nft add rule ip icorp_dscp out drop",
		    "nft add element ip icorp_dscp prefixes '{ 10.64.99.0/24 : goto cs7 }'" },
	  .foreign = "nft add table ip other; nft add table inet icorp_dscp; nft add chain inet icorp_dscp cs0",
	  .foreign_see = "nft list table ip other; nft list table inet icorp_dscp",
	  .finish = "nft flush ruleset" },
	{ .name = "nat", .type = "nat", .options = { { "out", "tst0,tst1" }, { "private", "10.64.0.0/16" } }, .needs_root = 1,
	  .prepare = VETHS, .finish = NO_VETHS "nft flush ruleset", .spoil = spoil_nat, .see = NAT_SEE,
	  .harm = { "nft delete element " NAT " icorps '{ 10.64.7.0/24 }'", "nft delete element " NAT " inside '{ 10.64.7.0/24 . 10.64.7.0/24 }'",
		    "nft delete table " NAT, "nft flush chain " NAT " pass", "nft insert rule " NAT " pass accept",
		    "nft add element " NAT " icorps '{ 10.64.98.9-10.64.99.13 }'" },
	  .foreign = "nft add table ip other; nft add table inet icorp_nat; nft add set inet icorp_nat icorps '{ type ipv4_addr; }'",
	  .foreign_see = "nft list table ip other; nft list table inet icorp_nat" },
	{ .name = "proxy", PROXY("relay", NULL) },
	{ .name = "proxy-kernel", PROXY("kernel", "nft delete table ip icorp_proxy") },
	{ .name = "bridge", .type = "bridge", .options = { { "bridge", "br0" } }, .port = "tst0", .second_port = "tst1",
	  .needs_root = 1, .prepare = VETHS "ip link add br0 type bridge mcast_snooping 0 && ip link set br0 up &&"
				      "ip link set tst0 master br0 && ip link set tst1 master br0",
	  .finish = "ip link del br0;" NO_VETHS, .spoil = spoil_bridge, .see = BRIDGE_SEE,
	  .harm = { "bridge vlan del dev tst0 vid 107", "tc filter del dev tst0 ingress pref 7169", "tc qdisc del dev tst0 clsact",
		    "bridge vlan add dev tst0 vid 107", "ip link set br0 type bridge vlan_filtering 0" }, .many = 10, .points = 4,
	  .foreign = "bridge vlan add dev tst0 vid 300; tc filter add dev tst0 ingress pref 100 protocol ip flower dst_ip 10.64.7.9 action drop",
	  .foreign_see = "bridge vlan show dev tst0 | grep 300; tc filter show dev tst0 ingress pref 100" },
	{ .name = "ovs", .type = "ovs", .options = { { "rundir", "$DIR/ovs" } }, .port = "tst0", .second_port = "tst1",
	  .needs_root = 1, .points = 8, .spoil = spoil_bridge,
	  .prepare = OVS VETHS "mkdir $DIR/ovs && ovsdb-tool create $DIR/ovs/conf.db /usr/share/openvswitch/vswitch.ovsschema &&"
		     "ovsdb-server --detach --no-chdir --pidfile --log-file=$DIR/ovs/dblog -vconsole:off --remote=punix:$DIR/ovs/db.sock &&"
		     "ovs-vsctl --no-wait init &&" OVS_SWITCH " && ovs-vsctl --timeout=20 add-br br0 -- set Bridge br0 "
		     "datapath_type=netdev -- add-port br0 tst0 -- add-port br0 tst1",
	  .finish = OVS_GONE("ovs-vswitchd") OVS_GONE("ovsdb-server") "ip link del br0 2> /dev/null;" NO_VETHS,
	  .see = OVS_OF "of dump-flows | grep note:49.43.4d.31 | sort",
	  .harm = { OVS_OF "of del-flows in_port=1", OVS_OF "of mod-flows cookie=0x70ac8010b/-1,actions=drop", OVS_OF "of del-flows",
		    OVS_OF OVS_GONE("ovs-vswitchd") OVS_SWITCH "; until of dump-flows > /dev/null 2>&1; do sleep 0.05; done" },
	  .foreign = OVS_OF "for t in 0 200; do of add-flow table=$t,cookie=0x70ac8010b,priority=99,dl_type=0x88b5,actions=drop &&"
			    "of add-flow table=$t,cookie=9,priority=7170,dl_type=0x88b6,actions=note:49.43.4d.32 || exit 1; done",
	  .foreign_see = OVS_OF "of dump-flows | grep dl_type=0x88b6 | sort" },
};
const size_t conform_n_subjects = sizeof(conform_subjects) / sizeof(conform_subjects[0]);
