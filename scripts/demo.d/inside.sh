#!/bin/bash
# Runs inside an element, called by look.sh.
#     inside.sh snapshot               everything here that could belong to an ICorp, comparable over time
#     inside.sh requests NAME [FILE]   asks for http://NAME/ again and again, until FILE is there; a line per request, and "end"
#     inside.sh class-rate DEV PREFIX  the rate in bit/s of the HTB class on DEV that the prefix is classified into
#     inside.sh class-sent DEV PREFIX  the bytes that class has sent
#     inside.sh circuit PORT PREFIX    the circuit of the trunk PORT that carries the prefix's packets
#
# What the snapshot leaves out, and why: counters, timers and handles (they run); neighbour entries and what a switch learns (so do they); the
# idle classes of the pool that the tc adaptor keeps (rate 8 kbit, told by `8Kbit`) and their leaf queues, since a
# class no ICorp holds is a spare one, not a rest; UDP sockets on ephemeral ports (resolvers' and clients').

# Processes are dear in user-mode-linux: each list is asked for once, and all are taken apart by one awk.
tc_of() { # DEV: its classes, qdiscs and filters, each list led by a line that begins with @
	local dev=$1 qdiscs side
	qdiscs=$(tc qdisc show dev "$dev")
	echo "@ class $dev"; tc class show dev "$dev"
	printf '@ qdisc %s\n%s\n' "$dev" "$qdiscs"
	echo "@ filter $dev"; tc filter show dev "$dev" 2>/dev/null
	[[ $qdiscs == *clsact* ]] || return 0
	for side in ingress egress; do echo "@ filter $dev $side"; tc filter show dev "$dev" $side; done
}

snapshot_tc() {
	local dev
	for dev in /sys/class/net/*; do tc_of "${dev##*/}"; done | awk '
		$1 == "@" { sub(/^@ /, ""); what = $0; list = $1; if (list == "class") split("", idle); next }
		NF == 0 || /^[ \t]*(in_hw|not_in_hw)/ { next }
		list == "class" && / rate 8Kbit / { idle[$3]; next }
		list == "class" { sub(/ leaf [0-9a-f]+:/, "") }
		list == "qdisc" {
			for (i = 1; i < NF; i++) if ($i == "parent" && $(i + 1) in idle) next
			$3 = ""; gsub(/direct_packets_stat [0-9]+ ?/, "") }
		{ print what, $0 }'
}

# By name: whoever is started again makes its table anew, as the last. An empty map classN is a spare one, as classes are: it is
# left out with the rules that ask it.
snapshot_nft() {
	nft list tables 2>/dev/null | sort | while read -r _ family table; do nft list table "$family" "$table"; done |
		awk '
		/^\tmap class[0-9]+ \{$/ { map = $2; text = $0; next }
		map != "" {
			text = text "\n" $0
			if ($0 != "\t}") next
			if (text ~ /elements/) print text; else empty["@" map]
			map = ""; next }
		NF && !($NF in empty)' |
		sed -E 's/counter packets [0-9]+ bytes [0-9]+/counter/g; s/ expires [0-9a-z]+//g; s/ # handle [0-9]+//g'
}

snapshot() {
	ip -o addr show | awk '{ print "addr", $2, $4 }' | sort
	ip -o link show | awk -F': ' '{ sub(/@.*/, "", $2); print "link", $2 }' | sort
	ip route show table all | grep -v ' linkdown' | sort | sed 's/^/route /'
	ip rule show | sed 's/^/rule /'
	snapshot_tc
	snapshot_nft
	[ ! -S /run/openvswitch/br0.mgmt ] || ovs-ofctl -O OpenFlow14 --no-stats dump-flows br0 | grep -v idle_timeout | sort
	bridge vlan show 2>/dev/null
	bridge -d link show 2>/dev/null | awk '{ print "bridge link", $2, $0 ~ /master/ ? "member" : "" }'
	ss -Hltn | awk '{ print "tcp listener", $4 }' | sort
	ss -Hlun | awk '{ n = split($4, a, ":"); if (a[n] < 32768) print "udp socket", $4 }' | sort
}

to_bits() { awk '{ v = $1; u = v; sub(/[A-Za-z]+/, "", v); sub(/[0-9.]+/, "", u)
	m = u == "Kbit" ? 1e3 : u == "Mbit" ? 1e6 : u == "Gbit" ? 1e9 : 1; printf "%.0f\n", v * m }'; }

class_of() { # PREFIX
	# An element of a map PREFIX : CLASSID, printed by nft as "10.64.0.0/24 … : 1c0b:10".
	nft list ruleset | sed 's/[,{}]/\n/g' | grep -F "${1%/*}" | grep -oE '[0-9a-f]+:[0-9a-f]+' | tail -n 1 | grep .
}
class_rate() { # DEV PREFIX
	local class; class=$(class_of "$2") || return
	tc class show dev "$1" | awk -v c="$class" '$3 == c { for (i = 1; i < NF; i++) if ($i == "rate") print $(i + 1) }' | to_bits
}
class_sent() { # DEV PREFIX
	local class; class=$(class_of "$2") || return
	tc -s class show dev "$1" | awk -v c="$class" '$1 == "class" { is = $3 == c } is && $1 == "Sent" { print $2 }'
}

# Where packets for it go that nftables has given their mark: the circuit of the trunk that is this port.
circuit() { # PORT PREFIX
	local mark
	mark=$(nft list map ip "icorp_trunk_$1" circuit | sed 's/[,{}]/\n/g' | grep -F "${2%/*}" | grep -oE '0x[0-9a-f]+' | tail -n 1)
	ip route get "${2%/*}" mark "${mark:-0}" | sed -n 's/.* dev \([^ ]*\).*/\1/p'
}

# One request after the other until it is ended, or FILE is there: "MILLISECONDS ok|FAIL PAGE" lines.
requests() { # NAME [FILE]
	local t out
	until [ -n "${2:-}" ] && [ -e "$2" ]; do
		t=${EPOCHREALTIME/./}
		if out=$(curl -sf -m 4 "http://$1/" 2>&1); then out="ok $(printf '%s' "$out" | tr '\n' ' ')"; else out="FAIL curl $?"; fi
		echo "$((t / 1000)) $out"
		sleep 0.05
	done
	echo end
}

case $1 in
requests) requests "$2" "${3:-}" ;;
snapshot) snapshot ;;
class-rate) class_rate "$2" "$3" ;;
class-sent) class_sent "$2" "$3" ;;
circuit) circuit "$2" "$3" ;;
*) echo "inside.sh: snapshot, requests, class-rate, class-sent or circuit" >&2; exit 2 ;;
esac
