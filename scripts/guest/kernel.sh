# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# The kernel's own view of addresses and memory, independent of lvbs.

# sym NAME: print the address of a kernel symbol.
sym() {
	awk -v name="$1" '$3 == name { print "0x" $1; exit }' /proc/kallsyms
}

# iomem_start NAME: print the first address of a resource in /proc/iomem.
iomem_start() {
	awk -F '[ :-]+' -v name="$1" '{
		line = $0
		sub(/.* : /, "", line)
		sub(/^ +/, "")
		if (line == name) { split($0, part, "-"); print "0x" part[1]; exit }
	}' /proc/iomem
}

# iomem_ranges NAME: print the ranges of a resource that is in no other one, as "START END" in hex digits.
iomem_ranges() {
	sed -n "s/^0*\\([0-9a-f]*\\)-0*\\([0-9a-f]*\\) : $1$/\\1 \\2/p" /proc/iomem
}

# iomem_ram: print the whole pages of System RAM in the format of phys/ram. Ranges that adjoin are one.
iomem_ram() {
	iomem_from=0
	iomem_to=-1
	{ iomem_ranges "System RAM" && echo 0 0; } | while read -r iomem_start iomem_end; do
		if [ $((0x$iomem_start)) != $((iomem_to + 1)) ]; then
			iomem_first=$(((iomem_from + 4095) & ~4095))
			iomem_last=$(((iomem_to + 1) / 4096 * 4096 - 1))
			[ $iomem_first -gt $iomem_last ] || printf '0x%x-0x%x\n' $iomem_first $iomem_last
			iomem_from=$((0x$iomem_start))
		fi
		iomem_to=$((0x$iomem_end))
	done
}

# kernel_pa VA: print the physical address of VA, which is in the kernel image.
kernel_pa() {
	printf '0x%x\n' $(($(iomem_start "Kernel code") + $1 - $(sym _stext)))
}

# banner: print the address of the kernel's banner. It has no symbol where only those of text are known.
banner() {
	banner_va=$(sym linux_banner)
	[ -n "$banner_va" ] || banner_va=$(printf '0x%x' $(($(sym _etext) + $(dd if="$D/phys/mem" bs=65536 count=256 \
		skip=$(($(kernel_pa "$(sym _etext)"))) iflag=skip_bytes status=none | strings -t d |
		awk '/Linux version [0-9]/ { print $1; exit }'))))
	echo "$banner_va"
}

# rodata_pa: print the physical address of the kernel's read-only data. arm64 has no resource for it.
rodata_pa() {
	rodata_start=$(iomem_start "Kernel rodata")
	echo "${rodata_start:-$(kernel_pa "$(sym _etext)")}"
}

# on_x86: is this x86-64, with its memory map, local windows and live mode?
on_x86() {
	[ "$(uname -m)" = x86_64 ]
}

# orphans: print the number of vmalloc mappings whose caller is no longer loaded; these show a bare address.
orphans() {
	awk '$3 ~ /^0x/ { n++ } END { print n + 0 }' /proc/vmallocinfo
}

# kcore_read VA LEN: print kernel memory as hex digits, read through /proc/kcore. This is an ELF core file,
# whose program headers (56 bytes each, from byte 64 on) map addresses to file offsets.
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

# direct_va PA: the address in the direct map. Needs lvbs, and a suite's mem_read.
direct_va() {
	direct_base=
	for direct_byte in $(mem_read "$(kernel_pa "$(sym page_offset_base)")" 8 | sed 's/../& /g'); do
		direct_base=$direct_byte$direct_base
	done
	printf '0x%x\n' $((0x$direct_base + $1))
}
