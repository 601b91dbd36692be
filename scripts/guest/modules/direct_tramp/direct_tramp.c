// SPDX-License-Identifier: GPL-2.0
/*
 * Puts a direct trampoline on __text_poke(), as BPF does for an fexit program:
 * it calls the body of the function itself, whatever other users of ftrace want.
 */
#include <linux/ftrace.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/version.h>

extern void direct_tramp(void *unused);
extern unsigned long direct_tramp_body;
unsigned long direct_tramp_body;

asm(".pushsection .text, \"ax\"\n\t"
    ".globl direct_tramp\n\t"
    ".type direct_tramp, @function\n"
    "direct_tramp:\n\t"
    "endbr64\n\t"
    "pushq %rbp\n\t"
    "movq %rsp, %rbp\n\t"
    "movq direct_tramp_body(%rip), %rax\n\t"
    "call *%rax\n\t"
    "leave\n\t"
    /* Returns to the caller of __text_poke(), not into it. */
    "addq $8, %rsp\n\t"
    "ret\n\t"
    "int3\n\t"
    ".size direct_tramp, .-direct_tramp\n\t"
    ".popsection\n");

static unsigned long fentry;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
static struct ftrace_ops ops;

static int tramp_register(void)
{
	int err = ftrace_set_filter_ip(&ops, fentry, 0, 1);

	return err ?: register_ftrace_direct(&ops, (unsigned long)direct_tramp);
}

static void tramp_unregister(void)
{
	unregister_ftrace_direct(&ops, (unsigned long)direct_tramp, true);
}
#else
static int tramp_register(void)
{
	return register_ftrace_direct(fentry, (unsigned long)direct_tramp);
}

static void tramp_unregister(void)
{
	unregister_ftrace_direct(fentry, (unsigned long)direct_tramp);
}
#endif

static int __init direct_tramp_init(void)
{
	struct kprobe probe = {
		.symbol_name = "__text_poke",
		.flags = KPROBE_FLAG_DISABLED,
	};
	int err = register_kprobe(&probe);

	if (err)
		return err;
	unregister_kprobe(&probe);
	/* A probe on a function goes to the call of the function tracer. */
	fentry = (unsigned long)probe.addr;
	direct_tramp_body = fentry + MCOUNT_INSN_SIZE;
	return tramp_register();
}

static void __exit direct_tramp_exit(void)
{
	tramp_unregister();
}

module_init(direct_tramp_init);
module_exit(direct_tramp_exit);
MODULE_DESCRIPTION("puts a direct trampoline on the kernel's text writer");
MODULE_LICENSE("GPL");
