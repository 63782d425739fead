# shellcheck shell=bash
# RSVP as programs see it that know nothing of us: tcpdump and tshark listen during the whole demo, and afterwards both
# must have decoded every message, without a word about anything malformed, unknown or cut off. What two neighbours say to each
# other is signed with HMAC-MD5 (demo.topo): tcpdump must find every such message valid. All others use HMAC-SHA-256.
# tests/e2e/ways.d/wire.sh does so elsewhere, and sets these anew.

RSVP_FILTER='ip proto 46 or udp port 3455'
RSVP_TYPES=([1]=Path [2]=Resv [3]=PathErr [4]=ResvErr [5]=PathTear [6]=ResvTear [7]=ResvConf
	[12]=Bundle [13]=Ack [15]=Srefresh [20]=Hello [25]=Challenge [26]=Response)
TYPES_WANTED=(1 2 5 7 12 13 15 20)
MD5_KEY=md5.r1-r2 MD5_CAPTURES=(r1-eth1 r2-eth0)
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
	cp "$STATE/$MD5_KEY" "$PCAP/"
	capture_on ar1 eth0 tcpdump "$RSVP_FILTER"
	capture_on r1 eth1 tcpdump "$RSVP_FILTER"
	capture_on r2 eth1 tcpdump "$RSVP_FILTER"
	capture_on srv2 eth0 tcpdump "$RSVP_FILTER"
	# The ISCs' side: their interfaces come and go, so on all at once.
	capture_on srv1 any tcpdump "udp port 3455"
	capture_on r2 eth0 tshark "$RSVP_FILTER"
	capture_on ar2 eth0 tshark "$RSVP_FILTER"
	within 15 "captures run on ar1, ar2, r1, r2, srv1, srv2" captures_run 7
}
captures_run() { [ "$(find "$PCAP" -name '*.t*.pcap*' -size +0 | wc -l)" = "$1" ]; }
# tshark takes long to start, so it reads all captures as one, in which the n-th is the n-th interface.
capture_check() {
	local f i messages bad=0 what seen all=$WORK/all.pcapng; local -a files
	files=("$PCAP"/*.t*.pcap*)
	[ -e "${files[0]}" ] || { note "no tcpdump and tshark here: captures skipped"; return 0; }
	printf '\ncaptures\n'
	mergecap -I none -w "$all" "${files[@]}" || return
	seen=$(tshark -r "$all" -Y rsvp -T fields -e frame.interface_id -e ip.proto -e rsvp.msg 2> /dev/null)
	for i in "${!files[@]}"; do
		f=${files[i]}
		what=$(awk -v i="$i" '$1 == i' <<< "$seen")
		messages=$(message_types <<< "$what" | wc -l)
		[ "$messages" -gt 0 ] || { failed "${f##*/}: no RSVP message in it"; bad=1; }
		saw "${f##*/}: $messages RSVP messages"
		what=$(tcpdump_complaints "$f" "$(awk '$2 ~ /(^|,)46$/' <<< "$what" | wc -l)")
		[ -z "$what" ] || { failed "${f##*/}:" "$what"; bad=1; }
	done
	what=$(tshark_complaints "$all")
	[ -z "$what" ] || { failed "tshark:" "$what"; bad=1; }
	types_check "$(message_types <<< "$seen")" || bad=1
	for f in "${MD5_CAPTURES[@]}"; do signatures_check "$f.*" || bad=1; done
	[ $bad = 1 ] || saw "tcpdump -vv and tshark -V decode all $(message_types <<< "$seen" | wc -l) without complaint"
	return $bad
}

# The type of each message, a line each; a Bundle's, and those of the messages in it.
message_types() { awk '{ print $3 }' | tr , '\n' | grep .; }

types_check() { # TYPES: how many of each; none that must be there is missing
	local t n said=''
	while read -r n t; do said+=", $n ${RSVP_TYPES[t]:-of type $t}"; done < <(printf '%s' "$1" | sort -n | uniq -c)
	saw "${said#, }"
	for t in "${TYPES_WANTED[@]}"; do
		grep -qx "$t" <<< "$1" || { failed "no message of type ${RSVP_TYPES[t]:-$t} was captured"; return 1; }
	done
}

# In a Bundle each message has a signature, and the Bundle has none. tcpdump looks into the integrity handshake only in Bundles: it is not counted.
signatures_check() { # CAPTURE, below $PCAP
	local f out messages valid
	f=$(compgen -G "$PCAP/$1")
	out=$(tcpdump_ -vv -n -r "$f" -M "$(cat "$PCAP/$MD5_KEY")" 'ip proto 46' 2> /dev/null)
	read -r messages valid < <(printf '%s\n' "$out" | awk '
		/RSVPv1 .* Message/ { counts = !/RSVPv1 (Bundle|unknown, type: 2[56])/; messages += counts }
		/MD5-sum .* \(valid\)$/ { valid += counts }
		END { print messages + 0, valid + 0 }')
	if [ "$messages" = 0 ] || [ "$valid" != "$messages" ]; then
		failed "${f##*/}: tcpdump -M finds $valid of $messages messages validly signed"
		return 1
	fi
	saw "${f##*/}: tcpdump -M finds all $valid messages validly signed"
}

tcpdump_() { if [ "$(id -u)" = 0 ]; then tcpdump -Z root "$@"; else tcpdump "$@"; fi; }

# tcpdump decodes IP protocol 46; RSVP over UDP is for tshark alone. Both must have seen the same number.
# Class 252 is private by RFC 3936 ("ignore and forward if unknown"): no one else can know what is in it. Class 64 is
# CHALLENGE (RFC 2747), which tcpdump has no name for.
tcpdump_complaints() { # CAPTURE TSHARK-SAW
	local seen; seen=$(tcpdump_ -n -t -r "$1" 'ip proto 46' 2> /dev/null | grep -c RSVP)
	[ "$2" = "$seen" ] || echo "tshark decodes $2 datagrams of IP protocol 46, tcpdump $seen"
	tcpdump_ -vv -n -r "$1" 'ip proto 46' 2> /dev/null | grep -iE "$COMPLAINTS|Unknown Object" |
		grep -vE 'Unknown Object \((252|64)\)' | sort | uniq -c | head -n 3
}
tshark_complaints() { # CAPTURE
	tshark -V -r "$1" -Y rsvp 2> /dev/null | grep -iE "$COMPLAINTS" | sort | uniq -c | head -n 3
	tshark -r "$1" -Y '_ws.malformed || (udp.port == 3455 && !rsvp && !icmp) || (ip.proto == 46 && !rsvp)' 2> /dev/null | head -n 3
}
