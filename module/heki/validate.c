// SPDX-License-Identifier: GPL-2.0
/*
 * The validator of text patches. Pure: it works on copies, never accesses VTL0
 * memory and keeps no state.
 */

#include <linux/bits.h>
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
	struct heki_request request;
};

/*
 * The NOP of @size bytes, as in arch/x86/include/asm/nops.h, or NULL if sites
 * of that size have none.
 */
const u8 *heki_nop(unsigned int size)
{
	static const u8 nop2[HEKI_CODE_MAX] = { 0x66, 0x90 };
	static const u8 nop5[HEKI_CODE_MAX] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };

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

/* An instruction as a number: its first byte is the lowest. */
static u64 word_of(const u8 *bytes)
{
	static_assert(HEKI_CODE_MAX == 5);
	return get_unaligned_le32(bytes) | (u64)bytes[4] << 32;
}

static u8 first_byte(u64 word)
{
	return word;
}

/* Which of C and N have the @nr bytes of @word from offset @at on? */
static __always_inline struct match compare(const struct heki_site *site,
					    u64 word, unsigned int at,
					    unsigned int nr)
{
	const u8 *nop = heki_nop(site->size);
	u64 mask = (BIT_ULL(8 * nr) - 1) << 8 * at;

	return (struct match) {
		.code = !((word ^ word_of(site->code)) & mask),
		.nop = nop && !((word ^ word_of(nop)) & mask),
	};
}

static struct match compare_tail(const struct heki_site *site, u64 word)
{
	return compare(site, word, 1, site->size - 1);
}

static enum heki_reason check_guard(const struct heki_site *site, u64 cur)
{
	/* Checked first: C may begin with INT3. */
	if (first_byte(cur) == INT3 && either(compare_tail(site, cur)))
		return HEKI_REASON_RETRY;
	if (either(compare(site, cur, 0, site->size)))
		return HEKI_REASON_FITS;
	return HEKI_REASON_FOREIGN;
}

/* The precondition of steps 2 and 3. */
static enum heki_reason check_guarded(const struct heki_site *site, u64 cur)
{
	if (first_byte(cur) == INT3)
		return either(compare_tail(site, cur)) ?
		       HEKI_REASON_FITS : HEKI_REASON_FOREIGN;
	return either(compare(site, cur, 0, site->size)) ?
	       HEKI_REASON_UNGUARDED : HEKI_REASON_FOREIGN;
}

static enum heki_reason check_tail(const struct heki_site *site, u64 cur,
				   const struct heki_request *request)
{
	unsigned int size = site->size - 1;
	bool straddles;

	if (request->size != size)
		return HEKI_REASON_SIZE;
	straddles = heki_len_in_page(request->pa[0], size) < size;
	if (request->pa[1] != (straddles ? site->pa[1] : 0))
		return HEKI_REASON_PAGE;
	if (!either(compare_tail(site, word_of(request->bytes) << 8)))
		return HEKI_REASON_BYTES;
	return check_guarded(site, cur);
}

static enum heki_reason check_head(const struct heki_site *site, u64 cur,
				   const struct heki_request *request)
{
	struct match head = compare(site, word_of(request->bytes), 0, 1);
	struct match tail = compare_tail(site, cur);
	enum heki_reason reason;

	if (!either(head))
		return HEKI_REASON_BYTES;
	reason = check_guarded(site, cur);
	if (reason != HEKI_REASON_FITS)
		return reason;
	return (head.code && tail.code) || (head.nop && tail.nop) ?
	       HEKI_REASON_FITS : HEKI_REASON_MIX;
}

static void validate(const struct heki_site *site, u64 cur,
		     const struct heki_request *request,
		     struct heki_verdict *verdict)
{
	if (request->pa[0] == site->pa[0]) {
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
 * Validates @request against @site, which has passed heki_site_check(). If it is
 * accepted, there is something to write, and @apply is given, calls that before
 * returning. @cur is the current contents of @site, read under the lock that the
 * write is done under: HEKI_CODE_MAX bytes, of which those of @site count.
 * @verdict is always set. Takes no locks. Any contents of @request are safe.
 *
 * Returns what @apply returns, or 0; -EACCES if @request does not fit; -ENOENT if
 * it starts outside @site.
 */
int heki_check_patch(const struct heki_site *site, const u8 *cur,
		     const struct heki_request *request,
		     struct heki_verdict *verdict,
		     heki_apply_fn *apply, void *ctx)
{
	struct heki_checked_patch patch;

	*verdict = (struct heki_verdict) { .step = HEKI_STEP_NONE };
	validate(site, word_of(cur), request, verdict);

	switch (verdict->reason) {
	case HEKI_REASON_FITS:
	case HEKI_REASON_RETRY:
		break;
	case HEKI_REASON_NO_SITE:
		return -ENOENT;
	default:
		return -EACCES;
	}

	verdict->nothing_to_write = verdict->reason == HEKI_REASON_RETRY;
	if (!apply || verdict->nothing_to_write)
		return 0;

	patch.request = *request;
	return apply(&patch, ctx);
}

/* What was requested. Valid as long as @patch. */
const struct heki_request *
heki_checked_request(const struct heki_checked_patch *patch)
{
	return &patch->request;
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
