# shellcheck shell=bash
# Elements as user-mode-linux kernels: for switches on machines whose kernel cannot filter VLANs. The kernel runs on
# this machine's own files (hostfs), so the programs of the build tree run inside unchanged; what it writes outside
# its own directory under $STATE would really be written, so it writes only there and to tmpfs.
#
# Each port is a tap in the ether namespace, in a plain bridge with the other end's veth or tap:
#     r1:eth0 ==veth== [bridge] -- tap -- (vec0, renamed eth0) s1
# One more interface, mgmt0, joins all UML kernels and the ether namespace; a socat there serves commands. Nothing
# else than the ether namespace can reach it.

UML_NET=169.254.177

# Can this kernel be a switch by itself? Tried in a throw-away namespace.
kernel_has_vlans() {
	unshare -n sh -c '
		ip link add br0 type bridge vlan_filtering 1 vlan_default_pvid 1 && ip link add v0 type veth peer name v1 &&
		ip link set v0 master br0 && bridge vlan add dev v0 vid 100 && tc qdisc add dev v0 clsact &&
		tc filter add dev v0 ingress protocol ip flower dst_ip 10.0.0.0/8 action vlan push id 100 priority 3
	' > /dev/null 2>&1
}

uml_program() { command -v linux.uml || command -v linux; }

# What linux.uml 6.1 needs preloaded on processors with AMX, where it panics without; see there.
uml_preload() { # DIRECTORY
	command -v cc > /dev/null && cc -O2 -Wall -Wextra -shared -fPIC -o "$1/uml_xstate.so" "$LIB/uml_xstate.c" || return 0
	printf '%s' "$1/uml_xstate.so"
}

uml_check() {
	uml_program > /dev/null || die "this kernel cannot filter VLANs and there is no linux.uml; install user-mode-linux"
	command -v socat > /dev/null || die "socat is missing; install socat"
	[ -c /dev/net/tun ] || die "/dev/net/tun is missing: UML ports are taps"
}

# The ether end of a UML element's port: a tap, up.
uml_tap() { # TAP
	run_in ether ip tuntap add dev "$1" mode tap
	run_in ether ip link set dev "$1" mtu "${SET[mtu]}" up
	record tap "$1"
}

uml_boot() { # ELEMENT NUMBER
	local n=$1 dir=$STATE/$1 i=0 port pid; local -a vec=()
	mkdir -p "$dir/run" "$dir/log" "$dir/uml"
	for port in ${IFS_OF[$n]}; do
		vec+=("vec$i:transport=tap,ifname=$(tap_name "$n" "$port"),depth=128,gro=1")
		i=$((i + 1))
	done
	vec+=("vec$i:transport=tap,ifname=$(tap_name "$n" mgmt0),depth=64,gro=1")
	setsid nsenter -t "${PID[ether]}" -n -- env -i ICORP_TESTBED="$STATE" HOME="$dir" PATH="$PATH" \
		LD_PRELOAD="$(uml_preload "$dir/uml")" "$(uml_program)" \
		mem=192M rootfstype=hostfs rootflags=/ rw init="$LIB/uml-init.sh" quiet loglevel=3 umid="$n" uml_dir="$dir/uml" \
		"${vec[@]}" con=null con0=null,fd:1 con1=null,fd:3 \
		TB_DIR="$dir" TB_PATH="$ELEMENT_PATH" TB_LIB="$LIB" TB_PORTS="$i" TB_MGMT="$UML_NET.$2" \
		< /dev/null >> "$dir/log/console.log" 2>&1 3>> "$dir/log/daemons.log" 9>&- &
	pid=$!
	disown
	record_pid "$pid" "uml $n"
	element_add "$n" "${KIND[$n]}" uml "$pid" "$UML_NET.$2"
}

uml_up() { alive "${PID[$1]}" "${START[$1]}" || return 0; [ "$(uml_run "$1" echo up < /dev/null 2>/dev/null)" = up ]; }

uml_wait() { # ELEMENT
	poll 60 uml_up "$1" && alive "${PID[$1]}" "${START[$1]}" ||
		die "$1: its kernel did not come up: $(tail -n 5 "$STATE/$1/log/console.log")"
}

uml_socat() { nsenter -t "${PID[ether]}" -n -- socat -t 86400 - "TCP:${MGMT[$1]}:2222" 9>&-; }

# Runs a command in a UML kernel: the first line names the call and holds the command, quoted; then comes its stdin,
# and its stdout back. A second call fetches status and stderr, so that all three are the command's own.
uml_run() { # ELEMENT COMMAND…
	local n=$1 id="$$-$RANDOM$RANDOM" status; shift
	{ printf 'run %s %s\n' "$id" "$(quote "$@")"; cat; } | uml_socat "$n" || return 255
	status=$({ printf 'status %s\n' "$id" | uml_socat "$n"; } 2> /dev/null | {
		read -r status || exit 0
		echo "$status"
		cat >&3
	} 3>&2)
	return "${status:-255}"
}

uml_halt() { uml_run "$1" sh -c 'busybox poweroff -f &' < /dev/null > /dev/null 2>&1 || return 0; }
