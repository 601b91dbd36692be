// SPDX-License-Identifier: GPL-2.0
/*
 * A live patch: /proc/cmdline reads "patched". Write 0 to
 * /sys/kernel/livepatch/patcher/enabled before the module is unloaded.
 */
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/seq_file.h>

static int show_patched(struct seq_file *m, void *v)
{
	seq_puts(m, "patched\n");
	return 0;
}

static struct klp_func funcs[] = {
	{ .old_name = "cmdline_proc_show", .new_func = show_patched },
	{}
};

static struct klp_object objects[] = {
	{ .funcs = funcs },	/* no name: the kernel */
	{}
};

static struct klp_patch patch = {
	.mod = THIS_MODULE,
	.objs = objects,
};

static int __init patcher_init(void)
{
	return klp_enable_patch(&patch);
}

static void __exit patcher_exit(void)
{
}

module_init(patcher_init);
module_exit(patcher_exit);
MODULE_DESCRIPTION("a live patch");
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
