// SPDX-License-Identifier: GPL-2.0
/*
 * The validator of text patches. Pure: it sees copies, touches no memory of
 * VTL0 and remembers nothing. The rules are in heki_validate.h.
 */

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "heki/validate.h"

#define INT3	0xcc

struct heki_checked_patch {
	phys_addr_t pa[2];
	u8 bytes[HEKI_CODE_MAX];
	u8 size;
	bool nothing_to_write;
};

/**
 * heki_nop() - the NOP that may stand in place of a site's instruction
 * @size: length of the instruction
 *
 * The bytes are those that Linux uses on x86-64 (arch/x86/include/asm/nops.h),
 * which are those that Intel's manual recommends; with size 2 a prefixed 0x90.
 *
 * Context: any; pure.
 * Return: @size bytes, or NULL if there is no NOP for that length.
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

/**
 * heki_site_tail() - where the second byte of a site lies
 * @site: a well-formed site
 *
 * Context: any; pure.
 * Return: the address, or 0 for a site of one byte, which has no second.
 */
phys_addr_t heki_site_tail(const struct heki_site *site)
{
	if (site->size < 2)
		return 0;
	return heki_first_part(site->pa[0], 2) == 2 ? site->pa[0] + 1 :
						      site->pa[1];
}

/* Is this address that of any byte of the site? */
static bool site_covers(const struct heki_site *site, phys_addr_t pa)
{
	unsigned int first = heki_first_part(site->pa[0], site->size);

	if (pa >= site->pa[0] && pa - site->pa[0] < first)
		return true;
	return first < site->size && pa >= site->pa[1] &&
	       pa - site->pa[1] < site->size - first;
}

struct holds {
	bool code;
	bool nop;
};

static bool either(struct holds h)
{
	return h.code || h.nop;
}

/* Which of the site's two instructions have these bytes from @at on? */
static struct holds compare(const struct heki_site *site, const u8 *bytes,
			    unsigned int at, unsigned int nr)
{
	const u8 *nop = heki_nop(site->size);

	return (struct holds) {
		.code = !memcmp(bytes, site->code + at, nr),
		.nop = nop && !memcmp(bytes, nop + at, nr),
	};
}

static enum heki_reason check_guard(const struct heki_site *site, const u8 *cur)
{
	/* First, as an instruction may itself begin with INT3. */
	if (cur[0] == INT3 &&
	    either(compare(site, cur + 1, 1, site->size - 1)))
		return HEKI_REASON_RETRY;
	if (either(compare(site, cur, 0, site->size)))
		return HEKI_REASON_FITS;
	return HEKI_REASON_FOREIGN;
}

/* Steps 2 and 3 start out from here. */
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
	straddles = heki_first_part(request->pa[0], size) < size;
	if (request->pa[1] != (straddles ? site->pa[1] : 0))
		return HEKI_REASON_PAGE;
	if (!either(compare(site, request->bytes, 1, size)))
		return HEKI_REASON_BYTES;
	return check_guarded(site, cur);
}

static enum heki_reason check_head(const struct heki_site *site, const u8 *cur,
				   const struct heki_request *request)
{
	struct holds head = compare(site, request->bytes, 0, 1);
	struct holds tail = compare(site, cur + 1, 1, site->size - 1);
	enum heki_reason reason;

	if (!either(head))
		return HEKI_REASON_BYTES;
	reason = check_guarded(site, cur);
	if (reason != HEKI_REASON_FITS)
		return reason;
	return (head.code && tail.code) || (head.nop && tail.nop) ?
	       HEKI_REASON_FITS : HEKI_REASON_MIX;
}

static void judge(const struct heki_site *site, const u8 *cur,
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

/**
 * heki_check_patch() - judge a request, and have it done if it is accepted
 * @site: the site that the request belongs to, by heki_patch_map_find()
 * @cur: the @site->size bytes that stand there now, in order, read under the
 *	lock that the write is made under
 * @request: the request
 * @verdict: where the verdict goes, also when accepted
 * @apply: does the write; called at most once, only for what is accepted,
 *	before this returns. Called where nothing is to be written, too, and
 *	told so. NULL to have the verdict only
 * @ctx: handed to @apply
 *
 * Any contents of @site and @request are safe, and none of them make it accept
 * what does not fit.
 *
 * Context: any, if @apply can do with it; takes no locks.
 * Return: what @apply returns, 0 without one; -EACCES if the request does not
 * fit, -ENOENT if it does not even start in the site, -EINVAL if the site is
 * malformed.
 */
int heki_check_patch(const struct heki_site *site, const u8 *cur,
		     const struct heki_request *request,
		     struct heki_verdict *verdict,
		     heki_apply_fn *apply, void *ctx)
{
	struct heki_checked_patch patch;

	*verdict = (struct heki_verdict) { .step = HEKI_STEP_NONE };
	judge(site, cur, request, verdict);

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

/**
 * heki_checked_pa() - where an accepted patch goes
 * @patch: the patch
 * @part: 0 for the first byte, 1 for the second page
 *
 * Context: any; pure.
 * Return: the address; 0 for a second page that is not needed.
 */
phys_addr_t heki_checked_pa(const struct heki_checked_patch *patch,
			    unsigned int part)
{
	return patch->pa[!!part];
}

/**
 * heki_checked_size() - how long an accepted patch is
 * @patch: the patch
 *
 * Context: any; pure.
 * Return: 1 to %HEKI_CODE_MAX bytes.
 */
unsigned int heki_checked_size(const struct heki_checked_patch *patch)
{
	return patch->size;
}

/**
 * heki_checked_bytes() - the bytes of an accepted patch
 * @patch: the patch
 *
 * Context: any; pure.
 * Return: heki_checked_size() bytes, which live as long as @patch.
 */
const u8 *heki_checked_bytes(const struct heki_checked_patch *patch)
{
	return patch->bytes;
}

/**
 * heki_checked_nothing_to_write() - does an accepted patch stand there already?
 * @patch: the patch
 *
 * Context: any; pure.
 * Return: true for a retry, which succeeds without a write.
 */
bool heki_checked_nothing_to_write(const struct heki_checked_patch *patch)
{
	return patch->nothing_to_write;
}

/**
 * heki_step_name() - the name that a step goes by in accounts
 * @step: the step
 *
 * Return: a word; "?" for no step at all.
 */
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

/**
 * heki_reason_name() - the name that a reason goes by in accounts
 * @reason: the reason
 *
 * Return: a word, joined by hyphens; "?" for no reason at all.
 */
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
