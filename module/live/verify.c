// SPDX-License-Identifier: GPL-2.0
/*
 * heki/verify: the text as it is, against the text as it was first seen.
 *
 * Of each byte that differs, the kind of its instruction is looked for: where the
 * kernel's own records say that it may be patched, and to what. What no record
 * accounts for is unknown.
 *
 * One page is compared at a time, with the locks of first_seen_lock_text() held.
 */
#include <linux/err.h>
#include <linux/jump_label.h>
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/static_call.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

#include "ksym.h"
#include "live/forms.h"
#include "live/live.h"
#include "phys/phys.h"

#define INT3	0xcc

/* Of unknown bytes, in one line. */
#define LINE_BYTES	16

enum verify_kind {
	VERIFY_JUMP_LABEL,
	VERIFY_STATIC_CALL,
	VERIFY_FTRACE,
	VERIFY_KPROBE,
	VERIFY_OPTPROBE,
	VERIFY_ALTERNATIVE,
	VERIFY_UNKNOWN,
	VERIFY_NR
};

static const char * const kind_names[VERIFY_NR] = {
	[VERIFY_JUMP_LABEL] = "jump_label",
	[VERIFY_STATIC_CALL] = "static_call",
	[VERIFY_FTRACE] = "ftrace",
	[VERIFY_KPROBE] = "kprobe",
	[VERIFY_OPTPROBE] = "optprobe",
	[VERIFY_ALTERNATIVE] = "alternative",
	[VERIFY_UNKNOWN] = "unknown",
};

struct verify_counts {
	u64 bytes;
	u64 kinds[VERIFY_NR];
};

/* One open file. */
struct verify {
	loff_t pos;			/* of the page, from the start */
	u64 id;				/* of its region, or of the next one */
	size_t at;			/* offset of the page in it */
	size_t skip;			/* bytes of it judged with the page before */
	bool ended;			/* the totals are next */
	struct verify_counts total;
	/* By show(), which may run more than once for a page. */
	struct verify_counts page;
	size_t page_skip;
	u64 page_id;
};

/* An instruction whose bytes differ. */
struct deviation {
	unsigned long va;
	size_t len;
	enum verify_kind kind;
};

/* ---- what the kernel's records say ---- */

static struct form_targets targets;

/* Of the function tracer (arch/x86/kernel/ftrace_64.S). */
static struct {
	unsigned long caller;
	unsigned long regs_caller;
	unsigned long stub;
	unsigned long list_func;
	unsigned long graph_caller;
	unsigned long graph_call;
	const unsigned long *function;	/* what its callers call */
} tracer;

static unsigned long tramps_start, tramps_end;

static void find_symbols(void)
{
	const unsigned long *thunk;

	live_kinds_find();
	targets.return0 = ksym_address("__static_call_return0");
	targets.warn_trap = ksym_address("__WARN_trap");
	thunk = (void *)ksym_address("x86_return_thunk");
	targets.return_thunk = thunk ? *thunk : 0;
	tracer.caller = ksym_address("ftrace_caller");
	tracer.regs_caller = ksym_address("ftrace_regs_caller");
	tracer.stub = ksym_address("ftrace_stub");
	tracer.list_func = ksym_address("arch_ftrace_ops_list_func");
	tracer.graph_caller = ksym_address("ftrace_graph_caller");
	tracer.function = (void *)ksym_address("ftrace_trace_function");
	tracer.graph_call = ksym_address("ftrace_graph_call");
	tramps_start = ksym_address("__static_call_text_start");
	/* The last one: pairs with the acquire in live_verify_open(). */
	smp_store_release(&tramps_end, ksym_address("__static_call_text_end"));
}

static bool now_at(unsigned long va, u8 *insn, size_t len)
{
	return !copy_nofault_from(insn, (void *)va, len);
}

/* The text of which @va is part as it was; all @len bytes are in the region. */
static void then_at(const struct text_region *region, unsigned long va, u8 *to,
		    size_t len)
{
	size_t at = va - region->start;

	for (; len; len--, at++)
		*to++ = *((u8 *)region->pages[at >> PAGE_SHIFT] +
			  offset_in_page(at));
}

static unsigned long target_of(const u8 *insn, unsigned long va)
{
	return form_call_target(insn, va) ?: form_jump_target(insn, va);
}

static bool call_site_is_legal(const u8 *insn, unsigned long va)
{
	unsigned long to = target_of(insn, va);

	if (form_is_nop(insn))
		return true;
	return to && (to == tracer.caller || to == tracer.regs_caller ||
		      live_is_ftrace_trampoline(to) ||
		      to == live_ftrace_direct(va));
}

/* The calls in ftrace_caller() and ftrace_regs_caller(). */
static bool tracer_call_is_legal(const u8 *insn, unsigned long va)
{
	unsigned long to = target_of(insn, va);

	if (va == tracer.graph_call)
		return form_is_nop(insn) ||
		       (to && (to == tracer.graph_caller || to == tracer.stub));
	return to && (to == tracer.stub || to == tracer.list_func ||
		      (tracer.function && to == *tracer.function));
}

static bool find_ftrace(struct deviation *dev)
{
	unsigned long site = live_ftrace_site(dev->va);
	unsigned long va = site ?: live_tracer_call(dev->va);
	u8 insn[FORM_BYTES];

	if (!va || !now_at(va, insn, FORM_BYTES) ||
	    !(site ? call_site_is_legal(insn, va) :
		     tracer_call_is_legal(insn, va)))
		return false;
	*dev = (struct deviation) { va, FORM_BYTES, VERIFY_FTRACE };
	return true;
}

/*
 * An INT3, or a jump to a slot for optimised probes. The INT3 may stand over such
 * a jump.
 */
static bool find_kprobe(struct deviation *dev)
{
	u8 insn[FORM_BYTES], jump[FORM_BYTES];
	unsigned long va;
	unsigned int i;

	for (i = 0; i < FORM_BYTES; i++) {
		va = dev->va - i;
		if (!live_kprobe_at(va) || !now_at(va, insn, FORM_BYTES))
			continue;
		memcpy(jump, insn, FORM_BYTES);
		jump[0] = 0xe9;
		if ((insn[0] == INT3 || insn[0] == jump[0]) &&
		    live_is_optinsn_slot(form_jump_target(jump, va))) {
			*dev = (struct deviation) {
				va, FORM_BYTES, VERIFY_OPTPROBE
			};
			return true;
		}
		if (!i && insn[0] == INT3) {
			*dev = (struct deviation) { va, 1, VERIFY_KPROBE };
			return true;
		}
	}
	return false;
}

static bool jump_label_is_legal(const struct text_region *region,
				const struct form_ref *ref, struct deviation *dev)
{
	const struct jump_entry *entry = first_seen_jump_entry(region,
							       ref->entry);
	unsigned long va = region->start + ref->at;
	u8 then[FORM_BYTES] = {}, now[FORM_BYTES];
	size_t left = region->bytes - ref->at;
	unsigned int size;

	/* A short one may be the last instruction. */
	then_at(region, va, then, min_t(size_t, left, FORM_BYTES));
	size = form_jump_label_size(then);
	if (size > left || dev->va - va >= size || !now_at(va, now, size) ||
	    !form_is_jump_label(now, size, va, jump_entry_target(entry)))
		return false;
	*dev = (struct deviation) { va, size, VERIFY_JUMP_LABEL };
	return true;
}

static bool static_call_is_legal(const struct text_region *region,
				 const struct form_ref *ref,
				 struct deviation *dev)
{
	const struct static_call_site *site = first_seen_static_call(region,
								     ref->entry);
	long key_flags = (long)site->key + (long)&site->key;
	const struct static_call_key *key = (void *)(key_flags & ~3L);
	unsigned long va = region->start + ref->at;
	u8 insn[FORM_BYTES];

	/* Bit 0: a tail call (include/linux/static_call_types.h). */
	if (dev->va - va >= FORM_BYTES || !now_at(va, insn, FORM_BYTES) ||
	    !form_is_static_call(insn, va, key_flags & 1,
				 (unsigned long)key->func, &targets))
		return false;
	*dev = (struct deviation) { va, FORM_BYTES, VERIFY_STATIC_CALL };
	return true;
}

static bool lock_is_legal(const struct text_region *region,
			  const struct form_ref *ref, struct deviation *dev)
{
	u8 byte;

	return region->start + ref->at == dev->va && now_at(dev->va, &byte, 1) &&
	       form_is_lock(byte);
}

static bool find_in_tables(const struct text_region *region,
			   struct deviation *dev)
{
	const struct form_ref *ref;

	ref = form_index_find(&region->index, dev->va - region->start);
	if (!ref)
		return false;
	switch (ref->table) {
	case FORM_JUMP_LABEL:
		return jump_label_is_legal(region, ref, dev);
	case FORM_STATIC_CALL:
		return static_call_is_legal(region, ref, dev);
	case FORM_LOCK:
		if (!lock_is_legal(region, ref, dev))
			return false;
		*dev = (struct deviation) { dev->va, 1, VERIFY_ALTERNATIVE };
		return true;
	}
	return false;
}

/* The tables of a module's lock prefixes are not kept where others find them. */
static bool find_module_lock(const struct text_region *region,
			     struct deviation *dev)
{
	u8 then, now;

	if (!region->mod || !first_seen_locks_switch() ||
	    !now_at(dev->va, &now, 1))
		return false;
	then_at(region, dev->va, &then, 1);
	if (!form_is_lock(then) || !form_is_lock(now))
		return false;
	*dev = (struct deviation) { dev->va, 1, VERIFY_ALTERNATIVE };
	return true;
}

/* A trampoline is one instruction and a mark of three bytes. */
#define TRAMP_BYTES	8

struct tramp_search {
	unsigned long va;
	const struct static_call_key *key;
};

static void match_tracepoint(struct tracepoint *tp, void *ctx)
{
	struct tramp_search *search = ctx;

	if ((unsigned long)tp->static_call_tramp == search->va)
		search->key = tp->static_call_key;
}

/* By name: the trampoline of "x" is __SCT__x, its key __SCK__x. */
static const struct static_call_key *key_by_name(unsigned long va)
{
	static const char prefix[] = "__SCT__";
	char name[KSYM_SYMBOL_LEN];
	char *blank;

	sprint_symbol_no_offset(name, va);
	blank = strchr(name, ' ');	/* before a module's name */
	if (blank)
		*blank = '\0';
	if (strncmp(name, prefix, sizeof(prefix) - 1))
		return NULL;
	name[4] = 'K';
	return (void *)ksym_address(name);
}

static const struct static_call_key *tramp_key(const struct text_region *region,
					       unsigned long va)
{
	struct tramp_search search = { .va = va };
	unsigned int i;

	if (!region->mod)
		for_each_kernel_tracepoint(match_tracepoint, &search);
	for (i = 0; region->mod && i < region->mod->num_tracepoints; i++)
		match_tracepoint(tracepoint_ptr_deref(&region->mod->tracepoints_ptrs[i]),
				 &search);
	return search.key ?: key_by_name(va);
}

/* In the kernel trampolines have a section of their own; in modules, the mark. */
static unsigned long tramp_at(const struct text_region *region, unsigned long va)
{
	static const u8 mark[] = { 0x0f, 0xb9, 0xcc };
	u8 then[TRAMP_BYTES];
	unsigned int i;

	if (!region->mod)
		return va - tramps_start < tramps_end - tramps_start ?
		       va - (va - tramps_start) % TRAMP_BYTES : 0;
	for (i = 0; i < FORM_BYTES; i++) {
		if (va - i < region->start ||
		    va - i + TRAMP_BYTES > region->start + region->bytes)
			continue;
		then_at(region, va - i, then, TRAMP_BYTES);
		if (!memcmp(then + FORM_BYTES, mark, sizeof(mark)))
			return va - i;
	}
	return 0;
}

static bool find_trampoline(const struct text_region *region,
			    struct deviation *dev)
{
	unsigned long va = tramp_at(region, dev->va);
	const struct static_call_key *key;
	u8 insn[FORM_BYTES];

	if (!va || dev->va - va >= FORM_BYTES || !now_at(va, insn, FORM_BYTES))
		return false;
	key = tramp_key(region, va);
	if (!key || !form_is_static_call(insn, va, true,
					 (unsigned long)key->func, &targets))
		return false;
	*dev = (struct deviation) { va, FORM_BYTES, VERIFY_STATIC_CALL };
	return true;
}

/* ---- one page ---- */

/* How many bytes from @at on differ, up to the end of the page. */
static size_t run_of_unknown(const u8 *then, const u8 *now, size_t at,
			     size_t end)
{
	size_t len = 1;

	while (len < LINE_BYTES && at + len < end &&
	       then[at + len] != now[at + len])
		len++;
	return len;
}

static void judge(const struct text_region *region, struct deviation *dev)
{
	/* A probe may be on any of the others. */
	if (!find_kprobe(dev) && !find_ftrace(dev) &&
	    !find_in_tables(region, dev) && !find_trampoline(region, dev) &&
	    !find_module_lock(region, dev))
		dev->kind = VERIFY_UNKNOWN;
}

static void show_deviation(struct seq_file *m, const struct text_region *region,
			   const struct deviation *dev)
{
	u8 then[LINE_BYTES], now[LINE_BYTES];

	then_at(region, dev->va, then, dev->len);
	if (!now_at(dev->va, now, dev->len))
		memset(now, 0, dev->len);
	seq_printf(m, "0x%lx %pS %*phN %*phN %s\n", dev->va, (void *)dev->va,
		   (int)dev->len, then, (int)dev->len, now,
		   kind_names[dev->kind]);
}

/* The text of a page as it is now; guarded by first_seen_lock_text(). */
static u8 buffer[PAGE_SIZE];

static void compare_page(struct seq_file *m, struct verify *v,
			 const struct text_region *region, size_t at)
{
	const u8 *then = region->pages[at >> PAGE_SHIFT];
	size_t end = min(region->bytes - at, PAGE_SIZE), i = v->skip;

	v->page = (struct verify_counts) { .bytes = end };
	v->page_skip = 0;
	if (copy_nofault_from(buffer, (void *)region->start + at, end)) {
		seq_printf(m, "0x%lx %pS - - unknown\n", region->start + at,
			   (void *)region->start + at);
		v->page.kinds[VERIFY_UNKNOWN]++;
		return;
	}
	if (!memcmp(then, buffer, end))
		return;
	while (i < end) {
		struct deviation dev = { .va = region->start + at + i };

		if (then[i] == buffer[i]) {
			i++;
			continue;
		}
		judge(region, &dev);
		if (dev.kind == VERIFY_UNKNOWN)
			dev.len = run_of_unknown(then, buffer, i, end);
		show_deviation(m, region, &dev);
		v->page.kinds[dev.kind]++;
		i = dev.va + dev.len - (region->start + at);
	}
	v->page_skip = i - end;
}

/* ---- the file ---- */

static void show_totals(struct seq_file *m, const struct verify *v)
{
	unsigned int kind;
	u64 nr = 0;

	for (kind = 0; kind < VERIFY_NR; kind++)
		nr += v->total.kinds[kind];
	first_seen_lock_text();
	seq_printf(m, "compared: %llu\nfirst_seen: %lu\ndeviations: %llu\n",
		   v->total.bytes, first_seen_memory(), nr);
	first_seen_unlock_text();
	for (kind = 0; kind < VERIFY_NR; kind++)
		seq_printf(m, "%s: %llu\n", kind_names[kind],
			   v->total.kinds[kind]);
}

static void *verify_start(struct seq_file *m, loff_t *pos)
{
	struct verify *v = m->private;

	if (!*pos)
		*v = (struct verify) {};
	else if (*pos != v->pos)
		return NULL;
	return v->pos < 0 ? NULL : v;
}

static void *verify_next(struct seq_file *m, void *p, loff_t *pos)
{
	struct verify *v = p;
	unsigned int kind;

	if (v->ended) {
		v->pos = -1;
		(*pos)++;
		return NULL;
	}
	v->total.bytes += v->page.bytes;
	for (kind = 0; kind < VERIFY_NR; kind++)
		v->total.kinds[kind] += v->page.kinds[kind];
	v->skip = v->page_skip;
	if (!v->page_id) {
		v->ended = true;
	} else {
		v->at = v->page_id == v->id ? v->at + PAGE_SIZE : PAGE_SIZE;
		v->id = v->page_id;
	}
	v->pos = ++*pos;
	return v;
}

static void verify_stop(struct seq_file *m, void *p)
{
}

static int verify_show(struct seq_file *m, void *p)
{
	const struct text_region *region;
	struct verify *v = p;
	size_t at = v->at;

	if (v->ended) {
		show_totals(m, v);
		return 0;
	}
	v->page = (struct verify_counts) {};
	v->page_id = 0;
	first_seen_lock_text();
	region = first_seen_from(v->id);
	if (region && region->id == v->id && at >= region->bytes)
		region = first_seen_from(v->id + 1);
	if (region && region->id != v->id) {
		at = 0;
		v->skip = 0;
	}
	if (region) {
		v->page_id = region->id;
		compare_page(m, v, region, at);
	}
	first_seen_unlock_text();
	cond_resched();
	return 0;
}

static const struct seq_operations verify_ops = {
	.start = verify_start,
	.next = verify_next,
	.stop = verify_stop,
	.show = verify_show,
};

int live_verify_open(struct inode *inode, struct file *file)
{
	int err;

	err = first_seen_complete();
	if (err)
		return err;
	/* Looking up symbols is slow. Who comes at the same time finds the same. */
	if (!smp_load_acquire(&tramps_end))
		find_symbols();
	return seq_open_private(file, &verify_ops, sizeof(struct verify));
}
