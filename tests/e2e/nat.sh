#!/bin/bash
# The nat adaptor with real traffic: what servers outside see of ISCs, that answers come back, that it goes on when the adaptor is
# killed, and stops when the ICorp is revoked or nobody renews it.
#
#   isc7a 10.64.7.65 --+
#   isc7b 10.64.7.66 --+-- edge (the adaptor) 192.0.2.1 ---- world 192.0.2.100: echoes, and says who it sees
#   isc8  10.64.8.65 --+
#
# usage: tests/e2e/nat.sh [BUILDDIR]; as root. 0: passed, 77: skipped, else failed. A line per check.
set -u
build=$(cd "${1:-${BUILDDIR:-.}}" && pwd)
drive=$build/tests/e2e/adaptor_drive_net
skip() { echo "1..0 # SKIP $*"; exit 77; }
[ "$(id -u)" = 0 ] || skip "needs root"
for p in ip ping python3 unshare nsenter nft; do command -v $p > /dev/null || skip "needs $p"; done
[ -x "$drive" ] || skip "needs $drive: make check TESTS="
if [ -z "${INSIDE-}" ]; then
	INSIDE=1 exec unshare -n "$0" "$build"
fi

dir=$(mktemp -d) failed=0; declare -A ns=() flow=(); pids=()
finish() { trap - EXIT; kill -9 "${pids[@]}" "${flow[@]}" "${ns[@]}" 2> /dev/null; wait 2> /dev/null; rm -rf "$dir"; }
trap finish EXIT
trap 'exit 130' INT TERM
check() { local what=$1; shift; if "$@"; then echo "ok - $what"; else echo "not ok - $what"; failed=1; fi; }
within() { local end=$((SECONDS + $1)); shift; until "$@" > /dev/null 2>&1; do [ "$SECONDS" -lt "$end" ] || return 1; sleep 0.05; done; }
not() { ! "$@"; }
on() { local n=$1; shift; nsenter -t "${ns[$n]}" -n -- "$@"; }
elsewhere() { [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
# node NAME ITS-ADDRESS/LEN OUR-ADDRESS/LEN: a namespace behind the interface NAME
node() {
	unshare -n sleep 600 & ns[$1]=$!
	within 5 elsewhere "${ns[$1]}" || skip "cannot make namespaces"
	ip link add "$1" type veth peer name eth0 netns "${ns[$1]}" || skip "no veth"
	ip link set "$1" up; on "$1" ip link set lo up; on "$1" ip link set eth0 up
	ip addr add "$3" dev "$1"; on "$1" ip addr add "$2" dev eth0
}
ip link set lo up; echo 1 > /proc/sys/net/ipv4/ip_forward
node world 192.0.2.100/24 192.0.2.1/24
on world ip route add 10.64.0.0/10 via 192.0.2.1; on world ip route add 198.51.100.0/24 via 192.0.2.1
for i in isc7a:10.64.7.65 isc7b:10.64.7.66 isc8:10.64.8.65; do
	node "${i%:*}" "${i#*:}/32" 169.254.1.1/32
	ip route add "${i#*:}/32" dev "${i%:*}"
	on "${i%:*}" ip route add 169.254.1.1 dev eth0; on "${i%:*}" ip route add default via 169.254.1.1
done
cat > "$dir/echo.py" << 'END'
import socketserver
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(self.client_address[0].encode() + b"\n")
        try:
            while data := self.request.recv(100):
                self.request.sendall(data)
        except OSError:
            pass
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer.daemon_threads = True
socketserver.ThreadingTCPServer(("", 7), Echo).serve_forever()
END
# Whom the server sees, and then how often it has answered.
cat > "$dir/flow.py" << 'END'
import socket, sys, time
s = socket.create_connection(("192.0.2.100", 7), timeout=2)
f = s.makefile("rwb", buffering=0)
open(sys.argv[1] + ".seen", "wb").write(f.readline())
s.settimeout(None)
n = 0
while True:
    f.write(b"x\n")
    f.readline()
    n += 1
    open(sys.argv[1] + ".count", "w").write(str(n))
    time.sleep(0.02)
END
nsenter -t "${ns[world]}" -n -- python3 "$dir/echo.py" & pids+=($!)
within 5 on world python3 -c 'import socket; socket.create_connection(("127.0.0.1", 7))' || skip "no server"

# Who the server sees NODE as; "nobody" when it cannot be reached.
seen() {
	on "$1" timeout 2 python3 -c 'import socket
s = socket.create_connection(("192.0.2.100", 7), timeout=1)
print(s.makefile().readline().strip())' 2> /dev/null || echo nobody
}
start_flow() { # NODE: a connection that goes on and on
	nsenter -t "${ns[$1]}" -n -- python3 "$dir/flow.py" "$dir/$1" 2> /dev/null 5>&- & flow[$1]=$!
	within 5 test -s "$dir/$1.count"
}
count() { cat "$dir/$1.count"; }
goes_on() { local was; was=$(count "$1"); within 3 eval "[ \"\$(cat '$dir/$1.count' 2> /dev/null || echo 0)\" -gt $((was + 3)) ]"; }
stands() { local was; was=$(count "$1"); sleep 1; [ "$(count "$1")" = "$was" ]; }
reaches() { on "$1" ping -q -c 1 -W 1 "$2" > /dev/null 2>&1; }
terms() { # ICORP LIFETIME
	printf 'icorp %s\nleader 10.200.1.11\nrevision 1\nname shop\nprefix 10.64.%s.0/24\nlifetime %s\n' "$1" "$1" "$2"
	printf 'endpoint srv1 server control=10.200.2.21 private=10.64.%s.65 public=0.0.0.0 weight=10\n' "$1"
}
terms 7 900 > "$dir/t7"; terms 8 900 > "$dir/t8"; terms 8 2 > "$dir/brief8"
sed 's/icorp 7/icorp 9/' "$dir/t7" > "$dir/heir"
# One adaptor process that is told things one after the other.
mkfifo "$dir/in"
start_adaptor() {
	"$drive" nat out=world "$@" < "$dir/in" > "$dir/said" 2>&1 & adaptor=$!
	pids+=("$adaptor")
	exec 5> "$dir/in"
	within 5 grep -q '^open: ' "$dir/said"
}
tell() { # what to tell; what it says then
	local was; was=$(wc -l < "$dir/said")
	echo "$*" >&5
	within 5 eval "[ \"\$(wc -l < '$dir/said')\" -gt $was ]"; sleep 0.05
	tail -n +$((was + 1)) "$dir/said"
}
tracked() { grep -c 'src=10\.64\.7\.65 dst=192\.0\.2\.100' /proc/net/nf_conntrack; }

check "without it servers see private addresses" test "$(seen isc7a)" = 10.64.7.65
check "and reach them" reaches world 10.64.7.65
start_adaptor
check "the adaptor opens" grep -q '^open: ok' "$dir/said"
check "who is in no ICorp does not get out" test "$(seen isc7a)" = nobody
check "two ICorps are applied" test "$(tell "apply $dir/t7"; tell "apply $dir/t8")" = "$(printf 'apply: ok\napply: grant 0 applied enforced 0\n%.0s' 1 2)"
check "the server sees the edge's address" test "$(seen isc7a)" = 192.0.2.1
check "of the other ICorp, too" test "$(seen isc8)" = 192.0.2.1
check "nobody outside reaches a private address" not reaches world 10.64.7.65
check "the edge itself does" ping -q -c 1 -W 1 10.64.7.65 > /dev/null
check "ISCs of one ICorp reach each other" reaches isc7a 10.64.7.66
check "those of two do not" not reaches isc7a 10.64.8.65
start_flow isc7a; start_flow isc8
check "connections go on" goes_on isc7a
check "and are counted" test "$(tell measure | grep -oE '"packets": *[0-9]+' | grep -oE '[0-9]+' | sort -n | head -1)" -gt 10

packets() { tell measure | tr -d ' \n' | grep -oE '"icorp":7,[^}]*"packets":[0-9]+' | grep -oE '[0-9]+$'; }
before=$(packets)
kill -9 "$adaptor"; wait "$adaptor" 2> /dev/null; exec 5>&-
check "they go on when the adaptor is killed" goes_on isc7a
start_adaptor
check "and when the next one begins" goes_on isc8
check "which knows what it found" test "$(tell "audit 7 10.200.1.11 8 10.200.1.11")" = "audit: ok: 0 orphans, 0 repaired"
tell "apply $dir/t7" > /dev/null; tell "apply $dir/t8" > /dev/null
check "connections go on when it is told again" goes_on isc7a
check "what the killed one had counted is still counted" test "$(packets)" -gt "$before"
nft flush set ip icorp_nat icorps
check "without its elements nothing passes" stands isc7a
check "an audit puts them back" grep -q "ok: 0 orphans, [1-9]" <<< "$(tell "audit 7 10.200.1.11 8 10.200.1.11")"
check "and connections go on" goes_on isc7a

check "the kernel knows the connection" test "$(tracked)" -gt 0
tell "revoke 7 10.200.1.11" > /dev/null
check "a revoke stops what was under way" stands isc7a
check "and what is new" test "$(seen isc7a)" = nobody
check "the kernel has forgotten its connections" test "$(tracked)" = 0
check "the other ICorp's go on" goes_on isc8
tell "apply $dir/heir" > /dev/null
check "who has the prefix next can use it" test "$(seen isc7a)" = 192.0.2.1
check "and does not inherit the connection" stands isc7a
tell "apply $dir/brief8" > /dev/null
kill -9 "$adaptor"; wait "$adaptor" 2> /dev/null; exec 5>&-
check "what nobody renews ends by itself" within 8 stands isc8
start_adaptor to=198.51.100.10-198.51.100.12
tell "apply $dir/heir" > /dev/null
check "an address of the operator's list" grep -qE '^198\.51\.100\.1[0-2]$' <<< "$(seen isc7a)"
check "an audit of nothing takes all" grep -q "ok: 1 orphans" <<< "$(tell audit)"
check "and nobody gets out" test "$(seen isc7a)" = nobody
exec 5>&-; wait "$adaptor"
exit $failed
