# shellcheck shell=bash
# Writes the configuration of each element's daemons from the topology, on stdout, and the secrets they share.

# One key for all controllers but those that are to use HMAC-MD5, a token for each element, one for clients and one for operators ($STATE/token.KIND).
secrets_make() {
	local n key token tokens=$STATE/tokens; local -a pairs=(client:demo operator:demo)
	umask 077
	key=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
	for n in "${NODES[@]}"; do
		controlled "$n" || continue
		printf 'default 1 hmac-sha256 %s\n' "$key" > "$STATE/$n/keyring"
		pairs+=("element:$n")
	done
	for n in "${MD5[@]}"; do md5_key "${n% *}" "${n#* }"; done
	: > "$tokens"
	for n in "${pairs[@]}"; do
		token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
		printf '%s:%s\n' "$n" "$token" >> "$tokens"
		case $n in
		element:*) printf '%s\n' "$token" > "$STATE/${n#*:}/token" ;;
		*) printf '%s\n' "$token" > "$STATE/token.${n%%:*}" ;;
		esac
	done
	umask 022
}

# The key is text, because that is what tcpdump -M takes.
md5_key() { # NODE NODE
	local text; text=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
	printf '%s' "$text" > "$STATE/md5.$1-$2"
	md5_line "$2" "$text" >> "$STATE/$1/keyring"
	md5_line "$1" "$text" >> "$STATE/$2/keyring"
}
md5_line() { printf '%s 2 hmac-md5 %s\n' "${CONTROL[$1]}" "$(printf '%s' "$2" | od -An -v -tx1 | tr -d ' \n')"; }

gatekeeper_config() { # NODE
	local dir=$STATE/$1 www=$TOP/gatekeeper/www
	[ ! -d "$BINDIR/share/icorpmaker/www" ] || www=$BINDIR/share/icorpmaker/www
	cut -d: -f3 "$dir/tsig" > "$dir/tsig.secret"
	cat <<- END
		name = "$1"
		listen = "0.0.0.0:8080"
		store = "$dir/gatekeeper.db"
		zone = "${SET[zone]}"
		reserved = {"$1"}
		dns_server = "${CONTROL[$1]}:53"
		dns_ttl = 2
		tsig_name = "icorp-gatekeeper"
		tsig_algorithm = "hmac-sha256"
		tsig_secret_file = "$dir/tsig.secret"
		private_pool = "10.64.0.0/10"
		tokens = {"$STATE/tokens"}
		anonymous = "client"
		heartbeat = 2s
		www = "$www"
		control = "$dir/run/gatekeeper.sock"
		class bronze { rate = 5M ceil = 10M priority = 1 setup = 6 holding = 6 cpu = 512 memory = 96MiB image = "${SET[image]}"
			price_bandwidth = 10000 price_cpu = 20000 price_memory = 100 }
		class silver { rate = 15M ceil = 30M priority = 3 cpu = 1024 memory = 128MiB image = "${SET[image]}"
			max_bandwidth = 60M max_cpu = 4096 max_memory = 512MiB
			price_bandwidth = 20000 price_cpu = 50000 price_memory = 200 }
		class gold { rate = 30M ceil = 60M priority = 5 setup = 2 holding = 2 cpu = 2048 memory = 256MiB image = "${SET[image]}"
			price_bandwidth = 30000 price_cpu = 80000 price_memory = 300 }
	END
}

proxy_config() { # NODE
	cat <<- END
		name = "$1"
		control = "$STATE/$1/run/proxy.sock"
		check_interval = 1s
	END
}

# Interfaces that carry ICorps: all links but those to hosts and to the gatekeeper. A trunk is one, at
# the rate of its first link.
carrying_ports() { # NODE -> "ifname rate" lines
	local i peer rate
	for i in ${IFS_OF[$1]}; do
		read -r peer _ rate <<< "${PEER[$1:$i]}"
		case ${KIND[$peer]} in host | gatekeeper) continue ;; esac
		[ -z "${CIRCUIT[$1:$i]:-}" ] || continue
		echo "$i $rate"
	done
}

config_adaptor() { # TITLE TYPE OPTION…
	local title=$1 type=$2 o list=''; shift 2
	for o; do list+="${list:+, }\"$o\""; done
	printf 'adaptor %s { type = "%s" options = {%s} }\n' "$title" "$type" "$list"
}

# The directory that is a server's image.
image_of() { if [ "${SOFTWARE[$1]}" = qemu ]; then echo "$STATE/image-vm"; else echo "$STATE/image"; fi; }

# The next hop of a port: the address of the other end.
next_hop() { # NODE IF
	local peer i n ifname addr; read -r peer i _ <<< "${PEER[$1:$2]}"
	for n in "${ADDRESSES[@]}"; do
		read -r n ifname addr <<< "$n"
		[ "$n $ifname" != "$peer $i" ] || { echo "${addr%/*}"; return; }
	done
}

trunk_adaptors() { # NODE
	local port i rate via; local -a circuits
	for port in ${IFS_OF[$1]}; do
		[ -n "${CIRCUITS[$1:$port]:-}" ] || continue
		circuits=()
		while read -r i rate via; do
			circuits+=("circuit.$i=$rate via ${via:-$(next_hop "$1" "$i")}")
		done <<< "${CIRCUITS[$1:$port]%$'\n'}"
		config_adaptor "trunk-$port" trunk "port=$port" "${circuits[@]}"
	done
}

# A user namespace may lack what a trunk takes.
trunk_works() { run_in "$1" "$(program icorp-adaptor)" --probe trunk port=eth1 circuit.eth1=1M > /dev/null 2>&1; } # NODE

# What tc shapes: ports, and each circuit of a trunk.
tc_links() { # NODE
	local i rate c
	while read -r i rate; do
		[ -n "${CIRCUITS[$1:$i]:-}" ] || echo "link.$i=$rate"
		while read -r c rate _; do [ -z "$c" ] || echo "link.$c=$rate of $i"; done <<< "${CIRCUITS[$1:$i]:-}"
	done < <(carrying_ports "$1")
}

signald_adaptors() { # NODE
	local dir=$STATE/$1; local -a links=()
	if [ -n "$TB_NULL" ]; then
		mkdir -p "$dir/null"
		if [ "${KIND[$1]}" = switch ]; then config_adaptor null null "record=$dir/null" bridge=br0
		else config_adaptor null null "record=$dir/null"; fi
		! trunk_works "$1" || trunk_adaptors "$1"
		return
	fi
	if [ "${KIND[$1]}" = switch ]; then
		if is_ovs "$1"; then config_adaptor ovs ovs bridge=br0; else config_adaptor bridge bridge bridge=br0; fi
		return
	fi
	mapfile -t links < <(tc_links "$1")
	config_adaptor tc tc "${links[@]}"
	trunk_adaptors "$1"
	config_adaptor route route
	case ${KIND[$1]} in
	server)
		mkdir -p "$dir/vm"
		config_adaptor vm vm "uri=$(libvirt_uri "$1")" "image.${SET[image]}=$(image_of "$1")" "state=$dir/vm" ;;
	access) config_adaptor proxy proxy "socket=$dir/run/proxy.sock" ;;
	esac
}

signald_resources() { # NODE
	local line n what settings
	for line in "${RESOURCES[@]}"; do
		read -r n what settings <<< "$line"
		case $n in
		"$1") ;;
		'*') [ "${KIND[$1]}" = server ] || [ "$what" = bandwidth ] || continue ;;
		*) continue ;;
		esac
		printf 'resource %s { %s }\n' "$what" "${settings//=/ = }"
	done
}

# Whom controllers become: as where the packages are installed, or nobody; a user namespace has nobody but root.
signald_user() {
	if [ -n "$TB_NULL" ]; then echo root
	elif getent passwd icorp > /dev/null; then echo icorp
	else echo nobody; fi
}

# What its lldpd tells the neighbours, each second. Anything an lldpcli can say.
lldpd_config() { # NODE
	cat <<- END
		configure system hostname $1
		configure lldp portidsubtype ifname
		configure lldp tx-interval 1
		configure lldp tx-hold 4
	END
}

signald_config() { # NODE
	local dir=$STATE/$1 gk i rate; gk=$(gatekeeper_node)
	local exe; exe=$(program icorp-adaptor)
	cat <<- END
		name = "$1"
		kind = "${KIND[$1]}"
		address = "${CONTROL[$1]}"
		transport = "${SET[transport]}"
		keyring = "$dir/keyring"
		control = "$dir/run/signald.sock"
		user = "$(signald_user)"
		adaptor_dir = "${exe%/*}"
		refresh = ${SET[refresh]}
		multiplier = ${SET[multiplier]}
		heartbeat = 2s
		measure = 2s
	END
	[ -z "$gk" ] || printf 'gatekeeper = "http://%s:8080"\ntoken_file = "%s/token"\n' "${CONTROL[$gk]}" "$dir"
	[ "${SET[l2]}" != lldpd ] || echo 'l2 = "lldpd"'
	[ "${SET[pcap]}" = no ] || printf 'pcap = "%s/run/signald.pcap"\n' "$dir"
	case ${KIND[$1]} in
	switch) printf 'vlans = "%s"\n' "${SET[vlans]}" ;;
	access) [ -z "${POOL[$1]:-}" ] || printf 'public_pool = "%s"\n' "${POOL[$1]}" ;;
	server) printf 'images = {"%s"}\n' "${SET[image]}" ;;
	esac
	while read -r i rate; do printf 'port %s { speed = %s }\n' "$i" "$rate"; done < <(carrying_ports "$1")
	signald_resources "$1"
	signald_adaptors "$1"
}
