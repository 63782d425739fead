#!/bin/bash
# Ctrl-C during the demo (SIGINT to its process group) leaves nothing: no process, namespace, mount, tap, cgroup of a
# container, nor file. Nor does SIGTERM to the demo alone. By default at two moments.
# usage: tests/e2e/demo-interrupt.sh BUILDDIR [all | MOMENT…]; as root. 0: passed, 77: skipped, else failed.
# Moments: up (while the testbed comes up), and steps 1 to 7; with SIGTERM up:TERM, 1:TERM …
# `all` is every one of them, some with SIGTERM too, and a whole demo after them.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-${BUILDDIR:?usage: tests/e2e/demo-interrupt.sh BUILDDIR [all | MOMENT…]}}
shift
name=di$$
failed=0

[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 77; }
whole=''
case ${1:-} in
'') set -- up 5 ;;
all) set -- up 1 2 3 4 5 6 7 up:TERM 5:TERM; whole=1 ;;
esac
# TMPDIR too: what the demo leaves in it is seen.
dir=$(mktemp -d /var/tmp/di.XXXXXX)
mkdir "$dir/tmp"
export ICORP_TESTBED_DIR=$dir TMPDIR=$dir/tmp
demo=''
# bash waits for the demo to clean up after itself
finish() {
	if [ -n "$demo" ] && kill -TERM -- "-$demo" 2> /dev/null; then wait "$demo"; fi
	"$top/testbed/testbed" --name $name -q down 2> /dev/null
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT TERM

links() { ip -o link show | awk -F': ' '{ print $2 }' | sort; }
# Processes of the demo and of its testbed, by environment: it carries our directory.
processes() { grep -lasz "^ICORP_TESTBED_DIR=$dir\$" /proc/[0-9]*/environ 2> /dev/null | cut -d/ -f3 | grep -vx $$; }
own() { # those that this test itself runs right now
	local p
	for p in $(processes); do
		grep -qsz "demo-interrupt" "/proc/$p/cmdline" || [ ! -e "/proc/$p/cmdline" ] ||
			{ tr '\0' ' ' < "/proc/$p/cmdline" | grep . | sed "s/^/process $p: /"; }
	done 2> /dev/null | grep -vE ': (grep|cut|tr|sed) '
}
left() {
	own
	find "$dir" -mindepth 1 ! -path "$dir/tmp" ! -path "$dir/out" | head -n 5
	grep -F "$dir" /proc/mounts
	diff <(printf '%s\n' "$links_before") <(links) | grep '^>'
	# by the ids of our containers' controllers: others' containers come and go beside this test
	for d in $containers; do find /sys/fs/cgroup -type d -name "lxc-$d-*"; done 2> /dev/null
}

reached() { # MOMENT: the demo's output says so
	case $1 in
	up) [ -e "$dir/icorp-testbed-$name/record" ] && [ "$(grep -c ^pid "$dir/icorp-testbed-$name/record")" -gt 5 ] ;;
	*) grep -q "^$1\. " "$dir/out" && tail -n 1 "$dir/out" | grep -qE '^ ' ;;
	esac
}

interrupted() { # MOMENT[:TERM]
	local moment=${1%:*} end=$((SECONDS + 180)) status began expect=130
	: > "$dir/out"
	# A background job of a script ignores SIGINT; a terminal's foreground job does not.
	setsid env --default-signal=INT "$top/scripts/demo" --no-install --name $name --bindir "$build" > "$dir/out" 2>&1 &
	demo=$!
	until reached "$moment"; do
		if [ $SECONDS -ge $end ] || ! kill -0 $demo 2> /dev/null; then
			kill -TERM -- -$demo 2> /dev/null; wait $demo
			echo "not ok - $1: never reached"; sed 's/^/# /' "$dir/out" | tail -n 20; failed=1
			return
		fi
		sleep 0.05
	done
	containers=$(cat "$dir/icorp-testbed-$name"/*/libvirt/run/lxc/*.pid 2> /dev/null)
	[ -n "$containers" ] || case $moment in [345]) echo "not ok - $1: no container seen"; failed=1 ;; esac
	began=$SECONDS
	if [ "$1" = "$moment" ]; then kill -INT -- -$demo; else
		expect=143
		kill -TERM $demo
	fi
	wait $demo
	status=$?
	rest=$(left)
	[ $status = $expect ] || rest+=" status $status, not $expect"
	[ $((SECONDS - began)) -le 30 ] || rest+=" took $((SECONDS - began)) s"
	if [ -z "$rest" ]; then
		echo "ok - interrupted at $1: nothing is left, after $((SECONDS - began)) s"
	else
		echo "not ok - interrupted at $1: $rest"
		sed 's/^/# /' "$dir/out" | tail -n 20
		failed=1
	fi
}

links_before=$(links)
for moment; do interrupted "$moment"; done
if [ -n "$whole" ]; then
	"$top/scripts/demo" --no-install --name $name --bindir "$build" > "$dir/out" 2>&1
	if tail -n 1 "$dir/out" | grep -qx 'demo: 7 of 7 steps ok'; then echo "ok - a demo after that"; else
		echo "not ok - a demo after that"; sed 's/^/# /' "$dir/out" | tail -n 40; failed=1
	fi
fi
exit $failed
