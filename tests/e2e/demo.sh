#!/bin/bash
# The demo, on real parts: interrupted once, then whole; afterwards nothing of it is left.
# usage: tests/e2e/demo.sh BUILDDIR; as root. 0: passed, 77: skipped, else failed. A line per check.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-${BUILDDIR:?usage: tests/e2e/demo.sh BUILDDIR}}
name=dt$$
export ICORP_TESTBED_DIR; ICORP_TESTBED_DIR=$(mktemp -d /var/tmp/dt.XXXXXX)
out=$ICORP_TESTBED_DIR/out
failed=0

result() { # STATUS WHAT
	if [ "$1" = 0 ]; then echo "ok - $2"; else echo "not ok - $2"; failed=$((failed + 1)); fi
}
nothing_left() {
	local rest
	rest=$(grep -lasFxz "ICORP_TESTBED=$ICORP_TESTBED_DIR/icorp-testbed-$name" /proc/[0-9]*/environ 2> /dev/null
		ls -d "$ICORP_TESTBED_DIR/icorp-testbed-$name" 2> /dev/null
		grep -F "$ICORP_TESTBED_DIR" /proc/mounts)
	[ -z "$rest" ] || { printf '# left: %s\n' "$rest"; return 1; }
}
finish() { "$top/testbed/testbed" --name $name -q down 2> /dev/null; rm -rf "$ICORP_TESTBED_DIR"; }

[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; rm -rf "$ICORP_TESTBED_DIR"; exit 77; }
trap finish EXIT
trap 'exit 130' INT TERM

setsid "$top/scripts/demo" --no-install --name $name --bindir "$build" > "$out" 2>&1 &
demo=$!
end=$((SECONDS + 90))
until grep -q '^3\. ' "$out" || [ $SECONDS -ge $end ] || ! kill -0 $demo 2> /dev/null; do sleep 0.1; done
kill -TERM -- -$demo 2> /dev/null
wait $demo 2> /dev/null
nothing_left; result $? "nothing is left of a demo that was interrupted in step 3"

"$top/scripts/demo" --no-install --name $name --bindir "$build" > "$out" 2>&1
status=$?
for n in 1 2 3 4 5 6 7; do
	grep -q "^  step $n ok" "$out"; result $? "step $n: $(sed -n "s/^$n\. //p" "$out")"
done
grep -q 'decode all [0-9]* without complaint' "$out"; result $? "tcpdump and tshark decode every message"
[ "$(grep -c . "$out")" -gt 0 ] && tail -n 1 "$out" | grep -qx 'demo: 7 of 7 steps ok' && [ $status = 0 ]
result $? "the last line says 7 of 7, the status too"
sed -n 's/^  saw    \(time from POST.*\)/# \1/p' "$out"
nothing_left; result $? "nothing is left"
[ $failed = 0 ] || { sed 's/^/# /' "$out" | tail -n 60; exit 1; }
