#!/bin/bash
# The bridge adaptor on a kernel that filters VLANs: a switch that is a user-mode-linux kernel, hosts that are
# namespaces and know nothing of tags. The network and most checks are those of switch_checks.sh.
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
# shellcheck source=switch_checks.sh
. "$top/tests/e2e/switch_checks.sh"

[ "$(id -u)" = 0 ] || skip "needs root"
for p in ip nsenter unshare ping tcpdump python3 busybox timeout; do command -v $p > /dev/null || skip "needs $p"; done
[ -n "$uml" ] || skip "needs user-mode-linux"
[ -c /dev/net/tun ] || skip "needs /dev/net/tun"
[ -x "$drive" ] || skip "needs $drive: make check TESTS="
! grep -qs __asan_init "$drive" || skip "needs a build without sanitizers: they do not fit into a user-mode-linux process"

# ---- the network ----------------------------------------------------------------------------------------------
begin ether a b c
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
	wire_host "$n" "$last"
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
setsid nsenter -t "${anchor[ether]}" -n -- env -i SWITCHTEST="$D" HOME="$D" PATH="$PATH" LD_PRELOAD="$(uml_preload "$D")" \
	"$uml" mem=256M rootfstype=hostfs rootflags=/ rw init="$D/init" quiet loglevel=1 umid=switchtest uml_dir="$D/uml" "${vec[@]}" \
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

address_hosts

# ---- what the checks use --------------------------------------------------------------------------------------
drive() { # LINE…
	local text; text=$(printf '%s\\n' "$@")
	sw "printf '$text' | timeout 30 $drive bridge bridge=br0 2>&1"
}
damaging="bridge vlan del dev eth1 vid 107; tc filter del dev eth0 ingress pref 7169"
damage() { sw "$damaging" > /dev/null; }
# A command of sw is one line, in a shell of its own.
drive_around() { # TERMS LINE
	local inside="mkfifo $D/tmp/in; $drive bridge < $D/tmp/in > $D/tmp/around 2>&1 & exec 9> $D/tmp/in; echo apply $1 >&9; n=0;"
	inside+=" until grep -q '^apply: ok' $D/tmp/around || [ \$n = 300 ]; do sleep 0.1; n=\$((n + 1)); done;"
	sw "$inside $damaging; echo $2 >&9; exec 9>&-; wait" > /dev/null
	sw cat $D/tmp/around
}
state() { sw "bridge -compressvlans vlan" | tr -s ' \t\n' ' '; }
snapshot() { sw "bridge vlan; for i in 0 1 2 3; do tc filter show dev eth\$i ingress; tc qdisc show dev eth\$i; done"; }
own_opened() { check "it turned VLAN filtering on" has "$(sw ip -d link show br0)" "vlan_filtering 1"; }
own_applied() {
	local vlans; vlans=$(state)
	check "eth0 is an untagged member of 107 only" has "$vlans" 'eth0 1 PVID Egress Untagged 107 Egress Untagged eth1'
	check "eth1 of both" has "$vlans" 'eth1 1 PVID Egress Untagged 107-108 Egress Untagged eth2'
	check "the trunk is a tagged one" has "$vlans" 'eth3 1 PVID Egress Untagged 107-108 br0'
}
own_in_use() {
	[ $skbedit != 0 ] || check "the switch's own queues know the priority" has "$(sw tc filter show dev eth0 ingress)" "skbedit *priority :5"
}
own_changed() {
	check "a port leaves, by difference" has "$(sw "bridge vlan show dev eth1" | tr -s ' \t\n' ' ')" "Untagged 108 Egress"
}

apply_checks
traffic_checks
change_checks
audit_checks
printf 'busybox poweroff -f\n' >&7
no_uml() { ! kill -0 $uml_pid; }
check "the switch goes down" until_true 10 no_uml
[ $failed = 0 ] || tail -n 5 "$D/uml.log" | sed 's/^/# /'
exit $((failed > 0))
