/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The validator: may this text patch be applied to this site now?
 */
#ifndef _LVBS_HEKI_VALIDATE_H
#define _LVBS_HEKI_VALIDATE_H

#include <linux/types.h>

#include "heki/wire.h"

/**
 * DOC: the three steps of a patch
 *
 * A site of n bytes holds its instruction C, or N, the NOP of that length. N
 * exists for n = 2 and n = 5; sites of other lengths hold C only. Linux changes
 * one into the other in three steps, so that no core executes a mix of both,
 * and each step is a separate request:
 *
 * ==== ================== ================= ===============================
 * step bytes              written at        accepted iff the site now holds
 * ==== ================== ================= ===============================
 * 1    INT3 (0xCC)        the first byte    C or N; or INT3 and the tail of
 *                                           either: a retry, nothing written
 * 2    tail of C or N     the second byte   INT3 and the tail of either
 * 3    first byte         the first byte    INT3 and a tail that the byte
 *                                           completes to exactly C or N
 * ==== ================== ================= ===============================
 *
 * Invariant: whatever VTL0 requests, in any order, a site holds C, N, or INT3
 * and the tail of either. The validator keeps no state between requests. The
 * current contents are the only state, and an incomplete patch can always be
 * completed or reverted.
 *
 * The second byte of a straddling site may be the first byte of its second
 * page. Only the site identifies that page: the physically next page is
 * unrelated memory. A step 2 request that straddles must name the site's second
 * page; one that does not straddle must name none.
 *
 * A site of one byte has no tail and thus no step 2: steps 1 and 3 replace its
 * byte with INT3 and restore it. If C begins with INT3, C itself satisfies the
 * precondition of steps 2 and 3; the table holds without an exception.
 */

/**
 * enum heki_step - the step that a request is
 * @HEKI_STEP_NONE: not recognisable as a step
 * @HEKI_STEP_GUARD: step 1, INT3 at the first byte
 * @HEKI_STEP_TAIL: step 2, all bytes but the first
 * @HEKI_STEP_HEAD: step 3, the first byte
 * @HEKI_STEP_NR: number of values
 */
enum heki_step {
	HEKI_STEP_NONE,
	HEKI_STEP_GUARD,
	HEKI_STEP_TAIL,
	HEKI_STEP_HEAD,
	HEKI_STEP_NR
};

/**
 * enum heki_reason - why a request was accepted or refused
 * @HEKI_REASON_FITS: accepted
 * @HEKI_REASON_RETRY: accepted; the site already holds the requested byte, and
 *	nothing is written (step 1 only)
 * @HEKI_REASON_MALFORMED: the site is malformed; used in statistics for
 *	requests that are malformed or cannot be read, too
 * @HEKI_REASON_NO_SITE: no known site at the address
 * @HEKI_REASON_ADDRESS: starts inside the site, after its second byte
 * @HEKI_REASON_SIZE: wrong size for the step
 * @HEKI_REASON_PAGE: names a second page other than the site's, or names one
 *	without straddling
 * @HEKI_REASON_BYTES: bytes of neither C nor N
 * @HEKI_REASON_MIX: first byte of one of C and N, current tail of the other
 * @HEKI_REASON_UNGUARDED: step 2 or 3 without INT3 at the first byte
 * @HEKI_REASON_FOREIGN: current contents are not a state of the site
 * @HEKI_REASON_UNREACHABLE: the site could not be mapped; used in statistics
 *	only
 * @HEKI_REASON_LIVE: the site belongs to live mode, the request does not; used
 *	in statistics only
 * @HEKI_REASON_NR: number of values
 */
enum heki_reason {
	HEKI_REASON_FITS,
	HEKI_REASON_RETRY,
	HEKI_REASON_MALFORMED,
	HEKI_REASON_NO_SITE,
	HEKI_REASON_ADDRESS,
	HEKI_REASON_SIZE,
	HEKI_REASON_PAGE,
	HEKI_REASON_BYTES,
	HEKI_REASON_MIX,
	HEKI_REASON_UNGUARDED,
	HEKI_REASON_FOREIGN,
	HEKI_REASON_UNREACHABLE,
	HEKI_REASON_LIVE,
	HEKI_REASON_NR
};

struct heki_verdict {
	enum heki_step step;	/* of refused requests too, if recognised */
	enum heki_reason reason;
	bool accepted;
	bool nothing_to_write;	/* accepted, and the site holds it already */
};

/*
 * An accepted request. The type is opaque and only validate.c creates values of
 * it: code that writes text takes this type, so an unvalidated write does not
 * compile.
 */
struct heki_checked_patch;

/* Applies @patch, which is valid only until the function returns. */
typedef int heki_apply_fn(const struct heki_checked_patch *patch, void *ctx);

int heki_check_patch(const struct heki_site *site, const u8 *cur,
		     const struct heki_request *request,
		     struct heki_verdict *verdict,
		     heki_apply_fn *apply, void *ctx);
phys_addr_t heki_checked_pa(const struct heki_checked_patch *patch,
			    unsigned int page);
unsigned int heki_checked_size(const struct heki_checked_patch *patch);
const u8 *heki_checked_bytes(const struct heki_checked_patch *patch);
bool heki_checked_nothing_to_write(const struct heki_checked_patch *patch);

phys_addr_t heki_site_tail(const struct heki_site *site);
const u8 *heki_nop(unsigned int size);
const char *heki_step_name(enum heki_step step);
const char *heki_reason_name(enum heki_reason reason);

#endif /* _LVBS_HEKI_VALIDATE_H */
