# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# heki/verify: finds each byte of text that is not what it should be, and nothing else.
#
# kernels: first
# full: others debug next
# modules: attacker heki_client
# shellcheck source=scripts/guest/lib.sh
. /lib.sh
# shellcheck source=scripts/guest/kernel.sh
. /kernel.sh
# shellcheck source=scripts/guest/heki.sh
. /heki.sh

T=/sys/kernel/tracing
CPU1=/sys/devices/system/cpu/cpu1/online

attack() { echo "$1 $2 ${3:-alias}" >/sys/kernel/debug/attacker/write; }
add() { printf 0x%x $(($1 + $2)); }
write_to() { echo "$2" >"$1"; }
# verify: what the file says, to /tmp/verify.
verify() { cat "$D/heki/verify" >/tmp/verify; }
# total KEY
total() { awk -v key="$1:" '$1 == key { print $2 }' /tmp/verify; }
unknown_lines() { grep -c ' unknown$' /tmp/verify; }
# all_legal NAME [KIND]: nothing is unknown; with KIND, there are deviations of that kind.
all_legal() {
	t_ok "$1: verify" verify
	t_is "$(total unknown) $(unknown_lines)" "0 0" "$1: nothing_unknown"
	[ -z "${2:-}" ] || t_ok "$1: ${2}_found" test "$(total "$2")" -gt 0
}
# found NAME VA THEN NOW: exactly this deviation is unknown.
found() {
	verify
	t_is "$(total unknown) $(awk '$NF == "unknown" { print $1, $(NF - 2), $(NF - 1) }' /tmp/verify)" \
		"1 $2 $3 $4" "$1: found"
}

insmod /attacker.ko
all_legal fresh
t_ok compares_10_mib test "$(total compared)" -gt 10485760
t_ok memory_is_told test "$(total first_seen)" -ge "$(total compared)"
t_is "$(awk '/^0x/ { n++ } END { print n + 0 }' /tmp/verify)" "$(total deviations)" a_line_each
t_ok first_seen_is_owned test "$(awk -F - '{ n += $2 - $1 + 1 } END { print n }' "$D/phys/owned")" -gt "$(total first_seen)"

#
# What the kernel does to its text is legal while it lasts, and afterwards.
#
for tracer in function function_graph; do
	echo $tracer >$T/current_tracer
	all_legal $tracer ftrace
	t_ok "$tracer: most_functions" test "$(total ftrace)" -gt 10000
	echo nop >$T/current_tracer
done
# A tracer that is being removed is no longer listed, and still called.
echo '*lock*' >$T/set_ftrace_filter
for _ in $(seq 40); do
	echo function >$T/current_tracer
	echo nop >$T/current_tracer
done &
tracing=$!
verifications=0
while kill -0 $tracing 2>/dev/null; do
	verify
	verifications=$((verifications + 1))
	[ "$(total unknown)" = 0 ] || grep ' unknown$' /tmp/verify
done >/tmp/unknown
wait $tracing
t_ok several_verifications test $verifications -gt 5
t_is "$(cat /tmp/unknown)" "" "tracer_changes: nothing_unknown"
echo >$T/set_ftrace_filter
echo 1 >$T/events/enable
all_legal events static_call
t_ok events_jump_labels test "$(total jump_label)" -gt 500
echo 0 >$T/events/enable
all_legal tracing_ended

# behind NAME: the offset of the first instruction behind the tracer's call, which a probe at the entry would use.
behind() {
	echo $(($(kcore_read "$(sym "$1")" 4 | grep -c f30f1efa) * 4 + 5))
}
for name in vfs_fsync vfs_fsync_range; do echo "p:lvbs_$name $name+$(behind $name)" >>$T/kprobe_events; done
t_ok probes_on write_to $T/events/kprobes/enable 1
all_legal probes
t_is $(($(total kprobe) + $(total optprobe))) 2 probes_found
sleep 1
all_legal probes_optimised
t_is $(($(total kprobe) + $(total optprobe))) 2 optimised_probes_found
t_ok probes_off write_to $T/events/kprobes/enable 0
echo >$T/kprobe_events

t_ok cpu_offline write_to $CPU1 0
all_legal one_cpu
t_ok cpu_online write_to $CPU1 1
all_legal two_cpus

t_ok client_loads insmod /heki_client.ko
all_legal module_loaded
t_ok key_on put $C/command key 1
all_legal key_on jump_label
t_ok key_in_module grep -q 'heki_client\] .* jump_label$' /tmp/verify
t_ok key_off put $C/command key 0
all_legal key_off
for mode in audit mediate off; do
	t_ok "mode_$mode" put "$D/heki/live" $mode
	all_legal "$mode"
done

#
# A byte changed behind the kernel's back is found, wherever it is: in code, at a place that the kernel patches,
# and where it does not.
#
# found_and_restored NAME VA NOW: writes NOW at VA, and restores what was there.
found_and_restored() {
	verify
	restored=$(kcore_read "$2" $((${#3} / 2)))
	t_ok "$1: attack" attack "$2" "$3"
	found "$1" "$2" "$restored" "$3"
	attack "$2" "$restored"
	all_legal "$1: restored"
}
code=$(add "$(sym vfs_fsync)" 8)
while [ "$(kcore_read "$code" 1)" = cc ] || [ "$(kcore_read "$code" 1)" = f0 ]; do code=$(add "$code" 1); done
found_and_restored int3_without_probe "$code" cc
found_and_restored lock_prefix_without_lock "$code" f0
found_and_restored call_elsewhere "$(add "$(sym vfs_fsync)" $(($(behind vfs_fsync) - 5)))" e8112233
tramp=$(sym __SCT__tp_func_console)
found_and_restored trampoline_elsewhere "$(add "$tramp" 1)" 112233
site long
t_is "$NOW" "$NOP" site_has_nop
found_and_restored jump_label_elsewhere "$VA" e911223344
found_and_restored jump_label_int3 "$VA" cc
found_and_restored jump_label_half "$VA" "$(head_of "$CODE")"
found_and_restored code_of_module "$(add "$VA" 5)" 0607

# By the kernel's own writer, too: nothing judges that while live mode is off.
now=$(kcore_read "$code" 1)
attack "$code" 06 plain
found text_poke "$code" "$now" 06
attack "$code" "$now" plain
all_legal text_poke_restored

# The ends of the text, and a page boundary.
page=$(add "$(sym _stext)" 8192)
before=$(kcore_read "$(add "$page" -1)" 2)
attack "$(add "$page" -1)" "$(printf '%s' "$before" | cut -c 1-2 | tr 0123456789abcdef 123456789abcdef0)"
attack "$page" "$(printf '%s' "$before" | cut -c 3-4 | tr 0123456789abcdef 123456789abcdef0)"
verify
t_is "$(total unknown)" 2 page_boundary_found
attack "$(add "$page" -1)" "$(printf '%s' "$before" | cut -c 1-2)"
attack "$page" "$(printf '%s' "$before" | cut -c 3-4)"
all_legal page_boundary_restored

t_ok client_unloads rmmod heki_client
all_legal module_unloaded
t_fails EPERM verify_without_rawio unshare -U -r cat "$D/heki/verify"
rmmod attacker
t_done
