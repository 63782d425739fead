#!/bin/sh
# The benchmarks work: small numbers, every kind of row, well-formed JSON and SVG. Says nothing about speed.
# usage: bench.sh   (in the build directory). Exit status 77: namespaces are not to be had, or nothing built here.
set -u
for program in signaling isolation adaptors; do
	[ -x bench/$program ] || { echo "bench: # SKIP bench/$program is not built here"; exit 77; }
done
for program in ip unshare; do
	command -v $program > /dev/null || { echo "bench: # SKIP no $program"; exit 77; }
done
unshare -r -m -n -p -f true 2> /dev/null || { echo "bench: # SKIP no namespaces for this user"; exit 77; }
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
failed=0
wrong() { echo "not ok - $*"; sed 's/^/  | /' "$tmp/out"; failed=1; }

bench/signaling --quick --only setups,new,reroute,scale --json "$tmp/bench.json" --svg "$tmp" > "$tmp/out" 2>&1 ||
	wrong "bench/signaling: status $?"
for row in setups_per_s_inlined setups_per_s_new reroute_10k_ms cpu_us_per_setup_1k; do
	if grep -q "^$row: [0-9]" "$tmp/out"; then
		echo "ok - $row"
	else
		wrong "no figure for $row"
	fi
done
grep -q '^setups_per_s_new: .*(goal >= 10000, floor [0-9.]*, ratio ' "$tmp/out" || wrong "goal, floor and ratio are not shown"
if command -v python3 > /dev/null; then
	python3 - "$tmp/bench.json" "$tmp/cpu-per-setup.svg" << 'END' || wrong "the files are not well-formed"
import json, sys, xml.dom.minidom
rows = {r["name"]: r for r in json.load(open(sys.argv[1]))["rows"]}
assert rows["setups_per_s_new"]["goal_at_least"] == 10000 and rows["setups_per_s_new"]["value"] > 0
assert xml.dom.minidom.parse(sys.argv[2]).getElementsByTagName("circle")
END
fi
bench/signaling --only nothing > "$tmp/out" 2>&1 && wrong "an unknown measurement is accepted"

# Small numbers, yet what is enforced must be told apart from what is not.
bench/isolation --quick --only host,throughput --json "$tmp/isolation.json" --svg "$tmp" --csv "$tmp" > "$tmp/out" 2>&1 ||
	wrong "bench/isolation: status $?"
if grep -q '^3a: not available' "$tmp/out"; then
	echo "ok - bench/isolation # SKIP $(grep -m1 adaptor "$tmp/out")"
elif command -v python3 > /dev/null; then
	python3 - "$tmp/isolation.json" "$tmp/isolation-3a.csv" "$tmp/isolation-3a.svg" << 'END' || wrong "bench/isolation"
import csv, json, sys, xml.dom.minidom
rows = {r["name"]: r for r in json.load(open(sys.argv[1]))["rows"]}
on, off = (rows[f"3a{x}_worst_second_off_by"]["value"] for x in ("", "_off"))
assert on < 50 < 100 < off, (on, off)
assert rows["throughput_1g_icorp"]["value"] > 0 and rows["throughput_1g_icorp"]["ratio"] > 0
table = list(csv.reader(open(sys.argv[2])))
assert len(table) == 6 and len(table[0]) == 4 and abs(float(table[2][1]) - 15) < 7.5, table
assert len(xml.dom.minidom.parse(sys.argv[3]).getElementsByTagName("polyline")) == 3
END
	echo "ok - bench/isolation"
	bench/adaptors --quick > "$tmp/out" 2>&1 || wrong "bench/adaptors: status $?"
	for row in change_to_kernel_p99_ms demand_to_kernel_p99_ms lapses_after_s tc_changes_per_s tc_change_cpu_ratio icorps_on_one_router_500_s forwarding_gbit_500; do
		if grep -q "^$row: [0-9].*(goal" "$tmp/out"; then echo "ok - $row"; else wrong "no figure for $row"; fi
	done
fi
exit $failed
