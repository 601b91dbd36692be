#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# dkms-test.sh   dkms add, build, install and remove for the stock kernels, in trees of its own
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tally.sh
. "$SCRIPTS/tally.sh"

"$SCRIPTS/packages.sh" build dkms
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' "$ROOT/dkms.conf")
source=$tmp/src/lvbs-$version

in_trees() {
	dkms "$@" --dkmstree "$tmp/dkms" --sourcetree "$tmp/src" --installtree "$tmp/root/lib/modules" "lvbs/$version"
}

is_for() {
	modinfo -F vermagic "$tmp/dkms/lvbs/$version/$1/x86_64/module/"lvbs.ko* | grep "^$1 "
}

# dkms knows depmod only for /lib/modules.
found_by_modprobe() {
	depmod -a -b "$tmp/root" "$1"
	modprobe -d "$tmp/root" -S "$1" --show-depends lvbs |
		grep "^insmod $tmp/root/lib/modules/$1/.*/lvbs\.ko"
}

# says_installed COUNT: for so many kernels.
says_installed() {
	test "$(in_trees status | grep -c ': installed$')" = "$1"
}

nothing_left() {
	! find "$tmp/root" "$tmp/dkms" -name 'lvbs*' | grep .
}

mkdir -p "$source" "$tmp/dkms"
# shellcheck disable=SC2046 # names without blanks
(cd "$ROOT" && cp -R $(module_sources) dkms.conf "$source")

check "dkms add" in_trees add
for kernel in 6.1 6.12; do
	kernel_dir=$("$SCRIPTS/kernel.sh" "$kernel")
	release=$(cat "$kernel_dir/release")
	check "dkms build for $release" in_trees build -k "$release" --kernelsourcedir "$kernel_dir/headers"
	check "that module is for $release" is_for "$release"
	mkdir -p "$tmp/root/lib/modules/$release"
	check "dkms install for $release" in_trees install --no-depmod -k "$release"
	check "modprobe finds it for $release" found_by_modprobe "$release"
done
check "dkms status says installed" says_installed 2
check "dkms remove" in_trees remove --no-depmod --all
check "dkms status says nothing" says_installed 0
check "dkms remove leaves nothing" nothing_left

totals
