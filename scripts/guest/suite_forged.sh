# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# suite_forged.sh [all]: forged writes of each kind are refused in mediate and reported in audit; legal ones are
# accepted, whoever makes them. "all": from all nine contexts, not only five.
#
# kernels: first
# full: others next debug
# modules: direct_tramp attacker flipper heki_client targets
# programs: bpf_load
# shellcheck source=scripts/guest/lib.sh
. /lib.sh
# shellcheck source=scripts/guest/kernel.sh
. /kernel.sh
# shellcheck source=scripts/guest/heki.sh
. /heki.sh

T=/sys/kernel/tracing
LIVE=$D/heki/live
A=/sys/kernel/debug/attacker
WRITES=$T/events/lvbs/heki_text_write/enable
OPTIMIZATION=/proc/sys/debug/kprobes-optimization
NOP5=0f1f440000

POKES="plain irq"
QUEUED="queue queue_noirq single"
if [ "${1:-}" = all ]; then
	POKES="plain nopreempt noirq irq"
	QUEUED="queue queue_nopreempt queue_noirq queue_irq single"
fi

live() { put "$LIVE" "$1"; }
policy() { put "$D/heki/policy" "$1" "$2"; }
write_to() { echo "$2" >"$1"; }
add() { printf 0x%x $(($1 + $2)); }

# le32 N: print the low 32 bits of N as little-endian hex digits.
le32() {
	le32_hex=$(printf %08x $(($1 & 0xffffffff)))
	for le32_at in 7 5 3 1; do
		printf %s "$(printf %s "$le32_hex" | cut -c $le32_at-$((le32_at + 1)))"
	done
}

# call_to VA TARGET, jump_to VA TARGET: print the bytes of that instruction at VA.
call_to() { echo "e8$(le32 $(($2 - $1 - 5)))"; }
jump_to() { echo "e9$(le32 $(($2 - $1 - 5)))"; }

# target_at VA: print the target of the call or jump of 5 bytes at VA.
target_at() {
	# shellcheck disable=SC2046 # words
	set -- "$1" $(kcore_read "$(add "$1" 1)" 4 | sed 's/../& /g')
	target_offset=$((0x$5$4$3$2))
	[ $target_offset -lt $((0x80000000)) ] || target_offset=$((target_offset - 0x100000000))
	add "$1" $((5 + target_offset))
}

# is_nop VA: is the NOP of 5 bytes there?
is_nop() { [ "$(kcore_read "$1" 5)" = $NOP5 ]; }

# fentry FUNCTION: print the address of its call of the tracer, which is a NOP now.
fentry() {
	fentry_va=$(sym "$1")
	is_nop "$fentry_va" || fentry_va=$(add "$fentry_va" 4)
	echo "$fentry_va"
}

# counters: print refused, passed and unchecked writes.
counters() {
	awk '/^live_(refused|passed|unchecked):/ { printf "%s ", $2 }' "$D/heki/verdicts"
}

# attack VA HEX HOW [EMULATE]: sets "result" to what the write did: "CHANGED REFUSED PASSED UNCHECKED".
attack() {
	# shellcheck disable=SC2046 # words
	set -- "$1" "$2" "$3" "${4:-}" $(counters)
	echo "$1 $2 $3 $4" >$A/write
	# shellcheck disable=SC2046 # words
	set -- "$5" "$6" "$7" $(counters)
	read -r result <$A/changed
	[ "$result" = Y ] && result=1 || result=0
	result="$result $(($4 - $1)) $(($5 - $2)) $(($6 - $3))"
}

# traced KIND VERDICT: how many writes of that kind the tracepoint reports with that verdict.
traced() { grep -c "kind=$1 .* verdict=$2\$" $T/trace; }

# each_is WANT NAME KIND VERDICT LINES VA HEX HOWS [EMULATE]: in each context the write changes nothing and is WANT
# ("REFUSED PASSED UNCHECKED"), and the tracepoint reports it LINES times.
each_is() {
	each_want=$1
	each_name=$2
	each_traced="$3 $4"
	each_lines=$5
	each_changed=
	each_n=0
	echo >$T/trace
	each_before=$(counters)
	for each_how in $8; do
		echo "$6 $7 $each_how ${9:-}" >$A/write
		read -r result <$A/changed
		[ "$result" = N ] || each_changed="$each_changed $each_how"
		each_n=$((each_n + 1))
	done
	# shellcheck disable=SC2046,SC2086 # words
	set -- $each_want $each_before $(counters)
	t_is "changed:$each_changed, $(($7 - $4)) $(($8 - $5)) $(($9 - $6))" \
		"changed:, $((each_n * $1)) $((each_n * $2)) $((each_n * $3))" "$each_name"
	# shellcheck disable=SC2086 # words
	t_is "$(traced $each_traced)" $((each_n * each_lines)) "$each_name: traced"
}

# refused KIND NAME VA HEX [HOWS [EMULATE]]: mediate does not write it.
refused() {
	each_is "1 0 0" "$1: $2" "$1" refused 1 "$3" "$4" "${5:-$POKES $QUEUED}" "${6:-}"
}

# accepted KIND NAME VA HEX LINES [HOWS [EMULATE]]: mediate writes it, and it is what is there already.
accepted() {
	each_is "0 0 0" "$1: $2" "$1" accepted "$5" "$3" "$4" "${6:-$QUEUED}" "${7:-}"
}

# place KIND NAME VA NOW [EMULATE]: attacks that a place of 5 bytes with the instruction NOW withstands, whatever it
# is. The kernel stops with a BUG if it does not know NOW, and EMULATE is missing.
place() {
	place_va=$3
	accepted "$1" "$2: same_instruction" "$place_va" "$4" 3 "$QUEUED" "${5:-}"
	refused "$1" "$2: same_instruction_unqueued" "$place_va" "$4" "$POKES"
	refused "$1" "$2: call_elsewhere" "$place_va" "$(call_to "$place_va" "$elsewhere")"
	refused "$1" "$2: jump_elsewhere" "$place_va" "$(jump_to "$place_va" "$elsewhere")"
	refused "$1" "$2: call_into_function" "$place_va" "$(call_to "$place_va" "$(add "$elsewhere" 1)")"
	refused "$1" "$2: int3" "$place_va" cc
	refused "$1" "$2: single_byte_nop" "$place_va" 90
	refused "$1" "$2: nop_of_2_bytes" "$place_va" 6690
	refused "$1" "$2: nops_of_1_byte" "$place_va" 9090909090
	refused "$1" "$2: undefined_instruction" "$place_va" 0f0b0f0b0f
	refused "$1" "$2: second_byte" "$(add "$place_va" 1)" $NOP5
	refused "$1" "$2: second_byte_int3" "$(add "$place_va" 1)" cc
	refused "$1" "$2: last_byte_int3" "$(add "$place_va" 4)" cc
	refused "$1" "$2: 6_bytes" "$place_va" "${4}90"
	refused "$1" "$2: 4_bytes" "$place_va" "${4%??}"
	refused "$1" "$2: emulate_elsewhere" "$place_va" "$4" "queue single" "$(call_to "$place_va" "$elsewhere")"
	refused "$1" "$2: emulate_nop" "$place_va" "$4" "queue single" 6690909090
	refused "$1" "$2: emulate_undefined" "$place_va" "$4" "queue single" 0f0b0f0b0f
	each_is "1 0 0" "$1: $2: early_tail" "$1" refused 1 "$place_va" "$4" early_tail "${5:-}"
	each_is "1 0 0" "$1: $2: early_head" "$1" refused 1 "$place_va" "$4" early_head "${5:-}"
	# The kernel's own steps come afterwards, when nothing is queued any more.
	each_is "4 0 0" "$1: $2: wrong_tail" "$1" refused 4 "$place_va" "$4" wrong_tail "${5:-}"
}

# target NAME [N]: print the address of the Nth of the places of that name in the module targets.
target() {
	awk -v name="$1" -v n="${2:-1}" '$1 == name && ++i == n { print $2 }' /sys/kernel/debug/targets/sites
}

# probe_offset FUNCTION: print the offset of the instruction after its call of the tracer.
probe_offset() { echo $(($(fentry "$1") + 5 - $(sym "$1"))); }

probes() { echo "$1" >$T/events/kprobes/enable; }

# optimised VA...: the probes there become jumps to their slots within 10 seconds.
optimised() {
	for optimised_va in "$@"; do
		optimised_try=0
		until [ "$(kcore_read "$optimised_va" 1)" = e9 ]; do
			optimised_try=$((optimised_try + 1))
			[ "$optimised_try" -lt 100 ] || return
			usleep 100000
		done
	done
}

elsewhere=$(sym vfs_fsync_range)
site_va=$(fentry vfs_fsync)
other_va=$(fentry vfs_mkdir)
insmod /attacker.ko
insmod /heki_client.ko
insmod /targets.ko
# The first use may change text permanently, so it precedes the checksum.
echo vfs_fsync >$T/set_ftrace_filter
echo function >$T/current_tracer
echo nop >$T/current_tracer
text_before=$(text_sum)
verdicts_before=$(counters)
t_ok mediate live mediate
# The attacks would be written.
[ "$(cat "$LIVE")" = mediate ] || t_done
echo 1 >"$WRITES"

#
# Jump labels: of a module, whose key is off, and of the kernel.
#
site long_1
other_code=$CODE
site short
short_va=$VA short_nop=$NOP short_code=$CODE
site long
place jump_label module "$VA" "$NOP"
refused jump_label wrong_time "$VA" "$CODE"
refused jump_label jump_of_another_label "$VA" "$other_code"
refused jump_label jump_to_next_instruction "$VA" e900000000
accepted jump_label short "$short_va" "$short_nop" 3
refused jump_label short_wrong_time "$short_va" "$short_code"
refused jump_label short_long_nop "$short_va" $NOP5
refused jump_label short_jump_elsewhere "$short_va" eb00
put $C/command key 1
site long
accepted jump_label key_on "$VA" "$CODE" 3
refused jump_label key_on_nop "$VA" "$NOP"
site short
refused jump_label short_key_on_nop "$VA" "$NOP"
put $C/command key 0
known=$(awk '$5 == "kernel" && $3 == 5 { print $1; exit }' "$D/heki/patches")
kernel_va=$(add "$(sym _text)" $((known - $(iomem_start "Kernel code"))))
kernel_now=$(mem_read "$known" 5)
place jump_label kernel "$kernel_va" "$kernel_now"
kernel_jump=$(awk -v pa="$known" '$1 == pa { print $4 }' "$D/heki/patches")
[ "$kernel_now" != "$kernel_jump" ] || kernel_jump=$NOP5
refused jump_label kernel_wrong_time "$kernel_va" "$kernel_jump"

#
# Static calls, tail calls and trampolines.
#
one=$(sym targets_one)
code=$(add "$(fentry targets_one)" 5)
two=$(sym targets_two)
call_va=$(target call)
place static_call module "$call_va" "$(call_to "$call_va" "$one")"
refused static_call emulates_later "$call_va" "$(call_to "$call_va" "$one")" emulate_later "$(jump_to "$call_va" "$two")"
refused static_call other_function "$call_va" "$(call_to "$call_va" "$two")"
refused static_call call_of_another_site "$call_va" "$(kcore_read "$(target call 2)" 5)"
refused static_call nop "$call_va" $NOP5
refused static_call return_0 "$call_va" 2e2e2e31c0
refused static_call jump "$call_va" "$(jump_to "$call_va" "$one")"
refused static_call conditional "$call_va" "0f84$(le32 $((one - call_va - 6)))"
echo two >/sys/kernel/debug/targets/func
accepted static_call updated "$call_va" "$(call_to "$call_va" "$two")" 3
refused static_call function_before_update "$call_va" "$(call_to "$call_va" "$one")"
echo one >/sys/kernel/debug/targets/func

# Another module has a static call of the same name.
since
t_ok module_with_a_call_of_that_name insmod /flipper.ko
echo two >/sys/kernel/debug/targets/func
echo one >/sys/kernel/debug/targets/func
rmmod flipper
t_is "$(grown live_refused)" 0 "static_call: same_name_not_refused"

tail_va=$(target tail)
t_ok has_tail_call test -n "$tail_va"
place static_call tail "$tail_va" "$(jump_to "$tail_va" "$one")"
refused static_call tail_other_function "$tail_va" "$(jump_to "$tail_va" "$two")"
refused static_call tail_call "$tail_va" "$(call_to "$tail_va" "$one")"
refused static_call tail_nop "$tail_va" $NOP5
refused static_call tail_return "$tail_va" c3cccccccc

zero_va=$(target zero)
return0=$(sym __static_call_return0)
place static_call zero "$zero_va" 2e2e2e31c0 "$(call_to "$zero_va" "$return0")"
refused static_call zero_emulates_another "$zero_va" 2e2e2e31c0 "queue single" "$(call_to "$zero_va" "$one")"
refused static_call zero_emulates_itself "$zero_va" 2e2e2e31c0 "queue single"
refused static_call zero_emulates_a_jump "$zero_va" 2e2e2e31c0 "queue single" "$(jump_to "$zero_va" "$return0")"
refused static_call zero_nop "$zero_va" $NOP5

null_va=$(target null)
place static_call null "$null_va" $NOP5
refused static_call null_call "$null_va" "$(call_to "$null_va" "$one")"
refused static_call null_return_0 "$null_va" 2e2e2e31c0

tramp=$(sym __SCT__targets_call)
place static_call trampoline_of_module "$tramp" "$(jump_to "$tramp" "$one")"
refused static_call trampoline_other_function "$tramp" "$(jump_to "$tramp" "$two")"
refused static_call trampoline_call "$tramp" "$(call_to "$tramp" "$one")"
refused static_call trampoline_return "$tramp" c3cccccccc
refused static_call trampoline_of_another "$tramp" "$(kcore_read "$(sym __SCT__targets_zero)" 5)"
refused unknown trampoline_mark "$(add "$tramp" 5)" 0fb990
tramp=$(sym __SCT__tp_func_sched_switch)
place static_call trampoline_of_kernel "$tramp" "$(kcore_read "$tramp" 5)"
refused static_call trampoline_of_kernel_of_another "$tramp" "$(kcore_read "$(sym __SCT__tp_func_sched_wakeup)" 5)"
refused static_call trampoline_of_kernel_return "$tramp" c3cccccccc

# The kernel's table: two s32 per entry, relative to themselves. Two calls of different keys, not in init text.
table=$(sym __start_static_call_sites)
mem_read "$(kernel_pa "$table")" 65536 >/dev/null
hexdump -v -e '2/4 "%d " "\n"' /tmp/.mem | awk -v from=$(($(sym _stext) - table)) -v to=$(($(sym _etext) - table)) '
	{ at = (NR - 1) * 8 + $1; key = (NR - 1) * 8 + 4 + $2; flags = $2 % 4; if (flags < 0) flags += 4 }
	at >= from && at < to && (NR - 1) * 8 + 4 + $2 > 0 && key != last { print at; last = key }' >/tmp/calls
kernel_call=
kernel_other=
while read -r offset; do
	va=$(add "$table" "$offset")
	case $(kcore_read "$va" 1) in
	e8) kernel_other=$kernel_call kernel_call=$va ;;
	esac
	[ -z "$kernel_other" ] || break
done </tmp/calls
t_ok has_kernel_calls test -n "$kernel_other"
place static_call kernel "$kernel_call" "$(kcore_read "$kernel_call" 5)"
refused static_call kernel_nop "$kernel_call" $NOP5
refused static_call kernel_bytes_of_another "$kernel_call" "$(kcore_read "$kernel_other" 5)"
refused static_call kernel_function_of_another "$kernel_call" "$(call_to "$kernel_call" "$(target_at "$kernel_other")")"

#
# The function tracer's calls.
#
ftrace_caller=$(sym ftrace_caller)
place ftrace kernel "$site_va" $NOP5
refused ftrace not_traced "$site_va" "$(call_to "$site_va" "$ftrace_caller")"
refused ftrace not_traced_regs "$site_va" "$(call_to "$site_va" "$(sym ftrace_regs_caller)")"
refused ftrace not_traced_jump "$site_va" "$(jump_to "$site_va" "$ftrace_caller")"
module_va=$(fentry targets_call_first)
place ftrace module "$module_va" $NOP5
refused ftrace module_not_traced "$module_va" "$(call_to "$module_va" "$ftrace_caller")"

echo function >$T/current_tracer
trampoline=$(target_at "$site_va")
place ftrace traced "$site_va" "$(call_to "$site_va" "$trampoline")"
refused ftrace traced_nop "$site_va" $NOP5
refused ftrace traced_other_caller "$site_va" "$(call_to "$site_va" "$ftrace_caller")"
refused ftrace traced_into_trampoline "$site_va" "$(call_to "$site_va" "$(add "$trampoline" 5)")"
refused ftrace neighbour_not_traced "$other_va" "$(call_to "$other_va" "$trampoline")"
refused ftrace neighbour_bytes_of_traced "$other_va" "$(kcore_read "$site_va" 5)"
# The trampoline of another user, in both directions.
poke_va=$(sym __text_poke)
[ "$(kcore_read "$poke_va" 1)" = e8 ] || poke_va=$(add "$poke_va" 4)
hook=$(target_at "$poke_va")
refused ftrace traced_trampoline_of_another "$site_va" "$(call_to "$site_va" "$hook")"
accepted ftrace hook "$poke_va" "$(call_to "$poke_va" "$hook")" 3
refused ftrace hook_trampoline_of_another "$poke_va" "$(call_to "$poke_va" "$trampoline")"
refused ftrace hook_nop "$poke_va" $NOP5
echo nop >$T/current_tracer
refused ftrace no_longer_traced "$site_va" "$(call_to "$site_va" "$ftrace_caller")"

# The calls that the tracer makes: in its callers, and in trampolines.
stub=$(sym ftrace_stub)
for name in ftrace_call ftrace_regs_call; do
	va=$(sym $name)
	[ -n "$va" ] || continue
	place ftrace $name "$va" "$(kcore_read "$va" 5)"
	refused ftrace ${name}_nop "$va" $NOP5
	refused ftrace ${name}_stub "$va" "$(call_to "$va" "$stub")"
	refused ftrace ${name}_caller "$va" "$(call_to "$va" "$ftrace_caller")"
	refused ftrace ${name}_at_another "$va" "$(kcore_read "$site_va" 5)"
done
# find_call START TARGET: print where in the trampoline at START the call of TARGET is.
find_call() {
	find_bytes=$(kcore_read "$1" 1024)
	find_at=0
	while [ $find_at -lt 1000 ]; do
		case $(printf %s "$find_bytes" | cut -c $((2 * find_at + 1))-$((2 * find_at + 10))) in
		"$(call_to "$(add "$1" $find_at)" "$2")")
			add "$1" $find_at
			return
			;;
		esac
		find_at=$((find_at + 1))
	done
}
in_hook=$(find_call "$hook" "$(sym writer_entered)")
t_ok hook_has_a_call test -n "$in_hook"
accepted ftrace hook_call "$in_hook" "$(call_to "$in_hook" "$(sym writer_entered)")" 3
refused ftrace hook_call_of_stub "$in_hook" "$(call_to "$in_hook" "$stub")" "$QUEUED"
refused ftrace hook_call_elsewhere "$in_hook" "$(call_to "$in_hook" "$elsewhere")" "$QUEUED"
refused ftrace hook_call_nop "$in_hook" $NOP5 "$QUEUED"
refused ftrace hook_call_jump "$in_hook" "$(jump_to "$in_hook" "$elsewhere")" "$QUEUED"
# Another place of the trampoline.
before_call=$(add "$in_hook" -5)
refused unknown hook_call_elsewhere_in_it "$before_call" "$(call_to "$before_call" "$(sym writer_entered)")"
for offset in -4 -1 1 4; do
	refused unknown "hook_nop_at_$offset" "$(add "$in_hook" $offset)" $NOP5
done
refused ftrace hook_unqueued "$in_hook" cc "$POKES"

#
# Probes.
#
echo 0 >$OPTIMIZATION
probe_va=$(add "$(sym vfs_mkdir)" "$(probe_offset vfs_mkdir)")
probe_other=$(add "$(sym vfs_symlink)" "$(probe_offset vfs_symlink)")
then=$(kcore_read "$probe_va" 5)
then_other=$(kcore_read "$probe_other" 5)
refused unknown int3_without_probe "$probe_va" cc
echo "p:forged_1 vfs_mkdir+$(probe_offset vfs_mkdir)" >$T/kprobe_events
echo "p:forged_2 vfs_symlink+$(probe_offset vfs_symlink)" >>$T/kprobe_events
refused unknown int3_next_to_probe "$(add "$probe_va" 1)" cc "$POKES"
probes 1
t_is "$(kcore_read "$probe_va" 1)" cc probe_has_int3
accepted kprobe int3 "$probe_va" cc 1 plain
refused kprobe not_its_first_byte "$probe_va" 90 "$POKES"
refused kprobe byte_of_another "$probe_va" "$(printf %x $((0x$(head_of "$then") ^ 1)))" "$POKES"
refused kprobe lock_prefix "$probe_va" f0 "$POKES"
refused unknown probe_int3_queued "$probe_va" cc "$QUEUED"
refused unknown probe_first_byte_queued "$probe_va" "$(head_of "$then")" "$QUEUED"
refused unknown probe_int3_next_byte "$(add "$probe_va" 1)" cc
refused ftrace probe_int3_byte_before "$(add "$probe_va" -1)" cc
refused unknown probe_whole_instruction "$probe_va" "$then" "$POKES"
refused unknown probe_jump_unqueued "$probe_va" "$(jump_to "$probe_va" "$elsewhere")" "$POKES"
slot=0x$(awk '$3 == "kprobe_insn_page" { print $1; exit }' /proc/kallsyms)
t_ok has_slots test $((slot)) != 0
refused kprobe slot_unaligned "$(add "$slot" 1)" 90cc "$POKES"
refused kprobe slot_without_end "$slot" 9090909090 "$POKES"
refused kprobe slot_1_byte "$slot" cc "$POKES"
refused unknown slot_nop_queued "$slot" $NOP5 "$QUEUED"
refused kprobe slot_jump_without_instruction "$slot" "$(jump_to "$slot" "$elsewhere")" "$POKES"

#
# Optimised probes.
#
echo 1 >$OPTIMIZATION
t_ok probes_optimised optimised "$probe_va" "$probe_other"
now=$(kcore_read "$probe_va" 5)
now_other=$(kcore_read "$probe_other" 5)
slot=$(target_at "$probe_va")
accepted optprobe jump "$probe_va" "$now" 3
refused optprobe jump_elsewhere "$probe_va" "$(jump_to "$probe_va" "$elsewhere")" "$QUEUED"
refused optprobe jump_into_slot "$probe_va" "$(jump_to "$probe_va" "$(add "$slot" 1)")" "$QUEUED"
refused optprobe jump_of_another "$probe_va" "$now_other" "$QUEUED"
refused optprobe slot_of_another "$probe_va" "$(jump_to "$probe_va" "$(target_at "$probe_other")")" "$QUEUED"
refused unknown optprobe_call "$probe_va" "$(call_to "$probe_va" "$slot")" "$QUEUED"
refused unknown optprobe_next_byte "$(add "$probe_va" 1)" "$now" "$QUEUED"
refused unknown optprobe_jump_unqueued "$probe_va" "$now" "$POKES"
refused unknown optprobe_emulate "$probe_va" "$now" "queue single" "$(jump_to "$probe_va" "$elsewhere")"
refused optprobe tail_in_use "$(add "$probe_va" 1)" "$(tail_of "$then")" "$POKES"
refused unknown optprobe_first_byte_in_use "$probe_va" "$(head_of "$then")" "$POKES"
attack "$probe_va" cc plain
t_is "$result" "1 0 0 0" "optprobe: guarded"
refused optprobe wrong_tail "$(add "$probe_va" 1)" 00112233 "$POKES"
refused optprobe tail_of_another "$(add "$probe_va" 1)" "$(tail_of "$now_other")" "$POKES"
refused unknown optprobe_half_of_tail "$(add "$probe_va" 1)" "$(tail_of "$then" | cut -c 1-4)" "$POKES"
attack "$probe_va" "$now" queue
t_is "$result $(kcore_read "$probe_va" 5)" "1 0 0 0 $now" "optprobe: jump_restored"
refused optprobe slot "$slot" "$(kcore_read "$slot" 16)" "$POKES"
refused optprobe slot_1_byte "$slot" cc "$POKES"
refused optprobe slot_middle "$(add "$slot" 7)" 9090 "$POKES"
refused unknown optprobe_slot_nop_queued "$slot" $NOP5 "$QUEUED"
probes 0
echo >$T/kprobe_events
t_is "$(kcore_read "$probe_va" 5)" "$then" probe_removed
t_is "$(kcore_read "$probe_other" 5)" "$then_other" other_probe_removed
refused unknown optprobe_removed "$probe_va" "$now"
refused unknown kprobe_removed "$probe_va" cc

#
# Lock prefixes, which a kernel that booted with several CPUs does not switch.
#
# lock_in FUNCTION BYTES: print the address of its first byte f0, which for the kernel may be another byte than a prefix.
lock_in() {
	lock_at=$(kcore_read "$(sym "$1")" "$2" | sed 's/../&\n/g' | awk '$1 == "f0" { print NR - 1; exit }')
	[ -z "$lock_at" ] || add "$(sym "$1")" "$lock_at"
}
lock=$(lock_in targets_take_lock 24)
t_ok module_has_lock_prefix test -n "$lock"
refused alternative module_lock "$lock" 3e "$POKES"
refused alternative module_lock_again "$lock" f0 "$POKES"
refused unknown module_lock_nop "$lock" 90
refused unknown module_lock_queued "$lock" 3e "$QUEUED"
refused unknown module_lock_next_byte "$(add "$lock" 1)" 3e
refused unknown module_lock_2_bytes "$lock" 3eff
kernel_lock=$(lock_in _raw_spin_lock 128)
t_ok kernel_has_lock_prefix test -n "$kernel_lock"
refused alternative kernel_lock "$kernel_lock" 3e "$POKES"
refused unknown kernel_lock_next_byte "$(add "$kernel_lock" 1)" f0

#
# Generated code.
#
since
/bpf_load forged >/tmp/loaded &
bpf_pid=$!
until [ -s /tmp/loaded ]; do :; done
t_ok bpf_load_counted test "$(grown live_bpf)" -gt 0
t_is "$(grown live_refused)" 0 bpf_load_accepted
bpf=0x$(awk '$3 ~ /^bpf_prog_.*_forged$/ { print $1; exit }' /proc/kallsyms)
t_ok bpf_program_found test $((bpf)) != 0
bpf_entry=$bpf
is_nop "$bpf_entry" || bpf_entry=$(add "$bpf" 4)
t_ok bpf_entry_is_nop is_nop "$bpf_entry"
accepted bpf entry "$bpf_entry" $NOP5 3
refused bpf call_of_kernel "$bpf_entry" "$(call_to "$bpf_entry" "$elsewhere")" "$QUEUED"
refused bpf jump_to_kernel "$bpf_entry" "$(jump_to "$bpf_entry" "$elsewhere")" "$QUEUED"
refused bpf call_of_module "$bpf_entry" "$(call_to "$bpf_entry" "$one")" "$QUEUED"
refused bpf nop_of_2_bytes "$bpf_entry" 6690 "$QUEUED"
refused bpf 6_bytes "$bpf_entry" ${NOP5}90 "$QUEUED"
refused bpf int3_queued "$bpf_entry" cc "$QUEUED"
refused bpf undefined_instruction "$bpf_entry" 0f0b0f0b0f
refused bpf nop_over_code "$(add "$bpf_entry" 12)" $NOP5 "$QUEUED"
refused unknown bpf_emulate "$bpf_entry" $NOP5 "queue single" "$(call_to "$bpf_entry" "$elsewhere")"
refused bpf other_code "$bpf_entry" 9090909090 "$POKES"
refused bpf other_code_in_the_middle "$(add "$bpf_entry" 12)" 0f0b0f0b "$POKES"
refused bpf int3 "$bpf_entry" cc "$POKES"
refused bpf fill_with_nops "$bpf_entry" 9090909090 fill
refused bpf fill_of_a_program "$bpf_entry" cccc fill
refused unknown fill_by_another_function "$(printf 0x%x $(((bpf & ~4095) + 0x3000)))" 9090909090 other_func
refused bpf fill_across_a_program "$(add "$bpf" -4)" cccccccccccccccc fill
# From the multiple of 64 before it, as if it began there.
if [ $((bpf & 63)) -lt 16 ]; then
	refused bpf fill_of_its_beginning "$(printf 0x%x $((bpf & ~63)))" cccccccccccccccccccccccccccccccc fill
fi
kill $bpf_pid

#
# The module's own text.
#
own_va=$(fentry live_check_insn)
if is_nop "$own_va"; then
	place vtl1 function "$own_va" $NOP5
	refused vtl1 not_traced "$own_va" "$(call_to "$own_va" "$ftrace_caller")"
fi
own_code=$(add "$(sym live_check_insn)" 24)
refused vtl1 code "$own_code" 90
refused vtl1 code_nop "$own_code" $NOP5
refused vtl1 code_int3 "$own_code" cc
refused vtl1 code_jump "$own_code" "$(jump_to "$own_code" "$elsewhere")"
refused vtl1 code_unchanged "$own_code" "$(kcore_read "$own_code" 4)"
tramp=$(sym __SCT__lvbs_text_poke)
place vtl1 trampoline "$tramp" "$(kcore_read "$tramp" 5)"
refused vtl1 trampoline_return "$tramp" c3cccccccc
refused vtl1 trampoline_of_another "$tramp" "$(kcore_read "$(sym __SCT__lvbs_get_kprobe)" 5)"
refused vtl1 trampoline_function_of_another "$tramp" "$(jump_to "$tramp" "$(sym get_kprobe)")"

#
# Text where nothing is patched.
#
# plain_text NAME VA: attacks that text without a place withstands.
plain_text() {
	refused unknown "$1: unchanged" "$2" "$(kcore_read "$2" 5)"
	refused unknown "$1: nop" "$2" $NOP5
	refused unknown "$1: byte" "$2" 90
	refused unknown "$1: int3" "$2" cc
	refused unknown "$1: call" "$2" "$(call_to "$2" "$elsewhere")"
	refused unknown "$1: call_of_tracer" "$2" "$(call_to "$2" "$ftrace_caller")"
	refused unknown "$1: jump" "$2" "$(jump_to "$2" "$elsewhere")"
	refused unknown "$1: return" "$2" c3cccccccc
	refused unknown "$1: 7_bytes" "$2" 90909090909090
	refused unknown "$1: 9_bytes" "$2" 909090909090909090
}
plain_text kernel "$probe_va"
plain_text module "$code"
plain_text kernel_data "$(sym vm_swappiness)"
plain_text module_data "$(target data)"
for va in $code $(target data); do
	refused unknown "fill_at_$va" "$va" 9090 fill
	refused unknown "fill_with_int3_at_$va" "$va" cccc fill
done
refused ftrace across_two_places "$(add "$zero_va" -2)" 9090909090
refused unknown unlocked "$probe_va" $NOP5 queue_unlocked
refused unknown unlocked_at_place "$call_va" "$(call_to "$call_va" "$one")" queue_unlocked

#
# Policies.
#
# with_policy KIND VA NOW: an illegal write of what is there goes by the policy.
with_policy() {
	t_ok "$1: count" policy "$1" count
	t_is "$(awk -v kind="$1" '$1 == kind { print $2 }' "$D/heki/policy")" count "$1: reads_count"
	each_is "0 0 1" "$1: counted" "$1" counted 1 "$2" "$3" "plain noirq irq"
	t_ok "$1: check" policy "$1" check
	refused "$1" checked_again "$2" "$3" "plain noirq irq"
}
site long
with_policy jump_label "$VA" "$NOP"
with_policy static_call "$call_va" "$(call_to "$call_va" "$one")"
with_policy ftrace "$site_va" $NOP5
with_policy alternative "$lock" f0
with_policy vtl1 "$own_code" "$(kcore_read "$own_code" 4)"
with_policy unknown "$code" "$(kcore_read "$code" 4)"
t_ok jump_label_count policy jump_label count
attack "$VA" "$CODE" queue
t_is "$result $(site_now long)" "1 0 0 1 $CODE 1" forged_jump_counted
attack "$VA" "$NOP" queue
t_is "$result $(site_now long)" "1 0 0 0 $NOP 0" legal_nop_not_counted
t_ok jump_label_check policy jump_label check
refused jump_label forged_jump_checked "$VA" "$CODE"

for words in "jump_label" "jump_label none" "none check" "jump_label check check" "" "jump_label deny" \
	"static_call deny" "unknown deny" "vtl1 deny"; do
	# shellcheck disable=SC2086 # words
	t_fails EINVAL "policy_'$words'" put "$D/heki/policy" $words
done
t_is "$(awk '$2 != "check"' "$D/heki/policy" | wc -l)" 0 policies_are_defaults

probe_create() { echo "p:forged vfs_mkdir+$((probe_va - $(sym vfs_mkdir)))" >$T/kprobe_events; }
probe_delete() {
	probes 0 2>/dev/null
	echo >$T/kprobe_events
}
tracer() { echo "$1" >"$T"/current_tracer; }
denied() { verdict live_denied; }

t_ok kprobe_deny policy kprobe deny
denied_before=$(denied)
t_fails EPERM kprobe_denied probe_create
t_ok kprobe_denial_counted test "$(denied)" -gt "$denied_before"
t_is "$(kcore_read "$probe_va" 5)" "$then" kprobe_denied_text
t_ok kprobe_check policy kprobe check
t_ok kprobe_allowed probe_create
t_ok kprobe_deny_enable policy kprobe deny
t_fails EPERM kprobe_enable_denied probes 1
t_is "$(kcore_read "$probe_va" 5)" "$then" kprobe_enable_denied_text
t_ok kprobe_check_enable policy kprobe check
t_ok kprobe_enable_allowed probes 1
t_ok kprobe_deny_while_armed policy kprobe deny
t_ok kprobe_disable_allowed probe_delete
t_is "$(kcore_read "$probe_va" 5)" "$then" kprobe_disabled_text
t_ok kprobe_check_at_end policy kprobe check

t_ok ftrace_deny policy ftrace deny
denied_before=$(denied)
for tracer in function function_graph; do
	t_fails EPERM ${tracer}_denied tracer $tracer
done
t_is $(($(denied) - denied_before)) 2 tracers_denied_counted
t_is "$(cat $T/current_tracer)" nop tracers_denied_none
t_ok direct_denied sh -c '! insmod /direct_tramp.ko 2>/tmp/insmod_error && grep -q "not permitted" /tmp/insmod_error'
# Probes at a function's entry are kprobes, although the tracer calls them.
t_ok ftrace_deny_probe_allowed put $T/kprobe_events 'p:forged_entry vfs_mkdir'
t_ok ftrace_deny_probe_enabled put $T/events/kprobes/forged_entry/enable 1
put $T/events/kprobes/forged_entry/enable 0
t_ok ftrace_deny_probe_removed put $T/kprobe_events ''
t_ok ftrace_check policy ftrace check
t_ok function_allowed tracer function
t_ok graph_allowed tracer function_graph
t_ok tracers_end tracer nop
is_nop "$site_va"
t_is $? 0 tracers_end_text

t_ok optprobe_deny policy optprobe deny
probe_create
probes 1
sleep 2
t_is "$(kcore_read "$probe_va" 1) $(grep -c OPTIMIZED /sys/kernel/debug/kprobes/list)" "cc 0" optprobe_denied
probe_delete
t_ok optprobe_check policy optprobe check
probe_create
probes 1
t_ok optprobe_allowed optimised "$probe_va"
probe_delete

# Without generated code a program is interpreted, or refused by a kernel without the interpreter.
t_ok bpf_deny policy bpf deny
denied_before=$(denied)
since
timeout 3 /bpf_load denied >/dev/null 2>&1
t_ok bpf_denied test "$(denied)" -gt "$denied_before"
t_is "$(grown live_bpf) $(grown live_refused)" "0 0" bpf_denied_text
t_ok bpf_check policy bpf check
since
timeout 2 /bpf_load allowed >/tmp/loaded 2>&1
t_is "$(head -n 1 /tmp/loaded)" loaded bpf_allowed
t_ok bpf_allowed_counted test "$(grown live_bpf)" -gt 0

# In audit nothing is denied.
t_ok kprobe_deny_in_audit policy kprobe deny
t_ok audit_for_denied live audit
t_ok kprobe_in_audit probe_create
probe_delete
t_ok kprobe_check_in_audit policy kprobe check

#
# Audit: what is illegal is written, and reported. Only what is there already, and idle functions of a test module.
#
# reported KIND NAME VA HEX
reported() { each_is "1 0 0" "audit: $1: $2" "$1" counted 1 "$3" "$4" "plain nopreempt noirq"; }
reported jump_label same "$VA" "$NOP"
reported static_call same "$call_va" "$(call_to "$call_va" "$one")"
reported ftrace same "$site_va" $NOP5
reported alternative same "$lock" f0
reported vtl1 same "$own_code" "$(kcore_read "$own_code" 4)"
reported unknown kernel "$probe_va" "$then"
reported unknown module "$code" "$(kcore_read "$code" 5)"
# written KIND NAME VA NEW NOW: what is queued is written, reported and restored.
written() {
	for written_how in $QUEUED; do
		attack "$3" "$4" "$written_how"
		t_is "$result $(kcore_read "$3" 5)" "1 1 0 0 $4" "audit: $1: $2: $written_how"
		attack "$3" "$5" queue
		t_is "${result% * *}" "1 ${6:-0}" "audit: $1: $2: $written_how: restored"
	done
}
written jump_label wrong_time "$VA" "$CODE" "$NOP"
written static_call other_function "$call_va" "$(call_to "$call_va" "$two")" "$(call_to "$call_va" "$one")"
written static_call nop "$call_va" $NOP5 "$(call_to "$call_va" "$one")"
written ftrace not_traced "$module_va" "$(call_to "$module_va" "$ftrace_caller")" $NOP5

#
# The text is as it was.
#
t_ok mode_off live off
echo 0 >"$WRITES"
echo >$T/set_ftrace_filter
t_is "$(text_sum)" "$text_before" text_restored
cat "$D/heki/verify" >/tmp/verify
t_is "$(awk '$1 == "unknown:" { print $2 }' /tmp/verify)" 0 verify_finds_nothing
t_is "$(echo "$verdicts_before" | cut -d ' ' -f 2)" "$(counters | cut -d ' ' -f 2)" nothing_passed

#
# After the end of boot a policy can only be tightened.
#
t_ok bpf_count policy bpf count
t_ok mediate_again live mediate
t_ok end_of_boot put "$D/heki/end_of_boot" 1
for kind in jump_label static_call ftrace kprobe optprobe alternative unknown vtl1; do
	t_fails EPERM "${kind}_count_after_boot" policy $kind count
done
t_ok bpf_tightened policy bpf check
t_fails EPERM bpf_widened policy bpf count
t_ok kprobe_tightened policy kprobe deny
t_fails EPERM kprobe_widened policy kprobe check
t_fails EPERM kprobe_still_denied probe_create
echo 1 >"$WRITES"
refused static_call after_boot "$call_va" $NOP5
t_done
