# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# A persistent ring, written by NMIs that come while threads write to it.
#
# kernels: 6.1 6.12 6.1-debug
# modules: ring_nmi
# shellcheck source=scripts/guest/lib.sh
. /lib.sh

came_of() {
	cat "/sys/module/ring_nmi/parameters/$1"
}

put "$D/ring/new" nmi 2048 persistent
# Threads that find the lock taken wait, so that only NMIs lose.
t_ok written insmod /ring_nmi.ko
echo "threads: $(came_of written) written, $(came_of lost) lost; NMIs: $(came_of nmi_written) written, $(came_of nmi_lost) lost"
t_is "$(came_of failed)" 0 nothing_failed
t_is "$(came_of lost)" 0 threads_lose_nothing
t_ok nmis_wrote [ "$(came_of nmi_written)" -gt 0 ]
t_is "$(sed -n 's/^lost: //p' "$D/ring/nmi/state")" "$(came_of nmi_lost)" the_ring_counts_what_nmis_lost
t_is "$(sed -n 's/^failed: //p' "$D/ring/nmi/state")" 0 the_ring_counts_no_failure
awk '
	/^in an NMI$/ { nmi++; next }
	/^a+$/ || /^b+$/ { if (length($0) == 5999) thread++; else bad++; next }
	{ bad++ }
	END { print bad + 0, thread + 0, nmi + 0 }' "$D/ring/nmi/snapshot" >/tmp/records
t_is "$(cat /tmp/records)" "0 $(came_of written) $(came_of nmi_written)" every_record_is_whole
t_done
