# shellcheck shell=bash
# RSVP as programs see it that know nothing of us: tcpdump and tshark listen during the whole demo, and afterwards both
# must have decoded every message, without a word about anything malformed, unknown or cut off.

RSVP_FILTER='ip proto 46 or udp port 3455'
COMPLAINTS='undecoded|malformed|truncated|\[\||invalid|(^|[^0-9a-z])bad |exception occurred|goes past end'

# ELEMENT INTERFACE PROGRAM FILTER. tcpdump cannot start in a user namespace (it insists on changing its groups).
capture_on() {
	local file=$PCAP/$1-$2
	if [ "$3" = tcpdump ] && [ -z "$NULL" ]; then
		behind "${TB[@]}" exec "$1" tcpdump -Z root -i "$2" -U -w "$file.tcpdump.pcap" "$4" > /dev/null 2>> "$WORK/capture.log"
	else
		behind "${TB[@]}" exec "$1" tshark -q -i "$2" -w "$file.tshark.pcapng" -f "$4" > /dev/null 2>> "$WORK/capture.log"
	fi
}

capture_start() {
	if ! command -v tcpdump > /dev/null || ! command -v tshark > /dev/null; then return; fi
	rm -f "$PCAP"/*.tcpdump.pcap "$PCAP"/*.tshark.pcapng
	capture_on ar1 eth0 tcpdump "$RSVP_FILTER"
	capture_on r1 eth1 tcpdump "$RSVP_FILTER"
	capture_on r2 eth1 tcpdump "$RSVP_FILTER"
	capture_on srv2 eth0 tcpdump "$RSVP_FILTER"
	# The ISCs' side: their interfaces come and go, so on all at once.
	capture_on srv1 any tcpdump "udp port 3455"
	capture_on r2 eth0 tshark "$RSVP_FILTER"
	capture_on ar2 eth0 tshark "$RSVP_FILTER"
	within 15 "captures run on ar1, ar2, r1, r2, srv1, srv2" captures_run
}
captures_run() { [ "$(find "$PCAP" -name '*.t*.pcap*' -size +0 | wc -l)" = 7 ]; }
capture_check() {
	local f messages=0 n bad=0 what; local -a files
	files=("$PCAP"/*.t*.pcap*)
	[ -e "${files[0]}" ] || { note "no tcpdump and tshark here: captures skipped"; return 0; }
	printf '\ncaptures\n'
	for f in "${files[@]}"; do
		n=$(tshark -r "$f" -Y rsvp 2> /dev/null | wc -l)
		[ "$n" -gt 0 ] || { failed "${f##*/}: no RSVP message in it"; bad=1; }
		what=$(capture_complaints "$f")
		[ -z "$what" ] || { failed "${f##*/}:" "$what"; bad=1; }
		messages=$((messages + n))
		saw "${f##*/}: $n RSVP messages"
	done
	[ "$messages" -gt 0 ] || failed "no RSVP message was captured" || bad=1
	[ $bad = 1 ] || saw "tcpdump -vv and tshark -V decode all $messages without complaint"
	return $bad
}

# tcpdump decodes IP protocol 46; RSVP over UDP is for tshark alone. Both must have seen the same number.
# Class 252 is private by RFC 3936 ("ignore and forward if unknown"): no one else can know what is in it.
capture_complaints() {
	local raw seen tcpdump=(tcpdump)
	[ "$(id -u)" != 0 ] || tcpdump+=(-Z root)
	raw=$(tshark -r "$1" -Y 'rsvp && ip.proto == 46' 2> /dev/null | wc -l)
	seen=$("${tcpdump[@]}" -n -t -r "$1" 'ip proto 46' 2> /dev/null | grep -c RSVP)
	[ "$raw" = "$seen" ] || echo "tshark decodes $raw messages of IP protocol 46, tcpdump $seen"
	"${tcpdump[@]}" -vv -n -r "$1" 'ip proto 46' 2> /dev/null | grep -iE "$COMPLAINTS|Unknown Object" |
		grep -v 'Unknown Object (252)' | sort | uniq -c | head -n 3
	tshark -V -r "$1" -Y rsvp 2> /dev/null | grep -iE "$COMPLAINTS" | sort | uniq -c | head -n 3
	tshark -r "$1" -Y '_ws.malformed || (udp.port == 3455 && !rsvp && !icmp) || (ip.proto == 46 && !rsvp)' 2> /dev/null | head -n 3
}
