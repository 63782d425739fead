# shellcheck shell=bash
# Reads a topology file (the format is in doc/testbed.md; the simulator reads it too) into
#     NODES           names in order              KIND[node]       access router switch server legacy plain host gatekeeper
#     SOFTWARE[node]  ovs, qemu, or nothing
#     IFS_OF[node]    "eth0 eth1 …"               PEER[node:if]    "node if rate", for both ends of each link
#     LINKS           "a ifa b ifb rate"          ADDRESSES        "node if cidr"
#     ROUTES          "node prefix via"           POOL[node]       prefix
#     CIRCUITS[node:if]  "if rate via" lines: the circuits of the trunk that is this port, itself among them
#     CIRCUIT[node:if]   its port, for all of them but the port
#     SET[key]        value                       RESOURCES        "node name key=value …"
#     MD5             "a b"
# Errors name file, line and what would be right.

declare -a NODES=() LINKS=() ADDRESSES=() ROUTES=() RESOURCES=() MD5=()
# OVERRIDE[key] is stronger than any `set` of the file.

declare -A OVERRIDE=() KIND=() SOFTWARE=() IFS_OF=() PEER=() CIRCUITS=() CIRCUIT=() POOL=() SET=() CONTROL=()

topo_error() { die "$TOPO_FILE:$TOPO_LINE: $*"; }

topo_node() {
	[ $# = 2 ] || [ $# = 3 ] || topo_error "node takes a name and a kind, e.g. 'node r1 router'"
	[[ $1 =~ ^[a-z][a-z0-9-]{0,14}$ ]] || topo_error "'$1' is no name; a-z, 0-9 and -, at most 15 characters"
	[ -z "${KIND[$1]:-}" ] || topo_error "node '$1' appears twice"
	case $2 in
	access | router | switch | server | legacy | plain | host | gatekeeper) ;;
	*) topo_error "'$2' is no kind; access, router, switch, server, legacy, plain, host or gatekeeper" ;;
	esac
	case "$2 ${3:-}" in
	*' ' | 'switch ovs' | 'server qemu') ;;
	*) topo_error "'$3' is nothing that a $2 can be; a switch can be ovs, a server qemu" ;;
	esac
	NODES+=("$1"); KIND[$1]=$2; SOFTWARE[$1]=${3:-}; IFS_OF[$1]=
}

# NODE or NODE:ethN -> sets END_NODE and END_IF; without an interface the node's next one.
topo_end() {
	local n=${1%%:*} i count
	[ -n "${KIND[$n]:-}" ] || topo_error "no node '$n' before this line"
	# shellcheck disable=SC2206
	local have=(${IFS_OF[$n]}); count=${#have[@]}
	i=eth$count
	[ "$n" = "$1" ] || i=${1#*:}
	[[ $i =~ ^eth[0-9]+$ ]] || topo_error "'$i' is no interface; eth0, eth1, …"
	[ -z "${PEER[$n:$i]:-}" ] || topo_error "$n:$i is linked twice"
	IFS_OF[$n]+="$i "
	END_NODE=$n; END_IF=$i
}

# The one of two ends' addresses in a prefix: the first for the first, the second for the other.
topo_nth() { local base=${1%/*}; echo "${base%.*}.$((${base##*.} + $2))"; }

# A IF-OF-A B IF-OF-B RATE PREFIX: one more circuit of the trunk that the first link between the two began.
topo_circuit() {
	local a=$1 ifa=$2 b=$3 ifb=$4 rate=$5 prefix=$6 first='' p1 p2 first_rate line
	topo_prefix "$prefix"
	[ "${prefix#*/}" -le 30 ] && [ "$(topo_nth "$prefix" 2 | cut -d. -f4)" -le 255 ] || topo_error "'$prefix' has no room for two ends"
	case ${KIND[$a]}${KIND[$b]} in *switch* | *legacy* | *host* | *gatekeeper*) topo_error "a trunk joins elements that route" ;; esac
	for first in "${LINKS[@]}"; do
		read -r line p1 line p2 first_rate <<< "$first"
		[[ $first == "$a "*" $b "* ]] && break
		first=
	done
	[ -n "$first" ] || topo_error "no link $a $b before this line, whose trunk this could be part of"
	[ -n "${CIRCUITS[$a:$p1]:-}" ] || { CIRCUITS[$a:$p1]="$p1 $first_rate"$'\n'; CIRCUITS[$b:$p2]="$p2 $first_rate"$'\n'; }
	CIRCUITS[$a:$p1]+="$ifa $rate $(topo_nth "$prefix" 2)"$'\n'; CIRCUIT[$a:$ifa]=$p1
	CIRCUITS[$b:$p2]+="$ifb $rate $(topo_nth "$prefix" 1)"$'\n'; CIRCUIT[$b:$ifb]=$p2
	ADDRESSES+=("$a $ifa $(topo_nth "$prefix" 1)/${prefix#*/}" "$b $ifb $(topo_nth "$prefix" 2)/${prefix#*/}")
}

topo_link() {
	[ $# -ge 2 ] || topo_error "link takes two ends, e.g. 'link r1 s1 rate=100M'"
	local a ifa b ifb rate=${SET[rate]} trunk='' option
	topo_end "$1"; a=$END_NODE ifa=$END_IF
	PEER[$a:$ifa]="pending"
	topo_end "$2"; b=$END_NODE ifb=$END_IF
	shift 2
	for option; do
		case $option in
		rate=[0-9]*) rate=${option#rate=} ;;
		trunk=*) trunk=${option#trunk=} ;;
		*) topo_error "'$option' is no link option; rate=100M, trunk=10.1.0.0/30" ;;
		esac
	done
	[[ $rate =~ ^[0-9]+[kKMG]?$ ]] || topo_error "'$rate' is no rate; bit/s with k, M or G"
	[ -z "$trunk" ] || topo_circuit "$a" "$ifa" "$b" "$ifb" "$rate" "$trunk"
	LINKS+=("$a $ifa $b $ifb $rate")
	PEER[$a:$ifa]="$b $ifb $rate"; PEER[$b:$ifb]="$a $ifa $rate"
}

topo_known() { [ -n "${KIND[$1]:-}" ] || topo_error "no node '$1' before this line"; }
topo_prefix() {
	[[ $1 =~ ^([0-9]{1,3}\.){3}[0-9]{1,3}/[0-9]{1,2}$ ]] || topo_error "'$1' is no address with length, e.g. 10.1.0.0/24"
}

topo_address() {
	[ $# = 2 ] && [[ $1 == *:* ]] || topo_error "address takes NODE:INTERFACE and address/length"
	local n=${1%%:*} i=${1#*:}
	topo_known "$n"; topo_prefix "$2"
	[ -n "${PEER[$n:$i]:-}" ] || [ "$i" = br0 ] || topo_error "no interface $n:$i before this line"
	ADDRESSES+=("$n $i $2")
	[ -n "${CONTROL[$n]:-}" ] || CONTROL[$n]=${2%/*}
}

topo_route() {
	[ $# = 4 ] && [ "$3" = via ] || topo_error "route takes NODE PREFIX via ADDRESS"
	topo_known "$1"; [ "$2" = default ] || topo_prefix "$2"
	ROUTES+=("$1 $2 $4")
}

topo_md5() {
	[ $# = 2 ] && [ "$1" != "$2" ] || topo_error "md5 takes two nodes, e.g. 'md5 r1 r2'"
	local n
	for n; do
		topo_known "$n"
		controlled "$n" || topo_error "'$n' has no controller"
		[ -n "${CONTROL[$n]:-}" ] || topo_error "no address of $n before this line"
	done
	MD5+=("$1 $2")
}

topo_set() {
	[ $# -ge 2 ] || topo_error "set takes a key and a value"
	case $1 in
	refresh | multiplier | rate | zone | image | transport | vlans | pcap | mtu | l2) ;;
	*) topo_error "no setting '$1'; refresh, multiplier, rate, zone, image, transport, vlans, pcap, mtu, l2" ;;
	esac
	[ "$1" != l2 ] || [[ $2 =~ ^(gatekeeper|lldpd)$ ]] || topo_error "l2 is gatekeeper or lldpd"
	[ -n "${OVERRIDE[$1]:-}" ] || SET[$1]=$2
}

topo_read() {
	TOPO_FILE=$1 TOPO_LINE=0
	[ -r "$1" ] || die "$1: cannot read the topology"
	SET=([refresh]=30s [multiplier]=3 [rate]=100M [zone]=asp.test [image]=web [transport]=raw [vlans]=100-199 \
		[pcap]=no [mtu]=1500 [l2]=gatekeeper)
	local line word
	for word in "${!OVERRIDE[@]}"; do SET[$word]=${OVERRIDE[$word]}; done
	while IFS= read -r line || [ -n "$line" ]; do
		TOPO_LINE=$((TOPO_LINE + 1))
		line=${line%%#*}
		set -f
		# shellcheck disable=SC2086
		set -- $line
		set +f
		[ $# -gt 0 ] || continue
		word=$1; shift
		case $word in
		node | link | address | route | md5 | set) "topo_$word" "$@" ;;
		pool) [ $# = 2 ] || topo_error "pool takes NODE PREFIX"; topo_known "$1"; topo_prefix "$2"; POOL[$1]=$2 ;;
		resource) [ $# -ge 3 ] || topo_error "resource takes NODE|* NAME key=value …"; RESOURCES+=("$*") ;;
		*) topo_error "'$word' is no statement; node, link, address, route, pool, resource, md5 or set" ;;
		esac
	done < "$1"
	[ ${#NODES[@]} -gt 0 ] || die "$TOPO_FILE: no node in it"
}

# The MAC of an interface: 02:1c, then node and interface by number. A bridge takes the smallest: its eth0's.
mac_of() {
	local n i=0
	for n in "${NODES[@]}"; do
		[ "$n" != "$1" ] || break
		i=$((i + 1))
	done
	printf '02:1c:00:%02x:%02x:%02x' $((i / 256)) $((i % 256)) "${2#eth}"
}

# Elements under control have a controller.
controlled() { case ${KIND[$1]} in access | router | switch | server) return 0 ;; esac; return 1; }

# The node of kind gatekeeper, or nothing.
gatekeeper_node() {
	local n
	for n in "${NODES[@]}"; do [ "${KIND[$n]}" != gatekeeper ] || { echo "$n"; return; }; done
}
