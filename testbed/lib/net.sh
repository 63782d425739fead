# shellcheck shell=bash
# The network between the elements: links, addresses, bridges, routes. A link between two namespaces is a veth pair;
# where an end is a UML kernel it is a plain two-port bridge in the ether namespace, of the kernel's tap and the other
# end's tap or veth. All commands of one namespace go in one ip -batch.

node_number() {
	local n i=0
	for n in "${NODES[@]}"; do
		[ "$n" != "$1" ] || { echo "$i"; return; }
		i=$((i + 1))
	done
}
tap_name() { printf 't%s.%s' "$(node_number "$1")" "$2"; }

is_uml() { [ "${PLAN[$1]}" = uml ]; }

# The taps of all UML elements and the bridge that manages them, before these boot.
taps_up() {
	local n port; local -a batch=("link add mgmt type bridge mcast_snooping 0"
		"addr add $UML_NET.1/24 dev mgmt" "link set mgmt up")
	for n in "${NODES[@]}"; do
		is_uml "$n" || continue
		for port in ${IFS_OF[$n]} mgmt0; do
			batch+=("tuntap add dev $(tap_name "$n" "$port") mode tap"
				"link set $(tap_name "$n" "$port") mtu ${SET[mtu]} up")
			record tap "$(tap_name "$n" "$port")"
		done
		batch+=("link set $(tap_name "$n" mgmt0) master mgmt")
	done
	printf '%s\n' "${batch[@]}" | run_in ether ip -batch -
}

# The ether end of a namespace's veth in an ether bridge.
ether_veth() { # BRIDGE NODE
	local e="e${1#b}.$2"
	printf '%s' "${e:0:15}"
}
# One end of an ether bridge: NODE IF BRIDGE -> commands
ether_end() {
	if is_uml "$1"; then
		echo "link set $(tap_name "$1" "$2") master $3"
	else
		local e; e=$(ether_veth "$3" "$1")
		echo "link add name $e mtu ${SET[mtu]} type veth peer name $2 netns ${PID[$1]} address $(mac_of "$1" "$2") mtu ${SET[mtu]}"
		echo "link set $e master $3 up"
	fi
}

links_up() {
	local link a ifa b ifb i=0; local -a direct=() ether=()
	for link in "${LINKS[@]}"; do
		read -r a ifa b ifb _ <<< "$link"
		if is_uml "$a" || is_uml "$b"; then
			ether+=("link add b$i mtu ${SET[mtu]} type bridge mcast_snooping 0 stp_state 0 group_fwd_mask 65528")
			mapfile -O ${#ether[@]} -t ether < <(ether_end "$a" "$ifa" "b$i"; ether_end "$b" "$ifb" "b$i")
			ether+=("link set b$i up")
		else
			direct+=("link add name $ifa netns ${PID[$a]} address $(mac_of "$a" "$ifa") mtu ${SET[mtu]} type veth peer name $ifb netns ${PID[$b]} address $(mac_of "$b" "$ifb") mtu ${SET[mtu]}")
		fi
		record link "$a:$ifa" "$b:$ifb"
		i=$((i + 1))
	done
	[ ${#ether[@]} = 0 ] || printf '%s\n' "${ether[@]}" | run_in ether ip -batch - || die "cannot wire the UML ports"
	[ ${#direct[@]} = 0 ] || printf '%s\n' "${direct[@]}" | run_in "${ANY_NS}" ip -batch - || die "cannot make the links"
}

# What an element's own ip -batch has to say: interfaces, bridge, addresses, routes.
element_batch() {
	local n=$1 i line node what via
	case ${KIND[$n]} in
	switch)
		if is_ovs "$n"; then :   # has its br0
		elif [ -n "${TB_NULL:-}" ]; then echo "link add br0 type bridge mcast_snooping 0"
		else echo "link add br0 type bridge vlan_filtering 1 vlan_default_pvid 1 mcast_snooping 0"; fi ;;
	legacy) echo "link add br0 type bridge mcast_snooping 0" ;;
	esac
	for i in ${IFS_OF[$n]}; do
		! is_uml "$n" || echo "link set $i address $(mac_of "$n" "$i") mtu ${SET[mtu]}"
		case ${KIND[$n]} in switch | legacy) is_ovs "$n" || echo "link set $i master br0" ;; esac
		echo "link set $i up"
	done
	case ${KIND[$n]} in switch | legacy) echo "link set br0 up" ;; esac
	for line in "${ADDRESSES[@]}"; do
		read -r node i what <<< "$line"
		[ "$node" != "$n" ] || echo "addr add $what dev $i"
	done
	for line in "${ROUTES[@]}"; do
		read -r node what via <<< "$line"
		[ "$node" != "$n" ] || echo "route add $what via $via"
	done
}

elements_configure() {
	local n
	for n in "${NODES[@]}"; do
		! is_ovs "$n" || ovs_up "$n"
		element_batch "$n" | run_in "$n" ip -batch - || die "$n: cannot configure its interfaces"
	done
}
