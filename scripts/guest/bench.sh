# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# bench.sh [PAGES [SITES]]
# bench.sh --cpus            only the cases that need several CPUs
#
# The guest's part of scripts/bench.sh. Prints CSV lines
#
#   group,name,x,instructions,samples   (x: bytes, or a count)
#
# and a "mark" line before and after each dd, at which the host reads its own clock: the guest's clock counts
# instructions.
set -eu
B=/sys/kernel/debug/lvbs_bench
MIB=256

if [ "${1:-}" = --cpus ]; then
	insmod /bench.ko cpus=1
	cat "$B/results"
	exit
fi

insmod /bench.ko pages="${1:-65536}" sites="${2:-1000000}"
cat "$B/results"

# ram_start: print the start, in MiB, of MIB MiB of RAM without an owned frame.
ram_start() {
	sed 's/-/ /' "$D/phys/ram" | while read -r start end; do
		start=$(((start + 0xfffff) >> 20))
		end=$(((end + 1) >> 20))
		at=$start
		while [ $((at + MIB)) -le $end ]; do
			hit=$(sed 's/-/ /' "$D/phys/owned" | while read -r first last; do
				if [ $((last)) -ge $((at << 20)) ] && [ $((first)) -lt $(((at + MIB) << 20)) ]; then
					echo $(((last >> 20) + 1))
				fi
			done | sort -n | tail -n 1)
			if [ -z "$hit" ]; then
				echo "$at"
				return
			fi
			at=$hit
		done
	done | head -n 1
}

# kcore_start AT: print the offset in /proc/kcore of the MIB MiB of RAM at AT MiB, by the program header of
# the direct map. Headers are 56 bytes each, from byte 64 on: p_type (1: PT_LOAD) and p_flags, p_offset, p_vaddr,
# p_paddr, p_filesz.
kcore_start() {
	count=$(od -A n -t u2 -j 56 -N 2 /proc/kcore)
	od -A n -t x8 -v -w56 -j 64 -N $((56 * count)) /proc/kcore |
		while read -r type offset vaddr paddr filesz rest; do
			: "$vaddr" "$rest"
			[ "$type" = 0000000500000001 ] || [ "$type" = 0000000700000001 ] || continue
			[ "$paddr" != ffffffffffffffff ] || continue
			pa=$((0x$paddr))
			if [ $pa -le $(($1 << 20)) ] && [ $((pa + 0x$filesz)) -ge $((($1 + MIB) << 20)) ]; then
				echo $((0x$offset + ($1 << 20) - pa))
			fi
		done | head -n 1
}

# timed NAME FILE OFFSET: read MIB MiB of FILE from OFFSET, and print the time taken.
timed() {
	echo "mark $1 start"
	start=$(cat "$B/now")
	dd if="$2" of=/dev/null bs=1M skip="$3" count=$MIB iflag=skip_bytes,fullblock status=none
	end=$(cat "$B/now")
	echo "mark $1 end"
	echo "dd,$1,$((MIB << 20)),$((end - start)),1"
}

at=$(ram_start)
[ -n "$at" ] || {
	echo "bench.sh: no range of $MIB MiB of RAM without an owned frame; give the VM more memory" >&2
	exit 1
}
kcore=$(kcore_start "$at")
[ -n "$kcore" ] || {
	echo "bench.sh: /proc/kcore has no segment with the RAM at $at MiB" >&2
	exit 1
}
timed lvbs_mem "$D/phys/mem" $((at << 20))
timed kcore /proc/kcore "$kcore"

# The cost of switching a static key, per write to kernel text, in each live mode.
switch_key() {
	count=0
	while [ $count -lt 40 ]; do
		echo 1 >/proc/sys/kernel/sched_schedstats
		echo 0 >/proc/sys/kernel/sched_schedstats
		count=$((count + 1))
	done
}

site_writes() {
	sed -n 's/^live_jump_label: //p' "$D/heki/verdicts"
}

# The function tracer over all functions, on and off.
trace_all() {
	echo function >/sys/kernel/tracing/current_tracer
	echo nop >/sys/kernel/tracing/current_tracer
}

# measured NAME MODE CMD...: print how long CMD takes.
measured() {
	measured_name=$1,$2
	shift 2
	start=$(cat "$B/now")
	"$@" >/dev/null
	end=$(cat "$B/now")
	echo "$measured_name,1,$((end - start)),1"
}

echo audit >"$D/heki/live"
before=$(site_writes)
switch_key
writes=$(($(site_writes) - before))
for mode in off audit mediate; do
	echo $mode >"$D/heki/live"
	start=$(cat "$B/now")
	switch_key
	end=$(cat "$B/now")
	echo "live,$mode,1,$(((end - start) / writes)),$writes"
	measured tracer $mode trace_all
done
measured verify text cat "$D/heki/verify"
echo "verify,bar,1,300000000,1"
echo off >"$D/heki/live"
