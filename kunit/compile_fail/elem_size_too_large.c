// SPDX-License-Identifier: GPL-2.0
/*
 * An element size that would be truncated to 0.
 * expect: negative width in bit-field
 * expect: in expansion of macro '__PHYS_ELEM_SIZE'
 */
#include <linux/module.h>

#include <lvbs/phys_ptr.h>

static int __maybe_unused misuse(struct phys_ptr *p, struct vmap_manager *mgr)
{
	return phys_ptr_init(p, mgr, 0x1000, 8, 0x100000000ULL);
}
