# shellcheck shell=bash
# The story with null adaptors: the same steps, but where the real demo looks at a kernel or libvirt this looks at what
# the null adaptor recorded it was told ($STATE/ELEMENT/null/ICORP-LEADER.json). Registration, signaling, DNS, agents and their
# demands are real. Two stand-ins: isc.sh plays libvirt (it starts the agents in namespaces of their own), and page() the
# proxies (it asks those ISCs in turn that the user's access router was told to use).

SAW_CLASS="the tc adaptor was told" SAW_SHARES="the vm adaptor was told" SAW_PROXY="the proxy adaptor was told"
SAW_VLAN="the bridge adaptor was told" SAW_ROUTES="the route adaptor was told"

CONTROLLER_UID=0 # of the user namespace

null_start() {
	local s
	for s in srv1 srv2; do
		behind "${TB[@]}" exec $s bash "$TOP/scripts/demo.d/isc.sh" watch "$STATE/$s" "$STATE/image/usr/lib/icorp/apps" \
			2>> "$WORK/isc.log"
	done
	note "null adaptors: nothing is enforced; shown is what each adaptor was told"
	if ! grep -q '^adaptor trunk' "$STATE/r1/signald.conf"; then
		note "no rules for marked packets to be had here: r1 and r2 do without the trunk"
		circuits_are() { :; }
	fi
}

told() { jq -r "$2" "$STATE/$1/null/$ID"-*.json 2> /dev/null; } # ELEMENT FILTER, of the story's ICorp

domain_runs() { # SERVER HOW-MANY
	local n; n=$(find "$STATE/$1/null" -name '*.json' | wc -l)
	echo "$1: $n ISC"
	[ "$n" = "$2" ]
}
in_isc() {
	local pid; pid=$(agent_pid "$1")
	[ -n "$pid" ] && nsenter -t "$pid" -n -m -- env PATH="$BINDIR:$PATH" bash -c "$2" 2>&1
}
agent_pid() { cat "$STATE/$1/run/isc.$ID" 2> /dev/null; }
first_process_is_agent() { local out; out=$(tr '\0' ' ' < "/proc/$(agent_pid "$1")/cmdline"); echo "$1: $out"; [[ $out == *icorp-agent* ]]; }
shares_are() { local s; s=$(told "$1" .isc.cpu_shares); echo "$1: cpu_shares $s"; [ "$s" = "$2" ]; }
shares_than() { local s; s=$(told "$1" .isc.cpu_shares); echo "$1: cpu_shares $s (was $3)"; test "${s:-0}" "-$2" "$3"; }
schedinfo() { told "$1" .isc.cpu_shares; }
class_rate() { told "$1" ".ports[] | select(.ifname == \"$2\") | .rate_bps"; }
vlans() { told "$1" '"\(.vlan) " + ([.ports[].ifname] | sort | join(" "))'; }
tags_by_address() {
	local got; got=$(told "$1" '"\(.prefix) VLAN \(.vlan) priority \(.priority)"')
	echo "$1 $2: $got"
	[[ $got == "$3 VLAN "*" priority $4" ]]
}
routes_of() { local n; n=$(told "$1" '[.endpoints[] | select(.local | not)] | length'); echo "$1: $n endpoints elsewhere"; [ "${n:-0}" -ge "$3" ]; }
proxied() {
	local got; got=$(told "$1" '[.endpoints[] | select(.kind == "server" and .up and .weight > 0) | .private_addr] | join(" ")')
	echo "$1: port $(told "$1" '.services[0].port') to $got"
	[ -n "$got" ]
}
page() { # USER NAME
	local ar=ar${1#user} list turn
	resolves "$2" 2 > /dev/null || return
	mapfile -t list < <(told "$ar" '.endpoints[] | select(.kind == "server" and .up and .weight > 0) | "\(.element) \(.private_addr)"')
	[ ${#list[@]} -gt 0 ] || return
	turn=$(cat "$WORK/turn" 2> /dev/null || echo 0)
	echo $((turn + 1)) > "$WORK/turn"
	turn=${list[turn % ${#list[@]}]}
	in_ "${turn% *}" curl -sf -m 2 "http://${turn#* }/" < /dev/null
}
pages_came_by() { :; } # page() asks the ISCs where they are
watch_proxies() { :; }
# A line per request, as inside.sh writes them; in a process group of its own.
keep_asking() {
	local t
	set -m
	while :; do
		t=$(now_ms)
		if page "$1" "$HOST" > /dev/null; then echo "$t ok"; else echo "$t FAIL"; fi
	done < /dev/null &
	BEHIND=$!
	set +m
	BACKGROUND+=("$BEHIND")
}
proxies_use() { told ar1 ".endpoints[] | select(.up and .weight > 0) | .private_addr" | grep -xF "$1"; }
# When both proxies had been told to leave the dead ISC: a request that begins later must not meet it. Waits until each
# user's requests of before are done.
proxies_last() { # LAPSED
	local i ar dead left
	dead=$(jq -r '.endpoints[] | select(.element == "srv2") | .private_addr' "$STATE/ar1/null/$ID"-*.json)
	for ((i = 0; i < 100; i++)); do
		left=0
		for ar in ar1 ar2; do
			grep -qxF "$dead" <<< "$(told $ar '.endpoints[] | select(.up and .weight > 0) | .private_addr')" && left=1
		done
		[ $left = 1 ] || break
		sleep 0.05
	done
	left=$(now_ms)
	for ((i = 0; i < 200; i++)); do
		if [ "$(tail -qn 1 "$WORK"/requests.* | awk -v t="$left" '$1 > t' | wc -l)" = 2 ]; then break; fi
		sleep 0.05
	done
	echo "$left"
}
# Requests that make the application work: without a cgroup an agent measures its applications only.
load_isc() {
	behind "${TB[@]}" exec "$1" bash -c "for i in 1 2 3; do
		while :; do curl -s http://$(told "$1" .isc.address)/cgi-bin/work?999999 > /dev/null; done & done; wait"
}
stop_load() { stop_one "$1"; }
other_state() { find "$STATE/$1/null" -name '*.json' 2> /dev/null; return 0; }
snapshot_has() { grep -q "null/$ID-.*json" <<< "$1"; }
compare_create() { saw "time from POST to first page: $FIRST_PAGE_MS ms"; }
