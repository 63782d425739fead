#!/bin/bash
# A trunk with real packets: an ICorp moves between two circuits, one of them a tunnel, while a flow of numbered datagrams runs
# through it, and none is lost; a level that fits no circuit is refused; a new process leaves everyone where he is; and when a
# circuit goes down its ICorps go to the other, and come back where there was no room.
#
#   host 10.64.7.1 ---- near ==== circuit, 100 Mbit/s, 10.200.3.0/30 ===== far 10.64.7.65, 10.64.8.65
#                       (adaptor) == vx0, 16 Mbit/s, 10.200.4.0/30 =======
#                           \______ under, 10.200.5.0/30, carries vx0 ____/
#
# usage: tests/e2e/trunk.sh [BUILDDIR]; as root. 0: passed, 77: skipped, else failed. A line per check.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "${1:-${BUILDDIR:-.}}" && pwd)
drive=$build/tests/e2e/adaptor_drive_net
skip() { echo "1..0 # SKIP $*"; exit 77; }
[ "$(id -u)" = 0 ] || skip "needs root"
for p in ip ping unshare nsenter nft python3 jq; do command -v $p > /dev/null || skip "needs $p"; done
[ -x "$drive" ] || skip "needs $drive: make check TESTS="
if [ -z "${INSIDE-}" ]; then
	INSIDE=1 exec unshare -n "$0" "$build"
fi

dir=$(mktemp -d) failed=0 holders=()
finish() { trap - EXIT; for h in "${holders[@]}"; do kill "$h" 2> /dev/null; done; rm -rf "$dir"; }
trap finish EXIT
trap 'exit 130' INT TERM
check() { local what=$1; shift; if "$@"; then echo "ok - $what"; else echo "not ok - $what"; failed=1; fi; }
within() { local end=$((SECONDS + $1)); shift; until "$@" > /dev/null 2>&1; do [ "$SECONDS" -lt "$end" ] || return 1; sleep 0.05; done; }
elsewhere() { [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
namespace() { unshare -n sleep 300 & holders+=($!); within 5 elsewhere $! || skip "cannot make namespaces"; }

namespace; host=${holders[0]}
namespace; far=${holders[1]}
on_host() { nsenter -t "$host" -n -- "$@"; }
on_far() { nsenter -t "$far" -n -- "$@"; }
ip link set lo up; on_far ip link set lo up
ip link add inner type veth peer name inner netns "$host" && ip link set inner up && on_host ip link set inner up || skip "no veth"
for i in circuit under; do
	ip link add $i type veth peer name $i netns "$far" && ip link set $i up && on_far ip link set $i up
done
ip addr add 10.200.3.1/30 dev circuit; ip addr add 10.200.5.1/30 dev under; ip addr add 10.200.6.1/30 dev inner
on_far ip addr add 10.200.3.2/30 dev circuit; on_far ip addr add 10.200.5.2/30 dev under
ip link add vx0 type vxlan id 7 local 10.200.5.1 remote 10.200.5.2 dstport 4789 dev under && ip link set vx0 up &&
	on_far ip link add vx0 type vxlan id 7 local 10.200.5.2 remote 10.200.5.1 dstport 4789 dev under &&
	on_far ip link set vx0 up || skip "no vxlan"
ip addr add 10.200.4.1/30 dev vx0; on_far ip addr add 10.200.4.2/30 dev vx0
on_host ip addr add 10.200.6.2/30 dev inner; on_host ip addr add 10.64.7.1/32 dev inner; ip route add 10.64.7.1 via 10.200.6.2
on_host ip route add default via 10.200.6.1 src 10.64.7.1
for a in 10.64.7.65 10.64.8.65; do on_far ip addr add $a/32 dev lo; ip route add $a via 10.200.3.2; done
on_far ip route add 10.64.7.1/32 via 10.200.3.1
for n in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 2 > "$n"; done; echo 1 > /proc/sys/net/ipv4/ip_forward
on_far sh -c 'for n in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 2 > $n; done'

# terms ICORP MBIT/S: a file
terms() {
	printf 'icorp %s\nleader 10.200.1.11\nrevision 1\nname i%s\nprefix 10.64.%s.0/24\ncapacity controlled\nlifetime 900\nport circuit rate=%s ceil=%s\n' \
		"$1" "$1" "$1" "${2%M}000000" "${2%M}000000" > "$dir/t$1.$2"
	echo "$dir/t$1.$2"
}
options=(port=circuit "circuit.circuit=100M via 10.200.3.2" "circuit.vx0=16M via 10.200.4.2")
drive() { printf '%s\n' "$@" | timeout 30 "$drive" trunk "${options[@]}" 2>&1; }
# The circuit that carries the ICorp, as a new process finds it.
carries() { drive show | sed -n 's/^show: //p' | jq -r ".icorps[] | select(.icorp == $1) | .circuit"; }
# Packets to the far end by that circuit.
sent() { ip -j -s link show dev "$1" | jq ".[0].stats64.tx.packets"; }
# by CIRCUIT: echo requests to the ICorp's far end go out there, from the host and from near itself
by() {
	local before after
	before=$(sent "$1")
	on_host ping -q -c 5 -i 0.02 -W 1 10.64.7.65 > /dev/null && ping -q -c 5 -i 0.02 -W 1 10.64.7.65 > /dev/null || return 1
	after=$(sent "$1")
	[ $((after - before)) -ge 10 ]
}

out=$(drive "apply $(terms 7 15M)")
check "15 Mbit/s fit the smaller circuit, the tunnel" grep -q "grant 1 applied best-effort 15000000 over vx0" <<< "$out"
check "a new process finds it there" test "$(carries 7)" = vx0
check "its packets go by the tunnel, routed and our own" by vx0
out=$(drive "apply $(terms 7 17M)")
check "17 Mbit/s move to the larger one" grep -q "over circuit" <<< "$out"
check "its packets go there" by circuit

nsenter -t "$far" -n -- timeout 60 python3 "$top/tests/e2e/failures.d/flow.py" receive 5001 > "$dir/flow" & receiver=$!
listens() { on_far ss -nlu | grep 5001; }
within 5 listens
before_vx0=$(sent vx0) before_circuit=$(sent circuit)
nsenter -t "$host" -n -- python3 "$top/tests/e2e/failures.d/flow.py" send 10.64.7.65 5001 & sender=$!; holders+=("$sender" "$receiver")
moves=()
for _ in 1 2 3 4 5 6 7 8 9 10; do
	moves+=("apply $(terms 7 15M)" "apply $(terms 7 17M)")
done
# One process that moves it back and forth, a move every 0.15 s.
for m in "${moves[@]}"; do echo "$m"; sleep 0.15; done | timeout 60 "$drive" trunk "${options[@]}" > "$dir/moves" 2>&1
kill $sender; wait $sender 2> /dev/null; wait $receiver; lost=$?
cat "$dir/flow"
check "20 moves" test "$(grep -c 'apply: ok' "$dir/moves")" = 20
check "no datagram of the flow is lost" test $lost = 0
check "more than 1000 were sent" test "$(sed -n 's/ packets.*//p' "$dir/flow")" -gt 1000
check "hundreds of them went by the tunnel" test $(($(sent vx0) - before_vx0)) -gt 300
check "and hundreds by the other circuit" test $(($(sent circuit) - before_circuit)) -gt 300

out=$(drive "apply $(terms 8 90M)")
check "what fits no circuit is refused with what would" grep -q "at most 83000000 would fit, on circuit" <<< "$out"
out=$(drive "apply $(terms 8 16M)" "apply $(terms 7 15M)")
check "where the smaller is taken the larger one carries it" test "$(grep -o 'over [a-z0-9]*' <<< "$out" | tr '\n' ' ')" = "over vx0 over circuit "

ip link set vx0 down
drive "apply $(terms 8 16M)" > /dev/null
check "a circuit that went down: its ICorp goes to the other" test "$(carries 8)" = circuit
ip link set vx0 up
coproc ADAPTOR { timeout 60 "$drive" trunk "${options[@]}" 2>&1; }
# ask LINE…: what the adaptor that stays says
ask() {
	local line
	printf '%s\nnothing\n' "$1" >&"${ADAPTOR[1]}"
	while read -r -t 10 line <&"${ADAPTOR[0]}" && [[ $line != nothing:* ]]; do echo "$line"; done
}
out=$(ask "apply $(terms 8 15M)"; ask "apply $(terms 7 100M)")
check "the circuit is up again: another level is another choice" test "$(grep -o 'over [a-z0-9]*' <<< "$out" | tr '\n' ' ')" = "over vx0 over circuit "
ip link set circuit down
check "a circuit down: the renewal names whom it carried" grep -q "1 of 2 not renewed" <<< "$(ask "renew 7 10.200.1.11 8 10.200.1.11")"
out=$(ask "apply $(terms 7 100M)")
check "over capacity it is said" grep -q "partly best-effort 100000000 over vx0, which has no room" <<< "$out"
check "both are over now, and so the other is named, too" grep -q "1 of 2 not renewed" <<< "$(ask "renew 7 10.200.1.11 8 10.200.1.11")"
ask "apply $(terms 8 15M)" > /dev/null
ip link set circuit up
check "up again: both are named" grep -q "2 of 2 not renewed" <<< "$(ask "renew 7 10.200.1.11 8 10.200.1.11")"
out=$(ask "apply $(terms 7 100M)")
check "the large one goes back" grep -q "applied best-effort 100000000 over circuit" <<< "$out"
out=$(ask "apply $(terms 8 15M)")
check "the other stays, with room again" grep -q "applied best-effort 15000000 over vx0" <<< "$out"
eval "exec ${ADAPTOR[1]}>&-"; wait "$ADAPTOR_PID" 2> /dev/null

drive audit > /dev/null
check "an audit of nothing leaves no element" test -z "$(nft list map ip icorp_trunk_circuit circuit | grep comment)"
echo 1 > /proc/sys/net/ipv4/conf/vx0/rp_filter
check "a check of reverse paths that is loose for all is taken" grep -q '"circuits"' <<< "$(drive show)"
echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter
check "a strict one is refused" grep -q "rp_filter=1 drops" <<< "$(drive show)"
echo 2 > /proc/sys/net/ipv4/conf/all/rp_filter

for a in 10.64.7.65 10.64.8.65; do ip route replace $a via 10.200.3.2; done # they went when the circuit did
drive "apply $(terms 7 15M)" > /dev/null
check "once more by the tunnel" by vx0
tunnel=$(ip rule show pref 7179 | wc -l)
options=(port=circuit "circuit.circuit=100M via 10.200.3.2")
drive show > /dev/null
check "a circuit taken out of the configuration: its rule goes, the other's stays" test "$tunnel $(ip rule show pref 7179 | wc -l)" = "2 1"
check "its route goes" test "$(ip route show table all proto 73 | wc -l)" = 1
check "and whom it carried goes by the port" by circuit
exit $failed
