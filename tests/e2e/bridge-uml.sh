#!/bin/bash
# The bridge adaptor on a kernel that filters VLANs: a switch that is a user-mode-linux kernel, hosts that are
# namespaces and know nothing of tags. The network and most checks are those of switch_checks.sh.
#
# usage: tests/e2e/bridge-uml.sh [BUILDDIR]; as root. 0: passed, 77: skipped, else failed. A line per check.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "${1:-${BUILDDIR:-$top}}" && pwd)
drive=$build/tests/e2e/adaptor_drive_net
# shellcheck source=switch_checks.sh
. "$top/tests/e2e/switch_checks.sh"
# shellcheck source=switch_uml.sh
. "$top/tests/e2e/switch_uml.sh"

uml_needed
uml_network bridge 8021q sch_ingress cls_flower act_vlan
sw "ip link add br0 type bridge mcast_snooping 0; for i in 0 1 2 3; do ip link set eth\$i master br0; done; ip link set br0 up; ip addr add 10.200.1.9/24 dev br0"
sw modprobe -d $D/tmp act_skbedit > /dev/null; skbedit=$?

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
uml_end
