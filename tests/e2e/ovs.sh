#!/bin/bash
# The ovs adaptor on a real Open vSwitch of its own (user space datapath, so no kernel module is needed), hosts that are
# namespaces and know nothing of tags. The network and most checks are those of switch_checks.sh.
#
# usage: tests/e2e/ovs.sh [BUILDDIR]; as root. 0: passed, 77: skipped, else failed. A line per check.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "${1:-${BUILDDIR:-$top}}" && pwd)
drive=$build/tests/e2e/adaptor_drive_net
export PATH=$PATH:/usr/sbin:/sbin
# shellcheck source=switch_checks.sh
. "$top/tests/e2e/switch_checks.sh"

[ "$(id -u)" = 0 ] || skip "needs root"
for p in ip nsenter unshare ping tcpdump python3 timeout ovsdb-tool ovsdb-server ovs-vswitchd ovs-vsctl ovs-ofctl; do
	command -v $p > /dev/null || skip "needs $p"
done
[ -x "$drive" ] || skip "needs $drive: make check TESTS="

# ---- the network ----------------------------------------------------------------------------------------------
begin sw ether a b c
for h in a:0:eth0 b:1:eth0 c:2:eth0 ether:3:tap3; do
	IFS=: read -r n i name <<< "$h"
	on sw ip link add eth$i address 02:1c:00:00:01:0$i type veth peer name "$name" netns "${anchor[$n]}" || skip "cannot wire the hosts"
	on sw ip link set eth$i up
	on "$n" sh -c 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6'
done
on sw sh -c 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6'
on ether ip link set tap3 up
wire_host a 1; wire_host b 2; wire_host c 3

export OVS_RUNDIR=$D/ovs OVS_DBDIR=$D/ovs OVS_LOGDIR=$D/ovs
mkdir "$D/ovs"
ovsdb-tool create "$D/ovs/conf.db" /usr/share/openvswitch/vswitch.ovsschema || skip "no database schema"
started() { # PROGRAM ARGUMENT…; in the switch's namespace
	local program=$1; shift
	nsenter -t "${anchor[sw]}" -n -- setsid "$program" --pidfile="$D/ovs/$program.pid" -vconsole:off "$@" < /dev/null > "$D/$program.log" 2>&1 9>&- &
}
start_db() { started ovsdb-server --remote=punix:"$D/ovs/db.sock" --unixctl="$D/ovs/db.ctl" "$D/ovs/conf.db"; }
start_switch() { started ovs-vswitchd "unix:$D/ovs/db.sock"; }
# stopped PROGRAM: and its process is gone
stopped() { local p; p=$(< "$D/ovs/$1.pid"); kill "$p"; until_true 10 eval "! kill -0 $p"; }
start_db
until_true 5 ovs-vsctl --no-wait init || skip "ovsdb-server does not start: $(tail -n 3 "$D/ovsdb-server.log")"
start_switch
ports=()
for i in 0 1 2 3; do ports+=(-- add-port br0 eth$i -- set Interface eth$i ofport_request=$((i + 1))); done
timeout 20 ovs-vsctl add-br br0 -- set Bridge br0 datapath_type=netdev "${ports[@]}" ||
	skip "ovs-vswitchd does not start: $(tail -n 3 "$D/ovs-vswitchd.log")"
on sw sh -c 'ip link set br0 up; ip addr add 10.200.1.9/24 dev br0'
address_hosts

# ---- what the checks use --------------------------------------------------------------------------------------
drive() { printf '%s\n' "$@" | timeout 60 "$drive" ovs bridge=br0 rundir="$D/ovs" 2>&1; } # LINE…
drive_around() { around damage "$@"; } # TERMS LINE
around() { # COMMAND TERMS LINE
	rm -f "$D/in" "$D/around"
	mkfifo "$D/in"
	"$drive" ovs rundir="$D/ovs" < "$D/in" > "$D/around" 2>&1 &
	local pid=$!
	exec 9> "$D/in"
	echo "apply $2" >&9
	until_true 10 grep -q '^apply: ok' "$D/around"
	"$1" > /dev/null 2>&1
	echo "$3" >&9
	exec 9>&-
	wait $pid
	cat "$D/around"
}
of() { timeout 20 ovs-ofctl -O OpenFlow14 "$@" 2>&1; }
# without what hosts were learnt behind which port, and without the bridge's own flow
state() { of --no-stats --no-names dump-flows br0 | grep -vE 'table=200, (idle_timeout=300, )?priority=7171,' | sort; }
snapshot() {
	local t
	state
	for t in Bridge Port QoS Queue; do ovs-vsctl list $t | grep -vE 'statistics|status'; done
}
damage() { of del-flows br0 "table=0,in_port=2" > /dev/null; }
mac() { on "$1" ip -o link show eth0 | sed "s/.*ether \([0-9a-f:]*\).*/\1/"; }
flows() { state | grep -cE "$1"; }
# flows of someone else, in both tables
foreign() { for t in 0 200; do of add-flow br0 "table=$t,priority=9,cookie=0x1234,dl_type=0x88b5,actions=drop"; done; }
own_opened() {
	foreign
	before=$(snapshot)
}
own_applied() {
	local all; all=$(state)
	check "untagged IPv4 of a's port gets VLAN and priority" has "$all" "priority=7170,ip,in_port=1,vlan_tci=0x0000/0x1fff,nw_dst=10.64.7.0/24 actions=note:.*push_vlan:0x8100,set_field:4203->vlan_vid,set_field:5->vlan_pcp,learn.*goto_table:200"
	check "so does its ARP" has "$all" "priority=7170,arp,in_port=1,vlan_tci=0x0000/0x1fff,arp_tpa=10.64.7.0/24 actions=note:"
	check "the trunk's tagged frames get the priority" has "$all" "priority=7170,in_port=4,dl_vlan=108 actions=note:.*set_field:1->vlan_pcp,learn"
	check "others' are dropped" has "$all" "priority=7169,ip,vlan_tci=0x0000/0x0fff,nw_dst=10.64.7.0/24 actions=note:[0-9a-f.]*\$"
	check "flows are marked by ICorp and leader" has "$all" "cookie=0x70ac8010b,"
	check "hosts get no tag, the trunk does" has "$all" "table=200, priority=7169,dl_vlan=107 actions=note:[0-9a-f.]*,output:4,pop_vlan,output:1,output:2\$"
}
own_in_use() {
	local mac_a mac_b
	mac_a=$(mac a); mac_b=$(mac b)
	check "a is learnt where it is, without its tag" has "$(of --no-names dump-flows br0 table=200)" "priority=7171,vlan_tci=0x006b/0x0fff,dl_dst=$mac_a actions=load:0->NXM_OF_VLAN_TCI\[\],output:1"
	watch "" "ether src $mac_b" pings b 10.64.7.1 > /dev/null
	check "what is for a learnt address goes nowhere else" hasnt "$(grep -v ARP "$D/dump")" "10.64.7.1"
	# a tag that names no VLAN: the kernel of a takes such a frame for untagged
	cat > "$D/zero.py" <<- 'END'
		import socket, struct
		s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("eth0", 0))
		mac = s.getsockname()[4]; ip = socket.inet_aton
		arp = struct.pack("!HHBBH", 1, 0x800, 6, 4, 1) + mac + ip("10.64.8.3") + bytes(6) + ip("10.64.7.1")
		s.send(b"\xff" * 6 + mac + struct.pack("!HHH", 0x8100, 0xa000, 0x806) + arp + bytes(18))
	END
	on c python3 "$D/zero.py"
	check "nor does VLAN 0 lead into an ICorp" until_true 5 dropped
}
dropped() { of dump-flows br0 "table=0,arp,arp_tpa=10.64.7.0/24" | grep "priority=7169" | grep -qE "n_packets=[1-9]"; }
own_changed() { check "a port leaves, by difference" test "$(flows 'cookie=0x70ac8010b,.*in_port=2')" = 0; }

apply_checks
traffic_checks
change_checks

# ---- what only this one has: timeouts, a daemon that is down --------------------------------------------------------
ours() { state | grep -q "cookie=0x[78]0ac8010b"; }
not_ours() { ! ours; }
{ cat "$D/t7"; echo "lifetime 1"; } > "$D/t7s"
out=$(drive "apply $D/t7s" "renew 7 10.200.1.11 8 10.200.1.11")
check "what it knows is renewed, what only a former process knew is said not to be" has "$out" "renew: ok: 1 of 2 not renewed"
check "flows time out" has "$(of dump-flows br0 cookie=0x70ac8010b/-1)" "hard_timeout=2"
no_seven() { ! state | grep -q "cookie=0x70ac8010b"; }
check "a controller that is gone for good takes its flows with it" until_true 10 no_seven
check "others' stay" test "$(flows 'cookie=0x80ac8010b')" -gt 3

renumber() { ovs-vsctl --timeout=20 set Interface eth1 ofport_request=77; until_true 5 eval "ovs-vsctl get Interface eth1 ofport | grep -qx 77"; }
out=$(around renumber "$D/t7" "audit 7 10.200.1.11 8 10.200.1.11")
check "a port that has another number now" has "$(of show br0)" " 77\(eth1\)"
check "is noticed by the audit" has "$out" "audit: ok: 0 orphans, 1 repaired"
check "and carries the ICorp again" pings a 10.64.7.2
ovs-vsctl --timeout=20 set Interface eth1 ofport_request=2
drive "apply $D/t7" "apply $D/t8" > /dev/null

restart_switch() { stopped ovs-vswitchd; start_switch; until_true 10 of dump-flows br0; }
out=$(around restart_switch "$D/t7" "renew 7 10.200.1.11")
check "a switch that was restarted has its flows back at the next renewal" has "$out" "renew: ok: 0 of 1 not renewed"
check "and carries the ICorp" pings a 10.64.7.2
foreign
drive "apply $D/t7" "apply $D/t8" > /dev/null

stopped ovs-vswitchd
out=$(drive "check $D/t7" "revoke 7 10.200.1.11")
check "ovs-vswitchd down: try again, and why" has "$out" "check: Resource temporarily unavailable: Open vSwitch is down: $D/ovs/br0.mgmt: "
stopped ovsdb-server
out=$(drive "check $D/t7")
check "ovsdb-server down, too" has "$out" "check: Resource temporarily unavailable: Open vSwitch is down: $D/ovs/db.sock: "
drive "apply $D/t7" > "$D/late" & late=$!
start_db; until_true 10 ovs-vsctl --no-wait show
start_switch; until_true 10 of dump-flows br0
wait $late
check "what waits for it is done when it is up" grep -q "apply: ok" "$D/late"
out=$(timeout 20 "$drive" ovs bridge=br1 rundir="$D/ovs" < /dev/null)
check "a bridge that is not there is refused" has "$out" "open: No such device: br1: Open vSwitch has no such bridge"
ovs-vsctl set Bridge br0 protocols=OpenFlow10,OpenFlow13
out=$(timeout 20 "$drive" ovs rundir="$D/ovs" < /dev/null)
check "so is one without OpenFlow 1.4" has "$out" "open: Protocol not supported: .*OpenFlow 1.4"
ovs-vsctl clear Bridge br0 protocols
foreign
drive "apply $D/t7" "apply $D/t8" > /dev/null

audit_checks
exit $((failed > 0))
