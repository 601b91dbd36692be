// SPDX-License-Identifier: GPL-2.0
/*
 * Live mode: every text write of the running kernel passes here.
 *
 * All of them, whatever they are for, go through one static function,
 * __text_poke() in arch/x86/kernel/alternative.c. An ftrace_ops sees it called.
 * IPMODIFY keeps live patches off that function, and direct trampolines that do
 * not honour a changed instruction pointer (those of BPF do, where they can be
 * there). PERMANENT refuses to switch ftrace off.
 *
 * Writes that meet no known site are counted by kind and left to the kernel.
 * Of one that does, audit reports what the validator would have said. Mediate
 * redirects the call to live_text_poke(), which builds a request in VTL0 memory
 * and makes it through the front door. A write that is illegal is not done. One
 * that is legal, but could not be carried out, is left to the kernel.
 */
#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/ftrace.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/jump_label.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/static_call.h>
#include <linux/string.h>
#include <linux/wait_bit.h>

#include "heki/heki.h"
#include "ksym.h"
#include "live/forms.h"
#include "live/live.h"
#include "phys/phys.h"
#include "ring/ring.h"
#include "subsystems.h"
#include "trace.h"

enum live_mode {
	LIVE_OFF,
	LIVE_AUDIT,
	LIVE_MEDIATE,
	LIVE_MODE_NR
};

static const char * const mode_names[LIVE_MODE_NR] = {
	[LIVE_OFF] = "off",
	[LIVE_AUDIT] = "audit",
	[LIVE_MEDIATE] = "mediate",
};

static const char * const kind_names[LIVE_NR] = {
	[LIVE_SITE] = "site",
	[LIVE_FTRACE] = "ftrace",
	[LIVE_STATIC_CALL] = "static_call",
	[LIVE_KPROBE] = "kprobe",
	[LIVE_ALTERNATIVE] = "alternative",
	[LIVE_BPF] = "bpf",
	[LIVE_VTL1] = "vtl1",
	[LIVE_INIT] = "init",
	[LIVE_OTHER] = "other",
};

static DEFINE_MUTEX(mode_lock);	/* serialises changes of the mode */
static enum live_mode mode;	/* changed under mode_lock, read anywhere */

static atomic64_t counts[LIVE_NR];
static atomic64_t refused_count;
static atomic64_t passed_count;

/* Tasks in live_text_poke(). */
static atomic_t in_flight = ATOMIC_INIT(0);

typedef unsigned long text_poke_fn(void *func, void *addr, const void *src,
				   size_t len);

/* The kernel's own writer. */
DEFINE_STATIC_CALL_RET0(lvbs_text_poke, text_poke_fn);

/* What __text_poke() is given to copy with; other functions fill. */
static void *text_poke_memcpy;

/*
 * The requests, in a page that stays mapped for VTL1. The first one serves
 * process context, under request_lock; the second one any other context, under
 * atomic_request_lock.
 */
static struct live_requests {
	struct heki_patch sleeping;
	struct heki_patch atomic;
} *requests;
static DEFINE_MUTEX(request_lock);
static DEFINE_RAW_SPINLOCK(atomic_request_lock);

/* As much of a write as is looked at: at least what a site can have. */
#define TEXT_BYTES	TRACE_TEXT_BYTES

/* A write as __text_poke() is asked for it; @bytes: its first ones. */
struct text_write {
	void *addr;
	size_t len;
	bool fill;
	u8 bytes[TEXT_BYTES];
};

/* A known site that a write meets, and its address in the text. */
struct met_site {
	struct heki_site site;
	const void *va;
};

static void text_write_init(struct text_write *w, void *func, void *addr,
			    const void *src, size_t len)
{
	size_t n = min_t(size_t, len, TEXT_BYTES);

	BUILD_BUG_ON(HEKI_CODE_MAX > TEXT_BYTES);

	w->addr = addr;
	w->len = len;
	w->fill = func != text_poke_memcpy;
	/* To fill, the kernel passes a pointer to an int. */
	if (w->fill)
		memset(w->bytes, *(const int *)src, n);
	else
		memcpy(w->bytes, src, n);
}

/*
 * Does a site have a byte among @len from @va on, within one page? Only those of
 * live mode: VTL0's claims must not make a write of the kernel illegal.
 */
static bool page_meets_site(unsigned long va, size_t len, struct met_site *met)
{
	struct heki_patch_map *map = heki_owner_map();
	phys_addr_t pa = live_text_pa(va), at = pa;
	struct heki_patch_hit hit;

	if (!pa)
		return false;
	if (!heki_patch_map_find(map, pa, &hit) &&
	    heki_owner_is_live(hit.owner)) {
		met->va = (void *)(va - hit.at);
		met->site = hit.site;
		return true;
	}
	for (; !heki_patch_map_next(map, at, &hit) &&
	     hit.site.pa[0] - pa < len; at = hit.site.pa[0] + 1) {
		if (!heki_owner_is_live(hit.owner))
			continue;
		met->va = (void *)(va + (hit.site.pa[0] - pa));
		met->site = hit.site;
		return true;
	}
	return false;
}

static bool meets_site(const struct text_write *w, struct met_site *met)
{
	unsigned long va = (unsigned long)w->addr;
	size_t done, n;

	for (done = 0; done < w->len; done += n) {
		n = min_t(size_t, w->len - done,
			  PAGE_SIZE - offset_in_page(va + done));
		if (page_meets_site(va + done, n, met))
			return true;
	}
	return false;
}

static void encode_request(struct heki_request *request,
			   const struct text_write *w)
{
	unsigned long va = (unsigned long)w->addr;

	*request = (struct heki_request) {
		.pa[0] = live_text_pa(va),
		.size = w->len,
	};
	if (offset_in_page(va) + w->len > PAGE_SIZE)
		request->pa[1] = live_text_pa((va & PAGE_MASK) + PAGE_SIZE);
	memcpy(request->bytes, w->bytes, w->len);
}

/*
 * Validate a write against the text as it is now.
 *
 * Return: 0; -EACCES if it is illegal; -EFAULT if the text cannot be read.
 */
static int validate(const struct text_write *w, const struct met_site *met,
		    struct heki_verdict *verdict)
{
	struct heki_request request;
	u8 cur[HEKI_CODE_MAX];

	*verdict = (struct heki_verdict) { .reason = HEKI_REASON_SIZE };
	if (w->fill || w->len > HEKI_CODE_MAX)
		return -EACCES;
	if (copy_nofault_from(cur, met->va, met->site.size)) {
		verdict->reason = HEKI_REASON_UNREACHABLE;
		return -EFAULT;
	}
	encode_request(&request, w);
	/* Starting outside of the site that it overlaps is illegal, too. */
	return heki_check_patch(&met->site, cur, &request, verdict, NULL,
				NULL) ? -EACCES : 0;
}

void live_count_refused(void)
{
	atomic64_inc(&refused_count);
}

static void refused(const struct text_write *w)
{
	live_count_refused();
	pr_warn_ratelimited("%s %zu bytes %*ph at %pS\n",
			    READ_ONCE(mode) == LIVE_MEDIATE ? "refused" :
							      "would refuse",
			    w->len, (int)min_t(size_t, w->len, TEXT_BYTES),
			    w->bytes, w->addr);
}

static void passed(const struct text_write *w, int err)
{
	atomic64_inc(&passed_count);
	pr_warn_ratelimited("left %zu bytes %*ph at %pS to the kernel: error %d\n",
			    w->len, (int)min_t(size_t, w->len, TEXT_BYTES),
			    w->bytes, w->addr, err);
}

/*
 * Tell the tracepoint of a write, with the bytes that were there before. @old is
 * NULL if they still are.
 */
static void trace_write(const struct text_write *w, enum live_kind kind,
			const u8 *old, const char *verdict)
{
	u8 now[TEXT_BYTES] = {}, new[TEXT_BYTES] = {};
	size_t n = min_t(size_t, w->len, TEXT_BYTES);

	if (!trace_heki_text_write_enabled())
		return;
	memcpy(new, w->bytes, n);
	if (!old && copy_nofault_from(now, w->addr, n))
		memset(now, 0, n);
	trace_heki_text_write(kind == LIVE_SITE ? "jump_label" :
			      kind == LIVE_OTHER ? "unknown" : kind_names[kind],
			      w->addr, w->len, old ?: now, new, verdict);
}

static const char *verdict_name(int err)
{
	return !err ? "accepted" : err == -EACCES ? "refused" : "passed";
}

static void count_kind(const struct text_write *w)
{
	enum live_kind kind;

	preempt_disable();	/* get_kprobe() walks a list under RCU */
	kind = live_kind_of(w->addr, w->bytes, w->len, w->fill);
	preempt_enable();
	atomic64_inc(&counts[kind]);
	trace_write(w, kind, NULL, "counted");
	if (kind == LIVE_OTHER)
		pr_info_ratelimited("unknown text write: %zu bytes %*ph at %pS\n",
				    w->len,
				    (int)min_t(size_t, w->len, TEXT_BYTES),
				    w->bytes, w->addr);
}

static void audit(const struct text_write *w, const struct met_site *met)
{
	struct heki_verdict verdict;
	int err = validate(w, met, &verdict);

	heki_verdict_count(&verdict);
	trace_heki_verdict(live_text_pa((unsigned long)w->addr), w->len,
			   heki_step_name(verdict.step),
			   heki_reason_name(verdict.reason), err);
	trace_write(w, LIVE_SITE, NULL, verdict_name(err));
	if (err == -EACCES)
		refused(w);
	else if (err)
		passed(w, err);
}

static long submit(struct heki_patch *wire, const struct heki_request *request)
{
	heki_patch_encode(wire, request->pa[0], request->pa[1], request->bytes,
			  request->size);
	return heki_patch_text(virt_to_phys(wire), 0, HEKI_PATCH_VTL0_SYNCS,
			       request);
}

static long patch_text_sleeping(const struct heki_request *request)
{
	unsigned int flags;
	long err;

	/* The patching task may hold locks that writeback needs. */
	flags = memalloc_noio_save();
	mutex_lock(&request_lock);
	err = submit(&requests->sleeping, request);
	mutex_unlock(&request_lock);
	memalloc_noio_restore(flags);
	return err;
}

static long patch_text_atomic(const struct heki_request *request)
{
	unsigned long flags;
	long err;

	raw_spin_lock_irqsave(&atomic_request_lock, flags);
	err = submit(&requests->atomic, request);
	raw_spin_unlock_irqrestore(&atomic_request_lock, flags);
	return err;
}

static long patch_text(const struct heki_request *request)
{
	/* In local windows, which need neither memory nor sleep. */
	if (READ_ONCE(lvbs_vmap_manager()->local))
		return patch_text_atomic(request);
	return heki_may_sleep() ? patch_text_sleeping(request) : -EBUSY;
}

void live_write_text(unsigned long va, const u8 *bytes, size_t len)
{
	static_call(lvbs_text_poke)(text_poke_memcpy, (void *)va, bytes, len);
}

/* Return: 0; -EACCES if the write is illegal; otherwise why it was not done. */
static int mediate(const struct text_write *w)
{
	struct heki_verdict verdict;
	struct heki_request request;
	struct met_site met;
	int err = -EINVAL;

	if (!w->fill && w->len && w->len <= HEKI_CODE_MAX) {
		encode_request(&request, w);
		err = patch_text(&request);
		if (!err || err == -EACCES)
			return err;
	}
	/* Not carried out. Only what is illegal is not done at all. */
	if (meets_site(w, &met) && validate(w, &met, &verdict) == -EACCES)
		return -EACCES;
	return err;
}

/* In place of __text_poke(), with its signature, under its callers' locks. */
static void *live_text_poke(void *func, void *addr, const void *src, size_t len)
{
	u8 old[TEXT_BYTES] = {};
	struct text_write w;
	int err;

	atomic_inc(&in_flight);
	text_write_init(&w, func, addr, src, len);
	if (trace_heki_text_write_enabled() &&
	    copy_nofault_from(old, addr, min_t(size_t, len, TEXT_BYTES)))
		memset(old, 0, sizeof(old));
	err = mediate(&w);
	trace_write(&w, LIVE_SITE, old, verdict_name(err));
	if (err == -EACCES) {
		refused(&w);
	} else if (err) {
		passed(&w, err);
		/* Not a tail call: text_poke_entered() looks at the caller. */
		static_call(lvbs_text_poke)(func, addr, src, len);
	}
	if (atomic_dec_and_test(&in_flight))
		wake_up_var(&in_flight);
	return addr;
}

static void notrace text_poke_entered(unsigned long ip, unsigned long parent_ip,
				      struct ftrace_ops *ops,
				      struct ftrace_regs *fregs)
{
	struct pt_regs *regs = ftrace_get_regs(fregs);
	struct met_site met;
	struct text_write w;

	/* live_text_poke() leaves a write to the kernel. */
	if (within_module(parent_ip, THIS_MODULE))
		return;

	text_write_init(&w, (void *)regs_get_kernel_argument(regs, 0),
			(void *)regs_get_kernel_argument(regs, 1),
			(void *)regs_get_kernel_argument(regs, 2),
			regs_get_kernel_argument(regs, 3));

	/* Most writes. No site has bytes there. */
	if (live_is_ftrace_site((unsigned long)w.addr, w.len)) {
		atomic64_inc(&counts[LIVE_FTRACE]);
		trace_write(&w, LIVE_FTRACE, NULL, "counted");
		return;
	}
	if (!meets_site(&w, &met)) {
		count_kind(&w);
		return;
	}

	atomic64_inc(&counts[LIVE_SITE]);
	if (READ_ONCE(mode) == LIVE_MEDIATE)
		instruction_pointer_set(regs, (unsigned long)live_text_poke);
	else
		audit(&w, &met);
}

static struct ftrace_ops text_poke_ops = {
	.func = text_poke_entered,
	.flags = FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_IPMODIFY |
		 FTRACE_OPS_FL_PERMANENT,
};

static int hook_install(void)
{
	unsigned long text_poke = ksym_address("__text_poke");
	int err;

	text_poke_memcpy = (void *)ksym_address("text_poke_memcpy");
	if (!text_poke || !text_poke_memcpy) {
		pr_err("live mode: no __text_poke() and text_poke_memcpy() in this kernel\n");
		return -ENOENT;
	}
	static_call_update(lvbs_text_poke, (text_poke_fn *)text_poke);

	err = ftrace_set_filter_ip(&text_poke_ops, text_poke, 0, 1);
	if (!err)
		err = register_ftrace_function(&text_poke_ops);
	if (err)
		pr_err("live mode: cannot hook __text_poke(): error %d (is it traced by a live patch or BPF, or kernel.ftrace_enabled 0?)\n",
		       err);
	return err;
}

static int hook_remove(void)
{
	int err = unregister_ftrace_function(&text_poke_ops);

	if (err) {
		pr_err("live mode: cannot unhook __text_poke(): error %d\n",
		       err);
		return err;
	}
	/*
	 * unregister_ftrace_function() waited for the tasks that it preempted
	 * between the call and live_text_poke(): all others are counted.
	 */
	wait_var_event(&in_flight, !atomic_read(&in_flight));
	/* Wait for the tasks that still return through the module's text. */
	synchronize_rcu_tasks();
	return 0;
}

/* A key that nothing but the proof uses. */
static DEFINE_STATIC_KEY_FALSE(proof_key);

static noinline bool proof_branch(void)
{
	return static_branch_unlikely(&proof_key);
}

/* Switch the key on and off: three writes each, of which none may be missed. */
static int prove_writes_are_seen(void)
{
	s64 before = atomic64_read(&counts[LIVE_VTL1]);
	bool on, off;

	static_branch_enable(&proof_key);
	on = proof_branch();
	static_branch_disable(&proof_key);
	off = proof_branch();

	if (on && !off && atomic64_read(&counts[LIVE_VTL1]) - before >= 6)
		return 0;
	pr_err("live mode: text writes of a test key were not seen\n");
	return -EBUSY;
}

static int requests_make(void)
{
	requests = (void *)get_zeroed_page(GFP_KERNEL);
	return requests ? 0 : -ENOMEM;
}

static void requests_free(void)
{
	free_page((unsigned long)requests);
	requests = NULL;
}

static int live_start(enum live_mode new)
{
	int err;

	lockdep_assert_held(&mode_lock);

	live_kinds_find();
	err = requests_make();
	if (err)
		return err;
	err = live_sites_begin(new == LIVE_MEDIATE);
	if (err)
		goto free_requests;

	WRITE_ONCE(mode, new);
	err = hook_install();
	if (err)
		goto end_sites;
	err = prove_writes_are_seen();
	if (err)
		goto remove_hook;
	return 0;

remove_hook:
	/* A hook that stays needs all of this. */
	if (hook_remove())
		return err;
end_sites:
	WRITE_ONCE(mode, LIVE_OFF);
	live_sites_end();
free_requests:
	requests_free();
	return err;
}

static int live_stop(void)
{
	int err;

	lockdep_assert_held(&mode_lock);

	err = hook_remove();
	if (err)
		return err;
	WRITE_ONCE(mode, LIVE_OFF);
	live_sites_end();
	requests_free();
	return 0;
}

static int live_switch(enum live_mode new)
{
	int err = 0;

	lockdep_assert_held(&mode_lock);

	if (new == LIVE_OFF) {
		if (mode != LIVE_OFF)
			err = live_stop();
	} else if (mode == LIVE_OFF) {
		err = live_start(new);
	} else {
		err = live_sites_set_mediate(new == LIVE_MEDIATE);
		if (!err)
			WRITE_ONCE(mode, new);
	}
	if (!err)
		lvbs_log("live mode: %s", mode_names[new]);
	return err;
}

int live_set_mode(const char *name)
{
	int new = match_string(mode_names, LIVE_MODE_NR, name);
	int err = 0;

	if (new < 0)
		return -EINVAL;

	mutex_lock(&mode_lock);
	/* Modes are in order of what they allow. */
	if (new >= mode) {
		err = live_switch(new);
	} else {
		err = vtlcall_widen_begin();
		if (!err) {
			err = live_switch(new);
			vtlcall_widen_end();
		}
	}
	mutex_unlock(&mode_lock);
	return err;
}

const char *live_mode_name(void)
{
	return mode_names[READ_ONCE(mode)];
}

void live_show(struct seq_file *m)
{
	int kind;

	for (kind = 0; kind < LIVE_NR; kind++)
		seq_printf(m, "live_%s: %lld\n", kind_names[kind],
			   atomic64_read(&counts[kind]));
	seq_printf(m, "live_refused: %lld\n", atomic64_read(&refused_count));
	seq_printf(m, "live_passed: %lld\n", atomic64_read(&passed_count));
}

int live_init(void)
{
	int err;

	err = first_seen_init();
	if (err)
		return err;
	err = live_sites_init();
	if (err)
		first_seen_exit();
	return err;
}

/* Not a user's wish: also after the end of boot. */
static int live_end(void)
{
	int err;

	mutex_lock(&mode_lock);
	err = live_switch(LIVE_OFF);
	mutex_unlock(&mode_lock);
	return err;
}

void live_exit(void)
{
	/*
	 * After a bug in ftrace the hook cannot be removed. The kernel still
	 * calls it, so this module must not go; live mode goes on meanwhile.
	 */
	if (live_end())
		pr_emerg("live mode: the module cannot be unloaded: __text_poke() is still hooked\n");
	while (mode != LIVE_OFF) {
		ssleep(10);
		live_end();
	}
	/* Leaves dangling pointers: not before the last use. */
	ftrace_free_filter(&text_poke_ops);
	live_sites_exit();
	first_seen_exit();
}
