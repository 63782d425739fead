#!/bin/sh
# tcpdump and tshark, which know nothing of us, must decode every message we can make: nothing malformed, truncated or
# with a bad checksum; tcpdump must find the HMAC-MD5 INTEGRITY valid with the key and invalid with another, also in a Bundle.
set -u
here=$(dirname "$0")
build=${builddir:-.}
command -v tcpdump >/dev/null && command -v tshark >/dev/null || { echo "SKIP: tcpdump or tshark is not installed"; exit 77; }
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
fail() { echo "FAIL: $*"; exit 1; }

"$build/tests/unit/rsvp_pcap" "$dir/all.pcap" || fail "no capture written"
. "$here/../lib/oracles.sh"
oracle_check "$dir/all.pcap" 31 || exit 1
tcpdump -r "$dir/all.pcap" -nnvv -M 0123456789abcdef >"$dir/md5" 2>/dev/null
[ "$(grep -c '(valid)' "$dir/md5")" = 13 ] || fail "tcpdump finds $(grep -c '(valid)' "$dir/md5") of 13 MD5 digests valid"
tcpdump -r "$dir/all.pcap" -nnvv -M 0123456789abcdeX >"$dir/bad" 2>/dev/null
[ "$(grep -c '(valid)' "$dir/bad")" = 0 ] || fail "a wrong key is called valid"
types=$(tshark -r "$dir/all.pcap" -Y rsvp -T fields -e rsvp.msg 2>/dev/null | sort -u | sort -n | paste -sd ' ')
[ "$types" = "1 2 3 4 5 6 7 12,1,2,13 13 15 20 25 26" ] || fail "tshark sees messages of the types $types"
# the check itself must be able to fail: damage one object length
cp "$dir/all.pcap" "$dir/broken.pcap"
printf '\377' | dd of="$dir/broken.pcap" bs=1 seek=$((24 + 16 + 20 + 9)) conv=notrunc 2>/dev/null
oracle_check "$dir/broken.pcap" 31 >/dev/null && fail "a damaged message passes"
echo "ok: 31 datagrams of every type decoded by tcpdump and tshark"
