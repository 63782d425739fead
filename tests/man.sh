#!/bin/sh
# Every option of a program's --help is in its man page, and no option that the program does not have; every setting of
# --print-config is in the page too, or the page refers to --print-config. mandoc, when it is there, finds nothing wrong.
# usage: man.sh   (in the build directory; srcdir in the environment, or the directory above this one). 77: skipped.
top=$(cd "${srcdir:-$(dirname "$0")/..}" && pwd)
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
failed=0
[ -x ./icorp-signald ] || { echo "man: # SKIP no programs here"; exit 77; }

# Options in text: those of the lines that describe options, "  -c, --config FILE   what" or "-p|--probe".
options() { grep -oE -- '(^|[] ,;|[(])--?[A-Za-z][a-z-]*' | grep -oE -- '--?[A-Za-z][a-z-]*' | sort -u; }
# Options in a page: Fl c , Fl -config, as mdoc writes them.
documented() { # PAGE: the arguments of each Fl, "Fl c , -config Ar file" or "Fl -print-config | h | V"
	awk '/^\.(It|Op|Fl|Nm|Cm|Pq)/ && /Fl/ || /^\.Fl/ {
		on = 0
		for (i = 1; i <= NF; i++) {
			w = $i; sub(/^\./, "", w)
			if (w == "Fl") { on = 1; continue }
			if (w ~ /^(Ar|Cm|Op|Ns|No|Pa|Xr|Li|Nm)$/) { on = 0; continue }
			if (!on) continue
			gsub(/[^A-Za-z-]/, "", w)
			if (w == "") continue
			if (w ~ /^-/) print "-" w
			else { n = split(w, c, ""); for (k = 1; k <= n; k++) print "-" c[k] }
		} }' "$1" | sort -u
}
compare() { # PROGRAM PAGE
	"./$1" --help < /dev/null | options > "$tmp/help"
	documented "$2" > "$tmp/page"
	[ -s "$tmp/help" ] || { echo "FAILED: $1 --help names no option"; failed=1; }
	for o in $(comm -23 "$tmp/help" "$tmp/page"); do echo "FAILED: ${2##*/} says nothing of $1 $o"; failed=1; done
	for o in $(comm -13 "$tmp/help" "$tmp/page"); do echo "FAILED: ${2##*/} has $o, which $1 --help has not"; failed=1; done
}

for p in icorp-signald icorp-gatekeeper icorp-proxy icorp-agent icorpctl; do compare $p "$top/man/$p.8"; done
compare icorp "$top/man/icorp.1"
compare icorp-sim "$top/man/icorp-sim.1"
compare icorp-adaptor "$top/man/icorp-adaptor.8"
compare icorp-adaptor-vm "$top/man/icorp-adaptor.8"

# Can it fail? A page without -c must be found out.
sed '/Fl c/d' "$top/man/icorp-proxy.8" > "$tmp/icorp-proxy.8"
(failed=0; compare icorp-proxy "$tmp/icorp-proxy.8") | grep -q 'says nothing of icorp-proxy --config' ||
	{ echo "FAILED: a missing option is not noticed"; failed=1; }

for p in icorp-signald icorp-gatekeeper icorp-proxy; do
	"./$p" --print-config | sed -nE 's/^[[:space:]]*#([a-z_0-9]+) .*/\1/p' | sort -u > "$tmp/settings"
	for s in $(cat "$tmp/settings"); do
		grep -qE "(^|[^a-z_])$s([^a-z_]|\$)" "$top/man/$p.8" || { echo "FAILED: $p.8 says nothing of $s"; failed=1; }
	done
done

if command -v mandoc > /dev/null; then
	for page in "$top"/man/*.[18]; do
		# a page that only refers to another one
		head -n 1 "$page" | grep -q '^\.so ' && continue
		mandoc -T lint -W warning "$page" > "$tmp/lint" || { sed 's/^/FAILED: /' "$tmp/lint"; failed=1; }
	done
else
	echo "man: mandoc is not installed: pages not linted"
fi
[ $failed = 0 ] && echo "man: 8 pages agree with 9 programs"
exit $failed
