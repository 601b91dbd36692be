// SPDX-License-Identifier: GPL-2.0
/*
 * The places where the kernel patches its text, and what each may hold: call sites
 * of the function tracer and the calls that it makes, jump labels, static calls and
 * their trampolines.
 *
 * What a place may hold now is what heki/verify asks. What may be written to it is
 * asked when the kernel queues an instruction, and is narrower: what the tracer's
 * record, the key, or the call's function selects.
 */
#include <linux/ftrace.h>
#include <linux/jump_label.h>
#include <linux/kallsyms.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/static_call.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

#include "heki/heki.h"
#include "ksym.h"
#include "live/forms.h"
#include "live/live.h"
#include "phys/phys.h"

/* A trampoline is one instruction and a mark (arch/x86/kernel/static_call.c). */
#define TRAMP_BYTES	8
static const u8 tramp_mark[] = { 0x0f, 0xb9, 0xcc };

/* Constant once found; 0 if this kernel has none. */
static struct form_targets targets;

/* arch/x86/kernel/ftrace_64.S */
static struct {
	unsigned long caller;
	unsigned long regs_caller;
	unsigned long calls[3];		/* what they, and the graph tracer, call */
	unsigned long stub;
	unsigned long list_func;
	unsigned long assist_func;
	unsigned long graph_caller;
	const unsigned long *function;	/* what its callers call */
} tracer;

static unsigned long tramps_start, tramps_end;

/* Keys of the kernel's trampolines, in order; NULL if not known yet. */
static const struct static_call_key **tramp_keys;

static unsigned long nr_tramps(void)
{
	return (tramps_end - tramps_start) / TRAMP_BYTES;
}

static void add_tracepoint(struct tracepoint *tp, void *ctx)
{
	unsigned long at = (unsigned long)tp->static_call_tramp - tramps_start;

	if (tp->static_call_key && at < tramps_end - tramps_start)
		tramp_keys[at / TRAMP_BYTES] = tp->static_call_key;
}

/* How far before a function its call thunk is, if the kernel uses them. */
static unsigned long call_thunk_bytes(void)
{
	const bool *in_use = (void *)ksym_address("thunks_initialized");

	return in_use && *in_use ? live_call_thunk_bytes() : 0;
}

int live_places_find(void)
{
	const unsigned long *thunk;

	targets.return0 = ksym_address("__static_call_return0");
	targets.warn_trap = ksym_address("__WARN_trap");
	thunk = (void *)ksym_address("x86_return_thunk");
	targets.return_thunk = thunk ? *thunk : ksym_address("__x86_return_thunk");
	targets.pad = call_thunk_bytes();
	tracer.caller = ksym_address("ftrace_caller");
	tracer.regs_caller = ksym_address("ftrace_regs_caller");
	tracer.calls[0] = ksym_address("ftrace_call");
	tracer.calls[1] = ksym_address("ftrace_regs_call");
	tracer.calls[2] = ksym_address("ftrace_graph_call");
	tracer.stub = ksym_address("ftrace_stub");
	tracer.list_func = ksym_address("arch_ftrace_ops_list_func");
	tracer.assist_func = ksym_address("ftrace_ops_assist_func");
	tracer.graph_caller = ksym_address("ftrace_graph_caller");
	tracer.function = (void *)ksym_address("ftrace_trace_function");
	tramps_start = ksym_address("__static_call_text_start");
	tramps_end = ksym_address("__static_call_text_end");

	tramp_keys = kvcalloc(max(nr_tramps(), 1UL), sizeof(*tramp_keys),
			      GFP_KERNEL);
	if (!tramp_keys)
		return -ENOMEM;
	for_each_kernel_tracepoint(add_tracepoint, NULL);
	return 0;
}

void live_places_exit(void)
{
	kvfree(tramp_keys);
	tramp_keys = NULL;
}

/* ---- static calls ---- */

/*
 * By name: the trampoline of "x" is __SCT__x, its key __SCK__x. Another module may have
 * a key of the same name; @mod is NULL for the kernel's.
 */
static const struct static_call_key *key_by_name(const struct module *mod,
						 unsigned long va)
{
	static const char prefix[] = "__SCT__";
	char name[KSYM_SYMBOL_LEN], qualified[KSYM_SYMBOL_LEN];
	char *blank;

	sprint_symbol_no_offset(name, va);
	blank = strchr(name, ' ');	/* before a module's name */
	if (blank)
		*blank = '\0';
	if (strncmp(name, prefix, sizeof(prefix) - 1))
		return NULL;
	name[4] = 'K';
	if (!mod)
		return (void *)ksym_address(name);
	scnprintf(qualified, sizeof(qualified), "%s:%s", mod->name, name);
	return (void *)ksym_address(qualified);
}

static const struct static_call_key *key_of_module(const struct module *mod,
						   unsigned long va)
{
	const struct tracepoint *tp;
	unsigned int i;

	for (i = 0; i < mod->num_tracepoints; i++) {
		tp = tracepoint_ptr_deref(&mod->tracepoints_ptrs[i]);
		if ((unsigned long)tp->static_call_tramp == va)
			return tp->static_call_key;
	}
	return key_by_name(mod, va);
}

static const struct static_call_key *key_of_kernel(unsigned long va)
{
	const struct static_call_key **key;

	key = &tramp_keys[(va - tramps_start) / TRAMP_BYTES];
	/* The search by name is slow. */
	if (!*key)
		WRITE_ONCE(*key, key_by_name(NULL, va));
	return *key;
}

/* In the kernel trampolines have a section of their own; in modules, the mark. */
static unsigned long tramp_at(const struct text_region *region, unsigned long va)
{
	u8 then[TRAMP_BYTES];
	unsigned int i;

	if (!region->mod)
		return va - tramps_start < tramps_end - tramps_start ?
		       va - (va - tramps_start) % TRAMP_BYTES : 0;
	for (i = 0; i < FORM_BYTES; i++)
		if (first_seen_bytes(region, va - i, then, TRAMP_BYTES) &&
		    !memcmp(then + FORM_BYTES, tramp_mark, sizeof(tramp_mark)))
			return va - i;
	return 0;
}

static bool find_trampoline(const struct text_region *region, unsigned long va,
			    struct live_place *place)
{
	unsigned long tramp = tramp_at(region, va);
	const struct static_call_key *key;

	if (!tramp || va - tramp >= FORM_BYTES)
		return false;
	key = region->mod ? key_of_module(region->mod, tramp) :
			    key_of_kernel(tramp);
	if (!key)
		return false;
	*place = (struct live_place) {
		.type = PLACE_STATIC_CALL,
		.kind = LIVE_STATIC_CALL,
		.va = tramp,
		.len = FORM_BYTES,
		.key = key,
		.flag = true,
	};
	return true;
}

static const char *check_static_call(const struct live_place *place,
				     const u8 *insn)
{
	const struct static_call_key *key = place->key;
	unsigned long func;

	if (copy_nofault_from(&func, &key->func, sizeof(func)))
		return "its key cannot be read";
	if (place->len == INSN_BYTES ?
	    form_is_conditional_call(insn, place->va, func, &targets) :
	    form_is_static_call(insn, place->va, place->flag, func, &targets))
		return NULL;
	return "not a call of the key's function";
}

/*
 * May an INT3 do @emulate while @insn is written? Mostly it does what @insn does, and
 * @emulate is NULL. What stands for a call of a function is emulated as that call.
 */
bool live_place_emulates(const struct live_place *place, const u8 *insn,
			 const u8 *emulate)
{
	bool stands_for_call = place->type == PLACE_STATIC_CALL &&
			       form_stands_for_call(insn);
	const struct static_call_key *key = place->key;
	unsigned long func;

	if (!stands_for_call || !emulate)
		return !stands_for_call && !emulate;
	return !copy_nofault_from(&func, &key->func, sizeof(func)) && func &&
	       form_call_target(emulate, place->va) == func;
}

/* ---- jump labels ---- */

static const char *check_jump_label(const struct live_place *place,
				    const u8 *insn, bool written)
{
	const struct static_key *key = place->key;
	bool nop = same_insn(insn, heki_nop(place->len), place->len);
	int enabled;

	if (!form_is_jump_label(insn, place->len, place->va, place->target))
		return "neither a NOP nor a jump to the label";
	if (!written)
		return NULL;
	if (copy_nofault_from(&enabled, &key->enabled, sizeof(enabled)))
		return "its key cannot be read";
	/* Less than 0 while the key is being enabled. */
	return nop == (!!enabled ^ place->flag) ? "not what the key selects" :
						  NULL;
}

/* ---- what the tables of a text say ---- */

static bool find_in_index(const struct text_region *region, unsigned long va,
			  struct live_place *place)
{
	const struct form_ref *ref;

	ref = form_index_find(&region->index, va - region->start);
	if (!ref || va - region->start - ref->at >= ref->size)
		return false;

	*place = (struct live_place) {
		.va = region->start + ref->at,
		.len = ref->size,
		.key = ref->key,
		.flag = ref->flag,
	};
	switch (ref->table) {
	case FORM_JUMP_LABEL:
		place->type = PLACE_JUMP_LABEL;
		place->kind = LIVE_JUMP_LABEL;
		place->target = region->start + ref->target;
		/* A label elsewhere is not the owner's to jump to. */
		return ref->target >= 0 && ref->target < region->bytes;
	case FORM_STATIC_CALL:
		place->type = PLACE_STATIC_CALL;
		place->kind = LIVE_STATIC_CALL;
		return true;
	case FORM_LOCK:
		place->type = PLACE_LOCK;
		place->kind = LIVE_ALTERNATIVE;
		return true;
	}
	return false;
}

/* ---- the function tracer ---- */

static const char *check_call_site_now(const struct live_place *place,
				       unsigned long to)
{
	unsigned long func;

	if (to == tracer.caller || to == tracer.regs_caller ||
	    live_ftrace_trampoline(to, &func) == to ||
	    to == live_ftrace_direct(place->va))
		return NULL;
	return "not a call of a tracer";
}

/* As ftrace_get_addr_new() has it, which must not be asked at a wrong time. */
static const char *check_call_site_written(const struct live_place *place,
					   unsigned long to)
{
	unsigned long flags = place->flags;
	const struct dyn_ftrace rec = { .flags = flags };

	if (flags == -1UL)
		return "no record of the tracer";
	if (!ftrace_rec_count(&rec) || (flags & FTRACE_FL_DISABLED))
		return to ? "the function is not traced" : NULL;
	if (!to)
		return "the function is traced";
	if ((flags & FTRACE_FL_DIRECT) && ftrace_rec_count(&rec) == 1)
		return to == live_ftrace_direct(place->va) ? NULL :
		       "not a call of its direct trampoline";
	if (flags & FTRACE_FL_TRAMP)
		return live_ftrace_traces(to, place->va) ? NULL :
		       "not a call of its tracer's trampoline";
	return to == (flags & FTRACE_FL_REGS ? tracer.regs_caller :
					       tracer.caller) ?
	       NULL : "not a call of the tracer";
}

static unsigned long target_of(const u8 *insn, unsigned long va)
{
	return form_call_target(insn, va) ?: form_jump_target(insn, va);
}

static const char *check_call_site(const struct live_place *place,
				   const u8 *insn, bool written)
{
	unsigned long to = target_of(insn, place->va);

	if (!to && !form_is_nop(insn))
		return "neither a NOP nor a call";
	if (written)
		return check_call_site_written(place, to);
	return to ? check_call_site_now(place, to) : NULL;
}

/*
 * The call that the tracer makes. A call of the stub stops all its users, live mode
 * among them: it may be written only if there are none.
 */
static const char *check_tracer_call(const struct live_place *place,
				     const u8 *insn, bool written)
{
	unsigned long to = target_of(insn, place->va), func;
	bool ok;

	if (place->va == tracer.calls[2])
		return form_is_nop(insn) ||
		       (to && (to == tracer.graph_caller || to == tracer.stub)) ?
		       NULL : "not a call of the graph tracer";
	if (!to)
		return "not a call";
	if (live_ftrace_trampoline(place->va, &func))
		ok = to == func || to == tracer.assist_func;
	else if (written && tracer.function)
		ok = to == tracer.list_func || to == *tracer.function;
	else
		ok = to == tracer.stub || to == tracer.list_func ||
		     to == tracer.assist_func ||
		     (tracer.function && to == *tracer.function);
	return ok ? NULL : "not a call of the tracer's function";
}

static unsigned long tracer_call_at(unsigned long va)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tracer.calls); i++)
		if (va - tracer.calls[i] < FORM_BYTES)
			return tracer.calls[i];
	return 0;
}

/* The call in a trampoline begins at @va. It is a copy of one of the callers. */
static bool call_in_trampoline(unsigned long va)
{
	unsigned long func, start = live_ftrace_trampoline(va, &func);
	u8 insn[FORM_BYTES];

	return start && (va - start == tracer.calls[0] - tracer.caller ||
			 va - start == tracer.calls[1] - tracer.regs_caller) &&
	       !copy_nofault_from(insn, (void *)va, FORM_BYTES) &&
	       (insn[0] == INT3 || target_of(insn, va));
}

static bool find_ftrace(const struct text_region *region, unsigned long va,
			struct live_place *place)
{
	enum live_place_type type = PLACE_CALL_SITE;
	unsigned long flags, at;

	at = live_ftrace_site_in(va, va, &flags);
	if (!at) {
		type = PLACE_TRACER_CALL;
		if (region)
			at = tracer_call_at(va);
		else
			at = call_in_trampoline(va) ? va : 0;
	}
	if (!at)
		return false;
	*place = (struct live_place) {
		.type = type,
		.kind = LIVE_FTRACE,
		.va = at,
		.len = FORM_BYTES,
		.flags = flags,
	};
	return true;
}

/* ---- all places ---- */

/*
 * Is a byte at @va part of an instruction that may be patched? @region is the text
 * that has @va, or NULL. Any context; text_mutex is held.
 */
bool live_place_at(const struct text_region *region, unsigned long va,
		   struct live_place *place)
{
	/* Most are the tracer's. */
	if (find_ftrace(region, va, place))
		return true;
	return region && (find_in_index(region, va, place) ||
			  find_trampoline(region, va, place));
}

/*
 * May @place hold @insn, of place->len bytes? With @written: may it be written now?
 * Returns NULL, or why not.
 */
const char *live_place_check(const struct live_place *place, const u8 *insn,
			     bool written)
{
	switch (place->type) {
	case PLACE_CALL_SITE:
		return check_call_site(place, insn, written);
	case PLACE_TRACER_CALL:
		return check_tracer_call(place, insn, written);
	case PLACE_JUMP_LABEL:
		return check_jump_label(place, insn, written);
	case PLACE_STATIC_CALL:
		return check_static_call(place, insn);
	case PLACE_LOCK:
		return form_is_lock(insn[0]) ? NULL : "not a lock prefix";
	}
	return "no such place";
}

/* The first place found among @len bytes at @va. */
bool live_place_in(const struct text_region *region, unsigned long va, size_t len,
		   struct live_place *place)
{
	unsigned long last = va + len - 1, flags;
	unsigned long site = live_ftrace_site_in(va, last, &flags);
	const struct form_ref *ref;

	if (site)
		return live_place_at(region, site, place);
	if (live_place_at(region, va, place))
		return true;
	if (!region)
		return false;
	ref = form_index_find(&region->index, min(last - region->start,
						  region->bytes - 1));
	return ref && region->start + ref->at >= va &&
	       live_place_at(region, region->start + ref->at, place);
}
