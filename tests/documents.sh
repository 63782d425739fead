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
		case $path in tests/unit/test_* | tests/conformance/conformance_* | tests/fuzz/fuzz_* | tests/golden/* | tests/fuzz/corpus*) continue ;; esac
		[ -e "$path" ] || [ -e "$path.sh" ] || echo "$f: there is no $path"
	done > "$tmp/absent"
while read -r line; do wrong "$line"; done < "$tmp/absent"

# The rules of doc/protocol.md: each has a test, and each test that is named exists.
rules() { # FILE: of each row of a table whose last column is "test", that cell
	awk -F' *[|] *' '!/^[|]/ { table = 0 } /^[|]/ && $(NF - 1) == "test" { table = 1; next }
		table && !/^[|]---/ { print NR "\t" $(NF - 1) }' "$1"
}
exists() { # TEST: of a unit test, its program, a script and a word in it, or a file
	file=${1%% *} word=${1#* }
	case $file in
	tests/*) ;;
	*.sh) file=$(find tests -name "$file") ;;
	*) grep -qE "^static void $file\\(" tests/unit/*.c || [ -e "tests/unit/$file.c" ]; return ;;
	esac
	[ -n "$file" ] || return
	[ -e "$file" ] || [ -e "$file.c" ] || file=$file.sh
	[ -e "$file" ] || [ -e "$file.c" ] || return
	[ "$word" = "$1" ] || grep -rqw -- "$word" "$file" "${file%.sh}.d" 2> /dev/null
}
untested() { # FILE
	rules "$1" > "$tmp/rules"
	while IFS="$(printf '\t')" read -r line cell; do
		case $cell in *\`* | *simulator*) ;; *) echo "$1:$line: no test" ;; esac
		printf '%s\n' "$cell" | grep -oE '`[^`]+`' | tr -d '`' | while read -r name; do
			exists "$name" || echo "$1:$line: there is no test $name"
		done
	done < "$tmp/rules"
}
# Can it fail?
printf '| a | test |\n|---|---|\n| x | `completes` |\n| y | `never_written` |\n| z | |\n| v | `broken.sh unheard-of` |\n\n| b | c |\n|---|---|\n| p | `q` |\n' > "$tmp/y.md"
[ "$(untested "$tmp/y.md" | wc -l)" = 3 ] || wrong "rules without a test are not found: $(untested "$tmp/y.md")"
untested doc/protocol.md > "$tmp/untested"
while read -r line; do wrong "$line"; done < "$tmp/untested"
[ "$(rules doc/protocol.md | wc -l)" -gt 100 ] || wrong "doc/protocol.md: only $(rules doc/protocol.md | wc -l) rules"

# What doc/writing-an-adaptor.md quotes (```c FILE) is what the file says, word by word.
misquoted() { # DOCUMENT
	awk -v tmp="$tmp" '/^```c / { file = $2; n++; next } /^```/ { file = ""; next }
		file { out = tmp "/quote." n; if (!(n in seen)) { seen[n]; print file, out } print > out }' "$1" |
		while read -r file quote; do
			awk 'NR == FNR { want = want $0 "\n"; next } { have = have $0 "\n" } END { exit !index(have, want) }' "$quote" "$file" ||
				echo "$1: $file does not say: $(head -n 1 "$quote")"
		done
}
printf '```c README.md\nwhat no one says\n```\n' > "$tmp/q.md"
[ "$(misquoted "$tmp/q.md" | wc -l)" = 1 ] || wrong "misquotations are not found"
[ "$(grep -c '^```c ' doc/writing-an-adaptor.md)" -gt 5 ] || wrong "doc/writing-an-adaptor.md quotes nothing"
misquoted doc/writing-an-adaptor.md > "$tmp/misquoted"
while read -r line; do wrong "$line"; done < "$tmp/misquoted"

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

[ $failed = 0 ] && echo "documents: links, $(wc -l < "$tmp/rules") rules with a test, $(wc -l < "$tmp/deps") dependencies"
exit $failed
