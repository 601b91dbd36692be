# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# suite_fault.sh [PART...]   PART: phys, rings, heki, live, load (default: all of these)
#
# Fault injection: makes each allocation of each command fail once. The command must return an errno and
# change nothing; programs/fault_sweep.c says what is compared.
#
# Needs 6.1-debug; takes long.
#
# kernels: none
# modules: heki_client
# programs: fault_sweep
# shellcheck source=scripts/guest/lib.sh
. /lib.sh
# shellcheck source=scripts/guest/kernel.sh
. /kernel.sh
# shellcheck source=scripts/guest/heki.sh
. /heki.sh

for kind in failslab fail_page_alloc fail_usercopy; do
	F=/sys/kernel/debug/$kind
	echo 0 >$F/verbose
	for filter in ignore-gfp-wait ignore-gfp-highmem min-order; do
		[ ! -e $F/$filter ] || echo 0 >$F/$filter
	done
done

# sweep NAME [OPTION...] ACT: a case that runs /fault_sweep with these arguments.
sweep() {
	sweep_name=$1
	shift
	t_ok "$sweep_name" /fault_sweep "$@"
	sed 's/^/  /' /tmp/.t_out
}

R=$D/ring
mapped=$(grep -e ^live: -e ^leaked: "$D/phys/stats")
page_new 4
pfn() { echo "$PFNS" | cut -d ' ' -f "$1"; }
f1=$(pfn 1) f2=$(pfn 2) f3=$(pfn 3) f4=$(pfn 4)
memory="--watch /proc/$PAGE_PID/mem:$PAGE_VA:16384"
wipe="write $D/phys/span write 0 00000000 $f1"

sweep_phys() {
	for file in ram owned protected stats; do
		sweep "read_$file" "read $D/phys/$file"
	done
	sweep mem_read "copyout $D/phys/mem $PA 4096"
	# Longer than a mapping window and than a bounce buffer.
	sweep mem_read_long "copyout $D/phys/mem $(kernel_pa "$(sym _stext)") 1200000"
	# shellcheck disable=SC2086 # words
	{
		sweep mem_write $memory --undo "$wipe" "copyin $D/phys/mem $PA 4096"
		sweep span_read $memory "ask $D/phys/span read 4000 8500 $f1 $f2 $f3 $f4"
		sweep span_write $memory --undo "$wipe" \
			"write $D/phys/span write 0 $(head -c 6000 /dev/zero | tr '\000' 7) $f1 $f2"
	}
}

# Rings of both modes, in their own pages and at a given unaligned address.
sweep_rings() {
	for mode in persistent ondemand; do
		sweep "ring_new_own_$mode" --undo "write $R/remove own" "write $R/new own 3 $mode"
		sweep "ring_new_at_$mode" --undo "write $R/remove at" "write $R/new at $((PA + 100)) 3000 $mode"
		put "$R/new" a 3 "$mode"
		put "$R/new" unaligned $((PA + 100)) 3000 "$mode"
		for ring in a unaligned; do
			# Long enough that every other record wraps.
			text=$(head -c 2000 /dev/zero | tr '\000' "$ring")
			sweep "ring_write_${mode}_$ring" "write $R/$ring/write $text"
			sweep "ring_snapshot_${mode}_$ring" "read $R/$ring/snapshot"
			sweep "ring_stream_${mode}_$ring" "take $R/$ring/stream"
			sweep "ring_state_${mode}_$ring" "read $R/$ring/state"
		done
		sweep "ring_remove_$mode" --undo "write $R/new a 3 $mode" "write $R/remove a"
		put "$R/remove" a
		put "$R/remove" unaligned
	done
}

# HEKI sites, requests and VTL calls.
sweep_heki() {
	insmod /heki_client.ko
	sweep validate --undo "write $C/command unload" "write $C/command validate good"
	client validate good
	sweep unload --undo "write $C/command validate good" "write $C/command unload"
	sweep free_init --undo "write $C/command unload" --undo "write $C/command validate good" \
		"write $C/command free_init"
	site long_1
	sweep request --undo "write $D/heki/request $PA0 0 $(head_of "$NOP")" "write $D/heki/request $PA0 0 cc"
	request "$PA0" 0 cc
	# Both the request and its site straddle two pages.
	page_write 4090 "$(wire "$TAIL0" "$TAIL1" 4 "$(tail_of "$NOP")")"
	p1=$PA p2=$((f2 * 4096))
	sweep patch_text "write $D/heki/patch_text $((p1 + 4090)) $p2"
	sweep vtlcall_patch_text "ask $D/vtlcall 0x1ffeb $((p1 + 4090)) $p2 0"
	request "$PA0" 0 "$(head_of "$NOP")"
	sweep read_patches "read $D/heki/patches"
	sweep read_verdicts "read $D/heki/verdicts"
	sweep read_live "read $D/heki/live"
	sweep read_end_of_boot "read $D/heki/end_of_boot"
	client unload

	# A page list with two ranges to protect.
	page_write 0 "$(le64 0)$(le64 0)$(le64 2)"
	at=24
	for frame in "$f3" "$f4"; do
		page_write "$at" "$(le64 0)$(le64 $((frame * 4096)))$(le64 $((frame * 4096 + 4096)))$(le64 1)"
		at=$((at + 32))
	done
	rmmod heki_client
	sweep protect_memory --undo "rmmod lvbs" --undo "insmod /lvbs.ko" "write $D/vtlcall 0x1ffe4 $PA 2 0"
	sweep allocate_ringbuffer --undo "write $R/remove vtl0" "ask $D/vtlcall 0x1ffec $p2 4096 0"
}

# Live mode: switched with heki_client loaded, and loading heki_client in mode mediate.
sweep_live() {
	insmod /heki_client.ko
	sweep audit --undo "write $D/heki/live off" "write $D/heki/live audit"
	sweep mediate --undo "write $D/heki/live off" "write $D/heki/live mediate"
	put "$D/heki/live" mediate
	sweep off --undo "write $D/heki/live mediate" "write $D/heki/live off"
	sweep mediate_to_audit --undo "write $D/heki/live mediate" "write $D/heki/live audit"
	# Mediated writes must not fail for lack of memory: the kernel does not retry them.
	since
	sweep mediated_sysctl --undo "write /proc/sys/kernel/sched_schedstats 0" "write /proc/sys/kernel/sched_schedstats 1"
	sweep mediated_key --undo "write $C/command key 0" "write $C/command key 1"
	t_is "$(grown live_refused) $(grown live_passed)" "0 0" no_write_refused_or_passed
	rmmod heki_client
	sweep mediated_module --undo "rmmod heki_client" "insmod /heki_client.ko"
	put "$D/heki/live" off
}

# Loading and unloading, and commands that can be given once per load only.
sweep_load() {
	rmmod lvbs
	# Skip the allocations before lvbs's init: the kernel's trace event notifier warns if one fails.
	sweep insmod --undo "rmmod lvbs" --after "insmod /lvbs.ko log_pages=x" \
		"insmod /lvbs.ko owned=0x200000-0x20ffff,0x300000-0x300fff"
	insmod /lvbs.ko
	sweep rmmod --undo "insmod /lvbs.ko" "rmmod lvbs"
	insmod /heki_client.ko
	sweep load_kdata --undo "rmmod heki_client" --undo "rmmod lvbs" --undo "insmod /lvbs.ko" \
		--undo "insmod /heki_client.ko" "write $C/command load kernel_sites"
	rmmod heki_client
	sweep end_of_boot --undo "rmmod lvbs" --undo "insmod /lvbs.ko" "write $D/heki/end_of_boot 1"
}

[ $# != 0 ] || set -- phys rings heki live load
for part in "$@"; do
	sweep_"$part"
	t_is "$(grep -e ^live: -e ^leaked: "$D/phys/stats")" "$mapped" "${part}_mappings_unchanged"
done
pages_free
t_ok rmmod rmmod lvbs
t_done
