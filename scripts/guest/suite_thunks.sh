# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# heki/live on a kernel that keeps track of the depth of calls: functions are preceded by call thunks, and calls of
# functions call these.
#
# kernels: none
# full: others next
# vm: --cpu Skylake-Client-v1 --append retbleed=stuff
# modules: attacker heki_client
# shellcheck source=scripts/guest/lib.sh
. /lib.sh
# shellcheck source=scripts/guest/kernel.sh
. /kernel.sh
# shellcheck source=scripts/guest/heki.sh
. /heki.sh

T=/sys/kernel/tracing
LIVE=$D/heki/live

live() { put "$LIVE" "$1"; }
add() { printf 0x%x $(($1 + $2)); }
# total KEY: of heki/verify.
total() { awk -v key="$1:" '$1 == key { print $2 }' "$D/heki/verify"; }

workload() {
	for words in 'events/enable 1' 'events/enable 0' 'current_tracer function' 'current_tracer nop'; do
		echo "${words#* }" >"$T/${words% *}"
	done
	insmod /heki_client.ko
	put $C/command key 1
	put $C/command key 0
	rmmod heki_client
}

t_is "$(cat /sys/devices/system/cpu/vulnerabilities/retbleed)" "Mitigation: Stuffing" calls_are_tracked
for mode in audit mediate; do
	t_ok $mode live $mode
	since
	workload
	for kind in static_call ftrace jump_label; do
		t_ok "${mode}_$kind" test "$(grown live_$kind)" -gt 20
	done
	t_is "$(grown live_refused) $(grown live_unknown) $(grown live_passed)" "0 0 0" ${mode}_nothing_refused
	t_is "$(total unknown)" 0 ${mode}_nothing_unknown
done
t_ok thunks_written test "$(verdict live_call_thunk)" -gt 0
t_ok thunks_verified test "$(total call_thunk)" -gt 0

# The padding of a function that has no thunk yet, and bytes that are a thunk elsewhere.
insmod /attacker.ko
va=$(awk '$NF == "call_thunk" { print $1; exit }' "$D/heki/verify")
thunk=$(kcore_read "$va" 9)
for case in "itself_one_byte_early $(add "$va" -1) $thunk" "in_a_function $(add "$(sym vfs_fsync)" 32) $thunk" \
	"another_offset $va $(echo "$thunk" | sed 's/^\(........\)../\1ff/')" "nops $va 909090909090909090"; do
	# shellcheck disable=SC2086 # words
	set -- $case
	now=$(kcore_read "$2" 9)
	since
	echo "$2 $3 plain" >/sys/kernel/debug/attacker/write
	t_is "$(grown live_refused) $(kcore_read "$2" 9)" "1 $now" "$1: refused"
done
since
echo "$va $thunk plain" >/sys/kernel/debug/attacker/write
t_is "$(grown live_refused) $(grown live_call_thunk)" "0 1" thunk_again_accepted
rmmod attacker
t_ok off live off
t_done
