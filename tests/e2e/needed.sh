#!/bin/sh
# libnftables is GPL-2 only: no program that links it may link OpenSSL 3 (Apache 2.0), directly. Runs in the build
# directory. Exit status 77: skipped.
command -v readelf >/dev/null || { echo "skipped: needs readelf"; exit 77; }
status=0
for program in icorp-proxy icorp-adaptor; do
	needed=$(readelf -d $program | grep NEEDED) || { echo "FAILED: $program: cannot be read"; status=1; continue; }
	if echo "$needed" | grep -E 'libcrypto|libssl'; then
		echo "FAILED: $program links OpenSSL"
		status=1
	else
		echo "ok: $program does not link OpenSSL"
	fi
done
exit $status
