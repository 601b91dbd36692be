# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# suite_offline_race.sh [N]: up to N offlinings (default 30) of a memory block under readers, writers, rings and
# locks, a third of them each with 1, 2 and 4 CPUs, every other one with windows=0. Nothing may be mapped while
# the block is offline. Accesses in flight refuse most attempts, so each third ends after three seconds an
# offlining, but not before a tenth of them.
#
# kernels: first
# full: others debug
# vm: --smp 4 --mem 1536 --append movablecore=512M --append nokaslr --append preempt=full
# modules: locker
# programs: race
# shellcheck source=scripts/guest/lib.sh
. /lib.sh

count=${1:-30}
M=/sys/devices/system/memory
T=/sys/kernel/tracing
R=$D/ring
LOCK=/sys/module/locker/parameters/range
block_size=$((0x$(cat $M/block_size_bytes)))

# choose_block: sets BLOCK to a movable block, as its sysfs directory. It has been offline, so its memory is
# the last that the kernel allocates, and writes to it harm no process. Not one of the last two: see
# suite_offline.sh.
choose_block() {
	for BLOCK in "$M"/memory[0-9]*; do
		number=${BLOCK##*memory}
		[ "$(cat "$BLOCK/valid_zones")" = Movable ] || continue
		[ -e "$M/memory$((number + 2))" ] || continue
		echo offline >"$BLOCK/state" || continue
		echo online_movable >"$BLOCK/state" && return
	done
	return 1
}

# Between the notifications MEM_OFFLINE (4) and MEM_GOING_ONLINE (8), the event shows what is mapped in the block.
trace_start() {
	echo "p:lvbs_offline lvbs:offline_notify action=%si:u64" >"$T/kprobe_events" || return
	echo "pfn >= $((at / 4096)) && pfn < $(((at + block_size) / 4096))" >"$T/events/lvbs/phys_map/filter"
	echo 'enable_event:lvbs:phys_map if action == 4' >"$T/events/kprobes/lvbs_offline/trigger"
	echo 1 >"$T/events/kprobes/lvbs_offline/enable"
}

trace_stop() {
	echo 0 >"$T/events/kprobes/lvbs_offline/enable"
	echo '!enable_event:lvbs:phys_map if action == 4' >"$T/events/kprobes/lvbs_offline/trigger"
	echo 0 >"$T/events/lvbs/phys_map/filter"
	echo 0 >"$T/events/lvbs/phys_map/enable"
	echo >"$T/kprobe_events"
}

# users_start: accesses without end. They fail while the block is offline, locked, or in use.
users_start() {
	rm -f /tmp/stop
	# With a low priority, and breaks, so that offlining makes progress.
	repeat() {
		renice -n 10 -p "$(exec sh -c 'echo $PPID')" >/dev/null
		while [ ! -e /tmp/stop ]; do "$@"; usleep 3000; done
	} 2>/dev/null
	repeat dd if="$D/phys/mem" of=/dev/null bs=64 count=3000 skip=$at iflag=skip_bytes &
	repeat dd if="$D/phys/mem" of=/dev/null bs=1M count=8 skip=$((at + block_size / 2)) iflag=skip_bytes &
	# Write what is there.
	repeat dd if="$D/phys/mem" of="$D/phys/mem" bs=512 count=8 skip=$((quiet / 512)) seek=$((quiet / 512)) conv=notrunc &
	repeat put "$R/race/write" record &
	repeat cat "$R/race/snapshot" >/dev/null &
	repeat put $LOCK "$((quiet + 16384)) 4096 exclusive" &
	repeat put $LOCK "$((quiet + 16384)) 8192 shared" &
}

users_stop() {
	touch /tmp/stop
	wait
}

# cpus_online N: leave CPUs 0 to N - 1 online.
cpus_online() {
	for cpu in 1 2 3; do
		echo $((cpu < $1)) >"/sys/devices/system/cpu/cpu$cpu/online" || return
	done
}

maps() { sed -n 's/^maps: //p' "$D/phys/stats"; }

# accesses_grow: users map memory all the time.
accesses_grow() {
	maps_before=$(maps) maps_left=100
	until [ $(($(maps) - maps_before)) -gt 1000 ]; do
		maps_left=$((maps_left - 1))
		[ "$maps_left" -gt 0 ] || return
		usleep 100000
	done
}

seconds() { cut -d . -f 1 /proc/uptime; }

# offlinings N: sets offlined, and refused, the number of attempts that failed.
offlinings() {
	offlined=0 refused=0
	: >/tmp/mapped
	until [ $offlined = "$1" ] || { [ $(($(seconds) - start)) -gt $((3 * $1)) ] && [ $offlined -ge $(($1 / 10)) ]; }; do
		if ! echo offline >"$BLOCK/state"; then
			refused=$((refused + 1))
			continue
		fi 2>/dev/null
		echo $((offlined % 2)) >/sys/module/lvbs/parameters/windows
		offlined=$((offlined + 1))
		usleep 20000
		echo online_movable >"$BLOCK/state" || return
		# First, or the trace grows faster than it is read.
		echo 0 >"$T/events/lvbs/phys_map/enable"
		awk '/action=4$/ { f = 1 } /action=8$/ { f = 0 } / phys_map: / && f' $T/trace >>/tmp/mapped
		: >"$T/trace"
	done
}

t_ok movable_block choose_block
at=$((${BLOCK##*memory} * block_size))
quiet=$((at + block_size - 65536))
insmod /locker.ko
t_ok ondemand_ring put "$R/new" race $((quiet + 8192)) 8192 ondemand
t_ok tracing_starts trace_start

total=0
for cpus in 1 2 4; do
	t_ok "cpus_$cpus" cpus_online $cpus
	start=$(seconds)
	users_start
	t_ok "accesses_with_cpus_$cpus" accesses_grow
	mapped=$(maps)
	offlinings $((count / 3))
	users_stop
	total=$((total + offlined))
	mapped=$(($(maps) - mapped))
	echo "$cpus CPUs, $(($(seconds) - start)) s: offline $offlined times, $refused attempts refused, $mapped mappings, mapped while offline: $(wc -l </tmp/mapped)"
	head -n 5 /tmp/mapped
	t_ok "offlined_with_cpus_$cpus" test $offlined -ge $((count / 30)) -a $offlined -gt 0
	t_is "$(wc -l </tmp/mapped)" 0 "nothing_mapped_while_offline_with_cpus_$cpus"
done

# The trace shows mappings, if there are any.
echo 1 >"$T/events/lvbs/phys_map/enable"
mem_read $at 16 >/dev/null
t_ok trace_has_mappings grep -q phys_map: $T/trace
trace_stop
t_ok ring_removed put "$R/remove" race
t_ok locker_unloads rmmod locker
t_done
