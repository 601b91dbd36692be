// SPDX-License-Identifier: GPL-2.0
/*
 * The legal forms of instructions that the kernel patches, and the index of the
 * places that have one. Pure: works on copies, takes no locks. Any context.
 */
#include <linux/kernel.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "heki/heki.h"
#include "live/forms.h"

#define CALL	0xe8
#define JMP	FORM_JMP
#define JMP8	0xeb

#define LOCK_BYTE	0xf0
#define NO_LOCK_BYTE	0x3e	/* arch/x86/include/asm/alternative.h */

/* arch/x86/kernel/static_call.c */
static const u8 xor_eax[] = { 0x2e, 0x2e, 0x2e, 0x31, 0xc0 };
static const u8 warn[] = { 0x67, 0x48, 0x0f, 0xb9, 0x3a };
static const u8 ret[] = { 0xc3, 0xcc, 0xcc, 0xcc, 0xcc };

static unsigned long target_of(const u8 *insn, unsigned long va)
{
	return va + FORM_BYTES + (s32)get_unaligned_le32(insn + 1);
}

/* The target of a call of 5 bytes at @va, or 0. */
unsigned long form_call_target(const u8 *insn, unsigned long va)
{
	return insn[0] == CALL ? target_of(insn, va) : 0;
}

/* The target of a jump of 5 bytes at @va, or 0. */
unsigned long form_jump_target(const u8 *insn, unsigned long va)
{
	return insn[0] == JMP ? target_of(insn, va) : 0;
}

bool form_is_nop(const u8 *insn)
{
	return same_insn(insn, heki_nop(FORM_BYTES), FORM_BYTES);
}

/* A jump to @target, or a NOP, of the @size bytes that it had. */
bool form_is_jump_label(const u8 *insn, unsigned int size, unsigned long va,
			unsigned long target)
{
	const u8 *nop = heki_nop(size);

	if (!nop)
		return false;
	if (same_insn(insn, nop, size))
		return true;
	if (size == FORM_BYTES)
		return form_jump_target(insn, va) == target;
	return insn[0] == JMP8 && va + size + (s8)insn[1] == target;
}

/* The size of the jump label that @insn is, or 0. */
unsigned int form_jump_label_size(const u8 *insn)
{
	if (insn[0] == JMP || form_is_nop(insn))
		return FORM_BYTES;
	return insn[0] == JMP8 || same_insn(insn, heki_nop(2), 2) ? 2 : 0;
}

/*
 * A static call of @func, which is NULL for none. A tail call, and a trampoline,
 * jumps and returns where others call and do nothing. Two functions are replaced by
 * what they do.
 */
bool form_is_static_call(const u8 *insn, unsigned long va, bool tail,
			 unsigned long func, const struct form_targets *targets)
{
	unsigned long to;

	if (!tail) {
		to = form_call_target(insn, va);
		if (func && to && (to == func || to + targets->pad == func))
			return true;
		if (func && func == targets->return0)
			return same_insn(insn, xor_eax, FORM_BYTES);
		if (func && func == targets->warn_trap)
			return same_insn(insn, warn, FORM_BYTES);
		return !func && form_is_nop(insn);
	}
	to = form_jump_target(insn, va);
	if (func)
		return to && (to == func || to + targets->pad == func);
	return same_insn(insn, ret, FORM_BYTES) ||
	       (to && to == targets->return_thunk);
}

/* What a call of one of two functions is replaced by. */
bool form_stands_for_call(const u8 *insn)
{
	return same_insn(insn, xor_eax, FORM_BYTES) ||
	       same_insn(insn, warn, FORM_BYTES);
}

/* A conditional jump of 6 bytes: 0f 80 to 0f 8f, and an offset. */
bool form_is_conditional(const u8 *insn)
{
	return insn[0] == 0x0f && (insn[1] & 0xf0) == 0x80;
}

/* A conditional tail call of @func. */
bool form_is_conditional_call(const u8 *insn, unsigned long va,
			      unsigned long func,
			      const struct form_targets *targets)
{
	return form_is_conditional(insn) &&
	       target_of(insn + 1, va + 1) == (func ?: targets->return_thunk);
}

/* A lock prefix, or what replaces it while there is one CPU. */
bool form_is_lock(u8 byte)
{
	return byte == LOCK_BYTE || byte == NO_LOCK_BYTE;
}

/*
 * The template @own of a call thunk, of @len bytes, copied to @va. What it increments
 * is relative to where it is: sarq $5, %gs:__x86_call_depth(%rip).
 */
bool form_is_call_thunk(const u8 *bytes, unsigned long va, const u8 *own,
			size_t len)
{
	static const u8 relative[] = { 0x65, 0x48, 0xc1, 0x3d };
	u32 moved = (unsigned long)own - va;
	size_t at = sizeof(relative);

	if (len < at + 4 || memcmp(own, relative, at))
		return !memcmp(bytes, own, len);
	return !memcmp(bytes, own, at) &&
	       get_unaligned_le32(bytes + at) ==
		       get_unaligned_le32(own + at) + moved &&
	       !memcmp(bytes + at + 4, own + at + 4, len - at - 4);
}

static int compare_refs(const void *a, const void *b)
{
	const struct form_ref *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

void form_index_sort(struct form_index *index)
{
	sort(index->refs, index->nr, sizeof(*index->refs), compare_refs, NULL);
}

/* The last reference to a place at or before @at, or NULL. */
const struct form_ref *form_index_find(const struct form_index *index, u32 at)
{
	size_t low = 0, high = index->nr;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (index->refs[mid].at <= at)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? &index->refs[low - 1] : NULL;
}
