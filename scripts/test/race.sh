#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# race.sh [KERNEL]   checks that a KCSAN kernel reports a data race, and that vm.sh fails then
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"
make_tmp
# shellcheck source=scripts/test/ktap.sh
. "$SCRIPTS/test/ktap.sh"

kernel=${1:-$(kernels_of kcsan | head -n 1)}
echo "insmod /splat.ko race=1" >"$tmp/script.sh"
splat=$("$SCRIPTS/build.sh" --kernel "$kernel" --module splat)
status=0
LVBS_VM_LOG=$tmp/log "$SCRIPTS/vm.sh" --kernel "$kernel" --add "$splat" --no-load "$tmp/script.sh" \
	>"$tmp/out" 2>&1 || status=$?
test "$status" = 125 || tail -n 20 "$tmp/out"
t_is "$status" 125 "a data race fails"
t_ok "the report names the function" grep -q 'BUG: KCSAN: data-race in count.*\[splat\]' "$tmp/log"
t_done
