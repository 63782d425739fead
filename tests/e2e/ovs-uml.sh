#!/bin/bash
# The ovs adaptor's queues, which only the kernel's datapath has: in a user-mode-linux kernel that has it. ovs-vswitchd starts
# no handler thread on the one processor of such a kernel, so nothing is carried there; queues are looked at in the kernel.
# That ICorps' traffic passes is tests/e2e/ovs.sh's.
#
# usage: tests/e2e/ovs-uml.sh [BUILDDIR]; as root. 0: passed, 77: skipped, else failed. A line per check.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "${1:-${BUILDDIR:-$top}}" && pwd)
drive=$build/tests/e2e/adaptor_drive_net
export PATH=$PATH:/usr/sbin:/sbin
# shellcheck source=switch_checks.sh
. "$top/tests/e2e/switch_checks.sh"
# shellcheck source=switch_uml.sh
. "$top/tests/e2e/switch_uml.sh"
uml_needed ovsdb-tool ovsdb-server ovs-vswitchd ovs-vsctl ovs-ofctl
uml_network openvswitch sch_htb
sw "mkdir -p /run/openvswitch; cd /run/openvswitch; ovsdb-tool create conf.db /usr/share/openvswitch/vswitch.ovsschema" > /dev/null
sw "ovsdb-server --detach --no-chdir --pidfile --remote=punix:/run/openvswitch/db.sock /run/openvswitch/conf.db; ovs-vsctl --no-wait init" > /dev/null
sw "ovs-vswitchd --detach --no-chdir --pidfile -vconsole:off" > /dev/null
sw 'ovs-vsctl --timeout=20 add-br br0; for i in 0 1 2 3; do ovs-vsctl --timeout=20 add-port br0 eth$i; done; ip link set br0 up; ip addr add 10.200.1.9/24 dev br0' > /dev/null ||
	skip "no Open vSwitch with the kernel's datapath there"

# ---- what the checks use --------------------------------------------------------------------------------------
links=
drive() { # LINE…
	local text; text=$(printf '%s\\n' "$@")
	sw "printf '$text' | timeout 60 $drive ovs bridge=br0 $links 2>&1"
}
damaging="ovs-ofctl -O OpenFlow14 del-flows br0 table=0,in_port=2"
drive_around() { # TERMS LINE; as one line, because each is a shell of its own
	local inside="rm -f $D/tmp/in; mkfifo $D/tmp/in; $drive ovs $links < $D/tmp/in > $D/tmp/around 2>&1 & exec 9> $D/tmp/in; echo apply $1 >&9; n=0;"
	inside+=" until grep -q '^apply: ok' $D/tmp/around || [ \$n = 300 ]; do sleep 0.1; n=\$((n + 1)); done;"
	sw "$inside $damaging; echo $2 >&9; exec 9>&-; wait" > /dev/null
	sw cat $D/tmp/around
}
state() { sw "ovs-ofctl -O OpenFlow14 --no-stats --no-names dump-flows br0 | grep -v idle_timeout=300,.priority=7171 | sort"; }
classes() { sw "tc class show dev $1" | tr -s ' '; }
# ---- queues -----------------------------------------------------------------------------------------------------
terms t7 7 5 eth0 eth1 eth3t
terms t8 8 1 eth1 eth2 eth3t
out=$(drive "apply $D/t7" "show")
check "without links there are no queues" hasnt "$(state)" "set_queue"
check "and the grant says so" has "$out" "grant 1 applied best-effort 5000000 802.1p priority 5, no rate on this switch"
links="link.eth0=100M link.eth3=50M"
sed -i 's/$/ ceil=10000000/; /^port/!s/ ceil=10000000//' "$D/t7" "$D/t8"
for f in t7 t8; do sed '/eth1\|eth2/d' "$D/$f" > "$D/q$f"; echo "capacity controlled" >> "$D/q$f"; done
out=$(drive "apply $D/qt7" "apply $D/qt8" "show")
check "rates are enforced where the kernel has queues" has "$out" "grant 1 applied enforced 5000000"
check "and shown" has "$out" '"link": *"eth0".*"queues": *true'
check "ICorp 7's queue on the trunk" has "$(classes eth3)" "1:6c .* rate 5Mbit ceil 10Mbit"
check "ICorp 8's" has "$(classes eth3)" "1:6d .* rate 5Mbit ceil 10Mbit"
check "the rest's" has "$(classes eth3)" "1:1 .* rate 500Kbit ceil 50Mbit"
check "flows set it" has "$(state)" "in_port=1.*set_queue:107"
out=$(drive "apply $D/t7")
check "a port without queues is named" has "$out" "grant 1 applied best-effort 5000000 802.1p priority 5, no queues on eth1"
sed 's/rate=5000000/rate=99000000/' "$D/qt7" > "$D/qmuch"
out=$(drive "check $D/qmuch")
check "more than a port has is refused" has "$out" "check: No space left on device: eth3: 99000000 bit/s are asked"
damaging="ovs-vsctl clear Port eth3 qos"
out=$(drive_around "$D/qt7" "audit 7 10.200.1.11 8 10.200.1.11")
check "queues that someone took away are noticed" has "$out" "audit: ok: 0 orphans, 1 repaired"
check "and are back" has "$(classes eth3)" "1:6c .* rate 5Mbit"
out=$(drive "audit 7 10.200.1.11")
check "those of an ICorp that no one wants go" has "$out" "audit: ok: 1 orphans, 0 repaired"
check "from the kernel too" hasnt "$(classes eth3)" "1:6d "
sw "ovs-vsctl --timeout=20 set Port eth2 qos=@q -- --id=@q create QoS type=linux-htb other-config:max-rate=7000000" > /dev/null
links="link.eth2=50M"
out=$(drive "apply $D/qt7" "show")
check "someone else's queues are left alone" has "$(classes eth2)" "rate 7Mbit"
check "and not claimed" has "$out" '"link": *"eth2".*"queues": *false'
check "queues of a link that is none any more go" hasnt "$(classes eth3)$(classes eth0)" "htb"
check "with their rows" hasnt "$(sw ovs-vsctl list Queue)" "icorp"
links=
sw "ovs-vsctl --timeout=20 clear Port eth2 qos -- --all destroy QoS" > /dev/null
uml_end
