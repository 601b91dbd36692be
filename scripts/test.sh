#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# test.sh [--full] [PART...]   everything that must hold; the last line is "N passed, N failed"
#
# Each part prints its cases and, last, its own totals; a part without totals has crashed, and one
# that counted nothing is a failure too. Logs: build/test/PART.log
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$ROOT"

full=
if test "${1:-}" = --full; then
	full=y
	shift
fi
wanted=" $* "
logs=$BUILD/test
mkdir -p "$logs"
passed=0
failed=0
total_start=$(date +%s)

# part NAME CMD...
part() {
	part_name=$1
	shift
	test "$wanted" = "  " || case $wanted in *" $part_name "*) ;; *) return 0 ;; esac
	echo "=== $part_name"
	part_start=$(date +%s)
	part_log=$logs/$part_name.log
	# The status has to come round the pipe: sh has no pipefail.
	{ "$@" 2>&1 && echo 0 >"$part_log.status" || echo $? >"$part_log.status"; } | tee "$part_log"
	part_status=$(cat "$part_log.status")
	rm "$part_log.status"
	totals=$(tail -n 50 "$part_log" | grep -E '^[0-9]+ passed, [0-9]+ failed$' | tail -n 1)
	part_passed=${totals%% *}
	part_failed=${totals#*, }
	part_failed=${part_failed%% *}
	if test -z "$totals"; then
		# What it said before it broke off still counts.
		part_passed=$(grep -c '^ok ' "$part_log" || :)
		part_failed=$(grep -c '^not ok ' "$part_log" || :)
		echo "not ok $part_name: ended without totals (status $part_status)"
		part_failed=$((part_failed + 1))
	elif test $((part_passed + part_failed)) = 0; then
		echo "not ok $part_name: counted nothing"
		part_failed=1
	elif test "$part_status" != 0 && test "$part_failed" = 0; then
		echo "not ok $part_name: status $part_status"
		part_failed=1
	fi
	passed=$((passed + part_passed))
	failed=$((failed + part_failed))
	echo "=== $part_name: $part_passed passed, $part_failed failed, $(($(date +%s) - part_start)) s"
}

# cases FUNCTION...: a part made of single checks, each a function that succeeds or not.
cases() {
	cases_passed=0
	cases_failed=0
	for case_name in "$@"; do
		if "$case_name"; then
			cases_passed=$((cases_passed + 1))
			echo "ok $case_name"
		else
			cases_failed=$((cases_failed + 1))
			echo "not ok $case_name"
		fi
	done
	echo "$cases_passed passed, $cases_failed failed"
	test $cases_failed = 0
}

build_6_1() { "$SCRIPTS/build.sh" --kernel 6.1; }
build_6_12() { "$SCRIPTS/build.sh" --kernel 6.12; }

# Comments in a suite say what it needs: "# kernels: 6.1 6.12" (default 6.1), "# vm: --smp 4",
# "# modules: NAME" (of scripts/guest/modules).
suite_says() {
	sed -n "s/^# $1: //p" "$2"
}

# suite FILE KERNEL [ARG...]
suite() {
	suite_file=$1
	suite_kernel=$2
	shift 2
	# shellcheck disable=SC2046 # words
	set -- $(suite_says vm "$suite_file") "$suite_file" "$@"
	for module in $(suite_says modules "$suite_file"); do
		set -- --add "$("$SCRIPTS/build.sh" --kernel "$suite_kernel" --module "$module")" "$@"
	done
	LVBS_VM_LOG=$logs/$(basename "$suite_file" .sh)-$suite_kernel.kernel.log \
		"$SCRIPTS/vm.sh" --kernel "$suite_kernel" "$@"
}

suites() {
	for file in "$SCRIPTS"/guest/suite_*.sh; do
		kernels=$(suite_says kernels "$file")
		for kernel in ${kernels:-6.1}; do
			part "$(basename "$file" .sh)-$kernel" suite "$file" "$kernel"
		done
	done
}

"$SCRIPTS/packages.sh" build vm kunit lint dkms
part lint "$SCRIPTS/lint.sh"
part build cases build_6_1 build_6_12
part compile_fail "$SCRIPTS/compile_fail.sh"
part dkms "$SCRIPTS/dkms-test.sh"
part splat "$SCRIPTS/splat-test.sh"
part vm "$SCRIPTS/vm-test.sh"
suites
part panic "$SCRIPTS/panic-test.sh"
part kunit-um "$SCRIPTS/kunit.sh" --arch um --log "$logs/kunit-um.kernel.log"
part kunit-x86_64 "$SCRIPTS/kunit.sh" --arch x86_64 --log "$logs/kunit-x86_64.kernel.log"
if test -n "$full" && test -f "$SCRIPTS/test-full.sh"; then
	# shellcheck source=/dev/null # its parts use the functions above
	. "$SCRIPTS/test-full.sh"
fi

echo "=== all: $(($(date +%s) - total_start)) s"
if test $((passed + failed)) = 0; then
	echo "not ok: no part of that name"
	failed=1
fi
echo "$passed passed, $failed failed"
test $failed = 0
