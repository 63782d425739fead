# shellcheck shell=bash
# Graceful restart: the controller of each kind of element dies and is back, and nobody notices. The ICorp has grown before,
# so that what only demands led to has to be found again; a flow with numbers and users' requests run all the time.

# A flow from an access router, through every element, into a server's ISC of the ICorp; flow_end says whether it was whole.
declare -A SENDER
flow_begin() { # [ROUTER [SERVER]]
	local from=${1:-ar1} to=${2:-srv1} isc; isc=$(isc_address "$to")
	behind nsenter -t "$(agent_pid "$to")" -n -- python3 "$TOP/tests/e2e/failures.d/flow.py" receive 4000 > "$WORK/flow.$from"
	behind "${TB[@]}" exec "$from" python3 "$TOP/tests/e2e/failures.d/flow.py" send "$isc" 4000
	SENDER[$from]=$BEHIND
}
flow_said() { cat "$WORK/flow.$1"; [ -s "$WORK/flow.$1" ]; }
flow_whole() { flow_said "$1" && grep -qE '^[1-9][0-9]* packets, 0 lost' "$WORK/flow.$1"; }
flow_end() { # [ROUTER]
	local from=${1:-ar1}
	kill -TERM -- "-${SENDER[$from]}"
	check 10 "the flow from $from has ended" flow_said "$from" || return
	check 1 "no packet of it was lost" flow_whole "$from"
}

grown() { # the bandwidth srv1's ISC was granted is in force everywhere
	rate_is r1 eth1 "$PREFIX" $((RATE + STEP_RATE)) && rate_is srv1 eth0 "$PREFIX" $((RATE + STEP_RATE)) &&
		rate_is ar1 eth0 "$PREFIX" $((RATE + STEP_RATE))
}
grow() {
	in_isc srv1 'icorp more cpu' > /dev/null && in_isc srv1 'icorp more bandwidth' > /dev/null || { fail "the ISC asks for more"; return 1; }
	check 5 "the ICorp has grown" grown && check 5 "and its ISC" shares_are srv1 $((SHARES + STEP_SHARES))
}

# It listens, it has re-learnt, and what nobody claimed is gone: its audit has run.
recovered() { # ELEMENT
	local now; now=$(ctl "$1" show status | jq -c '{sessions, waits_for, recovery_ms, unclaimed}')
	echo "$1: $now"
	printf '%s' "$now" | jq -e '.waits_for == null and .unclaimed == 0 and .recovery_ms == 0' > /dev/null
}
claimed() { # ELEMENT ENDPOINTS
	ctl "$1" show status | jq -c '{waits_for, unclaimed}' && session_up "$1" "$2"
}
snapshot_is() { snapshot > "$WORK/now"; diff -U2 "$WORK/$1" "$WORK/now"; }

case_restarts() {
	local before=${#BACKGROUND[@]} one element
	serving steady || return
	grow || return
	snapshot > "$WORK/grown"
	users_ask user1 user2
	flow_begin
	for one in srv1:1 r1:2 s1:3 s2:2 ar2:1 ar1:4; do
		element=${one%:*}
		kill_daemon KILL "$element" signald || return
		tb -q start "$element" signald || { fail "$element's controller starts again"; return 1; }
		check 15 "$element's controller learns the ICorp again" claimed "$element" "${one#*:}" || return
		check 5 "what was granted is in force" grown || return
		# in a minute without work an ISC gives back what it has too much, by itself
		[ "$element" != srv1 ] || check 1 "and its share of the server" shares_are srv1 $((SHARES + STEP_SHARES)) || return
		check 40 "$element's recovery is over" recovered "$element" || return
		check 10 "after $element's restart kernels and libvirt are as before" snapshot_is grown || return
	done
	check 5 "the ICorp is complete" icorp_is "$ID" complete || return
	flow_end || return
	users_served || return
	stop_background "$before"
	orphan_goes || return
	delete
}

# Deleted while r1's controller was down: its kernel still has it, until the recovery time is over.
orphan_goes() {
	local kept=$ID kept_prefix=$PREFIX orphan
	create doomed || return
	check 30 "ICorp $ID completes" icorp_is "$ID" complete || return
	orphan=$ID
	kill_daemon KILL r1 signald || return
	delete || return
	ID=$kept PREFIX=$kept_prefix
	tb -q start r1 signald || { fail "r1's controller starts again"; return 1; }
	check 15 "r1's controller learns the other ICorp again" session_up r1 2 || return
	check 40 "r1's recovery is over" recovered r1 || return
	check 1 "its log names what it removed, and why" log_has r1 signald "icorp $orphan.*nobody claimed it within the recovery time" || return
	check 5 "nothing is left of it, and the other stays as it was" snapshot_is grown
}
