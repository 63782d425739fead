# shellcheck shell=bash
# A network of one's own (testbed/NAME.topo) and an ICorp in it, for end-to-end tests that have read stage.sh; build is
# where the programs are.
SETTINGS=()     # options of testbed up
APPLICATIONS='' # more elements for a request
raise() { # TOPOLOGY CONTROLLERS: sets ELEMENTS
	tb -q up "$TOP/testbed/$1.topo" --bindir "$build" "${SETTINGS[@]}" || { CASE=testbed; fail "$1 comes up"; exit 1; }
	ELEMENTS=("${@:2}")
	check 30 "all controllers register" registered || exit 1
	check 30 "the layer-2 map is discovered" mapped || exit 1
	snapshot > "$WORK/before"
}
registered() { body_of "$(api GET /v1/status)" | jq -e ".elements.alive == ${#ELEMENTS[@]}"; }
mapped() { ctl r1 show l2 | jq -e 'any(.links[]; .a == "r1" or .b == "r1")'; }
# As the demo's, of this network.
snapshot() { snapshot_of_all "${ELEMENTS[@]}"; }

request() { # NAME [SERVER…]: two, or those; sets ID, HOST
	local out name=$1 servers='<servers count="2"/>'; shift
	[ $# = 0 ] || servers=$(printf '<server element="%s"/>' "$@")
	out=$(api POST /v1/icorps -H 'Content-Type: application/xml' --data-binary '<request xmlns="urn:icorp:contract:1">
		<name>'"$name"'</name><class>silver</class>
		<endpoints><access element="ar1" leader="yes"/>'"$servers"'</endpoints>
		<services><service name="web" port="80"/></services><applications><application name="httpd"/>'"$APPLICATIONS"'</applications></request>')
	ID=$(body_of "$out" | jq -r '.id // empty') HOST=$(body_of "$out" | jq -r '.dns_name // empty')
	[ -n "$ID" ] || fail "the request is accepted" "$out"
}
create() { # [SERVER…]: sets ID, HOST, PREFIX
	request shop "$@" || return
	check 90 "the ICorp completes" icorp_is "$ID" complete || return
	CONTRACT=$(body_of "$(api GET "/v1/icorps/$ID/contract" -H 'Accept: application/xml')")
	PREFIX=$(network_of "$CONTRACT")
}
pages() { check 20 "user1 gets pages from all servers" pages_from user1 "$HOST" $((2 * ${1:-2})) "${1:-2}"; } # [SERVERS]
delete() {
	api DELETE "/v1/icorps/$ID" > /dev/null
	check 30 "the gatekeeper has forgotten it" icorp_gone "$ID"
	check 30 "kernels and libvirt are as they were in the beginning" same_as_before
}
