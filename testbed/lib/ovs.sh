# shellcheck shell=bash
# Switches that are an Open vSwitch each (`node NAME switch ovs`): its daemons run in the element's namespace, with the user
# space datapath, so no kernel module is needed. Sockets and database are in the element's own /run/openvswitch.

is_ovs() { [ "${SOFTWARE[$1]:-}" = ovs ] && [ -z "$TB_NULL" ]; }

ovs_check() {
	local p
	for p in ovsdb-tool ovsdb-server ovs-vswitchd ovs-vsctl ethtool; do
		PATH=$PATH:/usr/sbin:/sbin command -v $p > /dev/null || die "$p is missing; install openvswitch-switch and ethtool"
	done
}

# The bridge br0 with all ports, in the same order; only what it is by itself, no flows.
ovs_up() { # ELEMENT
	local n=$1 run=/run/openvswitch i; local -a ports=()
	for i in ${IFS_OF[$n]}; do ports+=(-- add-port br0 "$i" -- set Interface "$i" "ofport_request=$((${i#eth} + 1))"); done
	run_in "$n" sh -ec "mkdir -p $run && ovsdb-tool create $run/conf.db /usr/share/openvswitch/vswitch.ovsschema" < /dev/null ||
		die "$n: no database for its Open vSwitch"
	daemon_start "$n" ovsdb-server ovsdb-server --remote=punix:$run/db.sock --unixctl=$run/ovsdb-server.ctl \
		--pidfile=$run/ovsdb-server.pid $run/conf.db
	poll 20 run_in "$n" ovs-vsctl --timeout=5 --no-wait init < /dev/null 2> /dev/null ||
		die "$n: ovsdb-server did not come up: $(tail -n 3 "$STATE/$n/log/ovsdb-server.log")"
	# a switch forwards whatever else the machine does: without its turn for half a second it would lose packets
	daemon_start "$n" ovs-vswitchd nice -n -10 ovs-vswitchd --pidfile=$run/ovs-vswitchd.pid unix:$run/db.sock
	run_in "$n" ovs-vsctl --timeout=20 add-br br0 -- set Bridge br0 datapath_type=netdev \
		"other-config:hwaddr=\"$(mac_of "$n" eth0)\"" "${ports[@]}" < /dev/null ||
		die "$n: ovs-vswitchd did not come up: $(tail -n 3 "$STATE/$n/log/ovs-vswitchd.log")"
}

# What leaves a veth towards user space must be whole: the checksum is computed before.
ovs_whole() { # ELEMENT IF
	run_in "$1" ethtool -K "$2" tx off < /dev/null > /dev/null || die "$1:$2: cannot turn checksum offload off"
}
ovs_wires() {
	local link a ifa b ifb i=0
	for link in "${LINKS[@]}"; do
		read -r a ifa b ifb _ <<< "$link"
		if is_uml "$a" || is_uml "$b"; then   # by way of a bridge in ether: see ether_end
			! is_ovs "$a" || ovs_whole ether "$(ether_veth "b$i" "$a")"
			! is_ovs "$b" || ovs_whole ether "$(ether_veth "b$i" "$b")"
		else
			! is_ovs "$a" || ovs_whole "$b" "$ifb"
			! is_ovs "$b" || ovs_whole "$a" "$ifa"
		fi
		i=$((i + 1))
	done
}
