# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# heki/live: the text patches that an unmodified kernel makes of itself, seen, judged and carried out.
#
# kernels: stock
# full: debug next
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
mapped() { sed -n 's/^live: *//p' "$D/phys/stats"; }
schedstats() { echo "$1" >/proc/sys/kernel/sched_schedstats; }

live_writes() {
	awk '/^live_(refused|passed)/ { next } /^live_/ { n += NR == FNR ? -$2 : $2 } END { print n + 0 }' \
		/tmp/since "$D/heki/verdicts"
}

# The workloads; each ends as it began.
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
	# Behind the call of the function tracer, which takes over a probe that is on it; with or
	# without a landing pad in front.
	echo 'p:lvbs_at vfs_read+5' >"$T/kprobe_events" 2>/dev/null ||
		echo 'p:lvbs_at vfs_read+9' >"$T/kprobe_events" || return
	echo 1 >"$T/events/kprobes/enable" && echo 0 >"$T/events/kprobes/enable" && echo >"$T/kprobe_events"
}
workload_events() { echo 1 >"$T/events/sched/enable" && echo 0 >"$T/events/sched/enable"; }
workload_module() { insmod /heki_client.ko && rmmod heki_client; }
workloads="sysctl ftrace graph kprobe events module"

#
# The mode.
#
t_is "$(cat "$LIVE")" off off_by_default
for words in on OFF "" "audit mediate" auditx; do
	# shellcheck disable=SC2086 # words
	t_fails EINVAL "mode_'$words'" put "$LIVE" $words
done
t_is "$(cat "$LIVE") $(wc -l <"$D/heki/patches")" "off 0" still_off

# Once before anything is compared: what is done for the first time may leave traces of its own.
for workload in $workloads; do
	t_ok "workload_$workload" "workload_$workload"
done
text_before=$(text_sum)
t_is "$(text_sum)" "$text_before" text_holds_still
since
for workload in $workloads; do "workload_$workload"; done
t_is "$(text_sum)" "$text_before" workloads_end_as_they_began
t_is "$(live_writes)" 0 off_counts_nothing

# protected_by: who protects what, but for what is new with each loading.
protected_by() { grep -v ring "$D/phys/protected" | md5sum; }
protected=$(protected_by)

for mode in audit mediate; do
	since
	t_ok ${mode}_on live $mode
	t_is "$(cat "$LIVE")" $mode "${mode}_reads_back"
	t_ok ${mode}_again live $mode
	# The probe that sees all others is in the text itself.
	text_now=$(text_sum)
	sites=$(patches_of kernel)
	t_ok "${mode}_knows_the_kernel_s_sites" test "$sites" -gt 1000

	since
	t_ok ${mode}_sysctl_on schedstats 1
	t_is "$(cat /proc/sys/kernel/sched_schedstats)" 1 ${mode}_sysctl_is_on
	t_ok ${mode}_sysctl_changed_the_text test "$(text_sum)" != "$text_now"
	t_ok ${mode}_sysctl_off schedstats 0
	n=$(grown live_site)
	t_ok ${mode}_sysctl_writes_are_sites test "$n" -gt 50
	t_is "$(grown accepted)" "$n" ${mode}_each_site_write_accepted
	t_is "$(grown accepted_guard_fits) $(grown accepted_tail_fits) $(grown accepted_head_fits)" \
		"$((n / 3)) $((n / 3)) $((n / 3))" ${mode}_by_thirds

	for workload in $workloads; do
		since
		t_ok "${mode}_workload_$workload" "workload_$workload"
		case $workload in
		sysctl | module) ;;
		graph) t_ok ${mode}_ftrace_counted_graph test "$(grown live_ftrace)" -gt 20 ;;
		events) t_ok ${mode}_static_call_counted test "$(grown live_static_call)" -gt 3 ;;
		*) t_ok "${mode}_${workload}_counted" test "$(grown "live_$workload")" -gt 0 ;;
		esac
		t_ok "${mode}_${workload}_other_below_1_percent" test $(($(grown live_other) * 100)) -le "$(live_writes)"
		t_is "$(grown live_refused) $(grown refused) $(grown live_passed)" "0 0 0" "${mode}_${workload}_nothing_refused"
	done

	# A module's own sites: every way to straddle a page, carried out for the kernel itself.
	t_ok ${mode}_client_loads insmod /heki_client.ko
	t_is "$(patches_of heki_client)" "$(client_sites)" "${mode}_module_s_sites_known"
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
	t_is "$(grown live_site) $(grown accepted) $(grown refused)" "42 42 0" ${mode}_key_writes_counted
	t_fails EEXIST ${mode}_client_s_own_claim put $C/command validate good
	t_ok ${mode}_client_gone rmmod heki_client
	t_is "$(patches_of heki_client)" 0 "${mode}_module_s_sites_gone"
	t_is "$(patches_of kernel)" "$sites" "${mode}_kernel_s_sites_stay"

	# A module that is refused leaves nothing.
	lines=$(wc -l <"$D/heki/patches")
	protected_on=$(protected_by)
	t_ok ${mode}_bad_module_refused sh -c '! insmod /heki_client.ko fail=1 2>/dev/null'
	t_is "$(wc -l <"$D/heki/patches") $(protected_by)" "$lines $protected_on" ${mode}_bad_module_leaves_nothing
	mapped_on=$(mapped)
	t_ok ${mode}_init_site_ran insmod /heki_client.ko early=1
	site long
	t_is "$NOW" "$CODE" ${mode}_key_switched_by_init
	t_is "$(patches_of heki_client)" "$(client_sites)" ${mode}_init_sites_forgotten
	t_is "$(($(mapped) - mapped_on))" 1 ${mode}_init_text_is_no_longer_mapped
	t_ok ${mode}_early_client_gone rmmod heki_client
	t_is "$(wc -l <"$D/heki/patches") $(protected_by)" "$lines $protected_on" ${mode}_nothing_of_it_stays
	t_is "$(text_sum)" "$text_now" ${mode}_text_is_what_it_was
done

#
# Between the modes; loaded before, too.
#
t_ok client_before_the_mode insmod /heki_client.ko
t_ok mediate_to_audit live audit
t_ok audit_to_off live off
t_is "$(wc -l <"$D/heki/patches")" 0 off_forgets_all_sites
t_is "$(protected_by)" "$protected" off_unprotects
t_ok key_on_while_off put $C/command key 1
t_ok off_to_mediate live mediate
t_is "$(patches_of heki_client)" "$(client_sites)" module_loaded_before_is_known
t_ok key_off_in_mediate put $C/command key 0
t_is "$(site_now long)" "0f1f440000 0" switched_off_after_the_change_of_mode

#
# An attacker that has the kernel's own writer.
#
t_ok attacker_loads insmod /attacker.ko
A=/sys/kernel/debug/attacker/write

# attack VA HEX [HOW]
attack() { echo "$1 $2 ${3:-plain}" >$A; }
# refused NAME SITE VA HEX [HOW]: not done, reported, counted.
refused() {
	refused_name=$1
	refused_now=$(site_now "$2")
	shift 2
	since
	dmesg -c >/dev/null
	attack "$@"
	t_is "$(site_now "$name")" "$refused_now" "$refused_name: text unchanged"
	t_is "$(grown live_refused) $(grown accepted)" "1 0" "$refused_name: counted"
	refused_said=$((refused_said + $(dmesg | grep -c 'lvbs: refused')))
}
add() { printf 0x%x $(($1 + $2)); }

refused_said=0
for name in long long_1 short; do
	site $name
	for how in plain nopreempt noirq; do
		p=${name}_${how}
		code_tail=$(tail_of "$CODE") nop_tail=$(tail_of "$NOP")
		refused "${p}_foreign_head" $name "$VA" 90 $how
		refused "${p}_unguarded_tail" $name "$(add "$VA" 1)" "$code_tail" $how
		refused "${p}_unguarded_head" $name "$VA" "$(head_of "$CODE")" $how
		refused "${p}_whole_at_once" $name "$VA" "$CODE" $how
		refused "${p}_longer_than_a_site" $name "$VA" "${CODE}90909090" $how
		refused "${p}_from_before" $name "$(add "$VA" -1)" 90cc $how
		refused "${p}_long_from_before" $name "$(add "$VA" -4)" 90909090cc $how
		refused "${p}_longer_than_5_from_before" $name "$(add "$VA" -4)" 90909090cc9090 $how
		refused "${p}_int3_at_the_second_byte" $name "$(add "$VA" 1)" cc $how
		if [ "$SIZE" = 5 ]; then
			refused "${p}_half_of_the_tail" $name "$(add "$VA" 3)" "$(printf %s "$code_tail" | cut -c 5-8)" $how
		fi
		# What is right is done, from these contexts too: the mapping made beforehand serves.
		since
		attack "$VA" cc $how
		t_is "$(site_now $name)" "cc$nop_tail -" "${p}_guard_accepted"
		refused "${p}_foreign_tail" $name "$(add "$VA" 1)" "$(printf %s "$code_tail" | sed 's/./f/g')" $how
		refused "${p}_foreign_head_while_guarded" $name "$VA" 90 $how
		refused "${p}_mixed_head" $name "$VA" "$(head_of "$CODE")" $how
		since
		attack "$(add "$VA" 1)" "$code_tail" $how
		attack "$VA" "$(head_of "$CODE")" $how
		t_is "$(site_now $name)" "$CODE 1" "${p}_right_steps_accepted"
		attack "$VA" cc $how
		attack "$(add "$VA" 1)" "$nop_tail" $how
		attack "$VA" "$(head_of "$NOP")" $how
		t_is "$(site_now $name) $(grown accepted) $(grown live_refused)" "$NOP 0 5 0" "${p}_and_back"
	done
done
t_ok refusals_are_in_the_log test $refused_said -gt 10
site long
name=long
refused fill $name "$VA" 9090909090 fill
refused fill_one $name "$VA" cccc fill
since
known=$(awk '$5 == "kernel" && $3 == 5 { print $1; exit }' "$D/heki/patches")
kernel_va=$(add "$(sym _text)" $((known - $(iomem_start "Kernel code"))))
before=$(mem_read "$known" 5)
attack "$kernel_va" 9090909090
t_is "$(mem_read "$known" 5) $(grown live_refused)" "$before 1" kernel_site_kept
t_ok key_still_works put $C/command key 1
t_ok key_still_works_back put $C/command key 0

# In audit the same is done, and told: on our own site, put back afterwards.
t_ok audit_for_the_attacker live audit
audited() {
	audited_name=$1
	shift
	since
	dmesg -c >/dev/null
	sleep 1
	attack "$@"
	t_is "$(grown live_refused) $(grown live_site)" "1 1" "audit_$audited_name: counted"
}
site long
audited whole "$VA" "$CODE"
t_is "$(site_now long)" "$CODE 1" audit_let_it_be_written
audited unguarded_tail "$(add "$VA" 1)" "$(tail_of "$NOP")"
audited unguarded_head "$VA" "$(head_of "$NOP")"
t_is "$(site_now long)" "$NOP 0" audit_let_it_be_put_back
audited longer "$VA" "$(mem_read "$PA0" 8)"
audited from_before "$(add "$VA" -2)" "$(mem_read $((PA0 - 2)) 4)"
audited int3_at_the_second_byte "$(add "$VA" 1)" cc
t_ok audit_said_so sh -c 'dmesg | grep -q "lvbs: would refuse 1 bytes cc at branch_long"'
attack "$(add "$VA" 1)" "$(tail_of "$NOP" | cut -c 1-2)"
t_is "$(site_now long)" "$NOP 0" audit_put_back

t_ok attacker_gone rmmod attacker
t_ok client_gone rmmod heki_client
t_ok off live off
t_is "$(text_sum)" "$text_before" text_is_what_it_was

#
# rmmod ends it.
#
t_ok mediate_before_rmmod live mediate
t_ok rmmod rmmod lvbs
t_ok workload_without_us workload_sysctl
t_ok insmod_again insmod /lvbs.ko
t_is "$(text_sum)" "$text_before" text_is_what_it_was_after_rmmod
t_is "$(cat "$LIVE") $(wc -l <"$D/heki/patches") $(protected_by)" "off 0 $protected" all_is_new
t_done
