# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# Tests the helpers in lib.sh that the other suites use.
# kernels: stock
# full: debug clang
# shellcheck source=scripts/guest/lib.sh
. /lib.sh

t_ok module_is_loaded grep -q '^lvbs ' /proc/modules
t_ok debugfs_directory_exists test -d "$D"
t_fails EINVAL write_errno_is_reported put /proc/sys/kernel/panic not-a-number
t_fails ENOENT open_errno_is_reported cat "$D/no-such-file"
t_fails EEXIST insmod_errno_is_reported insmod /lvbs.ko

t_ok page_new page_new 3
# shellcheck disable=SC2086 # a list of numbers
t_is "$(set -- $PFNS && echo $#)" 3 page_new_count
# shellcheck disable=SC2086 # a list of numbers
t_is "$(printf '%s\n' $PFNS | sort -u | wc -l | tr -d ' ')" 3 page_new_frames_differ
t_is "$(page_read 0x1ffe 4)" 5a5a5a5a page_new_fill
t_ok page_write_across_pages page_write 4095 0001ff
t_is "$(page_read 4094 5)" 5a0001ff5a page_read_across_pages
ram=$(awk -v pa=$((PFN * 4096)) -F '[ :-]+' '/System RAM/ && !/^ / { print $1, $2 }' /proc/iomem | while read -r start end; do
	[ $((0x$start)) -le $((PA)) ] && [ $((0x$end)) -gt $((PA)) ] && echo yes
done)
t_is "$ram" yes page_is_ram_in_iomem
t_done
