#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# busybox.sh [KERNEL]   prints the path of a statically linked busybox, for a guest with that kernel
#
# Unpacked into the cache: to install busybox-static would remove the system's busybox.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"

arch=$(arch_of "${1:-}")
case $arch in
amd64) store=$LVBS_CACHE/busybox suite=system ;;
*) store=$LVBS_CACHE/busybox-$arch suite=bookworm:$arch ;;
esac

get() {
	fetch_debs "$suite" "$1" busybox-static
}

make_once "$store" get
find "$store" -path '*/bin/busybox' | grep .
