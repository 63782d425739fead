# shellcheck shell=bash
# The switch of switch_checks.sh as a user-mode-linux kernel; sourced by bridge-uml.sh and ovs-uml.sh after it. Its ports eth0
# to eth3 are taps in `ether`.
LIB=$top/testbed/lib
# shellcheck source=../../testbed/lib/uml.sh
. "$LIB/uml.sh"
uml=$(uml_program)

uml_needed() { # PROGRAM…
	local p
	[ "$(id -u)" = 0 ] || skip "needs root"
	for p in ip nsenter unshare ping tcpdump python3 busybox timeout "$@"; do command -v $p > /dev/null || skip "needs $p"; done
	[ -n "$uml" ] || skip "needs user-mode-linux"
	[ -c /dev/net/tun ] || skip "needs /dev/net/tun"
	[ -x "$drive" ] || skip "needs $drive: make check TESTS="
	! grep -qs __asan_init "$drive" || skip "needs a build without sanitizers: they do not fit into a user-mode-linux process"
}

# sw COMMAND: in the switch's kernel; its output and status.
sw() { printf '%s\n' "$*" >&7; sw_answer; }
sw_answer() {
	local line
	while IFS= read -r -t 60 -u 8 line; do
		line=${line%$'\r'}
		case $line in "=== "[0-9]*) return "${line#=== }" ;; esac
		printf '%s\n' "$line"
	done
	return 99
}

uml_network() { # MODULE…
	local i n h last modules=$*; local -a vec=()
	begin ether a b c
	for i in 0 1 2 3; do
		on ether ip tuntap add dev tap$i mode tap && on ether sh -c "echo 1 > /proc/sys/net/ipv6/conf/tap$i/disable_ipv6; ip link set tap$i up" || skip "cannot make taps"
		vec+=("vec$i:transport=tap,ifname=tap$i,depth=64,gro=1")
	done

	# A tap cannot move to the host's namespace (UML gives it up when it goes down on the way): a two-port bridge to a veth.
	for h in a:0:1 b:1:2 c:2:3; do
		IFS=: read -r n i last <<< "$h"
		on ether sh -e -c "
			ip link add b$i type bridge mcast_snooping 0
			ip link add v$i type veth peer name eth0 netns ${anchor[$n]}
			echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
			ip link set v$i master b$i up; ip link set tap$i master b$i; ip link set b$i up" || skip "cannot wire the hosts"
		wire_host "$n" "$last"
	done
	# Inside the switch: commands come on the console, a line each; what they say goes back, then a line with the status.
	cat > "$D/init" <<- END
		#!/bin/sh
		export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=$D/tmp
		mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs $D/tmp
		mkdir -p $D/tmp/lib/modules; ln -s /usr/lib/uml/modules/\$(uname -r) $D/tmp/lib/modules/
		for m in $modules; do modprobe -d $D/tmp \$m; done
		echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6; echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
		ip link set lo up
		for i in 0 1 2 3; do
			ip link set vec\$i name eth\$i; ip link set eth\$i address 02:1c:00:00:01:0\$i up
		done
		stty raw -echo < /dev/console
		echo "=== 0"
		while IFS= read -r line; do
			(eval "\$line") 2>&1 < /dev/null
			echo "=== \$?"
		done < /dev/console
		busybox poweroff -f
	END
	chmod 755 "$D/init"
	mkdir "$D/tmp"
	mkfifo "$D/in" "$D/out"
	setsid nsenter -t "${anchor[ether]}" -n -- env -i SWITCHTEST="$D" HOME="$D" PATH="$PATH" LD_PRELOAD="$(uml_preload "$D")" \
		"$uml" mem=256M rootfstype=hostfs rootflags=/ rw init="$D/init" quiet loglevel=1 umid=switchtest uml_dir="$D/uml" "${vec[@]}" \
		con=null con0=fd:0,fd:1 < "$D/in" > "$D/out" 2> "$D/uml.log" &
	uml_pid=$!
	exec 7> "$D/in" 8< "$D/out"
	sw_answer > "$D/boot.log" || skip "no user-mode-linux kernel boots here: $(tail -n 3 "$D/boot.log")"
	address_hosts
}

no_uml() { ! kill -0 $uml_pid; }
uml_end() {
	printf 'busybox poweroff -f\n' >&7
	check "the switch goes down" until_true 10 no_uml
	[ $failed = 0 ] || tail -n 5 "$D/uml.log" | sed 's/^/# /'
	exit $((failed > 0))
}
