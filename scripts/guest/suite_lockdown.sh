# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Kernel lockdown: debugfs files that read or write memory cannot be opened.
#
# kernels: first
# full: debug
# last: the kernel stays locked down
#
# shellcheck source=scripts/guest/lib.sh
. /lib.sh

mount -t securityfs securityfs /sys/kernel/security
L=/sys/kernel/security/lockdown

open_read() { dd if="$1" of=/dev/null bs=1 count=0; }
open_write() { dd if=/dev/null of="$1" bs=1 count=0 conv=notrunc; }

t_ok none_read open_read "$D/phys/mem"
t_ok none_write open_write "$D/phys/mem"

echo integrity >$L
t_fails EPERM integrity_write open_write "$D/phys/mem"
t_fails EPERM integrity_span sh -c "exec 5<>$D/phys/span"
t_ok integrity_stats cat "$D/phys/stats"

echo confidentiality >$L
t_fails EPERM confidentiality_read open_read "$D/phys/mem"
t_fails EPERM confidentiality_write open_write "$D/phys/mem"
t_fails EPERM confidentiality_span sh -c "exec 5<>$D/phys/span"
t_ok confidentiality_stats cat "$D/phys/stats"
t_ok rmmod rmmod lvbs
t_done
