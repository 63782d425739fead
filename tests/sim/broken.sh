#!/bin/sh
# The checks of the simulator can fail: each way of breaking the core (tests/sim/broken.c) is caught, by the check that is meant
# for it, and the command that is printed shows the same violation again. Unbroken, the same program finds nothing.
# usage: broken.sh   (in the build directory; srcdir in the environment). 77: nothing built here.
top=$(cd "${srcdir:-$(dirname "$0")/../..}" && pwd)
demo=$top/testbed/demo.topo
sim=tests/sim/broken
[ -x $sim ] || { echo "broken: # SKIP nothing is built here"; exit 77; }
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
failed=0

if BREAK='' $sim -t "$demo" -n 20 -j "$(nproc)" > "$tmp/out" 2>&1; then echo "ok - unbroken"; else echo "not ok - unbroken"; cat "$tmp/out"; failed=1; fi

# caught WHAT PATTERN OPTION…: some of 60 seeds must fail, the first with that violation, which is seen again on replay.
caught() {
	what=$1 pattern=$2; shift 2
	for first in 1 13 25 37 49; do
		BREAK=$what $sim -t "$demo" -f $first -n 12 -j "$(nproc)" "$@" > "$tmp/out" 2>&1
		status=$?
		line=$(grep -m 1 -E "^seed [0-9]+: .*($pattern)" "$tmp/out")
		[ -z "$line" ] || break
	done
	seed=$(echo "$line" | sed -n 's/^seed \([0-9]*\):.*/\1/p')
	if [ $status != 1 ] || [ -z "$seed" ]; then
		echo "not ok - $what is not caught"; head -n 20 "$tmp/out"; failed=1
		return
	fi
	again=$(sed -n "/^seed $seed: /{n;s/^ *icorp-sim //p;}" "$tmp/out")
	# shellcheck disable=SC2086 # the options of a command line
	if BREAK=$what $sim $again 2>&1 | grep -qxF "$line"; then
		echo "ok - $what: $line"
	else
		echo "not ok - $what: the replay differs: $again"; failed=1
	fi
}

caught capacity 'is oversubscribed: [0-9]+ of [0-9]+ bit/s'
caught demands 'demand [0-9]+ for (cpu|memory|bandwidth) is applied twice'
caught lifetime 'keeps icorp [0-9]+, which nobody upstream has known' --crash 3
caught routes 'run in a circle'
caught refusal 'is neither whole nor refused|is not in force' --icorps 10
caught weights 'renews icorp [0-9]+, whose terms have changed'
caught vlans 'things are left'
caught claim 'changes icorp [0-9]+ because a controller was restarted .vlan [0-9]+ -> [0-9]+, '
caught waits '(changes|revokes) icorp [0-9]+ because a controller was restarted'
caught orphans 'things are left|is left (in|on)' --crash 3
caught found 'because a controller was restarted|more is in force' --crash 3
caught priorities 'holding priority [0-9], loses growth to icorp [0-9]+, setup priority' --press 1
caught blockade 'has [0-9]+ bit/s for .*, which has' --press 1
caught half 'has [0-9]+ bit/s for .*, which has'
caught twice 'its books differ from what its sessions hold'
caught before 'a change of revision takes'
caught both 'has 2 revisions'
caught graph 'a shortcut leaves .* which carries it already' -t "$top/testbed/fig6.topo"
caught given 'counts [0-9]+ shares for its ISC, which was given'
exit $failed
