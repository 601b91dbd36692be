// SPDX-License-Identifier: GPL-2.0
/*
 * A module whose jump table has a site in the module's own text and its target
 * in kernel text, vfs_fsync().
 */
#include <linux/fs.h>
#include <linux/jump_label.h>
#include <linux/module.h>

static DEFINE_STATIC_KEY_FALSE(foreign_key);

static noinline __used void own_code(void)
{
	asm volatile("1: .byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n\t"
		     ".pushsection __jump_table, \"aw\"\n\t"
		     ".balign 8\n\t"
		     ".long 1b - .\n\t"
		     ".long vfs_fsync - .\n\t"
		     ".quad %c0 - .\n\t"
		     ".popsection"
		     : : "i" (&foreign_key.key));
}

static int __init foreign_init(void)
{
	return 0;
}

static void __exit foreign_exit(void)
{
}

module_init(foreign_init);
module_exit(foreign_exit);
MODULE_DESCRIPTION("has a jump table with a target in kernel text");
MODULE_LICENSE("GPL");
