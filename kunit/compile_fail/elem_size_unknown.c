// SPDX-License-Identifier: GPL-2.0
/*
 * An element size that is not a compile-time constant.
 * expect: bit-field .*width not an integer constant
 * expect: in expansion of macro '__PHYS_ELEM_SIZE'
 */
#include <linux/module.h>

#include <lvbs/phys_ptr.h>

static int __maybe_unused misuse(struct phys_ptr *p, struct vmap_manager *mgr,
				 unsigned int size)
{
	return phys_ptr_init(p, mgr, 0x1000, 8, size);
}
