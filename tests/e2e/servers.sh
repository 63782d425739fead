#!/bin/bash
# Servers of different kinds in one ICorp, with real kernels, libvirt, DNS and users: a virtual machine (QEMU, translated)
# and a container. The machine's own controller reports from inside and asks for more; then its server's libvirtd freezes,
# and nothing else does.
#
#   user1 -- ar1 -- r1 --+-- srv1   virtual machines
#                    |   +-- srv2   containers
#                    gk
#
# usage: tests/e2e/servers.sh BUILDDIR; as root. 0: passed, 77: skipped, else failed. A line per check.
# shellcheck source-path=SCRIPTDIR
set -u -o pipefail
TOP=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-${BUILDDIR:?usage: tests/e2e/servers.sh BUILDDIR}}
NAME=srv$$ KEEP=${SERVERS_KEEP:-}
# shellcheck source=../lib/stage.sh
. "$TOP/tests/lib/stage.sh"
# shellcheck source=../lib/network.sh
. "$TOP/tests/lib/network.sh"
CASE=servers
# shellcheck disable=SC2034 # for look.sh
GK_ADDRESS=10.240.9.5
PROGRAM_PORT=8000 ASK_PORT=8081

# The client's own program, fetched by the ISCs' controllers: says what the machine sees, and asks for more on request.
program() {
	mkdir -p "$WORK/program"
	cat > "$WORK/program/ask" <<- 'END'
		#!/bin/sh
		mkdir -p /tmp/ask/cgi-bin
		cat > /tmp/ask/cgi-bin/ask << 'CGI'
		#!/bin/sh
		printf 'Content-Type: text/plain\r\n\r\n'
		case $QUERY_STRING in
		facts) cat /proc/sys/kernel/random/boot_id; sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo ;;
		more-*) /usr/bin/icorp more "${QUERY_STRING#more-}" 2>&1 ;;
		esac
		CGI
		chmod 755 /tmp/ask/cgi-bin/ask
		exec busybox httpd -f -p 8081 -h /tmp/ask
	END
	APPLICATIONS="<application name=\"ask\" url=\"http://169.254.1.1:$PROGRAM_PORT/ask\" sha256=\"$(sha256sum < "$WORK/program/ask" | cut -d' ' -f1)\"/>"
	behind "${TB[@]}" exec srv1 busybox httpd -f -p $PROGRAM_PORT -h "$WORK/program"
	behind "${TB[@]}" exec srv2 busybox httpd -f -p $PROGRAM_PORT -h "$WORK/program"
}
ask() { in_ srv1 curl -s -m 60 "http://$MACHINE:$ASK_PORT/cgi-bin/ask?$1" < /dev/null; }
machine_runs() { local d; d=$(in_ srv1 virsh -q -c qemu:///system list --name < /dev/null); echo "srv1: $d"; [[ $d == icorp-$ID-* ]]; }
machine_gone() { local d; d=$(in_ srv1 virsh -q -c qemu:///system list --all --name < /dev/null | grep .); echo "srv1: $d"; [ -z "$d" ]; }
memory_more_than() { local now; now=$(ask facts | tail -n 1); echo "MemTotal $now (more than $1?)"; [ "${now:-0}" -gt "$1" ]; }
granted() { # RESOURCE ENFORCEMENT LEVEL: to srv1's ISC
	local now; now=$(ctl srv1 show path "$ID" | jq -c ".grants[] | select(.endpoint == \"10.240.2.21\" and .resource == \"$1\")")
	echo "$now"
	jq -e --arg e "$2" --arg l "$3" '.enforcement == $e and .level == $l' <<< "$now"
}
vm_waits() { # PATTERN: what srv1's adaptor vm waits for
	local now; now=$(ctl srv1 show status | jq -r '.adaptors[] | select(.type == "vm") | .reason')
	echo "vm: $now"
	grep -qE "$1" <<< "$now"
}

stage_set qemu-system-x86_64 busybox
raise servers ar1 r1 srv1 srv2
program
create srv1 srv2 || exit 1
check 5 "srv1 has a virtual machine for it" machine_runs
MACHINE=$(isc_address srv1)
pages || exit 1
boot=$(ask facts | head -n 1) memory=$(ask facts | tail -n 1)
echo "# the machine's memory: $memory KiB"
out=$(ask more-memory)
echo "$out" | sed 's/^/# /'
check 1 "asked from inside, memory is granted, with its price" grep -q EUR <<< "$out"
check 10 "the machine sees it" memory_more_than $((memory + 60000))
check 1 "it is the machine that was started" test "$(ask facts | head -n 1)" = "$boot"
check 1 "srv1 says what it is worth" granted memory best-effort "192 MiB"

pid=$(daemon_pid srv1 libvirtd)
kill -STOP "$pid"
users_ask user1
ask more-memory > /dev/null &
asked=$!
ask more-bandwidth > /dev/null &   # its answer waits for the memory's
check 5 "frozen libvirtd: another adaptor of that server goes on" rate_is srv1 eth0 "$PREFIX" 17000000
check 30 "the memory waits, and the status says for what" vm_waits 'libvirt'
users_served 20
kill -CONT "$pid"
check 30 "thawed: it waits for nothing" vm_waits '^$'
check 30 "and the machine has more memory" memory_more_than $((memory + 120000))
wait $asked
check 1 "it is still the machine that was started" test "$(ask facts | head -n 1)" = "$boot"
stop_background
delete
check 10 "no machine is left" machine_gone
[ $FAILED = 0 ]
