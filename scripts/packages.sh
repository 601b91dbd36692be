#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# packages.sh SET...     (build, kernel, vm, kunit, arm64, lint, docs, analysis, dkms, sign, bench)
# packages.sh --update   only brings the package lists up to date
#
# Installs what is missing of the distribution packages that SETs need, as root or with password-less
# sudo; otherwise prints the one line to run.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

packages_of() {
	case $1 in
	build) echo gcc make libelf-dev ;;
	kernel) echo gcc make flex bison bc libelf-dev libssl-dev openssl xz-utils ;;
	vm) echo qemu-system-x86 cpio ;;
	kunit) echo gcc make flex bison bc libelf-dev libssl-dev python3 perl xz-utils qemu-system-x86 ;;
	arm64) echo qemu-system-arm gcc-aarch64-linux-gnu ;;
	analysis) echo coccinelle perl python3 xz-utils ;;
	dkms) echo dkms kmod ;;
	docs) echo python3-sphinx perl xz-utils ;;
	sign) echo kmod openssl xz-utils ;;
	bench) echo gcc gnuplot-nox ;;
	lint) echo shellcheck sparse perl python3 xz-utils gcc make libelf-dev ;;
	*) die "unknown set '$1'" ;;
	esac
}

installed() {
	test "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed
}

missing=
update=
for set in "$@"; do
	if test "$set" = --update; then
		update=y
		continue
	fi
	for package in $(packages_of "$set"); do
		case " $missing " in *" $package "*) continue ;; esac
		installed "$package" || missing="$missing $package"
	done
done
test -n "$missing$update" || exit 0

command -v apt-get >/dev/null || die "needs$missing, and knows only apt-get to install them"
if test "$(id -u)" = 0; then
	as_root=
elif sudo -n true 2>/dev/null; then
	as_root="sudo -n"
else
	say "Packages or package lists are missing. Please run:"
	say "    sudo apt-get update${missing:+ && sudo apt-get install --no-install-recommends$missing}"
	exit 1
fi

known() {
	# shellcheck disable=SC2086 # a list of package names
	apt-get install -s -qq --no-install-recommends $missing >/dev/null 2>&1
}

install() {
	# shellcheck disable=SC2086 # lists of words
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
		-o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 $missing >&2
}

update_lists() {
	# shellcheck disable=SC2086 # empty or a prefix
	run "updating the package lists" $as_root apt-get update -qq >&2
}

if test -n "$update" || ! known; then
	update_lists
fi
test -n "$missing" || exit 0
# Lists may be older than what the archive still holds.
run "installing$missing" install || {
	update_lists
	run "installing$missing" install
}
