// SPDX-License-Identifier: GPL-2.0
/*
 * Live mode: every text write of the running kernel passes here.
 *
 * All of them, whatever they are for, go through one static function,
 * __text_poke() in arch/x86/kernel/alternative.c. A kprobe at its entry sees
 * the arguments. Writes that meet no known site are counted by kind, and left
 * to the kernel. For one that does, audit asks the validator what it thinks;
 * mediate returns from the probe into a function of ours with the same
 * signature, so that the kernel's never runs: a request is built in VTL0
 * memory and handed to the front door, and what that refuses is not written.
 */
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/string.h>
#include <linux/wait_bit.h>

#include <lvbs/heki.h>

#include "phys/copy_nofault.h"
#include "heki/context.h"
#include "live/live.h"
#include "live/kinds.h"
#include "live/sites.h"
#include "heki/owner.h"
#include "heki/request.h"
#include "heki/verdicts.h"
#include "ksym.h"
#include "ring/log.h"
#include "init.h"
#include "trace.h"

enum live_mode {
	LIVE_OFF,
	LIVE_AUDIT,
	LIVE_MEDIATE,
	LIVE_NR
};

static const char * const mode_names[LIVE_NR] = {
	[LIVE_OFF] = "off",
	[LIVE_AUDIT] = "audit",
	[LIVE_MEDIATE] = "mediate",
};

static DEFINE_MUTEX(mode_lock);	/* serialises changes of the mode */
static enum live_mode mode;	/* changed under mode_lock; read anywhere */
static unsigned long missed_before;	/* under mode_lock */

/* Tasks on their way from the probe to the end of live_text_poke(). */
static atomic_t in_flight = ATOMIC_INIT(0);

/* What __text_poke() calls to write; only one of them copies. */
static void *text_poke_memcpy;

/*
 * The requests, in a page that stays mapped for VTL1. The first serves where
 * one can sleep; the kernel's text_mutex admits one such writer at a time, and
 * request_lock does not depend on it. The second serves elsewhere.
 */
static struct live_requests {
	struct heki_patch sleeping;
	struct heki_patch atomic;
} *requests;
static DEFINE_MUTEX(request_lock);
static DEFINE_RAW_SPINLOCK(atomic_request_lock);

static struct kprobe probe;	/* registered under mode_lock */

/* As much of a write as is looked at: at least what a site can have. */
#define TEXT_BYTES	8

/* A write as __text_poke() is asked for it; @bytes: what comes first of it. */
struct text_write {
	void *addr;
	size_t len;
	bool fill;
	u8 bytes[TEXT_BYTES];
	phys_addr_t pa[2];
};

static void text_write_init(struct text_write *w, void *func, void *addr,
			    const void *src, size_t len)
{
	unsigned long va = (unsigned long)addr;
	size_t n = min_t(size_t, len, TEXT_BYTES);

	BUILD_BUG_ON(HEKI_CODE_MAX > TEXT_BYTES);

	w->addr = addr;
	w->len = len;
	/* Who fills is handed no bytes, but an int. */
	w->fill = func != text_poke_memcpy;
	if (w->fill)
		memset(w->bytes, *(const int *)src, n);
	else
		memcpy(w->bytes, src, n);
	w->pa[0] = heki_live_text_pa(va);
	w->pa[1] = 0;
	if (offset_in_page(va) + len > PAGE_SIZE)
		w->pa[1] = heki_live_text_pa(PAGE_ALIGN(va));
}

/* The first known site with a byte among @len from @pa on, in one page. */
static bool meets_site(phys_addr_t pa, size_t len, struct heki_patch_hit *hit)
{
	struct heki_patch_map *map = heki_owner_map();

	if (!heki_patch_map_find(map, pa, hit))
		return true;
	return len > 1 && !heki_patch_map_next(map, pa, hit) &&
	       hit->site.pa[0] < pa + len;
}

static bool write_meets_site(const struct text_write *w,
			     struct heki_patch_hit *hit)
{
	size_t first = w->pa[1] ? PAGE_SIZE - offset_in_page(w->pa[0]) : w->len;

	return meets_site(w->pa[0], first, hit) ||
	       (w->pa[1] && meets_site(w->pa[1], w->len - first, hit));
}

static void refused(const struct text_write *w, long err)
{
	heki_live_count_refused();
	pr_warn_ratelimited("%s %zu bytes %*ph at %pS: error %ld\n",
			    READ_ONCE(mode) == LIVE_MEDIATE ? "refused" :
							      "would refuse",
			    w->len, (int)min_t(size_t, w->len, TEXT_BYTES),
			    w->bytes, w->addr, err);
}

static void audit(const struct text_write *w, const struct heki_patch_hit *hit)
{
	struct heki_verdict verdict = { .reason = HEKI_REASON_MALFORMED };
	u8 cur[HEKI_CODE_MAX];
	int err = -EINVAL;

	if (w->len <= HEKI_CODE_MAX &&
	    !copy_nofault_from(cur, w->addr - hit->at, hit->site.size)) {
		struct heki_request request = {
			.pa = { w->pa[0], w->pa[1] },
			.size = w->len,
		};

		memcpy(request.bytes, w->bytes, w->len);
		err = heki_check_patch(&hit->site, cur, &request, &verdict,
				       NULL, NULL);
	}
	heki_verdict_count(&verdict);
	trace_heki_verdict(w->pa[0], w->len, heki_step_name(verdict.step),
			   heki_reason_name(verdict.reason), err);
	if (err)
		refused(w, err);
}

static long submit(struct heki_patch *request, const struct text_write *w)
{
	heki_patch_encode(request, w->pa[0], w->pa[1], w->bytes, w->len);
	return lvbs_vtlcall(HEKI_VTLCALL_PATCH_TEXT, virt_to_phys(request), 0,
			    HEKI_PATCH_VTL0_SYNCS);
}

static long mediate_sleeping(const struct text_write *w)
{
	unsigned int flags;
	long err;

	/* Whoever patches may hold locks that writeback would want. */
	flags = memalloc_noio_save();
	mutex_lock(&request_lock);
	err = submit(&requests->sleeping, w);
	mutex_unlock(&request_lock);
	memalloc_noio_restore(flags);
	return err;
}

static long mediate_atomic(const struct text_write *w)
{
	unsigned long flags;
	long err;

	raw_spin_lock_irqsave(&atomic_request_lock, flags);
	err = submit(&requests->atomic, w);
	raw_spin_unlock_irqrestore(&atomic_request_lock, flags);
	return err;
}

static long mediate(const struct text_write *w)
{
	long err = -ENOMEM;

	if (heki_may_sleep())
		err = mediate_sleeping(w);
	/*
	 * The kernel does not ask twice: a site left between two steps would
	 * take it down. So what lacks memory is done without, too.
	 */
	return err == -ENOMEM ? mediate_atomic(w) : err;
}

/* In place of __text_poke(), with its signature; under its caller's locks. */
static void *live_text_poke(void *func, void *addr, const void *src, size_t len)
{
	struct text_write w;
	long err = -EINVAL;

	text_write_init(&w, func, addr, src, len);
	if (!w.fill && len && len <= HEKI_CODE_MAX)
		err = mediate(&w);
	if (err)
		refused(&w, err);

	if (atomic_dec_and_test(&in_flight))
		wake_up_var(&in_flight);
	return addr;
}

static int text_poke_entered(struct kprobe *probe, struct pt_regs *regs)
{
	struct heki_patch_hit hit;
	struct text_write w;

	text_write_init(&w, (void *)regs_get_kernel_argument(regs, 0),
			(void *)regs_get_kernel_argument(regs, 1),
			(void *)regs_get_kernel_argument(regs, 2),
			regs_get_kernel_argument(regs, 3));

	if (!write_meets_site(&w, &hit)) {
		heki_live_count(heki_live_kind_of(w.addr, w.bytes, w.len,
						  w.fill));
		return 0;
	}

	heki_live_count(HEKI_LIVE_SITE);
	if (READ_ONCE(mode) != LIVE_MEDIATE) {
		audit(&w, &hit);
		return 0;
	}

	atomic_inc(&in_flight);
	instruction_pointer_set(regs, (unsigned long)live_text_poke);
	return 1;
}

NOKPROBE_SYMBOL(text_poke_entered);

static int probe_register(void)
{
	int err;

	text_poke_memcpy = (void *)ksym_address("text_poke_memcpy");
	if (!text_poke_memcpy) {
		pr_err("live mode: no text_poke_memcpy() in this kernel\n");
		return -ENOENT;
	}

	/* Kprobes fills the struct in; a second registration wants a new one. */
	probe = (struct kprobe) {
		.symbol_name = "__text_poke",
		.pre_handler = text_poke_entered,
	};
	err = register_kprobe(&probe);
	if (err)
		pr_err("live mode: no probe on __text_poke(): error %d\n", err);
	return err;
}

static void probe_unregister(void)
{
	kprobe_opcode_t *addr = probe.addr;

	unregister_kprobe(&probe);
	if (!probe.addr) {
		/*
		 * Ftrace had no memory to be told, so kprobes has left the
		 * probe in its table, without an address, and warned. Said to
		 * be disarmed it goes, which takes no memory: whatever ftrace
		 * still calls finds no probe for this address.
		 */
		probe.addr = addr;
		probe.flags |= KPROBE_FLAG_DISABLED;
		unregister_kprobe(&probe);
	}
	/* No task comes any more; those that are underway leave our text. */
	wait_var_event(&in_flight, !atomic_read(&in_flight));
	synchronize_rcu_tasks();
	missed_before += probe.nmissed;
	probe.nmissed = 0;
}

static int requests_make(void)
{
	int err;

	requests = (void *)get_zeroed_page(GFP_KERNEL);
	if (!requests)
		return -ENOMEM;
	err = heki_request_keep(PHYS_PFN(virt_to_phys(requests)));
	if (err) {
		free_page((unsigned long)requests);
		requests = NULL;
	}
	return err;
}

static void requests_free(void)
{
	heki_request_unkeep();
	free_page((unsigned long)requests);
	requests = NULL;
}

static int live_start(enum live_mode new)
{
	int err;

	lockdep_assert_held(&mode_lock);

	err = requests_make();
	if (err)
		return err;
	err = heki_live_sites_begin();
	if (err)
		goto free_requests;

	heki_live_kinds_find();
	WRITE_ONCE(mode, new);
	err = probe_register();
	if (err)
		goto end_sites;
	return 0;

end_sites:
	WRITE_ONCE(mode, LIVE_OFF);
	heki_live_sites_end();
free_requests:
	requests_free();
	return err;
}

static void live_stop(void)
{
	lockdep_assert_held(&mode_lock);

	probe_unregister();
	WRITE_ONCE(mode, LIVE_OFF);
	heki_live_sites_end();
	requests_free();
}

static int live_switch(enum live_mode new)
{
	int err = 0;

	mutex_lock(&mode_lock);
	if (new == LIVE_OFF) {
		if (mode != LIVE_OFF)
			live_stop();
	} else if (mode == LIVE_OFF) {
		err = live_start(new);
	} else {
		WRITE_ONCE(mode, new);
	}
	if (!err)
		lvbs_log("live mode: %s", mode_names[new]);
	mutex_unlock(&mode_lock);
	return err;
}

int heki_live_set(const char *name)
{
	int new = match_string(mode_names, LIVE_NR, name);

	return new < 0 ? -EINVAL : live_switch(new);
}

const char *heki_live_get(void)
{
	return mode_names[READ_ONCE(mode)];
}

unsigned long heki_live_missed(void)
{
	unsigned long missed;

	mutex_lock(&mode_lock);
	/* Kprobes goes on counting, whoever holds the lock. */
	missed = missed_before + READ_ONCE(probe.nmissed);
	mutex_unlock(&mode_lock);
	return missed;
}

int heki_live_init(void)
{
	return heki_live_sites_init();
}

void heki_live_exit(void)
{
	live_switch(LIVE_OFF);
	heki_live_sites_exit();
}
