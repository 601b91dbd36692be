# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# NMIs write to a persistent ring while threads write to it.
#
# kernels: stock
# full: debug rt
# modules: ring_nmi
# shellcheck source=scripts/guest/lib.sh
. /lib.sh

result() {
	cat "/sys/module/ring_nmi/parameters/$1"
}

put "$D/ring/new" nmi 2048 persistent
# Threads wait for the lock, so only NMIs lose records.
t_ok test_module_ran insmod /ring_nmi.ko
echo "threads: $(result written) written, $(result lost) lost; NMIs: $(result nmi_written) written, $(result nmi_lost) lost"
t_is "$(result failed)" 0 no_write_failed
t_is "$(result lost)" 0 no_thread_lost_a_record
t_ok nmi_wrote_records [ "$(result nmi_written)" -gt 0 ]
t_is "$(sed -n 's/^lost: //p' "$D/ring/nmi/state")" "$(result nmi_lost)" state_counts_lost_records
t_is "$(sed -n 's/^failed: //p' "$D/ring/nmi/state")" 0 state_counts_no_failure
awk '
	/^in an NMI$/ { nmi++; next }
	/^a+$/ || /^b+$/ { if (length($0) == 5999) thread++; else bad++; next }
	{ bad++ }
	END { print bad + 0, thread + 0, nmi + 0 }' "$D/ring/nmi/snapshot" >/tmp/records
t_is "$(cat /tmp/records)" "0 $(result written) $(result nmi_written)" no_record_is_torn
t_done
