#!/bin/sh
# Installs the real Asterisk servers that the tests run: each version in a Debian
# root of its own, from Debian's packages, below $CLAVIJA_LAB.
#
#   scripts/asterisk-lab.sh install [22] [16]
#
# Run it as root on Debian. What is there already is left as it is; a version is
# there whole or not at all.
set -eu

lab=${CLAVIJA_LAB:-/var/cache/clavija-lab}

usage() {
	cat <<EOF
usage: $0 install [VERSION...]

Installs these versions of Asterisk for the tests, 22 and 16 if none is given.

environment:
  CLAVIJA_LAB            where to ($lab)
  CLAVIJA_DEBIAN_MIRROR  Debian mirror to install from (debootstrap's default)
EOF
}

say() { echo "asterisk-lab: $*"; }

fail() {
	say "$*" >&2
	exit 1
}

# suite_of prints the Debian release that has a version of Asterisk.
suite_of() {
	case $1 in
	22) echo sid ;;
	16) echo bullseye ;;
	*) fail "no Debian release is known to have Asterisk $1: there are 22 and 16" ;;
	esac
}

# version_in prints what the Asterisk in a root says it is.
version_in() { chroot "$1" /usr/sbin/asterisk -V 2>/dev/null || true; }

require_root() {
	[ "$(id -u)" -eq 0 ] || fail "it makes a root file system: run it as root"
}

require_debootstrap() {
	command -v debootstrap >/dev/null && return
	command -v apt-get >/dev/null ||
		fail "there is neither debootstrap nor apt-get to install it by: it needs Debian, or install debootstrap yourself"
	say "installing debootstrap"
	apt-get update -q
	DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends debootstrap debian-archive-keyring
}

# discard removes an unfinished root, of which debootstrap may have left parts mounted.
discard() {
	for mounted in proc sys dev/pts dev; do
		umount "$1/$mounted" 2>/dev/null || true
	done
	rm -rf --one-file-system "$1"
}

install_version() {
	version=$1
	suite=$(suite_of "$version")
	root=$lab/asterisk-$version
	if [ -d "$root" ]; then
		found=$(version_in "$root")
		[ -n "$found" ] || fail "$root is there, but its Asterisk doesn't run: remove it, then try again"
		say "$found is installed in $root"
		return
	fi

	require_debootstrap
	mkdir -p "$lab"
	# One at a time: the lock goes with this process.
	exec 9>"$lab/.lock"
	flock -n 9 || fail "another installation is running in $lab"

	unfinished=$lab/.unfinished-$version
	discard "$unfinished" # of a run that was killed
	trap 'discard "$unfinished"' EXIT
	trap 'exit 1' HUP INT TERM
	say "installing Asterisk $version from Debian $suite into $root: some minutes, 500 MB"
	# shellcheck disable=SC2086 # no mirror is no argument
	debootstrap --variant=minbase --include=asterisk "$suite" "$unfinished" ${CLAVIJA_DEBIAN_MIRROR:-} >"$lab/.log-$version" 2>&1 || {
		tail -n 20 "$lab/.log-$version" >&2
		fail "debootstrap failed; the whole of it is in $lab/.log-$version"
	}
	found=$(version_in "$unfinished")
	case $found in
	"Asterisk $version."*) ;;
	*) fail "Debian $suite no longer has Asterisk $version but '$found'" ;;
	esac
	rm -f "$unfinished"/var/cache/apt/archives/*.deb
	mv "$unfinished" "$root"
	trap - EXIT HUP INT TERM
	rm -f "$lab/.log-$version"
	say "$found is installed in $root"
}

case ${1:-} in
install)
	shift
	[ $# -gt 0 ] || set -- 22 16
	for version; do suite_of "$version" >/dev/null; done
	require_root
	for version; do install_version "$version"; done
	;;
-h | --help | help) usage ;;
*)
	usage >&2
	exit 2
	;;
esac
