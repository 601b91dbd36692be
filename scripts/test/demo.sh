#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# demo.sh [OPTION...]   runs the demo as a test; a step is a case
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"
make_tmp
# shellcheck source=scripts/test/ktap.sh
. "$SCRIPTS/test/ktap.sh"

status=0
"$SCRIPTS/demo.sh" "$@" >"$tmp/demo" 2>&1 || status=$?
cat "$tmp/demo"
steps=$(grep -c '^[0-9]*\. ' "$tmp/demo" || :)
t_is "$(sed -n 's/^All \([0-9]*\) steps did what they say\.$/\1/p' "$tmp/demo")" "$steps" "all $steps steps of the demo"
t_is "$status" 0 "its status"
t_done
