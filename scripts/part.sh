#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# part.sh NAME CMD...   runs one part of a test and judges it
#
# CMD's last totals ("N passed, N failed") count. Without totals it has crashed, and one that counted
# nothing is a failure too. Leaves build/test/NAME.log, and the totals in build/test/NAME.totals.
# With LVBS_TEST_JOBS above 1 other parts run beside it: then its output comes in one piece, at its end.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

name=$1
shift
logs=$BUILD/test
log=$logs/$name.log
mkdir -p "$logs"
rm -f "$logs/$name.totals"
start=$(date +%s)

execute() {
	{ "$@" 2>&1 && echo 0 >"$log.status" || echo $? >"$log.status"; } | "$show" "$log"
	# The status has to come round the pipe: sh has no pipefail.
	status=$(cat "$log.status")
	rm "$log.status"
}

keep() {
	cat >"$1"
}

judge() {
	totals=$(tail -n 50 "$log" | grep -E '^[0-9]+ passed, [0-9]+ failed$' | tail -n 1)
	passed=${totals%% *}
	failed=${totals#*, }
	failed=${failed%% *}
	if test -z "$totals"; then
		# What it said before it broke off still counts.
		passed=$(grep -c '^ok ' "$log" || :)
		failed=$(($(grep -c '^not ok ' "$log" || :) + 1))
		echo "not ok $name: ended without totals (status $status)"
	elif test $((passed + failed)) = 0; then
		echo "not ok $name: counted nothing"
		failed=1
	elif test "$status" != 0 && test "$failed" = 0; then
		echo "not ok $name: status $status"
		failed=1
	fi
	echo "$passed $failed" >"$logs/$name.totals"
	echo "=== $name: $passed passed, $failed failed, $(($(date +%s) - start)) s"
}

report() {
	test "$show" = tee || cat "$log"
	judge
}

if test "${LVBS_TEST_JOBS:-1}" = 1; then
	show="tee"
	echo "=== $name"
else
	show=keep
	echo "... $name"
fi
PATH=$SCRIPTS:$PATH
execute "$@"
with_lock "$logs/.output" report
