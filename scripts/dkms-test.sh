#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# dkms-test.sh   builds the module by dkms for the stock kernels, in trees of its own
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
	dkms "$@" --dkmstree "$tmp/dkms" --sourcetree "$tmp/src" "lvbs/$version"
}

is_for() {
	modinfo -F vermagic "$tmp/dkms/lvbs/$version/$1/x86_64/module/"lvbs.ko* | grep "^$1 "
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
done
check "dkms remove" in_trees remove --all

totals
