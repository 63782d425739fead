#!/bin/bash
# The bridge adaptor on a kernel that filters VLANs: a switch that is a user-mode-linux kernel, hosts that are
# namespaces and know nothing of tags.
#
#   a 10.64.7.1 --------------- eth0 \
#   b 10.64.7.2, 10.64.8.2 ---- eth1  > br0 (UML) eth3 ---- trunk, watched and spoken to by tcpdump and a raw socket
#   c 10.64.8.3 --------------- eth2 /                       ICorp 7: a b trunk, VLAN 107, priority 5
#                                                            ICorp 8: b c trunk, VLAN 108, priority 1
#   all also 10.200.1.x in the base VLAN
#
# usage: tests/e2e/bridge-uml.sh [BUILDDIR]; as root. 0: passed, 77: skipped, else failed. A line per check.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "${1:-${BUILDDIR:-$top}}" && pwd)
drive=$build/tests/e2e/adaptor_drive_net
LIB=$top/testbed/lib
# shellcheck source=../../testbed/lib/uml.sh
. "$LIB/uml.sh"
uml=$(uml_program)
failed=0 D=

skip() { echo "1..0 # SKIP $*"; exit 77; }
ok() { echo "ok - $*"; }
not_ok() { echo "not ok - $1"; shift; printf '%s\n' "$*" | head -n 12 | sed 's/^/# /'; failed=$((failed + 1)); }
check() { # WHAT COMMAND…
	local what=$1 out; shift
	if out=$("$@" 2>&1); then ok "$what"; else not_ok "$what" "$out"; fi
}
has() { grep -qE -- "$2" <<< "$1" || { printf 'no "%s" in: %s\n' "$2" "$1"; return 1; }; }
hasnt() { ! has "$1" "$2" > /dev/null || { printf '"%s" in: %s\n' "$2" "$1"; return 1; }; }
until_true() { local end=$((SECONDS + $1)); shift; until "$@" > /dev/null 2>&1; do [ $SECONDS -lt $end ] || return 1; sleep 0.05; done; }

[ "$(id -u)" = 0 ] || skip "needs root"
for p in ip nsenter unshare ping tcpdump python3 busybox timeout; do command -v $p > /dev/null || skip "needs $p"; done
[ -n "$uml" ] || skip "needs user-mode-linux"
[ -c /dev/net/tun ] || skip "needs /dev/net/tun"
[ -x "$drive" ] || skip "needs $drive: make check TESTS="
! grep -qs __asan_init "$drive" || skip "needs a build without sanitizers: they do not fit into a user-mode-linux process"

D=$(mktemp -d /var/tmp/bridgetest.XXXXXX)
export BRIDGETEST=$D
pids() { grep -lasz "^BRIDGETEST=$D\$" /proc/[0-9]*/environ 2> /dev/null | cut -d/ -f3 | grep -vx "$$"; }
gone() { ! pids | grep -q .; }
finish() {
	local p
	trap - EXIT
	for p in $(pids); do [ "$p" = "$BASHPID" ] || kill "$p" 2> /dev/null; done
	until_true 3 gone || for p in $(pids); do [ "$p" = "$BASHPID" ] || kill -9 "$p" 2> /dev/null; done
	rm -rf --one-file-system "$D"
}
trap finish EXIT
trap 'exit 130' INT TERM

# ---- the network ----------------------------------------------------------------------------------------------
declare -A anchor=()
for n in ether a b c; do
	setsid unshare -n sh -c "ip link set lo up; : > $D/$n; exec sleep 300" < /dev/null > "$D/$n.log" 2>&1 &
	anchor[$n]=$!
done
for n in ether a b c; do until_true 5 test -e "$D/$n" || skip "cannot make namespaces"; done
on() { local n=$1; shift; nsenter -t "${anchor[$n]}" -n -- "$@"; }
vec=()
for i in 0 1 2 3; do
	on ether ip tuntap add dev tap$i mode tap && on ether sh -c "echo 1 > /proc/sys/net/ipv6/conf/tap$i/disable_ipv6; ip link set tap$i up" || skip "cannot make taps"
	vec+=("vec$i:transport=tap,ifname=tap$i,depth=64,gro=1")
done

# A tap cannot move to the host's namespace (UML gives it up when it goes down on the way): a two-port bridge to a veth.
for h in a:0:1 b:1:2 c:2:3; do
	IFS=: read -r n i last <<< "$h"
	on ether sh -e -c "
		ip link add b$i type bridge mcast_snooping 0
		ip link add v$i type veth peer name eth0 netns ${anchor[$n]}
		echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
		ip link set v$i master b$i up; ip link set tap$i master b$i; ip link set b$i up" || skip "cannot wire the hosts"
	on "$n" sh -e -c "ip link set eth0 up; ip addr add 10.200.1.$last/24 dev eth0" || skip "cannot wire the hosts"
done

# Inside the switch: commands come on the console, a line each; what they say goes back, then a line with the status.
cat > "$D/init" <<- END
	#!/bin/sh
	export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=$D/tmp
	mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs $D/tmp
	mkdir -p $D/tmp/lib/modules; ln -s /usr/lib/uml/modules/\$(uname -r) $D/tmp/lib/modules/
	for m in bridge 8021q sch_ingress cls_flower act_vlan; do modprobe -d $D/tmp \$m; done
	echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6; echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
	ip link set lo up
	ip link add br0 type bridge mcast_snooping 0
	for i in 0 1 2 3; do
		ip link set vec\$i name eth\$i; ip link set eth\$i address 02:1c:00:00:01:0\$i master br0 up
	done
	ip link set br0 up; ip addr add 10.200.1.9/24 dev br0
	stty raw -echo < /dev/console
	echo "=== 0"
	while IFS= read -r line; do
		(eval "\$line") 2>&1 < /dev/null
		echo "=== \$?"
	done < /dev/console
	busybox poweroff -f
END
chmod 755 "$D/init"
mkdir "$D/tmp"
mkfifo "$D/in" "$D/out"
setsid nsenter -t "${anchor[ether]}" -n -- env -i BRIDGETEST="$D" HOME="$D" PATH="$PATH" LD_PRELOAD="$(uml_preload "$D")" \
	"$uml" mem=256M rootfstype=hostfs rootflags=/ rw init="$D/init" quiet loglevel=1 umid=bridgetest uml_dir="$D/uml" "${vec[@]}" \
	con=null con0=fd:0,fd:1 < "$D/in" > "$D/out" 2> "$D/uml.log" &
uml_pid=$!
exec 7> "$D/in" 8< "$D/out"
# sw COMMAND: in the switch's kernel; its output and status.
sw() { printf '%s\n' "$*" >&7; sw_answer; }
sw_answer() {
	local line
	while IFS= read -r -t 60 -u 8 line; do
		line=${line%$'\r'}
		case $line in "=== "[0-9]*) return "${line#=== }" ;; esac
		printf '%s\n' "$line"
	done
	return 99
}
sw_answer > "$D/boot.log" || skip "no user-mode-linux kernel boots here: $(tail -n 3 "$D/boot.log")"
sw modprobe -d $D/tmp act_skbedit > /dev/null; skbedit=$?

on a ip addr add 10.64.7.1/24 dev eth0
on b ip addr add 10.64.7.2/24 dev eth0
on b ip addr add 10.64.8.2/24 dev eth0
on c ip addr add 10.64.8.3/24 dev eth0
on a ip route add 10.64.8.0/24 dev eth0
on c ip route add 10.64.7.0/24 dev eth0
# A neighbour that could not be resolved a moment ago is forgotten first.
pings() { on "$1" ip neigh flush all; on "$1" ping -q -c 2 -i 0.2 -W 1 "$2" || on "$1" ping -q -c 2 -W 1 "$2"; }
cannot_ping() { ! on "$1" ping -q -c 2 -i 0.2 -W 1 "$2"; }
# watch SECONDS FILTER COMMAND…: what tcpdump sees on the trunk meanwhile
watch() {
	local s=$1 filter=$2; shift 2
	timeout "$s" nsenter -t "${anchor[ether]}" -n -- tcpdump -c 20 -l -e -n -i tap3 "$filter" > "$D/dump" 2> "$D/dump.err" &
	local pid=$!
	until_true 5 grep -q listening "$D/dump.err"
	"$@" > /dev/null 2>&1
	wait $pid 2> /dev/null
	cat "$D/dump"
}

terms() { # FILE ID PRIORITY PORTS…
	local f=$1 id=$2 prio=$3 p; shift 3
	printf 'icorp %s\nleader 10.200.1.11\nrevision 1\nname shop%s\nprefix 10.64.%s.0/24\npriority %s\nvlan %s\n' \
		"$id" "$id" "$id" "$prio" $((100 + id)) > "$D/$f"
	for p; do printf 'port %s rate=5000000%s\n' "${p%t}" "$([ "$p" = "${p%t}" ] || echo ' trunk')" >> "$D/$f"; done
}
terms t7 7 5 eth0 eth1 eth3t
terms t8 8 1 eth1 eth2 eth3t
drive() { # LINE…
	local text; text=$(printf '%s\\n' "$@")
	sw "printf '$text' | timeout 30 $drive bridge bridge=br0 2>&1"
}

# ---- the checks -----------------------------------------------------------------------------------------------
check "the base VLAN carries everything before" pings a 10.64.8.3
out=$(drive show)
check "the adaptor opens (its trial passes here)" has "$out" "open: ok"
snapshot() { sw "bridge vlan; for i in 0 1 2 3; do tc filter show dev eth\$i ingress; tc qdisc show dev eth\$i; done"; }
before=$(snapshot)
check "it turned VLAN filtering on" has "$(sw ip -d link show br0)" "vlan_filtering 1"
out=$(drive "apply $D/t7" "apply $D/t8")
check "two ICorps are applied" test "$(grep -c 'apply: ok' <<< "$out")" = 2
check "the grant is honest" has "$out" "grant 1 applied best-effort 5000000 802.1p priority 5, no rate on this switch"
vlans=$(sw "bridge -compressvlans vlan" | tr -s ' \t\n' ' ')
check "eth0 is an untagged member of 107 only" has "$vlans" 'eth0 1 PVID Egress Untagged 107 Egress Untagged eth1'
check "eth1 of both" has "$vlans" 'eth1 1 PVID Egress Untagged 107-108 Egress Untagged eth2'
check "the trunk is a tagged one" has "$vlans" 'eth3 1 PVID Egress Untagged 107-108 br0'
check "a and b reach each other in ICorp 7" pings a 10.64.7.2
check "b and c reach each other in ICorp 8" pings b 10.64.8.3
check "a cannot reach c in ICorp 8" cannot_ping a 10.64.8.3
check "c cannot reach a in ICorp 7" cannot_ping c 10.64.7.1
check "the base VLAN goes on, and reaches the switch" pings a 10.200.1.3
check "that too" pings c 10.200.1.9
on a ip neigh flush all; on b ip neigh flush all
out=$(watch 2 vlan pings a 10.64.7.77)
check "on the trunk ICorp 7 is VLAN 107, priority 5" has "$out" "vlan 107, p 5"
out=$(watch 2 vlan pings c 10.64.8.77)
check "on the trunk ICorp 8 is VLAN 108, priority 1" has "$out" "vlan 108, p 1"
out=$(watch 2 "arp and not vlan" pings a 10.200.1.77)
check "the base VLAN has no tag there" has "$out" "ethertype ARP.*who-has 10.200.1.77"
cat > "$D/speak.py" <<- 'END'
	import socket, struct, sys
	s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("tap3", 0))
	mac = bytes.fromhex("021c0000ff01"); ip = socket.inet_aton
	for tci in [int(x, 0) for x in sys.argv[2:]]:
	    arp = struct.pack("!HHBBH", 1, 0x800, 6, 4, 1) + mac + ip("10.64.7.99") + bytes(6) + ip(sys.argv[1])
	    s.send(b"\xff" * 6 + mac + struct.pack("!HHH", 0x8100, tci, 0x806) + arp + bytes(18))
END
out=$(watch 2 vlan on ether python3 "$D/speak.py" 10.64.7.1 107)
check "from the trunk a is reached in VLAN 107, and answers in it with priority 5" has "$out" "vlan 107, p 5.*Reply 10.64.7.1"
out=$(watch 2 vlan on ether python3 "$D/speak.py" 10.64.7.1 108 109)
check "and not in any other" hasnt "$out" "Reply"
[ $skbedit != 0 ] || check "the switch's own queues know the priority" has "$(sw tc filter show dev eth0 ingress)" "skbedit *priority :5"

out=$(drive "apply $D/t7" "measure")
measured=${out#*measure: }
check "the same terms in a new process change nothing" test "$(sw "bridge -compressvlans vlan" | tr -s ' \t\n' ' ')" = "$vlans"
check "bytes are counted" python3 -c "import json, sys
s = {x['icorp']: x for x in json.loads(sys.argv[1])['sessions']}; assert s[7]['bytes'] > 0 and s[8]['bytes'] > 0" "$measured"
out=$(drive ports)
check "ports and learnt addresses are told" python3 -c "import json, sys
j = json.loads(sys.argv[1]); assert [p['name'] for p in j['ports']] == ['eth%d' % i for i in range(4)]
macs = [f['mac'] for f in j['fdb']]; assert len(macs) == len(set(macs)) and '02:1c:00:00:ff:01' in macs
assert not any(m.startswith('02:1c:00:00:01') for m in macs)" "${out#*ports: }"

terms t7b 7 3 eth0 eth3t
out=$(drive "apply $D/t7b")
check "a port leaves and the priority changes, by difference" has "$(sw "bridge vlan show dev eth1" | tr -s ' \t\n' ' ')" "Untagged 108 Egress"
out=$(watch 2 vlan pings a 10.64.7.78)
check "the trunk shows it" has "$out" "vlan 107, p 3"
check "b is out of ICorp 7" cannot_ping a 10.64.7.2
terms t7c 7 5 eth0 eth9
out=$(drive "apply $D/t7c")
check "an unknown port is refused by name" has "$out" "apply: No such file or directory: eth9 is no port of the bridge"
terms t9 9 5 eth0 eth1; sed -i 's/vlan 109/vlan 107/' "$D/t9"
out=$(drive "apply $D/t7" "apply $D/t9")
check "a VLAN that another has is refused" has "$out" "apply: File exists: its VLAN is that of ICorp 7"
check "what was stands" pings a 10.64.7.2
terms t10 10 5 eth0 eth1
sed -i 's/10.64.10.0/10.64.7.0/' "$D/t10"
out=$(drive "apply $D/t7" "apply $D/t10")
check "so is its prefix" has "$out" "its prefix is that of ICorp 7"

sw "bridge vlan del dev eth1 vid 107; tc filter del dev eth0 ingress pref 7169" > /dev/null
out=$(drive "apply $D/t7" "audit 7 10.200.1.11 8 10.200.1.11")
check "what was removed by hand is put back" pings a 10.64.7.2
# The VLAN goes away between the two requests. A command of sw is one line.
removed="mkfifo $D/tmp/in; $drive bridge < $D/tmp/in > $D/tmp/audit 2>&1 & exec 9> $D/tmp/in; echo apply $D/t7 >&9; n=0;"
removed+=" until grep -q '^apply: ok' $D/tmp/audit || [ \$n = 300 ]; do sleep 0.1; n=\$((n + 1)); done;"
sw "$removed bridge vlan del dev eth1 vid 107; echo audit 7 10.200.1.11 8 10.200.1.11 >&9; exec 9>&-; wait" > /dev/null
check "an audit repairs and counts" has "$(sw cat $D/tmp/audit)" "audit: ok: 0 orphans, 1 repaired"
check "it works again" pings b 10.64.7.1
out=$(drive "audit 7 10.200.1.11")
check "an audit removes an ICorp that no one wants" has "$out" "audit: ok: 1 orphans, 0 repaired"
check "all of it" hasnt "$(snapshot)" "108"
check "and leaves the others" pings a 10.64.7.2
out=$(drive "revoke 7 10.200.1.11" "revoke 7 10.200.1.11" "revoke 12345 1.2.3.4")
check "revoke, twice, and of what never was" test "$(grep -c 'revoke: ok' <<< "$out")" = 3
after=$(snapshot)
check "nothing is left" test "$before" = "$after"
printf 'busybox poweroff -f\n' >&7
no_uml() { ! kill -0 $uml_pid; }
check "the switch goes down" until_true 10 no_uml
[ $failed = 0 ] || tail -n 5 "$D/uml.log" | sed 's/^/# /'
exit $((failed > 0))
