# shellcheck shell=bash
# Our own daemons: their configuration, start and readiness.

# Where programs are: the folders of a build tree and of an installed prefix.
element_path() {
	local d out=''
	for d in signald gatekeeper proxy agent cli adaptors bin sbin libexec/icorpmaker; do
		[ ! -d "$BINDIR/$d" ] || out+="$BINDIR/$d:"
	done
	printf '%s' "$out/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}
program() { PATH=$ELEMENT_PATH command -v "$1"; }
programs_check() { :; }
daemons_up() { :; }
