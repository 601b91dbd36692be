// SPDX-License-Identifier: GPL-2.0
/*
 * A write in a read-only session.
 * expect: incompatible pointer type
 * expect: argument 1 of 'phys_session_write'
 */
#include <linux/module.h>

#include <lvbs/phys_ptr.h>

static int __maybe_unused misuse(struct phys_session *s, const void *buf)
{
	return phys_session_write(s, 0, buf, 1);
}
