# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# heki/verify on a kernel that booted with one CPU, and gets another: lock prefixes are switched.
#
# kernels: none
# full: stock
# vm: --append maxcpus=1
# modules: attacker
# shellcheck source=scripts/guest/lib.sh
. /lib.sh
# shellcheck source=scripts/guest/kernel.sh
. /kernel.sh

CPU1=/sys/devices/system/cpu/cpu1/online

# total KEY
total() { awk -v key="$1:" '$1 == key { print $2 }' "$D/heki/verify"; }
write_to() { echo "$2" >"$1"; }

t_is "$(total unknown)" 0 one_cpu
t_ok second_cpu write_to $CPU1 1
t_is "$(total unknown)" 0 two_cpus
t_ok locks_switched test "$(total alternative)" -gt 1000
insmod /attacker.ko
code=$(printf 0x%x $(($(sym vfs_fsync) + 8)))
now=$(kcore_read "$code" 1)
echo "$code f0 alias" >/sys/kernel/debug/attacker/write
t_is "$(total unknown)" 1 lock_prefix_where_there_is_none
echo "$code $now alias" >/sys/kernel/debug/attacker/write
t_is "$(total unknown)" 0 restored
rmmod attacker
t_done
