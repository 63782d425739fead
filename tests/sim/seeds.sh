#!/bin/sh
# Many seeds: 2,000 on the demo's network and 100 on each sample network. scripts/check runs it on the plain build.
# usage: seeds.sh   (in the build directory; srcdir, ICORP_DATA and JOBS in the environment). 77: nothing built here.
top=$(cd "${srcdir:-$(dirname "$0")/../..}" && pwd)
data=${ICORP_DATA:-$top/../shared/data}
[ -x ./icorp-sim ] || { echo "sim: # SKIP nothing is built here"; exit 77; }
failed=0 n=0

seeds() { # N TOPOLOGY
	out=$(./icorp-sim -t "$2" -n "$1" --jobs "${JOBS:-$(nproc)}" 2>&1)
	if [ $? = 0 ]; then echo "ok - ${2##*/}: $(echo "$out" | tail -n 1)"; else echo "not ok - ${2##*/}"; echo "$out"; failed=1; fi
}

seeds 2000 "$top/testbed/demo.topo"
for file in "$data"/sndlib/*.xml "$data"/zoo/*.gml; do
	[ -e "$file" ] || continue
	seeds 100 "$file"
	n=$((n + 1))
done
[ $n -gt 0 ] || echo "ok # SKIP no networks at $data (set ICORP_DATA)"
exit $failed
