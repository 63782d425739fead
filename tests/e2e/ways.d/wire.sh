# shellcheck shell=bash
# Every kind of message, made by real controllers where each belongs: what is refused, asked for in vain, given up, lost on the
# way. tcpdump and tshark decode all of it without complaint; r1 and r3 sign with HMAC-MD5, and tcpdump finds that valid.
# shellcheck source=SCRIPTDIR/../../../scripts/demo.d/capture.sh
. "$TOP/scripts/demo.d/capture.sh"

sees() { # CAPTURE DISPLAY-FILTER WHAT: such a message is in it by now
	local n; n=$(tshark -r "$(compgen -G "$PCAP/$1.*")" -Y "$2" 2> /dev/null | wc -l)
	echo "$n $3 on ${1/-/:}"
	[ "$n" -gt 0 ]
}
# More than r3 has room for, from h4's ISC.
asks_in_vain() {
	local out; out=$(isc_shell h4 'icorp more bandwidth 4')
	echo "$out"
	[[ $out == *refused*"no capacity on eth1"* ]]
}
isc_shell() { # SERVER SHELL-COMMAND
	virsh_ "$1" lxc-enter-namespace "$(domains "$1" | head -n 1)" --noseclabel -- \
		/bin/sh -c "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin; $2" 2>&1
}

case_wire() {
	local first
	# shellcheck disable=SC2034 # for capture.sh
	TYPES_WANTED=(1 2 3 4 5 6 7 12 13 15 20 25 26) MD5_KEY=md5.r1-r3 MD5_CAPTURES=(r1-eth2 r3-eth0) NULL='' PCAP=$WORK/pcap
	SETTINGS=(--set refresh=400ms)
	raise fig6 ar1 r1 r2 r3 r4 h2 h3 h4 h5
	SETTINGS=()
	mkdir -p "$PCAP"
	cp "$STATE/$MD5_KEY" "$PCAP/"
	capture_on r1 eth2 tcpdump "$RSVP_FILTER"
	capture_on r3 eth0 tcpdump "$RSVP_FILTER"
	capture_on h4 eth0 tcpdump "$RSVP_FILTER"
	capture_on r4 eth0 tcpdump "$RSVP_FILTER"
	check 15 "captures run on r1, r3, r4 and h4" captures_run 4 || return
	create h3 h4 || return
	first=$ID
	check 5 "the shortcut is there" session_is r4 up || return
	in_ r4 nft 'table netdev cut { chain in { type filter hook ingress device "eth0" priority 0; ip protocol rsvp drop; }; }'
	check 10 "r4 hears nothing from h3, and forgets the shortcut" session_is r4 '' || return
	in_ r4 nft delete table netdev cut
	check 10 "h3 names what r4 has forgotten: a NACK" sees r4-eth0 'rsvp.ctype.message_id_ack == 2' NACKs
	check 10 "and r4 has it again" session_is r4 up || return
	reload r3 's/^port eth1 .*/port eth1 { speed = 20M }/'
	check 5 "h4's ISC asks for more than r3 has" asks_in_vain
	check 5 "a ResvErr says so" sees h4-eth0 'rsvp.msg == 4' ResvErrs
	request other h4
	check 20 "another ICorp is refused" icorp_is "$ID" failed
	check 5 "a PathErr says that r3 has no room for another ICorp" sees r1-eth2 'rsvp.msg == 3' PathErrs
	api DELETE "/v1/icorps/$ID" > /dev/null
	ID=$first
	kill -9 "$(agent_pid h4)"
	check 10 "h4's ISC is killed: a ResvTear" sees r1-eth2 'rsvp.msg == 6' ResvTears
	delete
	stop_background
	check 0 "tcpdump and tshark decode every message of every type, and all of r1's and r3's are validly signed" capture_check
}
