#!/bin/bash
# Plays libvirt for scripts/demo --null, inside a server's element:
#     isc.sh watch DIR APPS     starts an ISC for every record of the null adaptor in DIR/null that asks for one, once for
#                               each; ends it when the record goes. DIR/run/isc.ICORP holds its process's id.
#     isc.sh inner DIR ICORP APPS     the ISC itself, in a network and mount namespace of its own
# An ISC has its private address and a default route to 169.254.1.1, its server's end of a veth, as real ones have.
set -u

boot_json() { # RECORD
	jq '{icorp, leader, revision, name, endpoint: (.endpoints[] | select(.local) | .control), address: .isc.address,
		host: .isc.host, port: .isc.host_port, key_id: .isc.key_id, key: .isc.key,
		services: [.services[] | {name, protocol: (.protocol // "tcp"), port: .target_port}],
		apps: [.apps[] | if .url == "" then {name, args} else {name, url, sha256, args} end],
		policy: {high_time: 2, cooldown: 2}}' "$1"
}

start() { # DIR ICORP APPS
	local dir=$1 id=$2 pid address
	boot_json "$dir/null/$id"-*.json > "$dir/run/boot.$id.json" || return
	address=$(jq -r .address "$dir/run/boot.$id.json")
	unshare -n -m --propagation private bash "$0" inner "$dir" "$id" "$3" < /dev/null > "$dir/log/agent.$id.log" 2>&1 &
	pid=$!
	until [ "$(readlink "/proc/$pid/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
	ip link add "isc$id" type veth peer name eth0 netns "$pid"
	ip addr add 169.254.1.1 peer "$address" dev "isc$id"
	ip link set "isc$id" up
	echo "$pid" > "$dir/run/isc.$id"
}

inner() { # DIR ICORP APPS
	local address; address=$(jq -r .address "$1/run/boot.$2.json")
	ip link set lo up
	until ip link show eth0 > /dev/null 2>&1; do sleep 0.01; done
	ip addr add "$address/32" dev eth0
	ip link set eth0 up
	ip route add 169.254.1.1 dev eth0
	ip route add default via 169.254.1.1
	mount -t tmpfs tmpfs /run
	mkdir -p /run/icorp
	cp "$1/run/boot.$2.json" /run/icorp/boot.json
	exec icorp-agent --apps "$3"
}

stop() { # DIR ICORP
	kill "$(cat "$1/run/isc.$2")" 2> /dev/null
	ip link del "isc$2" 2> /dev/null
	rm -f "$1/run/isc.$2" "$1/run/boot.$2.json"
}

watch() { # DIR APPS
	local f id; local -A started=()
	while :; do
		for f in "$1"/null/*.json; do
			[ -e "$f" ] || continue
			id=${f##*/} id=${id%%-*}
			if [ -n "${started[$id]:-}" ] || ! jq -e .isc "$f" > /dev/null 2>&1; then continue; fi
			started[$id]=1
			start "$1" "$id" "$2"
		done
		for id in "${!started[@]}"; do
			! compgen -G "$1/null/$id-*.json" > /dev/null || continue
			stop "$1" "$id"
			unset "started[$id]"
		done
		sleep 0.05
	done
}

"$@"
