// SPDX-License-Identifier: GPL-2.0
/*
 * A write from user memory through a read-only pointer.
 * expect: incompatible pointer type
 * expect: argument 1 of 'phys_write_from_user'
 */
#include <linux/module.h>

#include <lvbs/phys_ptr.h>

static int __maybe_unused misuse(const struct phys_const_ptr *p, const void __user *ubuf)
{
	return phys_write_from_user(p, 0, ubuf, 1, NULL);
}
