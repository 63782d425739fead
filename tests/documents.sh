#!/bin/sh
# Documents: links resolve, the dependencies in configure.ac are those in doc/decisions.md with their licence, every
# document is reachable from README.md, and what the README tells people to run exists.
# usage: documents.sh   (srcdir in the environment, or the directory above this one)
top=$(cd "${srcdir:-$(dirname "$0")/..}" && pwd)
cd "$top" || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
failed=0
wrong() { echo "FAILED: $*"; failed=1; }

# FILE: its links to other files, one per line.
links() {
	awk '/^```/ { code = !code } !code' "$1" | sed 's/`[^`]*`//g' | grep -oE '\]\([^) ]+\)' | sed 's/^](//; s/)$//' |
		grep -vE '^(https?:|mailto:)'
}
# heading -> its anchor, as forges make it
anchors() { sed -nE 's/^#+ +//p' "$1" | tr '[:upper:]' '[:lower:]' | sed -E 's/[^a-z0-9 _-]//g; s/ /-/g'; }
dead() { # FILE
	links "$1" | while read -r link; do
		file=${link%%#*}
		if [ -n "$file" ]; then target=$(dirname "$1")/$file; else target=$1; fi
		[ -e "$target" ] || { echo "$1: $link: no such file"; continue; }
		case $link in
		*#*) anchors "$target" | grep -qxF -- "${link#*#}" || echo "$1: $link: no such heading" ;;
		esac
	done
}

# Can it fail?
printf '# One two\n[a](absent.md) [b](#one-two) [c](#three)\n' > "$tmp/x.md"
[ "$(dead "$tmp/x.md" | wc -l)" = 2 ] || wrong "dead links are not found"

for f in *.md doc/*.md; do dead "$f"; done > "$tmp/dead"
while read -r line; do wrong "$line"; done < "$tmp/dead"
links README.md > "$tmp/first"
for f in doc/*.md CONTRIBUTING.md; do grep -q "^$f" "$tmp/first" || wrong "README.md does not lead to $f"; done
grep -oE '(scripts|testbed|tests)/[a-z0-9_.-]+(/[a-z0-9_.-]+)?' README.md CONTRIBUTING.md doc/*.md |
	while IFS=: read -r f path; do
		path=${path%.}
		case $path in tests/unit/test_* | tests/fuzz/fuzz_* | tests/golden/* | tests/fuzz/corpus*) continue ;; esac
		[ -e "$path" ] || [ -e "$path.sh" ] || echo "$f: there is no $path"
	done > "$tmp/absent"
while read -r line; do wrong "$line"; done < "$tmp/absent"

# The libraries: what configure looks for (the name pkg-config or the linker knows) and what the table calls it.
sed -nE 's/^PKG_CHECK_MODULES\(\[[A-Z_]+\], \[([a-zA-Z0-9_.-]+).*/\1/p; s/^AC_CHECK_LIB\(\[([a-z]+)\].*/lib\1/p' configure.ac |
	sort -u > "$tmp/deps"
[ "$(wc -l < "$tmp/deps")" -gt 10 ] || wrong "configure.ac: found only $(wc -l < "$tmp/deps") dependencies"
while read -r dep; do
	case $dep in
	libevent*) name=libevent ;;
	libxml-2.0) name=libxml2 ;;
	libcrypto | libssl) name='OpenSSL 3' ;;
	sqlite3) name=SQLite ;;
	*) name=$dep ;;
	esac
	awk -F' *[|] *' -v name="$name" 'tolower($2) == tolower(name) && $3 != "" && $4 != "" && $5 != "" { found = 1 }
		END { exit !found }' doc/decisions.md || wrong "doc/decisions.md: no row with use, licence and reason for $name ($dep)"
done < "$tmp/deps"

[ $failed = 0 ] && echo "documents: links, $(wc -l < "$tmp/deps") dependencies"
exit $failed
