#!/bin/sh
# icorp-sim as a program: a few seeds on every kind of topology, the same run twice, what it prints, what it refuses.
# usage: quick.sh   (in the build directory; srcdir and ICORP_DATA in the environment). 77: nothing built here.
top=$(cd "${srcdir:-$(dirname "$0")/../..}" && pwd)
data=${ICORP_DATA:-$top/../shared/data}
demo=$top/testbed/demo.topo
[ -x ./icorp-sim ] || { echo "sim: # SKIP nothing is built here"; exit 77; }
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
failed=0
ok() { echo "ok - $*"; }
wrong() { echo "not ok - $*"; failed=1; }

# seeds N TOPOLOGY OPTION…: nothing may be violated.
seeds() {
	n=$1 file=$2; shift 2
	if ./icorp-sim -t "$file" -n "$n" "$@" > "$tmp/out" 2>&1 && tail -n 1 "$tmp/out" | grep -q "^$n seeds, 0 violations"; then
		ok "${file##*/}$(printf ' %s' "$@"): $(tail -n 1 "$tmp/out")"
	else
		wrong "${file##*/} $*"; cat "$tmp/out"
	fi
}

seeds 40 "$demo"
seeds 40 "$top/testbed/fig6.topo"
seeds 10 "$demo" --jobs 2 --loss 400 --crash 6 --cut 6
n=0
for file in "$data"/sndlib/*.xml "$data"/zoo/*.gml; do
	[ -e "$file" ] || continue
	seeds 2 "$file"
	n=$((n + 1))
done
[ $n -gt 0 ] || echo "ok # SKIP no networks at $data (set ICORP_DATA)"

# The same seed runs the same way, whatever ran before it and wherever.
./icorp-sim -t "$demo" --seed 17 -v > "$tmp/one"
./icorp-sim -t "$demo" --first 16 --seeds 2 -v | sed '1,/^seed 16:/d; /^seed 17:/,$d' > "$tmp/two"
sed -i '/^seed 17:/,$d' "$tmp/one"
if [ "$(wc -l < "$tmp/one")" -gt 500 ] && cmp "$tmp/one" "$tmp/two"; then ok "replay"; else wrong "seed 17 ran in two ways"; fi
./icorp-sim -t "$demo" --seed 18 -v > "$tmp/two"
! cmp -s "$tmp/one" "$tmp/two" && ok "another seed, another run" || wrong "seeds 17 and 18 run alike"

# What it prints
./icorp-sim -t "$demo" -n 3 --json > "$tmp/json"
for word in '"seeds":3' '"violations":0' '"failed":\[\]' '"icorps_stood":[1-9]'; do
	grep -q "$word" "$tmp/json" || { wrong "no $word in"; cat "$tmp/json"; }
done
for words in "-n x" "--loss 1001" "--loss -1" "--seed" "more"; do
	# shellcheck disable=SC2086 # words
	./icorp-sim $words > "$tmp/out" 2>&1
	[ $? = 2 ] && ok "refused: $words" || { wrong "not refused: $words"; cat "$tmp/out"; }
done
printf 'node a router\nlink a b\n' > "$tmp/bad.topo"
./icorp-sim -t "$tmp/bad.topo" > "$tmp/out" 2>&1
[ $? = 1 ] && grep -q 'bad.topo:2: no such node' "$tmp/out" && ok "a bad topology" || { wrong "a bad topology"; cat "$tmp/out"; }
exit $failed
