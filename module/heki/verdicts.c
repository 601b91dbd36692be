// SPDX-License-Identifier: GPL-2.0
/*
 * Counters of requests, by step and reason.
 */
#include <linux/atomic.h>
#include <linux/seq_file.h>

#include "heki/heki.h"

static atomic64_t verdicts[HEKI_STEP_NR][HEKI_REASON_NR];

/* Any context. */
void heki_verdict_count(const struct heki_verdict *verdict)
{
	atomic64_inc(&verdicts[verdict->step][verdict->reason]);
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

/* Prints the counters, one "key: value" per line. */
void heki_verdicts_show(struct seq_file *m)
{
	int step, reason;

	seq_printf(m, "accepted: %lld\n", verdicts_total(true));
	seq_printf(m, "refused: %lld\n", verdicts_total(false));
	for (step = 0; step < HEKI_STEP_NR; step++) {
		for (reason = 0; reason < HEKI_REASON_NR; reason++) {
			s64 n = atomic64_read(&verdicts[step][reason]);

			/* Most combinations cannot occur. */
			if (!n)
				continue;
			seq_printf(m, "%s_%s_%s: %lld\n",
				   reason_accepts(reason) ? "accepted" :
							    "refused",
				   heki_step_name(step),
				   heki_reason_name(reason), n);
		}
	}
}
