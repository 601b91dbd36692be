/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LVBS_HEKI_APPLY_H
#define _LVBS_HEKI_APPLY_H

#include "heki/validate.h"

/**
 * heki_apply() - judge a request, and do it if it is accepted
 * @request: the request, well-formed
 * @live: made by live mode, which alone may patch the running kernel's sites
 * @verdict: filled with the verdict
 *
 * Reading what stands there, judging and writing are one under the site's lock.
 * Other cores may execute the old bytes until heki_sync_cores().
 *
 * Context: As heki_text_open().
 * Return: 0; -ENOENT if no site is known there; -EACCES if the request does not
 * fit; -EBUSY if the site belongs to live mode; -EFAULT if the bytes could not be read, written, or read back as
 * written; what heki_text_open() returned.
 */
int heki_apply(const struct heki_request *request, bool live,
	       struct heki_verdict *verdict);

/**
 * heki_sync_cores() - make every core fetch patched text anew
 *
 * A core must serialise before it executes code that another one changed
 * (Intel SDM 3A, 9.1.3); Linux does this itself around its own patches.
 *
 * Context: May sleep.
 */
void heki_sync_cores(void);

#endif /* _LVBS_HEKI_APPLY_H */
