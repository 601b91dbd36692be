// SPDX-License-Identifier: GPL-2.0
/*
 * A module whose jump table has an entry in its own text that jumps into the
 * kernel's.
 */
#include <linux/fs.h>
#include <linux/jump_label.h>
#include <linux/module.h>

static DEFINE_STATIC_KEY_FALSE(foreign_key);

static noinline int own_code(void)
{
	asm volatile("1: .byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n\t"
		     ".pushsection __jump_table, \"aw\"\n\t"
		     ".balign 8\n\t"
		     ".long 1b - .\n\t"
		     ".long vfs_fsync - .\n\t"
		     ".quad %c0 - .\n\t"
		     ".popsection"
		     : : "i" (&foreign_key.key));
	return 0;
}

static int (*volatile run)(void) = own_code;

static int __init foreign_init(void)
{
	return run ? 0 : -ENODEV;
}

static void __exit foreign_exit(void)
{
}

module_init(foreign_init);
module_exit(foreign_exit);
MODULE_DESCRIPTION("jumps from its own text into the kernel's");
MODULE_LICENSE("GPL");
