# shellcheck shell=bash
# The layer-2 map from lldpd (testbed/lldp.topo), one daemon per element. Nobody hears further than one link, and an ICorp crosses
# two switches; then the cable between r1 and s2 is put into another port of s2's, and lldpd itself goes away and comes back.
#
#   user1 -- ar1 -- s1 ---- s2 == r1 -- srv1
#                   |       |
#                   gk      spare

hears() { # ELEMENT LINK…: these are all the links that it knows of
	local now; now=$(ctl "$1" show l2 | jq -r '.links[] | "\(.a_port) \(.b) \(.b_port)"' | sort)
	printf '%s\n' "$1:" "$now"
	[ "$now" = "$(printf '%s\n' "${@:2}" | sort)" ]
}
hears_liars() { # ELEMENT IFNAME
	local now; now=$(in_ "$1" lldpcli -f json show neighbors ports "$2" < /dev/null)
	echo "$(grep -cF '"10.230.21.99"' <<< "$now") times 10.230.21.99" # it is no JSON: the name's ESC is not escaped
	[[ $now == *10.230.1.3* ]] && [[ $now == *10.230.21.99* ]]
}
# Its lldpd is two processes: the one that keeps privileges, and the one that talks.
kill_lldpd() { # ELEMENT
	local pid; pid=$(daemon_pid "$1" lldpd)
	in_ "$1" sh -c "kill -KILL \$(pgrep -P $pid) $pid" < /dev/null
}
log_has() { # ELEMENT PATTERN; a UML kernel has one log for all its daemons
	local out; out=$(grep -hsE "$2" "$STATE/$1"/log/{signald,daemons}.log | tail -n 1)
	echo "$out"
	[ -n "$out" ]
}

case_lldp() {
	command -v lldpd > /dev/null || { echo "ok - $CASE # SKIP needs lldpd"; return; }
	raise lldp ar1 s1 s2 r1 srv1
	check 10 "each element hears its neighbours, and nobody further" hears s1 'eth0 ar1 eth0' 'eth1 s2 eth0' || return
	check 5 "so does s2" hears s2 'eth0 s1 eth1' 'eth1 r1 eth0' || return
	check 5 "so does r1" hears r1 'eth0 s2 eth1' 'eth1 srv1 eth0' || return
	in_ srv1 "$TOP/tests/e2e/ways.d/liar.py" eth0 10.230.1.3 $'s2 \e[31m' 1 < /dev/null
	in_ srv1 "$TOP/tests/e2e/ways.d/liar.py" eth0 10.230.21.99 srv1 50 < /dev/null
	check 5 "r1's lldpd hears srv1 claim to be s2, and many others" hears_liars r1 eth1
	check 1 "its controller believes neither" holds 1 hears r1 'eth0 s2 eth1' 'eth1 srv1 eth0'
	create srv1 || return
	check 20 "user1 gets pages from srv1" pages_from user1 "$HOST" 4 1 || return
	check 5 "s1, which cannot see r1, has passed it to s2" vlan_members s1 eth0 eth1 || return
	check 5 "which can" vlan_members s2 eth0 eth1 || return
	in_ ether ip link set e3.r1 master b4
	check 10 "r1's cable is in another port: s2 hears it there" hears s2 'eth0 s1 eth1' 'eth2 r1 eth0' || return
	check 1 "the ICorp has moved with it" vlan_members s2 eth0 eth2 || return
	check 5 "it is complete" icorp_is "$ID" complete || return
	check 20 "user1 gets pages from srv1" pages_from user1 "$HOST" 4 1 || return
	users_ask user1
	kill_lldpd s2
	check 10 "s2's controller notices that its lldpd is gone" log_has s2 'lldpd: .*the L2 map stays as it is'
	check 1 "and keeps the map" hears s2 'eth0 s1 eth1' 'eth2 r1 eth0'
	tb -q start s2 lldpd
	check 10 "it talks to the next one" log_has s2 'lldpd: it answers'
	check 1 "which has heard little yet: the map stays" hears s2 'eth0 s1 eth1' 'eth2 r1 eth0'
	check 1 "so does the ICorp" vlan_members s2 eth0 eth2
	users_served 5
	stop_background
	delete
}
