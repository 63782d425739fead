# shellcheck shell=bash
# How the demo looks at the world: the gatekeeper's API as a client would, and otherwise only other people's programs
# (tc, nft, bridge, ip, ss, virsh, kdig, curl). Each function prints what it saw and succeeds when it is as it should be.

GK_ADDRESS=10.200.1.5
ZONE=asp.test
PUBLIC_RE='10\.202\.[12]\.[0-9]+'

# api METHOD PATH [curl arguments…]: the answer's body, then a line with the status. From user1, who is the client.
api() {
	local method=$1 path=$2; shift 2
	in_ user1 curl -s -m 10 -X "$method" -H "Authorization: Bearer $(cat "$STATE/token.client")" -w '\n%{http_code}\n' \
		"$@" "http://$GK_ADDRESS:8080$path" < /dev/null
}
status_of() { printf '%s\n' "$1" | tail -n 1; }
body_of() { printf '%s\n' "$1" | sed '$d'; }

# answered STATUS TEXT METHOD PATH …: the call is answered so, and the answer holds the text (a grep -E pattern).
answered() {
	local status=$1 text=$2 out; shift 2
	out=$(api "$@")
	printf '%s: %s\n' "$(status_of "$out")" "$(body_of "$out" | cut -c1-300)"
	[ "$(status_of "$out")" = "$status" ] && grep -qE "$text" <<< "$(body_of "$out")"
}

icorp_field() { body_of "$(api GET "/v1/icorps/$1")" | jq -r "$2"; }
icorp_is() { # ID STATE
	local now; now=$(body_of "$(api GET "/v1/icorps/$1")")
	printf '%s' "$now" | jq -c '{id, state, dns_name, error}'
	[ "$(printf '%s' "$now" | jq -r .state)" = "$2" ]
}
# The prefix of a contract's network, of which its subnets are parts.
network_of() { grep -oE '<network [^>]*prefix="[^"]*"' <<< "$1" | grep -oE '[0-9.]+/[0-9]+'; }
icorp_gone() { local out; out=$(api GET "/v1/icorps/$1"); body_of "$out" | cut -c1-200; [ "$(status_of "$out")" = 404 ]; }

resolves() { # NAME HOW-MANY
	local out; out=$(in_ user1 kdig +short +timeout=1 +retry=0 "@$GK_ADDRESS" "$1" A < /dev/null)
	printf '%s %s\n' "$1" "$(echo "$out" | sort | paste -sd' ')"
	[ "$(printf '%s\n' "$out" | grep -c .)" = "$2" ]
}

page() { in_ "$1" curl -sf -m 5 "http://$2/" < /dev/null; } # USER NAME

# Pages from so many different ISCs in COUNT requests, none failing.
pages_from() { # USER NAME COUNT ISCS
	local i out all=''
	for ((i = 0; i < $3; i++)); do
		out=$(page "$1" "$2") || { echo "request $((i + 1)) failed"; return 1; }
		all+="$(printf '%s' "$out" | tr '\n' ' ' | sed 's/<[^>]*>/ /g; s/  */ /g' | cut -c1-100)"$'\n'
	done
	printf '%s' "$all" | sort | uniq -c
	[ "$(printf '%s' "$all" | sort -u | grep -c .)" = "$4" ]
}

virsh_() { local srv=$1; shift; in_ "$srv" virsh -q -c lxc:///system "$@" < /dev/null; }
domains() { virsh_ "$1" list --name | grep -v '^$'; }
domain_runs() { local d; d=$(domains "$1"); printf '%s: %s\n' "$1" "${d:-no domain}"; [ "$(printf '%s\n' "$d" | grep -c .)" = "$2" ]; }
schedinfo() { virsh_ "$1" schedinfo "$(domains "$1" | head -n 1)" | awk '/^cpu_shares/ { print $3 }'; }
shares_are() { local s; s=$(schedinfo "$1"); echo "$1: cpu_shares $s"; [ "$s" = "$2" ]; }
# More, or less, than before: OP is gt or lt.
shares_than() { local s; s=$(schedinfo "$1"); echo "$1: cpu_shares $s (was $3)"; test "${s:-0}" "-$2" "$3"; }

# The ISC controller of a server, as this machine numbers it: the first process of the ICorp's container.
agent_pid() {
	local d; d=$(domains "$1" | grep -m 1 "^icorp-$ID-")
	pgrep -P "$(virsh_ "$1" domid "$d")" | head -n 1
}

isc_address() { icorp_field "$ID" ".endpoints[] | select(.element == \"$1\") | .private"; }

# The rate (bit/s) of the class that the ICorp with that prefix has on an interface; nothing when it has none.
class_rate() { # ELEMENT IFNAME PREFIX
	in_ "$1" bash "$TOP/scripts/demo.d/inside.sh" class-rate "$2" "$3" < /dev/null
}
# The bytes that class has sent.
class_sent() { # ELEMENT IFNAME PREFIX
	in_ "$1" bash "$TOP/scripts/demo.d/inside.sh" class-sent "$2" "$3" < /dev/null
}
no_class() { local r; r=$(class_rate "$1" "$2" "$PREFIX"); echo "$1 $2: ${r:-none}"; [ -z "$r" ]; }
rate_is() { local r; r=$(class_rate "$1" "$2" "$3"); echo "$1 $2: class rate ${r:-none}"; [ "$r" = "$4" ]; }
rate_than() { local r; r=$(class_rate "$1" "$2" "$3"); echo "$1 $2: class rate ${r:-none} (was $5)"; test "${r:-0}" "-$4" "$5"; }

# The circuit of a trunk that carries the ICorp, and the bytes of all that have left by an interface.
circuit_is() { # ELEMENT PORT PREFIX CIRCUIT
	local c; c=$(in_ "$1" bash "$TOP/scripts/demo.d/inside.sh" circuit "$2" "$3" < /dev/null)
	echo "$1: ${c:-none} of the trunk $2"
	[ "$c" = "$4" ]
}
# What the leader knows of it.
circuit_told() { # LEADER ELEMENT CIRCUIT
	local r; r=$(in_ "$1" icorpctl --json show path "$ID" < /dev/null |
		jq -r ".grants[] | select(.element == \"$2\" and .resource == \"bandwidth\") | .reason")
	echo "$1 of $2: $r"
	[[ "; $r;" == *"; over $3;"* ]]
}
bytes_sent() { in_ "$1" ip -j -s link show dev "$2" < /dev/null | jq '.[0].stats64.tx.bytes'; } # ELEMENT IFNAME
sent_since() { local n; n=$(bytes_sent "$1" "$2"); echo "$1 $2: $((n - $3)) bytes"; [ $((n - $3)) -gt "$4" ]; } # ELEMENT IFNAME BEFORE LEAST

# A switch that is an Open vSwitch.
is_ovs() { in_ "$1" test -S /run/openvswitch/br0.mgmt < /dev/null; }
flows() { in_ "$1" ovs-ofctl -O OpenFlow14 --no-stats --names dump-flows br0 < /dev/null | tr -d '"'; }
# VLAN members of a switch (ids from 2) as "id port port …" lines.
vlans() {
	if is_ovs "$1"; then
		flows "$1" | sed -n 's/.*table=200, .*dl_vlan=\([0-9]*\) actions=note:/\1 /p' | while read -r v f; do
			printf '%s %s\n' "$v" "$(grep -oE 'output:eth[0-9]+' <<< "$f" | cut -d: -f2 | sort | paste -sd' ')"
		done
		return
	fi
	in_ "$1" bridge -j vlan show < /dev/null | jq -r '
		[.[] | .ifname as $i | .vlans[] | .vlan as $v | range($v; (.vlanEnd // $v) + 1) | select(. > 1) | {v: ., i: $i}] |
		group_by(.v) | .[] | "\(.[0].v) " + ([.[].i] | sort | join(" "))'
}
vlan_members() { # SWITCH PORT…: exactly one VLAN, with exactly these members
	local s=$1 v want; shift
	v=$(vlans "$s"); want=$(printf '%s\n' "$@" | sort | paste -sd' ')
	printf '%s: VLAN %s\n' "$s" "${v:-none}"
	[ "$(printf '%s\n' "$v" | grep -c .)" = 1 ] && [ "${v#* }" = "$want" ]
}
tags_by_address() { # SWITCH PORT PREFIX PRIORITY: the flower filter, or the flow, that tags
	local f
	if is_ovs "$1"; then
		f=$(flows "$1" | grep -F ",ip,in_port=$2," | grep -oE 'nw_dst=.*vlan_pcp')
		printf '%s %s: %s\n' "$1" "$2" "$f"
		grep -qE "^nw_dst=${3//./\\.} actions=.*,push_vlan:0x8100,.*,set_field:$4->vlan_pcp" <<< "$f"
		return
	fi
	 f=$(in_ "$1" tc filter show dev "$2" ingress < /dev/null)
	printf '%s %s: %s\n' "$1" "$2" "$(printf '%s' "$f" | grep -E 'dst_ip|vlan +push|priority' | tr -s ' \t\n' ' ')"
	grep -qF "dst_ip $3" <<< "$f" && grep -qE "push id [0-9]+ .*priority $4" <<< "$f"
}

# What is listened on, or translated, for a public address.
proxied() { # ACCESS-ROUTER PORT
	local out; out=$(in_ "$1" bash -c "ss -Hltn; nft list ruleset" < /dev/null)
	printf '%s: %s\n' "$1" "$(printf '%s' "$out" | grep -oE "$PUBLIC_RE(:| \. )($2|http)\b" | sort -u | paste -sd' ')"
	grep -qE "$PUBLIC_RE(:| \. (tcp \. )?)($2|http)\b" <<< "$out"
}
routes_of() { # ELEMENT PREFIX-WITHOUT-LAST HOW-MANY: host routes into the ICorp by our protocol number
	local out; out=$(in_ "$1" ip route show proto 73 < /dev/null | grep -F "$2")
	printf '%s: %s\n' "$1" "$(printf '%s' "$out" | tr -s ' \n' ' ')"
	[ "$(printf '%s\n' "$out" | grep -c .)" -ge "$3" ]
}

# All that could belong to an ICorp, everywhere: see inside.sh. All elements at once; a UML kernel takes some seconds.
snapshot() {
	snapshot_of_all s1 s2 ar1 ar2 r1 r2 srv1 srv2 gk user1 user2 lsw
	printf '== zone\n'
	zone_content
}
snapshot_of_all() { # ELEMENT…
	local n; local -a pids=()
	for n; do
		snapshot_of "$n" > "$WORK/snapshot.$n" &
		pids+=($!)
	done
	wait "${pids[@]}"
	for n; do cat "$WORK/snapshot.$n"; done
}
snapshot_of() {
	printf '== %s\n' "$1"
	in_ "$1" bash "$TOP/scripts/demo.d/inside.sh" snapshot < /dev/null
	other_state "$1"
}
other_state() {
	case $1 in srv* | h[0-9]*) printf 'domains:\n'; virsh_ "$1" list --all --name ;; esac
}
zone_content() {
	local key; key=$(cat "$STATE/gk/tsig")
	in_ gk kdig -y "$key" "@$GK_ADDRESS" "$ZONE" AXFR < /dev/null | grep -v '^;' | awk '$4 != "SOA" && $4 != "TSIG" && NF' | sort -u
}
same_as_before() {
	snapshot > "$WORK/after"
	diff -U2 "$WORK/before" "$WORK/after"
}

ELEMENTS=(ar1 ar2 r1 r2 s1 s2 srv1 srv2)
CONTROLLER_UID='[1-9][0-9]*'
daemon_pid() { # ELEMENT DAEMON
	awk -v e="$1" -v d="$2" '$1 == e && $2 == d { print $3 }' "$STATE/daemons"
}
# What their kernels say of controllers: users without groups, without capabilities, who get none from programs they may start.
unprivileged() { # ELEMENT…
	local n status same=' \1 \1 \1'
	for n; do
		status=$(in_ "$n" cat "/proc/$(daemon_pid "$n" signald)/status" < /dev/null | tr '\t' ' ' |
			grep -E '^(Name|Uid|Gid|Cap[A-Za-z]*|NoNewPrivs):')
		printf '%s: %s\n' "$n" "$(awk -F: '{ sub(/^ /, "", $2); sub(/ .*/, "", $2); printf "%s%s %s", (NR > 1 ? ", " : ""), $1, $2 }' <<< "$status")"
		[ "$(grep -c -xE "Name: icorp-signald|NoNewPrivs: 1|Cap(Inh|Prm|Eff|Bnd|Amb): 0+|[UG]id: ($CONTROLLER_UID)${same//1/2}" <<< "$status")" = 9 ] ||
			return
	done
}
