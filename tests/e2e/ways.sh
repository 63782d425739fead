#!/bin/bash
# The ways that ICorps take, with real kernels, libvirt, DNS and users: past a router and a switch without a controller,
# another way when a route changes, by a shortcut (ways.d/fig6.sh), and where lldpd hears the next element (ways.d/lldp.sh). Each
# case has its own network (testbed/NAME.topo). And what other people's programs see on the wire (ways.d/wire.sh, on fig6.topo).
#
#   plain   user1 -- ar1 -- r1 -- (rp) -- r2 -- (lsw) --+-- srv1        (…): without a controller
#                            \__ gk                     +-- srv2
#
#                                +-- ra --+      +-- srv1
#   ring    user1 -- ar1 -- r1 --+        +- r2 -+
#                            gk  +-- rb --+      +-- srv2
#
# usage: tests/e2e/ways.sh BUILDDIR [CASE…]; as root. 0: passed, 77: skipped, else failed. A line per check.
# shellcheck source-path=SCRIPTDIR
set -u -o pipefail
TOP=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-${BUILDDIR:?usage: tests/e2e/ways.sh BUILDDIR}}
shift
CASES=("$@")
[ $# -gt 0 ] || CASES=(plain ring fig6 lldp wire)
NAME=ways$$ KEEP=${WAYS_KEEP:-}
# shellcheck source=../lib/stage.sh
. "$TOP/tests/lib/stage.sh"
# shellcheck source=../lib/network.sh
. "$TOP/tests/lib/network.sh"

# Nobody tells a router without a controller where an ICorp's own addresses are: its operator does.
rp_knows() {
	local a
	for a in $(ctl r1 show path "$ID" | jq -r '.endpoints[] | select(.element | startswith("srv")) | .private'); do
		in_ rp ip route add "$a" via 10.220.5.1
	done
}
# ELEMENT ADDRESS WORDS: a grant of that ICorp that says none, of what has the address.
does_nothing() {
	local now; now=$(ctl "$1" show path "$ID" | jq -c '.grants[] | select(.enforcement == "none") | {element, reason}')
	echo "$1: $now"
	printf '%s' "$now" | jq -se --arg a "$2" --arg w "$3" 'any(.[]; .element == $a and (.reason | contains($w)))'
}
api_says_none() {
	local now; now=$(body_of "$(api GET "/v1/icorps/$ID")" | jq -c '[.. | objects | select(.enforcement? == "none")]')
	echo "$now"
	printf '%s' "$now" | jq -e --arg a "$1" 'any(.[]; .element == $a)'
}

case_plain() {
	raise plain ar1 r1 r2 srv1 srv2
	create || return
	rp_knows
	pages || return
	check 5 "r1 has a class for it towards the router without a controller" rate_is r1 eth1 "$PREFIX" 15000000
	check 5 "r2, behind that, has one" rate_is r2 eth1 "$PREFIX" 15000000
	check 5 "r1 reports that router as doing nothing" does_nothing r1 10.220.3.2 "routers without a controller on the way: 1"
	check 5 "so does the leader" does_nothing ar1 10.220.3.2 "routers without a controller"
	check 5 "r2 reports the switch before the servers" does_nothing r2 10.220.2.21 "a switch without a controller"
	check 5 "so does the leader" does_nothing ar1 10.220.2.22 "a switch without a controller"
	check 10 "the gatekeeper's API says it" api_says_none 10.220.3.2
	delete
}

session_is() { # ELEMENT STATE; empty: it has none
	local now; now=$(ctl "$1" show sessions | jq -r ".sessions[] | select(.icorp == $ID) | .state")
	echo "$1: ${now:-nothing}"
	[ "$now" = "$2" ]
}
moved() { # TO FROM
	local to from
	to=$(ctl "$1" show sessions | jq -r ".sessions[] | select(.icorp == $ID) | .state")
	from=$(ctl "$2" show sessions | jq -r ".sessions[] | select(.icorp == $ID) | .state")
	echo "$1: ${to:-nothing}, $2: ${from:-nothing}"
	[ "$to" = up ] && [ -z "$from" ]
}
clean() { snapshot_of "$1" > "$WORK/now.$1"; diff -U1 "$WORK/before.$1" "$WORK/now.$1"; }
case_ring() {
	raise ring ar1 r1 ra rb r2 srv1 srv2
	snapshot_of ra > "$WORK/before.ra"
	snapshot_of rb > "$WORK/before.rb"
	create || return
	pages || return
	check 5 "it goes by ra" moved ra rb
	users_ask user1
	in_ r2 ip route replace default via 10.210.6.2
	in_ r1 ip route replace 10.210.21.0/24 via 10.210.4.2
	in_ r1 ip route replace 10.210.22.0/24 via 10.210.4.2
	check 5 "after the routes have changed it goes by rb" moved rb ra
	check 5 "r1 has its class towards rb" rate_is r1 eth2 "$PREFIX" 15000000
	check 5 "rb has one" rate_is rb eth1 "$PREFIX" 15000000
	check 5 "nothing is promised towards ra any more" rate_than r1 eth1 "$PREFIX" lt 15000000
	check 5 "ra's kernel is as it was before the ICorp" clean ra
	check 5 "the ICorp is complete" icorp_is "$ID" complete
	users_served 20
	users_ask user1
	in_ r1 ip route del 10.210.21.0/24
	in_ r1 ip route del 10.210.22.0/24
	in_ r2 ip route replace default via 10.210.5.2
	check 5 "and back again" moved ra rb
	check 5 "rb's kernel is as it was before the ICorp" clean rb
	users_served 20
	stop_background
	delete
}

# shellcheck source=ways.d/fig6.sh
. "$TOP/tests/e2e/ways.d/fig6.sh"
# shellcheck source=ways.d/lldp.sh
. "$TOP/tests/e2e/ways.d/lldp.sh"
# shellcheck source=ways.d/wire.sh
. "$TOP/tests/e2e/ways.d/wire.sh"

stage_set tcpdump tshark
declare -A GK=([plain]=10.220.9.5 [ring]=10.210.9.5 [fig6]=10.220.9.5 [lldp]=10.230.1.5 [wire]=10.220.9.5)
for CASE in "${CASES[@]}"; do
	# shellcheck disable=SC2034 # for look.sh
	GK_ADDRESS=${GK[$CASE]}
	before=$FAILED
	"case_$CASE" || [ "$FAILED" != "$before" ] || fail "the case ends well"
	tb -q down || exit 1
done
[ $FAILED = 0 ]
