# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# Checks the helpers that the other suites stand on.
# kernels: 6.1 6.12 6.1-debug
# shellcheck source=scripts/guest/lib.sh
. /lib.sh

t_ok "the module is loaded" grep -q '^lvbs ' /proc/modules
t_ok "its debugfs folder is there" test -d "$D"
t_fails EINVAL "a write's errno is seen" put /proc/sys/kernel/panic not-a-number
t_fails ENOENT "a missing file's errno is seen" cat "$D/no-such-file"
t_fails EEXIST "a second load's errno is seen" insmod /lvbs.ko

t_ok "pages can be made" page_new 3
# shellcheck disable=SC2086 # a list of numbers
t_is "$(set -- $PFNS && echo $#)" 3 "as many as asked for"
# shellcheck disable=SC2086 # a list of numbers
t_is "$(printf '%s\n' $PFNS | sort -u | wc -l | tr -d ' ')" 3 "all of them different"
t_is "$(page_read 0x1ffe 4)" 5a5a5a5a "they start out filled"
t_ok "the owner can write" page_write 4095 0001ff
t_is "$(page_read 4094 5)" 5a0001ff5a "and read across pages"
ram=$(awk -v pa=$((PFN * 4096)) -F '[ :-]+' '/System RAM/ && !/^ / { print $1, $2 }' /proc/iomem | while read -r start end; do
	[ $((0x$start)) -le $((PA)) ] && [ $((0x$end)) -gt $((PA)) ] && echo yes
done)
t_is "$ram" yes "a page lies in RAM by /proc/iomem"
t_done
