// SPDX-License-Identifier: GPL-2.0
/*
 * An element size of 0 in a scattered pointer.
 * expect: negative width in bit-field
 * expect: in expansion of macro '__PHYS_ELEM_SIZE'
 */
#include <linux/module.h>

#include <lvbs/phys_ptr.h>

static int __maybe_unused misuse(struct phys_ptr *p, struct vmap_manager *mgr,
				 const unsigned long *pfns)
{
	return phys_ptr_init_scattered(p, mgr, pfns, 1, 0, 8, 0);
}
