# shellcheck shell=bash
# What both switch adaptors must do; sourced by bridge-uml.sh and ovs.sh, which make the network:
#
#   a 10.64.7.1 --------------- eth0 \
#   b 10.64.7.2, 10.64.8.2 ---- eth1  > switch eth3 ---- trunk: tap3 in `ether`, watched and spoken to by a raw socket
#   c 10.64.8.3 --------------- eth2 /                   ICorp 7: a b trunk, VLAN 107, priority 5
#                                                        ICorp 8: b c trunk, VLAN 108, priority 1
#   all also 10.200.1.x in the base VLAN, the switch itself 10.200.1.9
#
# They set D (a directory), build, top, anchor[NODE] (a process in each node's network namespace), and define
#   drive LINE…           the adaptor on these lines of tests/e2e/adaptor_drive.c, in a process of its own
#   drive_around TERMS LINE   one process: apply TERMS; `damage` meanwhile; LINE. Prints all.
#   state                 what the switch has of all ICorps, without counters
#   snapshot              all that the adaptor could have changed
#   own_CHECKS            their own checks: own_opened, own_applied, own_in_use, own_changed
#   damage                takes b out of VLAN 107 behind the adaptor's back
failed=0

skip() { echo "1..0 # SKIP $*"; exit 77; }
ok() { echo "ok - $*"; }
not_ok() { echo "not ok - $1"; shift; printf '%s\n' "$*" | head -n 12 | sed 's/^/# /'; failed=$((failed + 1)); }
check() { # WHAT COMMAND…
	local what=$1 out; shift
	if out=$("$@" 2>&1); then ok "$what"; else not_ok "$what" "$out"; fi
}
has() { grep -qE -- "$2" <<< "$1" || { printf 'no "%s" in: %s\n' "$2" "$1"; return 1; }; }
hasnt() { ! has "$1" "$2" > /dev/null || { printf '"%s" in: %s\n' "$2" "$1"; return 1; }; }
until_true() { local end=$((SECONDS + $1)); shift; until "$@" > /dev/null 2>&1; do [ $SECONDS -lt $end ] || return 1; sleep 0.05; done; }

# ---- processes: all that have SWITCHTEST=$D in their environment end with the script --------------------------------
pids() { grep -lasz "^SWITCHTEST=$D\$" /proc/[0-9]*/environ 2> /dev/null | cut -d/ -f3 | grep -vx "$$"; }
gone() { ! pids | grep -q .; }
finish() {
	local p
	trap - EXIT
	for p in $(pids); do [ "$p" = "$BASHPID" ] || kill "$p" 2> /dev/null; done
	until_true 3 gone || for p in $(pids); do [ "$p" = "$BASHPID" ] || kill -9 "$p" 2> /dev/null; done
	rm -rf --one-file-system "$D"
}
begin() { # NAMESPACE…
	local n
	D=$(mktemp -d /var/tmp/switchtest.XXXXXX)
	export SWITCHTEST=$D
	trap finish EXIT
	trap 'exit 130' INT TERM
	for n; do
		setsid unshare -n sh -c "ip link set lo up; : > $D/$n; exec sleep 300" < /dev/null > "$D/$n.log" 2>&1 &
		anchor[$n]=$!
	done
	for n; do until_true 5 test -e "$D/$n" || skip "cannot make namespaces"; done
}
declare -A anchor=()
on() { local n=$1; shift; nsenter -t "${anchor[$n]}" -n -- "$@"; }

# ---- hosts --------------------------------------------------------------------------------------------------------
wire_host() { # NODE LAST-OF-ADDRESS; its eth0 is there
	on "$1" sh -e -c "ip link set eth0 up; ip addr add 10.200.1.$2/24 dev eth0" || skip "cannot wire the hosts"
}
address_hosts() {
	on a ip addr add 10.64.7.1/24 dev eth0
	on b ip addr add 10.64.7.2/24 dev eth0
	on b ip addr add 10.64.8.2/24 dev eth0
	on c ip addr add 10.64.8.3/24 dev eth0
	on a ip route add 10.64.8.0/24 dev eth0
	on c ip route add 10.64.7.0/24 dev eth0
}
# A neighbour that could not be resolved a moment ago is forgotten first.
pings() { on "$1" ip neigh flush all; on "$1" ping -q -c 2 -i 0.2 -W 1 "$2" || on "$1" ping -q -c 2 -W 1 "$2"; }
cannot_ping() { ! on "$1" ping -q -c 2 -i 0.2 -W 1 "$2"; }
# watch PATTERN FILTER COMMAND…: what tcpdump sees on the trunk, from before COMMAND until it has seen PATTERN; for 2 s if that is empty
watch() {
	local pattern=$1 filter=$2; shift 2
	rm -f "$D/dump" "$D/dump.err"
	nsenter -t "${anchor[ether]}" -n -- tcpdump -l -e -n -i tap3 "$filter" > "$D/dump" 2> "$D/dump.err" &
	local pid=$!
	until_true 10 grep -q listening "$D/dump.err"
	"$@" > /dev/null 2>&1
	if [ -n "$pattern" ]; then until_true 10 grep -qE -- "$pattern" "$D/dump"; else sleep 2; fi
	kill $pid; wait $pid 2> /dev/null
	cat "$D/dump"
}
# sees WHAT PATTERN FILTER COMMAND…
sees() { local what=$1; shift; check "$what" has "$(watch "$@")" "$1"; }
# speak TARGET TCI…: from the trunk, who has TARGET? once with each tag
speak() {
	cat > "$D/speak.py" <<- 'END'
		import socket, struct, sys
		s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("tap3", 0))
		mac = bytes.fromhex("021c0000ff01"); ip = socket.inet_aton
		for tci in [int(x, 0) for x in sys.argv[2:]]:
		    arp = struct.pack("!HHBBH", 1, 0x800, 6, 4, 1) + mac + ip("10.64.7.99") + bytes(6) + ip(sys.argv[1])
		    s.send(b"\xff" * 6 + mac + struct.pack("!HHH", 0x8100, tci, 0x806) + arp + bytes(18))
	END
	on ether python3 "$D/speak.py" "$@"
}

terms() { # FILE ID PRIORITY PORTS…
	local f=$1 id=$2 prio=$3 p; shift 3
	printf 'icorp %s\nleader 10.200.1.11\nrevision 1\nname shop%s\nprefix 10.64.%s.0/24\npriority %s\nvlan %s\n' \
		"$id" "$id" "$id" "$prio" $((100 + id)) > "$D/$f"
	for p; do printf 'port %s rate=5000000%s\n' "${p%t}" "$([ "$p" = "${p%t}" ] || echo ' trunk')" >> "$D/$f"; done
}
counted() { # both ICorps have bytes
	local out; out=$(drive measure)
	python3 -c "import json, sys
s = {x['icorp']: x for x in json.loads(sys.argv[1])['sessions']}; assert s[7]['bytes'] > 0 and s[8]['bytes'] > 0" "${out#*measure: }"
}

# ---- the checks -----------------------------------------------------------------------------------------------------
apply_checks() {
	local out
	terms t7 7 5 eth0 eth1 eth3t
	terms t8 8 1 eth1 eth2 eth3t
	check "the base VLAN carries everything before" pings a 10.64.8.3
	out=$(drive show)
	check "the adaptor opens" has "$out" "open: ok"
	before=$(snapshot)
	own_opened
	out=$(drive "apply $D/t7" "apply $D/t8")
	check "two ICorps are applied" test "$(grep -c 'apply: ok' <<< "$out")" = 2
	check "the grant is honest" has "$out" "grant 1 applied best-effort 5000000 802.1p priority 5, no rate on this switch"
	own_applied
}

traffic_checks() {
	local out
	check "a and b reach each other in ICorp 7" pings a 10.64.7.2
	check "b and c reach each other in ICorp 8" pings b 10.64.8.3
	check "a cannot reach c in ICorp 8" cannot_ping a 10.64.8.3
	check "c cannot reach a in ICorp 7" cannot_ping c 10.64.7.1
	check "the base VLAN goes on, and reaches the switch" pings a 10.200.1.3
	check "that too" pings c 10.200.1.9
	on a ip neigh flush all; on b ip neigh flush all
	sees "on the trunk ICorp 7 is VLAN 107, priority 5" "vlan 107, p 5" vlan pings a 10.64.7.77
	sees "on the trunk ICorp 8 is VLAN 108, priority 1" "vlan 108, p 1" vlan pings c 10.64.8.77
	sees "the base VLAN has no tag there" "ethertype ARP.*who-has 10.200.1.77" "arp and not vlan" pings a 10.200.1.77
	sees "from the trunk a is reached in VLAN 107, and answers in it with priority 5" "vlan 107, p 5.*Reply 10.64.7.1" vlan \
		speak 10.64.7.1 107
	out=$(watch "" vlan speak 10.64.7.1 108 109)
	check "and not in any other" hasnt "$out" "Reply"
	own_in_use
}

change_checks() {
	local out was
	was=$(state)
	out=$(drive "apply $D/t7")
	check "the same terms in a new process change nothing" test "$(state)" = "$was"
	check "bytes are counted" until_true 10 counted
	speak 10.64.7.1 107
	out=$(drive ports)
	check "ports and learnt addresses are told" python3 -c "import json, sys
j = json.loads(sys.argv[1]); assert [p['name'] for p in j['ports']] == ['eth%d' % i for i in range(4)]
macs = [f['mac'] for f in j['fdb']]; assert len(macs) == len(set(macs)) and '02:1c:00:00:ff:01' in macs
assert not any(m.startswith('02:1c:00:00:01') for m in macs)" "${out#*ports: }"
	terms t7b 7 3 eth0 eth3t
	drive "apply $D/t7b" > /dev/null
	own_changed
	sees "the priority changes, and the trunk shows it" "vlan 107, p 3" vlan pings a 10.64.7.78
	check "a port that left is out of ICorp 7" cannot_ping a 10.64.7.2
	terms t7c 7 5 eth0 eth9
	out=$(drive "apply $D/t7c")
	check "an unknown port is refused by name" has "$out" "apply: No such file or directory: eth9 is no port of the bridge"
	terms t9 9 5 eth0 eth1; sed -i 's/vlan 109/vlan 107/' "$D/t9"
	out=$(drive "apply $D/t7" "apply $D/t9")
	check "a VLAN that another has is refused" has "$out" "apply: File exists: its VLAN is that of ICorp 7"
	check "what was stands" pings a 10.64.7.2
	terms t10 10 5 eth0 eth1
	sed -i 's/10.64.10.0/10.64.7.0/' "$D/t10"
	out=$(drive "apply $D/t7" "apply $D/t10")
	check "so is its prefix" has "$out" "its prefix is that of ICorp 7"
}

audit_checks() {
	local out
	damage
	drive "apply $D/t7" "audit 7 10.200.1.11 8 10.200.1.11" > /dev/null
	check "what was removed by hand is put back" pings a 10.64.7.2
	out=$(drive_around "$D/t7" "audit 7 10.200.1.11 8 10.200.1.11")
	check "an audit repairs and counts" has "$out" "audit: ok: 0 orphans, 1 repaired"
	check "it works again" pings b 10.64.7.1
	out=$(drive "audit 7 10.200.1.11")
	check "an audit removes an ICorp that no one wants" has "$out" "audit: ok: 1 orphans, 0 repaired"
	check "all of it" hasnt "$(snapshot)" "[ =]108\b"
	check "and leaves the others" pings a 10.64.7.2
	out=$(drive "revoke 7 10.200.1.11" "revoke 7 10.200.1.11" "revoke 12345 1.2.3.4")
	check "revoke, twice, and of what never was" test "$(grep -c 'revoke: ok' <<< "$out")" = 3
	check "nothing is left" test "$before" = "$(snapshot)"
}
