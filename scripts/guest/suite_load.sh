# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# suite_load.sh [CHANGES]: live mode while what patches text does so at the same time, with CHANGES changes of the
# mode (default 21). No write may be refused, and none may be unknown.
#
# In phases: in each, some of the workloads run until the mode was changed often enough and each of them has done a
# round. Over the phases all take their turns, with others each time. In each phase lvbs is unloaded and loaded once.
#
# With Debian's tools in /tools there are more workloads (suite_load_tools.sh). If the VM was booted with maxcpus=1, the
# other CPUs are started under load (suite_load_one_cpu.sh).
#
# kernels: first
# vm: --mem 1024
# stock: veth nft_ct nft_chain_nat nft_masq nft_limit nft_log
# stock: xfs overlay nfs vhost_net tun macvlan bridge vxlan bonding dummy ifb wireguard ip_tables
# stock: dm_mod dm_crypt loop nbd zram kvm sd_mod virtio_net virtio_blk tcp_bbr l2tp_core ip_gre ipip
# stock: sch_htb cls_bpf act_bpf 8021q squashfs isofs pktgen team
# modules: flipper patcher
# programs: bpf_users
# shellcheck source=scripts/guest/lib.sh
. /lib.sh
# shellcheck source=scripts/guest/kernel.sh
. /kernel.sh
# shellcheck source=scripts/guest/heki.sh
. /heki.sh

wanted=${1:-21}
T=/sys/kernel/tracing
CPUS=/sys/devices/system/cpu
G=/sys/fs/cgroup

uptime_s() { cut -d . -f 1 /proc/uptime; }
write_to() { echo "$2" >"$1"; }
# retry CMD...: until it succeeds, for a minute at least.
retry() {
	retries=600
	until "$@"; do
		retries=$((retries - 1))
		[ "$retries" -gt 0 ] || return
		usleep 100000
	done
}
# all FILE WORD...: writes each word.
all() {
	all_file=$1
	shift
	for all_word in "$@"; do echo "$all_word" >"$all_file" || return; done
}

#
# Workloads: one round each. A round may fail where another workload is in the way.
#
do_dyndbg() { all /sys/kernel/debug/dynamic_debug/control "${part:+file drivers/base/* }+p" "${part:+file drivers/base/* }-p"; }
do_events() {
	[ -n "$part" ] || all "$T/events/enable" 1 0 || return
	for system in sched irq timer; do all "$T/events/$system/enable" 1 0 || return; done
}
do_function() { all "$T/current_tracer" function nop; }
do_graph() { all "$T/current_tracer" function_graph nop; }
do_kprobes() {
	for at in $probes; do echo "p:load/p${at%%+*} $at" || return; done >>"$T/kprobe_events"
	for at in $probes; do echo "r:load/r${at%%+*} ${at%%+*}" || return; done >>"$T/kprobe_events"
	echo 1 >"$T/events/load/enable" || return
	retry grep -q OPTIMIZED /sys/kernel/debug/kprobes/list || return
	all /proc/sys/debug/kprobes-optimization 0 1
	all /sys/kernel/debug/kprobes/enabled 0 1
	echo 0 >"$T/events/load/enable" || return
	for at in $probes; do
		echo "-:load/p${at%%+*}"
		echo "-:load/r${at%%+*}"
	done >>"$T/kprobe_events"
}
do_perf() {
	perf stat -a -e sched:sched_switch -e 'irq:*' -e cpu-clock sleep 0.1 &&
		perf probe -q -a vfs_write && perf record -q -a -o /tmp/perf.data -e probe:vfs_write sleep 0.1 &&
		perf probe -q -d vfs_write && perf trace -a -o /dev/null sleep 0.1
}
do_bpftrace() {
	bpftrace -e '
		kprobe:vfs_read { @a = count(); } kretprobe:vfs_read { @b = count(); }
		kfunc:vfs_write { @c = count(); } kretfunc:vfs_write { @d = count(); }
		tracepoint:sched:sched_switch { @e = count(); } interval:ms:100 { exit(); }'
}
do_bpf() { /bpf_users load0 "$G/load"; }
do_veth() {
	ip link add load1 type veth && ip addr add 10.7.7.1/24 dev load1 && ip link set load1 up && ip link del load1
}
do_nft() {
	nft add table inet load
	nft -f /tmp/load.nft
	ping -c 1 -W 1 127.0.0.1
	nft flush ruleset
}
do_livepatch() {
	insmod /patcher.ko || return
	retry grep -q patched /proc/cmdline || return
	# Refused while the patch is still being applied.
	retry write_to /sys/kernel/livepatch/patcher/enabled 0
	retry rmmod patcher
}
do_modules() {
	modules_loaded=
	for module in $(echo "$stock" | head -n "$((${#part} ? 25 : 1000))"); do
		insmod "/stock/$module.ko" && modules_loaded="$module $modules_loaded"
	done
	for module in $modules_loaded; do
		retry rmmod "$module" || return
	done
	# shellcheck disable=SC2086 # words
	set -- $modules_loaded
	[ $# -ge 20 ]
}
do_flipper() { insmod /flipper.ko && sleep 1 && retry rmmod flipper; }
do_hotplug() {
	for cpu in "$CPUS"/cpu[1-9]*; do
		echo 0 >"$cpu/online"
		echo 1 >"$cpu/online" || return
	done
}
do_preempt() {
	# Each writes thousands of static calls.
	if [ -n "$part" ]; then
		all /sys/kernel/debug/sched/preempt full "$preempt"
		return
	fi
	# shellcheck disable=SC2046 # words
	all /sys/kernel/debug/sched/preempt $(tr -d '()' </tmp/preempt) "$preempt"
}
do_features() {
	# shellcheck disable=SC2013 # words
	for feature in $(cat /tmp/features); do
		case $feature in
		NO_*) all /sys/kernel/debug/sched/features "${feature#NO_}" "$feature" || return ;;
		*) all /sys/kernel/debug/sched/features "NO_$feature" "$feature" || return ;;
		esac
	done
}
do_cgroups() {
	mkdir "$G/load/a" || return
	# This process, not $$.
	echo 0 >"$G/load/a/cgroup.procs"
	all "$G/load/a/cpu.max" "10000 100000" max
	all "$G/load/a/cgroup.pressure" 0 1
	all "$G/load/a/memory.max" 100M max
	all "$G/load/a/cgroup.freeze" 0
	[ -z "$tools" ] || perf stat -a -G load/a -e cpu-clock sleep 0.1
	echo 0 >"$G/cgroup.procs"
	rmdir "$G/load/a"
}
do_sysctl() {
	all /proc/sys/kernel/sched_schedstats 1 0 && all /proc/sys/kernel/bpf_stats_enabled 1 0 &&
		all /proc/sys/kernel/task_delayacct 1 0
}
workloads="cgroups dyndbg events function graph kprobes bpf veth livepatch modules flipper preempt features sysctl"
tools=
[ ! -d /tools ] || tools=y
[ -z "$tools" ] || workloads="$workloads perf bpftrace nft"
one_cpu=y
[ "$(nproc)" = 1 ] || one_cpu=
[ -n "$one_cpu" ] || workloads="$workloads hotplug"

#
# Environment.
#
# Debug messages stay off the console. Everything is slow here: a real lockup is still reported, or ends the VM.
echo N >/sys/module/printk/parameters/ignore_loglevel
dmesg -n 7
echo 60 >/proc/sys/kernel/watchdog_thresh
echo 300 >/sys/module/rcupdate/parameters/rcu_cpu_stall_timeout
echo 0 >/proc/sys/kernel/hung_task_timeout_secs
echo 64 >"$T/buffer_size_kb"
# Where it is switched on, tracing shall not spend the time.
echo 0 >"$T/tracing_on"
mount -t cgroup2 cgroup2 "$G"
mkdir "$G/load"
for controller in cpu memory io cpuset; do
	echo +$controller >"$G/cgroup.subtree_control"
	echo +$controller >"$G/load/cgroup.subtree_control"
done
# shellcheck disable=SC2013 # words
for module in $(sed '/^xfs$/,$d' /stock/order); do insmod "/stock/$module.ko"; done
stock=$(cut -d ' ' -f 1 /proc/modules | awk 'NR == FNR { loaded[$1]; next } !($1 in loaded)' - /stock/order)
ip link set lo up
ip link add load0 type veth
cat >/tmp/load.nft <<'END'
table inet load {
	chain in {
		type filter hook input priority 0
		ct state established counter accept
		limit rate 10/second counter
	}
}
table ip load_nat {
	chain out {
		type nat hook postrouting priority 100
		masquerade
	}
}
table netdev load_dev {
	chain ingress {
		type filter hook ingress device "load0" priority 0
		counter
	}
}
END
cat /sys/kernel/debug/sched/preempt >/tmp/preempt
preempt=$(sed 's/.*(\(.*\)).*/\1/' /tmp/preempt)
# Those that warn report what is no error.
tr ' ' '\n' </sys/kernel/debug/sched/features | grep -v WARN >/tmp/features
# After the tracer's call, where a probe can be optimised, and on it. A landing pad of 4 bytes may come first.
probes=$(for function in vfs_open vfs_statx vfs_llseek vfs_getattr vfs_fsync do_sys_openat2 kernel_read; do
	for offset in 5 9; do
		echo "p:load/try $function+$offset" >>"$T/kprobe_events" || continue
		echo "$function+$offset"
		echo "-:load/try" >>"$T/kprobe_events"
		break
	done 2>/dev/null
done)

#
# What is checked.
#
# verified WHEN: heki/verify knows everything.
verified() {
	cat "$D/heki/verify" >/tmp/verify || echo "$1: heki/verify failed" >>/tmp/broken
	grep -q '^unknown: 0$' /tmp/verify || { echo "$1:" && grep ' unknown$' /tmp/verify; } >>/tmp/broken
	verifications=$((verifications + 1))
}
verifications=0
# unharmed WHEN: nothing was refused.
unharmed() {
	for key in refused live_refused live_unknown live_passed live_unchecked live_denied; do
		[ "$(verdict $key)" = 0 ] || echo "$1: $key $(verdict $key)" >>/tmp/broken
	done
}
# all_whole WHEN: nothing was left half written. The mode is off.
all_whole() {
	[ "$(verdict accepted_guard_fits) $(verdict accepted_tail_fits)" = \
		"$(verdict accepted_head_fits) $(verdict accepted_head_fits)" ] ||
		{ echo "$1: half written:" && grep accepted_ "$D/heki/verdicts"; } >>/tmp/broken
}
# change MODE
change() {
	until put "$D/heki/live" "$1" 2>/tmp/why; do
		busy=$((busy + 1))
		if [ "$1" = off ] || ! grep -q busy /tmp/why || [ $busy = 100 ]; then
			echo "live mode $1: $(cat /tmp/why)" >>/tmp/broken
			return
		fi
	done
}
busy=0
# reload WHEN: in whatever mode.
reload() {
	while unharmed "$1" && cp "$D/heki/verdicts" /tmp/verdicts && ! rmmod lvbs 2>/tmp/why; do
		grep -q 'temporarily unavailable' /tmp/why || { echo "rmmod: $(cat /tmp/why)" >>/tmp/broken && return; }
	done
	cat /tmp/verdicts >>/tmp/counts
	insmod /lvbs.ko || echo "lvbs did not load again" >>/tmp/broken
	reloads=$((reloads + 1))
}
reloads=0

# loop NAME: do_NAME until /tmp/stop exists and it did a round; adds the number of rounds to /tmp/rounds.
loop() {
	loop_did=0 loop_failed=0
	while [ ! -e /tmp/stop ]; do
		if "do_$1" >"/tmp/out_$1" 2>&1; then
			loop_did=$((loop_did + 1))
			touch "/tmp/did_$1"
			usleep 200000
			continue
		fi
		# Another workload may be in the way.
		loop_failed=$((loop_failed + 1))
		if [ $loop_did = 0 ] && [ $loop_failed = 100 ]; then
			echo "$1 keeps failing: $(tail -n 5 "/tmp/out_$1")" >>/tmp/broken
			return
		fi
		usleep 10000
	done
	echo "$1 $loop_did $loop_failed" >>/tmp/rounds
}

# all_did: did each workload of this phase a round?
all_did() {
	for workload in $subset; do
		[ -e "/tmp/did_$workload" ] || return
	done
}

# turns: prints what runs in each phase, $together workloads at a time, each cycle in another order.
turns() {
	echo "$workloads" | awk -v phases=$phases -v together=$together '{
		for (phase = 1; phase <= phases; phase++) {
			line = ""
			for (i = 0; i < together && i < NF; i++) {
				if (!left) { for (j = 1; j <= NF; j++) name[j] = $j; left = NF }
				at = 1 + (phase * 7 + i * 5 + int(phase / 3)) % left
				line = line " " name[at]
				name[at] = name[left--]
			}
			print line
		}
	}'
}

# start_cpus: starts those that are missing.
start_cpus() {
	for cpu in "$CPUS"/cpu[1-9]*; do write_to "$cpu/online" 1 || return; done
}

# phase NUMBER: with the workloads $subset.
phase() {
	rm -f /tmp/stop /tmp/did_*
	loops=
	for workload in $subset; do
		loop "$workload" &
		loops="$loops $!"
	done
	step=0
	while [ $step -lt $per_phase ] && [ ! -e /tmp/broken ]; do
		step=$((step + 1))
		at="phase $1, change $step"
		case $((step % 4)) in
		1 | 3) change mediate ;;
		2) change audit ;;
		0) change off && all_whole "$at" ;;
		esac
		unharmed "$at"
		[ $((step % 9)) != 3 ] || verified "$at"
		# In odd phases while the mode is on.
		[ $step != $((4 + $1 % 2)) ] || reload "$at"
		[ -z "$one_cpu" ] || [ "$1 $step" != "1 3" ] || start_cpus || echo "a CPU did not start" >>/tmp/broken
		# Modes last differently long.
		usleep $(((changes + step) * 77777 % 500000))
	done
	change mediate
	until all_did || [ -e /tmp/broken ]; do usleep 100000; done
	verified "end of phase $1"
	touch /tmp/stop
	# shellcheck disable=SC2086 # words
	wait $loops
	verified "after phase $1"
	change off
	unharmed "after phase $1"
	all_whole "after phase $1"
	changes=$((changes + step))
	echo "phase $1:$subset: $step changes, $(uptime_s) s"
}

#
# The first round of a workload may change text permanently, so it precedes the checksum.
#
# Some functions, events and messages only: each that is switched stops all CPUs.
part=y
echo '*lock*' >"$T/set_ftrace_filter"
if [ -n "$one_cpu" ]; then
	# While there is one CPU, the kernel switches the lock prefixes of a module before anybody is notified.
	change mediate
	t_ok module_on_one_cpu do_modules
	t_ok locks_of_modules_switched test "$(verdict live_alternative)" -gt 100
	unharmed "one CPU"
	for module in $(echo "$stock" | head -n 5); do insmod "/stock/$module.ko"; done
	verified "one CPU"
	change off
else
	for workload in $workloads; do
		t_ok "workload_$workload" "do_$workload"
	done
	echo "first rounds: $(uptime_s) s"
	# All functions, events and messages, one workload at a time.
	if [ "$wanted" -gt 100 ]; then
		change mediate
		part=
		echo >"$T/set_ftrace_filter"
		for workload in $workloads; do
			t_ok "all_of_$workload" "do_$workload"
			unharmed "all of $workload"
			verified "all of $workload"
		done
		change off
		all_whole "all of each"
	fi
fi
part=y
echo '*lock*' >"$T/set_ftrace_filter"
# What was removed may still have its keys for a while.
text_before=
until [ "$(text_sum)" = "$text_before" ]; do
	text_before=$(text_sum)
	verified idle
	sleep 3
done
echo "idle: $(uptime_s) s"

together=5
per_phase=7
[ "$wanted" -le 100 ] || per_phase=20
phases=$(((wanted + per_phase - 1) / per_phase))
# At least one turn for each workload.
# shellcheck disable=SC2086 # words
set -- $workloads
[ $phases -ge $((($# + together - 1) / together)) ] || phases=$((($# + together - 1) / together))
changes=0
number=0
turns >/tmp/turns
while read -r subset; do
	number=$((number + 1))
	phase $number </dev/null
	[ ! -e /tmp/broken ] || break
done </tmp/turns
cat "$D/heki/verdicts" >>/tmp/counts
echo "$changes changes of the mode ($busy more were busy), $reloads reloads, $verifications verifications"
awk '/^(live_|accepted)/ { n[$1] += $2 } END { for (key in n) if (n[key]) print key, n[key] }' /tmp/counts |
	grep -v memory | sort
awk '{ did[$1] += $2; failed[$1] += $3 } END { for (i in did) print i ": " did[i] " rounds, " failed[i] " failed" }' \
	/tmp/rounds | sort

t_is "$(cat /tmp/broken 2>/dev/null)" "" nothing_refused_or_unknown
t_ok mode_was_changed_often test $changes -ge "$wanted"
t_ok reloaded_often test $reloads -ge $phases
# total KIND
total() { awk -v key="live_$1:" '$1 == key { n += $2 } END { print n + 0 }' /tmp/counts; }
for kind in jump_label static_call ftrace kprobe optprobe bpf vtl1; do
	t_ok "${kind}_writes_seen" test "$(total $kind)" -gt 0
done
echo >"$T/set_ftrace_filter"
if [ -n "$one_cpu" ]; then
	t_ok locks_switched test "$(total alternative)" -gt 1000
else
	# Keys that are switched off after some time.
	left=300
	until [ "$(text_sum)" = "$text_before" ] || [ $left = 0 ]; do
		left=$((left - 1))
		sleep 1
	done
	verified restored
	t_is "$(text_sum)" "$text_before" text_restored
fi
t_ok rmmod rmmod lvbs
t_ok reload insmod /lvbs.ko
verified reloaded
t_is "$(cat /tmp/broken 2>/dev/null)" "" nothing_unknown_after_reload
t_done
