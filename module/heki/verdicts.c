// SPDX-License-Identifier: GPL-2.0
/*
 * The accounts of HEKI.
 */
#include <linux/atomic.h>
#include <linux/seq_file.h>

#include "live/live.h"
#include "heki/verdicts.h"

static atomic64_t verdicts[HEKI_STEP_NR][HEKI_REASON_NR];
static atomic64_t live[HEKI_LIVE_NR];
static atomic64_t live_refused;

static const char * const kind_names[HEKI_LIVE_NR] = {
	[HEKI_LIVE_SITE] = "site",
	[HEKI_LIVE_FTRACE] = "ftrace",
	[HEKI_LIVE_STATIC_CALL] = "static_call",
	[HEKI_LIVE_KPROBE] = "kprobe",
	[HEKI_LIVE_ALTERNATIVE] = "alternative",
	[HEKI_LIVE_BPF] = "bpf",
	[HEKI_LIVE_VTL1] = "vtl1",
	[HEKI_LIVE_OTHER] = "other",
};

void heki_verdict_count(const struct heki_verdict *verdict)
{
	atomic64_inc(&verdicts[verdict->step][verdict->reason]);
}

void heki_live_count(enum heki_live_kind kind)
{
	atomic64_inc(&live[kind]);
}

void heki_live_count_refused(void)
{
	atomic64_inc(&live_refused);
}

static bool reason_accepts(enum heki_reason reason)
{
	return reason == HEKI_REASON_FITS || reason == HEKI_REASON_RETRY;
}

static s64 verdicts_total(bool accepted)
{
	s64 total = 0;
	int step, reason;

	for (step = 0; step < HEKI_STEP_NR; step++)
		for (reason = 0; reason < HEKI_REASON_NR; reason++)
			if (reason_accepts(reason) == accepted)
				total += atomic64_read(&verdicts[step][reason]);
	return total;
}

void heki_verdicts_show(struct seq_file *m)
{
	int step, reason, kind;

	seq_printf(m, "accepted: %lld\n", verdicts_total(true));
	seq_printf(m, "refused: %lld\n", verdicts_total(false));
	for (step = 0; step < HEKI_STEP_NR; step++) {
		for (reason = 0; reason < HEKI_REASON_NR; reason++) {
			s64 n = atomic64_read(&verdicts[step][reason]);

			/* Most of the table can never be anything but 0. */
			if (!n)
				continue;
			seq_printf(m, "%s_%s_%s: %lld\n",
				   reason_accepts(reason) ? "accepted" :
							    "refused",
				   heki_step_name(step),
				   heki_reason_name(reason), n);
		}
	}
	for (kind = 0; kind < HEKI_LIVE_NR; kind++)
		seq_printf(m, "live_%s: %lld\n", kind_names[kind],
			   atomic64_read(&live[kind]));
	seq_printf(m, "live_refused: %lld\n", atomic64_read(&live_refused));
	seq_printf(m, "live_missed: %lu\n", heki_live_missed());
}
