/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The accounts of HEKI: each request once, by step and reason; each text write
 * that live mode saw once, by kind.
 */
#ifndef _LVBS_HEKI_VERDICTS_H
#define _LVBS_HEKI_VERDICTS_H

#include <linux/types.h>

#include "heki/validate.h"

struct seq_file;

/**
 * enum heki_live_kind - whose a text write of the live kernel is
 * @HEKI_LIVE_SITE: a known site's
 * @HEKI_LIVE_FTRACE: the function tracer's
 * @HEKI_LIVE_STATIC_CALL: a static call's
 * @HEKI_LIVE_KPROBE: a kprobe's
 * @HEKI_LIVE_ALTERNATIVE: an alternative's, at run time
 * @HEKI_LIVE_BPF: generated code's
 * @HEKI_LIVE_VTL1: this module's own, as when its tracepoints are switched
 * @HEKI_LIVE_OTHER: none of these
 * @HEKI_LIVE_NR: number of kinds
 */
enum heki_live_kind {
	HEKI_LIVE_SITE,
	HEKI_LIVE_FTRACE,
	HEKI_LIVE_STATIC_CALL,
	HEKI_LIVE_KPROBE,
	HEKI_LIVE_ALTERNATIVE,
	HEKI_LIVE_BPF,
	HEKI_LIVE_VTL1,
	HEKI_LIVE_OTHER,
	HEKI_LIVE_NR
};

/**
 * heki_verdict_count() - account for a request
 * @verdict: the verdict
 *
 * Context: Any.
 */
void heki_verdict_count(const struct heki_verdict *verdict);

/**
 * heki_live_count() - account for a text write that live mode saw
 * @kind: whose it is
 *
 * Context: Any.
 */
void heki_live_count(enum heki_live_kind kind);

/**
 * heki_live_count_refused() - account for a live write that HEKI refused, or,
 * in audit, would have refused
 *
 * Context: Any.
 */
void heki_live_count_refused(void);

/**
 * heki_verdicts_show() - print the accounts, "key: value" a line
 * @m: where to
 *
 * Context: May sleep.
 */
void heki_verdicts_show(struct seq_file *m);

#endif /* _LVBS_HEKI_VERDICTS_H */
