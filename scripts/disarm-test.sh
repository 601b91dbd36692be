#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# disarm-test.sh   checks that live mode goes off for good also where the kernel fails to disarm its probe
#
# Of which the kernel warns, and so a suite of its own could not end well: this one has to end with that
# warning, and with nothing else.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tally.sh
. "$SCRIPTS/tally.sh"

out=$(mktemp)
trap 'rm -f "$out"' EXIT
status=0
"$SCRIPTS/suite.sh" fault 6.1-debug disarm >"$out" 2>&1 || status=$?
grep -E '^(ok|not ok) ' "$out" || tail -n 20 "$out"
is "$status" 125 "the kernel warned"
is "$(grep -cE '^[0-9]+ passed, 0 failed$' "$out")" 1 "all else went well"
is "$(grep -c 'Failed to disarm kprobe-ftrace at __text_poke' "$out")" 1 "that it could not disarm the probe"
is "$(grep -c 'cut here' "$out")" 1 "and of nothing else"

totals
