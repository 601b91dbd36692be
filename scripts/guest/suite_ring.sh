# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# ring/*: create, write, read, follow and remove rings on a stock kernel.
#
# kernels: stock
# full: debug next rt arm64 clang
# shellcheck source=scripts/guest/lib.sh
. /lib.sh
# shellcheck source=scripts/guest/kernel.sh
. /kernel.sh

R=$D/ring

# record NAME TEXT: write one record by one write().
record() {
	printf '%s' "$2" >"$R/$1/write"
}

# bytes N [CHARACTER]: print N times CHARACTER.
bytes() {
	head -c "$1" /dev/zero | tr '\000' "${2:-x}"
}

# big NAME N [CHARACTER]: write one record of N bytes.
big() {
	bytes "$2" "$3" >/tmp/.big
	dd if=/tmp/.big of="$R/$1/write" bs="$2" count=1 status=none
}

state() {
	sed -n "s/^$2: *//p" "$R/$1/state"
}

stat_of() {
	sed -n "s/^$1: //p" "$D/phys/stats"
}

# wait_for CMD...: run CMD until it succeeds, for about 10 seconds at most.
wait_for() {
	wait_left=100
	until "$@"; do
		wait_left=$((wait_left - 1))
		[ "$wait_left" -gt 0 ] || return 1
		sleep 0.1
	done
}

size_is() {
	[ "$(wc -c <"$1")" -eq "$2" ]
}

gone() {
	[ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"
}

#
# An independent reader: it uses phys/mem and ring/NAME/state only, and follows "ring memory format" in
# ring_buffer.h.
#
# ring_read NAME [CMD...]: print the ring's contents, oldest byte first. CMD runs after the memory was
# copied, like a concurrent writer.
ring_read() {
	read_name=$1
	shift
	# shellcheck disable=SC2046 # words
	set -- $(awk -v RS='\n' '{ v[$1] = $2 } END { print v["size:"], v["offset:"], v["total:"], v["oldest:"], v["base:"] }' \
		"$R/$read_name/state") "$@"
	read_size=$1
	read_offset=$2
	read_total=$3
	read_oldest=$4
	read_base=$5
	shift 5
	for read_run in $(state "$read_name" pages); do
		read_first=$((${read_run%-*}))
		read_last=$((${read_run#*-}))
		dd if="$D/phys/mem" bs=4096 skip=$read_first count=$((read_last - read_first + 1)) status=none
	done | tail -c +$((read_base % 4096 + 1)) | head -c "$read_size" >/tmp/.ring
	"$@"
	read_now=$(state "$read_name" oldest)
	[ "$read_now" -le "$read_total" ] || read_now=$read_total
	[ "$read_oldest" -ge "$read_now" ] || read_oldest=$read_now
	read_len=$((read_total - read_oldest))
	read_at=$(((read_offset - read_len + read_size) % read_size))
	{ tail -c +$((read_at + 1)) /tmp/.ring && cat /tmp/.ring; } | head -c $read_len
}

same_by_memory() {
	ring_read "$1" >/tmp/.by_memory
	cat "$R/$1/snapshot" >/tmp/.by_snapshot
	t_ok "$2" cmp /tmp/.by_memory /tmp/.by_snapshot
}

#
# The module's own log, which exists from load on.
#
t_is "$(state log mode)" persistent log_is_persistent
t_is "$(state log size)" 16384 log_has_four_pages
t_ok log_has_loaded_line grep -q '^\[ *[0-9]*\.[0-9]*\] loaded$' "$R/log/snapshot"
same_by_memory log log_read_from_memory
t_is "$(stat -c %a "$R/new" "$R/remove" "$R/log/write" "$R/log/snapshot" "$R/log/stream" "$R/log/state" | tr '\n' ' ')" \
	"600 600 600 400 400 400 " file_permissions
t_fails EBUSY log_is_not_removable put "$R/remove" log

#
# ring/new and ring/remove: malformed commands and bad names.
#
for bad in "" "a" "a 1" "a 1 2" "a 1 2 3 ondemand" "a 1 often" "a 1 ondemand x" "a -1 ondemand" "a 1k ondemand" \
	"a 0 ondemand" "a 0 persistent" "a 0x100000 0 ondemand" "a ondemand" "new 1 ondemand" "remove 1 ondemand" \
	". 1 ondemand" ".. 1 ondemand" "a/b 1 ondemand" "ä 1 ondemand" \
	"012345678901234567890123456789012 1 ondemand" "a 0x10000000000000000 ondemand"; do
	t_fails EINVAL "new_refuses '$bad'" put "$R/new" "$bad"
done
t_fails EINVAL new_refuses_long_command put "$R/new" "a $(bytes 300 1) ondemand"
t_fails ENOMEM new_refuses_overflowing_page_count put "$R/new" a 0xffffffffffffffff persistent
t_fails ENOMEM new_refuses_more_pages_than_memory put "$R/new" a 0x1000000 ondemand
t_fails EINVAL remove_refuses_empty_name put "$R/remove" ""
t_fails EINVAL remove_refuses_two_names put "$R/remove" "a b"
t_fails ENOENT remove_refuses_unknown_name put "$R/remove" never
t_is "$(cd "$R" && echo *)" "log new remove" refused_commands_create_no_ring

t_ok new_ring put "$R/new" a 2 ondemand
t_fails EEXIST new_refuses_existing_name put "$R/new" a 1 persistent
t_is "$(cd "$R/a" && echo *)" "snapshot state stream write" ring_files
t_is "$(state a size) $(state a offset) $(state a total) $(state a wraps) $(state a failed) $(state a lost) $(state a mode)" \
	"8192 0 0 0 0 0 ondemand" new_ring_state
t_ok remove put "$R/remove" a
t_ok removed_ring_has_no_files [ ! -e "$R/a" ]

#
# Rings in given memory, and memory that is refused.
#
page_new 1
t_fails EROFS refuses_kernel_text put "$R/new" a "$(iomem_start "Kernel code")" 4096 persistent
t_fails EROFS refuses_range_reaching_kernel_text put "$R/new" a $(($(iomem_start "Kernel code") - 4096)) 4097 ondemand
t_fails EROFS refuses_kernel_rodata put "$R/new" a $(($(rodata_pa) + 5)) 1 ondemand
owned=$(head -n 1 "$D/phys/owned")
t_fails EPERM refuses_owned_memory put "$R/new" a "${owned%-*}" 100 ondemand
t_fails ENXIO refuses_hole put "$R/new" a 0xfee00000 4096 persistent
t_fails ENXIO refuses_range_reaching_hole put "$R/new" a 0x9f000 8192 persistent
t_fails EOVERFLOW refuses_address_beyond_width put "$R/new" a 0xfffffffffffff000 4096 ondemand
t_fails EOVERFLOW refuses_wrapping_range put "$R/new" a 0xfffffffffffff000 0x2000 ondemand
t_fails EOVERFLOW refuses_overflowing_size put "$R/new" a "$PA" 0xffffffffffffffff ondemand
t_ok new_ring_in_given_memory put "$R/new" given $((PA + 100)) 1000 ondemand
t_fails EEXIST refuses_frame_of_another_ring put "$R/new" b $((PA + 2000)) 100 persistent
t_is "$(state given base) $(state given pages)" "$(printf '0x%x' $((PA + 100))) $PFN-$PFN" state_has_base_and_pages
record given "written by VTL1"
t_is "$(unhex "$(page_read 100 15)")" "written by VTL1" memory_has_the_record
t_is "$(page_read 99 1)$(page_read 115 1)" 5a5a memory_around_is_unchanged
t_fails EROFS ring_memory_is_protected mem_write "$PA" 41
t_ok ring_memory_is_in_protected grep -q "^$PA-.* ring given\$" "$D/phys/protected"
big given 990 y
same_by_memory given given_read_from_memory
t_is "$(page_read 99 1)$(page_read 1100 1)" 5a5a memory_around_is_unchanged_after_wrapping
t_ok remove_ring_in_given_memory put "$R/remove" given
t_ok memory_is_writable_after_removal mem_write "$PA" 41
t_ok new_persistent_ring_in_given_memory put "$R/new" given $((PA + 100)) 1000 persistent
big given 990 y
record given "0123456789abcdef"
t_is "$(tail -c 16 "$R/given/snapshot")" 0123456789abcdef unaligned_persistent_ring_wraps
same_by_memory given given_persistent_read_from_memory
put "$R/remove" given
pages_free

#
# Writes: empty, up to the ring's end, past it, and longer than the ring, in both modes.
#
for mode in ondemand persistent; do
	put "$R/new" w 2 $mode
	record w ""
	t_is "$(state w total)" 0 "${mode}_empty_record"
	record w hello
	t_is "$(cat "$R/w/snapshot")/$(state w offset)/$(state w total)" hello/5/5 "${mode}_first_record"
	big w 8186 a
	t_is "$(state w offset)/$(state w wraps)" 8191/0 "${mode}_write_ends_one_byte_before_end"
	record w b
	t_is "$(state w offset)/$(state w wraps)" 0/1 "${mode}_write_ends_at_end"
	same_by_memory w "${mode}_full_ring_read_from_memory"
	record w over
	t_is "$(state w offset)/$(state w total)/$(tail -c 5 "$R/w/snapshot")" 4/8196/bover "${mode}_write_wraps"
	t_is "$(head -c 2 "$R/w/snapshot")" oa "${mode}_snapshot_starts_with_oldest"
	same_by_memory w "${mode}_wrapped_ring_read_from_memory"
	{ bytes 7 z && bytes 8192 c; } >/tmp/large
	dd if=/tmp/large of="$R/w/write" bs=8199 count=1 status=none
	t_is "$(state w offset)/$(state w total)" 0/16395 "${mode}_write_longer_than_ring"
	tail -c 8192 /tmp/large >/tmp/want
	t_ok "${mode}_long_write_keeps_last_bytes" cmp /tmp/want "$R/w/snapshot"
	same_by_memory w "${mode}_long_write_read_from_memory"
	big w 8190 d
	record w end
	t_is "$(state w offset)/$(tail -c 4 "$R/w/snapshot")/$(wc -c <"$R/w/snapshot")" 1/dend/8192 "${mode}_write_after_long_write"
	same_by_memory w "${mode}_offset_is_not_total_mod_size"
	t_is "$(state w failed)/$(state w lost)" 0/0 "${mode}_counts_no_failure"
	put "$R/remove" w
done

# A reader that is lapped during its copy keeps the valid bytes.
put "$R/new" lap 1 ondemand
big lap 4096 a
ring_read lap big lap 4000 b >/tmp/lapped
t_is "$(wc -c </tmp/lapped)/$(tr -d a </tmp/lapped | wc -c)" 96/0 reader_lapped_during_copy
ring_read lap big lap 5000 c >/tmp/lapped
t_is "$(wc -c </tmp/lapped)" 0 reader_lapped_completely_during_copy
put "$R/remove" lap

#
# The number of mappings that a write takes.
#
# maps NAME LEN: write a record of LEN bytes and print the number of mappings.
maps() {
	maps_before=$(stat_of maps)
	big "$1" "$2" m
	echo $(($(stat_of maps) - maps_before))
}
echo 1 >/sys/kernel/tracing/events/lvbs/ring_write/enable
put "$R/new" m 32 ondemand
t_is "$(maps m 131000)" 1 31_pages_without_wrap_take_one_mapping
t_is "$(maps m 200)" 1 wrap_takes_one_mapping
big m 130908 m
t_is "$(state m offset)/$(maps m 61476)" 131036/1 wrap_of_16_pages_takes_one_mapping
big m 69596 m
t_is "$(state m offset)/$(maps m 65536)" 131036/2 wrap_of_17_pages_takes_two_mappings
put "$R/remove" m
put "$R/new" m 1 ondemand
big m 4000 m
t_is "$(maps m 200)" 2 wrap_into_start_page_takes_two_mappings
put "$R/remove" m
put "$R/new" m 4 persistent
big m 16000 m
t_is "$(maps m 1000)/$(maps m 20000)" 0/0 persistent_takes_no_mapping
put "$R/remove" m
t_ok trace_has_path_one grep -q 'ring_write: ring=m len=200 path=one err=0' /sys/kernel/tracing/trace
t_ok trace_has_path_two grep -q 'ring_write: ring=m len=65536 path=two err=0' /sys/kernel/tracing/trace
t_ok trace_has_path_persistent grep -q 'ring_write: ring=m len=1000 path=persistent err=0' /sys/kernel/tracing/trace
echo 0 >/sys/kernel/tracing/events/lvbs/ring_write/enable

#
# Streams.
#
put "$R/new" f 1 ondemand
record f "before;"
cat "$R/f/stream" >/tmp/f1 &
f1=$!
cat "$R/f/stream" >/tmp/f2 &
f2=$!
t_ok stream_starts_with_oldest_byte wait_for size_is /tmp/f1 7
record f "after;"
t_ok write_wakes_stream wait_for size_is /tmp/f1 13
t_ok write_wakes_second_stream wait_for size_is /tmp/f2 13
t_is "$(cat /tmp/f1)" "before;after;" stream_has_both_records
big f 10000 l
t_ok lapped_stream_continues wait_for size_is /tmp/f1 $((13 + 22 + 4096))
t_is "$(tail -c +14 /tmp/f1 | head -n 1)" "lvbs: lost 5904 bytes" lapped_stream_has_notice
t_is "$(tail -c 4096 /tmp/f1 | tr -d l | wc -c)" 0 lapped_stream_has_valid_bytes
t_ok fdinfo_has_lost_bytes grep -q '^lvbs_lost:.5904$' /proc/$f1/fdinfo/3

exec 6<"$R/f/stream"
head -c 4096 <&6 >/dev/null
# "read -t" polls.
# shellcheck disable=SC3045 # busybox has it
t_is "$(read -r -t 1 line <&6; echo $?)" 1 poll_waits
{ sleep 0.5; record f "polled
"; } &
poll_writer=$!
# shellcheck disable=SC3045 # busybox has it
t_is "$(read -r -t 20 line <&6; echo "$? $line")" "0 polled" poll_wakes
wait $poll_writer
exec 7<"$R/f/stream" 8>"$R/f/write" 9<"$R/f/snapshot"
t_fails EAGAIN open_files_prevent_rmmod rmmod lvbs
t_ok remove_with_open_files put "$R/remove" f
t_ok removal_ends_stream wait_for gone "$f1"
t_ok removal_ends_second_stream wait_for gone "$f2"
t_is "$(cat <&7 | wc -c)" 0 open_stream_ends
t_fails ENOENT open_write_file_fails sh -c 'echo x >&8'
t_is "$(cat <&9 | wc -c)" 4096 open_snapshot_is_kept
exec 6<&- 7<&- 8>&- 9<&-
wait $f1 $f2

# Create and remove the same name again and again, under load.
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
	[ $((i % 2)) = 0 ] && mode=persistent || mode=ondemand
	put "$R/new" again 1 "$mode" || echo "new $i" >>/tmp/again
	(while echo "line" 2>/dev/null >"$R/again/write"; do :; done) 2>/dev/null &
	cat "$R/again/stream" >/dev/null &
	(while cat "$R/again/snapshot" >/dev/null; do :; done) 2>/dev/null &
	(while cat "$R/again/state" >/dev/null; do :; done) 2>/dev/null &
	sleep 0.2
	put "$R/remove" again || echo "remove $i" >>/tmp/again
	wait $!
done
t_ok create_and_remove_under_load [ ! -e /tmp/again ]

#
# Concurrent writers and readers.
#
# good_lines FILE: check that every line is complete and that each writer's lines are in order. Lines
# next to a loss notice may be incomplete. Prints the number of bad lines, and the sum of the bytes read
# and reported lost.
good_lines() {
	awk '
	/^lvbs: lost [0-9]+ bytes$/ { lost += $3; gap = 1; next }
	{
		bytes += length($0) + 1
		split($0, part, " ")
		want = part[1] " " part[2] " " substr("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", 1, part[2] % 47) " ."
		whole = $0 == want && part[2] > last[part[1]]
		if (whole && !gapped[part[1]] && part[2] != last[part[1]] + 1) { whole = 0 }
		if (gap) {
			# The first line after a gap; any writer may have lost lines.
			gap = 0
			for (w = 1; w <= 3; w++) gapped["w" w] = 1
			if (!whole) next
		}
		if (!whole) { bad++; next }
		last[part[1]] = part[2]
		gapped[part[1]] = 0
	}
	END { print bad + 0, bytes + lost }' "$1"
}
cat >/tmp/writer.sh <<'END'
awk -v w="$1" -v n="$2" -v file="$3" 'BEGIN {
	for (i = 1; i <= n; i++) {
		print w " " i " " substr("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", 1, i % 47) " ." >file
		fflush(file)
	}
}'
END
for mode in ondemand persistent; do
	put "$R/new" s 16 $mode
	cat "$R/s/stream" >/tmp/s1 &
	s1=$!
	cat "$R/s/stream" >/tmp/s2 &
	s2=$!
	for w in 1 2 3; do
		sh /tmp/writer.sh w$w 3000 "$R/s/write" &
		eval "writer$w=\$!"
	done
	bad=0
	for i in 1 2 3 4 5 6 7 8; do
		tail -n +2 "$R/s/snapshot" >/tmp/snap
		# Numbers start anywhere in a snapshot and are consecutive.
		awk '{ if (split($0, p, " ") < 3 || $0 !~ / \.$/ || ($1 in last && last[$1] + 1 != $2)) bad = 1; last[$1] = $2 }
			END { exit bad }' /tmp/snap || bad=$((bad + 1))
		sleep 0.2
	done
	t_is $bad 0 "stress_${mode}_snapshots"
	# shellcheck disable=SC2154 # set by eval
	wait "$writer1" "$writer2" "$writer3"
	total=$(state s total)
	put "$R/new" mark 1 ondemand
	sleep 1
	put "$R/remove" s
	wait $s1 $s2
	t_is "$(good_lines /tmp/s1)" "0 $total" "stress_${mode}_stream_1"
	t_is "$(good_lines /tmp/s2)" "0 $total" "stress_${mode}_stream_2"
	put "$R/remove" mark
done

#
# The log after all this, and after a reload.
#
t_ok log_has_removal_line grep -q 'ring mark: removed$' "$R/log/snapshot"
t_is "$(($(stat_of maps) - $(stat_of unmaps)))" 1 only_the_log_is_mapped
t_ok unload rmmod lvbs
t_fails EINVAL refuses_log_of_no_pages insmod /lvbs.ko log_pages=0
t_ok load_with_log_of_one_page insmod /lvbs.ko log_pages=1
t_is "$(state log size)" 4096 log_has_one_page
t_done
