#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# build.sh   checks that the module builds for every stock kernel, and what make says without a kernel
#
# install.sh checks make KDIR=DIR.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"
make_tmp
# shellcheck source=scripts/test/ktap.sh
. "$SCRIPTS/test/ktap.sh"

refuses_without_kdir() {
	! said=$(make -C "$ROOT" KDIR=/nonexistent 2>&1) || return 1
	echo "$said"
	echo "$said" | grep -q 'no kernel build directory /nonexistent'
}

for kernel in $(kernels_of stock); do
	t_ok "lvbs.ko builds for $kernel" "$SCRIPTS/build.sh" --kernel "$kernel"
done
t_ok "make says in a sentence that KDIR does not exist" refuses_without_kdir
t_done
