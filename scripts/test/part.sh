#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# part.sh NAME CMD...                 runs one part of a test and judges it
# part.sh --suites KERNEL SUITE...    runs VM suites in one VM; each is a part, suite_SUITE-KERNEL
#
# The last totals of a part ("N passed, N failed") count. A part without totals has crashed, and one that
# counted nothing has failed. Leaves build/test/NAME.log, and "PASSED FAILED SECONDS" in
# build/test/NAME.totals. Other parts run at the same time if LVBS_TEST_JOBS is above 1: then the output
# comes in one piece, at the end.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"

test $# -gt 1 || bad_usage "name a part and its command"
logs=$BUILD/test
mkdir -p "$logs"
make_tmp
cd "$ROOT"
if test "${LVBS_TEST_JOBS:-1}" = 1; then
	show="tee"
	mark="==="
else
	show=keep
	mark="..."
fi

keep() {
	cat >"$1"
}

# execute LOG CMD...: sets status.
execute() {
	execute_log=$1
	shift
	# The status takes a file around the pipe: sh has no pipefail.
	{ "$@" 2>&1 && echo 0 >"$tmp/status" || echo $? >"$tmp/status"; } | "$show" "$execute_log"
	status=$(cat "$tmp/status")
}

# judge NAME STATUS SECONDS
judge() {
	part_log=$logs/$1.log
	totals=$(tail -n 50 "$part_log" | grep -E '^[0-9]+ passed, [0-9]+ failed$' | tail -n 1)
	passed=${totals%% *}
	failed=${totals#*, }
	failed=${failed%% *}
	if test -z "$totals"; then
		# The cases before the crash still count.
		passed=$(grep -c '^ok ' "$part_log" || :)
		failed=$(($(grep -c '^not ok ' "$part_log" || :) + 1))
		echo "not ok $1: ended without totals (status $2)"
	elif test $((passed + failed)) = 0; then
		echo "not ok $1: counted nothing"
		failed=1
	elif test "$2" != 0 && test "$failed" = 0; then
		echo "not ok $1: status $2"
		failed=1
	fi
	echo "$passed $failed $3" >"$logs/$1.totals"
	# For scripts/test.sh --full, which resumes.
	test "$failed" != 0 || test -z "${LVBS_TEST_KEY:-}" || echo "$LVBS_TEST_KEY" >"$logs/$1.passed"
	echo "=== $1: $passed passed, $failed failed, $3 s"
}

# report NAME STATUS SECONDS: with the output lock held.
report() {
	test "$show" = tee || cat "$logs/$1.log"
	judge "$@"
}

now() {
	date +%s
}

run_part() {
	name=$1
	shift
	echo "$mark $name"
	rm -f "$logs/$name.totals"
	start=$(now)
	execute "$logs/$name.log" "$@"
	with_lock "$logs/.output" report "$name" "$status" $(($(now) - start))
}

# split OUT LOG: divides what the suites and the kernel printed among the suites: $tmp/NAME.out, $tmp/NAME.kernel,
# and in $tmp/ended "NAME STATUS SECONDS". Output before the first suite or after the last is the VM's.
split() {
	rm -f "$tmp"/*.out "$tmp"/*.kernel
	: >"$tmp/ended"
	awk -v dir="$tmp" '
		FNR == 1 { suffix = NR == 1 ? "out" : "kernel"; file = dir "/vm." suffix }
		{ sub(/\r$/, "") }
		/^(\[ *[0-9.]+\](\[ *[TC][0-9]+\])? )?### begin / { file = dir "/" $NF "." suffix }
		{ print >file }
		suffix == "out" && /^### end / { print $3, $4, $5 >(dir "/ended") }
		/^(\[ *[0-9.]+\](\[ *[TC][0-9]+\])? )?### end / { file = dir "/vm." suffix }
	' "$1" "$2"
}

# One VM for as many suites as it lasts. Sets left to those that have not run.
run_vm() {
	rm -f "$tmp/kernel.log"
	touch "$tmp/kernel.log"
	echo "$mark suites on $kernel:" "$@"
	start=$(now)
	execute "$tmp/all" env LVBS_VM_LOG="$tmp/kernel.log" LVBS_VM_TIMEOUT="${LVBS_VM_TIMEOUT:-$((300 * $#))}" \
		"$SCRIPTS/suite.sh" --together "$kernel" "$@"
	spent=$(($(now) - start))
	split "$tmp/all" "$tmp/kernel.log"
	blamed=
	left=
	for suite in "$@"; do
		part=suite_$suite-$kernel
		if ! test -f "$tmp/$suite.out"; then
			left="$left $suite"
			continue
		fi
		test ! -f "$tmp/$suite.kernel" || cp "$tmp/$suite.kernel" "$logs/$part.kernel.log"
		suite_status=$(awk -v suite="$suite" '$1 == suite { print $2 }' "$tmp/ended")
		seconds=$(awk -v suite="$suite" '$1 == suite { print $3 }' "$tmp/ended")
		grep -v '^### ' "$tmp/$suite.out" >"$logs/$part.log" || :
		if test -z "$suite_status"; then
			# The VM ended while this suite ran.
			suite_status=$status seconds=$spent
			cat "$tmp/vm.out" >>"$logs/$part.log" 2>/dev/null || :
		elif ! "$SCRIPTS/vm/splat.sh" "$tmp/$suite.kernel" >"$tmp/splat" 2>&1; then
			suite_status=125
			sed 's/^/    | /' "$tmp/splat" >>"$logs/$part.log"
		fi
		test "$suite_status" -lt 124 || blamed=y
		echo "$part $suite_status $seconds" >>"$tmp/judge"
	done
	test "$status" != 0 && test -z "$blamed" || return 0
	# The VM failed, and no suite is to blame: a leak, a taint, or it did not start.
	if ! test -s "$tmp/judge"; then
		cp "$tmp/all" "$logs/suite_$1-$kernel.log"
		echo "suite_$1-$kernel $status $spent" >"$tmp/judge"
		left=${left# "$1"}
	else
		# shellcheck disable=SC2046 # words
		set -- $(tail -n 1 "$tmp/judge")
		{
			echo "The VM failed after its last suite; any of its suites may be the cause:"
			cat "$tmp/vm.out"
		} >>"$logs/$1.log"
		sed -i "\$s/.*/$1 $status $3/" "$tmp/judge"
	fi
}

report_suites() {
	while read -r part suite_status seconds; do
		test "$show" = tee || echo "=== $part"
		report "$part" "$suite_status" "$seconds"
	done <"$tmp/judge"
}

run_suites() {
	kernel=$1
	shift
	for suite in "$@"; do
		rm -f "$logs/suite_$suite-$kernel.totals"
	done
	left=$*
	while test -n "$left"; do
		: >"$tmp/judge"
		# shellcheck disable=SC2086 # a list of names
		run_vm $left
		with_lock "$logs/.output" report_suites
	done
}

case $1 in
--suites)
	shift
	run_suites "$@"
	;;
*) run_part "$@" ;;
esac
