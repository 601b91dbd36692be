// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel's own records say of an address. Each user of the kernel's text
 * writer keeps a table of its places, and the kernel has unexported functions that
 * search it. They are called by static calls, never through pointers.
 *
 * A function that this kernel lacks keeps returning 0.
 */
#include <linux/ftrace.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/static_call.h>

#include "ksym.h"
#include "live/forms.h"
#include "live/live.h"

/* Pointers are passed as numbers. */
typedef unsigned long ftrace_location_range_fn(unsigned long start,
					       unsigned long end);
typedef unsigned long ftrace_ops_trampoline_fn(unsigned long addr);
typedef int ftrace_ops_test_fn(unsigned long ops, unsigned long ip,
			       unsigned long regs);
typedef unsigned long ftrace_find_rec_direct_fn(unsigned long addr);
typedef unsigned long get_kprobe_fn(unsigned long addr);
typedef bool is_insn_slot_addr_fn(unsigned long cache, unsigned long addr);
typedef bool is_bpf_text_address_fn(unsigned long addr);
typedef unsigned long module_address_fn(unsigned long addr);

DEFINE_STATIC_CALL_RET0(lvbs_ftrace_location_range, ftrace_location_range_fn);
DEFINE_STATIC_CALL_RET0(lvbs_ftrace_ops_trampoline, ftrace_ops_trampoline_fn);
DEFINE_STATIC_CALL_RET0(lvbs_ftrace_ops_test, ftrace_ops_test_fn);
DEFINE_STATIC_CALL_RET0(lvbs_ftrace_find_rec_direct, ftrace_find_rec_direct_fn);
DEFINE_STATIC_CALL_RET0(lvbs_get_kprobe, get_kprobe_fn);
DEFINE_STATIC_CALL_RET0(lvbs_is_insn_slot_addr, is_insn_slot_addr_fn);
DEFINE_STATIC_CALL_RET0(lvbs_is_bpf_text_address, is_bpf_text_address_fn);
DEFINE_STATIC_CALL_RET0(lvbs_module_address, module_address_fn);

/* kernel/trace/ftrace.c */
struct ftrace_records {
	const struct ftrace_records *next;
	const struct dyn_ftrace *records;
	int nr;
	int order;
};

/* Constant once found; 0 if this kernel has none. */
static const struct ftrace_records * const *ftrace_records;
static bool ops_can_be_tested;
static unsigned long insn_slots, optinsn_slots;
static unsigned long aggr_pre_handler;
static struct list_head *all_modules;

unsigned long live_own_start, live_own_bytes;

static void find_own_text(void)
{
#ifdef MODULE
	struct module_memory text = module_text_memory(THIS_MODULE, false);

	live_own_start = (unsigned long)text.base;
	live_own_bytes = text.size;
#endif
}

#define FIND_CALL(name, symbol)						\
do {									\
	unsigned long found = ksym_address(symbol);			\
									\
	if (found)							\
		static_call_update(lvbs_##name, (name##_fn *)found);	\
} while (0)

void live_kernel_find(void)
{
	FIND_CALL(ftrace_location_range, "ftrace_location_range");
	FIND_CALL(ftrace_ops_trampoline, "ftrace_ops_trampoline");
	FIND_CALL(ftrace_ops_test, "ftrace_ops_test");
	ops_can_be_tested = ksym_address("ftrace_ops_test");
	FIND_CALL(ftrace_find_rec_direct, "ftrace_find_rec_direct");
	FIND_CALL(get_kprobe, "get_kprobe");
	FIND_CALL(is_insn_slot_addr, "__is_insn_slot_addr");
	FIND_CALL(is_bpf_text_address, "is_bpf_text_address");
	FIND_CALL(module_address, "__module_address");

	ftrace_records = (void *)ksym_address("ftrace_pages_start");
	insn_slots = ksym_address("kprobe_insn_slots");
	optinsn_slots = ksym_address("kprobe_optinsn_slots");
	aggr_pre_handler = ksym_address("aggr_pre_handler");
	all_modules = (void *)ksym_address("modules");
	find_own_text();
}

/* ---- the function tracer ---- */

/* The first record whose instruction has a byte from @first to @last, or NULL. */
static const struct dyn_ftrace *record_in(const struct ftrace_records *page,
					  unsigned long first,
					  unsigned long last)
{
	const struct dyn_ftrace *rec = page->records;
	int low = 0, high = page->nr;

	if (high <= 0 || last < rec[0].ip || first >= rec[high - 1].ip + FORM_BYTES)
		return NULL;
	while (low < high) {
		int mid = (low + high) / 2;

		if (rec[mid].ip + FORM_BYTES <= first)
			low = mid + 1;
		else
			high = mid;
	}
	return rec[low].ip <= last ? &rec[low] : NULL;
}

/*
 * The tracer's first call site that has a byte from @first to @last, or 0. @flags is
 * what its record says; without records, -1.
 */
unsigned long live_ftrace_site_in(unsigned long first, unsigned long last,
				  unsigned long *flags)
{
	const struct ftrace_records *page;
	const struct dyn_ftrace *rec = NULL;
	unsigned long site = 0;

	*flags = -1UL;
	if (!ftrace_records)
		return static_call(lvbs_ftrace_location_range)(first, last);
	preempt_disable();	/* keeps the records */
	for (page = READ_ONCE(*ftrace_records); page && !rec; page = page->next)
		rec = record_in(page, first, last);
	if (rec) {
		site = rec->ip;
		*flags = READ_ONCE(rec->flags);
	}
	preempt_enable();
	return site;
}

unsigned long live_ftrace_site(unsigned long addr)
{
	unsigned long flags;

	return live_ftrace_site_in(addr, addr, &flags);
}

/* The trampoline that has a byte at @addr: its start, and what it may call. */
unsigned long live_ftrace_trampoline(unsigned long addr, unsigned long *func)
{
	const struct ftrace_ops *ops;
	unsigned long start = 0;

	preempt_disable();	/* keeps the ops */
	ops = (void *)static_call(lvbs_ftrace_ops_trampoline)(addr);
	if (ops) {
		start = ops->trampoline;
		*func = (unsigned long)ops->func;
	}
	preempt_enable();
	return start;
}

/*
 * Does a trampoline begin at @addr, and does its user trace @site? That of another
 * user would call a function that does not expect this site, and no longer the one
 * that does.
 */
bool live_ftrace_traces(unsigned long addr, unsigned long site)
{
	const struct ftrace_ops *ops;
	bool found;

	preempt_disable();	/* keeps the ops */
	ops = (void *)static_call(lvbs_ftrace_ops_trampoline)(addr);
	found = ops && ops->trampoline == addr &&
		(!ops_can_be_tested ||
		 /* It tests nothing without registers. */
		 static_call(lvbs_ftrace_ops_test)((unsigned long)ops, site, 1));
	preempt_enable();
	return found;
}

unsigned long live_ftrace_direct(unsigned long site)
{
	/* Bit 0 of the address may say that it is jumped to, not called. */
	return static_call(lvbs_ftrace_find_rec_direct)(site) & ~1UL;
}

/* ---- probes ---- */

/*
 * The probe at @addr, if any: the byte that it replaced and, if it is optimised or
 * may be, the slot that it jumps to and the bytes after the first one.
 */
bool live_probe_at(unsigned long addr, struct live_probe *probe)
{
	const struct optimized_kprobe *op;
	const struct kprobe *p;

	*probe = (struct live_probe) {};
	preempt_disable();	/* get_kprobe() walks a list under RCU */
	p = (const struct kprobe *)static_call(lvbs_get_kprobe)(addr);
	if (p) {
		probe->opcode = p->opcode;
		if (aggr_pre_handler &&
		    (unsigned long)p->pre_handler == aggr_pre_handler) {
			op = container_of(p, struct optimized_kprobe, kp);
			probe->slot = (unsigned long)op->optinsn.insn;
			memcpy(probe->tail, op->optinsn.copied_insn,
			       sizeof(probe->tail));
		}
	}
	preempt_enable();
	return p;
}

bool live_is_insn_slot(unsigned long addr)
{
	return insn_slots &&
	       static_call(lvbs_is_insn_slot_addr)(insn_slots, addr);
}

bool live_is_optinsn_slot(unsigned long addr)
{
	return optinsn_slots &&
	       static_call(lvbs_is_insn_slot_addr)(optinsn_slots, addr);
}

/* ---- modules and generated code ---- */

bool live_is_bpf_text(unsigned long addr)
{
	return static_call(lvbs_is_bpf_text_address)(addr);
}

/* The module that has @addr, or NULL. The caller has preemption disabled. */
const struct module *live_module_at(unsigned long addr)
{
	return (const struct module *)static_call(lvbs_module_address)(addr);
}

/* Is @addr in the text of a module that is not COMING yet: it cannot run. */
bool live_in_unformed_module(unsigned long addr)
{
	const struct module *mod;
	bool found = false;

	if (!all_modules)
		return false;
	preempt_disable();
	list_for_each_entry_rcu(mod, all_modules, list)
		found |= mod->state == MODULE_STATE_UNFORMED &&
			 (within_module_core(addr, mod) ||
			  within_module_init(addr, mod));
	preempt_enable();
	return found;
}

/* With @get the module is one that a reference could be taken to. */
static struct module *find_matching(bool (*matches)(const struct module *mod),
				    bool get)
{
	struct module *mod, *found = NULL;

	if (!all_modules)
		return NULL;
	preempt_disable();
	list_for_each_entry_rcu(mod, all_modules, list) {
		if (matches(mod) && (!get || try_module_get(mod))) {
			found = mod;
			break;
		}
	}
	preempt_enable();
	return found;
}

bool live_module_any(bool (*matches)(const struct module *mod))
{
	return find_matching(matches, false);
}

struct module *live_module_get(bool (*matches)(const struct module *mod))
{
	return find_matching(matches, true);
}
