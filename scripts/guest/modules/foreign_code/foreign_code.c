// SPDX-License-Identifier: GPL-2.0
/*
 * A module whose jump table has a site in kernel text, at the start of
 * vfs_fsync(). Parameter "on" switches its key.
 */
#include <linux/fs.h>
#include <linux/jump_label.h>
#include <linux/module.h>

static DEFINE_STATIC_KEY_FALSE(foreign_key);

static int foreign_target(struct file *file, int datasync)
{
	return -ETXTBSY;
}

static int on_set(const char *word, const struct kernel_param *param)
{
	if (word[0] == '1')
		static_branch_enable(&foreign_key);
	else
		static_branch_disable(&foreign_key);
	return 0;
}

static const struct kernel_param_ops on_ops = { .set = on_set };

module_param_cb(on, &on_ops, NULL, 0200);
MODULE_PARM_DESC(on, "switch the key");

static int __init foreign_init(void)
{
	asm volatile(".pushsection __jump_table, \"aw\"\n\t"
		     ".balign 8\n\t"
		     ".long vfs_fsync - .\n\t"
		     ".long %c1 - .\n\t"
		     ".quad %c0 - .\n\t"
		     ".popsection"
		     : : "i" (&foreign_key.key), "i" (foreign_target));
	return 0;
}

static void __exit foreign_exit(void)
{
}

module_init(foreign_init);
module_exit(foreign_exit);
MODULE_DESCRIPTION("has a jump table with a site in kernel text");
MODULE_LICENSE("GPL");
