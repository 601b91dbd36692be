# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# heki/live under attack: attempts to disable its hook, to evade validation, and to turn it against the kernel.
#
# kernels: first
# full: others clang
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

# all_writes_seen NAME: switch a static key of the kernel; live mode must see and accept every write.
all_writes_seen() {
	since
	t_ok "$1: key_switches" switch_key
	t_ok "$1: writes_seen" test "$(grown live_jump_label)" -gt 50
	t_is "$(grown accepted) $(grown live_refused) $(grown live_passed)" "$(grown live_jump_label) 0 0" "$1: all_accepted"
}

# within_30_s NAME CMD...: CMD succeeds within 30 seconds.
within_30_s() {
	within_name=$1
	shift
	t_ok "$within_name" timeout 30 "$@"
}

# The first switch may change text permanently, so it precedes the checksum.
switch_key
text_before=$(text_sum)

#
# Neither ftrace, nor kprobes, nor a direct trampoline disables the hook.
#
write_to /proc/sys/kernel/ftrace_enabled 0
t_fails EBUSY mediate_with_ftrace_disabled live mediate
t_is "$(cat "$LIVE") $(wc -l <"$D/heki/patches")" "off 0" mode_stays_off_with_ftrace_disabled
write_to /proc/sys/kernel/ftrace_enabled 1
for mode in audit mediate; do
	t_ok "$mode" live $mode
	t_fails EBUSY ${mode}_disable_ftrace write_to /proc/sys/kernel/ftrace_enabled 0
	all_writes_seen "${mode}_after_disable_ftrace"
	write_to /sys/kernel/debug/kprobes/enabled 0
	all_writes_seen "${mode}_with_kprobes_disabled"
	write_to /sys/kernel/debug/kprobes/enabled 1
	write_to $T/kprobe_events 'p:lvbs_poke __text_poke'
	write_to $T/events/kprobes/lvbs_poke/enable 1
	all_writes_seen "${mode}_with_probe_on_text_poke"
	write_to $T/events/kprobes/lvbs_poke/enable 0
	write_to $T/kprobe_events ''
	t_ok ${mode}_direct_trampoline_refused sh -c '! insmod /direct_tramp.ko 2>/tmp/insmod_error && grep -q busy /tmp/insmod_error'
	all_writes_seen "${mode}_after_direct_trampoline"
	within_30_s ${mode}_off sh -c "echo off >$LIVE"
done
write_to $T/kprobe_events 'p:lvbs_poke __text_poke'
write_to $T/events/kprobes/lvbs_poke/enable 1
t_ok mediate_with_probe_in_place live mediate
all_writes_seen mediate_with_probe_in_place
write_to $T/events/kprobes/lvbs_poke/enable 0
write_to $T/kprobe_events ''
all_writes_seen mediate_after_probe_removed
within_30_s mediate_off_after_probe sh -c "echo off >$LIVE"
t_ok direct_trampoline_loads insmod /direct_tramp.ko
t_fails EBUSY mediate_with_direct_trampoline live mediate
t_is "$(cat "$LIVE") $(wc -l <"$D/heki/patches")" "off 0" mode_stays_off_with_direct_trampoline
rmmod direct_tramp
t_is "$(text_sum)" "$text_before" text_restored_after_hooks

#
# Requests cannot patch running code.
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
	# An INT3 in the scheduler would crash the kernel.
	start=$(kernel_pa "$(sym try_to_wake_up)")
	awk -v owner=kernel '$5 == owner { print $1 }' "$D/heki/patches" >/tmp/sites
	hit=0
	while read -r pa; do
		if [ $((pa)) -ge $((start)) ] && [ $((pa)) -lt $((start + 0x800)) ] && [ $hit -lt 4 ]; then
			hit=$((hit + 1))
			t_fails EBUSY "${mode}_request_in_scheduler_$hit" request "$pa" 0 cc
		fi
	done </tmp/sites
	t_ok ${mode}_scheduler_has_sites test $hit -gt 0
	t_is "$(grown refused_none_live) $(grown refused)" "$((4 + hit)) $((4 + hit))" ${mode}_requests_counted
	live off
done
site long
t_fails ENOENT request_while_off request "$PA0" 0 cc

# A patch that stops after the guard or the tail, which audit lets through: switching off reverts or completes it.
for name in long short long_1 long_4; do
	for last_step in guard tail; do
		live audit
		site $name
		attack "$VA" cc
		if [ $last_step = tail ]; then
			attack "$(add "$VA" 1)" "$(tail_of "$CODE")"
		fi
		t_is "$(head_of "$(site_now $name)")" cc "${name}_guarded_after_$last_step"
		t_ok "${name}_off_after_$last_step" live off
		t_is "$(site_now $name)" "$NOP 0" "${name}_nop_after_$last_step"
		# The kernel stops with a BUG unless it finds what the key says.
		t_ok "${name}_key_on_after_$last_step" put /sys/kernel/debug/heki_client/command key 1
		t_is "$(site_now $name)" "$CODE 1" "${name}_code_after_$last_step"
		put /sys/kernel/debug/heki_client/command key 0
	done
done
# A site that is half patched cannot be range locked.
insmod /locker.ko
live audit
site long
attack "$VA" cc
t_fails EBUSY site_cannot_be_locked write_to $HOLD "$((PA0)) $SIZE exclusive"
t_ok site_off live off
t_is "$(site_now long)" "$NOP 0" site_restored
t_ok site_can_be_locked write_to $HOLD "$((PA0)) $SIZE exclusive"
rmmod locker

#
# A write of two pages is validated in both.
#
live mediate
# page_has_sites PREFIX: does an address in /tmp/sites begin with PREFIX?
page_has_sites() { grep -q "^$1" /tmp/sites; }
awk '$5 == "kernel" { print $1, $3 }' "$D/heki/patches" >/tmp/sites
# Find a 5-byte site whose previous page has no sites.
while read -r pa size; do
	previous=$(printf 0x%x $((((pa & ~4095) - 4096) >> 12)))
	[ "$size" = 5 ] && ! page_has_sites "$previous" && break
done </tmp/sites
va=$(add "$(sym _text)" $((pa - $(iomem_start "Kernel code"))))
now=$(mem_read "$pa" 5)
since
attack "$va" 9090909090 two_pages
t_is "$(mem_read "$pa" 5) $(grown live_refused) $(grown live_passed)" "$now 1 0" write_of_two_pages_refused
live audit
since
attack "$va" "$now" two_pages
t_is "$(mem_read "$pa" 5) $(grown live_refused)" "$now 1" write_of_two_pages_counted_in_audit
live off

#
# A module's jump table must not name the kernel's text.
#
fsync=$(kernel_pa "$(sym vfs_fsync)")
fsync_now=$(mem_read "$fsync" 16)
for module in foreign_code foreign_target; do
	live mediate
	lines=$(wc -l <"$D/heki/patches")
	since
	t_ok ${module}_refused sh -c "! insmod /$module.ko 2>/tmp/insmod_error && grep -q -i 'invalid' /tmp/insmod_error"
	t_ok ${module}_refusal_counted test "$(grown live_refused)" -gt 0
	t_is "$(wc -l <"$D/heki/patches")" "$lines" ${module}_adds_no_site
	live audit
	since
	t_ok ${module}_loads_in_audit insmod /$module.ko
	t_is "$(grown live_refused)" 1 ${module}_counted_in_audit
	t_ok ${module}_adds_no_site_in_audit sh -c "! grep -q ' $module\$' $D/heki/patches"
	t_fails EINVAL ${module}_prevents_mediate live mediate
	t_is "$(cat "$LIVE")" audit ${module}_mode_stays_audit
	live off
	t_fails EINVAL ${module}_prevents_mediate_from_off live mediate
	t_is "$(cat "$LIVE") $(wc -l <"$D/heki/patches")" "off 0" ${module}_mode_stays_off
	rmmod $module
	t_ok ${module}_unloaded_mediate live mediate
	live off
	t_is "$(mem_read "$fsync" 16)" "$fsync_now" ${module}_kernel_text_unchanged
done

#
# A range lock on text and live mode exclude each other, so that no legal patch meets a lock.
#
insmod /locker.ko
text=$(($(kernel_pa "$(sym _stext)")))
text_bytes=$(($(sym _etext) - $(sym _stext)))
for how in shared exclusive; do
	for mode in audit mediate; do
		t_ok ${mode}_${how}_lock_on_text write_to $HOLD "$text $text_bytes $how"
		t_fails EBUSY ${mode}_not_with_${how}_lock live $mode
		t_is "$(cat "$D/heki/live")" off ${mode}_${how}_still_off
		t_ok ${mode}_${how}_key_switches_while_locked switch_key
		write_to $HOLD none
		t_ok ${mode}_after_${how}_lock live $mode
		t_fails EBUSY ${mode}_no_${how}_lock_on_text write_to $HOLD "$text $text_bytes $how"
		site long
		t_fails EBUSY ${mode}_no_${how}_lock_on_site write_to $HOLD "$((PA0)) $SIZE $how"
		since
		t_ok ${mode}_${how}_key_switches switch_key
		t_is "$(grown live_refused) $(grown live_passed)" "0 0" ${mode}_${how}_nothing_refused_or_passed
		t_is "$(grown accepted)" "$(grown live_jump_label)" ${mode}_${how}_each_accepted
		live off
	done
done
rmmod locker
t_is "$(text_sum)" "$text_before" text_restored_after_locks

#
# A module that is patched while it loads: every write has a kind, and no site is added halfway through a patch.
#
live mediate
since
rounds=0
while [ $rounds -lt 20 ]; do
	insmod /flipper.ko || break
	rmmod flipper || break
	rounds=$((rounds + 1))
done
t_is $rounds 20 flipper_loads_and_unloads
t_ok flipper_sites_patched test "$(grown accepted_guard_fits)" -gt 20
t_is "$(grown accepted_guard_fits) $(grown accepted_tail_fits)" \
	"$(grown accepted_head_fits) $(grown accepted_head_fits)" flipper_patches_complete
t_ok flipper_static_calls_counted test "$(grown live_static_call)" -gt 20
t_is "$(grown live_unknown) $(grown live_refused) $(grown live_passed)" "0 0 0" flipper_writes_have_a_kind
t_ok flipper_saw_its_keys_in_effect sh -c '! dmesg | grep -q "flipper: code does not match"'
# Its init text is gone.
insmod /flipper.ko
t_ok off_with_flipper live off
live mediate
rmmod flipper
live off
# Switching on while a module is loaded, and patched, makes its sites known, those in its init text as well.
for mode in audit mediate; do
	since
	insmod /flipper.ko init_ms=2000 &
	flipper_pid=$!
	until grep -q '^flipper .* Loading' /proc/modules; do :; done
	t_ok "${mode}_while_a_module_loads" live $mode
	sites=$(grep -c ' flipper$' "$D/heki/patches")
	t_ok "${mode}_it_loads" wait $flipper_pid
	t_is "$(grown live_unknown) $(grown live_refused) $(grown live_passed)" "0 0 0" "${mode}_its_writes_have_a_kind"
	t_is "$(grep -c ' flipper$' "$D/heki/patches")" $((sites - 1)) "${mode}_its_init_site_is_dropped"
	rmmod flipper
	live off
done
t_is "$(text_sum)" "$text_before" text_restored_after_flipper
rmmod attacker
rmmod heki_client
live mediate
within_30_s unload rmmod lvbs
t_ok key_switches_after_unload switch_key
t_ok reload insmod /lvbs.ko
# A module that began to load before lvbs was: what it patches cannot be checked.
insmod /flipper.ko init_ms=4000 &
flipper_pid=$!
until grep -q '^flipper .* Loading' /proc/modules; do :; done
rmmod lvbs
t_ok reload_while_a_module_loads insmod /lvbs.ko
t_fails EBUSY mediate_while_an_unseen_module_loads live mediate
t_is "$(cat "$LIVE") $(wc -l <"$D/heki/patches")" "off 0" mediate_while_an_unseen_module_loads_stays_off
# It is loaded while the last try waits for it; its text is first seen then.
until live mediate; do [ -e "/proc/$flipper_pid" ] || break; done 2>/dev/null
t_ok mediate_once_it_is_loaded live mediate
wait $flipper_pid
rmmod flipper
t_is "$(verdict live_unknown) $(verdict live_refused) $(verdict live_passed)" "0 0 0" its_writes_have_a_kind
live off
# One that began to be unloaded before lvbs was loaded: its text was not seen either.
rmmod lvbs
insmod /flipper.ko exit_ms=10000
rmmod flipper &
flipper_pid=$!
until grep -q '^flipper .* Unloading' /proc/modules; do :; done
t_ok reload_while_a_module_unloads insmod /lvbs.ko
for mode in audit mediate; do
	t_fails EBUSY "${mode}_while_an_unseen_module_unloads" live $mode
done
wait $flipper_pid
t_ok mediate_once_it_is_unloaded live mediate
t_is "$(verdict live_refused)" 0 unseen_module_not_refused
live off
t_done
