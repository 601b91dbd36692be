#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# dump.sh   takes dumps out of the VM, reads them with gdb and drgn, and compares them with QEMU's own memory
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"
make_tmp
# shellcheck source=scripts/test/ktap.sh
. "$SCRIPTS/test/ktap.sh"

"$SCRIPTS/packages.sh" readers
core=$tmp/core
memory=$tmp/memory

# Prints where things are, as "KEY PA SIZE VA".
cat >"$tmp/take.sh" <<'END'
. /lib.sh
. /kernel.sh
# The kernel may move the page when memory is short: then its address says nothing.
while :; do
	page_new
	# It holds what no other page does.
	page_write 0 "$(printf '%016x' $((PA)))"
	sh /dump.sh --format elf /dev/nvme0n1 2>/tmp/messages
	[ "$(page_pfn "$PAGE_PID" "$PAGE_VA")" != "$PFN" ] || break
done
area() {
	echo "$1 $(kernel_pa "$(sym "$2")") $(($(sym "$3") - $(sym "$2"))) $(sym "$2")"
}
echo "page $PA 4096 -"
area text _stext _etext
area rodata __start_rodata __end_rodata
echo "banner $(kernel_pa "$(sym linux_banner)") $(wc -c </proc/version) $(sym linux_banner)"
cat /proc/version
cat /tmp/messages
END

take() {
	truncate -s 384M "$core"
	LVBS_VM_MEMFILE=$memory "$SCRIPTS/vm.sh" --mem 256 --disk "$core" --add "$SCRIPTS/dump.sh" "$tmp/take.sh" |
		tr -d '\r' >"$tmp/out" || return
	truncate -s "$(sed -n 's/^dump.sh: \([0-9]*\) bytes .*/\1/p' "$tmp/out")" "$core"
}

# value KEY FIELD: from what the guest printed.
value() {
	awk -v key="$1" -v field="$2" '$1 == key { print $field }' "$tmp/out"
}

# /usr/bin/python3 is the one that Debian's modules are for.
drgn() {
	/usr/bin/python3 -c "
import drgn, sys
program = drgn.Program()
program.set_core_dump(sys.argv[1])
assert program.flags & drgn.ProgramFlags.IS_LINUX_KERNEL
$1" "$core" "$2" "$3"
}

gdb_banner() {
	gdb -nx -batch -ex "core-file $core" -ex "printf \"%s\", (char *)$(value banner 4)"
}

# same KEY: the area is the same in the dump, by drgn, and in QEMU's memory.
same() {
	drgn 'sys.stdout.buffer.write(program.read(int(sys.argv[2], 0), int(sys.argv[3]), True))' \
		"$(value "$1" 2)" "$(value "$1" 3)" >"$tmp/dumped" || return
	dd if="$memory" bs=1M iflag=skip_bytes,count_bytes skip=$(($(value "$1" 2))) count="$(value "$1" 3)" \
		status=none >"$tmp/qemu"
	test -s "$tmp/qemu" && cmp "$tmp/dumped" "$tmp/qemu"
}

# lime_is_whole FILE: the headers lead from one to the next and to the end, in the order of addresses.
lime_is_whole() {
	lime_at=0
	lime_last=-1
	while test "$lime_at" -lt "$(wc -c <"$1")"; do
		# shellcheck disable=SC2046 # numbers
		set -- "$1" $(od -A n -t d8 -w32 -j "$lime_at" -N 32 "$1")
		# 1, and "LiME"
		test "$2" = $((0x14c694d45)) && test "$3" -gt "$lime_last" && test "$4" -gt "$3" && test "$5" = 0 || return
		lime_at=$((lime_at + 32 + $4 - $3 + 1))
		lime_last=$4
	done
	test "$lime_at" = "$(wc -c <"$1")" && test "$lime_at" -gt $((64 << 20))
}

t_ok "ELF core from the VM" take
version=$(sed -n '/^Linux version /p' "$tmp/out")
t_is "$(gdb_banner 2>/dev/null | grep '^Linux version ')" "$version" "gdb finds the banner"
t_is "$(drgn 'print(program.read(int(sys.argv[2], 0), int(sys.argv[3])).decode(), end="")' "$(value banner 4)" \
	"$(value banner 3)")" "$version" "drgn finds the banner"
for area in page text rodata; do
	t_ok "$area is that of QEMU's memory" same $area
done
rm -f "$memory" "$core"
t_ok "dump.sh --vm" "$SCRIPTS/dump.sh" --vm --mem 256 "$tmp/lime"
t_ok "it leaves a LiME file" lime_is_whole "$tmp/lime"
t_done
