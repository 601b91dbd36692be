# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# The guest's part of scripts/demo.sh. Each step shows its commands and checks their effect; the first
# failed check ends the demo.
#
# shellcheck source=scripts/guest/lib.sh
. /lib.sh
# shellcheck source=scripts/guest/kernel.sh
. /kernel.sh
# shellcheck source=scripts/guest/heki.sh
. /heki.sh

# refuse ERRNO CMD...: show CMD, which must fail with ERRNO.
refuse() {
	refuse_errno=$1
	shift
	echo "   \$ $*"
	if "$@" >/tmp/.show 2>&1; then
		demo_failed "'$*' was not refused"
	fi
	show_output
	grep -q -F "$(t_errno_text "$refuse_errno")" /tmp/.show || demo_failed "refused, but not with $refuse_errno"
	echo "   -> refused with $refuse_errno"
}

same() { [ "$1" = "$2" ]; }

# The last step.
unload() {
	step "Unload: no mapping is left"
	show cat "$D/phys/stats"
	mapped=1
	what="only the log ring is mapped"
	if [ "$(cat "$D/heki/live")" != off ]; then
		mapped=2
		what="only the log ring and the page of live mode's requests are mapped"
	fi
	expect "$what, and nothing was leaked" \
		same "$(grep -c -x -e "live: $mapped" -e 'leaked: 0' "$D/phys/stats")" 2
	pages_free
	show rmmod lvbs
	expect "the module and its files are gone" test ! -e "$D"
}

echo "lvbs on a live, unmodified distribution kernel. In this VM, D=$D"

step "The module is loaded into a stock kernel"
show uname -r
show grep '^lvbs ' /proc/modules

step "Which memory is RAM, which of it the module owns, and which is write-protected"
show cat "$D/phys/ram"
show cat "$D/phys/owned"
show cat "$D/phys/protected"

step "Read a page of live kernel memory at its physical address"
banner=$(banner)
banner_pa=$(kernel_pa "$banner")
echo "   The kernel's banner is at virtual address $banner, physical $banner_pa (/proc/kallsyms, /proc/iomem)."
show xxd -s "$((banner_pa))" -l 48 "$D/phys/mem"
page_va=$((banner & ~4095))
page=$(mem_read "$(kernel_pa $page_va)" 4096)
expect "this is the kernel's banner" same "$(unhex "$(mem_read "$banner_pa" 14)")" "Linux version "
expect "all $((${#page} / 2)) bytes of the page match /proc/kcore, an independent path" \
	same "$page" "$(kcore_read $page_va 4096)"

step "Write to a page of a process at its physical address"
page_new 2
echo "   Process $PAGE_PID owns frames $PFNS, filled with 'Z'."
show eval "printf 'Hello from VTL1' | dd of=\$D/phys/mem bs=15 seek=$((PA + 16)) oflag=seek_bytes conv=notrunc status=none"
show eval "dd if=/proc/$PAGE_PID/mem bs=48 skip=$PAGE_VA count=1 iflag=skip_bytes status=none | xxd"
expect "the process sees these bytes, and no others changed" \
	same "$(page_read 0 48)" "$(printf 'ZZZZZZZZZZZZZZZZHello from VTL1ZZZZZZZZZZZZZZZZZ' | xxd -p | tr -d '\n')"
expect "phys/mem reads the same bytes back" same "$(mem_read "$PA" 48)" "$(page_read 0 48)"

step "Read and write one value that spans two unrelated frames"
p0=${PFNS% *}
p1=${PFNS#* }
page_write 4092 11223344
page_write 4096 55667788
show eval "exec 5<>\$D/phys/span; echo read 4092 8 $p0 $p1 >&5; cat <&5; exec 5>&-"
expect "this is what the process wrote there" same "$(cat /tmp/.show)" 1122334455667788
show eval "exec 5<>\$D/phys/span; echo write 4094 a1a2a3a4 $p0 $p1 >&5; exec 5>&-"
expect "the process sees the new bytes on both pages" \
	same "$(page_read 4092 4) $(page_read 4096 4)" "1122a1a2 a3a47788"

step "Refused accesses, each with its own errno"
echo "   A hole in the address space:"
refuse ENXIO mem_read 0xa0000 16
if on_x86; then
	echo "   Device memory (the local APIC):"
	refuse ENXIO mem_read 0xfee00000 4
else
	echo "   Device memory (the serial port):"
	refuse ENXIO mem_read 0x9000000 4
fi
echo "   An address beyond the CPU's physical address width:"
refuse EOVERFLOW mem_read $((1 << 60)) 1
echo "   A page owned by the module (VTL1 memory):"
own=$(head -n 1 "$D/phys/owned" | cut -d - -f 1)
refuse EPERM mem_read "$own" 16
echo "   A write to kernel text; reading it is allowed:"
text_pa=$(kernel_pa "$(sym schedule)")
refuse EROFS mem_write "$text_pa" cc
show mem_read "$text_pa" 16
echo "   The same frame twice in one pointer:"
span_twice() { exec 5<>"$D/phys/span" && echo "read 0 1 $p0 $p0" >&5; }
refuse EEXIST span_twice
exec 5>&-

step "A log ring: a record wraps around the end of the ring while a reader follows"
R=$D/ring/demo
show eval "echo demo 1 ondemand >\$D/ring/new; ls \$D/ring/demo"
head -c 4070 /dev/zero | tr '\000' '.' >"$R/write"
cat "$R/stream" >/tmp/followed &
follower=$!
until [ "$(wc -c </tmp/followed)" = 4070 ]; do usleep 10000; done
echo "   Process $follower follows the ring, of which 4070 of 4096 bytes are written. One more record:"
show eval "echo 'this record wraps around the end of the ring' >\$D/ring/demo/write"
show cat "$R/state"
ring_pa=$(sed -n 's/^base: //p' "$R/state")
echo "   The last and the first bytes of the ring, read through phys/mem:"
show xxd -s $((ring_pa + 4064)) -l 32 "$D/phys/mem"
show xxd -s $((ring_pa)) -l 32 "$D/phys/mem"
until [ "$(wc -c </tmp/followed)" -ge 4115 ]; do usleep 10000; done
expect "the reader received the whole record" \
	same "$(tail -c 45 /tmp/followed)" "this record wraps around the end of the ring"
expect "a snapshot holds 4096 bytes and ends with that record" \
	same "$(tail -c 45 "$R/snapshot") $(wc -c <"$R/snapshot")" "this record wraps around the end of the ring 4096"
echo "   While the ring exists, other pointers cannot write to its page:"
refuse EROFS mem_write "$ring_pa" 00
show eval "echo demo >\$D/ring/remove"
wait "$follower"
expect "the reader got end-of-file, and the ring is gone" test ! -e "$R"
echo "   The module's own log is a ring, too:"
show cat "$D/ring/log/snapshot"

if ! on_x86; then
	step "Text patches and live mode are for x86-64"
	refuse ENOENT put "$D/heki/live" mediate
	show eval "dmesg | tail -n 1"
	expect "live mode is off" same "$(cat "$D/heki/live")" off
	unload
	demo_done
fi

step "Text patches: only at announced sites, in the right order, with the right bytes, on the right pages"
echo "   A test module plays VTL0: it has a static key and announces to VTL1 its branch sites and their code."
show insmod /heki_client.ko
show eval "echo validate good >$C/command"
show eval "head -n 4 \$D/heki/patches"
site long
echo "   The site at $PA0 may hold a jump ($CODE) or a NOP ($NOP). It holds $NOW: the code takes branch $BRANCH."
echo "   Linux patches a branch in three steps: INT3 over the first byte, then the tail, then the first byte."
show eval "echo $PA0 0 cc >\$D/heki/request"
show eval "echo $TAIL0 $TAIL1 $(tail_of "$CODE") >\$D/heki/request"
show eval "echo $PA0 0 $(head_of "$CODE") >\$D/heki/request"
expect "the code now takes the other branch" same "$(site_now long)" "$CODE 1"
flip "$NOP"
expect "three more requests switch it back" same "$(site_now long)" "$NOP 0"
echo "   The first byte, without an INT3 in place:"
refuse EACCES request "$PA0" 0 "$(head_of "$CODE")"
echo "   INT3, then a tail of unknown bytes:"
show request "$PA0" 0 cc
refuse EACCES request "$TAIL0" "$TAIL1" 90909090
echo "   The first byte of a jump before a NOP's tail:"
refuse EACCES request "$PA0" 0 "$(head_of "$CODE")"
show request "$PA0" 0 "$(head_of "$NOP")"
echo "   A site that straddles two pages; the tail addressed on the physically next page, not its own:"
site apart_1
show request "$PA0" 0 cc
refuse ENOENT request "$(printf '0x%x' $((PA0 + 1)))" 0 "$(tail_of "$CODE")"
show request "$PA0" 0 "$(head_of "$NOP")"
echo "   Code that is no announced site:"
refuse ENOENT request "$(kernel_pa "$(sym schedule)")" 0 cc
echo "   After the end of boot no sites are added; known ones can still be patched:"
show eval "echo 1 >\$D/heki/end_of_boot"
refuse EPERM put "$D/heki/load_kdata" 0x1000 1
site long
flip "$CODE" && flip "$NOP"
expect "a known site was patched and restored" same "$(site_now long)" "$NOP 0"
show grep -v ': 0$' "$D/heki/verdicts"
show eval "echo unload >$C/command"
show rmmod heki_client
expect "its sites are removed" same "$(wc -l <"$D/heki/patches")" 0

step "Live mode: this kernel's own text patches go through HEKI"
echo "   From now on every write to a kernel jump label is a request: lvbs copies it in, validates it against"
echo "   the one instruction known for that site, and writes it to the kernel's text, or refuses it."
show eval "echo mediate >\$D/heki/live; cat \$D/heki/live"
show eval "wc -l <\$D/heki/patches; head -n 3 \$D/heki/patches"
# These scheduler counters advance only while the static key is on.
sched_counts() { awk '/^cpu/ { sum += $4 + $5 + $6 + $7 } END { print sum }' /proc/schedstat; }
counts_before=$(sched_counts)
since
show sysctl kernel.sched_schedstats=1
carried=$(grown accepted)
echo "   That one switch made the kernel patch itself $carried times, three writes per site:"
show grep '^live.*: [^0]' "$D/heki/verdicts"
expect "lvbs carried out more than 90 kernel text writes" [ "$carried" -gt 90 ]
expect "each of the three steps was seen equally often" \
	same "$(grown accepted_guard_fits) $(grown accepted_tail_fits)" \
	"$(grown accepted_tail_fits) $(grown accepted_head_fits)"
expect "none was refused, none was left to the kernel" same "$(grown refused) $(grown live_passed)" "0 0"
sleep 1
expect "the kernel runs the patched code: /proc/schedstat ($counts_before before) now counts" \
	[ "$(sched_counts)" -gt 0 ]
show sysctl kernel.sched_schedstats=0
echo "   All text, byte by byte, against what it was when it was first seen:"
show eval "echo 1 >/proc/sys/kernel/sched_schedstats; cat \$D/heki/verify >/tmp/verify; head -n 3 /tmp/verify"
show eval "grep -v -e ^0x -e ': 0$' /tmp/verify"
expect "each difference is one that the kernel's own records account for" grep -q '^unknown: 0$' /tmp/verify
echo "   Every other text write is checked, too, by kind. A kind can be denied before it begins:"
show eval "echo 'kprobe deny' >\$D/heki/policy; grep -e kprobe -e jump_label \$D/heki/policy"
refuse EPERM put /sys/kernel/tracing/kprobe_events 'p:demo vfs_read'
expect "the kernel has no such probe" same "$(cat /sys/kernel/tracing/kprobe_events)" ""
echo "   The end of boot was before: live mode can no longer be switched off, only unloaded."
refuse EPERM put "$D/heki/live" off

unload
demo_done
