# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# phys/*: read and write the physical memory of a stock kernel, and check what is refused.
#
# kernels: stock
# full: debug next rt arm64 clang
# programs: seek
# shellcheck source=scripts/guest/lib.sh
. /lib.sh
# shellcheck source=scripts/guest/kernel.sh
. /kernel.sh

# span_ask COMMAND: write COMMAND to phys/span and print its answer.
span_ask() {
	exec 5<>"$D/phys/span" || return
	echo "$1" >&5 || { exec 5>&-; return 1; }
	cat <&5
	exec 5>&-
}

stat_of() {
	sed -n "s/^$1: //p" "$D/phys/stats"
}

# ranges_of FILE: print the ranges in phys/FILE, one "START END" per line, in decimal.
ranges_of() {
	sed 's/-/ /' "$D/phys/$1" | while read -r range_start range_end range_rest; do
		echo "$((range_start)) $((range_end)) $range_rest"
	done
}

#
# phys/ram has the whole pages of System RAM in /proc/iomem.
#
t_is "$(cat "$D/phys/ram")" "$(iomem_ram)" ram_matches_iomem

#
# Kernel memory, compared with /proc/kcore.
#
banner=$(banner)
banner_pa=$(kernel_pa "$banner")
t_is "$(unhex "$(mem_read "$banner_pa" 14)")" "Linux version " banner_at_physical_address
t_is "$(mem_read "$banner_pa" 200)" "$(kcore_read "$banner" 200)" banner_matches_kcore
page_va=$((banner & ~4095))
t_is "$(mem_read "$(kernel_pa $page_va)" 4096)" "$(kcore_read $page_va 4096)" page_matches_kcore
text=$(sym schedule)
t_is "$(mem_read "$(kernel_pa "$text")" 64)" "$(kcore_read "$text" 64)" text_matches_kcore

# Three pages of read-only data, by reads of several sizes and at several offsets.
rodata=$(rodata_pa)
dd if="$D/phys/mem" of=/tmp/whole bs=12288 skip=$((rodata)) count=1 iflag=skip_bytes status=none
for bs in 1 3 7 512 4095 4096 4097 12288; do
	dd if="$D/phys/mem" bs=$bs skip=$((rodata)) iflag=skip_bytes count=$(((12288 + bs - 1) / bs)) \
		status=none | head -c 12288 >/tmp/part
	t_ok "dd_bs_$bs" cmp /tmp/whole /tmp/part
done
for at in 1 4095 4096 4097; do
	dd if="$D/phys/mem" of=/tmp/part bs=5000 skip=$((rodata + at)) count=1 iflag=skip_bytes status=none
	dd if=/tmp/whole of=/tmp/want bs=5000 skip=$at count=1 iflag=skip_bytes status=none
	t_ok "dd_offset_$at" cmp /tmp/want /tmp/part
done
t_is "$(xxd -p -s $((banner_pa)) -l 16 "$D/phys/mem")" "$(mem_read "$banner_pa" 16)" xxd_reads
t_is "$(od -A n -t x1 -j $((banner_pa)) -N 16 "$D/phys/mem" | tr -d ' \n')" "$(mem_read "$banner_pa" 16)" od_reads

#
# Writes to pages of an idle process (see page_new).
#
page_new 2
t_is "$(mem_read "$PA" 4)" 5a5a5a5a page_has_pattern
t_ok write_accepted mem_write $((PA + 100)) 6c766273
t_is "$(page_read 99 6)" 5a6c7662735a write_visible_to_userspace
page_write 200 deadbeef
t_is "$(mem_read $((PA + 199)) 6)" 5adeadbeef5a userspace_write_visible

# Writes of several sizes at both ends of the page must not reach the next one.
for len in 1 2 7 8 9 63 64 65 1000 4096; do
	hex=$(head -c "$len" /dev/urandom | xxd -p | tr -d '\n')
	mem_write $((PA + 4096 - len)) "$hex" || :
	t_is "$(page_read $((4096 - len)) "$len")" "$hex" "write_${len}_at_page_end"
	mem_write "$PA" "$hex" || :
	t_is "$(page_read 0 "$len")" "$hex" "write_${len}_at_page_start"
done
t_is "$(page_read 4096 16)" 5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a next_page_unchanged

#
# phys/mem keeps its size when it is truncated, and supports fsync().
#
mem_size=$(stat -c %s "$D/phys/mem")
t_ok size_covers_ram test "$mem_size" -gt $((PA))
size_unchanged() {
	t_is "$(stat -c %s "$D/phys/mem")" "$mem_size" "size_unchanged_by_$1"
	t_is "$(xxd -p -s $((PA)) -l 4 "$D/phys/mem")" "$(page_read 0 4)" "readable_after_$1"
}
t_ok redirection sh -c ": >$D/phys/mem"
size_unchanged redirection
t_ok truncate truncate -s 0 "$D/phys/mem"
size_unchanged truncate
t_ok truncate_larger truncate -s 1099511627776 "$D/phys/mem"
size_unchanged truncate_larger
printf dd00 >/tmp/four
t_ok dd_with_truncation dd if=/tmp/four of="$D/phys/mem" bs=4 seek=$((PA)) oflag=seek_bytes status=none
t_is "$(page_read 0 4)" "$(xxd -p /tmp/four)" dd_with_truncation_writes
size_unchanged dd_with_truncation
printf sync >/tmp/four
t_ok dd_with_fsync dd if=/tmp/four of="$D/phys/mem" bs=4 seek=$((PA)) oflag=seek_bytes conv=notrunc,fsync status=none
t_is "$(page_read 0 4)" "$(xxd -p /tmp/four)" dd_with_fsync_writes
size_unchanged dd_with_fsync
t_ok chmod chmod 0400 "$D/phys/mem"
t_is "$(stat -c %a "$D/phys/mem")" 400 mode_changed
chmod 0600 "$D/phys/mem"

#
# phys/span: one value across two unrelated frames, in either order.
#
p0=${PFNS% *}
p1=${PFNS#* }
page_write 4090 010203040506
page_write 4096 0708090a0b0c
t_is "$(span_ask "read 4090 12 $p0 $p1")" 0102030405060708090a0b0c span_read_crosses_frames
t_is "$(span_ask "write 4093 a1a2a3a4a5a6 $p0 $p1")" "" span_write_has_no_answer
t_is "$(page_read 4090 6)$(page_read 4096 6)" 010203a1a2a3a4a5a60a0b0c span_write_crosses_frames
t_is "$(span_ask "read 4095 2 $p1 $p0")" "$(page_read 8191 1)$(page_read 0 1)" span_frames_in_reverse
t_is "$(span_ask "read 0 8192 $p0 $p1")" "$(page_read 0 4096)$(page_read 4096 4096)" span_read_8192
t_is "$(span_ask "read $((0xffa)) 0xc $p0 $p1")" "$(page_read 4090 12)" span_takes_decimal_and_hex
t_is "$(span_ask "read 0 0 $p0")" "" span_read_of_no_bytes
t_is "$(span_ask "read 0 4096 $p0" | wc -c)" 8193 span_answer_is_one_line

before=$(page_read 0 4096)$(page_read 4096 4096)
span_refused() {
	t_fails "$1" "$2" span_ask "$3"
}
span_refused EINVAL span_empty_command ""
span_refused EINVAL span_unknown_verb "peek 0 1 $p0"
span_refused EINVAL span_no_length "read 0"
span_refused EINVAL span_no_frames "read 0 1"
span_refused EINVAL span_no_frames_to_write "write 0 00"
span_refused EINVAL span_offset_of_page_size "read 4096 1 $p0 $p1"
span_refused EINVAL span_offset_over_64_bits "write 0x10000000000000000 00 $p0"
span_refused EINVAL span_negative_offset "read -1 1 $p0"
span_refused EINVAL span_frame_not_a_number "read 0 1 ${p0}z"
span_refused EINVAL span_odd_hex "write 0 123 $p0"
span_refused EINVAL span_not_hex "write 0 zz $p0"
span_refused ERANGE span_read_longer_than_frames "read 1 4096 $p0"
span_refused ERANGE span_write_longer_than_frames "write 4095 0000 $p0"
span_refused ERANGE span_length_of_u64_max "read 0 0xffffffffffffffff $p0"
span_refused EEXIST span_write_duplicate_frame "write 0 00 $p0 $p1 $p0"
span_refused EEXIST span_read_duplicate_frame "read 0 1 $p0 $p0"
span_refused ENXIO span_first_frame_in_hole "write 4095 0000 0xa0 $p0"
span_refused ENXIO span_second_frame_in_hole "write 4095 0000 $p0 0xa0"
span_refused EOVERFLOW span_frame_beyond_width "write 4095 0000 $p0 0xfffffffffffff"
span_two_commands() {
	exec 5<>"$D/phys/span"
	echo "read 0 1 $p0" >&5
	echo "read 0 1 $p0" >&5
}
t_fails EBUSY span_second_command span_two_commands
exec 5>&-
t_is "$(page_read 0 4096)$(page_read 4096 4096)" "$before" refused_spans_changed_nothing

#
# Refused accesses and their errnos.
#
ram_end=$(ranges_of ram | tail -n 1 | cut -d ' ' -f 2)
width=$(sed -n 's/^address sizes.*: \([0-9]*\) bits physical.*/\1/p' /proc/cpuinfo | head -n 1)
# arm64: what the kernel was built for.
width=${width:-48}

t_is "$(mem_read "$ram_end" 1 | wc -c)" 2 last_byte_of_ram
t_is "$(mem_read "$ram_end" 2 | wc -c)" 2 read_stops_at_end_of_ram
t_fails ENXIO read_after_end_of_ram mem_read $((ram_end + 1)) 1
! on_x86 || t_is "$(mem_read 0x9e000 8192 | wc -c)" 8192 read_stops_at_hole
t_fails ENXIO read_page_0 mem_read 0 1
t_fails ENXIO read_hole mem_read 0xa0000 1
t_fails ENXIO write_hole mem_write 0xa0000 00
t_fails ENXIO read_vga_memory mem_read 0xb8000 16
t_fails ENXIO read_local_apic mem_read 0xfee00000 4
t_fails ENXIO read_last_address_in_width mem_read $(((1 << width) - 1)) 1
t_fails EOVERFLOW read_first_address_beyond_width mem_read $((1 << width)) 1
t_fails EOVERFLOW read_far_beyond_width mem_read $((1 << 60)) 1
t_fails EOVERFLOW write_beyond_width mem_write $((1 << width)) 00
t_is "$(dd if="$D/phys/mem" bs=1 count=0 status=none | wc -c)" 0 zero_length_read

own=$(ranges_of owned | head -n 1 | cut -d ' ' -f 1)
t_ok owned_range_exists test -n "$own"
t_fails EPERM read_owned_page mem_read "$own" 1
t_fails EPERM write_owned_page mem_write "$own" 00
t_fails EPERM span_with_owned_frame span_ask "read 4095 2 $p0 $((own / 4096))"

# Exactly the pages of the module image are owned.
core_pages=$((($(sed -n 's/^lvbs \([0-9]*\) .*/\1/p' /proc/modules) + 4095) / 4096))
first_seen_pages=0
! on_x86 || first_seen_pages=$(awk '$1 == "first_seen:" { print $2 / 4096 }' "$D/heki/verify")
owned_pages=0
while read -r s e; do
	owned_pages=$((owned_pages + (e + 1 - s) / 4096))
done <<-END
	$(ranges_of owned)
END
t_is $owned_pages $((core_pages + first_seen_pages)) owned_is_module_image_and_first_seen_text

t_fails EROFS write_kernel_text mem_write "$(kernel_pa "$text")" 00
t_fails EROFS write_kernel_rodata mem_write "$banner_pa" 00
t_fails EROFS span_write_with_kernel_text span_ask "write 4095 0000 $p0 $(($(kernel_pa "$text") / 4096))"
t_is "$(page_read 4095 1)" "$(echo "$before" | cut -c 8191-8192)" refused_span_changed_nothing
t_is "$(mem_read "$banner_pa" 14)" "$(kcore_read "$banner" 14)" refused_write_changed_nothing
t_is "$(awk '{ print $2, $3 }' "$D/phys/protected" | sort -u | tr '\n' ,)" "kernel rodata,kernel text,ring log," protected_lists_owners
t_is "$(awk -F - '/kernel text/ { print $1; exit }' "$D/phys/protected")" \
	"$(printf '0x%x' $(($(iomem_start "Kernel code"))))" protected_text_matches_iomem

#
# File modes, and opening without CAP_SYS_RAWIO.
#
t_is "$(stat -c %a "$D/phys/mem" "$D/phys/span" "$D/phys/ram" "$D/phys/stats" | tr '\n' ' ')" \
	"600 600 400 400 " file_modes
t_fails EPERM mem_without_rawio unshare -U -r dd if="$D/phys/mem" bs=1 count=1 skip=$((PA)) iflag=skip_bytes
t_fails EPERM span_without_rawio unshare -U -r sh -c "exec 5<>$D/phys/span"

#
# Counters.
#
maps=$(stat_of maps)
copied=$(stat_of copied)
refused=$(stat_of refused_ENXIO)
mem_read "$PA" 16 >/dev/null
mem_write "$PA" 0000
mem_read 0xa0000 1 >/dev/null 2>&1 || :
t_is $(($(stat_of maps) - maps)) 2 maps_counted
t_is $(($(stat_of copied) - copied)) 18 copied_bytes_counted
t_is $(($(stat_of refused_ENXIO) - refused)) 1 refusal_counted
# The log ring stays mapped.
t_is "$(stat_of maps)" "$(($(stat_of unmaps) + 1))" only_the_log_is_mapped
t_is "$(stat_of live) $(stat_of leaked) $(stat_of faults)" "1 0 0" no_leaks_or_faults

#
# Tracepoints.
#
T=/sys/kernel/tracing
echo 1 >$T/events/lvbs/enable
mem_read "$PA" 16 >/dev/null
mem_read 0xa0000 1 >/dev/null 2>&1 || :
echo 0 >$T/events/lvbs/enable
t_ok trace_has_mapping grep -q "phys_map: pfn=$PFN nr=1 ro" $T/trace
t_ok trace_has_refusal grep -q "phys_refuse: pfn=0xa0 err=-6" $T/trace

#
# Parameter windows: single accesses are mapped in local windows, or by vmap().
#
# vmaps WINDOWS: print how often a read and a write call vmap().
vmaps() {
	echo "$1" >/sys/module/lvbs/parameters/windows
	echo "p:lvbs_vmap vmap" >>$T/kprobe_events
	echo 1 >$T/events/kprobes/lvbs_vmap/enable
	span_ask "read 10 8 $PFN" >/dev/null
	span_ask "write 10 5a $PFN"
	awk '$1 == "lvbs_vmap" { print $2 }' $T/kprobe_profile
	echo 0 >$T/events/kprobes/enable
	echo >$T/kprobe_events
}
windows_before=$(cat /sys/module/lvbs/parameters/windows)
t_is "$(vmaps 0)" 2 without_windows_vmap_maps
! on_x86 || t_is "$(vmaps 1)" 0 with_windows_vmap_is_not_called
t_fails EINVAL windows_is_a_bool put /sys/module/lvbs/parameters/windows 7
echo "$windows_before" >/sys/module/lvbs/parameters/windows

#
# SEEK_DATA and SEEK_HOLE follow usable RAM.
#
first_run=$(head -n 1 "$D/phys/ram")
run_start=$((${first_run%-*})) run_end=$((${first_run#*-} + 1))
# Elsewhere the only run has frames of VTL1.
if on_x86; then
	t_is "$(/seek "$D/phys/mem" hole $run_start)" $run_end hole_after_the_first_run
	t_is "$(/seek "$D/phys/mem" data $run_end)" "$(($(sed -n '2s/-.*//p' "$D/phys/ram")))" data_at_the_second_run
fi
t_is "$(/seek "$D/phys/mem" hole $run_end)" $run_end a_hole_is_a_hole
t_is "$(/seek "$D/phys/mem" data $((run_start + 1)))" $((run_start + 1)) data_is_data
t_fails ENXIO no_data_after_the_last_run /seek "$D/phys/mem" data "$(($(sed -n '$s/.*-//p' "$D/phys/ram") + 1))"
t_fails ENXIO no_data_beyond_the_end /seek "$D/phys/mem" data $((1 << 60))
owned_run=$(head -n 1 "$D/phys/owned")
t_is "$(/seek "$D/phys/mem" hole $((${owned_run%-*})))" $((${owned_run%-*})) owned_frames_are_a_hole
at_owned=$(/seek "$D/phys/mem" data $((${owned_run%-*})))
t_ok data_after_owned_frames test "$at_owned" -gt $((${owned_run#*-}))
t_ok data_after_owned_frames_is_readable mem_read "$at_owned" 1

pages_free
t_ok unload rmmod lvbs
t_ok files_removed test ! -e "$D"
t_ok reload insmod /lvbs.ko
t_fails EINVAL invalid_carve_out sh -c "rmmod lvbs; insmod /lvbs.ko owned=0x1000"
t_ok load_with_carve_outs insmod /lvbs.ko owned=0x200000-0x20ffff,0x300000-0x300fff
t_fails EPERM read_carve_out mem_read 0x20ffff 1
t_is "$(grep -c -x -e 0x200000-0x20ffff -e 0x300000-0x300fff "$D/phys/owned")" 2 carve_outs_listed
t_done
