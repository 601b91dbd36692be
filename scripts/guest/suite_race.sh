# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# suite_race.sh [SECONDS]: concurrent users of each interface, SECONDS (default 30) per interface, to let
# KCSAN find data races.
#
# Needs 6.1-kcsan; vm.sh takes a KCSAN report for a kernel bug.
#
# kernels: none
# full: kcsan
# modules: heki_client locker
# programs: race
# shellcheck source=scripts/guest/lib.sh
. /lib.sh
# shellcheck source=scripts/guest/heki.sh
. /heki.sh

seconds=${1:-30}
R=$D/ring
T=/sys/kernel/tracing

# race NAME LOOP...
race() {
	race_name=$1
	shift
	t_ok "$race_name" /race "$seconds" "$@"
	sed 's/^/  /' /tmp/.t_out
}

# Watchpoints set up by KCSAN, which instruments lvbs and its test modules only.
watched() {
	sed -n 's/^setup_watchpoints: //p' /sys/kernel/debug/kcsan
}

page_new 4
# shellcheck disable=SC2086 # words
set -- $PFNS
f1=$1 f2=$2 at1=$PA at2=$(($2 * 4096)) at3=$(($3 * 4096))
mapped=$(grep -e ^live: -e ^leaked: "$D/phys/stats")
watched_before=$(watched)

#
# Rings: writers, readers and followers of one ring, in each mode.
#
put "$R/new" p 2 persistent
put "$R/new" d 2 ondemand
long=$(head -c 700 /dev/zero | tr '\000' l)
race rings \
	"write $R/p/write $long" "write $R/d/write $long" \
	"write $R/p/write short ; write $R/d/write short ; write $R/log/write short" \
	"read $R/p/snapshot ; read $R/d/snapshot ; read $R/log/snapshot" \
	"follow $R/p/stream ; follow $R/d/stream" "follow $R/p/stream" \
	"share $R/p/stream" "share $R/p/stream" \
	"read $R/p/state ; read $R/d/state ; read $D/phys/stats"
put "$R/remove" p
put "$R/remove" d

#
# Rings that are created and removed while in use, in their own pages and at given addresses.
#
race ring_lifetime \
	"write $R/new x 2 persistent ; write $R/remove x ; write $R/new x 1 ondemand ; write $R/remove x" \
	"write $R/new given $at3 4096 persistent ; write $R/remove given" \
	"ask $D/vtlcall 0x1ffec $at2 4096 0 ; write $R/remove vtl0" \
	"write $R/x/write hello" "read $R/x/snapshot ; read $R/x/state" "follow $R/x/stream" \
	"write $R/given/write hello ; read $R/given/snapshot ; read $R/vtl0/state" \
	"read $D/phys/owned ; read $D/phys/protected ; read $D/phys/stats"
[ ! -e "$R/vtl0" ] || put "$R/remove" vtl0
[ ! -e "$R/given" ] || put "$R/remove" given
[ ! -e "$R/x" ] || put "$R/remove" x

#
# Physical memory, while protections, range locks and persistent mappings are added and removed.
#
insmod /heki_client.ko
insmod /locker.ko
site apart_1
L=/sys/module/locker/parameters/range
M=/sys/module/lvbs/parameters/windows
race memory \
	"readat $D/phys/mem $at1 4096 ; writeat $D/phys/mem $at1 4096" \
	"writeat $D/phys/mem $((at1 + 100)) 200 ; readat $D/phys/mem $((PA0)) 16" \
	"ask $D/phys/span read 4000 200 $f1 $f2 ; write $D/phys/span write 4000 $(head -c 200 /dev/zero | tr '\000' 7) $f1 $f2" \
	"write $L $((at1)) 4096 exclusive ; write $L $((at1)) 4096 shared" "write $L $((at1)) 10 exclusive" \
	"write $R/new at $at1 4096 persistent ; write $R/remove at ; write $R/new at $at1 4096 ondemand ; write $R/remove at" \
	"write $C/command validate good ; write $C/command unload" \
	"write $M 0 ; write $M 1" \
	"read $D/phys/protected ; read $D/phys/owned ; read $D/phys/ram ; read $D/phys/stats"
[ ! -e "$R/at" ] || put "$R/remove" at

#
# HEKI requests: two threads patch the same site while it is added and removed.
#
tail="$TAIL0 $TAIL1 $(tail_of "$NOP")"
race patches \
	"write $D/heki/request $PA0 0 cc ; write $D/heki/request $tail ; write $D/heki/request $PA0 0 $(head_of "$NOP")" \
	"write $D/heki/request $PA0 0 cc ; write $D/heki/request $PA0 0 $(head_of "$NOP")" \
	"write $C/command validate good ; pause 100 ; write $C/command free_init ; write $C/command unload" \
	"read $D/heki/patches" "read $D/heki/verdicts ; read $D/phys/protected ; read $R/log/snapshot"
client unload 2>/dev/null

#
# Live mode: switched while the kernel patches itself and modules with sites are loaded and unloaded.
#
race live \
	"write $D/heki/live audit ; write $D/heki/live off ; write $D/heki/live mediate ; write $D/heki/live off" \
	"write $D/heki/live mediate" \
	"write /proc/sys/kernel/sched_schedstats 1 ; write /proc/sys/kernel/sched_schedstats 0" \
	"write $C/command key 1 ; refused $C/command atomic long ; write $C/command key 0" \
	"read $D/heki/patches" "read $D/heki/verdicts ; read $D/heki/live" "read $R/log/snapshot"
put "$D/heki/live" mediate
rmmod heki_client
race live_modules \
	"insmod /heki_client.ko ; rmmod heki_client" \
	"write /proc/sys/kernel/sched_schedstats 1 ; write /proc/sys/kernel/sched_schedstats 0" \
	"write $T/events/lvbs/enable 1 ; write $T/events/lvbs/enable 0" \
	"read $D/heki/patches" "read $D/heki/verdicts ; read $D/phys/protected"
put "$D/heki/live" off
rmmod heki_client 2>/dev/null
rmmod locker

watched_for=$(($(watched) - watched_before))
echo "$watched_for watchpoints set up"
t_ok kcsan_watches_lvbs test $watched_for -gt 10000
t_is "$(grep -e ^live: -e ^leaked: "$D/phys/stats")" "$mapped" mappings_unchanged
t_ok rmmod rmmod lvbs
t_done
