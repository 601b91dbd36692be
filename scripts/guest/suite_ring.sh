# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# ring/*: rings made, written, read, followed and removed on a live stock kernel.
#
# kernels: 6.1 6.12
# shellcheck source=scripts/guest/lib.sh
. /lib.sh
# shellcheck source=scripts/guest/kernel.sh
. /kernel.sh

R=$D/ring

# record NAME TEXT: one record, one write().
record() {
	printf '%s' "$2" >"$R/$1/write"
}

# bytes N [CHARACTER]: so many of them.
bytes() {
	head -c "$1" /dev/zero | tr '\000' "${2:-x}"
}

# big NAME N [CHARACTER]: one record of N bytes.
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

# wait_for CMD...: until it succeeds, for some seconds at most.
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
# A reader who has the document in ring_buffer.h ("ring memory format"), phys/mem and the state.
#
# ring_read NAME [CMD...]: what is there, oldest byte first. CMD runs after the memory was copied, as
# would a writer who is faster than we are.
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
# What is there from the start: the module's own log.
#
t_is "$(state log mode)" persistent log_is_persistent
t_is "$(state log size)" 16384 log_has_four_pages
t_ok log_says_loaded grep -q '^\[ *[0-9]*\.[0-9]*\] loaded$' "$R/log/snapshot"
same_by_memory log log_by_memory
t_is "$(stat -c %a "$R/new" "$R/remove" "$R/log/write" "$R/log/snapshot" "$R/log/stream" "$R/log/state" | tr '\n' ' ')" \
	"600 600 600 400 400 400 " modes_of_the_files
t_fails EBUSY log_cannot_be_removed put "$R/remove" log

#
# ring/new and ring/remove, and what they refuse.
#
for bad in "" "a" "a 1" "a 1 2" "a 1 2 3 ondemand" "a 1 often" "a 1 ondemand x" "a -1 ondemand" "a 1k ondemand" \
	"a 0 ondemand" "a 0 persistent" "a 0x100000 0 ondemand" "a ondemand" "new 1 ondemand" "remove 1 ondemand" \
	". 1 ondemand" ".. 1 ondemand" "a/b 1 ondemand" "ä 1 ondemand" \
	"012345678901234567890123456789012 1 ondemand" "a 0x10000000000000000 ondemand"; do
	t_fails EINVAL "new_refuses '$bad'" put "$R/new" "$bad"
done
t_fails EINVAL new_refuses_what_is_far_too_long put "$R/new" "a $(bytes 300 1) ondemand"
t_fails ENOMEM new_too_many_pages put "$R/new" a 0xffffffffffffffff persistent
t_fails ENOMEM new_more_pages_than_memory put "$R/new" a 0x1000000 ondemand
t_fails EINVAL remove_nothing put "$R/remove" ""
t_fails EINVAL remove_two put "$R/remove" "a b"
t_fails ENOENT remove_unknown put "$R/remove" never
t_is "$(cd "$R" && echo *)" "log new remove" nothing_was_made

t_ok new_own put "$R/new" a 2 ondemand
t_fails EEXIST name_taken put "$R/new" a 1 persistent
t_is "$(cd "$R/a" && echo *)" "snapshot state stream write" files_of_a_ring
t_is "$(state a size) $(state a offset) $(state a total) $(state a wraps) $(state a failed) $(state a lost) $(state a mode)" \
	"8192 0 0 0 0 0 ondemand" state_of_a_new_ring
t_ok remove put "$R/remove" a
t_ok gone_when_removed [ ! -e "$R/a" ]

#
# Given memory, and whose it may not be.
#
page_new 1
t_fails EROFS not_in_kernel_text put "$R/new" a "$(iomem_start "Kernel code")" 4096 persistent
t_fails EROFS not_across_into_kernel_text put "$R/new" a $(($(iomem_start "Kernel code") - 4096)) 4097 ondemand
t_fails EROFS not_in_kernel_rodata put "$R/new" a $(($(iomem_start "Kernel rodata") + 5)) 1 ondemand
owned=$(head -n 1 "$D/phys/owned")
t_fails EPERM not_in_the_module put "$R/new" a "${owned%-*}" 100 ondemand
t_fails ENXIO not_in_a_hole put "$R/new" a 0xfee00000 4096 persistent
t_fails ENXIO not_partly_in_a_hole put "$R/new" a 0x9f000 8192 persistent
t_fails EOVERFLOW not_beyond_the_width put "$R/new" a 0xfffffffffffff000 4096 ondemand
t_fails EOVERFLOW not_around_the_end put "$R/new" a 0xfffffffffffff000 0x2000 ondemand
t_fails EOVERFLOW not_as_large_as_that put "$R/new" a "$PA" 0xffffffffffffffff ondemand
t_ok given_memory put "$R/new" given $((PA + 100)) 1000 ondemand
t_fails EEXIST not_in_another_ring put "$R/new" b $((PA + 2000)) 100 persistent
t_is "$(state given base) $(state given pages)" "$(printf '0x%x' $((PA + 100))) $PFN-$PFN" where_it_is
record given "written by VTL1"
t_is "$(unhex "$(page_read 100 15)")" "written by VTL1" its_owner_sees_the_bytes
t_is "$(page_read 99 1)$(page_read 115 1)" 5a5a and_nothing_around_them_has_changed
t_fails EROFS protected_while_it_lives mem_write "$PA" 41
t_ok listed_as_protected grep -q "^$PA-.* ring given\$" "$D/phys/protected"
big given 990 y
same_by_memory given given_by_memory
t_is "$(page_read 99 1)$(page_read 1100 1)" 5a5a nothing_around_them_after_wrapping
t_ok given_removed put "$R/remove" given
t_ok writable_again mem_write "$PA" 41
t_ok given_persistent put "$R/new" given $((PA + 100)) 1000 persistent
big given 990 y
record given "0123456789abcdef"
t_is "$(tail -c 16 "$R/given/snapshot")" 0123456789abcdef unaligned_persistent_wraps
same_by_memory given given_persistent_by_memory
put "$R/remove" given
pages_free

#
# Writing: the table of the contract, for both modes.
#
for mode in ondemand persistent; do
	put "$R/new" w 2 $mode
	record w ""
	t_is "$(state w total)" 0 "${mode}_empty_record"
	record w hello
	t_is "$(cat "$R/w/snapshot")/$(state w offset)/$(state w total)" hello/5/5 "${mode}_first_record"
	big w 8186 a
	t_is "$(state w offset)/$(state w wraps)" 8191/0 "${mode}_one_short_of_the_end"
	record w b
	t_is "$(state w offset)/$(state w wraps)" 0/1 "${mode}_just_the_end"
	same_by_memory w "${mode}_full_by_memory"
	record w over
	t_is "$(state w offset)/$(state w total)/$(tail -c 5 "$R/w/snapshot")" 4/8196/bover "${mode}_over_the_start"
	t_is "$(head -c 2 "$R/w/snapshot")" oa "${mode}_oldest_first"
	same_by_memory w "${mode}_wrapped_by_memory"
	{ bytes 7 z && bytes 8192 c; } >/tmp/large
	dd if=/tmp/large of="$R/w/write" bs=8199 count=1 status=none
	t_is "$(state w offset)/$(state w total)" 0/16395 "${mode}_longer_than_the_ring"
	tail -c 8192 /tmp/large >/tmp/want
	t_ok "${mode}_its_last_bytes" cmp /tmp/want "$R/w/snapshot"
	same_by_memory w "${mode}_long_by_memory"
	big w 8190 d
	record w end
	t_is "$(state w offset)/$(tail -c 4 "$R/w/snapshot")/$(wc -c <"$R/w/snapshot")" 1/dend/8192 "${mode}_goes_on"
	same_by_memory w "${mode}_offset_is_not_total_mod_size"
	t_is "$(state w failed)/$(state w lost)" 0/0 "${mode}_nothing_failed"
	put "$R/remove" w
done

# A reader who is lapped in the midst of his copy keeps what is good of it.
put "$R/new" lap 1 ondemand
big lap 4096 a
ring_read lap big lap 4000 b >/tmp/lapped
t_is "$(wc -c </tmp/lapped)/$(tr -d a </tmp/lapped | wc -c)" 96/0 lapped_by_memory
ring_read lap big lap 5000 c >/tmp/lapped
t_is "$(wc -c </tmp/lapped)" 0 lapped_altogether_by_memory
put "$R/remove" lap

#
# How a write gets there.
#
# maps NAME LEN: mappings that a record of that length takes.
maps() {
	maps_before=$(stat_of maps)
	big "$1" "$2" m
	echo $(($(stat_of maps) - maps_before))
}
echo 1 >/sys/kernel/tracing/events/lvbs/ring_write/enable
put "$R/new" m 32 ondemand
t_is "$(maps m 131000)" 1 31_pages_unwrapped_in_one_mapping
t_is "$(maps m 200)" 1 wrapped_in_one_mapping
big m 130908 m
t_is "$(state m offset)/$(maps m 61476)" 131036/1 wrapped_over_16_pages_in_one_mapping
big m 69596 m
t_is "$(state m offset)/$(maps m 65536)" 131036/2 wrapped_over_17_pages_in_two
put "$R/remove" m
put "$R/new" m 1 ondemand
big m 4000 m
t_is "$(maps m 200)" 2 into_its_start_page_in_two_mappings
put "$R/remove" m
put "$R/new" m 4 persistent
big m 16000 m
t_is "$(maps m 1000)/$(maps m 20000)" 0/0 persistent_without_mapping
put "$R/remove" m
t_ok traced_path_one grep -q 'ring_write: ring=m len=200 path=one err=0' /sys/kernel/tracing/trace
t_ok traced_path_two grep -q 'ring_write: ring=m len=65536 path=two err=0' /sys/kernel/tracing/trace
t_ok traced_path_persistent grep -q 'ring_write: ring=m len=1000 path=persistent err=0' /sys/kernel/tracing/trace
echo 0 >/sys/kernel/tracing/events/lvbs/ring_write/enable

#
# Following.
#
put "$R/new" f 1 ondemand
record f "before;"
cat "$R/f/stream" >/tmp/f1 &
f1=$!
cat "$R/f/stream" >/tmp/f2 &
f2=$!
t_ok follower_begins_with_what_is_there wait_for size_is /tmp/f1 7
record f "after;"
t_ok follower_is_woken wait_for size_is /tmp/f1 13
t_ok two_followers wait_for size_is /tmp/f2 13
t_is "$(cat /tmp/f1)" "before;after;" what_it_read
big f 10000 l
t_ok lapped_follower wait_for size_is /tmp/f1 $((13 + 22 + 4096))
t_is "$(tail -c +14 /tmp/f1 | head -n 1)" "lvbs: lost 5904 bytes" lapped_follower_is_told
t_is "$(tail -c 4096 /tmp/f1 | tr -d l | wc -c)" 0 and_goes_on
t_ok fdinfo_has_the_loss grep -q '^lvbs_lost:.5904$' /proc/$f1/fdinfo/3

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
t_fails EAGAIN module_stays_while_files_are_open rmmod lvbs
t_ok removed_under_followers put "$R/remove" f
t_ok followers_end wait_for gone "$f1"
t_ok both_followers_end wait_for gone "$f2"
t_is "$(cat <&7 | wc -c)" 0 open_stream_is_at_its_end
t_fails ENOENT open_write_fails sh -c 'echo x >&8'
t_is "$(cat <&9 | wc -c)" 4096 open_snapshot_stays
exec 6<&- 7<&- 8>&- 9<&-
wait $f1 $f2

# The same name again, at once, many times, under load.
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
t_ok made_and_removed_under_load [ ! -e /tmp/again ]

#
# Several writers, several readers.
#
# good_lines FILE: each line is whole and in its writer's order, loss notices aside; prints the sum of
# the bytes and of the reported loss. A line next to a gap may be a piece of one.
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
			# The first line behind a gap; what any writer did meanwhile is lost.
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
		# Numbers begin anywhere in a snapshot, and go on without a hole.
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
	t_is "$(good_lines /tmp/s1)" "0 $total" "stress_${mode}_follower_1"
	t_is "$(good_lines /tmp/s2)" "0 $total" "stress_${mode}_follower_2"
	put "$R/remove" mark
done

#
# The log goes on, and the module comes and goes.
#
t_ok log_tells_of_rings grep -q 'ring mark: removed$' "$R/log/snapshot"
t_is "$(($(stat_of maps) - $(stat_of unmaps)))" 1 only_the_log_is_mapped
t_ok unload rmmod lvbs
t_fails EINVAL log_of_no_pages insmod /lvbs.ko log_pages=0
t_ok load_with_a_log_of_one_page insmod /lvbs.ko log_pages=1
t_is "$(state log size)" 4096 log_has_one_page
t_done
