# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# A hostile VTL0 (modules/squatter): it declares memory that is free, other code, protected or VTL1's, and sends very
# long lists.
#
# kernels: first
# full: others debug
# modules: squatter heki_client locker
# shellcheck source=scripts/guest/lib.sh
. /lib.sh
# shellcheck source=scripts/guest/kernel.sh
. /kernel.sh
# shellcheck source=scripts/guest/heki.sh
. /heki.sh

S=/sys/module/squatter/parameters
PROTECT_MEMORY=0x1ffe4 VALIDATE_MODULE=0x1ffe6 UNLOAD_MODULE=0x1ffe8
# Types of module memory: enum heki_mod_mem.
TEXT=0 DATA=1 ELF=7
READ=1 # enum heki_mem_attr

squatter() { put $S/command "$@"; }
status() { sed -n "s/^$1 //p" $S/status; }
va_of() { status "$1" | cut -d ' ' -f 1; }
pa_of() { status "$1" | cut -d ' ' -f 2; }
# page_at ADDRESS: the first address of its page.
page_at() { printf '0x%x\n' $(($1 & ~4095)); }

# send CALL: the current list.
send() { put "$D/vtlcall" "$1" "$(status list)" 0; }
unload() { put "$D/vtlcall" "$UNLOAD_MODULE" "$1" 0 0; }

# list ATTRIBUTES N VA PA BYTES STRIDE: begin a list with these ranges, and room for one more.
list() { squatter new $(($2 + 1)) && squatter ranges "$@"; }

# declare_text VA PA: one page of text.
declare_text() { list "$TEXT" 1 "$1" "$2" 4096 0 && send "$VALIDATE_MODULE"; }

# declare_code NAME: the page of an address in the client's status.
declare_code() {
	declare_text "$(page_at "$(va_of "$1")")" "$(page_at "$(pa_of "$1")")"
}

# refuses NAME CMD...: CMD, which declares a module, is refused.
refuses() {
	refuses_name=$1
	shift
	t_fails EEXIST "$refuses_name" "$@"
	# The next one is to be refused for what it is, not for memory that is taken.
	[ $t_status != 0 ] || unload "$(cat "$D/vtlcall")"
}

# protect_page N: that page, N times in one list.
protect_page() { list "$READ" "$1" 0 "$page0" 4096 0 && send "$PROTECT_MEMORY"; }

# protected OWNER: the frames that it protects, one range a line.
protected() { sed -n "s/ $1\$//p" "$D/phys/protected"; }

# pages_in: print each page of the ranges on stdin, in decimal.
pages_in() {
	while IFS=- read -r pages_at pages_last; do
		pages_at=$((pages_at))
		while [ $pages_at -lt $((pages_last)) ]; do
			echo $pages_at
			pages_at=$((pages_at + 4096))
		done
	done
}

# one_page PA: that page as a range.
one_page() { printf '0x%x-0x%x' $(($1)) $(($1 + 4095)); }

t_ok squatter_loads insmod /squatter.ko
page0=$(pa_of page0)
page1=$(pa_of page1)
page0_va=$(va_of page0)
page1_va=$(va_of page1)

#
# A stale module that covers free memory is dropped when the kernel loads a module there.
#
for mode in audit mediate; do
	t_ok "$mode" put "$D/heki/live" $mode
	for round in 1 2 3; do
		case=${mode}_$round
		squatter new 65536
		t_ok "${case}_list_free_memory" squatter free
		t_ok "${case}_declare_free_memory" send $VALIDATE_MODULE
		token=$(cat "$D/vtlcall")
		for module in heki_client locker; do
			t_ok "${case}_${module}_loads" insmod /$module.ko
		done
		t_ok "${case}_drop_is_logged" grep -q "module-$token dropped: the kernel uses its memory" \
			"$D/ring/log/snapshot"
		t_fails ENOENT "${case}_stale_module_is_gone" unload "$token"
		t_ok "${case}_sites_are_known" test "$(patches_of heki_client)" -gt 0
		rmmod locker
		rmmod heki_client
	done
	t_ok "${mode}_off" put "$D/heki/live" off
done

#
# Running code is text only of its own module, and only at the address where it runs.
#
declare_code text
t_ok own_text_is_text unload "$(cat "$D/vtlcall")"
kernel_text=$(page_at "$(sym vfs_fsync)")
kernel_text_pa=$(kernel_pa "$kernel_text")
refuses kernel_text_is_not_text declare_text "$kernel_text" "$kernel_text_pa"
refuses kernel_text_in_direct_map_is_not_text declare_text \
	"$(printf '0x%x' $((page1_va - page1 + kernel_text_pa)))" "$kernel_text_pa"
for code in text_linear text_alias bpf trampoline; do
	if [ -n "$(status $code)" ]; then
		refuses ${code}_is_not_text declare_code $code
	fi
done
t_ok kernel_makes_code test -n "$(status bpf)$(status trampoline)"
t_ok ram_may_be_text declare_code page1
t_ok ram_unloads unload "$(cat "$D/vtlcall")"
t_is "$(wc -l <"$D/heki/patches") $(protected 'module-.*')" "0 " refused_text_leaves_nothing

#
# A request from a probe that runs under a site's lock is refused; it must not wait for that lock.
#
mem_write "$page1" 6690
mem_write "$page0" 6690
list $TEXT 1 "$page0_va" "$page0" 4096 0
squatter site "$page0"
t_ok site_is_declared send $VALIDATE_MODULE
token=$(cat "$D/vtlcall")
squatter nest "$page0"
squatter offline 1
t_fails ENXIO request_for_page_that_is_offline request "$page0" 0 cc
squatter offline 0
t_is "$(status nested)" -16 nested_request_is_busy
t_ok request_after_nested_one request "$page0" 0 cc
t_ok site_unloads unload "$token"
mem_write "$page0" 6690

#
# However often a list names a page, it is protected once.
#
for times in 5000 5000 10000 1; do
	t_ok "protect_page_${times}_times" protect_page $times
	t_is "$(protected protect_memory)" "$(one_page "$page0")" "protected_${times}_times_is_listed_once"
done
t_ok another_may_protect_it squatter protect "$page0"
t_fails EROFS protected_page_is_read_only mem_write "$page0" eb10

#
# What protect_memory named is not text: patches could change it.
#
declare_protected() {
	list "$TEXT" 1 "$page0_va" "$page0" 4096 0 && squatter site "$page0" && send "$VALIDATE_MODULE"
}
# protected_is_not_text WHEN
protected_is_not_text() {
	t_fails EEXIST "protected_is_not_text_$1" declare_protected
	t_fails ENOENT "protected_has_no_site_$1" request "$page0" 0 cc
	t_is "$(mem_read "$page0" 2)" 6690 "protected_is_unchanged_$1"
}
protected_is_not_text before_end_of_boot

#
# Pages of VTL1's own ring are skipped; a ring in VTL0's memory is an error.
#
protected 'ring log' >/tmp/log
protected protect_memory >/tmp/before
page_new 4
# shellcheck disable=SC2086 # words
set -- $PFNS
before=$(($1 * 4096)) after=$(($2 * 4096)) given=$(($3 * 4096)) other=$(($4 * 4096))
squatter new 100
squatter ranges $READ 1 0 $before 4096 0
while IFS=- read -r first last; do
	squatter ranges $READ 1 0 "$first" $((last + 1 - first)) 0
done </tmp/log
squatter ranges $READ 1 0 $after 4096 0
t_ok protect_pages_and_log send $PROTECT_MEMORY
t_is "$(protected protect_memory | grep -v -x -F -f /tmp/before | pages_in)" \
	"$(printf '%s\n' $before $after | sort -n)" pages_besides_log_are_protected
t_is "$(protected 'ring log')" "$(cat /tmp/log)" log_is_still_protected
t_fails EROFS page_before_log_is_read_only mem_write $before 00
t_fails EROFS page_after_log_is_read_only mem_write $after 00
t_ok ring_in_vtl0_memory put "$D/ring/new" given $given 4096 ondemand
protected protect_memory >/tmp/before
list $READ 1 0 $other 4096 0
squatter ranges $READ 1 0 $given 4096 0
t_fails EBUSY protect_ring_in_vtl0_memory send $PROTECT_MEMORY
t_is "$(protected protect_memory)" "$(cat /tmp/before)" refused_list_protects_nothing
put "$D/ring/remove" given

t_ok end_of_boot put "$D/heki/end_of_boot" 1
protected_is_not_text after_end_of_boot

#
# Long lists, and many modules.
#
beyond_ram=0x4000000000
list $DATA 65537 0 $beyond_ram 1 16
t_fails ENOMEM module_of_65537_ranges send $VALIDATE_MODULE
list $DATA 65536 0 $beyond_ram 1 16
t_ok module_of_65536_ranges send $VALIDATE_MODULE
token=$(cat "$D/vtlcall")
t_fails EEXIST its_memory_is_taken send $VALIDATE_MODULE
list $ELF 1 0 "$page0" 64 0
words=$(status list)
modules=0
while [ $modules -lt 2000 ] && put "$D/vtlcall" $VALIDATE_MODULE "$words" 0; do
	modules=$((modules + 1))
done
t_is $modules 2000 modules_without_memory
t_ok large_module_unloads unload "$token"
list $DATA 1 0 $beyond_ram 1 16
t_ok its_memory_is_free send $VALIDATE_MODULE
t_ok last_module_unloads unload "$(cat "$D/vtlcall")"

# A fatal signal ends a call, whatever the length of its list.
squatter new 1000000
squatter ranges $TEXT 1000 "$page1_va" "$page1" 4096 0
squatter ranges $ELF 999000 0 "$page1" 64 0
words=$(status list)
# killed_call: does a fatal signal interrupt a call? It may arrive between two calls, so try again. A call that is not
# interrupted fails, because the list names a page more than once.
killed_call() {
	for _ in 1 2 3 4 5; do
		timeout -s KILL 2 sh -c "while :; do echo $VALIDATE_MODULE $words 0 >$D/vtlcall; done" 2>/dev/null
		[ $? = 137 ] || return
		if [ "$(cat "$D/vtlcall")" = -4 ]; then
			return
		fi
	done
	return 1
}
t_ok killed_call_ends killed_call
t_ok calls_work_afterwards declare_text "$page1_va" "$page1"
t_ok its_module_unloads unload "$(cat "$D/vtlcall")"

pages_free
t_ok squatter_unloads rmmod squatter
t_ok unload rmmod lvbs
t_ok reload insmod /lvbs.ko
t_done
