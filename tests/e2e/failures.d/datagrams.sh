# shellcheck shell=bash
# What no neighbour sent: each kind is counted by itself, logged once per burst, dropped, and no session notices.

counter() { ctl "$1" show counters | jq --arg c "datagrams $2" '.[$c]'; } # ELEMENT KIND
counted() { # ELEMENT KIND BEFORE HOW-MANY
	local now; now=$(counter "$1" "$2")
	echo "$1 datagrams $2: $now (was $3)"
	[ $((now - $3)) = "$4" ]
}
logged_once() { # ELEMENT KIND
	grep "dropped: $2" "$STATE/$1/log/signald.log"
	[ "$(grep -c "dropped: $2" "$STATE/$1/log/signald.log")" = 1 ]
}

# From r2 to r1, with the address of a neighbour whom r1 believes: 200 datagrams of a kind by each transport.
attack() { # KIND COUNTER…
	local kind=$1 what transport; local -A before; shift
	for what; do before[$what]=$(counter r1 "$what"); done
	for transport in raw udp; do
		in_ r2 "$TOP/tests/e2e/datagrams.py" "$kind" $transport 10.200.3.1 200 "$WORK/neighbour.pcap" < /dev/null ||
			{ fail "$kind datagrams are sent"; return 1; }
	done
	for what; do
		check 5 "400 $kind datagrams, raw and UDP: all are counted as $what" counted r1 "$what" "${before[$what]}" 400 || return
	done
}
sessions_of() { ctl "$1" show sessions | jq -S .sessions; }
same_sessions() { local now; now=$(sessions_of r1); [ "$now" = "$1" ] || { echo "$now"; return 1; }; }
lapsed_none() { local n; n=$(ctl r1 show counters | jq '.lapsed + ."refused here" + ."path tears received"'); echo "lapsed, refused, torn: $n"; [ "$n" = "$1" ]; }
captured() { [ "$(tcpdump -Z root -vnr "$WORK/neighbour.pcap" 2> /dev/null | grep -c 'RSVPv1 Path')" -gt 0 ]; }
captures() { [ -s "$WORK/neighbour.pcap" ]; }

case_datagrams() {
	local kind was lost before=${#BACKGROUND[@]}
	# What is replayed to r1 is what s1 says to it. Once it is up, an ICorp's Path is only named in a Srefresh.
	behind "${TB[@]}" exec r1 tcpdump -Z root -i eth0 -U -w "$WORK/neighbour.pcap" 'ip proto 46 and dst host 10.200.1.1' > /dev/null 2>> "$WORK/capture.log"
	check 10 "a capture is begun" captures || return
	serving mail || return
	check 10 "a neighbour's Path is captured" captured || return
	stop_one "$BEHIND"
	users_ask user1 user2
	was=$(sessions_of r1) lost=$(ctl r1 show counters | jq '.lapsed + ."refused here" + ."path tears received"')
	for kind in 'garbage malformed' 'truncated malformed' 'unsigned unsigned' 'forged forged' 'replayed replayed'; do
		# shellcheck disable=SC2086
		attack $kind || return
	done
	for kind in malformed unsigned forged replayed; do check 1 "one line for the $kind ones" logged_once r1 $kind || return; done
	attack bundled forged replayed || return
	check 1 "r1's sessions are as they were" same_sessions "$was" || return
	check 1 "none lapsed, none was refused or torn" lapsed_none "$lost" || return
	users_served || return
	stop_background "$before"
	delete
}
