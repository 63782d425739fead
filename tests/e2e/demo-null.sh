#!/bin/bash
# scripts/demo --null, as a user without privileges when that can be had, and as whoever runs this otherwise.
# usage: tests/e2e/demo-null.sh BUILDDIR. 0: passed, 77: skipped, else failed. A line per check.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-${BUILDDIR:?usage: tests/e2e/demo-null.sh BUILDDIR}}
unshare --user --map-root-user --net true 2> /dev/null || { echo "1..0 # SKIP no user namespaces here"; exit 77; }
command -v knotd > /dev/null || { echo "1..0 # SKIP needs knotd"; exit 77; }
as=()
if [ "$(id -u)" = 0 ]; then
	as=(setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/)
	"${as[@]}" test -x "$build/icorp-signald" || as=()
fi
out=$(mktemp)
trap 'rm -f "$out"' EXIT
"${as[@]}" "$top/scripts/demo" --null --bindir "$build" > "$out" 2>&1
status=$?
failed=0
for n in 1 2 3 4 5 6 7; do
	if grep -q "^  step $n ok" "$out"; then echo "ok - step $n"; else echo "not ok - step $n"; failed=1; fi
done
if [ $status = 0 ] && tail -n 1 "$out" | grep -qx 'demo: 7 of 7 steps ok'; then echo "ok - 7 of 7"; else echo "not ok - 7 of 7"; failed=1; fi
[ $failed = 0 ] || { sed 's/^/# /' "$out" | tail -n 60; exit 1; }
