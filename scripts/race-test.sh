#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# race-test.sh   checks that a data race on 6.1-kcsan is found, and is no success
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tally.sh
. "$SCRIPTS/tally.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cat >"$tmp/script.sh" <<'END'
insmod /splat.ko race=1
END

splat=$("$SCRIPTS/build.sh" --kernel 6.1-kcsan --module splat)
status=0
LVBS_VM_LOG=$tmp/log "$SCRIPTS/vm.sh" --kernel 6.1-kcsan --add "$splat" --no-load "$tmp/script.sh" \
	>"$tmp/out" 2>&1 || status=$?
test "$status" = 125 || tail -n 20 "$tmp/out"
is "$status" 125 "a data race is no success"
check "it is told by name" grep -q 'BUG: KCSAN: data-race in count.*\[splat\]' "$tmp/log"

totals
