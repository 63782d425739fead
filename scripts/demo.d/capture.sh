# shellcheck shell=bash
# RSVP as programs see it that know nothing of us: tcpdump and tshark listen during the whole demo, and afterwards both
# must have decoded every message, without a word about anything malformed, unknown or cut off.

RSVP_FILTER='ip proto 46 or udp port 3455'
COMPLAINTS='undecoded|malformed|truncated|\[\||invalid|bad |unknown object|exception occurred|goes past end'

capture_start() {
	local at el dev
	command -v tcpdump > /dev/null && command -v tshark > /dev/null || { CAPTURING=''; return; }
	CAPTURING=1
	for at in ar1:eth0 r1:eth1 r2:eth1 srv1:eth0 srv2:eth0; do
		el=${at%:*} dev=${at#*:}
		behind "${TB[@]}" exec "$el" tcpdump -i "$dev" -U -w "$PCAP/$el-$dev.tcpdump.pcap" "$RSVP_FILTER" > /dev/null 2>> "$WORK/tcpdump.log"
	done
	# The ISCs' side: their interfaces come and go, so on all at once.
	behind "${TB[@]}" exec srv1 tcpdump -i any -U -w "$PCAP/srv1-isc.tcpdump.pcap" "udp port 3455" > /dev/null 2>> "$WORK/tcpdump.log"
	behind "${TB[@]}" exec r2 tshark -q -i eth0 -w "$PCAP/r2-eth0.tshark.pcapng" -f "$RSVP_FILTER" > /dev/null 2>> "$WORK/tshark.log"
	behind "${TB[@]}" exec ar2 tshark -q -i eth0 -w "$PCAP/ar2-eth0.tshark.pcapng" -f "$RSVP_FILTER" > /dev/null 2>> "$WORK/tshark.log"
	within 15 "captures run on ar1, ar2, r1, r2, srv1, srv2" captures_run
}
captures_run() {
	[ "$(find "$PCAP" -name '*.tcpdump.pcap' -size +0 | wc -l)" = 6 ] && [ "$(find "$PCAP" -name '*.tshark.pcapng' -size +0 | wc -l)" = 2 ]
}
capture_stop() { return 0; } # stop_background ended them

capture_check() {
	local f messages=0 n bad=0 what
	[ -n "$CAPTURING" ] || { note "no tcpdump and tshark here: captures skipped"; return 0; }
	printf '\ncaptures\n'
	for f in "$PCAP"/*.pcap "$PCAP"/*.pcapng; do
		n=$(tshark -r "$f" -Y rsvp 2> /dev/null | wc -l)
		what=$(capture_complaints "$f")
		[ -z "$what" ] || { failed "${f##*/}:" "$what"; bad=1; }
		messages=$((messages + n))
		saw "${f##*/}: $n RSVP messages"
	done
	[ $messages -gt 0 ] || failed "no RSVP message was captured" || bad=1
	[ $bad = 1 ] || saw "tcpdump -vv and tshark -V decode all $messages without complaint"
	return $bad
}

# tcpdump decodes IP protocol 46; RSVP over UDP is for tshark alone.
capture_complaints() {
	tcpdump -vv -n -r "$1" 'ip proto 46' 2> /dev/null | grep -iE "$COMPLAINTS" | sort | uniq -c | head -n 3
	tshark -V -r "$1" -Y rsvp 2> /dev/null | grep -iE "$COMPLAINTS" | sort | uniq -c | head -n 3
	tshark -r "$1" -Y '_ws.malformed || (udp.port == 3455 && !rsvp && !icmp) || (ip.proto == 46 && !rsvp)' 2> /dev/null | head -n 3
}
