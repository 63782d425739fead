# shellcheck shell=bash
# The seed's figure 6 (testbed/fig6.topo): h3 finds its better way to h4 and h5, through r4, and joins it to the tree that ar1
# spans. Real packets take it, in its class; it ends where the tree is already; when it is cut, they go by the tree.
#
#                 +-- h2
#   ar1 --- r1 ---+-- r2 ---- h3
#   (H1)    |                 |
#           +---- r3 ---------r4        the tree: ar1-r1, r1-r2-h3, r1-r3-h4, r3-h5
#                 | |         |         the shortcut: h3-r4-h4, and h3-r4-r3, where the tree leads on to h5
#                h5 h4 -------+

# The sessions of the ICorp there: state and previous hop of the tree's, of the shortcut's; where that begins it has none.
sessions_are() { # ELEMENT SESSIONS
	local now; now=$(ctl "$1" show sessions | jq -r "[.sessions[] | select(.icorp == $ID) | .state, .previous] | join(\",\")")
	echo "$1: $now"
	[ "$now" = "$2" ]
}
by_tree() {
	sessions_are h3 up,10.220.3.2 && sessions_are h4 up,10.220.4.2 && sessions_are r3 up,10.220.1.1 && sessions_are r4 ''
}
by_shortcut() {
	sessions_are h3 up,10.220.3.2,up, && sessions_are r4 up,10.220.23.23 && sessions_are h4 up,10.220.4.2,up,10.220.5.1 &&
		sessions_are r3 up,10.220.1.1,up,10.220.5.1 && sessions_are h5 up,10.220.4.2
}
reserved_once() { # on each port that the ICorp uses, and no other
	local e now; local -A want=([h3]='15 15' [r4]='15 15 15' [h4]='15 15' [r3]='15 15 15 15' [h5]='15' [r2]='15 15' [r1]='15 15 15 0')
	for e in "${!want[@]}"; do
		now=$(ctl "$e" show ports | jq -r '[.ports[].reserved / 1000000] | map(tostring) | join(" ")')
		echo "$e: $now"
		[ "$now" = "${want[$e]}" ] || return
	done
}

# Programs of this machine in the network of a server's ISC.
isc_() { nsenter -t "$(agent_pid "$1")" -n -- "${@:2}"; }
sent_more() { # ELEMENT IFNAME BEFORE OP BYTES
	local now; now=$(class_sent "$1" "$2" "$PREFIX")
	echo "$1 $2: the ICorp's class has sent $((now - $3)) bytes"
	test $((now - $3)) "-$4" "$5"
}
# 4 MB from h3's ISC to h4's, while h3 fills the shortcut with other people's packets. Silver: 15 Mbit/s at least, 30 at most.
enforced() {
	local rate
	rate=$(isc_ h3 python3 "$TOP/tests/e2e/ways.d/bulk.py" send "$(isc_address h4)" 4001 4000000) || return
	echo "$rate bit/s"
	[ "$rate" -ge 13000000 ] && [ "$rate" -le 32000000 ]
}
used() {
	local h3 h3_tree r4 r4_h5
	h3=$(class_sent h3 eth1 "$PREFIX") h3_tree=$(class_sent h3 eth0 "$PREFIX")
	r4=$(class_sent r4 eth1 "$PREFIX") r4_h5=$(class_sent r4 eth2 "$PREFIX")
	behind nsenter -t "$(agent_pid h4)" -n -- python3 "$TOP/tests/e2e/ways.d/bulk.py" receive 4001
	behind "${TB[@]}" exec h3 python3 "$TOP/tests/e2e/ways.d/bulk.py" flood 10.220.6.2 9
	check 5 "4 MB from h3's ISC to h4's get their rate beside a flood, and no more" enforced
	stop_one "$BEHIND"
	check 1 "they left h3 by the shortcut" sent_more h3 eth1 "$h3" ge 4000000
	check 1 "and r4, in its class there" sent_more r4 eth1 "$r4" ge 4000000
	check 1 "and not by the tree" sent_more h3 eth0 "$h3_tree" lt 100000
	check 2 "h5's ISC answers h3's" isc_ h3 ping -c 5 -i 0.05 -s 1000 "$(isc_address h5)"
	check 1 "by r4 and r3" sent_more r4 eth2 "$r4_h5" ge 5000
}

# Who sent Paths to whom, as r4 sees it, where only the shortcut passes: none is sent on where the ICorp is carried already.
paths_went() {
	local now
	now=$(tshark -r "$WORK/shortcut.pcap" -Y 'rsvp.msg == 1' -T fields -E separator=' ' -e ip.src -e ip.dst 2> /dev/null | sort -u)
	echo "$now"
	[ "$now" = "$(printf '%s\n' "10.220.5.1 10.220.4.2" "10.220.5.1 10.220.24.24" "10.220.23.23 10.220.5.1" | sort)" ]
}

flows() { # from h3's ISC to h4's
	rm -f "$WORK/flow"
	behind nsenter -t "$(agent_pid h4)" -n -- python3 "$TOP/tests/e2e/failures.d/flow.py" receive 4000 > "$WORK/flow"
	behind nsenter -t "$(agent_pid h3)" -n -- python3 "$TOP/tests/e2e/failures.d/flow.py" send "$(isc_address h4)" 4000
	SENDER=$BEHIND
}
flow_interrupted() { # less than MS: few were lost, and it went on
	sed 1q "$WORK/flow"
	awk -v max="$1" 'NR == 1 { ok = $1 > 500 && $7 < max } END { exit !ok }' "$WORK/flow"
}

# What every controller said while the ICorp was set up, in one row.
trace_begin() { # ID
	behind "$(icorpctl_)" --json "--all=$STATE" trace "$1" > "$WORK/trace"
	TRACER=$BEHIND
	check 5 "all controllers are listened to" traced "select(.event == \"start\")" ${#ELEMENTS[@]}
}
icorpctl_() { PATH=$build:$build/cli:$build/bin command -v icorpctl; } # outside of all elements
traced() { [ "$(jq -c "$1" "$WORK/trace" | wc -l)" = "$2" ]; } # JQ-FILTER HOW-MANY
# "ELEMENT EVENT MESSAGE TEXT" as a pattern each: such events are in it, one after the other, and what was sent was received
# within 90 ms: neighbours that never spoke before prove first who they are, and need no retransmission for that (100 ms).
hops() {
	jq -r 'select(.ms) | "\(.ms)\t\(.element) \(.event) \(.message // "-") \(.text)"' "$WORK/trace" > "$WORK/events"
	printf '%s\n' "$@" | awk -F '\t' -v at=0 '
		NR == FNR { want[n++] = "^" $0; next }
		at < n && $2 ~ want[at] { print; late = want[at++] ~ / received / && $1 - before > 90; before = $1; if (late) exit }
		END { if (at < n) print "no", want[at]; exit late || at < n }' - "$WORK/events"
}

case_fig6() {
	raise fig6 ar1 r1 r2 r3 r4 h2 h3 h4 h5
	behind "${TB[@]}" exec r4 tcpdump -Z root -i any -U -w "$WORK/shortcut.pcap" 'ip proto 46' > /dev/null 2>> "$WORK/capture.log"
	trace_begin 1 || return
	create h3 h4 h5 || return
	pages 3 || return
	check 5 "h3 has found the shortcut: r4, h4 and r3 have it, h5 need not" by_shortcut || return
	stop_one "$TRACER"
	check 1 "a trace shows the tree's way to h4" hops 'ar1 sent Path' 'r1 received Path' 'r1 sent Path' 'r3 received Path' 'r3 sent Path' \
		'h4 received Path' 'h4 applied - done' 'h4 sent Resv' 'r3 received Resv' 'r3 applied - done' 'r3 sent Resv' 'r1 received Resv' \
		'r1 applied - done' 'r1 sent Resv' 'ar1 received Resv' 'ar1 report - complete'
	check 1 "and the shortcut's" hops 'h3 sent Path .*a shortcut' 'r4 received Path .*a shortcut' 'r4 sent Path .*a shortcut' \
		'h4 received Path .*a shortcut' 'h4 applied - done' 'h4 sent Resv .*a shortcut' 'r4 received Resv .*a shortcut' \
		'r4 applied - done' 'r4 sent Resv .*a shortcut' 'h3 received Resv .*a shortcut' 'h3 applied - done'
	check 2 "a port has the ICorp's rate once, whoever uses it" reserved_once
	for at in h3:eth1 r4:eth1 r4:eth2 h4:eth1 r3:eth2 r3:eth3; do
		check 2 "$at has a class for it" rate_is "${at%:*}" "${at#*:}" "$PREFIX" 15000000
	done
	used
	check 5 "its Paths went to r4, and on to h4 and r3 alone" paths_went
	users_ask user1
	flows
	in_ h3 ip link set eth1 down
	in_ h4 ip route del 10.220.23.23/32
	check 10 "the link between h3 and r4 is lost, routes with it: the tree is left" by_tree || return
	check 2 "r4 has no class for it any more" no_class r4 eth1
	check 2 "the ICorp is complete" icorp_is "$ID" complete
	kill -TERM -- "-$SENDER"
	check 10 "packets from h3's ISC to h4's went on, at most 500 ms late" flow_interrupted 500
	users_served 5
	in_ h3 ip link set eth1 up
	in_ h3 ip route add 10.220.24.24/32 via 10.220.5.1
	in_ h3 ip route add 10.220.25.25/32 via 10.220.5.1
	in_ h3 ip route add 10.220.7.0/30 via 10.220.5.1
	in_ h3 ip route add 10.220.6.0/30 via 10.220.5.1
	in_ h4 ip route add 10.220.23.23/32 via 10.220.6.1
	check 5 "link and routes are back, and so is the shortcut" by_shortcut
	stop_background
	delete
}
