# shellcheck shell=bash
# Priorities on a full link: what a bronze ICorp has grown by is taken back for a gold one, and only as much as is missing.
# It hears why, and what it began with still flows.

in_isc_of() { # ICORP SERVER COMMAND
	local d; d=$(domains "$2" | grep "^icorp-$1-")
	virsh_ "$2" lxc-enter-namespace "$d" --noseclabel -- /bin/sh -c "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin; $3" 2>&1
}
# What an ISC says of its bandwidth.
isc_says() { # ICORP SERVER PATTERN
	local out; out=$(in_isc_of "$1" "$2" 'icorp status' | grep bandwidth)
	printf '%s\n' "$out"
	grep -qE "$3" <<< "$out"
}
# What the gatekeeper has heard of an ICorp's bandwidth from an element.
gatekeeper_knows() { # ICORP ELEMENT OUTCOME REASON
	local out; out=$(body_of "$(api GET "/v1/icorps/$1")" | jq -c '.grants[] | select(.resource == "bandwidth")')
	printf '%s\n' "$out" | jq -c '{element, outcome, level, reason}' | grep "\"$2\""
	printf '%s' "$out" | jq -se --arg e "$2" --arg o "$3" --arg r "$4" \
		'any(.[]; .element == $e and .outcome == $o and (.reason | test($r)))' > /dev/null
}
errors_say() { # ELEMENT PATTERN
	local out; out=$(in_ "$1" icorpctl show errors < /dev/null | grep preempted)
	printf '%s\n' "$out"
	grep -qE "$2" <<< "$out"
}
rates_are() { # PREFIX RATE: at both ends of the ICorp and in between
	local at
	for at in ar1:eth0 r1:eth1 r2:eth1 srv1:eth0; do rate_is "${at%:*}" "${at#*:}" "$1" "$2" || return; done
}

# Of 100 Mbit/s bronze has 5, grows to 85, and gold comes with 30.
case_preempted() {
	local before=${#BACKGROUND[@]} bronze host prefix
	serving low bronze || return
	bronze=$ID host=$HOST prefix=$PREFIX
	in_isc_of "$bronze" srv1 'icorp more bandwidth 40' > "$WORK/more"
	check 1 "srv1's ISC is granted 40 steps more" grep 'bandwidth by 40: applied' "$WORK/more" || { cat "$WORK/more"; return 1; }
	check 2 "bronze has 85 Mbit/s everywhere" rates_are "$prefix" 85000000 || return
	users_ask user1 user2
	create high gold || return
	check 30 "ICorp $ID completes" icorp_is "$ID" complete || return
	check 2 "bronze has 70 Mbit/s everywhere" rates_are "$prefix" 70000000 || return
	check 2 "its ISC is told why" isc_says "$bronze" srv1 'partly: preempted by a contract of higher priority on ar1' || return
	check 3 "so is the gatekeeper" gatekeeper_knows "$bronze" ar1 partly 'preempted by a contract of higher priority on eth0' || return
	check 1 "icorpctl shows it on ar1" errors_say ar1 "ICorp $ID, of setup priority 2, takes growth on eth0" || return
	check 5 "user1 still gets bronze's pages" pages_from user1 "$host" 4 2 || return
	users_served || return
	stop_background "$before"
	delete || return
	check 0 "nothing grows back by itself" holds 3 rates_are "$prefix" 70000000 || return
	in_isc_of "$bronze" srv1 'icorp more bandwidth 5' > "$WORK/more"
	check 2 "bronze asks again, and gets 10 Mbit/s" rates_are "$prefix" 80000000 || { cat "$WORK/more"; return 1; }
	ID=$bronze
	delete
}
