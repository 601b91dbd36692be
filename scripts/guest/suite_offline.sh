# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Memory that goes offline while pointers, rings and patch sites use it: offlined memory blocks, poisoned
# pages, and pages marked PageOffline.
#
# kernels: first
# full: others debug
# vm: --mem 1536 --append movablecore=512M --append nokaslr
# modules: offline locker no_refresh
# programs: hang hugepage
# shellcheck source=scripts/guest/lib.sh
. /lib.sh
# shellcheck source=scripts/guest/kernel.sh
. /kernel.sh
# shellcheck source=scripts/guest/heki.sh
. /heki.sh

M=/sys/devices/system/memory
R=$D/ring
block_size=$((0x$(cat $M/block_size_bytes)))

# movable_page: page_new in a block that can go offline; sets BLOCK to its sysfs directory. The last two
# blocks cannot go offline: they hold the initramfs, the firmware's tables and KASAN's shadow, if any
# (nokaslr keeps the kernel image away from the others). As long as pages come from these two, fill them
# with a file.
movable_page() {
	movable_left=20
	until page_new 1 && BLOCK=$M/memory$((PA / block_size)) &&
		[ "$(cat "$BLOCK/valid_zones")" = Movable ] && [ -e "$M/memory$((PA / block_size + 2))" ]; do
		movable_left=$((movable_left - 1))
		[ "$movable_left" -gt 0 ] || return 1
		head -c 16777216 /dev/zero >>/tmp/hog
	done
}

# Offlining fails temporarily while other users pin pages of the block.
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

# all_refuse NAME ERRNO: every interface refuses the memory at PA, PFN with ERRNO.
all_refuse() {
	t_fails "$2" "$1: phys/mem read" mem_read "$PA" 16
	t_fails "$2" "$1: phys/mem write" mem_write "$PA" 41
	t_fails "$2" "$1: phys/span read" span_ask "read 0 16 $PFN"
	t_fails "$2" "$1: phys/span write" span_ask "write 4095 41 $PFN"
	t_fails "$2" "$1: on-demand ring" put "$R/new" gone "$PA" 4096 ondemand
	t_fails "$2" "$1: persistent ring" put "$R/new" gone "$PA" 4096 persistent
	t_fails "$2" "$1: VTL0 log ring" put "$D/vtlcall" 0x1ffec "$PA" 4096 0
	t_fails "$2" "$1: page list" put "$D/heki/load_kdata" "$PA" 1
	t_fails "$2" "$1: request" put "$D/heki/patch_text" "$PA" 0
}

mapped_before=$(still_mapped)

#
# A block goes offline and online again.
#
t_ok page_in_block movable_page
t_is "$(mem_read "$PA" 4)" 5a5a5a5a readable_while_online
t_ok block_goes_offline offline
t_is "$(cat "$BLOCK/state")" offline block_state_offline
all_refuse offline_block ENXIO
t_is "$(page_read 0 4)" 5a5a5a5a page_was_migrated
t_is "$(dd if="$D/phys/mem" bs=8192 skip=$((PA / block_size * block_size - 4096)) count=1 iflag=skip_bytes status=none | wc -c)" \
	4096 read_stops_at_offline_block
t_ok block_goes_online online
t_ok readable_after_online mem_read "$PA" 16

#
# If the RAM map cannot be refreshed, it still has the block that went offline, which stays claimed.
#
pages_free
t_ok page_for_failed_refresh movable_page
ram_before=$(cat "$D/phys/ram")
t_ok no_refresh insmod /no_refresh.ko
t_ok block_goes_offline_without_refresh offline
t_is "$(cat "$BLOCK/state")" offline block_state_offline_without_refresh
t_is "$(cat "$D/phys/ram")" "$ram_before" map_still_has_block
t_ok refresh_works_again rmmod no_refresh
t_fails EBUSY claimed_block_read mem_read "$PA" 16
t_fails EBUSY claimed_block_write mem_write "$PA" 41
t_fails EBUSY claimed_block_span_read span_ask "read 0 16 $PFN"
t_fails EBUSY claimed_block_persistent_ring put "$R/new" gone "$PA" 4096 persistent
t_ok block_goes_online_with_refresh online
t_ok readable_with_refresh mem_read "$PA" 16

#
# A block with pages that lvbs has mapped stays online.
#
pages_free
t_ok page_for_ring movable_page
t_ok persistent_ring put "$R/new" keep "$PA" 4096 persistent
echo before >"$R/keep/write"
t_fails EBUSY ring_prevents_offlining put "$BLOCK/state" offline
t_is "$(cat "$BLOCK/state")" online block_state_online
echo after >"$R/keep/write"
t_is "$(tr '\n' , <"$R/keep/snapshot")" before,after, ring_usable_after_failed_offlining
t_is "$(page_read 0 12)" "$(printf 'before\nafter' | xxd -p)" ring_page_was_not_migrated
t_is "$(state keep failed) $(state keep lost)" "0 0" ring_lost_no_records
t_ok ring_removed put "$R/remove" keep
t_ok block_goes_offline_after_remove offline
all_refuse after_ring ENXIO
t_ok block_goes_online_after_remove online
# The page was migrated; its old frame may have another user by now.
pages_free
t_ok page_for_vtl0_log movable_page
t_ok vtl0_log put "$D/vtlcall" 0x1ffec "$PA" 4096 0
t_fails EBUSY vtl0_log_prevents_offlining put "$BLOCK/state" offline
t_ok vtl0_log_removed put "$R/remove" vtl0

#
# An on-demand ring maps nothing, so its block goes offline. Accesses then fail with ENXIO.
#
pages_free
t_ok page_for_ondemand_ring movable_page
t_ok ondemand_ring put "$R/new" demand "$PA" 4096 ondemand
echo before >"$R/demand/write"
t_is "$(cat "$R/demand/snapshot")" before ondemand_ring_has_record
t_ok ondemand_ring_allows_offlining offline
t_fails ENXIO ring_write_offline put "$R/demand/write" lost
t_fails ENXIO ring_snapshot_offline cat "$R/demand/snapshot"
t_fails ENXIO ring_stream_offline timeout 20 cat "$R/demand/stream"
t_is "$(state demand total) $(state demand failed)" "7 1" failed_write_counted_once
t_ok ondemand_ring_removed put "$R/remove" demand
t_ok ondemand_ring_block_goes_online online

pages_free
t_ok pages_for_site movable_page
site_pa=$PA site_pid=$PAGE_PID site_va=$PAGE_VA
page_write 0 eb5a
site_block=$BLOCK
page_new 2
list_pa=$PA
blob_pa=$((${PFNS#* } * 4096))
page_write 4096 "$(le64 0)$(le64 0)$(le64 0)$(le64 0)$(le64 1)$(le64 1)$(wire "$site_pa" 0 2 eb5a)"
# The site's page as the text of a module, and the blob.
page_write 0 "$(le64 0)$(le64 0)$(le64 2)$(le64 "$(direct_va "$site_pa")")$(le64 "$site_pa")$(le64 $((site_pa + 4096)))$(le64 0)\
$(le64 0)$(le64 "$blob_pa")$(le64 $((blob_pa + 72)))$(le64 8)"
t_ok validate_site put "$D/vtlcall" 0x1ffe6 "$list_pa" 2 0
t_ok guard_site put "$D/heki/request" "$site_pa" 0 cc
t_is "$(dd if="/proc/$site_pid/mem" bs=2 skip="$site_va" count=1 iflag=skip_bytes status=none | xxd -p)" cc5a guard_is_written
t_ok unguard_site put "$D/heki/request" "$site_pa" 0 eb
token=$(cat "$D/vtlcall")
BLOCK=$site_block
t_fails EBUSY site_prevents_offlining put "$BLOCK/state" offline
t_ok patch_after_refused_offlining put "$D/heki/request" "$site_pa" 0 cc
t_ok unload_site put "$D/vtlcall" 0x1ffe8 "$token" 0 0
t_ok block_goes_offline_after_unload offline
t_fails ENOENT patch_offline put "$D/heki/request" "$site_pa" 0 cc
t_ok site_block_goes_online online
pages_free

#
# Offlining and onlining while a reader reads the block.
#
t_ok page_for_reader movable_page
at=$((PA / block_size * block_size))
reader() {
	while [ ! -e /tmp/stop ]; do
		dd if="$D/phys/mem" of=/dev/null bs=64k count=256 skip=$at iflag=skip_bytes 2>/tmp/.reader ||
			grep -q -F "$(t_errno_text ENXIO)" /tmp/.reader || grep -q -F "$(t_errno_text EBUSY)" /tmp/.reader ||
			cat /tmp/.reader >>/tmp/unexpected
	done
}
reader &
reader_pid=$!
offlined=0
for round in 1 2 3 4 5 6; do
	if offline 2>/tmp/.offline; then
		offlined=$((offlined + 1))
		mem_read $at 1 2>/dev/null && echo "round $round: read while offline" >>/tmp/unexpected
		online || echo "round $round: not online again" >>/tmp/unexpected
	fi
done
touch /tmp/stop
wait $reader_pid
echo "offline $offlined of 6 times under a reader"
t_ok offlined_under_reader test $offlined -gt 0
t_is "$(cat /tmp/unexpected 2>/dev/null)" "" reader_saw_expected_errnos_only
t_ok readable_after_reader mem_read $at 1
pages_free

#
# A copy can wait for user memory without limit. Meanwhile it must not block other users of the frames.
#
run_bytes=81920
half_pages=17	# of the buffer are present

# movable_run: as movable_page, for $run_bytes of adjacent frames.
movable_run() {
	movable_left=100
	until huge_page_new && BLOCK=$M/memory$((PA / block_size)) &&
		[ "$(cat "$BLOCK/valid_zones")" = Movable ] && [ -e "$M/memory$((PA / block_size + 2))" ]; do
		movable_left=$((movable_left - 1))
		[ "$movable_left" -gt 0 ] || return 1
	done
}

# huge_page_new: as page_new, for the frames of a huge page.
huge_page_new() {
	rm -f /tmp/.huge
	/hugepage >/tmp/.huge &
	PAGE_PID=$!
	page_pids="$page_pids $PAGE_PID"
	until [ -s /tmp/.huge ]; do usleep 10000; done
	PAGE_VA=$(cat /tmp/.huge)
	PFN=$(page_pfn "$PAGE_PID" $((PAGE_VA)))
	PA=$((PFN * 4096))
	[ $(($(page_pfn "$PAGE_PID" $((PAGE_VA + run_bytes - 1))) - PFN)) = $(((run_bytes - 1) / 4096)) ]
}

hang_says() {
	hang_left=100
	until grep -q "$1" /tmp/hang; do
		hang_left=$((hang_left - 1))
		[ "$hang_left" -gt 0 ] || { cat /tmp/hang; return 1; }
		sleep 0.1
	done
}

hang_start() {
	rm -f /tmp/hang
	/hang "$D/phys/mem" "$1" "$PA" $run_bytes "$2" >/tmp/hang 2>&1 &
	HANG_PID=$!
	hang_says hanging
}

# hang_end SIGNAL: the copy ends.
hang_end() {
	kill "-$1" "$HANG_PID"
	wait "$HANG_PID" 2>/dev/null || :
}

# copied_a_part: the copy went on with what it had, and ended before the rest of the frames.
copied_a_part() {
	copied=$(sed 1d /tmp/hang)
	echo "copied: $copied"
	[ "$copied" -ge 4096 ] && [ "$copied" -lt $((run_bytes - 4096)) ]
}

hold=/sys/module/locker/parameters/hold

# buffer_block: sets BLOCK to the block of the last page of the buffer that is present.
buffer_block() {
	buffer_va=$(sed -n 's/^hanging //p' /tmp/hang)
	BLOCK=$M/memory$(($(page_pfn "$HANG_PID" $((buffer_va + (half_pages - 1) * 4096))) * 4096 / block_size))
}

# hang_case NAME read|write PRESENT: the copy hangs at the page of its buffer after PRESENT.
hang_case() {
	t_ok "$1: adjacent frames" movable_run
	[ $t_status = 0 ] || return
	t_ok "$1: hangs" hang_start "$2" "$3"
	t_is "$(still_mapped)" "$mapped_before" "$1: nothing is mapped"
	t_ok "$1: others read" mem_read "$PA" $run_bytes
	t_ok "$1: exclusive lock" put $hold "$PA" $run_bytes exclusive
	put $hold none
	t_ok "$1: persistent ring" put "$R/new" hung "$PA" $run_bytes persistent
	t_ok "$1: ring removed" put "$R/remove" hung
	t_fails EAGAIN "$1: module is in use" rmmod lvbs
	t_ok "$1: block goes offline" offline
	t_is "$(cat "$BLOCK/state")" offline "$1: block state"
}

if [ -e /proc/sys/vm/unprivileged_userfaultfd ]; then
	insmod /locker.ko
	for direction in read write; do
		name=hanging_$direction
		hang_case "$name" $direction 0
		hang_end KILL
		t_ok "$name: block goes online" online
		pages_free

		name=half_done_$direction
		hang_case "$name" $direction $half_pages
		hang_end USR1
		t_ok "$name: ends at the offline frames" copied_a_part
		t_ok "$name: block goes online" online
		pages_free
	done

	t_ok adjacent_frames movable_run
	[ $t_status = 0 ] || t_done
	hang_start write $half_pages
	t_is "$(mem_read "$PA" 1) $(mem_read $((PA + run_bytes - 4096)) 1)" "68 5a" first_part_is_written
	put "$R/new" hung "$PA" $run_bytes persistent
	echo record >"$R/hung/write"
	ring_before=$(mem_read "$PA" $run_bytes)
	hang_end USR1
	t_ok hanging_write_ends_at_protection copied_a_part
	t_is "$(mem_read "$PA" $run_bytes)" "$ring_before" protected_frames_unchanged
	t_is "$(cat "$R/hung/snapshot")" record ring_unchanged
	put "$R/remove" hung

	# The user's pages are not pinned while the kernel waits for the next one.
	for direction in read write; do
		t_ok "buffer_of_$direction: adjacent frames" movable_run
		[ $t_status = 0 ] || t_done
		t_ok "buffer_of_$direction: hangs" hang_start $direction $half_pages
		buffer_block
		if [ "$(cat "$BLOCK/valid_zones")" = Movable ] && [ -e "$M/memory$((${BLOCK##*memory} + 2))" ]; then
			t_ok "buffer_of_$direction: block goes offline" timeout 60 sh -c "echo offline >$BLOCK/state"
			hang_end KILL
			t_ok "buffer_of_$direction: block goes online" online
		else
			hang_end KILL
		fi
		pages_free
	done

	t_ok adjacent_frames_for_lock movable_run
	[ $t_status = 0 ] || t_done
	hang_start read $half_pages
	put $hold "$PA" $run_bytes exclusive
	hang_end USR1
	put $hold none
	t_ok hanging_read_ends_at_lock copied_a_part
	pages_free
	rmmod locker
fi

#
# Single pages: marked PageOffline, and poisoned.
#
t_ok mark_page_offline insmod /offline.ko
PFN=$(cat /sys/module/offline/parameters/pfn)
PA=$((PFN * 4096))
all_refuse page_offline ENXIO
t_ok unmark_page rmmod offline
t_ok readable_after_unmark mem_read $PA 1

# Debian's 6.1 cloud kernel has no CONFIG_MEMORY_FAILURE.
if [ -e $M/hard_offline_page ]; then
	page_new 1
	t_ok hard_offline put $M/hard_offline_page "$PA"
	all_refuse poisoned ENXIO
	page_new 1
	t_ok soft_offline put $M/soft_offline_page "$PA"
	all_refuse soft_offlined ENXIO
	t_is "$(page_read 0 4)" 5a5a5a5a soft_offlined_page_was_migrated
fi

t_is "$(still_mapped)" "$mapped_before" mappings_unchanged
t_ok rmmod rmmod lvbs
t_ok reload insmod /lvbs.ko
t_done
