# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# The unit tests as a module, lvbs_kunit.ko. Each suite must have run, pass, and say the same in debugfs and in the
# kernel's log.
#
# kernels: none
# full: debug
# vm: --append log_buf_len=8M --mem 1024
# kunit: module
# shellcheck source=scripts/guest/lib.sh
. /lib.sh

results=/sys/kernel/debug/kunit
log=/tmp/log

refused() { ! "$@"; }

# totals FILE: of a suite: "PASSED FAILED SKIPPED".
totals() {
	sed -n 's/.*# Totals: pass:\([0-9]*\) fail:\([0-9]*\) skip:\([0-9]*\) .*/\1 \2 \3/p' "$1"
}

# of_suite NAME: its part of the log.
of_suite() {
	awk -v name="$1" '
		/# Subtest: / && $NF == name { on = 1 }
		on { print }
		on && NF > 2 && $(NF - 2) == "ok" && $NF == name { exit }' "$log"
}

# check_suite NAME: sets suite_totals.
check_suite() {
	suite_totals=
	[ -e "$results/$1/results" ] || { echo "it did not run"; return 1; }
	suite_totals=$(totals "$results/$1/results")
	of_suite "$1" >/tmp/suite_log
	echo "passed, failed, skipped: $suite_totals"
	grep -E '(^| )not ok ' /tmp/suite_log
	grep '# SKIP' /tmp/suite_log
	tail -n 1 "$results/$1/results" | grep -q -x "ok 1 $1" || { echo "it failed"; return 1; }
	[ "$(totals /tmp/suite_log)" = "$suite_totals" ] ||
		{ echo "the log says: $(totals /tmp/suite_log)"; return 1; }
	# shellcheck disable=SC2086 # three numbers
	set -- $suite_totals
	[ "${1:-0}" -gt 0 ] && [ "$2" = 0 ]
}

[ ! -e /kunit/kunit.ko ] || t_ok insmod_kunit insmod /kunit/kunit.ko
# The totals also of a suite with one case.
t_ok totals_are_printed put /sys/module/kunit/parameters/stats_enabled 2
# lvbs_kunit.ko has all of lvbs.ko.
t_ok not_beside_lvbs refused insmod /kunit/lvbs_kunit.ko
t_ok rmmod_lvbs rmmod lvbs
t_ok insmod_lvbs_kunit insmod /kunit/lvbs_kunit.ko
dmesg >$log

ok=0 not_ok=0 skipped=0
while read -r suite; do
	t_ok "$suite" check_suite "$suite"
	# shellcheck disable=SC2086 # three numbers
	set -- ${suite_totals:-0 0 0}
	ok=$((ok + $1)) not_ok=$((not_ok + $2)) skipped=$((skipped + $3))
done </kunit/suites
echo "$ok cases ok, $not_ok not ok, $skipped skipped"
t_ok cases_ran test $ok -gt 0
t_is "$(cd $results && echo lvbs_* | tr ' ' '\n' | sort)" "$(cat /kunit/suites)" all_suites_and_no_others

t_ok rmmod_lvbs_kunit rmmod lvbs_kunit
t_is "$(ls $results)" "" results_are_removed
t_ok lvbs_loads_again insmod /lvbs.ko
t_done
