// SPDX-License-Identifier: GPL-2.0
/*
 * Whom a text write belongs to, and whether it is legal.
 *
 * Instructions are checked when the kernel queues them, before their first byte is
 * written: see places.c. Here are the users that write bytes by themselves: probes,
 * lock prefixes, generated code, the debugger.
 */
#include <linux/bpf.h>
#include <linux/elf.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/string.h>
#include <asm/insn.h>

#include "ksym.h"
#include "live/forms.h"
#include "live/live.h"
#include "phys/phys.h"

#define PROBE_TAIL	4	/* bytes of a jump after the first one */

/* What a slot of an optimised probe begins with (arch/x86/kernel/kprobes/opt.c). */
static struct {
	unsigned long entry;
	unsigned long clac;
	unsigned long val;
	unsigned long call;
	unsigned long end;
	unsigned long callback;
} template;

static unsigned long thunk_start, thunk_end;

/* The kernel's only one, of XDP; NULL if it has none. */
static const struct bpf_dispatcher *dispatcher;

void live_check_find(void)
{
	template.entry = ksym_address("optprobe_template_entry");
	template.clac = ksym_address("optprobe_template_clac");
	template.val = ksym_address("optprobe_template_val");
	template.call = ksym_address("optprobe_template_call");
	template.end = ksym_address("optprobe_template_end");
	template.callback = ksym_address("optimized_callback");
	thunk_start = ksym_address("skl_call_thunk_template");
	thunk_end = ksym_address("skl_call_thunk_tail");
	dispatcher = (void *)ksym_address("bpf_dispatcher_xdp");
}

static struct live_verdict legal(enum live_kind kind)
{
	return (struct live_verdict) { .kind = kind };
}

static struct live_verdict illegal(enum live_kind kind, const char *why)
{
	return (struct live_verdict) { .kind = kind, .why = why };
}

static struct live_verdict verdict(enum live_kind kind, bool ok, const char *why)
{
	return ok ? legal(kind) : illegal(kind, why);
}

/* ---- probes ---- */

/* The bytes before a probe was placed there; a lock prefix has two forms. */
static bool is_first_seen(const struct text_region *region, unsigned long va,
			  const u8 *bytes, size_t len)
{
	u8 then;

	for (; len; len--, va++, bytes++)
		if (!first_seen_bytes(region, va, &then, 1) ||
		    (then != *bytes &&
		     (!form_is_lock(then) || !form_is_lock(*bytes))))
			return false;
	return true;
}

/* A jump to the slot of an optimised probe. */
static bool check_optimise(const struct live_write *w, struct live_verdict *v)
{
	unsigned long slot = form_jump_target(w->bytes, w->va);
	struct live_probe probe;

	if (w->len != FORM_BYTES || !slot || !live_probe_at(w->va, &probe))
		return false;
	*v = verdict(LIVE_OPTPROBE, slot == probe.slot,
		     "not a jump to the probe's slot");
	return true;
}

/* An INT3 for a probe, or what was there before it. */
static bool check_probe_byte(const struct text_region *region,
			     const struct live_write *w, struct live_verdict *v)
{
	struct live_probe probe;
	u8 now;

	if (w->len != 1 || !live_probe_at(w->va, &probe))
		return false;
	if (w->bytes[0] == INT3) {
		*v = legal(LIVE_KPROBE);
		return true;
	}
	if (copy_nofault_from(&now, (void *)w->va, 1) || now != INT3)
		return false;
	*v = verdict(LIVE_KPROBE,
		     is_first_seen(region, w->va, w->bytes, w->len),
		     "not the byte before the probe");
	return true;
}

/* The last bytes of the instructions that a jump to a slot had replaced. */
static bool check_unoptimise(const struct text_region *region,
			     const struct live_write *w, struct live_verdict *v)
{
	struct live_probe probe;
	u8 now;

	if (w->len != PROBE_TAIL || !live_probe_at(w->va - 1, &probe) ||
	    !probe.slot || copy_nofault_from(&now, (void *)w->va - 1, 1))
		return false;
	*v = now != INT3 ?
	     illegal(LIVE_OPTPROBE, "the probe's jump is in use") :
	     verdict(LIVE_OPTPROBE,
		     is_first_seen(region, w->va, w->bytes, w->len),
		     "not the bytes before the probe");
	return true;
}

/*
 * A copied instruction, and an INT3 or a jump back. A page is divided into slots of
 * MAX_INSN_SIZE bytes (kprobe_insn_slots.insn_size).
 */
static bool is_probe_slot(const struct live_write *w)
{
	if (offset_in_page(w->va) % MAX_INSN_SIZE || w->len < 2 ||
	    w->len > MAX_INSN_SIZE || w->fill)
		return false;
	return w->bytes[w->len - 1] == INT3 ||
	       (w->len > FORM_BYTES &&
		form_jump_target(w->bytes + w->len - FORM_BYTES,
				 w->va + w->len - FORM_BYTES));
}

/* The template, with an address and a call filled in, and a jump back at the end. */
static bool is_optprobe_slot(const struct live_write *w)
{
	const u8 *own = (void *)template.entry;
	size_t clac = template.clac - template.entry;
	size_t val = template.val - template.entry;
	size_t call = template.call - template.entry;
	size_t end = template.end - template.entry;
	unsigned long back;

	if (w->fill || w->len <= end + FORM_BYTES ||
	    w->len > end + FORM_BYTES + MAX_INSN_SIZE + FORM_BYTES)
		return false;
	back = form_jump_target(w->bytes + w->len - FORM_BYTES,
				w->va + w->len - FORM_BYTES);
	return !memcmp(w->bytes, own, clac) &&
	       !memcmp(w->bytes + clac + 3, own + clac + 3, val - clac - 3) &&
	       form_call_target(w->bytes + call, w->va + call) ==
		       template.callback &&
	       !memcmp(w->bytes + call + FORM_BYTES, own + call + FORM_BYTES,
		       end - call - FORM_BYTES) &&
	       back && first_seen_at(back);
}

static bool check_slot(const struct live_write *w, struct live_verdict *v)
{
	if (live_is_insn_slot(w->va)) {
		*v = verdict(LIVE_KPROBE, is_probe_slot(w),
			     "not a probe's copy of an instruction");
		return true;
	}
	if (live_is_optinsn_slot(w->va)) {
		*v = verdict(LIVE_OPTPROBE,
			     !template.callback || is_optprobe_slot(w),
			     "not the template of optimised probes");
		return true;
	}
	return false;
}

/* ---- lock prefixes and call thunks ---- */

static bool check_lock(const struct text_region *region,
		       const struct live_write *w, struct live_verdict *v)
{
	struct live_place place;
	u8 now;

	if (w->len != 1 || !form_is_lock(w->bytes[0]) ||
	    copy_nofault_from(&now, (void *)w->va, 1) || !form_is_lock(now))
		return false;
	*v = verdict(LIVE_ALTERNATIVE,
		     first_seen_is_module_lock(w->va) ||
		     (region && live_place_at(region, w->va, &place) &&
		      place.type == PLACE_LOCK) ||
		     live_in_unformed_module(w->va),
		     "no lock prefix there that the kernel switches");
	return true;
}

size_t live_call_thunk_bytes(void)
{
	return thunk_start && thunk_end > thunk_start ? thunk_end - thunk_start : 0;
}

/* Is @bytes, of live_call_thunk_bytes(), a call thunk at @va? */
bool live_is_call_thunk(const u8 *bytes, unsigned long va)
{
	return form_is_call_thunk(bytes, va, (void *)thunk_start,
				  live_call_thunk_bytes());
}

/* Would @w change bytes that are @unused or @too only? */
static bool changes_only(const struct live_write *w, u8 unused, u8 too)
{
	size_t i;
	u8 now;

	for (i = 0; i < w->len; i++)
		if (copy_nofault_from(&now, (void *)w->va + i, 1) ||
		    (now != unused && now != too && now != w->bytes[i]))
			return false;
	return true;
}

/*
 * Padding before a function becomes a call thunk: also before one that the tracer does
 * not know, and in a module before its text is first seen.
 */
static bool check_thunk(const struct text_region *region,
			const struct live_write *w, struct live_verdict *v)
{
	if (!w->len || w->len != live_call_thunk_bytes() ||
	    !live_is_call_thunk(w->bytes, w->va))
		return false;
	*v = verdict(LIVE_CALL_THUNK, changes_only(w, PADDING, PADDING) &&
		     (region || live_in_unformed_module(w->va)),
		     "not in the padding of a function");
	return true;
}

/* ---- live patches ---- */

#ifdef CONFIG_LIVEPATCH
/* Does a relocation section that the kernel applies late name @va? */
static bool klp_section_has(const struct module *mod, const struct elf64_shdr *rela,
			    unsigned long va)
{
	const struct elf64_rela *entry = (void *)rela->sh_addr;
	size_t nr = rela->sh_size / sizeof(*entry), i;
	unsigned long base = mod->klp_info->sechdrs[rela->sh_info].sh_addr;

	for (i = 0; i < nr; i++)
		if (base + entry[i].r_offset == va)
			return true;
	return false;
}

/* What is written there is what the kernel resolved; it cannot be known here. */
static bool check_livepatch(const struct text_region *region,
			    const struct live_write *w, struct live_verdict *v)
{
	const struct module *mod = region->mod;
	bool found = false;
	unsigned int i;

	if (!mod || !is_livepatch_module((struct module *)mod) ||
	    !mod->klp_info || (w->len != 4 && w->len != 8))
		return false;
	for (i = 0; !found && i < mod->klp_info->hdr.e_shnum; i++)
		if (mod->klp_info->sechdrs[i].sh_flags & SHF_RELA_LIVEPATCH)
			found = klp_section_has(mod, &mod->klp_info->sechdrs[i],
						w->va);
	*v = verdict(LIVE_LIVEPATCH, found, "no late relocation there");
	return true;
}
#else
static bool check_livepatch(const struct text_region *region,
			    const struct live_write *w, struct live_verdict *v)
{
	return false;
}
#endif

/* ---- generated code ---- */

static bool is_of_module(unsigned long va)
{
	bool found;

	preempt_disable();
	found = live_module_at(va);
	preempt_enable();
	return found;
}

/* Where code is generated, and no text or data of a module. */
static bool may_be_generated(unsigned long va, size_t len)
{
	unsigned long at;

	if (!len || va < MODULES_VADDR || va >= MODULES_END ||
	    len > MODULES_END - va)
		return false;
	for (at = va; at < va + len; at = round_down(at, PAGE_SIZE) + PAGE_SIZE)
		if (first_seen_at(at) || is_of_module(at))
			return false;
	return !first_seen_at(va + len - 1);
}

/* Every program has more bytes. */
#define PROGRAM_STEP	8

/*
 * No program has a byte there. To the kernel the address past a program's last byte
 * belongs to it as well (bpf_tree_comp()), and another may begin there.
 */
static bool no_program_in(unsigned long va, size_t len)
{
	unsigned long at;

	for (at = va; at < va + len; at += PROGRAM_STEP)
		if (live_is_bpf_text(at + 1))
			return false;
	return !live_is_bpf_text(va + len - 1);
}

/*
 * The one image that is overwritten: one half is in use, the other is written
 * (bpf_dispatcher_update()). It is between programs, at any multiple of 64.
 */
static bool is_dispatcher(const struct live_write *w)
{
	unsigned long image;

	if (!dispatcher || w->len != PAGE_SIZE / 2)
		return false;
	image = (unsigned long)READ_ONCE(dispatcher->image);
	return image && (w->va == image || w->va == image + PAGE_SIZE / 2);
}

static struct live_verdict check_generated(const struct live_write *w)
{
	if (!may_be_generated(w->va, w->len))
		return illegal(LIVE_UNKNOWN, "nothing is patched there");
	if (w->fill)
		return w->bytes[0] != INT3 ?
		       illegal(LIVE_BPF, "a fill of other than INT3") :
		       verdict(LIVE_BPF, no_program_in(w->va, w->len),
			       "a program is in use there");
	/* Where nothing runs there are INT3s or zeros. */
	return verdict(LIVE_BPF, changes_only(w, INT3, 0) || is_dispatcher(w),
		       "other code is there");
}

/* A NOP, or a call or jump of generated code, which these replace. */
static bool is_generated_insn(const u8 *insn, unsigned long va)
{
	unsigned long to = form_call_target(insn, va) ?:
			   form_jump_target(insn, va);

	return form_is_nop(insn) || (to && may_be_generated(to, 1));
}

/* Trampolines of the tracer, and slots of probes, have rules of their own. */
static bool is_of_tracer_or_probe(unsigned long va)
{
	unsigned long func;

	return live_ftrace_trampoline(va, &func) || live_is_insn_slot(va) ||
	       live_is_optinsn_slot(va);
}

static struct live_verdict check_generated_insn(const struct live_write *w)
{
	u8 now[FORM_BYTES];

	if (!may_be_generated(w->va, w->len) || is_of_tracer_or_probe(w->va) ||
	    is_of_tracer_or_probe(w->va + w->len - 1))
		return illegal(LIVE_UNKNOWN, "nothing is patched there");
	if (w->len != FORM_BYTES)
		return illegal(LIVE_BPF, "not an instruction of 5 bytes");
	if (copy_nofault_from(now, (void *)w->va, FORM_BYTES) ||
	    !is_generated_insn(now, w->va))
		return illegal(LIVE_BPF, "other code is there");
	return verdict(LIVE_BPF, is_generated_insn(w->bytes, w->va),
		       "neither a NOP nor a call or jump of generated code");
}

/* ---- the debugger ---- */

static struct live_verdict check_debugger(const struct live_write *w)
{
	const struct text_region *region = first_seen_at(w->va);

	return verdict(LIVE_KGDB, region && w->len == 1 &&
		       (w->bytes[0] == INT3 ||
			is_first_seen(region, w->va, w->bytes, 1)),
		       "neither a breakpoint nor what was there before");
}

/* ---- the two entries ---- */

/* Text of VTL1 has a kind of its own, whatever it is for. */
static struct live_verdict of_owner(struct live_verdict v, unsigned long va)
{
	if (live_is_own_text(va))
		v.kind = LIVE_VTL1;
	return v;
}

static struct live_verdict check_insn(const struct live_write *w,
				      const u8 *emulate)
{
	const struct text_region *region;
	struct live_verdict v;
	struct live_place place;
	const char *why;

	region = first_seen_at(w->va);
	if (live_place_at(region, w->va, &place)) {
		if (place.va != w->va || place.len != w->len)
			return illegal(place.kind, "not the place's instruction");
		why = live_place_check(&place, w->bytes, true);
		if (!why && !live_place_emulates(&place, w->bytes, emulate))
			why = "not what an INT3 may do there";
		return (struct live_verdict) { .kind = place.kind, .why = why };
	}
	if (emulate)
		return illegal(LIVE_UNKNOWN, "nothing is emulated there");
	if (region && check_optimise(w, &v))
		return v;
	if (region)
		return illegal(LIVE_UNKNOWN, "no place where text is patched");
	return check_generated_insn(w);
}

/*
 * May the kernel write the instruction @w? @emulate is what an INT3 does meanwhile,
 * or NULL. text_mutex is held; any context.
 */
struct live_verdict live_check_insn(const struct live_write *w, const u8 *emulate)
{
	return of_owner(check_insn(w, emulate), w->va);
}

static struct live_verdict check_bytes(const struct live_write *w)
{
	const struct text_region *region;
	struct live_verdict v;
	struct live_place place;
	unsigned long func;

	if (live_debugger_runs())
		return check_debugger(w);
	region = first_seen_at(w->va);
	if (region && !w->fill &&
	    (check_probe_byte(region, w, &v) ||
	     check_unoptimise(region, w, &v) || check_livepatch(region, w, &v)))
		return v;
	if (!w->fill && (check_lock(region, w, &v) ||
			 check_thunk(region, w, &v)))
		return v;
	if (check_slot(w, &v))
		return v;
	if (!region && !live_ftrace_trampoline(w->va, &func) &&
	    !first_seen_at(w->va + w->len - 1))
		return check_generated(w);
	/* Whom it harms is what it is of. */
	return illegal(live_place_in(region, w->va, w->len, &place) ?
		       place.kind : LIVE_UNKNOWN,
		       "not a step of an accepted instruction");
}

/*
 * May the kernel write the bytes @w, which are no step of an accepted instruction?
 * text_mutex is held, except in the debugger; any context.
 */
struct live_verdict live_check_bytes(const struct live_write *w)
{
	return of_owner(check_bytes(w), w->va);
}
