# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# The demo, as it runs in the VM: each step shows what it does, and fails the whole if it does not.
#
# shellcheck source=scripts/guest/lib.sh
. /lib.sh
# shellcheck source=scripts/guest/kernel.sh
. /kernel.sh
# shellcheck source=scripts/guest/heki.sh
. /heki.sh

# refuse ERRNO CMD...: shown, and must fail with that errno.
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

echo "lvbs on a live, unmodified distribution kernel. In this VM, D=$D"

step "The module is loaded into a stock kernel"
show uname -r
show grep '^lvbs ' /proc/modules

step "Which memory is RAM, which of it belongs to the module, and which ordinary pointers may not write"
show cat "$D/phys/ram"
show cat "$D/phys/owned"
show cat "$D/phys/protected"

step "A page of live kernel memory, read at its physical address"
banner=$(sym linux_banner)
banner_pa=$(kernel_pa "$banner")
echo "   The kernel's banner is at virtual address $banner (/proc/kallsyms), which is $banner_pa (/proc/iomem)."
show xxd -s "$((banner_pa))" -l 48 "$D/phys/mem"
page_va=$((banner & ~4095))
page=$(mem_read "$(kernel_pa $page_va)" 4096)
expect "it is the kernel's banner" same "$(unhex "$(mem_read "$banner_pa" 14)")" "Linux version "
expect "the whole page is the same by an independent road, /proc/kcore: $((${#page} / 2)) bytes" \
	same "$page" "$(kcore_read $page_va 4096)"

step "A page that belongs to a process of ours, written at its physical address"
page_new 2
echo "   Process $PAGE_PID owns frames $PFNS; it filled them with 'Z'."
show eval "printf 'Hello from VTL1' | dd of=\$D/phys/mem bs=15 seek=$((PA + 16)) oflag=seek_bytes conv=notrunc status=none"
show eval "dd if=/proc/$PAGE_PID/mem bs=48 skip=$PAGE_VA count=1 iflag=skip_bytes status=none | xxd"
expect "the process sees it, and nothing else changed" \
	same "$(page_read 0 48)" "$(printf 'ZZZZZZZZZZZZZZZZHello from VTL1ZZZZZZZZZZZZZZZZZ' | xxd -p | tr -d '\n')"
expect "and it is read back through phys/mem" same "$(mem_read "$PA" 48)" "$(page_read 0 48)"

step "One value across two unrelated frames, read and written in one go"
p0=${PFNS% *}
p1=${PFNS#* }
page_write 4092 11223344
page_write 4096 55667788
show eval "exec 5<>\$D/phys/span; echo read 4092 8 $p0 $p1 >&5; cat <&5; exec 5>&-"
expect "that is what the process put there" same "$(cat /tmp/.show)" 1122334455667788
show eval "exec 5<>\$D/phys/span; echo write 4094 a1a2a3a4 $p0 $p1 >&5; exec 5>&-"
expect "and the process sees the new bytes on both pages" \
	same "$(page_read 4092 4) $(page_read 4096 4)" "1122a1a2 a3a47788"

step "What is refused, each with its own errno"
echo "   A hole in the address space:"
refuse ENXIO mem_read 0xa0000 16
echo "   Device memory (the local APIC):"
refuse ENXIO mem_read 0xfee00000 4
echo "   An address that the CPU cannot even have:"
refuse EOVERFLOW mem_read $((1 << 60)) 1
echo "   A page of the module itself, which is on the secure side:"
own=$(head -n 1 "$D/phys/owned" | cut -d - -f 1)
refuse EPERM mem_read "$own" 16
echo "   A write to the kernel's code; reading it is fine:"
text_pa=$(kernel_pa "$(sym schedule)")
refuse EROFS mem_write "$text_pa" cc
show mem_read "$text_pa" 16
echo "   A frame named twice in one pointer:"
span_twice() { exec 5<>"$D/phys/span" && echo "read 0 1 $p0 $p0" >&5; }
refuse EEXIST span_twice
exec 5>&-

step "A log ring in memory: a line wraps around the ring's end, while a reader follows"
R=$D/ring/demo
show eval "echo demo 1 ondemand >\$D/ring/new; ls \$D/ring/demo"
head -c 4070 /dev/zero | tr '\000' '.' >"$R/write"
cat "$R/stream" >/tmp/followed &
follower=$!
until [ "$(wc -c </tmp/followed)" = 4070 ]; do usleep 10000; done
echo "   A reader (process $follower) follows the ring; 4070 of its 4096 bytes are written. One more line:"
show eval "echo 'this line goes around the end of the ring' >\$D/ring/demo/write"
show cat "$R/state"
ring_pa=$(sed -n 's/^base: //p' "$R/state")
echo "   In memory, seen through phys/mem: the ring's last bytes, and its first:"
show xxd -s $((ring_pa + 4064)) -l 32 "$D/phys/mem"
show xxd -s $((ring_pa)) -l 32 "$D/phys/mem"
until [ "$(wc -c </tmp/followed)" -ge 4112 ]; do usleep 10000; done
expect "the reader has the line, whole, without asking for it" \
	same "$(tail -c 42 /tmp/followed)" "this line goes around the end of the ring"
expect "a snapshot begins with the oldest byte and ends with that line, too" \
	same "$(tail -c 42 "$R/snapshot") $(wc -c <"$R/snapshot")" "this line goes around the end of the ring 4096"
echo "   The ring's page cannot be written by an ordinary pointer while it lives:"
refuse EROFS mem_write "$ring_pa" 00
show eval "echo demo >\$D/ring/remove"
wait "$follower"
expect "the reader has come to its end, and the ring is gone" test ! -e "$R"
echo "   The module's own log is such a ring:"
show cat "$D/ring/log/snapshot"

step "Text patches: only those known beforehand, in the right order, at the right bytes, over the right pages"
echo "   A module in the role of VTL0 has a static key, and tells VTL1 where its branches may be patched, and to what."
show insmod /heki_client.ko
show eval "echo validate good >$C/command"
show eval "head -n 4 \$D/heki/patches"
site long
echo "   One of them is at $PA0: jump ($CODE) or no jump ($NOP). Now it holds $NOW, and the running code takes branch $BRANCH."
echo "   Three requests, as Linux patches a branch: INT3 at the first byte, all bytes but the first, the first byte."
show eval "echo $PA0 0 cc >\$D/heki/request"
show eval "echo $TAIL0 $TAIL1 $(tail_of "$CODE") >\$D/heki/request"
show eval "echo $PA0 0 $(head_of "$CODE") >\$D/heki/request"
expect "the running code takes the other branch now" same "$(site_now long)" "$CODE 1"
flip "$NOP"
expect "and after three more requests, the first one again" same "$(site_now long)" "$NOP 0"
echo "   The first byte without the INT3 before it:"
refuse EACCES request "$PA0" 0 "$(head_of "$CODE")"
echo "   INT3, then other bytes than the known ones:"
show request "$PA0" 0 cc
refuse EACCES request "$TAIL0" "$TAIL1" 90909090
echo "   The head of a jump for the tail of a NOP:"
refuse EACCES request "$PA0" 0 "$(head_of "$CODE")"
show request "$PA0" 0 "$(head_of "$NOP")"
echo "   A site that straddles two pages, and the physically next page instead of its own:"
site apart_1
show request "$PA0" 0 cc
refuse ENOENT request "$(printf '0x%x' $((PA0 + 1)))" 0 "$(tail_of "$CODE")"
show request "$PA0" 0 "$(head_of "$NOP")"
echo "   Code that nobody told of:"
refuse ENOENT request "$(kernel_pa "$(sym schedule)")" 0 cc
echo "   After the end of boot, nothing more becomes trusted; what is known can still be patched:"
show eval "echo 1 >\$D/heki/end_of_boot"
refuse EPERM put "$D/heki/load_kdata" 0x1000 1
site long
flip "$CODE" && flip "$NOP"
expect "the code is what it was" same "$(site_now long)" "$NOP 0"
show grep -v ': 0$' "$D/heki/verdicts"
show eval "echo unload >$C/command"
show rmmod heki_client
expect "its sites are forgotten" same "$(wc -l <"$D/heki/patches")" 0

step "Live mode: this kernel's own text patches go through HEKI"
echo "   From here on a write to any of the kernel's jump labels is a request: it is copied in, judged against"
echo "   the one instruction that is known for that place, and written by lvbs. Or refused."
show eval "echo mediate >\$D/heki/live; cat \$D/heki/live"
show eval "wc -l <\$D/heki/patches; head -n 3 \$D/heki/patches"
# The scheduler's counters, which stand still while that static key is off.
sched_counts() { awk '/^cpu/ { sum += $4 + $5 + $6 + $7 } END { print sum }' /proc/schedstat; }
counts_before=$(sched_counts)
since
show sysctl kernel.sched_schedstats=1
carried=$(grown accepted)
echo "   That one switch made the kernel patch itself $carried times, three writes a place:"
show grep '^live.*: [^0]' "$D/heki/verdicts"
expect "some hundred kernel text writes were carried by lvbs" [ "$carried" -gt 90 ]
expect "each of the three steps as often as the others" \
	same "$(grown accepted_guard_fits) $(grown accepted_tail_fits)" \
	"$(grown accepted_tail_fits) $(grown accepted_head_fits)"
expect "none was refused, none escaped" same "$(grown refused) $(grown live_missed)" "0 0"
sleep 1
expect "and the kernel runs the patched code: /proc/schedstat ($counts_before before) now counts" [ "$(sched_counts)" -gt 0 ]
show sysctl kernel.sched_schedstats=0
show eval "echo off >\$D/heki/live; cat \$D/heki/live"

step "Nothing is left: what was mapped is unmapped"
show cat "$D/phys/stats"
expect "one mapping is live, that of the log ring, and none was leaked" \
	same "$(grep -c -x -e 'live: 1' -e 'leaked: 0' "$D/phys/stats")" 2
pages_free
show rmmod lvbs
expect "the module is gone, and its files with it" test ! -e "$D"

demo_done
