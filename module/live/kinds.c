// SPDX-License-Identifier: GPL-2.0
/*
 * Whom a text write belongs to, by its address. Each user of the kernel's text
 * writer keeps a table of its sites, and the kernel has an unexported function
 * that searches it.
 */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/static_call.h>

#include "ksym.h"
#include "live/live.h"
#include "phys/phys.h"

/* The two forms of a lock prefix (arch/x86/include/asm/alternative.h). */
#define LOCK_PREFIX_BYTE	0xf0
#define NO_LOCK_PREFIX_BYTE	0x3e

/* Longer writes are generated code. */
#define INSN_BYTES_MAX		15

#define CALL_INSN_BYTES		5

typedef unsigned long ftrace_location_range_fn(unsigned long start,
					       unsigned long end);
typedef bool is_ftrace_trampoline_fn(unsigned long addr);
typedef unsigned long get_kprobe_fn(unsigned long addr);
typedef bool is_insn_slot_addr_fn(void *cache, unsigned long addr);
typedef int static_call_text_reserved_fn(void *start, void *end);
typedef bool is_bpf_text_address_fn(unsigned long addr);
typedef unsigned long module_address_fn(unsigned long addr);
typedef unsigned long ftrace_find_rec_direct_fn(unsigned long addr);

/*
 * A function that this kernel lacks keeps returning 0. Pointers are passed as
 * numbers.
 */
DEFINE_STATIC_CALL_RET0(lvbs_ftrace_location_range, ftrace_location_range_fn);
DEFINE_STATIC_CALL_RET0(lvbs_is_ftrace_trampoline, is_ftrace_trampoline_fn);
DEFINE_STATIC_CALL_RET0(lvbs_get_kprobe, get_kprobe_fn);
DEFINE_STATIC_CALL_RET0(lvbs_is_insn_slot_addr, is_insn_slot_addr_fn);
DEFINE_STATIC_CALL_RET0(lvbs_static_call_text_reserved,
			static_call_text_reserved_fn);
DEFINE_STATIC_CALL_RET0(lvbs_is_bpf_text_address, is_bpf_text_address_fn);
DEFINE_STATIC_CALL_RET0(lvbs_module_address, module_address_fn);
DEFINE_STATIC_CALL_RET0(lvbs_ftrace_find_rec_direct, ftrace_find_rec_direct_fn);

static unsigned long ftrace_calls[3];
static void *insn_slots, *optinsn_slots;
static unsigned long static_call_text_start, static_call_text_end;

#define FIND_CALL(name, symbol)						\
do {									\
	unsigned long found = ksym_address(symbol);			\
									\
	if (found)							\
		static_call_update(lvbs_##name, (name##_fn *)found);	\
} while (0)

void live_kinds_find(void)
{
	FIND_CALL(ftrace_location_range, "ftrace_location_range");
	FIND_CALL(is_ftrace_trampoline, "is_ftrace_trampoline");
	FIND_CALL(get_kprobe, "get_kprobe");
	FIND_CALL(is_insn_slot_addr, "__is_insn_slot_addr");
	FIND_CALL(static_call_text_reserved, "static_call_text_reserved");
	FIND_CALL(is_bpf_text_address, "is_bpf_text_address");
	FIND_CALL(module_address, "__module_address");
	FIND_CALL(ftrace_find_rec_direct, "ftrace_find_rec_direct");

	ftrace_calls[0] = ksym_address("ftrace_call");
	ftrace_calls[1] = ksym_address("ftrace_regs_call");
	ftrace_calls[2] = ksym_address("ftrace_graph_call");
	insn_slots = (void *)ksym_address("kprobe_insn_slots");
	optinsn_slots = (void *)ksym_address("kprobe_optinsn_slots");
	static_call_text_start = ksym_address("__static_call_text_start");
	static_call_text_end = ksym_address("__static_call_text_end");
}

bool live_is_ftrace_site(unsigned long addr, size_t len)
{
	unsigned long call = live_ftrace_site(addr);

	return call && addr + len <= call + CALL_INSN_BYTES;
}

unsigned long live_ftrace_site(unsigned long addr)
{
	return static_call(lvbs_ftrace_location_range)(addr, addr);
}

bool live_is_ftrace_trampoline(unsigned long addr)
{
	return static_call(lvbs_is_ftrace_trampoline)(addr);
}

unsigned long live_ftrace_direct(unsigned long site)
{
	return static_call(lvbs_ftrace_find_rec_direct)(site);
}

bool live_kprobe_at(unsigned long addr)
{
	bool found;

	preempt_disable();	/* get_kprobe() walks a list under RCU */
	found = static_call(lvbs_get_kprobe)(addr);
	preempt_enable();
	return found;
}

bool live_is_optinsn_slot(unsigned long addr)
{
	return optinsn_slots &&
	       static_call(lvbs_is_insn_slot_addr)(optinsn_slots, addr);
}

unsigned long live_tracer_call(unsigned long addr)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ftrace_calls); i++)
		if (ftrace_calls[i] && addr - ftrace_calls[i] < CALL_INSN_BYTES)
			return ftrace_calls[i];
	return 0;
}

/* A write to the tracer's call in one of the kernel's own trampolines. */
static bool is_ftrace_call(unsigned long addr)
{
	unsigned long call = live_tracer_call(addr);

	return call && addr - call <= 1;
}

/* The caller has asked live_is_ftrace_site() already. */
static bool is_ftrace(unsigned long addr)
{
	return is_ftrace_call(addr) || live_is_ftrace_trampoline(addr);
}

static bool is_insn_slot(unsigned long addr)
{
	return (insn_slots &&
		static_call(lvbs_is_insn_slot_addr)(insn_slots, addr)) ||
	       live_is_optinsn_slot(addr);
}

static bool is_kprobe(unsigned long addr)
{
	return static_call(lvbs_get_kprobe)(addr) ||
	       static_call(lvbs_get_kprobe)(addr - 1) ||
	       is_insn_slot(addr);
}

/*
 * The trampolines of modules are in no table. Each is one instruction followed
 * by a mark (tramp_ud in arch/x86/kernel/static_call.c).
 */
static bool is_static_call_trampoline(unsigned long addr)
{
	static const u8 mark[] = { 0x0f, 0xb9, 0xcc };
	u8 bytes[1 + sizeof(mark)];

	/* The second round of a patch starts at the second byte. */
	if (copy_nofault_from(bytes, (void *)(addr + CALL_INSN_BYTES - 1),
			      sizeof(bytes)))
		return false;
	return !memcmp(bytes, mark, sizeof(mark)) ||
	       !memcmp(bytes + 1, mark, sizeof(mark));
}

/* static_call_text_reserved() does not know modules that are being unloaded. */
static bool is_static_call_of_module(unsigned long addr)
{
	const struct static_call_site *site;
	const struct module *mod;
	bool found = false;
	int i;

	preempt_disable();	/* keeps the module in the kernel's list */
	mod = (const struct module *)static_call(lvbs_module_address)(addr);
	for (i = 0; mod && !found && i < mod->num_static_call_sites; i++) {
		site = &mod->static_call_sites[i];
		found = addr - ((unsigned long)&site->addr + site->addr) <
			CALL_INSN_BYTES;
	}
	preempt_enable();
	return found || (mod && is_static_call_trampoline(addr));
}

/*
 * Sites in init text are dropped when the module becomes LIVE. A switch of their
 * key that began before, while it was COMING, still patches them.
 */
static bool is_init_text(unsigned long addr)
{
	const struct module *mod;
	bool init;

	preempt_disable();	/* keeps the module in the kernel's list */
	mod = (const struct module *)static_call(lvbs_module_address)(addr);
	init = mod && within_module_init(addr, mod);
	preempt_enable();
	return init;
}

static bool is_static_call(unsigned long addr, size_t len)
{
	if (addr >= static_call_text_start && addr < static_call_text_end)
		return true;
	if (live_in_core_text(addr))
		return static_call(lvbs_static_call_text_reserved)
			((void *)addr, (void *)(addr + len - 1));
	return len <= CALL_INSN_BYTES && is_static_call_of_module(addr);
}

static bool is_bpf(unsigned long addr, size_t len, bool fill)
{
	if (live_in_core_text(addr))
		return false;
	return fill || len > INSN_BYTES_MAX ||
	       static_call(lvbs_is_bpf_text_address)(addr);
}

enum live_kind live_kind_of(const void *where, const u8 *bytes, size_t len,
			    bool fill)
{
	unsigned long addr = (unsigned long)where;

	if (within_module(addr, THIS_MODULE))
		return LIVE_VTL1;
	if (is_ftrace(addr))
		return LIVE_FTRACE;
	if (is_kprobe(addr))
		return LIVE_KPROBE;
	if (is_bpf(addr, len, fill))
		return LIVE_BPF;
	if (is_static_call(addr, len))
		return LIVE_STATIC_CALL;
	if (len == 1 && (bytes[0] == LOCK_PREFIX_BYTE ||
			 bytes[0] == NO_LOCK_PREFIX_BYTE))
		return LIVE_ALTERNATIVE;
	return is_init_text(addr) ? LIVE_INIT : LIVE_OTHER;
}
