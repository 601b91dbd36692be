# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What the kernel says of itself, without our help: the independent road to the same bytes.

# sym NAME: address of a kernel symbol.
sym() {
	awk -v name="$1" '$3 == name { print "0x" $1; exit }' /proc/kallsyms
}

# iomem_start NAME: first address of a resource.
iomem_start() {
	awk -F '[ :-]+' -v name="$1" '{
		line = $0
		sub(/.* : /, "", line)
		sub(/^ +/, "")
		if (line == name) { split($0, part, "-"); print "0x" part[1]; exit }
	}' /proc/iomem
}

# kernel_pa VA: physical address of a place in the kernel's image.
kernel_pa() {
	printf '0x%x\n' $(($(iomem_start "Kernel code") + $1 - $(sym _text)))
}

# kcore_read VA LEN: kernel memory through /proc/kcore, as hex digits. An ELF core file: the program
# headers (56 bytes each, from byte 64 on) say where in the file an address is.
kcore_read() {
	kcore_at=$(dd if=/proc/kcore bs=4096 count=1 status=none | od -A n -v -t x8 -w8 | {
		kcore_word=0
		while read -r kcore_value; do
			kcore_field=$(((kcore_word - 8) % 7))
			if [ $kcore_word -ge 8 ]; then
				case $kcore_field in
				0) kcore_load=$(((0x$kcore_value & 0xffffffff) == 1)) ;;
				1) kcore_offset=$((0x$kcore_value)) ;;
				2) kcore_vaddr=$((0x$kcore_value)) ;;
				5) if [ "$kcore_load" = 1 ] && [ $(($1 - kcore_vaddr)) -ge 0 ] &&
					[ $(($1 - kcore_vaddr)) -lt $((0x$kcore_value)) ]; then
					echo $((kcore_offset + $1 - kcore_vaddr))
					break
				fi ;;
				esac
			fi
			kcore_word=$((kcore_word + 1))
		done
	})
	[ -n "$kcore_at" ] || return 1
	dd if=/proc/kcore bs=$(($2)) skip="$kcore_at" count=1 iflag=skip_bytes status=none |
		xxd -p | tr -d '\n'
}
