# shellcheck shell=bash
# Daemons that are away, ours and others': what they are needed for waits, says so, and goes on by itself when they are
# back; what works without them goes on working.

dns_is() { # JQ-CONDITION: of the gatekeeper's own status
	local now; now=$(body_of "$(api GET /v1/status)" | jq -c '{ok, dns}')
	echo "$now"
	printf '%s' "$now" | jq -e "$1" > /dev/null
}

case_knotd_down() {
	kill_daemon TERM gk knotd || return
	create nameless || return
	check 30 "ICorp $ID completes without it" icorp_is "$ID" complete || return
	check 10 "the gatekeeper's status says that it tries again, and why" dns_is \
		'.ok == false and .dns.ok == false and .dns.pending == 1 and (.dns.error | test("refused"))' || return
	check 10 "and when" dns_is '.dns.state == "retrying" and .dns.retry_in_ms > 0' || return
	check 1 "the client sees that the name is still to come" icorp_dns pending || return
	tb -q start gk knotd || { fail "knotd starts again"; return 1; }
	check 15 "the name is published when it is back" icorp_dns published || return
	check 5 "the status is good again" dns_is '.ok and .dns.ok and .dns.pending == 0' || return
	check 5 "users get pages by that name" pages_from user2 "$HOST" 4 2 || return
	delete
}
icorp_dns() { local now; now=$(icorp_field "$ID" .dns.state); echo "$now"; [ "$now" = "$1" ]; }

adaptor_pid() { # ELEMENT TYPE: a child of the controller's launcher
	in_ "$1" pgrep -P "$(launcher_pid "$1")" -f "icorp-adaptor(-vm)? $2\$" < /dev/null
}
new_adaptor() { # ELEMENT TYPE FORMER-PID
	local now; now=$(adaptor_pid "$1" "$2")
	echo "$1: the process of $2 is $now (was $3)"
	[ -n "$now" ] && [ "$now" != "$3" ] && ctl "$1" show status | jq -e --arg t "$2" '.adaptors[] | select(.type == $t) | .up' > /dev/null
}
kill_adaptor() { # ELEMENT TYPE
	local pid; pid=$(adaptor_pid "$1" "$2")
	[ -n "$pid" ] || { fail "$1's adaptor $2 is found"; return 1; }
	in_ "$1" kill -9 "$pid" < /dev/null
	check 10 "$1's adaptor $2 is started again after kill -9" new_adaptor "$1" "$2" "$pid"
}
session_up() { # ELEMENT HOW-MANY: of the four endpoints, those that are behind it
	local now; now=$(ctl "$1" show sessions | jq -c ".sessions[] | select(.icorp == $ID) | {state, up}")
	echo "$1: $now"
	[ "$now" = "{\"state\":\"up\",\"up\":\"$2/4\"}" ]
}
# R is 1 s, so state lives 5.25 s; its two neighbours send a Srefresh each at least R/2 apart.
heard() { ctl r1 show counters | jq '."srefreshes received"'; }
refreshed() { local now; now=$(heard); echo "Srefresh received: $now (was $1)"; [ "$now" -ge $(($1 + 22)) ]; }

case_killed() {
	local before=${#BACKGROUND[@]} was
	serving sturdy || return
	snapshot > "$WORK/serving"
	users_ask user1 user2
	kill_adaptor r1 tc || return
	kill_adaptor srv1 vm || return
	kill_adaptor ar1 proxy || return
	kill_daemon KILL r1 signald || return
	tb -q start r1 signald || { fail "r1's controller starts again"; return 1; }
	check 15 "r1's controller learns the ICorp again from its neighbours" session_up r1 2 || return
	was=$(heard)
	check 20 "it is refreshed for longer than it would live without" refreshed "$was" || return
	check 10 "and the leader still has all endpoints" session_up ar1 4 || return
	check 10 "kernels and libvirt are as they were before the kills: nothing lost, no orphan" as_when_serving || return
	users_served || return
	stop_background "$before"
	delete && nothing_left
}
as_when_serving() { snapshot > "$WORK/now"; diff -U2 "$WORK/serving" "$WORK/now"; }

case_gatekeeper_killed() {
	local before=${#BACKGROUND[@]}
	serving lasting || return
	users_ask user1 user2
	kill_daemon KILL gk gatekeeper || return
	check 30 "users get pages without a gatekeeper" pages_from user1 "$HOST" 4 2 || return
	tb -q start gk gatekeeper || { fail "the gatekeeper starts again"; return 1; }
	check 10 "it still knows ICorp $ID, complete" icorp_is "$ID" complete || return
	check 30 "all controllers come back to it" registered || return
	check 15 "and so does the layer-2 map" linked || return
	check 10 "the leader still has all endpoints" session_up ar1 4 || return
	users_served || return
	stop_background "$before"
	delete
}

# libvirtd of srv1 is away while an ICorp is asked for: first for a moment, then for longer than an ISC may take.
case_libvirtd_down() {
	kill_daemon TERM srv1 libvirtd || return
	create patient || return
	check 10 "srv1's status says what its adaptor waits for" waits srv1 'libvirt.*[Cc]onnect' || return
	check 10 "the gatekeeper shows it to the operator" element_waits srv1 'libvirt.*[Cc]onnect' || return
	check 1 "ICorp $ID is still being signaled" icorp_is "$ID" signaling || return
	tb -q start srv1 libvirtd || { fail "libvirtd starts again"; return 1; }
	check 20 "ICorp $ID completes by itself when it is back" icorp_is "$ID" complete || return
	check 5 "srv1 waits for nothing" waits srv1 '^$' || return
	check 10 "user1 gets pages from both ISCs" pages_from user1 "$HOST" 4 2 || return
	delete || return
	kill_daemon TERM srv1 libvirtd || return
	reload srv1 '1i isc_start = 4s'
	create impatient || return
	check 15 "the client sees for what srv1 waited too long" icorp_error srv1 'admission: adaptor' \
		'the ISC was not started in time: waiting for vm: libvirt' || return
	tb -q start srv1 libvirtd || { fail "libvirtd starts again"; return 1; }
	check 20 "srv1 has cleared up when it is back" waits srv1 '^$' || return
	reload srv1 '1d'
	nothing_left || return
	delete_failed
}
waits() { # ELEMENT PATTERN
	local now; now=$(ctl "$1" show status | jq -r '.adaptors[] | select(.type == "vm") | .reason')
	echo "$1: $now"
	[[ $now =~ $2 ]]
}
element_waits() {
	local now; now=$(body_of "$(api GET /v1/elements)" | jq -r --arg e "$1" '.elements[] | select(.name == $e) | .adaptors[] | select(.type == "vm") | .reason')
	echo "$1: $now"
	[[ $now =~ $2 ]]
}
