#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# copy.sh   measures the module's copy routine and other strategies in user space on this machine (seconds)
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"

test "$(uname -m)" = x86_64 || die "the routine is x86-64 only, this is $(uname -m)"
make_tmp
# -fno-builtin: call the library's memcpy, not the compiler's.
"${CC:-cc}" -O2 -Wall -Wextra -fno-builtin -I "$ROOT/module" \
	-o "$tmp/copy_harness" "$SCRIPTS/bench/copy_harness.c"
"$tmp/copy_harness"
