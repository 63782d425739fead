# shellcheck shell=bash
# Make before break: a contract is revised while a flow with numbers and users' requests run: another rate, a server less, a
# server more. Not a packet of the flow and not a request is lost. A revision that does not fit leaves all as it is.

revise() { answered 202 next_revision PATCH "/v1/icorps/$ID" -H 'Content-Type: application/json' --data-binary "$1"; }
# The revision stands, whole, and no other is being set up.
revision_is() { # REVISION
	local now; now=$(body_of "$(api GET "/v1/icorps/$ID")" | jq -c '{state, revision, next_revision, error}')
	printf '%s\n' "$now"
	printf '%s' "$now" | jq -e --argjson r "$1" '.state == "complete" and .revision == $r and .next_revision == null' > /dev/null
}
# There is one revision of it on every element.
alone() { # REVISION ELEMENT…
	local r=$1 e out; shift
	for e; do
		out=$(ctl "$e" show sessions "$ID" | jq -c '[.sessions[].revision]')
		[ "$out" = "[$r]" ] || { echo "$e has revisions $out"; return 1; }
	done
}
rate_everywhere() { # RATE
	local at
	for at in ar1:eth0 r1:eth1 r2:eth1 srv1:eth0; do rate_is "${at%:*}" "${at#*:}" "$PREFIX" "$1" || return; done
}
refused_and_stands() { # REASON
	local now; now=$(body_of "$(api GET "/v1/icorps/$ID")" | jq -c '{state, revision, next_revision, error}')
	printf '%s\n' "$now"
	printf '%s' "$now" | jq -e --arg r "$1" '.state == "complete" and .next_revision == null and (.error.reason | test($r))' > /dev/null
}

# What is used, as the leader's table has it, the gatekeeper and r2's own kernel, which is asked how much left for srv1 meanwhile.
used_at_gatekeeper() { icorp_field "$ID" "[.grants[] | select(.element == \"$1\" and .endpoint == \"$2\" and .resource == \"$3\") | .used // 0] | add // 0"; }
use_is_reported() {
	local table before after began kernel said
	table=$(in_ ar1 icorpctl path "$ID" < /dev/null)
	began=$(now_ms) before=$(class_sent r2 eth1 "$PREFIX")
	sleep 1
	after=$(class_sent r2 eth1 "$PREFIX")
	kernel=$(((after - before) * 8000 / ($(now_ms) - began))) said=$(used_at_gatekeeper r2 "" bandwidth)
	printf '%s\nr2: %s bit/s by its kernel, %s by the gatekeeper; srv1: %s permille of a CPU, %s KiB\n' "$table" "$kernel" "$said" \
		"$(used_at_gatekeeper srv1 srv1 cpu)" "$(used_at_gatekeeper srv1 srv1 memory)"
	[ "$(grep -cE '^ +(ar1|s1|r1|r2|s2) +bandwidth +applied +(enforced|best-effort) +[0-9.]+ Mbit/s +[0-9.]+ [kM]?bit/s ' <<< "$table")" = 5 ] &&
		[ "$(used_at_gatekeeper srv1 srv1 cpu)" -gt 0 ] && [ "$(used_at_gatekeeper srv1 srv1 memory)" -gt 0 ] &&
		[ $((said * 2)) -gt "$kernel" ] && [ "$said" -lt $((kernel * 2)) ]
}

case_revisions() {
	local before=${#BACKGROUND[@]} agent
	serving shifting || return
	agent=$(agent_pid srv1)
	users_ask user1 user2
	flow_begin
	check 20 "what each hop carries is known to the leader and the gatekeeper, beside how it is enforced" use_is_reported || return
	check 1 "gold is asked for" revise '{"class":"gold"}' || return
	check 20 "revision 2 stands" revision_is 2 || return
	check 5 "with gold's rate" rate_everywhere 30000000 || return
	check 5 "and is the only one" alone 2 ar1 ar2 s1 r1 r2 s2 srv1 srv2 || return
	check 1 "srv2 is to go" revise '{"servers":["srv1"]}' || return
	check 20 "revision 3 stands" revision_is 3 || return
	check 20 "srv2's ISC is gone" domain_runs srv2 0 || return
	check 5 "the users are served by srv1" pages_from user1 "$HOST" 4 1 || return
	check 1 "srv2 is to come back, as bronze" revise '{"servers":["srv1","srv2"],"class":"bronze"}' || return
	check 40 "revision 4 stands" revision_is 4 || return
	check 5 "with bronze's rate" rate_everywhere 5000000 || return
	check 10 "both serve" pages_from user2 "$HOST" 8 2 || return
	reload r2 's/^port eth1 .*/port eth1 { speed = 10M }/'
	check 1 "gold is asked for, which r2 has no room for" revise '{"class":"gold"}' || return
	check 20 "it is refused, and the client hears why" refused_and_stands 'no capacity on eth1' || return
	check 5 "revision 4 stands everywhere" alone 4 ar1 ar2 s1 r1 r2 s2 srv1 srv2 || return
	check 5 "with its rate" rate_everywhere 5000000 || return
	reload r2 's/^port eth1 .*/port eth1 { speed = 100M }/'
	check 1 "srv1's agent is the one of before" [ "$(agent_pid srv1)" = "$agent" ] || return
	flow_end || return
	users_served || return
	stop_background "$before"
	delete
}
