#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# dkms.sh   dkms add, build, install and remove for the stock kernels, in trees of its own
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"
make_tmp
# shellcheck source=scripts/test/ktap.sh
. "$SCRIPTS/test/ktap.sh"

"$SCRIPTS/packages.sh" build dkms
use_ccache ""
# The same path in each run, for ccache.
trees=$BUILD/dkms-test
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' "$ROOT/dkms.conf")
source=$trees/src/lvbs-$version

in_trees() {
	dkms "$@" --dkmstree "$trees/dkms" --sourcetree "$trees/src" --installtree "$trees/root/lib/modules" "lvbs/$version"
}

is_for() {
	modinfo -F vermagic "$trees/dkms/lvbs/$version/$1/x86_64/module/"lvbs.ko* | grep "^$1 "
}

# dkms calls depmod for /lib/modules only.
found_by_modprobe() {
	depmod -a -b "$trees/root" "$1"
	modprobe -d "$trees/root" -S "$1" --show-depends lvbs |
		grep "^insmod $trees/root/lib/modules/$1/.*/lvbs\.ko"
}

# says_installed COUNT: for that many kernels.
says_installed() {
	test "$(in_trees status | grep -c ': installed$')" = "$1"
}

nothing_left() {
	! find "$trees/root" "$trees/dkms" -name 'lvbs*' | grep .
}

run_all() {
	rm -rf "$trees"
	mkdir -p "$source" "$trees/dkms"
	# shellcheck disable=SC2046 # names without blanks
	(cd "$ROOT" && cp -R $(module_sources) dkms.conf "$source")

	t_ok "dkms add" in_trees add
	count=0
	for kernel in $(kernels_of stock); do
		count=$((count + 1))
		kernel_dir=$("$SCRIPTS/kernel.sh" "$kernel")
		release=$(cat "$kernel_dir/release")
		t_ok "dkms build for $release" in_trees build -k "$release" --kernelsourcedir "$kernel_dir/headers"
		t_ok "the module is for $release" is_for "$release"
		mkdir -p "$trees/root/lib/modules/$release"
		t_ok "dkms install for $release" in_trees install --no-depmod -k "$release"
		t_ok "modprobe finds it for $release" found_by_modprobe "$release"
	done
	t_ok "dkms status lists all as installed" says_installed $count
	t_ok "dkms remove" in_trees remove --no-depmod --all
	t_ok "dkms status lists none as installed" says_installed 0
	t_ok "dkms remove leaves nothing" nothing_left
	t_done
}

with_lock "$trees.lock" run_all
