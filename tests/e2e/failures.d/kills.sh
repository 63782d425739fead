# shellcheck shell=bash
# kill -9 of whatever is ours on an element, at random moments. Two ICorps stand all the time, each with a flow of numbered packets
# and a user who asks for pages: they must not notice. A third is made, changed and deleted without a pause (churn.py),
# so that kills meet operations. After each kill the two must be known again everywhere; after each BATCH the third is gone, everything is
# audited, and what kernels, switches, libvirt and DNS have is what it was in the beginning.
#
# The one thing that may be lost: requests through an access router while its icorp-proxy, which carries the users' connections, is
# away itself. They are excused from its kill until it serves again, and users of the other access router never.

KILLS=${KILLS:-25} BATCH=25   # VICTIMS: only those that this pattern matches

# "ELEMENT PROCESS" lines: an adaptor's type, or signald, launcher, icorp-proxy.
victims() {
	local e
	for e in "${ELEMENTS[@]}"; do
		ctl "$e" show status | jq -r --arg e "$e" '($e + " " + (.adaptors[].type, "signald", "launcher"))'
	done
	printf '%s icorp-proxy\n' ar1 ar2
}

# What a controller says that must be so again after a kill: the two ICorps, with the endpoints that it sees behind it.
known() { # ELEMENT
	in_ "$1" sh -c 'icorpctl --json show status; icorpctl --json show sessions' < /dev/null |
		jq -sc --argjson a "$STEADY" --argjson b "$CALM" '{waits_for: .[0].waits_for, down: [.[0].adaptors[] | select(.up | not).type],
			sessions: [.[1].sessions[] | select(.icorp == $a or .icorp == $b) | {icorp, revision, state, up, rate}] | sort_by(.icorp)}'
}
known_again() { local now; now=$(known "$1"); echo "$1: $now"; [ -n "$now" ] && [ "$now" = "${KNOWN[$1]}" ]; }

serves() { page "$1" "$2" > /dev/null; } # USER ADDRESS
# Ends it, as nobody expects it, and does what its supervisor would.
strike() { # ELEMENT PROCESS
	case $2 in
	signald) in_ "$1" kill -9 "$(daemon_pid "$1" signald)" < /dev/null ;;
	launcher) in_ "$1" kill -9 "$(launcher_pid "$1")" < /dev/null ;;
	icorp-proxy) kill -9 "$(daemon_pid "$1" proxy)" ;;
	*) in_ "$1" kill -9 "$(adaptor_pid "$1" "$2")" < /dev/null ;;
	esac
}
again() { # ELEMENT PROCESS
	local d=signald
	case $2 in
	signald | launcher) ;;
	icorp-proxy) d=proxy ;;
	*) return 0 ;;
	esac
	check 10 "$1's $d is ended" ended "$1" "$(daemon_pid "$1" $d)" > /dev/null || return
	tb -q start "$1" $d || { fail "$1's $d starts again"; return 1; }
}

one_kill() { # N
	local at=() began user
	read -r -a at <<< "${VICTIM[RANDOM % ${#VICTIM[@]}]}"
	sleep "$(printf 0.%03d $((RANDOM % 1000)))"
	began=$(now_ms)
	strike "${at[@]}" || { fail "kill $1: ${at[*]} is found"; return 1; }
	WHICH="kill $1 of $KILLS, SEED=$SEED, $(date -u +%T.%3N): ${at[0]}'s ${at[1]}, during $(cat "$WORK/now")"
	[[ "$(cat "$WORK/now")" = nothing ]] || MET=$((MET + 1))
	again "${at[@]}" || return
	if [ "${at[1]}" = icorp-proxy ]; then
		user=user${at[0]#ar}
		check 15 "$WHICH: $user is served again" serves "$user" "${PUBLIC[$user]}" || return
		printf '%s %s\n' $((began - 500)) "$(now_ms)" >> "$WORK/excused.$user"
	fi
	check 20 "$WHICH: known again" known_again "${at[0]}"
}

churn_begin() { # N
	rm -f "$WORK/stop"
	echo nothing > "$WORK/now"
	behind "${TB[@]}" exec user1 python3 "$TOP/tests/e2e/failures.d/churn.py" $((SEED + $1)) "$GK_ADDRESS" "$STATE" "$WORK/now" "$WORK/stop" \
		> "$WORK/churn"
	CHURN=$BEHIND
}
# What they all know of an ICorp that the third one does not get on with.
churn_stuck() {
	local e id
	tail -n 3 "$WORK/churn"
	id=$(tail -n 1 "$WORK/churn" | sed -nE 's/^ICorp ([0-9]+): .*not so within.*/\1/p')
	for e in ${id:+"${ELEMENTS[@]}"}; do printf '%s: %s\n' "$e" "$(ctl "$e" show path "$id")"; done
}
churn_runs() { kill -0 "$CHURN" 2> /dev/null; }
churn_over() { tail -n 1 "$WORK/churn"; ! churn_runs; }
churn_end() {
	touch "$WORK/stop"
	check 100 "what was being changed is gone" churn_over || return
	wait "$CHURN" || { fail "each operation came to an end" "$(churn_stuck)"; return 1; }
	sed 's/^/# churn: /' "$WORK/churn"
}

# It has only the two, has forgotten its former life, and all its adaptors are up.
at_rest() { # ELEMENT
	local now; now=$(ctl "$1" show status | jq -c '{sessions, waits_for, recovery_ms, unclaimed, down: [.adaptors[] | select(.up | not).type]}')
	echo "$1: $now"
	[ "$now" = '{"sessions":2,"waits_for":null,"recovery_ms":0,"unclaimed":0,"down":[]}' ]
}
audits() { ctl "$1" show status | jq -c '[.adaptors[] | [.audits, .audits_failed, .orphans_removed, .drift_repaired]]'; } # ELEMENT
audited() { # ELEMENT BEFORE: one more of each adaptor, none failed; prints what was found
	local now; now=$(audits "$1")
	jq -nc --argjson a "$2" --argjson b "$now" --arg e "$1" '[range($a | length) as $i | [range(4) as $k | $b[$i][$k] - $a[$i][$k]]] as $d |
		{element: $e, done: ([$d[] | .[0] >= 1] | all), failed: ([$d[][1]] | add), orphans: ([$d[][2]] | add), repaired: ([$d[][3]] | add)}' \
		> "$WORK/audited.$1"
	cat "$WORK/audited.$1"
	jq -e '.done and .failed == 0' "$WORK/audited.$1" > /dev/null
}
audit_all() {
	local e; declare -A was
	for e in "${ELEMENTS[@]}"; do was[$e]=$(audits "$e") && ctl "$e" audit > /dev/null; done
	for e in "${ELEMENTS[@]}"; do check 15 "$e is audited" audited "$e" "${was[$e]}" > /dev/null || return; done
	jq -s '{orphans: ([.[].orphans] | add), repaired: ([.[].repaired] | add)}' -c "$WORK"/audited.*
}

# What was found by the elements themselves so far, by their logs.
restarts_said() {
	cat "$STATE"/*/log/*.log | awk '/nobody claimed it within the recovery time/ { gone++ }
		/the audit removed [0-9]+ orphans/ { for (i = 1; i < NF; i++) if ($i == "removed") orphans += $(i + 1) }
		END { printf "%d ICorps that nobody claimed, %d orphans\n", gone, orphans }'
}

batch_end() { # LAST
	local e found
	churn_end || return
	for e in "${ELEMENTS[@]}"; do check 40 "$e has nothing but the two that stand" at_rest "$e" > /dev/null || return; done
	found=$(audit_all) || { fail "all adaptors are audited" "$found"; return 1; }
	echo "# the audit found $found; the elements have removed: $(restarts_said)"
	check 15 "kernels, switches, libvirt and DNS have what they had before the kills up to $1" snapshot_is standing || return
	found=$(audit_all)
	check 0 "a second audit finds nothing" test "$found" = '{"orphans":0,"repaired":0}' || { echo "# $found"; return 1; }
}

stands() { # NAME CLASS LEADER OTHER USER SERVER
	serving "$1" "$2" "$3" "$4" || return
	PUBLIC[$5]=$(icorp_field "$ID" ".endpoints[] | select(.element == \"$3\") | .public")
	HOST=${PUBLIC[$5]} users_ask "$5"
	flow_begin "$3" "$6"
}

case_kills() {
	local n e before=${#BACKGROUND[@]} STEADY CALM
	declare -A PUBLIC KNOWN
	SEED=${SEED:-$(($(date +%s) % 100000))} MET=0
	RANDOM=$SEED
	stands steady silver ar1 ar2 user1 srv1 || return
	STEADY=$ID
	stands calm bronze ar2 ar1 user2 srv2 || return
	CALM=$ID ASKING=(user1 user2)
	snapshot > "$WORK/standing"
	mapfile -t VICTIM < <(victims | grep -E "${VICTIMS:-.}")
	for e in "${ELEMENTS[@]}"; do KNOWN[$e]=$(known "$e"); done
	for ((n = 1; n <= KILLS; n++)); do
		if [ $((n % BATCH)) = 1 ]; then churn_begin "$n"; fi
		one_kill "$n" || return
		churn_runs || { fail "$WHICH: each operation came to an end" "$(churn_stuck)"; return 1; }
		if [ $((n % BATCH)) = 0 ] || [ "$n" = "$KILLS" ]; then batch_end "$n" || return; fi
	done
	echo "# $MET of $KILLS kills met an operation"
	check 0 "most of them did" test $((MET * 2)) -ge "$KILLS"
	flow_end ar1 && flow_end ar2 && users_served 100 || return
	stop_background "$before"
	for ID in $STEADY $CALM; do delete; done
}
