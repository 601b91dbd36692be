# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# suite_load.sh [SECONDS [SWITCHES]]: live mode while everything that patches text does so at the same time, for
# SECONDS (default 10), with SWITCHES changes of the mode (default 20), and until each workload was done once. No
# write may be refused, and none may be unknown. Where the VM was booted with maxcpus=1, the other CPUs are started
# under load.
#
# kernels: none
# vm: --mem 1536
# tools: debian
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

seconds=${1:-10}
wanted=${2:-20}
T=/sys/kernel/tracing
CPUS=/sys/devices/system/cpu
G=/sys/fs/cgroup
PATH=/bin:/tools/bin

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
do_dyndbg() { all /sys/kernel/debug/dynamic_debug/control +p -p; }
do_events() { all "$T/events/enable" 1 0; }
do_function() { all "$T/current_tracer" function nop; }
do_graph() { all "$T/current_tracer" function_graph nop; }
do_kprobes() {
	for at in $probes; do echo "p:load/p${at%%+*} $at" || return; done >>"$T/kprobe_events"
	for at in $probes; do echo "r:load/r${at%%+*} ${at%%+*}" || return; done >>"$T/kprobe_events"
	echo 1 >"$T/events/load/enable" || return
	# Optimised after a while.
	sleep 1
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
do_xdp() {
	ip link add load2 type veth peer name load3 && ip addr add 10.7.7.1/24 dev load2 && ip link set load2 up &&
		ip link del load2
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
	for module in $stock; do
		insmod "/stock/$module.ko" && modules_loaded="$module $modules_loaded"
	done
	for module in $modules_loaded; do
		retry rmmod "$module" || return
	done
	# shellcheck disable=SC2086 # words
	set -- $modules_loaded
	[ $# -ge 30 ]
}
do_flipper() { insmod /flipper.ko && sleep 1 && retry rmmod flipper; }
do_hotplug() {
	for cpu in "$CPUS"/cpu[1-9]*; do
		echo 0 >"$cpu/online"
		echo 1 >"$cpu/online" || return
	done
}
do_preempt() {
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
	echo $$ >"$G/load/a/cgroup.procs"
	all "$G/load/a/cpu.max" "10000 100000" max
	all "$G/load/a/cgroup.pressure" 0 1
	all "$G/load/a/memory.max" 100M max
	all "$G/load/a/cgroup.freeze" 0
	perf stat -a -G load/a -e cpu-clock sleep 0.1
	echo $$ >"$G/cgroup.procs"
	rmdir "$G/load/a"
}
do_sysctl() {
	all /proc/sys/kernel/sched_schedstats 1 0 && all /proc/sys/kernel/bpf_stats_enabled 1 0 &&
		all /proc/sys/kernel/task_delayacct 1 0
}
workloads="dyndbg events function graph kprobes perf bpftrace bpf xdp nft livepatch modules flipper hotplug preempt features
	cgroups sysctl"

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
for controller in cpu memory io cpuset; do echo +$controller >"$G/cgroup.subtree_control"; done
# shellcheck disable=SC2013 # words
for module in $(sed '/^xfs$/,$d' /stock/order); do insmod "/stock/$module.ko"; done
stock=$(cut -d ' ' -f 1 /proc/modules | awk 'NR == FNR { loaded[$1]; next } !($1 in loaded)' - /stock/order)
ip link set lo up
ip link add load0 type veth peer name load1
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
# After the tracer's call, where a probe can be optimised, and on it.
probes=$(for function in vfs_open vfs_statx vfs_llseek vfs_getattr vfs_fsync do_sys_openat2 kernel_read; do
	grep -q " $function\$" /proc/kallsyms || continue
	echo "$function+$(($(kcore_read "$(sym $function)" 4 | grep -c f30f1efa) * 4 + 5))"
done)
one_cpu=
[ "$(nproc)" != 1 ] || one_cpu=y

#
# What is checked.
#
# deviations: those of the kernel's own text.
deviations() { sed '/^0x/!d; /\[/d; s/ unknown$/& !/' /tmp/verify; }
# verified WHEN: heki/verify knows everything.
verified() {
	cat "$D/heki/verify" >/tmp/verify || echo "$1: heki/verify failed" >>/tmp/broken
	grep -q '^unknown: 0$' /tmp/verify || { echo "$1:" && grep ' unknown$' /tmp/verify; } >>/tmp/broken
	verifications=$((verifications + 1))
}
verifications=0
# counted WHEN: adds the counters to /tmp/counts, and checks them. Nothing is being written: the mode is off.
counted() {
	cat "$D/heki/verdicts" >>/tmp/counts
	for key in refused live_refused live_unknown live_passed live_unchecked live_denied; do
		[ "$(verdict $key)" = 0 ] || echo "$1: $key $(verdict $key)" >>/tmp/broken
	done
	[ "$(verdict accepted_guard_fits) $(verdict accepted_tail_fits)" = \
		"$(verdict accepted_head_fits) $(verdict accepted_head_fits)" ] ||
		{ echo "$1: half written:" && grep accepted_ "$D/heki/verdicts"; } >>/tmp/broken
}
# change MODE: a module that is being loaded or unloaded is in the way of "audit" and "mediate".
change() {
	change_tries=0
	until put "$D/heki/live" "$1" 2>/tmp/why; do
		change_tries=$((change_tries + 1))
		if [ "$1" = off ] || ! grep -q busy /tmp/why || [ $change_tries = 1000 ]; then
			echo "live mode $1: $(cat /tmp/why)" >>/tmp/broken
			return
		fi
		tries=$((tries + 1))
	done
}
tries=0
reload() {
	until rmmod lvbs 2>/tmp/why; do
		grep -q 'temporarily unavailable' /tmp/why || { echo "rmmod: $(cat /tmp/why)" >>/tmp/broken && return; }
	done
	insmod /lvbs.ko || echo "lvbs did not load again" >>/tmp/broken
	reloads=$((reloads + 1))
}
reloads=0

# loop NAME: do_NAME until /tmp/stop exists; /tmp/did_NAME has the number of rounds that succeeded.
loop() {
	loop_did=0
	while [ ! -e /tmp/stop ]; do
		if "do_$1" >"/tmp/out_$1" 2>&1; then
			loop_did=$((loop_did + 1))
			echo $loop_did >"/tmp/did_$1"
		else
			cp "/tmp/out_$1" "/tmp/failed_$1"
			usleep 10000
		fi
	done
}

# all_did: did each workload succeed once?
all_did() {
	for workload in $workloads; do
		[ -e "/tmp/did_$workload" ] || return
	done
}

# In a short run, trace a few thousand functions only.
[ "$seconds" -ge 100 ] || echo '*lock*' >"$T/set_ftrace_filter"

# The first round of a workload may change text permanently, so it precedes the checksum.
if [ -n "$one_cpu" ]; then
	workloads=$(echo "$workloads" | sed 's/ hotplug//')
else
	for workload in $workloads; do
		t_ok "workload_$workload" "do_$workload"
		echo "$(uptime_s) s"
	done
fi
verified idle
deviations >/tmp/deviations
text_before=$(text_sum)

for workload in $workloads; do
	loop "$workload" &
	loops="$loops $!"
done
started=$(uptime_s)
switches=0
while [ $switches -lt "$wanted" ] || [ $(($(uptime_s) - started)) -lt "$seconds" ] || ! all_did; do
	[ ! -e /tmp/broken ] || break
	switches=$((switches + 1))
	[ $switches != 5 ] && [ $((switches % 50)) != 0 ] || echo "$switches changes of the mode, $(($(uptime_s) - started)) s"
	case $((switches % 4)) in
	1) change mediate ;;
	2) change audit ;;
	3) change mediate ;;
	0) change off && counted "switch $switches" ;;
	esac
	# It waits for text_mutex at each page, so it takes long.
	[ $((switches % 20)) != 6 ] || verified "switch $switches"
	[ $((switches % 16)) != 8 ] || reload
	# Modes last differently long.
	usleep $((switches * 77777 % 2000000))
	if [ -n "$one_cpu" ] && [ $switches = 3 ]; then
		for cpu in "$CPUS"/cpu[1-9]*; do t_ok "${cpu##*/}_starts" write_to "$cpu/online" 1; done
	fi
done
change mediate
verified "end of load"
touch /tmp/stop
# shellcheck disable=SC2086 # words
wait $loops
echo "load ended after $(($(uptime_s) - started)) s"
verified "after load"
change off
counted "after load"
verified off
echo "$switches changes of the mode ($tries more were busy), $reloads reloads, $verifications verifications in" \
	"$(($(uptime_s) - started)) s"
awk '/^(live_|accepted)/ { n[$1] += $2 } END { for (key in n) if (n[key]) print key, n[key] }' /tmp/counts | sort
for workload in $workloads; do echo "$workload: $(cat "/tmp/did_$workload") rounds"; done

t_is "$(cat /tmp/broken 2>/dev/null)" "" nothing_refused_or_unknown
t_ok mode_was_changed_often test $switches -ge "$wanted"
# total KIND
total() { awk -v key="live_$1:" '$1 == key { n += $2 } END { print n + 0 }' /tmp/counts; }
for kind in jump_label static_call ftrace kprobe optprobe bpf; do
	t_ok "${kind}_writes_seen" test "$(total $kind)" -gt 0
done
if [ -n "$one_cpu" ]; then
	t_ok locks_switched test "$(total alternative)" -gt 1000
else
	deviations >/tmp/deviations_after
	# Keys that are switched off after some time.
	left=60
	until [ "$(text_sum)" = "$text_before" ] || [ $left = 0 ]; do
		left=$((left - 1))
		sleep 1
	done
	verified restored
	deviations >/tmp/deviations_after
	t_silent same_deviations diff /tmp/deviations /tmp/deviations_after
	t_is "$(text_sum)" "$text_before" text_restored
fi
t_ok rmmod rmmod lvbs
t_ok reload insmod /lvbs.ko
verified reloaded
t_is "$(cat /tmp/broken 2>/dev/null)" "" nothing_unknown_after_reload
t_done
