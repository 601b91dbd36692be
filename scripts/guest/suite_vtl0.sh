# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# The calls of a real VTL0 kernel (modules/vtl0): its boot, the life of a module, and patches from atomic
# context, under load.
#
# kernels: first
# full: others debug next
# modules: vtl0 heki_client locker
# shellcheck source=scripts/guest/lib.sh
. /lib.sh
# shellcheck source=scripts/guest/kernel.sh
. /kernel.sh
# shellcheck source=scripts/guest/heki.sh
. /heki.sh

V=/sys/kernel/debug/vtl0
# Types of module memory: enum heki_mod_mem.
TEXT=0 DATA=1 RODATA=2 RO_AFTER_INIT=3 INIT_TEXT=4 INIT_DATA=5 INIT_RODATA=6

vtl0() { put $V/command "$@"; }

# status KEY: print a value of the client's status.
status() { sed -n "s/^$1: //p" $V/status; }

# pages_in: print the address of each page of the ranges "START END" on stdin.
pages_in() {
	while read -r pages_at pages_end; do
		pages_at=$((pages_at))
		while [ $pages_at -lt $((pages_end)) ]; do
			printf '0x%x\n' $pages_at
			pages_at=$((pages_at + 4096))
		done
	done
}

# sent CALL ATTRIBUTES...: print the address of each page that the client sent in a call.
sent() {
	sent_call=$1
	shift
	for sent_attributes in "$@"; do
		awk -v call="$sent_call" -v attributes="$sent_attributes" \
			'$1 == call && $4 == attributes { print $2, $3 }' $V/ranges
	done | pages_in | sort
}

# protected_by OWNER: print the address of each page that is protected by it.
protected_by() {
	sed -n "s/ $1\$//p" "$D/phys/protected" | while IFS=- read -r protected_start protected_last; do
		echo "$protected_start $((protected_last + 1))"
	done | pages_in | sort -u
}

# writes: write the last byte of each page on stdin, with its own value; print the results, each once.
writes() {
	while read -r writes_page; do
		writes_last=$((writes_page + 4095))
		writes_byte=$(mem_read $writes_last 1)
		if mem_write $writes_last "$writes_byte" 2>/tmp/.writes; then
			echo written
		else
			sed 's/.*: //' /tmp/.writes
		fi
	done | sort -u | tr '\n' ,
}

refused="$(t_errno_text EROFS),"

# sites_listed SITES: are these the sites of the module in heki/patches?
sites_listed() {
	awk -v owner="$owner" '$5 == owner' "$D/heki/patches" | sort >/tmp/listed
	sort "$1" | cmp - /tmp/listed
}

# every_5th: print every fifth line of stdin.
every_5th() { awk 'NR % 5 == 1'; }

# flips NAME CPU ROUNDS: patch the sites from that CPU.
flips() {
	t_ok "$1" taskset "$(printf %x $((1 << $2)))" sh -c "echo flip $3 >$V/command"
}

# counts_agree NAME: was each request since then accepted?
counts_agree() {
	t_is "$(grown accepted) $(grown refused) $(status fallbacks)" "$(($(status requests) - requests)) 0 0" "$1"
}

cpus=$(($(nproc) - 1))
page_new 2
# Give VTL1 two pages of the kernel's data, in the middle of four that VTL0 protects.
data=$((($(kernel_pa "$(sym _sdata)") & ~4095) + 8 * 4096))
carved=$(printf '0x%x-0x%x' $((data + 4096)) $((data + 3 * 4096 - 1)))
rmmod lvbs
t_ok load_with_owned_memory insmod /lvbs.ko owned="$carved"
# VTL0 protects a part of the module's image as well.
grep -v -x "$carved" "$D/phys/owned" >/tmp/image
IFS=- read -r image image_last </tmp/image

#
# Boot. The client's module init waits at its end.
#
insmod /vtl0.ko boot=1 wait=1 memory="$data,$((4 * 4096)),$image,$((image_last + 1 - image))" &
insmod_pid=$!
until [ -e $V/status ] || ! kill -0 $insmod_pid 2>/dev/null; do :; done
for call in protect_memory load_kdata allocate_ringbuffer end_of_boot; do
	t_is "$(status $call)" 0 $call
done
t_is "$(cat "$D/heki/end_of_boot")" 1 boot_has_ended
t_is "$(sent protect_memory 9 | wc -l) $(sent protect_memory 3 | wc -l)" "150 150" protect_memory_sends_pages
t_is "$(sent protect_memory 9 | every_5th | writes)" "$refused" protect_memory_protects_pages
t_is "$(sent protect_memory 3 | every_5th | writes)" written, protect_memory_skips_writable_pages
t_is "$(echo $data $((data + 4096)) | pages_in | writes)" "$refused" protect_memory_protects_before_owned_memory
t_is "$(echo $((data + 3 * 4096)) $((data + 4 * 4096)) | pages_in | writes)" "$refused" \
	protect_memory_protects_after_owned_memory
t_fails EPERM owned_memory_stays_owned mem_read $((data + 4096)) 1
t_fails EPERM image_stays_owned mem_read "$image" 1
t_is "$(patches_of kernel)" "$(status kernel_sites)" kernel_sites_listed
t_ok kernel_has_sites test "$(status kernel_sites)" -gt 1000
t_ok ringbuffer_is_the_log grep -q 'end of boot' "$D/ring/vtl0/snapshot"

#
# A module while it is COMING, LIVE, and gone.
#
token=$(status validate_module)
owner=module-$token
t_ok validate_module_returns_token test "$token" -gt 0
t_is "$(status init_branch)" "1 0" init_text_is_patched
awk -v owner="$owner" '{ print $1, $2, $3, $4, owner }' $V/sites >/tmp/sites
awk -v owner="$owner" '!$5 { print $1, $2, $3, $4, owner }' $V/sites >/tmp/sites_live
t_ok module_has_sites_in_init_text test "$(wc -l </tmp/sites)" -gt "$(wc -l </tmp/sites_live)"
t_ok sites_listed sites_listed /tmp/sites
for type in $TEXT $RODATA $INIT_TEXT; do
	t_is "$(sent validate_module "$type" | writes)" "$refused" "memory_type_${type}_is_protected"
done
for type in $DATA $RO_AFTER_INIT $INIT_DATA; do
	t_is "$(sent validate_module "$type" | writes)" written, "memory_type_${type}_is_writable"
done
sent validate_module $TEXT $RODATA $INIT_TEXT $INIT_RODATA >/tmp/frozen
t_is "$(protected_by "$owner")" "$(cat /tmp/frozen)" module_is_frozen
vtl0 go
t_ok client_loads wait $insmod_pid

t_is "$(status free_module_init)" 0 free_module_init
t_ok init_sites_dropped sites_listed /tmp/sites_live
sent validate_module $TEXT $RODATA $RO_AFTER_INIT >/tmp/frozen
t_is "$(protected_by "$owner")" "$(cat /tmp/frozen)" init_memory_is_released
t_is "$(writes </tmp/frozen)" "$refused" live_module_is_frozen
t_is "$(sent validate_module $DATA | writes)" written, live_module_has_writable_data

#
# Patches from each CPU. The requests are on the stack or in memory like it, in one page or two.
#
mapped=$(grep -e ^live: -e ^leaked: "$D/phys/stats")
requests=$(status requests)
since
cpu=0
while [ $cpu -le $cpus ]; do
	flips "flips_on_cpu_$cpu" $cpu 30
	cpu=$((cpu + 1))
done
t_ok requests_straddled test "$(status straddling)" -gt 1000
t_ok requests_in_frames_apart test "$(status apart)" -gt 500
counts_agree each_request_accepted

#
# The same under load: readers of the same frames, attempts to lock them, ring writes, and locks and protections
# elsewhere.
#
t_ok heki_client_loads insmod /heki_client.ko
t_ok locker_loads insmod /locker.ko
read_text() {
	while read -r page; do
		dd if="$D/phys/mem" of=/dev/null bs=4096 skip=$((page)) count=1 iflag=skip_bytes status=none || return
	done </tmp/frozen
}
read_kernel() {
	dd if="$D/phys/mem" of=/dev/null bs=1M count=4 skip="$kernel_text" iflag=skip_bytes status=none
}
write_rings() { put "$D/ring/vtl0/write" "$(head -c 300 /dev/zero | tr '\000' x)"; }
lock_pages() {
	put /sys/module/locker/parameters/range "$locked 4096 exclusive" &&
		put /sys/module/locker/parameters/range "$locked 4096 shared"
}
# Nobody gets a lock on frames with sites.
lock_sites() { ! put /sys/module/locker/parameters/range "$site 4096 shared" 2>/tmp/lock_sites; }
validate_other() { client validate good && client free_init && client unload; }
make_ring() {
	put "$D/ring/new" other 3 persistent && put "$D/ring/new" given $((PA + 100)) 3000 ondemand &&
		put "$D/ring/remove" given && put "$D/ring/remove" other
}
kernel_text=$(($(kernel_pa "$(sym _stext)")))
locked=$((${PFNS#* } * 4096))
site=$(($(head -n 1 /tmp/sites_live | cut -d ' ' -f 1) & ~4095))
loads="read_text read_kernel write_rings lock_pages lock_sites validate_other make_ring"
# repeat CMD: run it until /tmp/stop exists; record the number of rounds, and what failed.
repeat() {
	repeat_rounds=0
	while [ ! -e /tmp/stop ]; do
		"$1" 2>"/tmp/err_$1" || cat "/tmp/err_$1" >>"/tmp/broken_$1"
		repeat_rounds=$((repeat_rounds + 1))
	done
	echo $repeat_rounds >"/tmp/rounds_$1"
}
loops=
for load in $loads; do
	repeat "$load" &
	loops="$loops $!"
done
round=0
while [ $round -lt 8 ]; do
	flips "flips_under_load_$round" $((round % (cpus + 1))) 30
	round=$((round + 1))
done
touch /tmp/stop
# shellcheck disable=SC2086 # words
wait $loops
for load in $loads; do
	t_ok "${load}_ran" test "$(cat "/tmp/rounds_$load")" -gt 0
	t_is "$(cat "/tmp/broken_$load" 2>/dev/null)" "" "${load}_did_not_fail"
done
counts_agree each_request_accepted_under_load
t_ok locker_unloads rmmod locker
t_ok heki_client_unloads rmmod heki_client
t_is "$(grep -e ^live: -e ^leaked: "$D/phys/stats")" "$mapped" mappings_unchanged

# What is not a site gets ENOENT: VTL0 patches it itself.
t_ok requests_for_what_is_no_site vtl0 miss
t_ok fallbacks_counted test "$(status fallbacks)" -gt 0

#
# After its unloading the module's memory is VTL0's again.
#
t_ok unload_module vtl0 unload
t_is "$(patches_of "$owner") $(protected_by "$owner")" "0 " unloaded_module_is_forgotten
t_is "$(writes </tmp/frozen)" written, unloaded_module_is_writable
t_ok client_unloads rmmod vtl0

# Modules come and go after the end of boot.
for round in 1 2 3; do
	t_ok "load_$round" insmod /vtl0.ko
	owner=module-$(status validate_module)
	t_is "$(status init_branch) $(status free_module_init)" "1 0 0" "load_${round}_calls"
	t_ok "load_${round}_module_is_frozen" test -n "$(protected_by "$owner")"
	flips "load_${round}_flips" $((round % (cpus + 1))) 3
	t_ok "unload_$round" rmmod vtl0
	t_is "$(patches_of "$owner") $(protected_by "$owner")" "0 " "unload_${round}_forgotten"
done
t_is "$(patches_of kernel)" "$(wc -l <"$D/heki/patches")" only_kernel_sites_are_left

pages_free
t_ok unload rmmod lvbs
t_ok reload insmod /lvbs.ko
t_done
