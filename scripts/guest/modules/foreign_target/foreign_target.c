// SPDX-License-Identifier: GPL-2.0
/*
 * A module whose jump table has a site in the module's own text and its target
 * in kernel text, vfs_fsync(). It has nothing to run, as foreign_code.
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

MODULE_DESCRIPTION("has a jump table with a target in kernel text");
MODULE_LICENSE("GPL");
