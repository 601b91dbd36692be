// SPDX-License-Identifier: GPL-2.0
/*
 * The validator of text patches. Pure: it works on copies, never accesses VTL0
 * memory and keeps no state.
 */

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "heki/heki.h"

#define INT3	0xcc

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

struct heki_checked_patch {
	phys_addr_t pa[2];
	u8 bytes[HEKI_CODE_MAX];
	u8 size;
	bool nothing_to_write;
};

/*
 * The NOP of @size bytes, as in arch/x86/include/asm/nops.h, or NULL if sites
 * of that size have none.
 */
const u8 *heki_nop(unsigned int size)
{
	static const u8 nop2[] = { 0x66, 0x90 };
	static const u8 nop5[] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };

	switch (size) {
	case 2:
		return nop2;
	case 5:
		return nop5;
	default:
		return NULL;
	}
}

/* Address of the second byte, or 0 if @site has only one. */
phys_addr_t heki_site_tail(const struct heki_site *site)
{
	if (site->size < 2)
		return 0;
	return heki_len_in_page(site->pa[0], 2) == 2 ? site->pa[0] + 1 :
						       site->pa[1];
}

static bool site_covers(const struct heki_site *site, phys_addr_t pa)
{
	unsigned int first = heki_len_in_page(site->pa[0], site->size);

	if (pa >= site->pa[0] && pa - site->pa[0] < first)
		return true;
	return first < site->size && pa >= site->pa[1] &&
	       pa - site->pa[1] < site->size - first;
}

struct match {
	bool code;
	bool nop;
};

static bool either(struct match m)
{
	return m.code || m.nop;
}

/* Which of C and N have these @nr bytes at offset @at? */
static struct match compare(const struct heki_site *site, const u8 *bytes,
			    unsigned int at, unsigned int nr)
{
	const u8 *nop = heki_nop(site->size);

	return (struct match) {
		.code = !memcmp(bytes, site->code + at, nr),
		.nop = nop && !memcmp(bytes, nop + at, nr),
	};
}

static enum heki_reason check_guard(const struct heki_site *site, const u8 *cur)
{
	/* Checked first: C may begin with INT3. */
	if (cur[0] == INT3 &&
	    either(compare(site, cur + 1, 1, site->size - 1)))
		return HEKI_REASON_RETRY;
	if (either(compare(site, cur, 0, site->size)))
		return HEKI_REASON_FITS;
	return HEKI_REASON_FOREIGN;
}

/* The precondition of steps 2 and 3. */
static enum heki_reason check_guarded(const struct heki_site *site,
				      const u8 *cur)
{
	if (cur[0] == INT3)
		return either(compare(site, cur + 1, 1, site->size - 1)) ?
		       HEKI_REASON_FITS : HEKI_REASON_FOREIGN;
	return either(compare(site, cur, 0, site->size)) ?
	       HEKI_REASON_UNGUARDED : HEKI_REASON_FOREIGN;
}

static enum heki_reason check_tail(const struct heki_site *site, const u8 *cur,
				   const struct heki_request *request)
{
	unsigned int size = site->size - 1;
	bool straddles;

	if (request->size != size)
		return HEKI_REASON_SIZE;
	straddles = heki_len_in_page(request->pa[0], size) < size;
	if (request->pa[1] != (straddles ? site->pa[1] : 0))
		return HEKI_REASON_PAGE;
	if (!either(compare(site, request->bytes, 1, size)))
		return HEKI_REASON_BYTES;
	return check_guarded(site, cur);
}

static enum heki_reason check_head(const struct heki_site *site, const u8 *cur,
				   const struct heki_request *request)
{
	struct match head = compare(site, request->bytes, 0, 1);
	struct match tail = compare(site, cur + 1, 1, site->size - 1);
	enum heki_reason reason;

	if (!either(head))
		return HEKI_REASON_BYTES;
	reason = check_guarded(site, cur);
	if (reason != HEKI_REASON_FITS)
		return reason;
	return (head.code && tail.code) || (head.nop && tail.nop) ?
	       HEKI_REASON_FITS : HEKI_REASON_MIX;
}

static void validate(const struct heki_site *site, const u8 *cur,
		     const struct heki_request *request,
		     struct heki_verdict *verdict)
{
	if (heki_site_check(site, 64)) {
		verdict->reason = HEKI_REASON_MALFORMED;
	} else if (request->pa[0] == site->pa[0]) {
		if (request->size != 1) {
			verdict->reason = HEKI_REASON_SIZE;
			return;
		}
		verdict->step = request->bytes[0] == INT3 ? HEKI_STEP_GUARD :
							    HEKI_STEP_HEAD;
		if (request->pa[1])
			verdict->reason = HEKI_REASON_PAGE;
		else if (verdict->step == HEKI_STEP_GUARD)
			verdict->reason = check_guard(site, cur);
		else
			verdict->reason = check_head(site, cur, request);
	} else if (site->size > 1 && request->pa[0] == heki_site_tail(site)) {
		verdict->step = HEKI_STEP_TAIL;
		verdict->reason = check_tail(site, cur, request);
	} else {
		verdict->reason = site_covers(site, request->pa[0]) ?
				  HEKI_REASON_ADDRESS : HEKI_REASON_NO_SITE;
	}
}

/*
 * Validates @request against @site and, if it is accepted and @apply is given,
 * applies it before returning. @cur is the current contents of @site, read
 * under the lock that the write is done under. @verdict is always set. @apply
 * is called at most once, for retries too. Takes no locks. Any contents of
 * @site and @request are safe.
 *
 * Returns what @apply returns, 0 without one; -EACCES if @request does not fit,
 * -ENOENT if it starts outside @site, -EINVAL if @site is malformed.
 */
int heki_check_patch(const struct heki_site *site, const u8 *cur,
		     const struct heki_request *request,
		     struct heki_verdict *verdict,
		     heki_apply_fn *apply, void *ctx)
{
	struct heki_checked_patch patch;

	*verdict = (struct heki_verdict) { .step = HEKI_STEP_NONE };
	validate(site, cur, request, verdict);

	switch (verdict->reason) {
	case HEKI_REASON_FITS:
	case HEKI_REASON_RETRY:
		break;
	case HEKI_REASON_NO_SITE:
		return -ENOENT;
	case HEKI_REASON_MALFORMED:
		return -EINVAL;
	default:
		return -EACCES;
	}

	verdict->accepted = true;
	verdict->nothing_to_write = verdict->reason == HEKI_REASON_RETRY;
	if (!apply)
		return 0;

	patch = (struct heki_checked_patch) {
		.pa = { request->pa[0], request->pa[1] },
		.size = request->size,
		.nothing_to_write = verdict->nothing_to_write,
	};
	memcpy(patch.bytes, request->bytes, request->size);
	return apply(&patch, ctx);
}

/* @page is 0 for the first byte, 1 for the second page (0 if there is none). */
phys_addr_t heki_checked_pa(const struct heki_checked_patch *patch,
			    unsigned int page)
{
	return patch->pa[!!page];
}

unsigned int heki_checked_size(const struct heki_checked_patch *patch)
{
	return patch->size;
}

/* Valid as long as @patch. */
const u8 *heki_checked_bytes(const struct heki_checked_patch *patch)
{
	return patch->bytes;
}

/* True for a retry, which succeeds without a write. */
bool heki_checked_nothing_to_write(const struct heki_checked_patch *patch)
{
	return patch->nothing_to_write;
}

/* The step's name in heki/verdicts and traces. */
const char *heki_step_name(enum heki_step step)
{
	static const char * const names[] = {
		[HEKI_STEP_NONE] = "none",
		[HEKI_STEP_GUARD] = "guard",
		[HEKI_STEP_TAIL] = "tail",
		[HEKI_STEP_HEAD] = "head",
	};

	static_assert(ARRAY_SIZE(names) == HEKI_STEP_NR);
	return (unsigned int)step < HEKI_STEP_NR ? names[step] : "?";
}

/* The reason's name in heki/verdicts and traces. */
const char *heki_reason_name(enum heki_reason reason)
{
	static const char * const names[] = {
		[HEKI_REASON_FITS] = "fits",
		[HEKI_REASON_RETRY] = "retry",
		[HEKI_REASON_MALFORMED] = "malformed",
		[HEKI_REASON_NO_SITE] = "no-site",
		[HEKI_REASON_ADDRESS] = "address",
		[HEKI_REASON_SIZE] = "size",
		[HEKI_REASON_PAGE] = "page",
		[HEKI_REASON_BYTES] = "bytes",
		[HEKI_REASON_MIX] = "mix",
		[HEKI_REASON_UNGUARDED] = "unguarded",
		[HEKI_REASON_FOREIGN] = "foreign",
		[HEKI_REASON_UNREACHABLE] = "unreachable",
		[HEKI_REASON_LIVE] = "live",
	};

	static_assert(ARRAY_SIZE(names) == HEKI_REASON_NR);
	return (unsigned int)reason < HEKI_REASON_NR ? names[reason] : "?";
}
