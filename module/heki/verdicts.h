/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters of HEKI: each request once, by step and reason.
 */
#ifndef _LVBS_HEKI_VERDICTS_H
#define _LVBS_HEKI_VERDICTS_H

#include <linux/types.h>

#include "heki/validate.h"

struct seq_file;

/**
 * heki_verdict_count() - count a request
 * @verdict: the verdict
 *
 * Context: Any.
 */
void heki_verdict_count(const struct heki_verdict *verdict);

/**
 * heki_verdicts_show() - print the counters, "key: value" a line
 * @m: where to
 *
 * Context: May sleep.
 */
void heki_verdicts_show(struct seq_file *m);

#endif /* _LVBS_HEKI_VERDICTS_H */
