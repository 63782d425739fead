# oracle_check PCAP MINIMUM: every RSVP message in the capture is decoded by tcpdump and tshark without complaint, and there
# are at least MINIMUM of them. Says what is wrong and returns 1.
oracle_check() {
	_n=$(tcpdump -r "$1" -nn 'ip proto 46' 2>/dev/null | wc -l)
	[ "$_n" -ge "$2" ] || { echo "only $_n RSVP messages in $1, at least $2 expected"; return 1; }
	tcpdump -r "$1" -nnvv 'ip proto 46' 2>/dev/null >"$1.tcpdump"
	# Class 252 is vendor private (RFC 3936): no tool can know ours, only print it. Class 64 and the types 25 and 26 are the
	# integrity handshake (RFC 2747, RFC 3097), which neither tool has a name for.
	if grep -nE '\[\|rsvp\]|invalid|malformed|\(incorrect|bad |too short|ERROR|undecoded|Unknown (Object|Message)' "$1.tcpdump" |
		grep -vE 'Unknown Object \((252|64)\)' | head -3 | grep .; then
		echo "tcpdump complains about $1"
		return 1
	fi
	tshark -r "$1" -Y rsvp -T fields -e rsvp.msg -e _ws.malformed -e _ws.expert.message 2>/dev/null >"$1.tshark"
	_t=$(wc -l <"$1.tshark")
	[ "$_t" -ge "$2" ] || { echo "tshark sees only $_t RSVP messages in $1"; return 1; }
	if tshark -r "$1" -Y 'rsvp && (_ws.malformed || _ws.short || (_ws.expert.severity >= 6291456 && !(rsvp.msg == 25 || rsvp.msg == 26)))' 2>/dev/null | head -3 | grep .; then
		echo "tshark complains about $1"
		return 1
	fi
	if tshark -r "$1" -Y rsvp -V 2>/dev/null | grep -niE 'malformed|undecoded|bad checksum|\[truncated|incorrect' | head -3 | grep .; then
		echo "tshark complains about $1"
		return 1
	fi
}
