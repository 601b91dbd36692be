# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Memory that goes away while pointers, rings and patch sites use it: offlined by the block, poisoned,
# or marked as offline by the page.
#
# kernels: 6.1 6.12
# vm: --mem 1536 --append movablecore=512M --append nokaslr
# modules: offline
# shellcheck source=scripts/guest/lib.sh
. /lib.sh
# shellcheck source=scripts/guest/kernel.sh
. /kernel.sh
# shellcheck source=scripts/guest/heki.sh
. /heki.sh

M=/sys/devices/system/memory
R=$D/ring
block_size=$((0x$(cat $M/block_size_bytes)))

# movable_page: a page_new in memory that can be taken away whole, as the kernel keeps nothing of its own
# there; sets BLOCK, the folder that does it. Neither of the last two blocks will do, as they have the
# initramfs and the firmware's tables in them, and KASAN's shadow where there is one (the kernel's image
# could be anywhere, but for nokaslr): while pages come from there, files take what is left of them.
movable_page() {
	movable_left=20
	until page_new 1 && BLOCK=$M/memory$((PA / block_size)) &&
		[ "$(cat "$BLOCK/valid_zones")" = Movable ] && [ -e "$M/memory$((PA / block_size + 2))" ]; do
		movable_left=$((movable_left - 1))
		[ "$movable_left" -gt 0 ] || return 1
		head -c 16777216 /dev/zero >>/tmp/hog
	done
}

# Other users of the block, who are none of ours, may be in the way for a moment.
offline() {
	offline_left=40
	until put "$BLOCK/state" offline; do
		offline_left=$((offline_left - 1))
		[ "$offline_left" -gt 0 ] || return 1
		sleep 0.1
	done
}
online() { echo online_movable >"$BLOCK/state"; }

span_ask() {
	exec 5<>"$D/phys/span" || return
	echo "$1" >&5 || { exec 5>&-; return 1; }
	cat <&5
	exec 5>&-
}
state() { sed -n "s/^$2: *//p" "$R/$1/state"; }
still_mapped() { grep -e ^live: -e ^leaked: "$D/phys/stats"; }

# all_refuse NAME ERRNO: each way to the memory at PA, PFN.
all_refuse() {
	t_fails "$2" "$1: phys/mem read" mem_read "$PA" 16
	t_fails "$2" "$1: phys/mem write" mem_write "$PA" 41
	t_fails "$2" "$1: phys/span read" span_ask "read 0 16 $PFN"
	t_fails "$2" "$1: phys/span write" span_ask "write 4095 41 $PFN"
	t_fails "$2" "$1: ring on demand" put "$R/new" gone "$PA" 4096 ondemand
	t_fails "$2" "$1: ring for good" put "$R/new" gone "$PA" 4096 persistent
	t_fails "$2" "$1: log ring of VTL0" put "$D/vtlcall" 0x1ffec "$PA" 4096 0
	t_fails "$2" "$1: page list" put "$D/heki/load_kdata" "$PA" 1
	t_fails "$2" "$1: request" put "$D/heki/patch_text" "$PA" 0
}

mapped_before=$(still_mapped)

#
# A block goes and comes back.
#
t_ok page_in_movable_memory movable_page
t_is "$(mem_read "$PA" 4)" 5a5a5a5a it_can_be_read
t_ok block_goes_offline offline
t_is "$(cat "$BLOCK/state")" offline it_is_offline
all_refuse offline_block ENXIO
t_is "$(page_read 0 4)" 5a5a5a5a its_owner_has_it_elsewhere
t_is "$(dd if="$D/phys/mem" bs=8192 skip=$((PA / block_size * block_size - 4096)) count=1 iflag=skip_bytes status=none | wc -c)" \
	4096 reading_stops_where_the_block_begins
t_ok block_comes_back online
t_ok it_can_be_read_again mem_read "$PA" 16

#
# What lvbs has mapped stays.
#
pages_free
t_ok another_page movable_page
t_ok persistent_ring put "$R/new" keep "$PA" 4096 persistent
echo before >"$R/keep/write"
t_fails EBUSY mapped_block_stays put "$BLOCK/state" offline
t_is "$(cat "$BLOCK/state")" online it_is_online
echo after >"$R/keep/write"
t_is "$(tr '\n' , <"$R/keep/snapshot")" before,after, ring_goes_on
t_is "$(page_read 0 12)" "$(printf 'before\nafter' | xxd -p)" its_owner_sees_it_there
t_is "$(state keep failed) $(state keep lost)" "0 0" nothing_was_lost
t_ok ring_removed put "$R/remove" keep
t_ok then_the_block_goes offline
all_refuse after_a_ring ENXIO
t_ok and_comes_back online
# By now the frame may be anybody's.
pages_free
t_ok page_for_a_log movable_page
t_ok log_of_vtl0 put "$D/vtlcall" 0x1ffec "$PA" 4096 0
t_fails EBUSY log_s_block_stays put "$BLOCK/state" offline
t_ok log_of_vtl0_removed put "$R/remove" vtl0

#
# What it has not mapped goes, and is missed in good order.
#
pages_free
t_ok a_third_page movable_page
t_ok ring_on_demand put "$R/new" demand "$PA" 4096 ondemand
echo before >"$R/demand/write"
t_is "$(cat "$R/demand/snapshot")" before it_has_a_record
t_ok its_block_goes offline
t_fails ENXIO record_without_memory put "$R/demand/write" lost
t_fails ENXIO snapshot_without_memory cat "$R/demand/snapshot"
t_fails ENXIO stream_without_memory timeout 20 cat "$R/demand/stream"
t_is "$(state demand total) $(state demand failed)" "7 1" only_the_failure_was_counted
t_ok demand_removed put "$R/remove" demand
t_ok its_block_comes_back online

pages_free
t_ok pages_for_heki movable_page
site_pa=$PA site_pid=$PAGE_PID site_va=$PAGE_VA
page_write 0 eb5a
site_block=$BLOCK
page_new 2
list_pa=$PA
blob_pa=$((${PFNS#* } * 4096))
page_write 4096 "$(le64 0)$(le64 0)$(le64 0)$(le64 0)$(le64 1)$(le64 1)$(wire "$site_pa" 0 2 eb5a)"
page_write 0 "$(le64 0)$(le64 0)$(le64 1)$(le64 0)$(le64 "$blob_pa")$(le64 $((blob_pa + 72)))$(le64 5)"
t_ok site_known put "$D/heki/load_kdata" "$list_pa" 1
t_ok guarded put "$D/heki/request" "$site_pa" 0 cc
t_is "$(dd if="/proc/$site_pid/mem" bs=2 skip="$site_va" count=1 iflag=skip_bytes status=none | xxd -p)" cc5a guard_is_there
t_ok unguarded put "$D/heki/request" "$site_pa" 0 eb
BLOCK=$site_block
t_ok site_s_block_goes offline
t_fails ENXIO patch_without_memory put "$D/heki/request" "$site_pa" 0 cc
t_is "$(grep -c "^$(printf 0x%x "$site_pa") " "$D/heki/patches")" 1 site_still_known
t_ok site_s_block_comes_back online
pages_free

#
# Offlining and onlining under readers of that very memory.
#
t_ok page_for_readers movable_page
at=$((PA / block_size * block_size))
reader() {
	while [ ! -e /tmp/stop ]; do
		dd if="$D/phys/mem" of=/dev/null bs=64k count=256 skip=$at iflag=skip_bytes 2>/tmp/.reader ||
			grep -q -F "$(t_errno_text ENXIO)" /tmp/.reader || grep -q -F "$(t_errno_text EBUSY)" /tmp/.reader ||
			cat /tmp/.reader >>/tmp/strange
	done
}
reader &
reader_pid=$!
gone=0
for round in 1 2 3 4 5 6; do
	if offline 2>/tmp/.offline; then
		gone=$((gone + 1))
		mem_read $at 1 2>/dev/null && echo "round $round: read while offline" >>/tmp/strange
		online || echo "round $round: not online again" >>/tmp/strange
	fi
done
touch /tmp/stop
wait $reader_pid
echo "offline $gone times of 6 under a reader"
t_ok went_offline_under_a_reader test $gone -gt 0
t_is "$(cat /tmp/strange 2>/dev/null)" "" readers_saw_nothing_strange
t_ok readable_in_the_end mem_read $at 1
pages_free

#
# Single pages: logically offline, and poisoned.
#
t_ok page_that_is_marked insmod /offline.ko
PFN=$(cat /sys/module/offline/parameters/pfn)
PA=$((PFN * 4096))
all_refuse marked_offline ENXIO
t_ok mark_taken_away rmmod offline
t_ok readable_without_mark mem_read $PA 1

# Debian's 6.1 cloud kernel knows no memory failures.
if [ -e $M/hard_offline_page ]; then
	page_new 1
	t_ok poison put $M/hard_offline_page "$PA"
	all_refuse poisoned ENXIO
	page_new 1
	t_ok retire put $M/soft_offline_page "$PA"
	all_refuse retired ENXIO
	t_is "$(page_read 0 4)" 5a5a5a5a retired_page_s_owner_has_it_elsewhere
fi

t_is "$(still_mapped)" "$mapped_before" nothing_mapped_or_leaked
t_ok rmmod rmmod lvbs
t_ok insmod_again insmod /lvbs.ko
t_done
