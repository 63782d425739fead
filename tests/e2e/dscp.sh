#!/bin/bash
# What the dscp adaptor's marks look like to others: packets to and from an ICorp's prefix leave with its class selector, seen
# by tcpdump on the other end; those of nobody's prefix, and after a revoke, leave as they were.
#
#   near 10.64.7.1, 10.9.0.1 ---- far 10.64.7.2, 10.64.8.2, 10.9.0.2        (a veth; the adaptor is in near)
#
# usage: tests/e2e/dscp.sh [BUILDDIR]; as root. 0: passed, 77: skipped, else failed. A line per check.
set -u
build=$(cd "${1:-${BUILDDIR:-.}}" && pwd)
drive=$build/tests/e2e/adaptor_drive_net
skip() { echo "1..0 # SKIP $*"; exit 77; }
[ "$(id -u)" = 0 ] || skip "needs root"
for p in ip ping tcpdump unshare nsenter nft; do command -v $p > /dev/null || skip "needs $p"; done
[ -x "$drive" ] || skip "needs $drive: make check TESTS="
if [ -z "${INSIDE-}" ]; then
	INSIDE=1 exec unshare -n "$0" "$build"
fi

dir=$(mktemp -d) failed=0 far=
finish() { trap - EXIT; [ -z "$far" ] || kill "$far" 2> /dev/null; rm -rf "$dir"; }
trap finish EXIT
trap 'exit 130' INT TERM
check() { local what=$1; shift; if "$@"; then echo "ok - $what"; else echo "not ok - $what"; failed=1; fi; }
within() { local end=$((SECONDS + $1)); shift; until "$@" > /dev/null 2>&1; do [ "$SECONDS" -lt "$end" ] || return 1; sleep 0.05; done; }

unshare -n sleep 120 & far=$!
elsewhere() { [ "$(readlink "/proc/$far/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
within 5 elsewhere || skip "cannot make namespaces"
on_far() { nsenter -t "$far" -n -- "$@"; }
ip link set lo up
ip link add near type veth peer name far netns "$far" && ip link set near up && on_far ip link set far up
ip link show up dev near | grep -q near || skip "no veth"
ip addr add 10.9.0.1/24 dev near; ip addr add 10.64.7.1/24 dev near; ip route add 10.64.8.0/24 dev near
for a in 10.9.0.2/24 10.64.7.2/24 10.64.8.2/32; do on_far ip addr add $a dev far; done

printf 'icorp 7\nleader 10.200.1.11\nrevision 1\nname shop\nprefix 10.64.7.0/24\npriority 5\n' > "$dir/t7"
printf 'icorp 8\nleader 10.200.1.11\nrevision 1\nname club\nprefix 10.64.8.0/24\npriority 2\n' > "$dir/t8"
drive() { printf '%s\n' "$@" | timeout 20 "$drive" dscp 2>&1; }
# tos ADDRESS [SOURCE]: of the echo request that arrives there
tos() {
	rm -f "$dir/dump.err"
	on_far timeout 5 tcpdump -c 1 -l -v -n -i far "icmp[icmptype] = icmp-echo and dst $1" > "$dir/dump" 2> "$dir/dump.err" &
	local pid=$!
	within 5 grep -q listening "$dir/dump.err"
	ping -q -c 1 -W 1 ${2:+-I "$2"} "$1" > /dev/null 2>&1
	wait $pid
	grep -oE 'tos 0x[0-9a-f]+' "$dir/dump"
}

check "before, nothing is marked" test "$(tos 10.64.7.2)" = "tos 0x0"
out=$(drive "apply $dir/t7" "apply $dir/t8")
check "two ICorps are applied" test "$(grep -c 'apply: ok' <<< "$out")" = 2
check "the grant says what a mark is worth" grep -q "grant 0 applied best-effort 0 marked CS5" <<< "$out"
check "priority 5 is CS5, to the prefix" test "$(tos 10.64.7.2)" = "tos 0xa0"
check "and from it" test "$(tos 10.9.0.2 10.64.7.1)" = "tos 0xa0"
check "priority 2 is CS2" test "$(tos 10.64.8.2 10.9.0.1)" = "tos 0x40"
check "nobody's stays as it was" test "$(tos 10.9.0.2 10.9.0.1)" = "tos 0x0"
drive "revoke 7 10.200.1.11" > /dev/null
check "what is revoked is no longer marked" test "$(tos 10.64.7.2)" = "tos 0x0"
check "the other still is" test "$(tos 10.64.8.2 10.9.0.1)" = "tos 0x40"
drive audit > /dev/null
check "an audit of nothing leaves no mark" test "$(tos 10.64.8.2 10.9.0.1)" = "tos 0x0"
exit $failed
