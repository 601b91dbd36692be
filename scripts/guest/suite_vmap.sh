# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Runs other suites with windows=0: vmap() maps single accesses as well, as on other architectures.
#
# kernels: none
# full: stock debug
# suites: phys heki ring
# shellcheck source=scripts/guest/lib.sh
. /lib.sh

# Not in /tmp, which is emptied for each suite.
out=/vmap.out
export LVBS_PARAMS=windows=0

# inner NAME: run a suite in a session of its own, and add its totals to those of this one.
inner() {
	echo "windows=0: suite $1"
	{
		setsid sh "/suite_$1.sh" &
		inner_status=0
		wait $! || inner_status=$?
		kill -9 -- -$! 2>/dev/null || :
		echo $inner_status >$out.status
	} 2>&1 | tee $out
	inner_status=$(cat $out.status)
	inner_totals=$(tail -n 1 $out | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p')
	if [ -z "$inner_totals" ]; then
		t_fail "$1_ends_with_totals" "status $inner_status"
		# The cases before the crash still count.
		inner_totals="$(grep -c '^ok ' $out) $(grep -c '^not ok ' $out)"
	elif [ "$inner_status" != 0 ] && [ "${inner_totals#* }" = 0 ]; then
		t_fail "$1_exits_with_0" "status $inner_status"
	fi
	t_passed=$((t_passed + ${inner_totals% *}))
	t_failed=$((t_failed + ${inner_totals#* }))
}

for suite in phys heki ring; do
	t_ok "load_for_$suite" fresh_module
	t_is "$(cat /sys/module/lvbs/parameters/windows)" N "no_windows_before_$suite"
	inner "$suite"
	# The suite has reloaded the module.
	t_is "$(cat /sys/module/lvbs/parameters/windows)" N "no_windows_after_$suite"
done
t_done
