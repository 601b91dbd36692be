/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The x86-64 copy routine, apart from the kernel's headers so that
 * scripts/bench/copy_harness.c measures these very instructions in user space.
 *
 * The includer defines COPY_EXTABLE(from, to): an exception table entry that
 * continues at label `to` when the instruction at `from` faults, or nothing
 * where faults cannot be caught.
 *
 *	bytes	strategy
 *	0-3	byte by byte: also where every fault ends up
 *	8	one access
 *	4-32	otherwise a front and a back part of one width, overlapping in the middle
 *	33-511	blocks of 32, the last one overlapping the one before it
 *	512-	rep movsq; an end that is no whole quadword is 8 bytes overlapping it
 *
 * rep movs costs more to start than a short loop takes, even on recent CPUs.
 * In quadwords it is about as fast as in bytes, and executes an eighth of the
 * iterations where an emulator counts or interprets them.
 *
 * Where the destination is up to 32 bytes ahead of the source modulo 4096,
 * rep movs takes its loads to depend on its stores (AMD Zen: a quarter of the
 * speed in quadwords, a thirtieth in bytes). Blocks do not mind.
 *
 * How the count gets exact: parts go upwards, so a fault leaves all bytes
 * before its part copied and none behind it written. It continues in the byte
 * loop at the start of that part, which copies what still can be copied and
 * faults a second time, at the very byte. Its counter then is the result.
 */
#ifndef LVBS_COPY_NOFAULT_X86_H
#define LVBS_COPY_NOFAULT_X86_H

/* One access to memory, and where a fault of it continues. */
#define COPY_MOV(insn, to)	"77:	" insn "\n" COPY_EXTABLE(77b, to)

/*
 * In each part all loads come first: where one of them faults, nothing of the
 * part has been written yet.
 *
 * noinline: one copy of the code and of its exception table serves both
 * directions. notrace: text patching goes through here, that of the function
 * tracer's own call sites included.
 */
static noinline notrace size_t copy_x86(void *dst, const void *src, size_t len)
{
	size_t left;

	asm volatile("xorl %%eax, %%eax\n"
	"	cmpq	$32, %%rdx\n"
	"	jbe	8f\n"
	"	cmpq	$512, %%rdx\n"
	"	jae	2f\n"

	"11:\n"
	/* rsi, rdi: start of the last 32 bytes; rdx: negative index to it */
	"	leaq	-32(%%rsi,%%rdx), %%rsi\n"
	"	leaq	-32(%%rdi,%%rdx), %%rdi\n"
	"	negq	%%rdx\n"
	"	addq	$32, %%rdx\n"
	"1:\n"
	COPY_MOV("movq	(%%rsi,%%rdx), %%r8", 3f)
	COPY_MOV("movq	8(%%rsi,%%rdx), %%r9", 3f)
	COPY_MOV("movq	16(%%rsi,%%rdx), %%r10", 3f)
	COPY_MOV("movq	24(%%rsi,%%rdx), %%r11", 3f)
	COPY_MOV("movq	%%r8, (%%rdi,%%rdx)", 3f)
	COPY_MOV("movq	%%r9, 8(%%rdi,%%rdx)", 3f)
	COPY_MOV("movq	%%r10, 16(%%rdi,%%rdx)", 3f)
	COPY_MOV("movq	%%r11, 24(%%rdi,%%rdx)", 3f)
	"	addq	$32, %%rdx\n"
	"	js	1b\n"
	COPY_MOV("movq	(%%rsi), %%r8", 3f)
	COPY_MOV("movq	8(%%rsi), %%r9", 3f)
	COPY_MOV("movq	16(%%rsi), %%r10", 3f)
	COPY_MOV("movq	24(%%rsi), %%r11", 3f)
	COPY_MOV("movq	%%r8, (%%rdi)", 3f)
	COPY_MOV("movq	%%r9, 8(%%rdi)", 3f)
	COPY_MOV("movq	%%r10, 16(%%rdi)", 3f)
	COPY_MOV("movq	%%r11, 24(%%rdi)", 3f)
	"	jmp	9f\n"

	/* destination 1 to 32 bytes ahead within a page */
	"2:	leal	-1(%%rdi), %%ecx\n"
	"	subl	%%esi, %%ecx\n"
	"	testl	$0xfe0, %%ecx\n"
	"	jz	11b\n"

	/* align the destination: worth a fifth from 2 KiB on */
	"	movl	%%edi, %%ecx\n"
	"	negl	%%ecx\n"
	"	andl	$7, %%ecx\n"
	"	jz	13f\n"
	COPY_MOV("movq	(%%rsi), %%r8", 5f)
	COPY_MOV("movq	%%r8, (%%rdi)", 5f)
	"	addq	%%rcx, %%rsi\n"
	"	addq	%%rcx, %%rdi\n"
	"	subq	%%rcx, %%rdx\n"
	"13:\n"

	/* rcx: quadwords left; rdx: bytes beyond them */
	"	movq	%%rdx, %%rcx\n"
	"	shrq	$3, %%rcx\n"
	"	andl	$7, %%edx\n"
	COPY_MOV("rep movsq", 4f)
	"	testl	%%edx, %%edx\n"
	"	jz	9f\n"
	COPY_MOV("movq	-8(%%rsi,%%rdx), %%r8", 4f)
	COPY_MOV("movq	%%r8, -8(%%rdi,%%rdx)", 4f)
	"	jmp	9f\n"

	/* fault in a block */
	"3:	addq	%%rdx, %%rsi\n"
	"	addq	%%rdx, %%rdi\n"
	"	subq	$32, %%rdx\n"
	"	negq	%%rdx\n"
	"	jmp	5f\n"

	/* fault in or after rep movsq */
	"4:	leaq	(%%rdx,%%rcx,8), %%rdx\n"

	/* rsi, rdi: the next byte; rdx: how many are left */
	"5:	movq	%%rdx, %%rax\n"
	"	testq	%%rax, %%rax\n"
	"	jz	9f\n"
	"10:\n"
	COPY_MOV("movzbl	(%%rsi), %%ecx", 9f)
	COPY_MOV("movb	%%cl, (%%rdi)", 9f)
	"	incq	%%rsi\n"
	"	incq	%%rdi\n"
	"	decq	%%rax\n"
	"	jnz	10b\n"
	"	jmp	9f\n"

	/* less than 8 */
	"6:	cmpl	$4, %%edx\n"
	"	jb	5b\n"
	COPY_MOV("movl	(%%rsi), %%r8d", 5b)
	COPY_MOV("movl	-4(%%rsi,%%rdx), %%r9d", 5b)
	COPY_MOV("movl	%%r8d, (%%rdi)", 5b)
	COPY_MOV("movl	%%r9d, -4(%%rdi,%%rdx)", 5b)
	"	jmp	9f\n"

	/* less than 16 */
	"7:	cmpl	$8, %%edx\n"
	"	jb	6b\n"
	"	je	12f\n"
	COPY_MOV("movq	(%%rsi), %%r8", 5b)
	COPY_MOV("movq	-8(%%rsi,%%rdx), %%r9", 5b)
	COPY_MOV("movq	%%r8, (%%rdi)", 5b)
	COPY_MOV("movq	%%r9, -8(%%rdi,%%rdx)", 5b)
	"	jmp	9f\n"

	"12:\n"
	COPY_MOV("movq	(%%rsi), %%r8", 5b)
	COPY_MOV("movq	%%r8, (%%rdi)", 5b)
	"	jmp	9f\n"

	/* 32 or less; comes last because most are 16 to 32: no jump there */
	"8:	cmpl	$16, %%edx\n"
	"	jb	7b\n"
	COPY_MOV("movq	(%%rsi), %%r8", 5b)
	COPY_MOV("movq	8(%%rsi), %%r9", 5b)
	COPY_MOV("movq	-16(%%rsi,%%rdx), %%r10", 5b)
	COPY_MOV("movq	-8(%%rsi,%%rdx), %%r11", 5b)
	COPY_MOV("movq	%%r8, (%%rdi)", 5b)
	COPY_MOV("movq	%%r9, 8(%%rdi)", 5b)
	COPY_MOV("movq	%%r10, -16(%%rdi,%%rdx)", 5b)
	COPY_MOV("movq	%%r11, -8(%%rdi,%%rdx)", 5b)
	"9:\n"
	: "=&a" (left), "+D" (dst), "+S" (src), "+d" (len)
	:
	: "rcx", "r8", "r9", "r10", "r11", "memory", "cc");

	return left;
}

#endif /* LVBS_COPY_NOFAULT_X86_H */
