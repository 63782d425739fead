#!/bin/sh
# icorp-proxy as a program, both data paths, with other people's eyes (ip, nft).
#
#   user 10.201.1.2 --veth-- 10.201.1.1 ar 10.9.0.1 --veth-- 10.9.0.2 srv
#                            public 10.202.1.1               10.64.7.65 a, 10.64.7.66 b
#                            source 10.64.7.1
#
# Runs in the build directory. Exit status 77: skipped (needs root, network namespaces, ip and nft).
set -u
[ "$(id -u)" = 0 ] || { echo "skipped: needs root"; exit 77; }
command -v ip >/dev/null && command -v nft >/dev/null || { echo "skipped: needs ip and nft"; exit 77; }
P=pxt$$
ip netns add $P-ar 2>/dev/null || { echo "skipped: needs network namespaces"; exit 77; }
dir=$(mktemp -d) pids= failed=0
here=$(pwd) helper=$(pwd)/tests/e2e/proxy_helper

down() {
	for p in $pids; do kill -9 "$p" 2>/dev/null; wait "$p" 2>/dev/null; done
	for n in ar user srv; do ip netns del $P-$n 2>/dev/null; done
	rm -rf "$dir"
}
trap down EXIT
trap 'exit 1' INT TERM

is() { # WHAT GOT WANTED
	if [ "$2" = "$3" ]; then echo "ok: $1"; else echo "FAILED: $1: got '$2', wanted '$3'"; failed=1; fi
}
in_ar() { ip netns exec $P-ar "$@"; }
say() { "$helper" say "$dir/sock" "$@"; }
# Names of the servers that answered, in order, then the sources they saw.
names() { ip netns exec $P-user "$helper" ask "$1" 10.202.1.1 "$2" "$3" | cut -d' ' -f1 | tr -d '\n'; }
sources() { ip netns exec $P-user "$helper" ask "$1" 10.202.1.1 "$2" "$3" | cut -d' ' -f2 | sort -u; }
state() { in_ar ip -4 -o addr show dev lo; in_ar ip -4 route show table all; in_ar nft list ruleset; }
server() { # PROTOCOL ADDR NAME: its pid in $pid
	ip netns exec $P-srv "$helper" serve "$1" "$2" 8080 "$3" & pid=$!
	pids="$pids $pid"
}
until_ok() { # up to 10 s
	n=0
	until "$@" >/dev/null 2>&1; do n=$((n + 1)); [ $n -gt 200 ] && return 1; sleep 0.05; done
}
proxy() {
	ip netns exec $P-ar "$here/icorp-proxy" -c "$dir/conf" 2>>"$dir/log" & proxy=$!
	pids="$pids $proxy"
	until_ok say version || { echo "FAILED: icorp-proxy does not start"; cat "$dir/log"; exit 1; }
}
spec() { # MODE BACKENDS
	echo '{"id":7,"leader":"10.200.1.11","name":"shop","public":"10.202.1.1","source":"10.64.7.1","mode":"'"$1"'",
		"lifetime_s":100,"policy":"weighted","services":[{"name":"web","protocol":"tcp","port":80,"target_port":8080},
		{"name":"dns","protocol":"udp","port":53,"target_port":8080}],"backends":['"$2"']}'
}
describe() { answer=$(say proxy/set "$(spec "$@")") || { echo "FAILED: proxy/set: $answer"; failed=1; }; }
A='{"element":"srv1","address":"10.64.7.65","weight":1}'
B='{"element":"srv2","address":"10.64.7.66","weight":1}'
A3='{"element":"srv1","address":"10.64.7.65","weight":3}'

ip netns add $P-user && ip netns add $P-srv || exit 1
ip -n $P-ar link add user type veth peer name eth0 netns $P-user
ip -n $P-ar link add srv type veth peer name eth0 netns $P-srv
for n in ar user srv; do ip -n $P-$n link set lo up; done
ip -n $P-ar addr add 10.201.1.1/24 dev user && ip -n $P-ar link set user up
ip -n $P-ar addr add 10.9.0.1/24 dev srv && ip -n $P-ar link set srv up
ip -n $P-user addr add 10.201.1.2/24 dev eth0 && ip -n $P-user link set eth0 up
ip -n $P-user route add default via 10.201.1.1
ip -n $P-srv addr add 10.9.0.2/24 dev eth0 && ip -n $P-srv link set eth0 up
ip -n $P-srv addr add 10.64.7.65/32 dev lo && ip -n $P-srv addr add 10.64.7.66/32 dev lo
ip -n $P-srv route add 10.64.7.1/32 via 10.9.0.1
ip -n $P-ar route add 10.64.7.64/26 via 10.9.0.2
in_ar sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
printf 'control = "%s/sock"\nname = "ar1"\ncheck_interval = 200ms\neject_min = 100ms\neject_max = 200ms\naudit = 0s\n' "$dir" >"$dir/conf"
state >"$dir/before"

server tcp 10.64.7.65 a; server udp 10.64.7.65 a; server udp 10.64.7.66 b
server tcp 10.64.7.66 b; b=$pid
proxy
is "a wrong address is refused" "$(say proxy/unset 7 nowhere)" "must be an ICorp's number and its leader's address"

# Relay (and UDP through the kernel)
describe auto "$A,$B"
is "public and source address are on lo" "$(in_ar ip -4 -o addr show dev lo label lo:icorp | grep -cE '10.202.1.1/32|10.64.7.1/32')" 2
is "relay takes turns" "$(names tcp 80 6)" ababab
is "servers see the source address" "$(sources tcp 80 2)" 10.64.7.1
is "udp takes turns" "$(names udp 53 4)" abab
is "udp servers see the source address" "$(sources udp 53 2)" 10.64.7.1
kill -9 $b; wait $b 2>/dev/null
is "a server's death costs nobody a request" "$(names tcp 80 8)" aaaaaaaa
is "it is ejected" "$(say show backends | grep -oE '"element": ?"srv2"[^}]*"state": ?"(ejected|probing)"' | wc -l)" 1
server tcp 10.64.7.66 b; b=$pid
back() { say show backends | grep -q '"ejected"\|"probing"' && return 1; return 0; }
until_ok back || { echo "FAILED: srv2 does not come back"; failed=1; }
is "both serve again" "$(names tcp 80 4 | fold -w1 | sort | tr -d '\n')" aabb

# Kernel
describe kernel "$A3,$B"
is "nobody listens in user space" "$(in_ar ss -Hltn 'sport = :80' | wc -l)" 0
is "kernel walks the cycle of weights" "$(names tcp 80 8 | fold -w1 | sort | uniq -c | tr -d ' \n')" 6a2b
is "kernel path sets the source address" "$(sources tcp 80 2)" 10.64.7.1
kill -9 $b; wait $b 2>/dev/null
only_a() { in_ar nft list table ip icorp_proxy | grep 'tcp-80' | grep -q 'numgen inc mod 1 map { 0 : 10.64.7.65'; }
until_ok only_a || { echo "FAILED: the probe does not take srv2 out of the map"; failed=1; }
is "without failures after that" "$(names tcp 80 4)" aaaa
is "connections are counted" "$(say show counters | grep -oE '"accepted": ?[0-9]+' | head -1 | tr -dc 0-9)" 14
in_ar nft flush ruleset; in_ar ip addr del 10.202.1.1/32 dev lo
is "audit repairs a flushed ruleset and a removed address" "$(say proxy/audit | grep -oE '"repaired": ?[0-9]+' | tr -dc 0-9)" 2
is "and it works again" "$(names tcp 80 2)" aa
is "udp in mode relay is refused" "$(say proxy/set "$(spec relay "$A")")" \
	"services[1].protocol: the relay takes tcp only; udp needs mode auto or kernel"
is "and what was still serves" "$(names tcp 80 2)" aa

# The end, in good order
say proxy/unset 7 10.200.1.11 >/dev/null
is "unset leaves no address" "$(in_ar ip -4 -o addr show dev lo label lo:icorp | wc -l)" 0
is "unset leaves no chain" "$(in_ar nft list table ip icorp_proxy | grep -c icorp7)" 0
describe auto "$A,$B"
kill -TERM $proxy; wait $proxy; is "exit status after SIGTERM" $? 0
state >"$dir/after"
is "SIGTERM leaves nothing behind" "$(diff "$dir/before" "$dir/after")" ""
[ -e "$dir/sock" ]; is "not even the socket" $? 1

# And after a crash
proxy; describe auto "$A,$B"; kill -9 $proxy; wait $proxy 2>/dev/null
is "a crash leaves addresses" "$(in_ar ip -4 -o addr show dev lo label lo:icorp | wc -l)" 2
proxy
is "the next start removes them" "$(in_ar ip -4 -o addr show dev lo label lo:icorp | wc -l)" 0
kill -TERM $proxy; wait $proxy
state >"$dir/after"
is "nothing is left" "$(diff "$dir/before" "$dir/after")" ""
[ $failed = 0 ] || { cat "$dir/log"; exit 1; }
