/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/linkage.h>

#include <asm/nospec-branch.h>

SYM_CODE_START(direct_tramp)
	endbr64
	pushq	%rbp
	movq	%rsp, %rbp
	movq	direct_tramp_body(%rip), %rax
	ANNOTATE_RETPOLINE_SAFE
	call	*%rax
	leave
	/* Skip the return address in __text_poke(). */
	addq	$8, %rsp
	RET
SYM_CODE_END(direct_tramp)
