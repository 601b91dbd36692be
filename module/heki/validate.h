/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The judge of text patches: may this be written, there, now?
 */
#ifndef _LVBS_HEKI_VALIDATE_H
#define _LVBS_HEKI_VALIDATE_H

#include <linux/types.h>

#include "heki/wire.h"

/**
 * DOC: the three steps of a patch
 *
 * A site of n bytes holds its instruction C, or N, the NOP of that length. N
 * exists for n = 2 and n = 5 only; at other sites only C may ever stand. Linux
 * goes from one to the other in three rounds, so that no core executes half an
 * instruction, and each round is a request of its own:
 *
 * ==== ================== ================= ===============================
 * step bytes              written at        accepted iff the site now holds
 * ==== ================== ================= ===============================
 * 1    INT3 (0xCC)        the first byte    C or N; or INT3 and the tail of
 *                                           either: then nothing is written
 * 2    tail of C or N     the second byte   INT3 and the tail of either
 * 3    first byte         the first byte    INT3 and a tail that the byte
 *                                           completes to exactly C or N
 * ==== ================== ================= ===============================
 *
 * So whatever VTL0 asks for and in whatever order, a site holds C, N, or INT3
 * and the tail of either. Nothing is remembered between requests: what stands
 * there is all the state there is, and a switch that was given up half way can
 * be finished or undone.
 *
 * The second byte of a straddling site may be the first of its second page.
 * Which page that is only the site knows; the physically next page is somebody
 * else's memory. A second step that straddles must name that page itself, one
 * that does not must name none.
 *
 * A site of one byte has no tail: step 2 does not exist there, and steps 1 and
 * 3 put an INT3 in place of its only byte and back. An instruction C that
 * begins with INT3 needs no exception to the table: it reads as guarded at all
 * times.
 */

/**
 * enum heki_step - which step of a patch a request is
 * @HEKI_STEP_NONE: none, it does not even look like one
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
 * @HEKI_REASON_RETRY: accepted; what it asks for stands there, so that nothing
 *	is to be written (step 1 only)
 * @HEKI_REASON_MALFORMED: no valid request, or none could be read; for the
 *	accounts of those who decode requests, and for a malformed site
 * @HEKI_REASON_NO_SITE: no site is known there
 * @HEKI_REASON_ADDRESS: starts within the site, beyond its second byte
 * @HEKI_REASON_SIZE: too long or too short for where it starts
 * @HEKI_REASON_PAGE: names another second page than the site's, or one without
 *	straddling
 * @HEKI_REASON_BYTES: the bytes are in neither C nor N
 * @HEKI_REASON_MIX: the byte belongs to C or N, the tail there to the other
 * @HEKI_REASON_UNGUARDED: step 2 or 3 without INT3 at the first byte
 * @HEKI_REASON_FOREIGN: what stands there is neither C, N nor a step on the way
 *	between them
 * @HEKI_REASON_UNREACHABLE: the site could not be mapped; for the accounts of
 *	those who apply
 * @HEKI_REASON_LIVE: the site belongs to live mode, the request does not; for the
 *	counters of those who apply
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

/**
 * struct heki_verdict - what the judge says
 * @step: the step that the request is, or tries to be
 * @reason: why
 * @accepted: may it be written?
 * @nothing_to_write: accepted, and there already
 */
struct heki_verdict {
	enum heki_step step;
	enum heki_reason reason;
	bool accepted;
	bool nothing_to_write;
};

/*
 * A request that was accepted. Only heki_validate.c knows what is inside, so
 * that only it can make one: who writes text asks for this type, and has
 * nothing else to put there.
 */
struct heki_checked_patch;

/**
 * typedef heki_apply_fn - does what was accepted
 * @patch: what to do; gone when the function returns
 * @ctx: as given to heki_check_patch()
 *
 * Return: 0 or an errno, which becomes that of heki_check_patch().
 */
typedef int heki_apply_fn(const struct heki_checked_patch *patch, void *ctx);

int heki_check_patch(const struct heki_site *site, const u8 *cur,
		     const struct heki_request *request,
		     struct heki_verdict *verdict,
		     heki_apply_fn *apply, void *ctx);
phys_addr_t heki_checked_pa(const struct heki_checked_patch *patch,
			    unsigned int part);
unsigned int heki_checked_size(const struct heki_checked_patch *patch);
const u8 *heki_checked_bytes(const struct heki_checked_patch *patch);
bool heki_checked_nothing_to_write(const struct heki_checked_patch *patch);

phys_addr_t heki_site_tail(const struct heki_site *site);
const u8 *heki_nop(unsigned int size);
const char *heki_step_name(enum heki_step step);
const char *heki_reason_name(enum heki_reason reason);

#endif
