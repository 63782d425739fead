#!/bin/bash
# The testbed itself, without our daemons: comes up, carries packets, and leaves nothing behind.
#
#   user1 -- ar1 -- s1 -- r1 -- r2 -- lsw -- s2 -- srv1      s1 is an Open vSwitch, s2 a UML kernel where this kernel
#                                              \-- srv2      cannot filter VLANs
#
# usage: tests/e2e/testbed.sh; as root. 0: passed, 77: skipped, else failed. A line per check.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
export ICORP_TESTBED_DIR; ICORP_TESTBED_DIR=$(mktemp -d /var/tmp/tbtest.XXXXXX)
name=tbtest$$
tb=("$top/testbed/testbed" --name "$name" -q)
failed=0

skip() { echo "1..0 # SKIP $*"; rmdir "$ICORP_TESTBED_DIR"; exit 77; }
check() { # WHAT COMMAND…
	local what=$1 out; shift
	if out=$("$@" 2>&1); then
		echo "ok - $what"
	else
		echo "not ok - $what"; printf '%s\n' "$out" | sed 's/^/# /'
		failed=$((failed + 1))
	fi
}
finish() { "${tb[@]}" down 2>/dev/null; rm -rf "$ICORP_TESTBED_DIR"; }
until_true() { local end=$((SECONDS + $1)); shift; until "$@"; do [ $SECONDS -lt $end ] || return 1; sleep 0.1; done; }

[ "$(id -u)" = 0 ] || skip "needs root"
for p in ip bridge tc nsenter curl ping virsh libvirtd knotd kdig jq python3; do
	command -v $p > /dev/null || skip "needs $p"
done
trap finish EXIT
trap 'exit 130' INT TERM

# What a testbed could leave in this namespace: processes, links, mounts, cgroups. Zombies are init's business.
ours() {
	local p
	grep -lasFxz "ICORP_TESTBED=$ICORP_TESTBED_DIR/icorp-testbed-$name" /proc/[0-9]*/environ 2>/dev/null | while IFS=/ read -r _ _ p _; do
		echo "process $p $(tr '\0' ' ' < "/proc/$p/cmdline" 2>/dev/null)"
	done
	ip -o link | awk -F': ' '{sub(/@.*/, "", $2); print "link", $2}' | grep -E ' (t[0-9]+\.|b[0-9]+$|e[0-9]+\.|mgmt|br0$)'
	grep -F "$ICORP_TESTBED_DIR" /proc/mounts
	find "$ICORP_TESTBED_DIR" -mindepth 1 ! -name "*.lock"
	for ns in $namespaces; do find /proc/[0-9]*/ns/net -lname "$ns" 2> /dev/null; done
	for c in $cgroups; do find /sys/fs/cgroup -path "*$c" -type d 2> /dev/null; done
}
namespaces='' cgroups=''
before=$(ours)
nothing_left() {
	local now; now=$(ours)
	[ "$now" = "$before" ] || { diff <(echo "$before") <(echo "$now"); return 1; }
}
x() { "${tb[@]}" exec "$@"; }

check "a topology with errors is refused by line" bash -c "
	printf 'node a router\nlink a b\n' > $ICORP_TESTBED_DIR/bad.topo
	out=\$(${tb[*]} check $ICORP_TESTBED_DIR/bad.topo 2>&1) && exit 1
	rm $ICORP_TESTBED_DIR/bad.topo
	echo \"\$out\" | grep -F \"bad.topo:2: no node 'b'\""
check "up" "${tb[@]}" up "$top/testbed/demo.topo" --no-daemons
namespaces=$(awk '$1 == "netns" { print $2 }' "$ICORP_TESTBED_DIR/icorp-testbed-$name/record")
check "status" "${tb[@]}" status
check "status --json: every element up, libvirtd, knotd and Open vSwitch too" bash -c "${tb[*]} status --json |
	jq -e '(.elements | length) == 12 and all(.elements[]; .up) and ([.elements[].daemons[] | select(.up)] | length) == 5'"
check "ping user1 -> srv1, through s1, r1, r2, lsw, s2" x user1 ping -c 2 -i 0.2 -W 2 10.200.2.21
check "ping srv2 -> user2" x srv2 ping -c 2 -i 0.2 -W 2 10.201.2.2
check "ping gk -> s2, the switch's own address" x gk ping -c 2 -i 0.2 -W 2 10.200.2.2
check "large packets pass whole" x user1 ping -c 2 -i 0.2 -W 2 -M "do" -s 1472 10.200.2.22

transfer() {
	local dir=$ICORP_TESTBED_DIR/icorp-testbed-$name/srv1/run/www
	mkdir -p "$dir"
	head -c 20000000 /dev/urandom > "$dir/file"
	x srv1 bash -c "python3 -m http.server -d '$dir' 8000 > /dev/null 2>&1 &"
	until_true 10 x user1 curl -sf -o /dev/null http://10.200.2.21:8000/ || return 1
	x user1 curl -sf --max-time 60 http://10.200.2.21:8000/file | cmp - "$dir/file"
}
check "20 MB by TCP arrive unchanged" transfer
check "DNS: user2 resolves a name of the zone" x user2 getent hosts gk.asp.test
check "libvirt: each server has its own" bash -c "
	${tb[*]} exec srv1 virsh -c lxc:///system list && ${tb[*]} exec srv2 virsh -c lxc:///system list"
exec_in() {
	local out rc
	out=$(echo "to stdin" | x "$1" sh -c 'cat; echo "to stderr" >&2; exit 7' 2> "$ICORP_TESTBED_DIR/err"); rc=$?
	err=$(cat "$ICORP_TESTBED_DIR/err"); rm "$ICORP_TESTBED_DIR/err"
	echo "$1: $rc '$out' '$err'"
	[ "$rc" = 7 ] && [ "$out" = "to stdin" ] && [ "$err" = "to stderr" ]
}
check "exec hands on stdin, stdout, stderr and status: a namespace" exec_in r1
check "exec hands on stdin, stdout, stderr and status: a switch" exec_in s1
check "s1 is an Open vSwitch with all ports" bash -c "
	[ \"\$(${tb[*]} exec s1 ovs-vsctl list-ports br0 | paste -sd' ')\" = 'eth0 eth1 eth2 eth3' ]"
check "s2 filters VLANs and has its ports in VLAN 1" bash -c "
	${tb[*]} exec s2 bridge -j vlan show | jq -e '[.[] | select(.vlans[] | .vlan == 1)] | length == 4'"
vlan_push() {
	x s2 bash -ec 'tc qdisc add dev eth1 clsact
		tc filter add dev eth1 ingress protocol ip flower dst_ip 10.64.7.0/24 action vlan push id 107 priority 5
		tc filter show dev eth1 ingress' | grep -F 'id 107'
}
check "s2 can tag by address" vlan_push
# A container, so that down has one to end; its libvirtd is killed, so that no one else tidies up.
container() {
	local pid
	x srv1 sh -c "cat > /run/c.xml <<- 'END'
		<domain type='lxc'><name>c1</name><memory>65536</memory><os><type>exe</type><init>/bin/sleep</init><initarg>1000</initarg></os>
		<devices><filesystem type='mount'><source dir='/'/><target dir='/'/></filesystem><console type='pty'/></devices></domain>
		END
		virsh -q -c lxc:///system create /run/c.xml" < /dev/null || return 1
	pid=$(x srv1 virsh -q -c lxc:///system domid c1 < /dev/null)
	cgroups=$(sed -nE 's#.*:(/.*/lxc-[^/]*\.libvirt-lxc).*#\1#p' "/proc/$pid/cgroup" | sort -u)
	[ -n "$cgroups" ] || [ ! -d /sys/fs/cgroup/memory ]
}
container > "$ICORP_TESTBED_DIR/out" 2>&1; status=$?
check "a container runs on srv1" bash -c "cat $ICORP_TESTBED_DIR/out; rm $ICORP_TESTBED_DIR/out; exit $status"
foreign=$(mktemp -d /sys/fs/cgroup/cpu/lxc-999999999-foreign.XXXXXX 2> /dev/null)
libvirtd=$("${tb[@]}" status --json | jq -r '.elements[] | select(.name == "srv1") | .daemons[] | select(.name == "libvirtd") | .pid')
[ -z "$libvirtd" ] || kill -9 "$libvirtd"
check "down" "${tb[@]}" down
if [ -n "$foreign" ]; then
	check "someone else's cgroup is left alone" test -d "$foreign"
	rmdir "$foreign"
fi
check "nothing is left" nothing_left

# The same name in another directory is another testbed.
other=$(mktemp -d /var/tmp/tbother.XXXXXX)
ICORP_TESTBED_DIR=$other "${tb[@]}" up "$top/testbed/demo.topo" --bare
"${tb[@]}" up "$top/testbed/demo.topo" --bare
"${tb[@]}" down
check "down leaves a testbed of the same name in another directory alone" env ICORP_TESTBED_DIR="$other" "${tb[@]}" status
ICORP_TESTBED_DIR=$other "${tb[@]}" down
rm -rf "$other"

# An up that is interrupted, at several points, by Ctrl-C and by kill -9.
for point in 0.4 1.2 2.5; do
	setsid "${tb[@]}" up "$top/testbed/demo.topo" --no-daemons 2> /dev/null & victim=$!
	sleep $point
	kill -INT -- -$victim 2>/dev/null
	kill -TERM -- $victim 2>/dev/null
	wait $victim 2>/dev/null
	check "nothing is left after an interrupt $point s into up" nothing_left
	setsid "${tb[@]}" up "$top/testbed/demo.topo" --no-daemons 2> /dev/null & victim=$!
	sleep $point
	kill -9 $victim 2>/dev/null; wait $victim 2>/dev/null
	"${tb[@]}" down
	check "nothing is left after kill -9 $point s into up, and down" nothing_left
done
check "up over one that was killed" bash -c "
	${tb[*]} up $top/testbed/demo.topo --bare & sleep 1; kill -9 \$!; wait
	${tb[*]} up $top/testbed/demo.topo --bare && ${tb[*]} exec user1 ping -c 1 -W 2 10.200.2.22"
check "down again" "${tb[@]}" down
check "nothing is left at the end" nothing_left

[ $failed = 0 ] || { echo "# $failed failed"; exit 1; }
echo "# all passed"
