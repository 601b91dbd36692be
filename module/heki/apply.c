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
 * Bytes in one wire page or in two.
 */

/*
 * @pa0 and @pa1 have passed heki_request_addr_check() or heki_site_check();
 * @size is less than a wire page. Fails as phys_ptr_init_scattered() does.
 */
static int ptr_pair_init(struct heki_ptr_pair *pair, struct vmap_manager *mgr,
			 phys_addr_t pa0, phys_addr_t pa1, unsigned int size)
{
	unsigned int first = heki_len_in_page(pa0, size);
	bool adjoin = !offset_in_page(pa0 + first) && !offset_in_page(pa1);
	int err;

	pair->first = size;
	if (!pa1)
		return phys_ptr_init(&pair->ptr[0], mgr, pa0, size, 1);

	pair->pfns[0] = PHYS_PFN(pa0);
	pair->pfns[1] = PHYS_PFN(pa1);
	if (adjoin && pair->pfns[0] != pair->pfns[1])
		return phys_ptr_init_scattered(&pair->ptr[0], mgr, pair->pfns, 2,
					       offset_in_page(pa0), size, 1);

	pair->first = first;
	err = phys_ptr_init(&pair->ptr[0], mgr, pa0, first, 1);
	return err ?: phys_ptr_init(&pair->ptr[1], mgr, pa1, size - first, 1);
}

/*
 * Can memory be mapped for an access in this context? Any but NMI, if that is
 * done in local windows.
 */
static bool may_map(void)
{
	return READ_ONCE(lvbs_vmap_manager()->local) || heki_may_sleep();
}

/*
 * Requests: 24 bytes of VTL0 memory, read once.
 */

static int copy_in(u64 pa0, u64 pa1, struct heki_patch *wire)
{
	struct heki_ptr_pair parts __uninitialized;
	int err;

	if (!pa1)
		return phys_read_obj_at(lvbs_vmap_manager(), pa0, wire);
	err = ptr_pair_init(&parts, lvbs_vmap_manager(), pa0, pa1,
			    sizeof(*wire));
	if (!err)
		err = phys_read(&parts.ptr[0].ro, 0, wire, parts.first);
	if (!err && parts.first < sizeof(*wire))
		err = phys_read(&parts.ptr[1].ro, 0,
				(u8 *)wire + parts.first,
				sizeof(*wire) - parts.first);
	return err;
}

/* -EBUSY if memory cannot be mapped in this context. */
static int request_read(u64 pa0, u64 pa1, struct heki_request *request)
{
	struct heki_patch wire;
	int err;

	err = heki_request_addr_check(pa0, pa1, phys_width_bits());
	if (err)
		return err;
	err = may_map() ? copy_in(pa0, pa1, &wire) : -EBUSY;
	return err ?: heki_request_decode(request, &wire, phys_width_bits());
}

/*
 * Access to the bytes of a site.
 */

/*
 * Open a site for access: its pages are mapped, in local windows with preemption
 * disabled, until heki_text_close(). Until then no range lock on them is granted.
 *
 * Any context except NMI with local windows, otherwise process context. Returns
 * 0; -EBUSY if a range lock is held on the site, or memory cannot be mapped in
 * this context; or fails as phys_write() does.
 */
int heki_text_open(struct heki_text *text, const struct heki_site *site)
{
	struct heki_ptr_pair *parts = &text->parts;
	int err;

	phys_session_init(&text->session[0].ro);
	phys_session_init(&text->session[1].ro);
	if (!may_map())
		return -EBUSY;
	err = ptr_pair_init(parts, vmap_manager_privileged(), site->pa[0],
			    site->pa[1], site->size);
	if (err)
		return err;

	err = phys_write_session_begin_local(&text->session[0], &parts->ptr[0]);
	if (err || parts->first == site->size)
		return err;
	/* Not with local windows, of which a context has one; see ptr_pair_init(). */
	err = phys_write_session_begin_local(&text->session[1], &parts->ptr[1]);
	if (err)
		phys_write_session_end(&text->session[0]);
	return err;
}

void heki_text_close(struct heki_text *text)
{
	phys_write_session_end(&text->session[0]);
	phys_write_session_end(&text->session[1]);
}

static __always_inline int part_copy(struct heki_text *text, unsigned int part,
				     unsigned int at, u8 *buf, unsigned int len,
				     bool write)
{
	struct phys_write_session *session = &text->session[part];

	if (write)
		return phys_session_write(session, at, buf, len);
	return phys_session_read(&session->ro, at, buf, len);
}

/* @buf is not written to if @write. */
static int text_copy(struct heki_text *text, unsigned int at, u8 *buf,
		     unsigned int len, bool write)
{
	unsigned int first = text->parts.first, n;
	int err = 0;

	/* Mostly all of it is in the first session. */
	if (likely(at + len <= first))
		return part_copy(text, 0, at, buf, len, write);
	n = at < first ? first - at : 0;
	if (n)
		err = part_copy(text, 0, at, buf, n, write);
	if (!err && n < len)
		err = part_copy(text, 1, at + n - first, buf + n, len - n,
				write);
	return err;
}

/*
 * Copy @len bytes from, or to, offset @at of an open site, in which all of them
 * lie. Any context except NMI. Return 0 or -EFAULT.
 */
int heki_text_read(struct heki_text *text, unsigned int at, u8 *buf,
		   unsigned int len)
{
	return text_copy(text, at, buf, len, false);
}

int heki_text_write(struct heki_text *text, unsigned int at, const u8 *buf,
		    unsigned int len)
{
	return text_copy(text, at, (u8 *)buf, len, true);
}

/*
 * One patch.
 */

struct patch_job {
	const struct heki_request *request;
	struct heki_verdict *verdict;
	bool live;
	/* Where the site was when its pages were mapped. */
	struct heki_site site;
	u32 owner;
	struct heki_text text;
};

/* What the validator thinks of a request does not matter then. */
static void count_as_unreachable(struct patch_job *job)
{
	job->verdict->accepted = false;
	job->verdict->reason = HEKI_REASON_UNREACHABLE;
}

/* Only the validator creates patches, so nothing unvalidated is written. */
static int write_checked(const struct heki_checked_patch *patch, void *ctx)
{
	struct patch_job *job = ctx;
	unsigned int size = heki_checked_size(patch);
	u8 back[HEKI_CODE_MAX];
	unsigned int at;
	int err;

	if (heki_checked_nothing_to_write(patch))
		return 0;

	at = heki_checked_pa(patch, 0) == job->site.pa[0] ? 0 : 1;
	err = heki_text_write(&job->text, at, heki_checked_bytes(patch), size);
	HEKI_APPLY_HOOK(written);
	if (!err)
		err = heki_text_read(&job->text, at, back, size);
	if (!err && memcmp(back, heki_checked_bytes(patch), size))
		err = -EFAULT;
	if (err)
		count_as_unreachable(job);
	return err;
}

static int validate_and_write(const struct heki_patch_hit *hit,
			      struct patch_job *job)
{
	u8 cur[HEKI_CODE_MAX];
	int err;

	err = heki_text_read(&job->text, 0, cur, hit->site.size);
	if (err) {
		count_as_unreachable(job);
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

	job->site = hit->site;
	job->owner = hit->owner;
	err = heki_text_open(&job->text, &job->site);
	if (err)
		count_as_unreachable(job);
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
		heki_text_close(&job->text);
	}
	this_cpu_write(patching, false);
	return err;
}

/* Runs under the site's lock; the site was open before. */
static int patch_open_site(const struct heki_patch_hit *hit, void *ctx)
{
	struct patch_job *job = ctx;

	/* The site may have been replaced while its pages were mapped. */
	if (hit->owner != job->owner || hit->site.pa[0] != job->site.pa[0] ||
	    hit->site.pa[1] != job->site.pa[1] ||
	    hit->site.size != job->site.size)
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
	err = heki_patch_map_locked(heki_owner_map(), job->site.pa[0],
				    job->site.pa[0], patch_open_site, job);
	heki_text_close(&job->text);
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

static bool same_request(const struct heki_request *a,
			 const struct heki_request *b)
{
	return a->pa[0] == b->pa[0] && a->pa[1] == b->pa[1] &&
	       a->size == b->size && !memcmp(a->bytes, b->bytes, a->size);
}

/*
 * HEKI_VTLCALL_PATCH_TEXT. The request lies at @pa0; @pa1 is its second page
 * iff it straddles. @flags is HEKI_PATCH_VTL0_SYNCS or 0. Other cores may
 * execute the old bytes until they are synchronised.
 *
 * @live is the request that live mode made there, or NULL. Live mode alone may
 * patch the sites of the running kernel. Of its requests only accepted and
 * illegal ones are counted: the kernel carries out the others itself.
 *
 * Any context except NMI. Returns as lvbs_vtlcall(), or -EAGAIN if VTL0's memory
 * does not hold what live mode wrote.
 */
long heki_patch_text(u64 pa0, u64 pa1, u64 flags,
		     const struct heki_request *live)
{
	struct heki_verdict verdict = { .reason = HEKI_REASON_MALFORMED };
	struct heki_request request = {};
	long err;

	err = request_read(pa0, pa1, &request);
	if (!err && live && !same_request(&request, live))
		err = -EAGAIN;
	if (!err)
		err = apply(&request, live, &verdict);
	/* Other cores cannot be waited for in other contexts. */
	if (!err && !verdict.nothing_to_write && in_task() &&
	    !irqs_disabled() && !(flags & HEKI_PATCH_VTL0_SYNCS))
		heki_sync_cores();

	if (!live || !err || err == -EACCES)
		heki_verdict_count(&verdict);
	if (trace_heki_verdict_enabled())
		trace_heki_verdict(request.pa[0], request.size,
				   heki_step_name(verdict.step),
				   heki_reason_name(verdict.reason), err);
	if (err && (!live || err == -EACCES))
		lvbs_log("patch of %u bytes at 0x%llx refused: step %s, %s",
			 request.size, (u64)request.pa[0],
			 heki_step_name(verdict.step),
			 heki_reason_name(verdict.reason));
	return err;
}
