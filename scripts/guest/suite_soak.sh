# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# suite_soak.sh [WRITES]: live mode under load. In mode mediate, WRITES (default 100000) kernel text writes
# are carried out or passed on all CPUs; the kernel's text is the same afterwards.
#
# kernels: first
# full: others debug
# modules: heki_client
# shellcheck source=scripts/guest/lib.sh
. /lib.sh
# shellcheck source=scripts/guest/kernel.sh
. /kernel.sh
# shellcheck source=scripts/guest/heki.sh
. /heki.sh

wanted=${1:-100000}
T=/sys/kernel/tracing

live_writes() {
	awk '/^live_(refused|passed|unchecked|denied|memory)/ { next } /^live_/ { n += $2 } END { print n + 0 }' "$D/heki/verdicts"
}

# loop CPU CMD...: run CMD on that CPU until /tmp/stop exists.
loop() {
	loop_cpu=$1
	shift
	loop_mask=$((1 << loop_cpu))
	(
		taskset -p "$(printf %x $loop_mask)" "$(exec sh -c 'echo $PPID')" >/dev/null 2>&1
		n=0
		while [ ! -e /tmp/stop ]; do
			"$@" || echo "$*" >>/tmp/broken
			n=$((n + 1))
		done
		echo "$1: $n rounds"
	) &
	loops="$loops $!"
}
loops=

flip_sysctl() {
	echo 1 >/proc/sys/kernel/sched_schedstats && echo 0 >/proc/sys/kernel/sched_schedstats
}
flip_tracer() {
	echo function >"$T/current_tracer" && echo nop >"$T/current_tracer"
}
flip_module() {
	insmod /heki_client.ko early=1 && client key 0 && client key 1 && rmmod heki_client
}
flip_kprobe() {
	# The function may start with an ENDBR64.
	{ echo 'p:soak vfs_read+5' >"$T/kprobe_events" || echo 'p:soak vfs_read+9' >"$T/kprobe_events"; } 2>/dev/null &&
		echo 1 >"$T/events/kprobes/enable" && echo 0 >"$T/events/kprobes/enable" && echo >"$T/kprobe_events"
}
flip_events() {
	echo 1 >"$T/events/sched/enable" && echo 0 >"$T/events/sched/enable"
}

for workload in sysctl tracer module kprobe events; do
	t_ok "workload_$workload" flip_$workload
done
# In a short run, trace a few thousand functions only, so that several rounds fit.
[ "$wanted" -ge 1000000 ] || echo '*lock*' >"$T/set_ftrace_filter"
text_before=$(text_sum)
t_is "$(text_sum)" "$text_before" text_is_stable_while_idle

t_ok mediate put "$D/heki/live" mediate
lines=$(wc -l <"$D/heki/patches")
was=$(live_writes)
started=$(cut -d . -f 1 /proc/uptime)
loop 0 flip_sysctl
loop 1 flip_tracer
loop 0 flip_module
loop 1 flip_kprobe
loop 0 flip_events
while [ $(($(live_writes) - was)) -lt "$wanted" ] && [ ! -e /tmp/broken ]; do sleep 1; done
touch /tmp/stop
# shellcheck disable=SC2086 # words
wait $loops
writes=$(($(live_writes) - was))
echo "$writes writes in $(($(cut -d . -f 1 /proc/uptime) - started)) s"
grep . "$D/heki/verdicts"

t_is "$(cat /tmp/broken 2>/dev/null)" "" no_workload_failed
t_ok writes_reached test $writes -ge "$wanted"
t_ok site_writes_over_1_percent test "$(verdict live_jump_label)" -gt $((wanted / 100))
t_is "$(verdict refused) $(verdict live_refused)" "0 0" none_refused
t_is "$(verdict live_passed)" 0 none_passed
t_is "$(verdict accepted)" "$(verdict live_jump_label)" all_site_writes_accepted
for kind in ftrace static_call kprobe; do
	t_ok "${kind}_writes_seen" test "$(verdict live_$kind)" -gt 0
done
t_ok other_writes_below_1_percent test $(($(verdict live_unknown) * 100)) -lt $writes
t_is "$(wc -l <"$D/heki/patches")" "$lines" patch_map_unchanged
t_is "$(sed -n 's/^leaked: //p' "$D/phys/stats")" 0 no_mapping_leaked

t_ok off put "$D/heki/live" off
t_is "$(text_sum)" "$text_before" text_unchanged_after_off
t_ok mediate_again put "$D/heki/live" mediate
t_ok rmmod rmmod lvbs
t_ok reload insmod /lvbs.ko
t_is "$(text_sum)" "$text_before" text_unchanged_after_rmmod
t_done
