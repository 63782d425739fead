#!/bin/sh
# The command lines of all programs behave alike: --help, --version, a wrong word, and -t where there is a configuration.
# usage: options.sh   (in the build directory; srcdir in the environment, or the directory above this one)
# Exit status 77: nothing built here.
top=$(cd "${srcdir:-$(dirname "$0")/..}" && pwd)
programs="icorp-signald icorp-gatekeeper icorp-proxy icorp-agent icorp-adaptor icorp-adaptor-vm icorp icorpctl icorp-sim"
version=$(sed -n 's/^AC_INIT(\[icorpmaker\], \[\([^]]*\)\].*/\1/p' "$top/configure.ac")
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
failed=0

wrong() { echo "FAILED: $*"; sed 's/^/  out: /' "$tmp/out"; sed 's/^/  err: /' "$tmp/err"; failed=1; }

# run STATUS PROGRAM WORD…: its status must be that; a zero says nothing on stderr, the others nothing on stdout.
run() {
	want=$1 program=$2; shift 2
	"./$program" "$@" > "$tmp/out" 2> "$tmp/err" < /dev/null
	got=$?
	[ $got = "$want" ] || { wrong "$program $*: status $got, not $want"; return; }
	if [ "$want" = 0 ]; then quiet=$tmp/err; else quiet=$tmp/out; fi
	[ ! -s "$quiet" ] || wrong "$program $*: says something where it should not"
}
out_has() { grep -qE -- "$1" "$tmp/out" || wrong "nothing like '$1' on stdout"; }
err_has() { grep -qE -- "$1" "$tmp/err" || wrong "nothing like '$1' on stderr"; }

[ -x ./icorp-signald ] || { echo "options: # SKIP no programs here"; exit 77; }

for p in $programs; do
	for word in -h --help; do
		run 0 "$p" $word
		head -n 1 "$tmp/out" | grep -q "^usage: $p " || wrong "$p $word: first line"
		out_has '-h.*--help'; out_has '-V.*--version'
	done
	for word in -V --version; do
		run 0 "$p" $word
		[ "$(cat "$tmp/out")" = "$p $version" ] || wrong "$p $word"
	done
	run 2 "$p" --no-such-option
	err_has "$p"
done
for p in icorp-signald icorp-gatekeeper icorp-proxy icorp-agent; do
	run 2 "$p" superfluous
	err_has "^$p: .*superfluous"
	run 1 "$p" -t -c "$tmp/absent.conf"
	err_has "^$p: .*absent.conf"
	printf '# a comment\nnonsense = 1\n' > "$tmp/bad.conf"
	run 1 "$p" -t -c "$tmp/bad.conf"
	err_has "^$p: .*bad.conf:2: .*nonsense"
	run 0 "$p" --print-config
	out_has '^#'
done

# The examples that are installed are right.
sed "s|/etc/icorp/tokens|$top/packaging/examples/tokens|" "$top/packaging/examples/gatekeeper.conf" > "$tmp/gatekeeper.conf"
run 0 icorp-gatekeeper -t -c "$tmp/gatekeeper.conf"
out_has ': ok'
run 0 icorp-proxy -t -c "$top/packaging/examples/proxy.conf"
out_has ': ok'
for f in "$top"/packaging/examples/signald-*.conf; do
	run 0 icorp-signald --test --config "$f"
	out_has ': ok'
done
[ $failed = 0 ] && echo "options: 9 programs alike"
exit $failed
