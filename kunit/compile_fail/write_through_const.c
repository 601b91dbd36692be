// SPDX-License-Identifier: GPL-2.0
/*
 * A write through a read-only pointer.
 * expect: incompatible pointer type
 * expect: argument 1 of 'phys_write'
 * expect: argument is of type 'const struct phys_const_ptr \*'
 */
#include <linux/module.h>

#include <lvbs/phys_ptr.h>

static int __maybe_unused misuse(const struct phys_const_ptr *p, const void *buf)
{
	return phys_write(p, 0, buf, 1);
}
