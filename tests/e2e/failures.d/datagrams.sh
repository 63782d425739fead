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
attack() { # KIND COUNTER
	local before transport; before=$(counter r1 "$2")
	for transport in raw udp; do
		in_ r2 "$TOP/tests/e2e/datagrams.py" "$1" $transport 10.200.3.1 200 "$WORK/neighbour.pcap" < /dev/null ||
			{ fail "$1 datagrams are sent"; return 1; }
	done
	check 5 "400 $1 datagrams, raw and UDP: all are counted as $2" counted r1 "$2" "$before" 400
}
sessions_of() { ctl "$1" show sessions | jq -S .sessions; }
same_sessions() { local now; now=$(sessions_of r1); [ "$now" = "$1" ] || { echo "$now"; return 1; }; }
lapsed_none() { local n; n=$(ctl r1 show counters | jq '.lapsed + ."refused here" + ."path tears received"'); echo "lapsed, refused, torn: $n"; [ "$n" = "$1" ]; }
captured() { [ "$(tcpdump -Z root -nr "$WORK/neighbour.pcap" 2> /dev/null | grep -c 'RSVPv1 Path')" -gt 0 ]; }

case_datagrams() {
	local kind was lost before=${#BACKGROUND[@]}
	serving mail || return
	# r1's neighbours send it Path from s1's side; r2 hears r1's. What is replayed to r1 is what s1 says to it.
	behind "${TB[@]}" exec r1 tcpdump -Z root -i eth0 -U -w "$WORK/neighbour.pcap" 'ip proto 46 and dst host 10.200.1.1' > /dev/null 2>> "$WORK/capture.log"
	check 10 "a neighbour's Path is captured" captured || return
	stop_one "$BEHIND"
	users_ask
	was=$(sessions_of r1) lost=$(ctl r1 show counters | jq '.lapsed + ."refused here" + ."path tears received"')
	for kind in garbage:malformed truncated:malformed unsigned:unsigned forged:forged replayed:replayed; do
		attack "${kind%:*}" "${kind#*:}" || return
	done
	for kind in malformed unsigned forged replayed; do check 1 "one line for the $kind ones" logged_once r1 $kind || return; done
	check 1 "r1's sessions are as they were" same_sessions "$was" || return
	check 1 "none lapsed, none was refused or torn" lapsed_none "$lost" || return
	stop_background "$before"
	users_served || return
	delete
}
