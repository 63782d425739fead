# shellcheck shell=bash
# What is refused: by the gatekeeper, before anything is reserved; by a hop, and then everything reserved so far is
# released and the client sees who refused and why; by a hop later, and then the former reservation stands.

# refused STATUS TEXT FILE: answered so, and the body holds the text.
refused() {
	answered "$1" "$2" POST /v1/icorps -H 'Content-Type: application/xml' --data-binary "@$3"
}
nothing_reserved() {
	local e out
	for e in ar1 ar2 s1 r1 r2 s2 srv1 srv2; do
		out=$(in_ "$e" sh -c 'icorpctl --json show sessions; icorpctl --json show ports' < /dev/null |
			jq -sc '[(.[0].sessions | length), ([.[1].ports[].reserved, .[1].resources[].used] | add // 0)]')
		[ "$out" = '[0,0]' ] || { echo "$e: sessions, reserved: $out"; return 1; }
	done
}

case_refusals() {
	local f=$WORK/bad.xml taken
	printf '<request xmlns="urn:icorp:contract:1">\n<name>x</nam>\n' > "$f"
	check 1 "malformed XML" refused 400 '"line": ?2' "$f"
	{ request big | sed '/<.request>/d'; head -c 400000 /dev/zero | tr '\0' ' '; echo '</request>'; } > "$f"
	check 1 "an oversized document" refused 413 'large' "$f"
	{ echo '<!DOCTYPE request [<!ENTITY x "y">]>'; request dtd; } > "$f"
	check 1 "a document with a DTD" refused 400 'DTD|DOCTYPE|document type' "$f"
	request bad | sed 's|<class>|<colour>red</colour>\n&|' > "$f"
	check 1 "an invalid document, with line and element" refused 400 '"line": ?3.*colour|colour.*"line": ?3' "$f"
	request odd | sed 's|silver|platinum|' > "$f"
	check 1 "an unknown class" refused 422 'no class \\?"platinum' "$f"
	request odd | sed 's|<servers count="2"/>|<server element="srv9"/>|' > "$f"
	check 1 "a server that there is not" refused 422 'srv9' "$f"
	request odd | sed 's|count="2"|count="3"|' > "$f"
	check 1 "more servers than there are" refused 503 'no-capacity' "$f"
	check 1 "no controller holds anything" nothing_reserved
	create shop || return
	taken=$ID
	request shop > "$f"
	check 1 "a name that is taken, with the ICorp that has it" refused 409 "ICorp $taken is called|ICorp $taken has the name" "$f"
	check 30 "ICorp $taken completes" icorp_is "$taken" complete
	delete
}

# The ICorp fails, and says to the client what a grep -E pattern says; nothing is left.
refused_by() { # ELEMENT CODE REASON
	check 15 "the client sees that $1 refused and why" icorp_error "$1" "$2" "$3" || return
	check 10 "no controller holds anything" nothing_reserved
	delete_failed
}
icorp_error() {
	local now; now=$(body_of "$(api GET "/v1/icorps/$ID")")
	printf '%s' "$now" | jq -c '{id, state, error}'
	printf '%s' "$now" | jq -e --arg e "$1" --arg c "$2" --arg r "$3" \
		'.state == "failed" and (.error.element | test($e)) and (.error.code | test($c)) and (.error.reason | test($r))' > /dev/null
}
# A failed ICorp is only a record: deleting it forgets that.
delete_failed() {
	answered 20[24] '' DELETE "/v1/icorps/$ID" > /dev/null
	check 5 "the gatekeeper has forgotten ICorp $ID" icorp_gone "$ID"
}

# Silver wants 15 Mbit/s; the gatekeeper does not know that r2 gives only 10 of its link away.
case_hop_refuses() {
	reload r2 's/^port eth1 .*/port eth1 { speed = 10M }/'
	create small || return
	refused_by r2 'admission: bandwidth' 'no capacity on eth1: 15000000 bit/s asked, 10000000 would fit' || return
	nothing_left || return
	delete_failed || return
	reload r2 's/^port eth1 .*/port eth1 { speed = 100M }/'
	# An adaptor that can't: the image is broken.
	mv "$STATE/image/usr/sbin/icorp-agent" "$WORK/agent"
	create broken || return
	refused_by 'srv[12]' 'admission: adaptor' 'vm: image web has no /usr/sbin/icorp-agent' && delete_failed
	mv "$WORK/agent" "$STATE/image/usr/sbin/icorp-agent"
}

# A hop refuses more: the ISC is told who and why, and what was reserved before stands everywhere.
case_demand_refused() {
	local out at
	reload r2 's/^port eth1 .*/port eth1 { speed = 16M }/'
	serving thrifty || return
	out=$(in_isc srv1 'icorp more bandwidth')
	grep -qE 'refused.*r2|r2.*refused' <<< "$out" || { fail "srv1's ISC is told that r2 refuses" "$out"; return 1; }
	echo "ok - $CASE: srv1's ISC is told that r2 refuses"
	for at in srv1:eth0 r2:eth0 r2:eth1 r1:eth0 r1:eth1 ar1:eth0; do
		check 2 "$at still has the former rate" rate_is "${at%:*}" "${at#*:}" "$PREFIX" $RATE || return
	done
	reload r2 's/^port eth1 .*/port eth1 { speed = 100M }/'
	delete
}
