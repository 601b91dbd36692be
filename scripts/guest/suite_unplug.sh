# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Memory that is removed from the machine: not just offline, but without struct pages and without an
# entry in /proc/iomem.
#
# kernels: first
# full: others debug
# vm: --dimm 128 --append memhp_default_state=offline
# shellcheck source=scripts/guest/lib.sh
. /lib.sh

M=/sys/devices/system/memory
R=$D/ring
dimm=/sys/bus/acpi/devices/PNP0C80:00
block_size=$((0x$(cat $M/block_size_bytes)))
mapped_before=$(grep -e ^live: -e ^leaked: "$D/phys/stats")

# The DIMM is one block, above all other memory. Of several blocks, if one could not go offline, the
# kernel would bring the others back online as ordinary memory.
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

# eject: ask for removal of the DIMM. The kernel works on that asynchronously and may give up.
eject() {
	echo 1 >$dimm/eject
	eject_left=100
	while [ -e "$M/$block" ]; do
		eject_left=$((eject_left - 1))
		[ $eject_left -gt 0 ] || return 1
		sleep 0.1
	done
}

# refused NAME ERRNO: every interface refuses the memory at PA with ERRNO.
refused() {
	t_fails "$2" "$1: phys/mem read" mem_read "$PA" 16
	t_fails "$2" "$1: phys/mem write" mem_write "$PA" 41
	t_fails "$2" "$1: phys/span" put "$D/phys/span" read 0 16 "$PFN"
	t_fails "$2" "$1: on-demand ring" put "$R/new" gone "$PA" 4096 ondemand
	t_fails "$2" "$1: persistent ring" put "$R/new" gone "$PA" 4096 persistent
	t_fails "$2" "$1: page list" put "$D/heki/load_kdata" "$PA" 1
}

#
# Onlining.
#
t_ok dimm_exists test -e $dimm
t_ok dimm_is_above_other_memory test $start -ge $((512 * 1048576))
refused before_online ENXIO
t_ok ram_omits_block_before_online test "$(ram_ends)" -le $start
t_ok block_goes_online put "$M/$block/state" online_movable
t_is "$(ram_ends)" "$end" ram_lists_online_block
# Pages of user memory prefer movable memory such as this block.
t_ok page_new_after_online page_new
t_ok page_is_in_block test $((PA)) -ge $start
t_is "$(mem_read "$PA" 4)" 5a5a5a5a readable_after_online
t_ok writable_after_online mem_write "$PA" 6c766273
t_is "$(page_read 0 4)" 6c766273 write_is_visible_to_owner

#
# Removal fails while the block is mapped.
#
t_ok persistent_ring_in_block put "$R/new" keep "$PA" 4096 persistent
echo before >"$R/keep/write"
echo 1 >$dimm/eject
sleep 3
t_ok persistent_ring_prevents_removal block_is online
echo after >"$R/keep/write"
t_is "$(tr '\n' , <"$R/keep/snapshot")" before,after, ring_usable_after_failed_removal
t_ok persistent_ring_removed put "$R/remove" keep
t_ok ondemand_ring_in_block put "$R/new" demand "$PA" 4096 ondemand
echo before >"$R/demand/write"

#
# Removal succeeds under readers, and with a ring in the block that maps no pages.
#
while [ ! -e /tmp/stop ]; do
	dd if="$D/phys/mem" of=/dev/null bs=64k count=64 skip=$((PA)) iflag=skip_bytes 2>/tmp/.reader ||
		grep -q -F -e "$(t_errno_text ENXIO)" -e "$(t_errno_text EBUSY)" /tmp/.reader ||
		cat /tmp/.reader >>/tmp/unexpected
done &
reader=$!
sleep 0.3
tries=10
until eject || [ $tries = 0 ]; do tries=$((tries - 1)); done
t_ok removed_under_reader test ! -e "$M/$block"
sleep 0.3
touch /tmp/stop
wait $reader
t_is "$(cat /tmp/unexpected 2>/dev/null)" "" reader_saw_expected_errnos_only
refused removed ENXIO
t_fails ENXIO ring_write_after_removal put "$R/demand/write" lost
t_fails ENXIO ring_snapshot_after_removal cat "$R/demand/snapshot"
t_ok ondemand_ring_removed put "$R/remove" demand
t_ok ram_omits_removed_block test "$(ram_ends)" -le $start

t_is "$(grep -e ^live: -e ^leaked: "$D/phys/stats")" "$mapped_before" mappings_unchanged
t_ok rmmod rmmod lvbs
t_ok reload insmod /lvbs.ko
t_done
