# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# heki/* and vtlcall: announce the sites of a client module, and patch its running code by requests.
#
# kernels: first
# full: others debug next rt clang
# modules: heki_client
# shellcheck source=scripts/guest/lib.sh
. /lib.sh
# shellcheck source=scripts/guest/kernel.sh
. /kernel.sh
# shellcheck source=scripts/guest/heki.sh
. /heki.sh

running="short long short_1 long_1 long_2 long_3 long_4"
apart="apart_1 apart_2 apart_3 apart_4"
width=$(sed -n 's/^address sizes.*: \([0-9]*\) bits physical.*/\1/p' /proc/cpuinfo | head -n 1)

# refused ERRNO NAME SITE CMD...: CMD fails with ERRNO and leaves SITE unchanged.
refused() {
	refused_errno=$1
	refused_name=$2
	refused_site=$3
	shift 3
	refused_before=$(site_now "$refused_site")
	t_fails "$refused_errno" "$refused_name" "$@"
	t_is "$(site_now "$refused_site")" "$refused_before" "$refused_name: nothing changed"
}

mapped=$(grep -e ^live: -e ^leaked: "$D/phys/stats")
t_ok client_loads insmod /heki_client.ko

#
# Requests for sites that were not announced.
#
site long
t_is "$(wc -l <"$D/heki/patches")" 0 no_sites_listed
refused ENOENT unknown_site long request "$PA0" 0 cc
refused ENOENT unknown_kernel_text long request "$(kernel_pa "$(sym schedule)")" 0 cc

#
# An announcement adds all of its sites, or none. Each malformed shape was a bug of the reference system's
# parser, or breaks a rule of its own.
#
for shape in good cut two_headers long_list empty_ranges; do
	t_ok "validate_$shape" client validate $shape
	t_is "$(wc -l <"$D/heki/patches")" 12 "validate_$shape: all sites listed"
	t_ok "unload_$shape" client unload
	t_is "$(wc -l <"$D/heki/patches")" 0 "unload_$shape: no sites left"
done
protected=$(md5sum <"$D/phys/protected")
# announcement_refused ERRNO CALL SHAPE: the announcement fails with ERRNO and adds nothing.
announcement_refused() {
	t_fails "$1" "$2_$3" client "$2" "$3"
	t_is "$(wc -l <"$D/heki/patches") $(md5sum <"$D/phys/protected")" "0 $protected" "$2_$3: nothing added"
}
for shape in size_0 size_6 no_address second_needless second_missing second_unaligned second_is_first \
	type over_max cut_short cycle empty_cycle too_many count_more count_less count_huge end_before_start; do
	announcement_refused EINVAL validate $shape
	announcement_refused EINVAL load $shape
done
for call in validate load; do
	announcement_refused EOVERFLOW $call beyond_width
	announcement_refused EEXIST $call overlap
	announcement_refused ENOMEM $call endless
	announcement_refused ENXIO $call hole
	announcement_refused EINVAL $call last_page
done

#
# A site and its target lie in the text of their owner, which cannot declare memory of another.
#
for shape in text_missing target_kernel not_a_jump short_jump_of_5 target_far target_before \
	va_unaligned kernel_va va_twice kernel_sites; do
	announcement_refused EINVAL validate $shape
done
for shape in kernel_text kernel_data text_twice data_twice; do
	announcement_refused EEXIST validate $shape
done
# LOAD_KDATA takes sites in the kernel's text only.
for shape in good cut two_headers target_kernel; do
	announcement_refused EINVAL load $shape
done
t_ok validate_without_sites client validate text_only
for shape in good text_only; do
	t_fails EEXIST "validate_text_of_another_owner_$shape" client validate $shape
done
t_is "$(wc -l <"$D/heki/patches")" 0 refused_validate_adds_nothing
t_ok unload_without_sites client unload
t_fails ENOENT unload_twice client unload

t_ok validate client validate good
t_fails EEXIST validate_twice client validate good
t_fails EEXIST load_known_sites client load good
t_is "$(wc -l <"$D/heki/patches")" 12 sites_listed_once
owner=$(awk 'NR == 1 { print $5 }' "$D/heki/patches")
while read -r name pa0 pa1 _ _ size code _; do
	t_ok "patches_lists_$name" grep -q -x "$pa0 $pa1 $size $code $owner" "$D/heki/patches"
done <$C/sites

#
# Three requests make running code take the branch; three more restore its NOP.
#
for name in $running; do
	site "$name"
	t_is "$NOW $BRANCH" "$NOP 0" "${name}_starts_with_nop"
	t_ok "${name}_step_1" request "$PA0" 0 cc
	t_is "$(site_now "$name")" "cc$(tail_of "$NOP") -" "${name}_guarded"
	t_ok "${name}_step_1_again" request "$PA0" 0 cc
	t_ok "${name}_step_2" request "$TAIL0" "$TAIL1" "$(tail_of "$CODE")"
	t_is "$(site_now "$name")" "cc$(tail_of "$CODE") -" "${name}_guarded_after_step_2"
	t_ok "${name}_step_1_after_step_2" request "$PA0" 0 cc
	t_ok "${name}_step_3" request "$PA0" 0 "$(head_of "$CODE")"
	t_is "$(site_now "$name")" "$CODE 1" "${name}_takes_the_branch"
	t_ok "${name}_flip_to_nop" flip "$NOP"
	t_is "$(site_now "$name")" "$NOP 0" "${name}_takes_no_branch"
	t_ok "${name}_client_patches_code" client patch "$name" code
	t_is "$(site_now "$name")" "$CODE 1" "${name}_takes_the_branch_again"
	t_ok "${name}_flip_to_same_code" flip "$CODE"
	t_is "$(site_now "$name")" "$CODE 1" "${name}_same_code_changes_nothing"
	t_ok "${name}_client_patches_nop" client patch "$name" nop
done
for name in $apart; do
	site "$name"
	t_ok "${name}_flip_to_code" flip "$CODE"
	t_is "$(site_now "$name")" "$CODE -" "${name}_has_code"
	t_ok "${name}_flip_to_nop" flip "$NOP"
	t_is "$(site_now "$name")" "$NOP -" "${name}_has_nop"
done

#
# Requests that do not fit their site.
#
for name in $running $apart; do
	site "$name"
	code_head=$(head_of "$CODE") code_tail=$(tail_of "$CODE") nop_head=$(head_of "$NOP") nop_tail=$(tail_of "$NOP")

	# From atomic context, where only local windows can be mapped.
	if [ "$(cat /sys/module/lvbs/parameters/windows)" = Y ]; then
		t_ok "${name}_in_atomic_context" client atomic "$name"
		t_is "$(site_now "$name")" "cc$nop_tail -" "${name}_in_atomic_context: guard is written"
		t_ok "${name}_in_atomic_context: guard is undone" request "$PA0" 0 "$nop_head"
	else
		refused EBUSY "${name}_in_atomic_context" "$name" client atomic "$name"
	fi
	# Steps in the wrong order.
	refused EACCES "${name}_unguarded_tail" "$name" request "$TAIL0" "$TAIL1" "$code_tail"
	refused EACCES "${name}_unguarded_head" "$name" request "$PA0" 0 "$code_head"
	refused EACCES "${name}_whole_at_once" "$name" request "$PA0" "$PA1" "$CODE"
	refused EACCES "${name}_whole_nop_at_once" "$name" request "$PA0" "$PA1" "$NOP"
	# INT3 in the wrong place.
	refused EACCES "${name}_int3_at_second_byte" "$name" request "$TAIL0" 0 cc
	refused EACCES "${name}_int3_over_tail" "$name" request "$TAIL0" "$TAIL1" "$(printf %s "$code_tail" | sed 's/../cc/g')"

	request "$PA0" 0 cc
	refused EACCES "${name}_wrong_head" "$name" request "$PA0" 0 90
	refused EACCES "${name}_zero_head" "$name" request "$PA0" 0 00
	refused EACCES "${name}_code_head_before_tail" "$name" request "$PA0" 0 "$code_head"
	refused EACCES "${name}_wrong_tail" "$name" request "$TAIL0" "$TAIL1" "$(printf %s "$code_tail" | sed 's/.$/e/')"
	refused EACCES "${name}_whole_while_guarded" "$name" request "$PA0" "$PA1" "$CODE"
	if [ "$SIZE" = 5 ]; then
		refused EACCES "${name}_part_of_tail" "$name" request "$TAIL0" 0 "$(head_of "$code_tail")"
	fi
	request "$TAIL0" "$TAIL1" "$code_tail"
	refused EACCES "${name}_nop_head_with_code_tail" "$name" request "$PA0" 0 "$nop_head"
	request "$TAIL0" "$TAIL1" "$nop_tail"
	refused EACCES "${name}_code_head_with_nop_tail" "$name" request "$PA0" 0 "$code_head"
	t_ok "${name}_finished" request "$PA0" 0 "$nop_head"

	# The second page of a site is not the next frame in physical memory.
	next=$(printf 0x%x $(((PA0 & ~4095) + 4096)))
	# Other sites than apart_N cannot show that: the client's text, or another site, may be in the next frame.
	case $name in apart_*)
		request "$PA0" 0 cc
		before=$(mem_read "$next" 8)
		if [ "$((TAIL1))" = 0 ]; then
			refused ENOENT "${name}_tail_in_next_frame" "$name" request "$next" 0 "$code_tail"
		else
			refused EACCES "${name}_next_frame_as_second_page" "$name" request "$TAIL0" "$next" "$code_tail"
		fi
		t_is "$(mem_read "$next" 8)" "$before" "${name}_next_frame_unchanged"
		t_ok "${name}_unguarded" request "$PA0" 0 "$nop_head"
		;;
	esac
	if [ "$((TAIL1))" != 0 ]; then
		refused EINVAL "${name}_tail_without_second_page" "$name" request "$TAIL0" 0 "$code_tail"
		refused EINVAL "${name}_second_page_is_first" "$name" request "$TAIL0" $((PA0 & ~4095)) "$code_tail"
		refused EINVAL "${name}_second_page_unaligned" "$name" request "$TAIL0" $((PA1 + 8)) "$code_tail"
	elif [ "$((PA1))" = 0 ]; then
		refused EINVAL "${name}_needless_second_page" "$name" request "$TAIL0" "$next" "$code_tail"
	fi
	t_is "$(site_now "$name" | cut -d ' ' -f 1)" "$NOP" "${name}_nop_in_place"
done

# INT3 is written to the first byte of a site only, not to the rest of its page.
site long
refused ENOENT int3_before_site long request $((PA0 - 1)) 0 cc
refused ENOENT int3_after_site long request $((PA0 + SIZE)) 0 cc
refused EACCES int3_within_site long request $((PA0 + 2)) 0 cc
refused ENOENT request_starts_before_site long request $((PA0 - 1)) 0 90cc

#
# Malformed requests.
#
for words in "" "$PA0" "$PA0 0" "$PA0 0 cc 0" "x 0 cc" "$PA0 x cc" "-1 0 cc" "${PA0}z 0 cc" "$PA0 0 c" "$PA0 0 zz" \
	"$PA0 0 cccccccccccc" "0 0 cc" "0x10000000000000000 0 cc"; do
	# shellcheck disable=SC2086 # words
	refused EINVAL "request_'$words'" long request $words
done
refused EINVAL request_without_bytes long request "$PA0" 0 ""
refused EINVAL request_too_long long request "$PA0" 0 "$(head -c 400 /dev/zero | tr '\000' a)"
refused EOVERFLOW request_beyond_width long request $((1 << width)) 0 cc
refused EOVERFLOW request_far_beyond_width long request 0xfffffffffffff000 0 cc
refused EOVERFLOW second_page_beyond_width long request $((PA0 | 4095)) $((1 << width)) cccc
refused ENOENT last_byte_in_width long request $(((1 << width) - 1)) 0 cc
refused ENOENT last_page_in_width long request $(((1 << width) - 5)) 0 cccccccccc

#
# heki/patch_text and vtlcall: requests in the memory of a process.
#
site long
LONG0=$PA0 LONGT=$TAIL0
# The kernel may hand out neighbours: try a few times.
for try in 1 2 3 4 5 6 7 8; do
	: "$try"
	page_new 2
	page=$PA
	second=$(printf 0x%x $((${PFNS#* } * 4096)))
	[ $((second)) = $((page + 4096)) ] || break
done
t_ok pages_not_adjacent test $((second)) != $((page + 4096))
page_write 0 "$(wire "$LONG0" 0 1 cc)"
t_ok patch_text put "$D/heki/patch_text" "$page" 0
page_write 1000 "$(wire "$LONGT" 0 4 "$(tail_of "$CODE")")"
t_ok patch_text_mid_page put "$D/heki/patch_text" $((page + 1000)) 0
for at in 4073 4080 4088 4095; do
	page_write $at "$(wire "$LONG0" 0 1 cc)"
	t_ok "patch_text_crosses_page_at_$at" put "$D/heki/patch_text" $((page + at)) "$second"
	refused EINVAL "patch_text_at_${at}_without_second_page" long put "$D/heki/patch_text" $((page + at)) 0
	refused EEXIST "patch_text_at_${at}_second_page_is_first" long put "$D/heki/patch_text" $((page + at)) "$page"
	refused EINVAL "patch_text_at_${at}_second_page_unaligned" long put "$D/heki/patch_text" $((page + at)) $((second + 8))
done
page_write 4072 "$(wire "$LONG0" 0 1 "$(head_of "$CODE")")"
t_ok vtlcall_patch_text put "$D/vtlcall" 0x1ffeb $((page + 4072)) 0 0
t_is "$(cat "$D/vtlcall")" 0 vtlcall_result
t_is "$(site_now long)" "$CODE 1" requests_in_memory_write_code
refused EINVAL patch_text_needless_second_page long put "$D/heki/patch_text" "$page" "$second"
for size in 0 6 255; do
	page_write 0 "$(wire "$LONG0" 0 $size cc)"
	refused EINVAL "patch_text_size_$size" long put "$D/heki/patch_text" "$page" 0
done
refused EINVAL patch_text_at_0 long put "$D/heki/patch_text" 0 0
refused ENXIO patch_text_in_hole long put "$D/heki/patch_text" 0xa0000 0
refused EPERM patch_text_in_owned_memory long put "$D/heki/patch_text" "$(head -n 1 "$D/phys/owned" | cut -d - -f 1)" 0
refused EOVERFLOW patch_text_beyond_width long put "$D/heki/patch_text" $((1 << width)) 0
refused EINVAL patch_text_one_number long put "$D/heki/patch_text" "$page"
refused EINVAL patch_text_three_numbers long put "$D/heki/patch_text" "$page" 0 0
t_ok requests_in_memory_undone flip "$NOP"

for id in 0 1 0x1ffe2 0x1ffe9 0x1ffea 0x1ffed 0xffffffffffffffff; do
	t_fails ENOSYS "vtlcall_$id" put "$D/vtlcall" $id 0 0 0
	t_is "$(cat "$D/vtlcall")" -38 "vtlcall_$id: result"
done
for words in "" 0x1ffe3 "0x1ffe8 0 0" "0x1ffe8 0 0 0 0" "0x1ffe8 0 0 x"; do
	# shellcheck disable=SC2086 # words
	t_fails EINVAL "vtlcall_'$words'" put "$D/vtlcall" $words
done
t_fails ENOENT vtlcall_unload_unknown_owner put "$D/vtlcall" 0x1ffe8 0 0 0
t_fails ENOENT vtlcall_free_init_unknown_owner put "$D/vtlcall" 0x1ffe7 0x7fffffff 0 0
t_fails EINVAL vtlcall_load_no_ranges put "$D/vtlcall" 0x1ffe5 "$page" 0 0
t_fails EINVAL load_kdata_at_0 put "$D/heki/load_kdata" 0 1
t_fails ENXIO load_kdata_in_hole put "$D/heki/load_kdata" 0xa0000 1
t_fails EINVAL load_kdata_unaligned put "$D/heki/load_kdata" $((page + 8)) 1
t_fails EINVAL load_kdata_one_number put "$D/heki/load_kdata" "$page"
t_fails EINVAL load_kdata_not_a_page_list put "$D/heki/load_kdata" "$page" 1

#
# Pages with known sites can be read, but written by patches only.
#
for name in long long_1 apart_1; do
	site $name
	refused EROFS "${name}_page_protected" $name mem_write "$PA0" cc
	if [ "$((PA1))" != 0 ]; then
		refused EROFS "${name}_second_page_protected" $name mem_write "$PA1" cc
	fi
	t_ok "${name}_protected_lists_owner" grep -q " $owner$" "$D/phys/protected"
done

#
# Counters and tracepoint.
#
site long
since
echo 1 >/sys/kernel/tracing/events/lvbs/heki_verdict/enable
request "$TAIL0" 0 "$(tail_of "$CODE")" 2>/dev/null || :
request "$PA0" 0 cc
request "$PA0" 0 cc
request "$TAIL0" 0 11223344 2>/dev/null || :
request "$TAIL0" 0 "$(tail_of "$CODE")"
request "$PA0" 0 0f 2>/dev/null || :
request "$PA0" 0 e9
request $((PA0 - 1)) 0 cc 2>/dev/null || :
echo 0 >/sys/kernel/tracing/events/lvbs/heki_verdict/enable
client patch long nop
# Four are accepted from the requests above, three from the client.
for grown in accepted:7 refused:4 accepted_guard_fits:2 accepted_guard_retry:1 accepted_tail_fits:2 \
	accepted_head_fits:2 refused_tail_bytes:1 refused_head_mix:1 refused_tail_unguarded:1 refused_none_no-site:1; do
	t_is "$(grown "${grown%:*}")" "${grown#*:}" "counted_${grown%:*}"
done
t_is "$(sed -n 's/.*heki_verdict: //p' /sys/kernel/tracing/trace | tr '\n' ,)" \
	"pa=$TAIL0 size=4 step=tail reason=unguarded err=-13,\
pa=$PA0 size=1 step=guard reason=fits err=0,\
pa=$PA0 size=1 step=guard reason=retry err=0,\
pa=$TAIL0 size=4 step=tail reason=bytes err=-13,\
pa=$TAIL0 size=4 step=tail reason=fits err=0,\
pa=$PA0 size=1 step=head reason=mix err=-13,\
pa=$PA0 size=1 step=head reason=fits err=0,\
pa=$(printf 0x%x $((PA0 - 1))) size=1 step=none reason=no-site err=-2," trace_has_each_request

#
# File modes, and opening without CAP_SYS_RAWIO.
#
t_is "$(cd "$D/heki" && stat -c '%n %a' -- * | tr '\n' ,)" \
	"end_of_boot 600,live 600,load_kdata 600,patch_text 600,patches 400,policy 600,request 600,verdicts 400,verify 400," file_modes
for file in heki/request heki/patch_text heki/load_kdata heki/end_of_boot heki/live vtlcall; do
	t_fails EPERM "$(basename $file)_without_rawio" unshare -U -r sh -c "echo 0 >$D/$file"
done

#
# FREE_MODULE_INIT drops the sites in init text, UNLOAD_MODULE all others.
#
t_ok free_init client free_init
t_is "$(wc -l <"$D/heki/patches")" 7 init_sites_dropped
site apart_1
refused ENOENT init_site_gone apart_1 request "$PA0" 0 cc
t_ok init_page_writable mem_write "$PA0" "$(head_of "$NOW")"
site long
t_ok other_sites_flip flip "$CODE"
t_ok other_sites_flip_back flip "$NOP"
t_ok free_init_again client free_init
t_ok unload client unload
t_is "$(wc -l <"$D/heki/patches")" 0 module_sites_dropped
t_is "$(md5sum <"$D/phys/protected")" "$protected" module_pages_no_longer_protected
refused ENOENT patch_after_unload long request "$PA0" 0 cc

#
# After the end of boot nothing more is trusted for the kernel. Known sites can still be patched.
#
t_ok load client load kernel_sites
t_is "$(patches_of kernel)" 12 kernel_sites_listed
t_ok validate_before_end_of_boot client validate good
t_is "$(cat "$D/heki/end_of_boot")" 0 boot_not_ended
for words in 0 2 "" "1 1" x; do
	# shellcheck disable=SC2086 # words
	t_fails EINVAL "end_of_boot_'$words'" put "$D/heki/end_of_boot" $words
done
t_is "$(cat "$D/heki/end_of_boot")" 0 boot_still_not_ended
t_ok end_of_boot put "$D/heki/end_of_boot" 1
t_is "$(cat "$D/heki/end_of_boot")" 1 boot_ended
t_fails EPERM end_of_boot_twice put "$D/heki/end_of_boot" 1
t_fails EPERM end_of_boot_by_the_client client end_of_boot
t_fails EPERM load_after_boot client load kernel_sites
t_fails EPERM load_kdata_after_boot put "$D/heki/load_kdata" "$page" 1
t_fails EPERM protect_memory_after_boot put "$D/vtlcall" 0x1ffe4 "$page" 1 0
t_is "$(patches_of kernel)" 12 known_sites_kept
t_ok patch_after_boot flip "$CODE"
t_is "$(site_now long)" "$CODE 1" patched_after_boot
t_ok patch_back_after_boot flip "$NOP"
t_ok unload_after_boot client unload
for shape in kernel_text kernel_data; do
	t_fails EEXIST "validate_${shape}_after_boot" client validate $shape
done
t_fails EEXIST validate_kernel_sites_after_boot client validate kernel_sites
t_ok validate_after_boot client validate good

#
# Unloading releases everything.
#
pages_free
t_is "$(grep -e ^live: -e ^leaked: "$D/phys/stats")" "$mapped" mappings_unchanged
t_ok client_unloads rmmod heki_client
t_ok unload rmmod lvbs
t_ok files_removed test ! -e "$D"
t_ok reload insmod /lvbs.ko
t_is "$(cat "$D/heki/end_of_boot") $(wc -l <"$D/heki/patches") $(verdict accepted)" "0 0 0" state_is_initial
t_ok client_loads_again insmod /heki_client.ko
t_ok validate_again client validate good
t_fails EAGAIN unload_while_in_use rmmod lvbs
t_ok client_unloads_again rmmod heki_client
t_is "$(wc -l <"$D/heki/patches")" 0 client_exit_drops_sites
t_done
