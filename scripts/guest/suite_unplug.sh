# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Memory that is taken out of the machine: not just offline, but without pages and without an entry
# in the kernel's list of what is where.
#
# kernels: 6.1 6.12
# vm: --dimm 128 --append memhp_default_state=offline
# shellcheck source=scripts/guest/lib.sh
. /lib.sh

M=/sys/devices/system/memory
R=$D/ring
dimm=/sys/bus/acpi/devices/PNP0C80:00
block_size=$((0x$(cat $M/block_size_bytes)))
mapped_before=$(grep -e ^live: -e ^leaked: "$D/phys/stats")

# One block, as when a part of it stays the kernel gives the rest back to all; it lies above all else.
block=$(cd $M && printf '%s\n' memory[0-9]* | sort -V | tail -n 1)
PA=$((${block#memory} * block_size))
PFN=$((PA / 4096))
start=$PA
end=$((start + block_size))

block_is() { [ "$(cat "$M/$block/state")" = "$1" ]; }
ram_ends() {
	ram_last=$(tail -n 1 "$D/phys/ram")
	echo $((${ram_last#*-} + 1))
}

# eject: has it taken out, which the kernel does when it comes to it, or not at all.
eject() {
	echo 1 >$dimm/eject
	eject_left=100
	while [ -e "$M/$block" ]; do
		eject_left=$((eject_left - 1))
		[ $eject_left -gt 0 ] || return 1
		sleep 0.1
	done
}

# refused NAME ERRNO: each way to the memory at PA.
refused() {
	t_fails "$2" "$1: phys/mem read" mem_read "$PA" 16
	t_fails "$2" "$1: phys/mem write" mem_write "$PA" 41
	t_fails "$2" "$1: phys/span" put "$D/phys/span" read 0 16 "$PFN"
	t_fails "$2" "$1: ring on demand" put "$R/new" gone "$PA" 4096 ondemand
	t_fails "$2" "$1: ring for good" put "$R/new" gone "$PA" 4096 persistent
	t_fails "$2" "$1: page list" put "$D/heki/load_kdata" "$PA" 1
}

#
# It comes.
#
t_ok there_is_a_dimm test -e $dimm
t_ok its_memory_is_above_all_else test $start -ge $((512 * 1048576))
refused before_it_is_online ENXIO
t_ok not_listed_before_it_is_online test "$(ram_ends)" -le $start
t_ok goes_online put "$M/$block/state" online_movable
t_is "$(ram_ends)" "$end" listed_when_it_is_online
# The kernel keeps such memory for pages like these.
t_ok page_in_it page_new
t_ok page_is_in_it test $((PA)) -ge $start
t_is "$(mem_read "$PA" 4)" 5a5a5a5a can_be_read
t_ok can_be_written mem_write "$PA" 6c766273
t_is "$(page_read 0 4)" 6c766273 its_owner_sees_it

#
# It stays while it is mapped.
#
t_ok ring_in_it put "$R/new" keep "$PA" 4096 persistent
echo before >"$R/keep/write"
echo 1 >$dimm/eject
sleep 3
t_ok not_taken_out_under_a_ring block_is online
echo after >"$R/keep/write"
t_is "$(tr '\n' , <"$R/keep/snapshot")" before,after, ring_goes_on
t_ok ring_removed put "$R/remove" keep
t_ok ring_on_demand put "$R/new" demand "$PA" 4096 ondemand
echo before >"$R/demand/write"

#
# It goes, under readers, with a ring in it that has nothing mapped.
#
while [ ! -e /tmp/stop ]; do
	dd if="$D/phys/mem" of=/dev/null bs=64k count=64 skip=$((PA)) iflag=skip_bytes 2>/tmp/.reader ||
		grep -q -F -e "$(t_errno_text ENXIO)" -e "$(t_errno_text EBUSY)" /tmp/.reader ||
		cat /tmp/.reader >>/tmp/strange
done &
reader=$!
sleep 0.3
tries=10
until eject || [ $tries = 0 ]; do tries=$((tries - 1)); done
t_ok taken_out_under_a_reader test ! -e "$M/$block"
sleep 0.3
touch /tmp/stop
wait $reader
t_is "$(cat /tmp/strange 2>/dev/null)" "" reader_saw_nothing_strange
refused taken_out ENXIO
t_fails ENXIO record_without_memory put "$R/demand/write" lost
t_fails ENXIO snapshot_without_memory cat "$R/demand/snapshot"
t_ok ring_without_memory_removed put "$R/remove" demand
t_ok no_longer_listed test "$(ram_ends)" -le $start

t_is "$(grep -e ^live: -e ^leaked: "$D/phys/stats")" "$mapped_before" nothing_mapped_or_leaked
t_ok rmmod rmmod lvbs
t_ok insmod_again insmod /lvbs.ko
t_done
