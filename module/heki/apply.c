// SPDX-License-Identifier: GPL-2.0
/*
 * Text patches, from the request to the bytes. heki_patch_text() copies the
 * request in and finds the site. Under the site's lock its pages are mapped (by
 * vmap(), which may sleep, before that), the current contents are read, the
 * request is validated against them, and the bytes are written and read back.
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/pfn.h>
#include <linux/smp.h>
#include <linux/string.h>

#if defined(CONFIG_X86) && !defined(CONFIG_UML)
#include <asm/sync_core.h>
#else
static inline void sync_core(void) {}
#endif

#include "heki/heki.h"
#include "phys/phys.h"
#include "phys/vmap_manager_privileged.h"
#include "ring/ring.h"
#include "trace.h"

#ifdef LVBS_KUNIT
struct heki_apply_hooks heki_apply_hooks;
#endif

/*
 * Spans: bytes in one wire page or in two unrelated ones, while they are mapped.
 *
 * They are one window where wire pages are kernel pages. Where kernel pages are
 * larger, the first wire page need not end its kernel page, and both wire pages
 * may lie in the same kernel page: then they are two.
 */

static int part_open(struct heki_span_part *part, struct vmap_manager *mgr,
		     phys_addr_t pa, const struct phys_frames *frames,
		     bool write)
{
	part->offset = offset_in_page(pa);
	return phys_window_begin(&part->window, mgr, frames,
				 phys_access_flags(mgr, write));
}

/*
 * Map @size bytes at @pa0, of which those after its wire page are at @pa1, until
 * heki_span_close(). Addresses and size have passed heki_request_addr_check() or
 * heki_site_check(). No range lock on their pages is granted meanwhile that
 * conflicts with the access. Context and errors are those of
 * phys_window_begin(); with local windows, which a context has only one of,
 * wire pages are kernel pages.
 */
int heki_span_open(struct heki_span *span, struct vmap_manager *mgr,
		   phys_addr_t pa0, phys_addr_t pa1, unsigned int size,
		   bool write)
{
	unsigned int in_page = heki_len_in_page(pa0, size);
	struct phys_frames frames = { .first = PHYS_PFN(pa0), .nr = 1 };
	int err;

	span->size = size;
	span->first = size;
	if (pa1) {
		span->pfns[0] = PHYS_PFN(pa0);
		span->pfns[1] = PHYS_PFN(pa1);
		if (!offset_in_page(pa0 + in_page) && !offset_in_page(pa1) &&
		    span->pfns[0] != span->pfns[1])
			frames = (struct phys_frames) {
				.pfns = span->pfns, .nr = 2,
			};
		else
			span->first = in_page;
	}

	err = part_open(&span->part[0], mgr, pa0, &frames, write);
	if (err || span->first == size)
		return err;
	frames = (struct phys_frames) { .first = span->pfns[1], .nr = 1 };
	err = part_open(&span->part[1], mgr, pa1, &frames, write);
	if (err)
		phys_window_end(&span->part[0].window);
	return err;
}

void heki_span_close(struct heki_span *span)
{
	if (span->first < span->size)
		phys_window_end(&span->part[1].window);
	phys_window_end(&span->part[0].window);
}

static __always_inline int part_copy(const struct heki_span_part *part,
				     unsigned int at, void *buf,
				     unsigned int len, bool write)
{
	return phys_window_access(&part->window, part->offset + at, buf, len,
				  write);
}

static __always_inline int span_copy(const struct heki_span *span,
				     unsigned int at, void *buf,
				     unsigned int len, bool write)
{
	unsigned int first = span->first, n;
	int err = 0;

	/* Mostly all of it is in the first window. */
	if (likely(at + len <= first))
		return part_copy(&span->part[0], at, buf, len, write);
	n = at < first ? first - at : 0;
	if (n)
		err = part_copy(&span->part[0], at, buf, n, write);
	if (!err && n < len)
		err = part_copy(&span->part[1], at + n - first, buf + n,
				len - n, write);
	return err;
}

/*
 * Copy @len bytes from, or to, offset @at of an open span, in which all of them
 * lie. Any context except NMI. Returns 0 or -EFAULT.
 */
int heki_span_copy(const struct heki_span *span, unsigned int at, void *buf,
		   unsigned int len, bool write)
{
	return span_copy(span, at, buf, len, write);
}

/*
 * Requests: 24 bytes of VTL0 memory, read once.
 */

static int copy_in(u64 pa0, u64 pa1, struct heki_patch *wire)
{
	struct heki_span span __uninitialized;
	int err;

	err = heki_span_open(&span, lvbs_vmap_manager(), pa0, pa1,
			     sizeof(*wire), false);
	if (err)
		return err;
	err = heki_span_copy(&span, 0, wire, sizeof(*wire), false);
	heki_span_close(&span);
	return err;
}

static int request_read(u64 pa0, u64 pa1, struct heki_request *request)
{
	struct heki_patch wire;
	int err;

	err = heki_request_addr_check(pa0, pa1, phys_width_bits());
	err = err ?: copy_in(pa0, pa1, &wire);
	return err ?: heki_request_decode(request, &wire, phys_width_bits());
}

/*
 * Read the request that live mode @made and put at the start of @slot, a window of
 * VTL0's memory. Any context except NMI. Returns 0; -EAGAIN if the memory does not
 * hold what was put there; or fails as phys_window_access() and heki_request_decode()
 * do.
 */
int heki_request_receive(const struct phys_window *slot,
			 const struct heki_patch *made,
			 struct heki_request *request)
{
	struct heki_patch wire;
	int err;

	err = phys_window_access(slot, 0, &wire, sizeof(wire), false);
	if (err)
		return err;
	if (memcmp(&wire, made, sizeof(wire)))
		return -EAGAIN;
	return heki_request_decode(request, &wire, phys_width_bits());
}

/*
 * One patch.
 */

struct patch_job {
	const struct heki_request *request;
	struct heki_verdict *verdict;
	bool live;
	/* The site as it was when its pages were mapped. */
	const struct heki_patch_hit *hit;
	struct heki_span span;
};

/* Only the validator creates patches, so nothing unvalidated is written. */
static int write_checked(const struct heki_checked_patch *patch, void *ctx)
{
	const struct heki_request *request = heki_checked_request(patch);
	struct patch_job *job = ctx;
	u8 back[HEKI_CODE_MAX] = {};
	unsigned int at;
	int err;

	at = request->pa[0] == job->hit->site.pa[0] ? 0 : 1;
	err = span_copy(&job->span, at, (u8 *)request->bytes, request->size,
			true);
	HEKI_APPLY_HOOK(written);
	if (!err)
		err = span_copy(&job->span, at, back, request->size, false);
	/* Both are zero after the bytes: the size is constant. */
	if (!err && memcmp(back, request->bytes, sizeof(back)))
		err = -EFAULT;
	/* What the validator thought of the request does not matter then. */
	if (err)
		job->verdict->reason = HEKI_REASON_UNREACHABLE;
	return err;
}

static int validate_and_write(const struct heki_patch_hit *hit,
			      struct patch_job *job)
{
	u8 cur[HEKI_CODE_MAX] = {};
	int err;

	err = span_copy(&job->span, 0, cur, hit->site.size, false);
	if (err) {
		job->verdict->reason = HEKI_REASON_UNREACHABLE;
		return err;
	}
	return heki_check_patch(&hit->site, cur, job->request, job->verdict,
				write_checked, job);
}

/* Is the request for a site of its kind of owner? If so, opens the site. */
static int open_site(const struct heki_patch_hit *hit, struct patch_job *job)
{
	bool live = heki_owner_is_live(hit->owner);
	int err;

	/* The running kernel's INT3 handler does not expect foreign INT3s. */
	if (live && !job->live) {
		job->verdict->reason = HEKI_REASON_LIVE;
		return -EBUSY;
	}
	/* What VTL0 claims of its memory says nothing of the running kernel. */
	if (!live && job->live)
		return -ENOENT;

	job->hit = hit;
	err = heki_span_open(&job->span, vmap_manager_privileged(),
			     hit->site.pa[0], hit->site.pa[1], hit->site.size,
			     true);
	if (err)
		job->verdict->reason = HEKI_REASON_UNREACHABLE;
	return err;
}

/*
 * A tracepoint's probe may be called under the site's lock. It must not patch text:
 * the site may be one that hashes to the same lock.
 */
static DEFINE_PER_CPU(bool, patching);

/* Runs under the site's lock; maps in local windows. */
static int patch_locally(const struct heki_patch_hit *hit, void *ctx)
{
	struct patch_job *job = ctx;
	int err;

	this_cpu_write(patching, true);
	err = open_site(hit, job);
	if (!err) {
		err = validate_and_write(hit, job);
		heki_span_close(&job->span);
	}
	this_cpu_write(patching, false);
	return err;
}

/* Runs under the site's lock; the site was open before. */
static int patch_open_site(const struct heki_patch_hit *hit, void *ctx)
{
	struct patch_job *job = ctx;
	const struct heki_patch_hit *mapped = job->hit;

	/* The site may have been replaced while its pages were mapped. */
	if (hit->owner != mapped->owner ||
	    hit->site.pa[0] != mapped->site.pa[0] ||
	    hit->site.pa[1] != mapped->site.pa[1] ||
	    hit->site.size != mapped->site.size)
		return -ENOENT;
	return validate_and_write(hit, job);
}

/* vmap() may sleep, so find the site and map it before its lock is taken. */
static int patch_sleeping(struct patch_job *job)
{
	struct heki_patch_hit hit;
	int err;

	err = heki_patch_map_find(heki_owner_map(), job->request->pa[0], &hit);
	err = err ?: open_site(&hit, job);
	if (err)
		return err;
	err = heki_patch_map_locked(heki_owner_map(), hit.site.pa[0],
				    hit.site.pa[0], patch_open_site, job);
	heki_span_close(&job->span);
	return err;
}

static int apply(const struct heki_request *request, bool live,
		 struct heki_verdict *verdict)
{
	struct patch_job job __uninitialized;
	phys_addr_t pa = request->pa[0];

	job.request = request;
	job.verdict = verdict;
	job.live = live;
	*verdict = (struct heki_verdict) { .reason = HEKI_REASON_NO_SITE };
	if (!READ_ONCE(vmap_manager_privileged()->local))
		return patch_sleeping(&job);
	/* Set on this CPU only if that is what called us. */
	if (unlikely(raw_cpu_read(patching)))
		return -EBUSY;
	/* Only the tail, from the second byte on, is more than one byte. */
	return heki_patch_map_locked(heki_owner_map(), pa,
				     request->size > 1 ? pa - 1 : pa,
				     patch_locally, &job);
}

static void sync_this_core(void *unused)
{
	sync_core();
	HEKI_APPLY_HOOK(synced);
}

/*
 * Make every core refetch patched text: a core must serialise before it
 * executes code that another one changed (Intel SDM 3A, 9.1.3). Linux does this
 * itself around its own patches. Process context, interrupts enabled.
 */
void heki_sync_cores(void)
{
	on_each_cpu(sync_this_core, NULL, 1);
}

/*
 * Carry out a request and count it. @live: it is live mode's, which alone may patch
 * the sites of the running kernel; of its requests only accepted and illegal ones
 * are counted and logged, as the kernel carries out the others itself. @err: why it
 * could not be read, or 0.
 */
static long carry_out(const struct heki_request *request, bool live, bool sync,
		      long err)
{
	struct heki_verdict verdict = { .reason = HEKI_REASON_MALFORMED };

	if (!err)
		err = apply(request, live, &verdict);
	/* Other cores cannot be waited for in other contexts. */
	if (sync && !err && !verdict.nothing_to_write && in_task() &&
	    !irqs_disabled())
		heki_sync_cores();

	if (!live || !err || err == -EACCES)
		heki_verdict_count(&verdict);
	if (trace_heki_verdict_enabled())
		trace_heki_verdict(request->pa[0], request->size,
				   heki_step_name(verdict.step),
				   heki_reason_name(verdict.reason), err);
	if (err && (!live || err == -EACCES))
		lvbs_log("patch of %u bytes at 0x%llx refused: step %s, %s",
			 request->size, (u64)request->pa[0],
			 heki_step_name(verdict.step),
			 heki_reason_name(verdict.reason));
	return err;
}

/*
 * HEKI_VTLCALL_PATCH_TEXT. The request lies at @pa0; @pa1 is its second page
 * iff it straddles. @flags is HEKI_PATCH_VTL0_SYNCS or 0: other cores may
 * execute the old bytes until they are synchronised.
 *
 * Any context except NMI. Returns as lvbs_vtlcall().
 */
long heki_patch_text(u64 pa0, u64 pa1, u64 flags)
{
	struct heki_request request = {};
	int err = request_read(pa0, pa1, &request);

	return carry_out(&request, false, !(flags & HEKI_PATCH_VTL0_SYNCS),
			 err);
}

/* The same for a request of live mode. The kernel synchronises cores itself. */
long heki_patch_live(const struct heki_request *request)
{
	return carry_out(request, true, false, 0);
}
