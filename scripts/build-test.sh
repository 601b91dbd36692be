#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# build-test.sh   builds the module as a user does
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tally.sh
. "$SCRIPTS/tally.sh"

refuses_without_kdir() {
	if said=$(make -C "$ROOT" KDIR=/nonexistent 2>&1); then
		return 1
	fi
	echo "$said"
	echo "$said" | grep -q 'no kernel build folder at /nonexistent'
}

makes_for() {
	make -C "$ROOT" KDIR="$("$SCRIPTS/kernel.sh" "$1")/headers" && test -f "$BUILD/kdir/lvbs.ko"
}

for kernel in 6.1 6.12; do
	check "lvbs.ko builds for $kernel" "$SCRIPTS/build.sh" --kernel "$kernel"
	check "make KDIR=... builds it for $kernel" makes_for "$kernel"
done
check "a KDIR that is not there is told in a sentence" refuses_without_kdir
totals
