#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# busybox.sh   prints the path of a statically linked busybox, for the guest
#
# Unpacked into the cache: to install busybox-static would remove the system's busybox.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"

get() {
	fetch_debs system "$1" busybox-static
}

make_once "$LVBS_CACHE/busybox" get
find "$LVBS_CACHE/busybox" -path '*/bin/busybox' | grep .
