// SPDX-License-Identifier: GPL-2.0
/*
 * A write session on a read-only pointer.
 * expect: incompatible pointer type
 * expect: argument 2 of 'phys_write_session_begin'
 */
#include <linux/module.h>

#include <lvbs/phys_ptr.h>

static int __maybe_unused misuse(struct phys_write_session *s,
				 const struct phys_const_ptr *p)
{
	return phys_write_session_begin(s, p);
}
