#!/bin/sh
# The rooms' dependencies point down only (contracts know lib; adaptors know contracts and lib; signald and proxy know adaptors; the other
# programs do not), and programs never include each other's headers. This test greps every #include "ROOM/…" of the sources and fails on a
# breach; to prove that it can fail, it first checks a small tree made of breaches.
#
# usage: layering.sh   (srcdir in the environment, or the directory above this one)
set -eu
top=${srcdir:-$(dirname "$0")/..}
rooms="lib contracts adaptors signald proxy gatekeeper agent cli"

# The rooms that files in room $1 may include from. One header is public: agent/icorp.h, the API that any client program
# is written against, and so is the CLI for clients.
allowed() {
	case $1 in
	lib) echo "lib" ;;
	contracts) echo "contracts lib" ;;
	adaptors) echo "adaptors contracts lib" ;;
	signald | proxy) echo "$1 adaptors contracts lib" ;;
	gatekeeper | agent | cli) echo "$1 contracts lib" ;;
	esac
}

# Prints "FILE:LINE: ROOM must not include HEADER" for each breach under directory $1.
breaches() {
	(
		cd "$1"
		for room in $rooms; do
			[ -d "$room" ] || continue
			find "$room" -name '*.[ch]' -exec grep -Hn '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' {} + |
				sed 's/^\([^:]*:[0-9]*\):[^"]*"\([^"]*\)".*/\1 \2/' |
				while read -r where header; do
					case $header in
					../* | */../*) echo "$where: $header: include by the path from the top" ;;
					config.h) continue ;;
					*/*) ;;
					*) echo "$where: $header: include by the path from the top" ;;
					esac
					[ "$room $header" = "cli agent/icorp.h" ] && continue
					case " $(allowed "$room") " in
					*" ${header%%/*} "*) ;;
					*) case " $rooms tests testbed bench " in
						*" ${header%%/*} "*) echo "$where: $room must not include $header" ;;
						esac ;;
					esac
				done
		done
	)
}

# --- can it fail? ---
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
for room in $rooms; do mkdir "$tmp/$room"; done
echo '#include "contracts/contract.h"' >"$tmp/lib/a.c"       # up
echo '  #  include "adaptors/adaptor.h"' >"$tmp/agent/b.h"   # a room that may not know adaptors
echo '#include "proxy/policy.h"' >"$tmp/signald/c.c"         # another program
echo '#include "signald/session.h"' >"$tmp/adaptors/d.c"     # up
echo '#include "../lib/log.h"' >"$tmp/cli/e.c"               # around
echo '#include "agent/policy.h"' >"$tmp/cli/f.c"             # not the public one
printf '%s\n' '#include "adaptors/adaptor.h"' '#include "lib/log.h"' '#include <proxy/x.h>' '#include "config.h"' \
	'#include "proxy/own.h"' >"$tmp/proxy/fine.c"
breaches "$tmp" >"$tmp/found"
for want in 'lib/a.c:1: lib must' 'agent/b.h:1: agent must' 'signald/c.c:1: signald must' 'adaptors/d.c:1: adaptors must' \
	'cli/e.c:1: ../lib/log.h' 'cli/f.c:1: cli must'; do
	grep -qF "$want" "$tmp/found" || { echo "layering: does not find: $want"; exit 1; }
done
if grep fine.c "$tmp/found"; then
	echo "layering: finds what is allowed"
	exit 1
fi

# --- the sources ---
breaches "$top" >"$tmp/found"
if [ -s "$tmp/found" ]; then
	cat "$tmp/found"
	echo "layering: see CONTRIBUTING.md: dependencies point down only"
	exit 1
fi
# shellcheck disable=SC2086 # a list
n=$(cd "$top" && find $rooms -name '*.[ch]' | wc -l)
[ "$n" -gt 30 ] || { echo "layering: only $n files found under $top"; exit 1; }
echo "layering: $n files, no breach"
