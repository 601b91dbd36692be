# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# A kernel that UEFI booted: System RAM is split where the kernel keeps what the firmware handed over, not only at pages.
#
# kernels: none
# full: stock rt next
# vm: --uefi
# shellcheck source=scripts/guest/lib.sh
. /lib.sh
# shellcheck source=scripts/guest/kernel.sh
. /kernel.sh

t_ok booted_by_uefi [ -d /sys/firmware/efi ]
iomem_ranges "System RAM" >/tmp/ranges
t_ok a_range_starts_within_a_page grep -q -v '000 ' /tmp/ranges

# readable START END: a byte at each end, and across the end if the next range adjoins.
readable() {
	mem_read "0x$1" 1 && mem_read "0x$2" 1 &&
		{ ! grep -q "^$(printf %x $((0x$2 + 1))) " /tmp/ranges || mem_read "0x$2" 2; }
}

while read -r start end; do
	t_ok "both_ends_of_$start-$end" readable "$start" "$end"
done </tmp/ranges
t_is "$(cat "$D/phys/ram")" "$(iomem_ram)" ram_matches_iomem

# The first such range is setup data, after a header of 16 bytes; sysfs has it as well. /proc/kcore leaves out such pages.
read -r start end <<-END
	$(grep -v '000 ' /tmp/ranges | head -n 1)
END
data=/sys/kernel/boot_params/setup_data/0/data
t_is $((0x$end + 1 - 0x$start - 16)) "$(stat -c %s $data)" the_range_is_setup_data
t_is "$(mem_read $((0x$start + 16)) 32)" "$(head -c 32 $data | xxd -p | tr -d '\n')" its_first_bytes
t_is "$(mem_read $((0x$end - 31)) 32)" "$(tail -c 32 $data | xxd -p | tr -d '\n')" its_last_bytes
t_done
