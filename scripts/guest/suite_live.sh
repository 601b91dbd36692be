# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# heki/live: in each mode, the text patches of an unmodified kernel are seen, validated and written.
#
# kernels: stock
# full: debug next rt clang
# modules: heki_client
# modules: attacker
# shellcheck source=scripts/guest/lib.sh
. /lib.sh
# shellcheck source=scripts/guest/kernel.sh
. /kernel.sh
# shellcheck source=scripts/guest/heki.sh
. /heki.sh

T=/sys/kernel/tracing
LIVE=$D/heki/live
running="short long short_1 long_1 long_2 long_3 long_4"

live() { put "$LIVE" "$1"; }
client_sites() { cat /sys/module/heki_client/parameters/jump_sites; }
schedstats() { echo "$1" >/proc/sys/kernel/sched_schedstats; }

# live_writes: print the growth of the counters of all kinds of writes since "since".
live_writes() {
	awk '/^live_(refused|passed|unchecked|denied|memory)/ { next } /^live_/ { n += NR == FNR ? -$2 : $2 } END { print n + 0 }' \
		/tmp/since "$D/heki/verdicts"
}

# Workloads that make the kernel patch its text. Each restores it.
workload_sysctl() { schedstats 1 && schedstats 0; }
workload_ftrace() {
	echo schedule >"$T/set_ftrace_filter" && echo function >"$T/current_tracer" &&
		echo nop >"$T/current_tracer" && echo >"$T/set_ftrace_filter"
}
workload_graph() {
	echo 'vfs_*' >"$T/set_graph_function" && echo 'vfs_*' >"$T/set_ftrace_filter" &&
		echo function_graph >"$T/current_tracer" && echo nop >"$T/current_tracer" &&
		echo >"$T/set_graph_function" && echo >"$T/set_ftrace_filter"
}
workload_kprobe() {
	# After the ftrace call site: ftrace would handle a probe that is on it. The site has 5 bytes,
	# after 4 bytes of ENDBR64 if the kernel has IBT.
	echo 'p:lvbs_at vfs_read+5' >"$T/kprobe_events" 2>/dev/null ||
		echo 'p:lvbs_at vfs_read+9' >"$T/kprobe_events" || return
	echo 1 >"$T/events/kprobes/enable" && echo 0 >"$T/events/kprobes/enable" && echo >"$T/kprobe_events"
}
workload_events() { echo 1 >"$T/events/sched/enable" && echo 0 >"$T/events/sched/enable"; }
workload_module() { insmod /heki_client.ko && rmmod heki_client; }
workloads="sysctl ftrace graph kprobe events module"

#
# Modes.
#
t_is "$(cat "$LIVE")" off off_by_default
for words in on OFF "" "audit mediate" auditx; do
	# shellcheck disable=SC2086 # words
	t_fails EINVAL "mode_'$words'" put "$LIVE" $words
done
t_is "$(cat "$LIVE") $(wc -l <"$D/heki/patches")" "off 0" mode_stays_off

# The first run of a workload may change text permanently, so it precedes the checksum.
for workload in $workloads; do
	t_ok "workload_$workload" "workload_$workload"
done
text_before=$(text_sum)
t_is "$(text_sum)" "$text_before" text_is_stable
since
for workload in $workloads; do "workload_$workload"; done
t_is "$(text_sum)" "$text_before" workloads_restore_text
t_is "$(live_writes)" 0 off_counts_nothing

# protected_sum: print a checksum of phys/protected without rings, which get new pages at each load.
protected_sum() { grep -v ring "$D/phys/protected" | md5sum; }
protected=$(protected_sum)

for mode in audit mediate; do
	since
	t_ok ${mode}_on live $mode
	t_is "$(cat "$LIVE")" $mode "${mode}_reads_back"
	t_ok ${mode}_set_again live $mode
	# The hook itself changes text.
	text_now=$(text_sum)
	sites=$(patches_of kernel)
	t_ok "${mode}_lists_kernel_sites" test "$sites" -gt 1000

	since
	t_ok ${mode}_sysctl_on schedstats 1
	t_is "$(cat /proc/sys/kernel/sched_schedstats)" 1 ${mode}_sysctl_reads_1
	t_ok ${mode}_sysctl_changed_text test "$(text_sum)" != "$text_now"
	t_ok ${mode}_sysctl_off schedstats 0
	n=$(grown live_jump_label)
	t_ok ${mode}_sysctl_writes_to_sites test "$n" -gt 50
	t_is "$(grown accepted)" "$n" ${mode}_site_writes_accepted
	t_is "$(grown accepted_guard_fits) $(grown accepted_tail_fits) $(grown accepted_head_fits)" \
		"$((n / 3)) $((n / 3)) $((n / 3))" ${mode}_a_third_for_each_step

	for workload in $workloads; do
		since
		t_ok "${mode}_workload_$workload" "workload_$workload"
		case $workload in
		sysctl | module) ;;
		graph) t_ok ${mode}_graph_counted test "$(grown live_ftrace)" -gt 20 ;;
		events) t_ok ${mode}_events_counted test "$(grown live_static_call)" -gt 3 ;;
		*) t_ok "${mode}_${workload}_counted" test "$(grown "live_$workload")" -gt 0 ;;
		esac
		t_ok "${mode}_${workload}_other_below_1_percent" test $(($(grown live_unknown) * 100)) -le "$(live_writes)"
		t_is "$(grown live_refused) $(grown refused) $(grown live_passed)" "0 0 0" "${mode}_${workload}_nothing_refused"
	done

	# The tracepoint tells every write that is counted.
	echo 1 >$T/events/lvbs/heki_text_write/enable
	echo >$T/trace
	since
	schedstats 1
	schedstats 0

	grep 'heki_text_write: ' $T/trace >/tmp/writes
	t_ok ${mode}_trace_has_writes test "$(grown live_jump_label)" -gt 50
	t_is "$(grep -c 'kind=jump_label .* verdict=accepted$' /tmp/writes)" "$(grown live_jump_label)" ${mode}_trace_has_each_write
	t_is "$(wc -l </tmp/writes)" "$(live_writes)" ${mode}_trace_has_no_other
	t_is "$(grep -c ' len=1 old=\(0f\|e9\|66\|eb\) new=cc ' /tmp/writes)" "$(grown accepted_guard_fits)" ${mode}_trace_first_step
	t_is "$(grep -c ' len=1 old=cc new=\(0f\|e9\|66\|eb\) ' /tmp/writes)" "$(grown accepted_head_fits)" ${mode}_trace_last_step
	t_ok ${mode}_trace_symbols grep -q ' addr=try_to_wake_up+0x' /tmp/writes
	echo 0 >$T/events/lvbs/heki_text_write/enable

	# The kernel switches the sites of a module: short_N and long_N cross a page after N bytes.
	t_ok ${mode}_client_loads insmod /heki_client.ko
	t_is "$(patches_of heki_client)" "$(client_sites)" "${mode}_client_sites_listed"
	since
	t_ok ${mode}_key_on put $C/command key 1
	for name in $running; do
		site "$name"
		t_is "$NOW $BRANCH" "$CODE 1" "${mode}_${name}_switched_on"
		t_ok "${mode}_${name}_listed" grep -q -x "$PA0 $PA1 $SIZE $CODE heki_client" "$D/heki/patches"
		t_fails EROFS "${mode}_${name}_protected" mem_write "$PA0" cc
	done
	t_ok ${mode}_key_off put $C/command key 0
	for name in $running; do
		site "$name"
		t_is "$NOW $BRANCH" "$NOP 0" "${mode}_${name}_switched_off"
	done
	t_is "$(grown live_jump_label) $(grown accepted) $(grown refused)" "42 42 0" ${mode}_key_writes_counted
	t_fails EEXIST ${mode}_client_validate_refused put $C/command validate good
	t_ok ${mode}_client_unloads rmmod heki_client
	t_is "$(patches_of heki_client)" 0 "${mode}_client_sites_dropped"
	t_is "$(patches_of kernel)" "$sites" "${mode}_kernel_sites_kept"

	# A module whose init fails leaves nothing.
	lines=$(wc -l <"$D/heki/patches")
	protected_on=$(protected_sum)
	t_ok ${mode}_failing_init_refused sh -c '! insmod /heki_client.ko fail=1 2>/dev/null'
	t_is "$(wc -l <"$D/heki/patches") $(protected_sum)" "$lines $protected_on" ${mode}_failing_init_leaves_nothing
	t_ok ${mode}_early_client_loads insmod /heki_client.ko early=1
	site long
	t_is "$NOW" "$CODE" ${mode}_early_key_switched_on
	t_is "$(patches_of heki_client)" "$(client_sites)" ${mode}_init_sites_dropped
	t_ok ${mode}_early_client_unloads rmmod heki_client
	t_is "$(wc -l <"$D/heki/patches") $(protected_sum)" "$lines $protected_on" ${mode}_early_client_leaves_nothing
	t_is "$(text_sum)" "$text_now" ${mode}_text_restored
done

#
# Changes of the mode while a module with sites is loaded.
#
t_ok client_loads_in_mediate insmod /heki_client.ko
t_ok mediate_to_audit live audit
t_ok audit_to_off live off
t_is "$(wc -l <"$D/heki/patches")" 0 off_drops_all_sites
t_is "$(protected_sum)" "$protected" off_drops_protection
t_ok key_on_while_off put $C/command key 1
t_ok off_to_mediate live mediate
t_is "$(patches_of heki_client)" "$(client_sites)" loaded_client_sites_listed
t_ok key_off_in_mediate put $C/command key 0
t_is "$(site_now long)" "0f1f440000 0" nop_written_after_mode_change

#
# An attacker that calls text_poke(), or queues instructions.
#
t_ok attacker_loads insmod /attacker.ko
A=/sys/kernel/debug/attacker/write

# attack VA HEX [HOW]
attack() { echo "$1 $2 ${3:-plain}" >$A; }
# refused NAME SITE VA HEX [HOW]: the attack leaves SITE unchanged and is counted. refused_logged adds up
# the log lines, which are rate-limited.
refused() {
	refused_name=$1
	refused_site=$2
	refused_now=$(site_now "$refused_site")
	shift 2
	since
	dmesg -c >/dev/null
	attack "$@"
	t_is "$(site_now "$refused_site")" "$refused_now" "$refused_name: text unchanged"
	t_is "$(grown live_refused) $(grown accepted)" "1 0" "$refused_name: counted"
	refused_logged=$((refused_logged + $(dmesg | grep -c 'lvbs: refused')))
}
add() { printf 0x%x $(($1 + $2)); }

refused_logged=0
for name in long long_1 short; do
	site $name
	for how in plain nopreempt noirq; do
		p=${name}_${how}
		code_tail=$(tail_of "$CODE")
		refused "${p}_wrong_head" $name "$VA" 90 $how
		refused "${p}_unguarded_tail" $name "$(add "$VA" 1)" "$code_tail" $how
		refused "${p}_unguarded_head" $name "$VA" "$(head_of "$CODE")" $how
		refused "${p}_whole_at_once" $name "$VA" "$CODE" $how
		refused "${p}_longer_than_a_site" $name "$VA" "${CODE}90909090" $how
		refused "${p}_starts_1_byte_early" $name "$(add "$VA" -1)" 90cc $how
		refused "${p}_starts_4_bytes_early" $name "$(add "$VA" -4)" 90909090cc $how
		refused "${p}_7_bytes_starting_4_early" $name "$(add "$VA" -4)" 90909090cc9090 $how
		refused "${p}_int3_at_second_byte" $name "$(add "$VA" 1)" cc $how
		if [ "$SIZE" = 5 ]; then
			refused "${p}_half_of_tail" $name "$(add "$VA" 3)" "$(printf %s "$code_tail" | cut -c 5-8)" $how
		fi
		# A step is legal only as part of an instruction that was queued.
		refused "${p}_guard_by_itself" $name "$VA" cc $how
		# The key selects the NOP.
		case $how in plain) queue=queue ;; *) queue=queue_$how ;; esac
		for queue in $queue single; do
			refused "${p}_${queue}_not_what_the_key_selects" $name "$VA" "$CODE" "$queue"
			refused "${p}_${queue}_starts_1_byte_late" $name "$(add "$VA" 1)" "$NOP" "$queue"
		done
		since
		attack "$VA" "$NOP" "$queue"
		t_is "$(site_now $name) $(grown accepted) $(grown live_refused)" "$NOP 0 3 0" "${p}_nop_queued_and_written"
	done
done
t_ok refusals_logged test $refused_logged -gt 10
site long
name=long
refused fill_with_nops $name "$VA" 9090909090 fill
refused fill_with_int3s $name "$VA" cccc fill
since
known=$(awk '$5 == "kernel" && $3 == 5 { print $1; exit }' "$D/heki/patches")
kernel_va=$(add "$(sym _text)" $((known - $(iomem_start "Kernel code"))))
before=$(mem_read "$known" 5)
attack "$kernel_va" 9090909090
t_is "$(mem_read "$known" 5) $(grown live_refused)" "$before 1" kernel_site_unchanged
t_ok key_on_after_attacks put $C/command key 1
t_ok key_off_after_attacks put $C/command key 0

# In audit, illegal writes are done, counted and logged. Attack the client's site only, and restore it.
t_ok mediate_to_audit_with_attacker live audit
# audited NAME VA HEX: the write is counted as illegal.
audited() {
	audited_name=$1
	shift
	since
	dmesg -c >/dev/null
	sleep 1
	attack "$@"
	t_is "$(grown live_refused) $(live_writes)" "1 1" "audit_$audited_name: counted"
}
site long
audited whole "$VA" "$CODE"
t_is "$(site_now long)" "$CODE 1" audit_code_written
audited unguarded_tail "$(add "$VA" 1)" "$(tail_of "$NOP")"
audited unguarded_head "$VA" "$(head_of "$NOP")"
t_is "$(site_now long)" "$NOP 0" audit_nop_written
audited longer_than_a_site "$VA" "$(mem_read "$PA0" 8)"
audited starts_2_bytes_early "$(add "$VA" -2)" "$(mem_read $((PA0 - 2)) 4)"
audited int3_at_second_byte "$(add "$VA" 1)" cc
t_ok audit_logged sh -c 'dmesg | grep -q "lvbs: would refuse 1 bytes cc at branch_long"'
attack "$(add "$VA" 1)" "$(tail_of "$NOP" | cut -c 1-2)"
t_is "$(site_now long)" "$NOP 0" audit_nop_restored

t_ok attacker_unloads rmmod attacker
t_ok client_unloads rmmod heki_client
t_ok mode_off live off
t_is "$(text_sum)" "$text_before" text_restored

#
# Unload while in mediate.
#
t_ok mediate_before_unload live mediate
t_ok unload rmmod lvbs
t_ok workload_after_unload workload_sysctl
t_ok reload insmod /lvbs.ko
t_is "$(text_sum)" "$text_before" text_restored_after_reload
t_is "$(cat "$LIVE") $(wc -l <"$D/heki/patches") $(protected_sum)" "off 0 $protected" state_is_initial
t_done
