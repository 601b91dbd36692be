# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# suite_soak.sh [WRITES]: that many kernel text writes carried out or passed in mediate, on all CPUs at
# once, and the text is what it was.
#
# kernels: 6.1 6.12
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
	awk '/^live_(refused|missed)/ { next } /^live_/ { n += $2 } END { print n + 0 }' "$D/heki/verdicts"
}

# loop CPU CMD...: over and over, until /tmp/stop is there.
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
	# With or without a landing pad in front.
	{ echo 'p:soak vfs_read+5' >"$T/kprobe_events" || echo 'p:soak vfs_read+9' >"$T/kprobe_events"; } 2>/dev/null &&
		echo 1 >"$T/events/kprobes/enable" && echo 0 >"$T/events/kprobes/enable" && echo >"$T/kprobe_events"
}
flip_events() {
	echo 1 >"$T/events/sched/enable" && echo 0 >"$T/events/sched/enable"
}

for workload in sysctl tracer module kprobe events; do
	t_ok "workload_$workload" flip_$workload
done
# In a short run a few thousand functions at a time, so that more than one round fits in.
[ "$wanted" -ge 1000000 ] || echo '*lock*' >"$T/set_ftrace_filter"
text_before=$(text_sum)
t_is "$(text_sum)" "$text_before" text_holds_still

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

t_is "$(cat /tmp/broken 2>/dev/null)" "" each_round_succeeded
t_ok enough_writes test $writes -ge "$wanted"
t_ok sites_were_among_them test "$(verdict live_site)" -gt $((wanted / 100))
t_is "$(verdict refused) $(verdict live_refused)" "0 0" none_refused
t_is "$(verdict live_missed)" 0 none_missed
t_is "$(verdict accepted)" "$(verdict live_site)" each_site_write_accepted
for kind in ftrace static_call kprobe; do
	t_ok "${kind}_was_among_them" test "$(verdict live_$kind)" -gt 0
done
t_ok other_below_1_percent test $(($(verdict live_other) * 100)) -lt $writes
t_is "$(wc -l <"$D/heki/patches")" "$lines" sites_as_before
t_is "$(sed -n 's/^leaked: //p' "$D/phys/stats")" 0 nothing_leaked

t_ok off put "$D/heki/live" off
t_is "$(text_sum)" "$text_before" text_is_what_it_was
t_ok mediate_once_more put "$D/heki/live" mediate
t_ok rmmod rmmod lvbs
t_ok insmod_again insmod /lvbs.ko
t_is "$(text_sum)" "$text_before" text_is_what_it_was_after_rmmod
t_done
