/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The x86-64 copy routine. It includes no kernel header, so that
 * scripts/bench/copy_harness.c can measure the same instructions in user space.
 *
 * The includer defines COPY_EXTABLE(from, to): an exception table entry that
 * resumes at label `to` when the instruction at `from` faults; empty where
 * faults cannot be caught.
 *
 *	bytes	strategy
 *	0-3	byte by byte; every fault ends up here, too
 *	8	one access
 *	4-32	otherwise: head and tail of the same width, overlapping
 *	33-511	blocks of 32; the last one overlaps the one before it
 *	512-	rep movsq; a tail of less than a quadword is 8 overlapping bytes
 *
 * rep movs costs more to start than a short loop takes, even on recent CPUs.
 * In quadwords it is about as fast as in bytes, and takes an eighth of the
 * iterations on an emulator that counts or interprets them.
 *
 * When the destination is up to 32 bytes ahead of the source modulo 4096, rep
 * movs treats its loads as dependent on its stores (AMD Zen: a quarter of the
 * speed in quadwords, a thirtieth in bytes). Blocks are not affected.
 *
 * The count is exact because chunks are copied upwards, and each chunk loads
 * everything before it stores anything: after a fault, all bytes before the
 * chunk are copied and none after it is written. The byte loop then resumes at
 * the start of the chunk, copies what it can, and faults a second time at the
 * exact byte. Its counter is the result.
 */
#ifndef LVBS_COPY_NOFAULT_X86_H
#define LVBS_COPY_NOFAULT_X86_H

/* One memory access, and the label at which a fault resumes. */
#define COPY_MOV(insn, to)	"77:	" insn "\n" COPY_EXTABLE(77b, to)

/*
 * noinline: both directions share the code and its exception table, and the
 * labels are unique in the file (hence also noclone). notrace: text patching
 * goes through here, including that of the function tracer's own call sites.
 */
static noinline __noclone notrace size_t
copy_x86(void *dst, const void *src, size_t len)
{
	size_t left;

	asm volatile("xorl %%eax, %%eax\n"
	"	cmpq	$32, %%rdx\n"
	"	jbe	.L_upto_32\n"
	"	cmpq	$512, %%rdx\n"
	"	jae	.L_large\n"

	".L_blocks:\n"
	/* rsi, rdi: start of the last 32 bytes; rdx: negative index to it */
	"	leaq	-32(%%rsi,%%rdx), %%rsi\n"
	"	leaq	-32(%%rdi,%%rdx), %%rdi\n"
	"	negq	%%rdx\n"
	"	addq	$32, %%rdx\n"
	".L_block:\n"
	COPY_MOV("movq	(%%rsi,%%rdx), %%r8", .L_block_fault)
	COPY_MOV("movq	8(%%rsi,%%rdx), %%r9", .L_block_fault)
	COPY_MOV("movq	16(%%rsi,%%rdx), %%r10", .L_block_fault)
	COPY_MOV("movq	24(%%rsi,%%rdx), %%r11", .L_block_fault)
	COPY_MOV("movq	%%r8, (%%rdi,%%rdx)", .L_block_fault)
	COPY_MOV("movq	%%r9, 8(%%rdi,%%rdx)", .L_block_fault)
	COPY_MOV("movq	%%r10, 16(%%rdi,%%rdx)", .L_block_fault)
	COPY_MOV("movq	%%r11, 24(%%rdi,%%rdx)", .L_block_fault)
	"	addq	$32, %%rdx\n"
	"	js	.L_block\n"
	COPY_MOV("movq	(%%rsi), %%r8", .L_block_fault)
	COPY_MOV("movq	8(%%rsi), %%r9", .L_block_fault)
	COPY_MOV("movq	16(%%rsi), %%r10", .L_block_fault)
	COPY_MOV("movq	24(%%rsi), %%r11", .L_block_fault)
	COPY_MOV("movq	%%r8, (%%rdi)", .L_block_fault)
	COPY_MOV("movq	%%r9, 8(%%rdi)", .L_block_fault)
	COPY_MOV("movq	%%r10, 16(%%rdi)", .L_block_fault)
	COPY_MOV("movq	%%r11, 24(%%rdi)", .L_block_fault)
	"	jmp	.L_done\n"

	/* is the destination 1 to 32 bytes ahead, modulo 4096? */
	".L_large:\n"
	"	leal	-1(%%rdi), %%ecx\n"
	"	subl	%%esi, %%ecx\n"
	"	testl	$0xfe0, %%ecx\n"
	"	jz	.L_blocks\n"

	/* align the destination: a fifth faster from 2 KiB on */
	"	movl	%%edi, %%ecx\n"
	"	negl	%%ecx\n"
	"	andl	$7, %%ecx\n"
	"	jz	.L_aligned\n"
	COPY_MOV("movq	(%%rsi), %%r8", .L_bytes)
	COPY_MOV("movq	%%r8, (%%rdi)", .L_bytes)
	"	addq	%%rcx, %%rsi\n"
	"	addq	%%rcx, %%rdi\n"
	"	subq	%%rcx, %%rdx\n"
	".L_aligned:\n"

	/* rcx: quadwords left; rdx: bytes after them */
	"	movq	%%rdx, %%rcx\n"
	"	shrq	$3, %%rcx\n"
	"	andl	$7, %%edx\n"
	COPY_MOV("rep movsq", .L_movsq_fault)
	"	testl	%%edx, %%edx\n"
	"	jz	.L_done\n"
	COPY_MOV("movq	-8(%%rsi,%%rdx), %%r8", .L_movsq_fault)
	COPY_MOV("movq	%%r8, -8(%%rdi,%%rdx)", .L_movsq_fault)
	"	jmp	.L_done\n"

	/* fault in a block */
	".L_block_fault:\n"
	"	addq	%%rdx, %%rsi\n"
	"	addq	%%rdx, %%rdi\n"
	"	subq	$32, %%rdx\n"
	"	negq	%%rdx\n"
	"	jmp	.L_bytes\n"

	/* fault in or after rep movsq */
	".L_movsq_fault:\n"
	"	leaq	(%%rdx,%%rcx,8), %%rdx\n"

	/* rsi, rdi: next byte; rdx: bytes left */
	".L_bytes:\n"
	"	movq	%%rdx, %%rax\n"
	"	testq	%%rax, %%rax\n"
	"	jz	.L_done\n"
	".L_byte:\n"
	COPY_MOV("movzbl	(%%rsi), %%ecx", .L_done)
	COPY_MOV("movb	%%cl, (%%rdi)", .L_done)
	"	incq	%%rsi\n"
	"	incq	%%rdi\n"
	"	decq	%%rax\n"
	"	jnz	.L_byte\n"
	"	jmp	.L_done\n"

	/* less than 8 */
	".L_below_8:\n"
	"	cmpl	$4, %%edx\n"
	"	jb	.L_bytes\n"
	COPY_MOV("movl	(%%rsi), %%r8d", .L_bytes)
	COPY_MOV("movl	-4(%%rsi,%%rdx), %%r9d", .L_bytes)
	COPY_MOV("movl	%%r8d, (%%rdi)", .L_bytes)
	COPY_MOV("movl	%%r9d, -4(%%rdi,%%rdx)", .L_bytes)
	"	jmp	.L_done\n"

	/* less than 16 */
	".L_below_16:\n"
	"	cmpl	$8, %%edx\n"
	"	jb	.L_below_8\n"
	"	je	.L_exactly_8\n"
	COPY_MOV("movq	(%%rsi), %%r8", .L_bytes)
	COPY_MOV("movq	-8(%%rsi,%%rdx), %%r9", .L_bytes)
	COPY_MOV("movq	%%r8, (%%rdi)", .L_bytes)
	COPY_MOV("movq	%%r9, -8(%%rdi,%%rdx)", .L_bytes)
	"	jmp	.L_done\n"

	".L_exactly_8:\n"
	COPY_MOV("movq	(%%rsi), %%r8", .L_bytes)
	COPY_MOV("movq	%%r8, (%%rdi)", .L_bytes)
	"	jmp	.L_done\n"

	/* 32 or less; last, because most copies are 16 to 32: no jump */
	".L_upto_32:\n"
	"	cmpl	$16, %%edx\n"
	"	jb	.L_below_16\n"
	COPY_MOV("movq	(%%rsi), %%r8", .L_bytes)
	COPY_MOV("movq	8(%%rsi), %%r9", .L_bytes)
	COPY_MOV("movq	-16(%%rsi,%%rdx), %%r10", .L_bytes)
	COPY_MOV("movq	-8(%%rsi,%%rdx), %%r11", .L_bytes)
	COPY_MOV("movq	%%r8, (%%rdi)", .L_bytes)
	COPY_MOV("movq	%%r9, 8(%%rdi)", .L_bytes)
	COPY_MOV("movq	%%r10, -16(%%rdi,%%rdx)", .L_bytes)
	COPY_MOV("movq	%%r11, -8(%%rdi,%%rdx)", .L_bytes)
	".L_done:\n"
	: "=&a" (left), "+D" (dst), "+S" (src), "+d" (len)
	:
	: "rcx", "r8", "r9", "r10", "r11", "memory", "cc");

	return left;
}

#endif /* LVBS_COPY_NOFAULT_X86_H */
