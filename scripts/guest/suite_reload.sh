# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# suite_reload.sh [ROUNDS]: loads and unloads the module ROUNDS times (default 24) while it is in use. Each
# unload must release everything.
#
# kernels: first
# full: others debug
# shellcheck source=scripts/guest/lib.sh
. /lib.sh
# shellcheck source=scripts/guest/kernel.sh
. /kernel.sh
# shellcheck source=scripts/guest/heki.sh
. /heki.sh

rounds=${1:-24}
T=/sys/kernel/tracing
kinds="mem status ring make heki trace"
per_kind=$(((rounds + 5) / 6))

# do_KIND: one operation of a user of that kind; fails while the module is not loaded.
# One page: what is next to it may be owned.
do_mem() { dd if="$D/phys/mem" of=/dev/null bs=4096 skip=$((PA)) count=1 iflag=skip_bytes status=none; }
do_status() {
	read -r _ <"$D/phys/stats" && read -r _ <"$D/phys/protected" && read -r _ <"$D/heki/verdicts" &&
		read -r _ <"$D/ring/log/state"
}
do_ring() { echo "a record of some length" >"$D/ring/log/write" && read -r _ <"$D/ring/log/snapshot"; }
do_make() { echo "made 2 persistent" >"$D/ring/new" && echo made >"$D/ring/remove"; }
# PA is neither a site nor a page list: both writes must be refused, after reading the memory at PA.
do_heki() { ! echo "$PA 0 cc" >"$D/heki/request" && ! echo "0x1ffe6 $PA 1 0" >"$D/vtlcall" && read -r _ <"$D/heki/live"; }
do_trace() {
	echo 1 >"$T/events/lvbs/enable" && read -r _ <"$D/phys/stats" && dd if="$D/phys/mem" of=/dev/null bs=1 skip=$((PA)) \
		count=1 iflag=skip_bytes status=none && echo 0 >"$T/events/lvbs/enable"
}
# Kernel text writes, which live mode handles while the module is loaded.
do_sysctl() { echo 1 >/proc/sys/kernel/sched_schedstats && echo 0 >/proc/sys/kernel/sched_schedstats; }

# user KIND PAUSE: run do_KIND until /tmp/stop exists; write the number of successes to /tmp/did_KIND.
user() {
	user_done=0
	while [ ! -e /tmp/stop ]; do
		! "do_$1" || user_done=$((user_done + 1))
		sleep "$2"
	done
	echo $user_done >"/tmp/did_$1"
}

# furnish MODE: create rings, a site and a protection in pages of a process, and set live mode, for unload to
# release. Fails if one of them is left from the round before.
furnish() {
	echo "own 3 persistent" >"$D/ring/new" &&
		echo "demand 2 ondemand" >"$D/ring/new" &&
		echo "given $ring_pa 4096 persistent" >"$D/ring/new" &&
		echo "0x1ffec $log_pa 4096 0" >"$D/vtlcall" &&
		echo "0x1ffe6 $list_pa 2 0" >"$D/vtlcall" &&
		echo "0x1ffe4 $protect_pa 1 0" >"$D/vtlcall" &&
		echo "$site_pa 0 cc" >"$D/heki/request" &&
		echo "$site_pa 0 eb" >"$D/heki/request" &&
		[ "$(wc -l <"$D/heki/patches")" = 1 ] &&
		echo "$1" >"$D/heki/live"
}

# unload: retry rmmod while users hold the module.
unload() {
	unload_tries=0
	until rmmod lvbs 2>/dev/null; do
		unload_tries=$((unload_tries + 1))
		[ $unload_tries -lt 5000 ] || return 1
	done
	tries=$((tries + unload_tries))
}

nothing_left() {
	! grep -q '^lvbs ' /proc/modules && [ ! -e "$D" ] && [ ! -e /sys/module/lvbs ] && [ ! -e $T/events/lvbs ] &&
		[ ! -s /sys/kernel/debug/kprobes/list ]
}

used_kb() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
	awk '/^MemFree:/ { free = $2 } /^MemTotal:/ { all = $2 } /^(Cached|Buffers):/ { cache += $2 }
		END { print all - free - cache }' /proc/meminfo
}

#
# One load and unload, as the baseline.
#
page_new 6
# shellcheck disable=SC2086 # words
set -- $PFNS
ring_pa=$(($1 * 4096)) log_pa=$(($2 * 4096)) list_pa=$(($3 * 4096)) blob_pa=$(($4 * 4096))
protect_pa=$(($5 * 4096)) site_pa=$(($6 * 4096))
# A blob with one header and one record: a two-byte site whose code, eb 5a, is in place.
page_write 12288 "$(le64 0)$(le64 0)$(le64 0)$(le64 0)$(le64 1)$(le64 1)$(wire $site_pa 0 2 eb5a)"
page_write 8192 "$(le64 0)$(le64 0)$(le64 2)$(le64 "$(direct_va "$site_pa")")$(le64 $site_pa)$(le64 $((site_pa + 4096)))$(le64 0)\
$(le64 0)$(le64 $blob_pa)$(le64 $((blob_pa + 72)))$(le64 8)"
page_write 16384 "$(le64 0)$(le64 0)$(le64 1)$(le64 0)$(le64 $protect_pa)$(le64 $((protect_pa + 4096)))$(le64 1)"
page_write 20480 eb5a

t_ok module_is_loaded grep -q '^lvbs ' /proc/modules
text_before=$(text_sum)
t_ok furnish furnish mediate
# Trace buffers, once allocated, stay allocated.
t_ok trace do_trace
t_ok rmmod_furnished rmmod lvbs
t_ok nothing_left nothing_left
orphans_before=$(orphans)

#
# Every open file pins the module until it is closed.
#
insmod /lvbs.ko
echo "r 1 ondemand" >"$D/ring/new"
for file in $(cd "$D" && find . -type f | sort); do
	file=${file#./}
	if [ -r "$D/$file" ] && [ "$(stat -c %a "$D/$file")" = 400 ]; then
		exec 7<"$D/$file"
	else
		exec 7<>"$D/$file"
	fi
	t_fails EAGAIN "open_${file}_pins_module" rmmod lvbs
	exec 7<&-
done
cat "$D/ring/r/stream" >/tmp/followed &
follower=$!
until [ "$(readlink /proc/$follower/fd/3)" = "$D/ring/r/stream" ]; do :; done
t_fails EAGAIN blocked_reader_pins_module rmmod lvbs
echo heard >"$D/ring/r/write"
until [ -s /tmp/followed ]; do :; done
t_is "$(cat /tmp/followed)" heard blocked_reader_gets_record
kill $follower
wait $follower 2>/dev/null
# A working directory pins nothing: its files are removed by the unload.
cd "$D/ring/r" || exit
t_ok rmmod_under_working_directory rmmod lvbs
t_fails ENOENT file_in_it_is_removed cat state
t_is "$(ls)" "" directory_is_empty
cd /tmp || exit
t_ok nothing_left_after_open_files nothing_left

#
# Rounds.
#
tries=0
loaded=1
rm -f /tmp/broken
for kind in $kinds; do
	rm -f /tmp/stop
	user "$kind" 0.01 2>/dev/null &
	user_pid=$!
	user sysctl 0.1 2>/dev/null &
	sysctl_pid=$!
	round=0
	while [ $round -lt $per_kind ] && [ ! -e /tmp/broken ]; do
		round=$((round + 1))
		case $((round % 3)) in
		0) mode=off ;;
		1) mode=mediate ;;
		2) mode=audit ;;
		esac
		insmod /lvbs.ko 2>/tmp/why || echo "$kind $round: insmod: $(cat /tmp/why)" >>/tmp/broken
		furnish "$mode" 2>/tmp/why || echo "$kind $round: furnish $mode: $(cat /tmp/why)" >>/tmp/broken
		unload || echo "$kind $round: rmmod keeps failing" >>/tmp/broken
		nothing_left || echo "$kind $round: something is left after rmmod" >>/tmp/broken
		if [ $((round % 8)) = 0 ] && insmod /lvbs.ko log_pages=0 2>/dev/null; then
			echo "$kind $round: loaded with log_pages=0" >>/tmp/broken
		fi
		loaded=$((loaded + 1))
		# By now the kernel's caches are warm.
		[ $loaded != $((rounds / 5 + 2)) ] || used_before=$(used_kb)
	done
	touch /tmp/stop
	wait $user_pid $sysctl_pid
	t_is "$(cat /tmp/broken 2>/dev/null)" "" "reload_under_$kind"
	t_ok "${kind}_user_worked" test "$(cat "/tmp/did_$kind")" -gt 0
	t_ok "${kind}_sysctl_user_worked" test "$(cat /tmp/did_sysctl)" -gt 0
done
echo "$loaded loads; rmmod failed $tries times because of users"
t_ok enough_loads test $loaded -ge "$rounds"

#
# Nothing may have accumulated.
#
used_after=$(used_kb)
echo "memory in use: $used_before kB after a fifth of the rounds, $used_after kB at the end"
# With few rounds a leak is smaller than the normal variation. (On 6.1-debug, kmemleak reports leaks.)
[ "$rounds" -lt 500 ] ||
	t_ok memory_in_use_did_not_grow test $((used_after - used_before)) -lt 16384
t_is "$(grep -c '\[lvbs\]' /proc/kallsyms)" 0 no_symbol_left
t_is "$(orphans)" "$orphans_before" no_orphaned_mapping
t_ok reload insmod /lvbs.ko
t_is "$(grep -e ^live: -e ^leaked: "$D/phys/stats" | tr '\n' ' ')" "live: 1 leaked: 0 " only_log_is_mapped
t_is "$(text_sum)" "$text_before" text_unchanged
t_done
