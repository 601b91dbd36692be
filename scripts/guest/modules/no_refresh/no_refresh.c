// SPDX-License-Identifier: GPL-2.0
/*
 * While this is loaded, lvbs cannot refresh its RAM map: the function returns
 * -ENOMEM and does nothing.
 */
#include <linux/errno.h>
#include <linux/kprobes.h>
#include <linux/module.h>

/* Runs instead of the function, and returns to its caller. */
static notrace noinline int refresh_failing(void)
{
	return -ENOMEM;
}

static int refresh_called(struct kprobe *probe, struct pt_regs *regs)
{
	regs->ip = (unsigned long)refresh_failing;
	return 1;
}

static struct kprobe probe = {
	.symbol_name = "ram_map_refresh",
	.pre_handler = refresh_called,
};

static int __init no_refresh_init(void)
{
	return register_kprobe(&probe);
}

static void __exit no_refresh_exit(void)
{
	unregister_kprobe(&probe);
}

module_init(no_refresh_init);
module_exit(no_refresh_exit);

MODULE_DESCRIPTION("lvbs test: the RAM map cannot be refreshed");
MODULE_LICENSE("GPL");
