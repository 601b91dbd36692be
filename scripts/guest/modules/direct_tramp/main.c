// SPDX-License-Identifier: GPL-2.0
/*
 * Puts a direct trampoline on __text_poke(), as BPF does for an fexit program.
 * It calls the function's body itself, so an ftrace_ops that changes the
 * instruction pointer has no effect.
 */
#include <linux/ftrace.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/version.h>

#include "tramp.h"

unsigned long direct_tramp_body;
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
	/* A kprobe on a function is placed at its ftrace call site. */
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
MODULE_DESCRIPTION("puts a direct trampoline on __text_poke()");
MODULE_LICENSE("GPL");
