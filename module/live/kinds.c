// SPDX-License-Identifier: GPL-2.0
/*
 * Whose a text write is, judged by where it goes: each user of the kernel's
 * text writer keeps a table of its places, and the kernel has a question for
 * each of them, though not exported.
 */
#include <linux/kernel.h>
#include <linux/module.h>

#include "live/kinds.h"
#include "live/sites.h"
#include "ksym.h"

/* Bytes that a lock prefix is switched between (asm/alternative.h). */
#define LOCK_PREFIX_BYTE	0xf0
#define NO_LOCK_PREFIX_BYTE	0x3e

/* The longest thing that is patched; generated code is written in bulk. */
#define INSN_BYTES_MAX		15

static struct {
	unsigned long (*ftrace_location_range)(unsigned long start,
					       unsigned long end);
	bool (*is_ftrace_trampoline)(unsigned long addr);
	unsigned long ftrace_calls[3];
	void *(*get_kprobe)(void *addr);
	bool (*is_insn_slot)(void *cache, unsigned long addr);
	void *insn_slots;
	void *optinsn_slots;
	int (*static_call_text_reserved)(void *start, void *end);
	unsigned long static_call_text_start;
	unsigned long static_call_text_end;
	bool (*is_bpf_text_address)(unsigned long addr);
} kernel;

#define FIND(member, name)						\
	(kernel.member = (typeof(kernel.member))ksym_address(name))

void heki_live_kinds_find(void)
{
	FIND(ftrace_location_range, "ftrace_location_range");
	FIND(is_ftrace_trampoline, "is_ftrace_trampoline");
	FIND(ftrace_calls[0], "ftrace_call");
	FIND(ftrace_calls[1], "ftrace_regs_call");
	FIND(ftrace_calls[2], "ftrace_graph_call");
	FIND(get_kprobe, "get_kprobe");
	FIND(is_insn_slot, "__is_insn_slot_addr");
	FIND(insn_slots, "kprobe_insn_slots");
	FIND(optinsn_slots, "kprobe_optinsn_slots");
	FIND(static_call_text_reserved, "static_call_text_reserved");
	FIND(static_call_text_start, "__static_call_text_start");
	FIND(static_call_text_end, "__static_call_text_end");
	FIND(is_bpf_text_address, "is_bpf_text_address");
}

/* The calls to the tracer in the kernel's own trampolines. */
static bool is_ftrace_call(unsigned long addr)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kernel.ftrace_calls); i++)
		if (addr && (addr == kernel.ftrace_calls[i] ||
			     addr - 1 == kernel.ftrace_calls[i]))
			return true;
	return false;
}

/* Patching in three rounds, the second round starts at the second byte. */
static bool is_ftrace(unsigned long addr)
{
	return is_ftrace_call(addr) ||
	       (kernel.ftrace_location_range &&
		kernel.ftrace_location_range(addr - 1, addr)) ||
	       (kernel.is_ftrace_trampoline &&
		kernel.is_ftrace_trampoline(addr));
}

static bool is_insn_slot(unsigned long addr)
{
	return kernel.is_insn_slot &&
	       ((kernel.insn_slots &&
		 kernel.is_insn_slot(kernel.insn_slots, addr)) ||
		(kernel.optinsn_slots &&
		 kernel.is_insn_slot(kernel.optinsn_slots, addr)));
}

static bool is_kprobe(unsigned long addr)
{
	return (kernel.get_kprobe && (kernel.get_kprobe((void *)addr) ||
				      kernel.get_kprobe((void *)(addr - 1)))) ||
	       is_insn_slot(addr);
}

static bool is_static_call(unsigned long addr, size_t len)
{
	if (addr >= kernel.static_call_text_start &&
	    addr < kernel.static_call_text_end)
		return true;
	return kernel.static_call_text_reserved &&
	       kernel.static_call_text_reserved((void *)addr,
						(void *)(addr + len - 1));
}

static bool is_bpf(unsigned long addr, size_t len, bool fill)
{
	if (heki_live_in_core(addr))
		return false;
	return fill || len > INSN_BYTES_MAX ||
	       (kernel.is_bpf_text_address &&
		kernel.is_bpf_text_address(addr));
}

enum heki_live_kind heki_live_kind_of(const void *where, const u8 *src,
				      size_t len, bool fill)
{
	unsigned long addr = (unsigned long)where;

	if (within_module(addr, THIS_MODULE))
		return HEKI_LIVE_VTL1;
	if (is_ftrace(addr))
		return HEKI_LIVE_FTRACE;
	if (is_kprobe(addr))
		return HEKI_LIVE_KPROBE;
	if (is_bpf(addr, len, fill))
		return HEKI_LIVE_BPF;
	if (is_static_call(addr, len))
		return HEKI_LIVE_STATIC_CALL;
	if (len == 1 && (src[0] == LOCK_PREFIX_BYTE ||
			 src[0] == NO_LOCK_PREFIX_BYTE))
		return HEKI_LIVE_ALTERNATIVE;
	return HEKI_LIVE_OTHER;
}
