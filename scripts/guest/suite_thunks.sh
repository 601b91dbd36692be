# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# heki/live on a CPU whose kernel counts calls (retbleed=stuff): call thunks in the padding before functions.
#
# kernels: others
# full: next
# vm: --mem 1024 --cpu Skylake-Client --append spectre_v2=retpoline --append retbleed=stuff
# stock: wireguard nft_ct nfs
# shellcheck source=scripts/guest/lib.sh
. /lib.sh
# shellcheck source=scripts/guest/kernel.sh
. /kernel.sh
# shellcheck source=scripts/guest/heki.sh
. /heki.sh

T=/sys/kernel/tracing

write_to() { echo "$2" >"$1"; }
# verified NAME: nothing is unknown.
verified() {
	cat "$D/heki/verify" >/tmp/verify
	t_is "$(awk '$1 == "unknown:" { print $2 }' /tmp/verify)" 0 "$1"
}

t_is "$(cat /sys/devices/system/cpu/vulnerabilities/retbleed)" "Mitigation: Stuffing" kernel_counts_calls
verified idle
t_ok mediate put "$D/heki/live" mediate
# The functions that a module calls, and the ones it has, get thunks while it is loaded.
loaded=0
# shellcheck disable=SC2013 # words
for module in $(cut -d ' ' -f 1 /stock/order); do insmod "/stock/$module.ko" && loaded=$((loaded + 1)); done
t_ok modules_loaded test $loaded -gt 10
t_ok thunks_written test "$(verdict live_call_thunk)" -gt 100
for tracer in function function_graph nop; do t_ok "tracer_$tracer" write_to $T/current_tracer $tracer; done
t_is "$(verdict live_refused) $(verdict live_unknown)" "0 0" nothing_refused
verified after_load
t_ok thunks_verified test "$(awk '$1 == "call_thunk:" { print $2 }' /tmp/verify)" -gt 100
t_ok off put "$D/heki/live" off
t_done
