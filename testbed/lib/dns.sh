# shellcheck shell=bash
# The ASP's name server: knotd on the gatekeeper's element, port 53 of its control address, one zone that the
# gatekeeper may update with a TSIG key; and the resolv.conf that hosts see.

dns_resolvers() {
	local n gk; gk=$(gatekeeper_node)
	[ -n "$gk" ] || return 0
	for n in "${NODES[@]}"; do
		case ${KIND[$n]} in
		host | gatekeeper | server)
			printf 'nameserver %s\noptions timeout:1 attempts:3\n' "${CONTROL[$gk]}" > "$STATE/$n/resolv.conf" ;;
		esac
	done
}

dns_config() { # GATEKEEPER SECRET
	local dir=$STATE/$1/knot zone=${SET[zone]}
	cat > "$dir/knot.conf" <<- END
		server:
		    rundir: $dir
		    listen: ${CONTROL[$1]}@53
		log:
		  - target: stderr
		    any: info
		database:
		    storage: $dir
		key:
		  - id: icorp-gatekeeper
		    algorithm: hmac-sha256
		    secret: $2
		acl:
		  - id: update
		    key: icorp-gatekeeper
		    action: [update, transfer]
		template:
		  - id: default
		    storage: $dir
		zone:
		  - domain: $zone
		    file: $zone.zone
		    acl: update
	END
	cat > "$dir/$zone.zone" <<- END
		\$ORIGIN $zone.
		\$TTL 5
		@ SOA gk hostmaster 1 3600 600 86400 5
		@ NS gk
		gk A ${CONTROL[$1]}
	END
}

dns_answers() { run_in "$1" kdig +short +timeout=1 +retry=0 "@${CONTROL[$1]}" "${SET[zone]}" SOA < /dev/null 2> /dev/null | grep -q hostmaster; }

dns_up() {
	local gk; gk=$(gatekeeper_node)
	[ -n "$gk" ] || return 0
	command -v knotd > /dev/null || die "knotd is missing; install knot and knot-dnsutils"
	mkdir -p "$STATE/$gk/knot"
	DNS_SECRET=$(head -c 32 /dev/urandom | base64 -w0)
	printf 'hmac-sha256:icorp-gatekeeper:%s\n' "$DNS_SECRET" > "$STATE/$gk/tsig"
	dns_config "$gk" "$DNS_SECRET"
	daemon_start "$gk" knotd knotd -c "$STATE/$gk/knot/knot.conf"
	poll 15 dns_answers "$gk" || die "$gk: knotd does not answer: $(tail -n 3 "$STATE/$gk/log/knotd.log")"
}
