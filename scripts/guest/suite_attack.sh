# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Live mode under attack: what would blind it, slip past it, or turn it against the kernel.
#
# kernels: stock
# modules: heki_client
# modules: attacker direct_tramp flipper foreign_code foreign_target locker
# shellcheck source=scripts/guest/lib.sh
. /lib.sh
# shellcheck source=scripts/guest/kernel.sh
. /kernel.sh
# shellcheck source=scripts/guest/heki.sh
. /heki.sh

T=/sys/kernel/tracing
LIVE=$D/heki/live
HOLD=/sys/module/locker/parameters/hold

live() { put "$LIVE" "$1"; }
schedstats() { echo "$1" >/proc/sys/kernel/sched_schedstats; }
switch_key() { schedstats 1 && schedstats 0; }
attack() { echo "$1 $2 ${3:-plain}" >/sys/kernel/debug/attacker/write; }
add() { printf 0x%x $(($1 + $2)); }
write_to() { echo "$2" >"$1"; }

# all_seen NAME: switching a key makes writes, and live mode accepts each of them.
all_seen() {
	since
	t_ok "$1: key_switches" switch_key
	t_ok "$1: writes_seen" test "$(grown live_site)" -gt 50
	t_is "$(grown accepted) $(grown live_refused) $(grown live_passed)" "$(grown live_site) 0 0" "$1: all_accepted"
}

# ends_at_once NAME CMD...: CMD succeeds within 30 seconds.
ends_at_once() {
	ends_name=$1
	shift
	t_ok "$ends_name" timeout 30 "$@"
}

# Once in advance: what is done for the first time may change text for good.
switch_key
text_before=$(text_sum)

#
# Nothing blinds it.
#
write_to /proc/sys/kernel/ftrace_enabled 0
t_fails EBUSY mediate_while_ftrace_is_disabled live mediate
t_is "$(cat "$LIVE") $(wc -l <"$D/heki/patches")" "off 0" refused_mode_leaves_off
write_to /proc/sys/kernel/ftrace_enabled 1
for mode in audit mediate; do
	t_ok "$mode" live $mode
	t_fails EBUSY ${mode}_ftrace_disabled write_to /proc/sys/kernel/ftrace_enabled 0
	all_seen "${mode}_after_ftrace_enabled"
	write_to /sys/kernel/debug/kprobes/enabled 0
	all_seen "${mode}_kprobes_disabled"
	write_to /sys/kernel/debug/kprobes/enabled 1
	write_to $T/kprobe_events 'p:lvbs_poke __text_poke'
	write_to $T/events/kprobes/lvbs_poke/enable 1
	all_seen "${mode}_probe_on_the_writer"
	write_to $T/events/kprobes/lvbs_poke/enable 0
	write_to $T/kprobe_events ''
	t_ok ${mode}_direct_trampoline_refused sh -c '! insmod /direct_tramp.ko 2>/tmp/why && grep -q busy /tmp/why'
	all_seen "${mode}_after_direct_trampoline"
	ends_at_once ${mode}_off sh -c "echo off >$LIVE"
done
write_to $T/kprobe_events 'p:lvbs_poke __text_poke'
write_to $T/events/kprobes/lvbs_poke/enable 1
t_ok mediate_after_a_probe_on_the_writer live mediate
all_seen mediate_after_a_probe_on_the_writer
write_to $T/events/kprobes/lvbs_poke/enable 0
write_to $T/kprobe_events ''
all_seen mediate_after_the_probe_is_gone
ends_at_once mediate_off sh -c "echo off >$LIVE"
t_ok direct_trampoline_first insmod /direct_tramp.ko
t_fails EBUSY mediate_beside_a_direct_trampoline live mediate
t_is "$(cat "$LIVE") $(wc -l <"$D/heki/patches")" "off 0" beside_a_direct_trampoline_it_stays_off
rmmod direct_tramp
t_is "$(text_sum)" "$text_before" text_is_what_it_was

#
# Running code is not for requests.
#
insmod /heki_client.ko
insmod /attacker.ko
for mode in audit mediate; do
	live $mode
	site long
	since
	for words in "$PA0 0 cc" "$TAIL0 0 $(tail_of "$CODE")" "$PA0 0 e9" "$(add "$PA0" 2) 0 cc"; do
		# shellcheck disable=SC2086 # words
		t_fails EBUSY "${mode}_request_'${words#* }'" request $words
	done
	t_is "$(site_now long)" "$NOP 0" ${mode}_requests_changed_nothing
	# In the scheduler: an INT3 there is the end.
	start=$(kernel_pa "$(sym try_to_wake_up)")
	awk -v owner=kernel '$5 == owner { print $1 }' "$D/heki/patches" >/tmp/sites
	hit=0
	while read -r pa; do
		if [ $((pa)) -ge $((start)) ] && [ $((pa)) -lt $((start + 0x800)) ] && [ $hit -lt 4 ]; then
			hit=$((hit + 1))
			t_fails EBUSY "${mode}_request_in_the_scheduler_$hit" request "$pa" 0 cc
		fi
	done </tmp/sites
	t_ok ${mode}_scheduler_has_sites test $hit -gt 0
	t_is "$(grown refused_none_live) $(grown refused)" "$((4 + hit)) $((4 + hit))" ${mode}_requests_counted
	live off
done
site long
t_fails ENOENT request_while_off request "$PA0" 0 cc

# A legal patch that is never finished: off puts the instruction back.
for name in long short long_1 long_4; do
	for half in guard tail; do
		live mediate
		site $name
		attack "$VA" cc
		if [ $half = tail ]; then
			attack "$(add "$VA" 1)" "$(tail_of "$CODE")"
		fi
		t_is "$(head_of "$(site_now $name)")" cc "${name}_${half}_left_open"
		t_ok "${name}_${half}_off" live off
		if [ $half = tail ]; then
			t_is "$(site_now $name)" "$CODE 1" "${name}_${half}_completed"
			for at in 0 1 2 3 4; do
				[ $at -ge "$SIZE" ] || attack "$(add "$VA" $at)" "$(echo "$NOP" | cut -c $((2 * at + 1))-$((2 * at + 2)))"
			done
		fi
		t_is "$(site_now $name)" "$NOP 0" "${name}_${half}_put_back"
	done
done

#
# A write is looked at in every page that it touches.
#
live mediate
# A site of 5 bytes whose page follows one without sites.
awk '$5 == "kernel" { print $1, $3 }' "$D/heki/patches" >/tmp/sites
while read -r pa size; do
	before=$(printf 0x%x $((((pa & ~4095) - 4096) >> 12)))
	[ "$size" = 5 ] && ! grep -q "^$before" /tmp/sites && break
done </tmp/sites
va=$(add "$(sym _text)" $((pa - $(iomem_start "Kernel code"))))
now=$(mem_read "$pa" 5)
since
attack "$va" 9090909090 two_pages
t_is "$(mem_read "$pa" 5) $(grown live_refused) $(grown live_passed)" "$now 1 0" write_of_two_pages_refused
live audit
since
attack "$va" "$now" two_pages
t_is "$(mem_read "$pa" 5) $(grown live_refused)" "$now 1" write_of_two_pages_reported
live off

#
# A module's jump table names its own text, and nothing else.
#
fsync=$(kernel_pa "$(sym vfs_fsync)")
fsync_now=$(mem_read "$fsync" 16)
for module in foreign_code foreign_target; do
	live mediate
	lines=$(wc -l <"$D/heki/patches")
	since
	t_ok ${module}_not_loaded sh -c "! insmod /$module.ko 2>/tmp/why && grep -q -i 'invalid' /tmp/why"
	t_ok ${module}_counted test "$(grown live_refused)" -gt 0
	t_is "$(wc -l <"$D/heki/patches")" "$lines" ${module}_leaves_no_site
	live audit
	since
	t_ok ${module}_loaded_in_audit insmod /$module.ko
	t_is "$(grown live_refused)" 1 ${module}_reported
	t_ok ${module}_has_no_foreign_site sh -c "! grep -q ' $module\$' $D/heki/patches"
	t_fails EINVAL ${module}_keeps_mediate_off live mediate
	t_is "$(cat "$LIVE")" audit ${module}_mode_stays
	live off
	t_fails EINVAL ${module}_keeps_mediate_off_from_off live mediate
	t_is "$(cat "$LIVE") $(wc -l <"$D/heki/patches")" "off 0" ${module}_mode_stays_off
	rmmod $module
	t_ok ${module}_gone_mediate live mediate
	live off
	t_is "$(mem_read "$fsync" 16)" "$fsync_now" ${module}_changed_nothing
done

#
# Locks of others do not stop the kernel from patching itself.
#
insmod /locker.ko
text=$(($(kernel_pa "$(sym _stext)")))
text_bytes=$(($(sym _etext) - $(sym _stext)))
for how in shared exclusive; do
	for mode in audit mediate; do
		live $mode
		t_ok ${mode}_text_locked_$how write_to $HOLD "$text $text_bytes $how"
		since
		t_ok ${mode}_${how}_key_switches switch_key
		t_is "$(grown live_refused) $(grown refused)" "0 0" ${mode}_${how}_nothing_refused
		t_is "$(($(grown accepted) + $(grown live_passed)))" "$(grown live_site)" ${mode}_${how}_each_accepted_or_passed
		[ $mode = audit ] || t_ok ${mode}_${how}_passed_to_the_kernel test "$(grown live_passed)" -gt 0
		# What is illegal stays illegal.
		site long
		since
		if [ $mode = mediate ]; then
			write_to $HOLD none
			write_to $HOLD "$((PA0)) $SIZE $how"
			attack "$VA" 9090909090
			t_is "$(site_now long) $(grown live_refused) $(grown live_passed)" "$NOP 0 1 0" ${mode}_${how}_illegal_write_refused
			t_ok ${mode}_${how}_client_key put /sys/kernel/debug/heki_client/command key 1
			t_is "$(site_now long)" "$CODE 1" ${mode}_${how}_client_key_switched
			t_ok ${mode}_${how}_client_key_back put /sys/kernel/debug/heki_client/command key 0
		fi
		write_to $HOLD none
		live off
	done
done
rmmod locker
t_is "$(text_sum)" "$text_before" text_is_what_it_was_after_the_locks

#
# Modules that patch themselves while they load: nothing is without a kind, no site goes in mid-patch.
#
live mediate
since
rounds=0
while [ $rounds -lt 20 ]; do
	rounds=$((rounds + 1))
	insmod /flipper.ko && rmmod flipper || break
done
t_is $rounds 20 flipper_loads_and_unloads
t_ok flipper_sites_patched test "$(grown accepted_guard_fits)" -gt 20
t_is "$(grown accepted_guard_fits) $(grown accepted_tail_fits)" \
	"$(grown accepted_head_fits) $(grown accepted_head_fits)" flipper_patches_are_whole
t_ok flipper_static_calls_counted test "$(grown live_static_call)" -gt 20
t_is "$(grown live_other) $(grown live_refused) $(grown live_passed)" "0 0 0" flipper_nothing_without_a_kind
t_ok flipper_text_was_right sh -c '! dmesg | grep -q "flipper: the text"'
live off
t_is "$(text_sum)" "$text_before" text_is_what_it_was_at_the_end
rmmod attacker
rmmod heki_client
live mediate
ends_at_once rmmod rmmod lvbs
t_ok workload_without_the_module switch_key
t_ok insmod_again insmod /lvbs.ko
t_done
