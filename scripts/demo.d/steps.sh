# shellcheck shell=bash
# The seven steps, on the real thing. $ID, $HOST, $PREFIX: the ICorp of the story, its name and private prefix.

TITLE=('' "Controllers register; the layer-2 map is discovered"
	"A client submits the form, and another contract as XML"
	"Path reserves, servers start ISCs, Resv commits"
	"The name is in DNS and users get pages from both ISCs"
	"More and less, while it runs"
	"An agent dies: its state lapses, the others serve on"
	"The client deletes it: nothing is left")
RATE=15000000 STEP_RATE=2000000 SHARES=1024 STEP_SHARES=256 PRIORITY=3

# What was seen, in words; null.sh has others.
SAW_CLASS="HTB class and classification" SAW_SHARES="libvirt has it" SAW_PROXY="the proxy serves a public address"
SAW_CIRCUIT="of the trunk's circuits the one that fits carries it" SAW_VLAN="a VLAN for it" SAW_ROUTES="routes to its hosts"

elements_registered() {
	local out; out=$(body_of "$(api GET /v1/elements)" | jq -r '.. | objects | select(.kind? and .alive?) | .name' | sort | paste -sd' ')
	echo "$out"
	[ "$out" = "ar1 ar2 r1 r2 s1 s2 srv1 srv2" ]
}
l2_links() {
	body_of "$(api GET /v1/l2)" | jq -r '.links[] | [([.a, .a_port] | join(":")), ([.b, .b_port] | join(":"))] | sort | join("-")' |
		sort | paste -sd' '
}
l2_discovered() {
	local out; out=$(l2_links)
	echo "$out"
	[ "$out" = "ar1:eth0-s1:eth0 ar2:eth0-s1:eth1 r1:eth0-s1:eth2 r1:eth1-r2:eth0 r2:eth1-s2:eth0 s2:eth1-srv1:eth0 s2:eth2-srv2:eth0" ]
}
# What the map says of r2 and s2 is what the switch's own kernel learnt, through the legacy switch.
s2_sees_r2() {
	local mac; mac=$(in_ r2 cat /sys/class/net/eth1/address < /dev/null)
	in_ s2 bridge fdb show br br0 < /dev/null | grep -F "$mac" | grep "dev eth0"
}

step_1() {
	asked "GET /v1/elements and /v1/l2"
	within 30 "all eight controllers are registered" elements_registered || return
	within 30 "the map joins neighbours, r2 and s2 directly; lsw is not in it" l2_discovered || return
	within 5 "s2's own forwarding database has r2 behind eth0" s2_sees_r2 || return
	within 5 "no controller has a privilege, their kernels say" unprivileged "${ELEMENTS[@]}" || return
	snapshot > "$WORK/before"
	saw "snapshot of kernels, libvirt and DNS taken: $(wc -l < "$WORK/before") lines"
}

request_xml() {
	cat <<- END
		<request xmlns="urn:icorp:contract:1">
		  <name>$1</name>
		  <class>$2</class>
		  <endpoints>
		    <access element="ar1" leader="yes"/>
		    <access element="ar2"/>
		    <servers count="2"/>
		  </endpoints>
		  <services><service name="web" port="80"/></services>
		  <applications><application name="httpd"/></applications>
		</request>
	END
}
post_xml() { # NAME CLASS
	request_xml "$1" "$2" > "$WORK/request.xml"
	api POST /v1/icorps -H 'Content-Type: application/xml' --data-binary "@$WORK/request.xml"
}
refused_xml() { # STATUS TEXT NAME CLASS
	local out; out=$(post_xml "$3" "$4")
	printf '%s: %s\n' "$(status_of "$out")" "$(body_of "$out" | cut -c1-200)"
	[ "$(status_of "$out")" = "$1" ] && grep -qE "$2" <<< "$(body_of "$out")"
}

step_2() {
	local out form
	asked "the web form, filled in: name=formshop class=silver, web on port 80, 2 servers, ar1 and ar2"
	out=$(api POST /v1/icorps -d name=formshop -d class=silver -d servers=2 -d access=ar1 -d access=ar2 \
		-d service=web -d port=80 -d app=httpd)
	form=$(body_of "$out" | jq -r '.id // .icorp // empty' 2> /dev/null)
	[ "$(status_of "$out")" = 201 ] && [ -n "$form" ] || { failed "the form was not accepted" "$out"; return 1; }
	saw "201: $(body_of "$out" | jq -c '{id, name, state, dns_name}')"
	within 30 "it completes" icorp_is "$form" complete || return
	asked "DELETE of ICorp $form; the story goes on with a contract in XML"
	answered 202 '' DELETE "/v1/icorps/$form" > /dev/null || { failed "DELETE was not accepted"; return 1; }
	within 30 "ICorp $form is gone" icorp_gone "$form" || return

	asked "the same as a <request> document, POSTed; and some that are to be refused"
	within 1 "an unknown class is refused" refused_xml 422 'class' webshop platinum || return
	printf '<request xmlns="urn:icorp:contract:1">\n<name>x</name>\n<bogus/></request>' > "$WORK/bad.xml"
	within 1 "an invalid document is refused by line and element" answered 400 '"line": ?3' POST /v1/icorps \
		-H 'Content-Type: application/xml' --data-binary "@$WORK/bad.xml" || return
	POSTED_MS=$(now_ms)
	out=$(post_xml webshop silver)
	ID=$(body_of "$out" | jq -r '.id // .icorp // empty' 2> /dev/null)
	[ "$(status_of "$out")" = 201 ] && [ -n "$ID" ] || { failed "the document was not accepted" "$out"; return 1; }
	HOST=$(body_of "$out" | jq -r .dns_name)
	until page user1 "$HOST" > /dev/null; do
		[ $(($(now_ms) - POSTED_MS)) -lt 30000 ] || { failed "no page within 30 s: $(icorp_field "$ID" '.|tojson')"; return 1; }
		sleep 0.02
	done
	FIRST_PAGE_MS=$(($(now_ms) - POSTED_MS))
	saw "201, and the first page at http://$HOST/ $FIRST_PAGE_MS ms after the POST"
	out=$(body_of "$(api GET "/v1/icorps/$ID/contract" -H 'Accept: application/xml')")
	PREFIX=$(network_of "$out")
	[ -n "$PREFIX" ] || { failed "the contract has no prefix" "$out"; return 1; }
	saw "the contract it made of it:" "$(printf '%s' "$out" | grep -E '<(network|subnet|access|server) ')"
	within 1 "the name is taken now" refused_xml 409 'name' webshop silver || return
	compare_create
}

# virsh create of an equal container, in the same run, on the same server.
compare_create() {
	local dom xml began
	dom=$(domains srv1 | head -n 1); xml=$STATE/srv1/run/twin.xml
	virsh_ srv1 dumpxml "$dom" | sed -E "s#<name>.*</name>#<name>twin</name>#; /<uuid>/d; s#(<target dev=')[^']*'#\\1twin0'#
		s#<init>.*</init>#<init>/bin/sleep</init>#; s#<initarg>.*</initarg>##; s#<domain type='lxc'[^>]*>#<domain type='lxc'>#
		/<mac address/d" | sed "s#<init>/bin/sleep</init>#&<initarg>60</initarg>#" > "$xml"
	began=$(now_ms)
	virsh_ srv1 create "$xml" > "$WORK/create.log" 2>&1 || { failed "virsh create of an equal container" "$(cat "$WORK/create.log")"; return 1; }
	CREATE_MS=$(($(now_ms) - began))
	virsh_ srv1 destroy twin > /dev/null
	saw "time from POST to first page: $FIRST_PAGE_MS ms; virsh create of an equal container: $CREATE_MS ms"
}

step_3() {
	local net=${PREFIX%.*} e
	asked "nothing more: looking at what the signaling of ICorp $ID ($PREFIX) left in kernels and libvirt"
	within 10 "srv1 runs an ISC" domain_runs srv1 1 || return
	within 10 "srv2 runs an ISC" domain_runs srv2 1 || return
	within 10 "its first process is the agent" first_process_is_agent srv1 || return
	within 10 "$SAW_VLAN" vlan_members s1 eth0 eth1 eth2 || return
	within 10 "$SAW_VLAN" vlan_members s2 eth0 eth1 eth2 || return
	within 5 "$SAW_VLAN, tags by address, with priority, what comes from ar1" tags_by_address s1 eth0 "$PREFIX" $PRIORITY || return
	within 5 "$SAW_VLAN, tags what comes from srv2" tags_by_address s2 eth2 "$PREFIX" $PRIORITY || return
	for e in ar1:eth0 r1:eth0 r1:eth1 r2:eth0 r2:eth1 srv1:eth0 srv2:eth0 ar2:eth0; do
		within 5 "$SAW_CLASS" rate_is "${e%:*}" "${e#*:}" "$PREFIX" $RATE || return
	done
	circuits_are eth2 eth2 || return
	within 5 "$SAW_ROUTES" routes_of r1 "$net." 4 || return
	within 5 "$SAW_ROUTES" routes_of srv1 "$net." 3 || return
	within 5 "$SAW_PROXY" proxied ar1 80 || return
	within 5 "$SAW_PROXY" proxied ar2 80 || return
	within 1 "all of that is in the snapshot too, which step 7 compares" snapshot_differs || return
}
# 15 Mbit/s fit the smaller circuit between r1 and r2, eth2 of both; more needs the larger one.
circuits_are() { # OF-R1 OF-R2
	within 5 "$SAW_CIRCUIT" circuit_is r1 eth1 "$PREFIX" "$1" && within 5 "$SAW_CIRCUIT" circuit_is r2 eth0 "$PREFIX" "$2" &&
		within 5 "the leader knows" circuit_told ar1 r1 "$1"
}
# An empty diff in the end proves something only if it is not empty now.
snapshot_differs() {
	local kinds
	kinds=$(diff <(snapshot) "$WORK/before" | sed -n 's/^< *//p')
	printf '%s lines more than before\n' "$(printf '%s\n' "$kinds" | grep -c .)"
	grep -q "$HOST" <<< "$kinds" || { echo "the DNS name is missing"; return 1; }
	snapshot_has "$kinds"
}
snapshot_has() {
	local what
	for what in "icorp-$ID-" "^class eth0.*rate 15Mbit" "vlan +push id" "^route .*proto 73" "$PUBLIC_RE:80" "${PREFIX%/*}"; do
		grep -qE "$what" <<< "$1" || { echo "nothing like $what in it"; return 1; }
	done
}
first_process_is_agent() {
	local out; out=$(in_isc "$1" 'tr "\0" " " < /proc/1/cmdline')
	echo "$1: $out"
	[[ $out == *icorp-agent* ]]
}
in_isc() { # SERVER SHELL-COMMAND: in its (only) ISC
	local d; d=$(domains "$1" | head -n 1)
	virsh_ "$1" lxc-enter-namespace "$d" --noseclabel -- /bin/sh -c "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin; $2" 2>&1
}

# A page and what TCP needs around it is more than 500 bytes.
pages_came_by() { within 2 "they came by the trunk's smaller circuit" sent_since "$1" "$2" "$3" 4000; }

step_4() {
	local was
	asked "kdig $HOST at the name server; curl http://$HOST/ as user1 and as user2"
	within 10 "both access routers' public addresses are in DNS" resolves "$HOST" 2 || return
	was=$(bytes_sent r2 eth2)
	within 15 "user1 gets pages from both ISCs in turn" pages_from user1 "$HOST" 8 2 || return
	pages_came_by r2 eth2 "$was" || return
	within 15 "user2 too" pages_from user2 "$HOST" 8 2 || return
}

# icorp more|less RESOURCE in srv1's ISC, then what changed within two seconds.
thermostat() { # more|less RESOURCE CHECK…
	local verb=$1 what=$2 out; shift 2
	asked "in srv1's ISC: icorp $verb $what"
	out=$(in_isc srv1 "icorp $verb $what") || { failed "icorp $verb $what" "$out"; return 1; }
	saw "its answer, with the price and what each hop granted:" "$out"
	grep -q EUR <<< "$out" || failed "no price in it"
}

step_5() {
	local was
	thermostat more cpu || return
	within 2 "$SAW_SHARES, within two seconds" shares_are srv1 $((SHARES + STEP_SHARES)) || return
	thermostat more bandwidth || return
	for was in srv1:eth0 r2:eth0 r2:eth1 r1:eth0 r1:eth1 ar1:eth0; do
		within 2 "$SAW_CLASS" rate_is "${was%:*}" "${was#*:}" "$PREFIX" $((RATE + STEP_RATE)) || return
	done
	circuits_are eth1 eth0 || return
	thermostat less bandwidth || return
	within 2 "$SAW_CLASS" rate_is r1 eth1 "$PREFIX" $RATE || return
	circuits_are eth2 eth2 || return
	thermostat less cpu || return
	within 2 "$SAW_SHARES" shares_are srv1 $SHARES || return

	asked "a load generator in srv1's ISC; nobody asks for more"
	was=$(schedinfo srv1)
	load_isc srv1
	within 40 "the agent asks by itself" shares_than srv1 gt "$was" || return
	saw "… $WITHIN_MS ms after the load began"
	stop_load "$BEHIND"
}
load_isc() {
	behind "${TB[@]}" exec "$1" virsh -q -c lxc:///system lxc-enter-namespace "$(domains "$1" | head -n 1)" --noseclabel -- \
		/bin/sh -c 'for i in 1 2 3; do while :; do :; done & done; wait' 2> /dev/null
}
# The generator's process is a child of the ISC's first process, not of virsh: ended from inside.
stop_load() {
	in_isc srv1 'for p in /proc/[0-9]*; do
		tr "\0" " " < $p/cmdline 2>/dev/null | grep -q "while :; d[o] :" && kill -9 ${p#/proc/}; done' > /dev/null
	stop_one "$1"
	return 0
}

step_6() {
	local pid killed lapsed switched u dead before=${#BACKGROUND[@]}
	pid=$(agent_pid srv2)
	dead=$(isc_address srv2)
	[ -n "$pid" ] && tr '\0' ' ' < "/proc/$pid/cmdline" | grep -q icorp-agent || { failed "srv2's agent is not to be found"; return 1; }
	watch_proxies "$dead"
	for u in user1 user2; do keep_asking $u > "$WORK/requests.$u"; done
	within 10 "both proxies send users' connections to srv2's ISC ($dead)" proxies_use "$dead" || return
	asked "kill -9 of srv2's agent (process $pid), while user1 and user2 keep asking for pages"
	kill -9 "$pid"; killed=$(now_ms)
	within 30 "srv2's ISC is gone" domain_runs srv2 0 || return
	within 30 "s2: srv2's port has left the VLAN" vlan_members s2 eth0 eth1 || return
	within 30 "srv2: its class is gone" no_class srv2 eth0 || return
	lapsed=$(now_ms)
	saw "srv2's state lapsed $((lapsed - killed)) ms after the kill"
	within 5 "s1's members stay" vlan_members s1 eth0 eth1 eth2 || return
	switched=$(proxies_last "$lapsed")
	saw "the proxies last tried srv2's ISC $((switched - killed)) ms after the kill"
	# Told, not found out: by itself an access router would give srv2 up only a lifetime after the last refresh.
	[ "$switched" -le $((lapsed + 3000)) ] || { failed "a proxy still uses srv2's ISC, $((switched - lapsed)) ms after its state lapsed"; return 1; }
	for u in user1 user2; do
		within 1 "$u: none failed after the switch-over" none_failed_since "$WORK/requests.$u" "$killed" "$switched" || return
	done
	stop_background "$before"
	within 5 "user1 gets all its pages from srv1 now, none fails" pages_from user1 "$HOST" 20 1 || return
	within 5 "user2 too" pages_from user2 "$HOST" 20 1 || return
}
# The proxies' attempts to connect to an ISC, seen on the wire: "SECONDS.MICROSECONDS …" lines in $WORK/syn.*
watch_proxies() {
	local ar
	for ar in ar1 ar2; do
		behind "${TB[@]}" exec $ar tcpdump -Z root -i eth0 -n -l -tt "dst host $1 and tcp[tcpflags] & tcp-syn != 0" \
			> "$WORK/syn.$ar" 2>> "$WORK/capture.log"
	done
}
proxies_use() {
	local ar1 ar2; ar1=$(wc -l < "$WORK/syn.ar1") ar2=$(wc -l < "$WORK/syn.ar2")
	echo "ar1: $ar1, ar2: $ar2"
	[ "$ar1" -gt 0 ] && [ "$ar2" -gt 0 ]
}
proxies_last() { sleep 2; cat "$WORK"/syn.ar* | awk '{ t = int($1 * 1000); if (t > last) last = t } END { printf "%.0f\n", last }'; }
none_failed_since() { # FILE KILLED SWITCHED
	awk -v k="$2" -v s="$3" '$2 == "ok" { ok++ } $2 == "FAIL" { if ($1 > s) bad++; else during++ }
		END { printf "%d pages; %d requests failed in the %d ms until the switch-over, %d after it\n", ok, during, s - k, bad; exit bad > 0 || !ok }' "$1"
}
keep_asking() { behind "${TB[@]}" exec "$1" bash "$TOP/scripts/demo.d/inside.sh" requests "$HOST"; }
step_7() {
	asked "DELETE /v1/icorps/$ID"
	answered 202 '' DELETE "/v1/icorps/$ID" > /dev/null || { failed "DELETE was not accepted"; return 1; }
	within 30 "the gatekeeper has forgotten it" icorp_gone "$ID" || return
	within 30 "kernels, libvirt and DNS are as before step 2: the diff is empty" same_as_before || return
}
