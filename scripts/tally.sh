# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# For tests that run on the host, sourced behind lib.sh: a line a case, "ok NAME" or "not ok NAME: why",
# and the totals last, without which a test counts as crashed (scripts/part.sh).

tally_passed=0
tally_failed=0

ok() {
	tally_passed=$((tally_passed + 1))
	echo "ok $1"
}

# not_ok NAME WHY
not_ok() {
	tally_failed=$((tally_failed + 1))
	echo "not ok $1: $2"
}

# check NAME CMD...: CMD succeeds. Only a failure's output is of interest.
check() {
	check_name=$1
	shift
	check_status=0
	check_said=$("$@" 2>&1) || check_status=$?
	if test $check_status = 0; then
		ok "$check_name"
	else
		printf '%s\n' "$check_said" | tail -n 60
		not_ok "$check_name" "status $check_status from '$*'"
	fi
}

# check_silent NAME CMD...: CMD succeeds and has nothing to say.
check_silent() {
	check_name=$1
	shift
	check "$check_name" says_nothing "$@"
}

says_nothing() {
	nothing_status=0
	nothing=$("$@" 2>&1) || nothing_status=$?
	test -z "$nothing" || printf '%s\n' "$nothing"
	test -z "$nothing" && return $nothing_status
}

# is GOT WANT NAME
is() {
	if test "$1" = "$2"; then
		ok "$3"
	else
		not_ok "$3" "got '$1', want '$2'"
	fi
}

# The last call of a test: its status is the test's.
totals() {
	echo "$tally_passed passed, $tally_failed failed"
	test $tally_failed = 0 && test $tally_passed != 0
}
