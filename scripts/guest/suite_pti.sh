# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# A kernel with page table isolation, where the gaps between kernel sections are unmapped.
#
# kernels: stock
# full: debug
# vm: --append pti=on
# shellcheck source=scripts/guest/lib.sh
. /lib.sh
# shellcheck source=scripts/guest/kernel.sh
. /kernel.sh

dmesg | grep -q 'page tables isolation: enabled' || t_fail isolation_enabled "boot log does not report page table isolation"
t_is "$(grep -c 'kernel rodata' "$D/phys/protected")" 1 rodata_is_protected
t_is "$(awk '/kernel rodata/ { print $1 }' "$D/phys/protected")" \
	"$(sed -n 's/^ *\([0-9a-f]*\)-\([0-9a-f]*\) : Kernel rodata$/0x\1-0x\2/p' /proc/iomem | sed 's/x0*/x/g')" rodata_start_matches_iomem
t_ok live_mode put "$D/heki/live" mediate
t_ok rmmod rmmod lvbs
t_done
