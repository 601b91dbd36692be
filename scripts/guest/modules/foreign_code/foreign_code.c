// SPDX-License-Identifier: GPL-2.0
/*
 * A module whose jump table has a site in kernel text, at the start of
 * vfs_fsync(). It has nothing to run: objtool, which cannot make sense of the
 * site, does not see its functions, and an unpatched return thunk would warn.
 */
#include <linux/fs.h>
#include <linux/jump_label.h>
#include <linux/module.h>

DEFINE_STATIC_KEY_FALSE(foreign_key);

static int __used foreign_target(struct file *file, int datasync)
{
	return -ETXTBSY;
}

#define FOREIGN_ENTRY				\
	".pushsection __jump_table, \"aw\"\n\t"	\
	".balign 8\n\t"				\
	".long vfs_fsync - .\n\t"		\
	".long foreign_target - .\n\t"		\
	".quad foreign_key - .\n\t"		\
	".popsection"

asm(FOREIGN_ENTRY);

MODULE_DESCRIPTION("has a jump table with a site in kernel text");
MODULE_LICENSE("GPL");
