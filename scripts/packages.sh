#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# packages.sh SET...     (build, clang, sync, kernel, vm, uefi, kunit, arm64, lint, docs, analysis, dkms, deb, chroot,
#                        sign, bench, readers)
# packages.sh --update   updates the package lists
#
# Installs the missing distribution packages of SETs, as root or with password-less sudo; otherwise prints
# the command to run. LVBS_INSTALLED lists sets that were checked before.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

packages_of() {
	case $1 in
	build) echo gcc make libelf-dev rsync ccache ;;
	sync) echo rsync ;;
	clang) echo clang-16 lld-16 llvm-16 ;;
	kernel) echo gcc make flex bison bc libelf-dev libssl-dev openssl xz-utils ccache ;;
	uefi) echo ovmf ipxe-qemu ;;
	vm) echo qemu-system-x86 cpio ;;
	kunit) echo gcc make flex bison bc libelf-dev libssl-dev python3 perl xz-utils qemu-system-x86 rsync ccache ;;
	arm64) echo qemu-system-arm gcc-aarch64-linux-gnu libc6-dev-arm64-cross ;;
	analysis) echo coccinelle perl python3 xz-utils ;;
	dkms) echo dkms kmod ;;
	deb) echo dpkg-dev debhelper dh-dkms ;;
	chroot) echo mmdebstrap lintian ;;
	docs) echo python3-sphinx perl xz-utils ;;
	sign) echo kmod openssl xz-utils ;;
	bench) echo gcc gnuplot-nox ;;
	readers) echo gdb python3-drgn ;;
	lint) echo shellcheck sparse perl python3 xz-utils gcc make libelf-dev ;;
	*) bad_usage "unknown set '$1'" ;;
	esac
}

wanted=
update=
for set in "$@"; do
	case " ${LVBS_INSTALLED:-} " in *" $set "*) continue ;; esac
	case $set in
	--update) update=y ;;
	*) wanted="$wanted $(packages_of "$set")" ;;
	esac
done
test -n "$wanted$update" || exit 0

# shellcheck disable=SC2086 # a list of names
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null | sed -n 's/^installed //p' | tr '\n' ' ')
missing=
for package in $wanted; do
	case " $installed $missing " in *" $package "*) ;; *) missing="$missing $package" ;; esac
done
test -n "$missing$update" || exit 0

command -v apt-get >/dev/null || die "cannot install$missing: there is no apt-get here"
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
# The lists may name versions that the archive no longer has.
run "installing$missing" install || {
	update_lists
	run "installing$missing" install
}
