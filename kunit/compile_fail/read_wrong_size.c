// SPDX-License-Identifier: GPL-2.0
/*
 * A read into an object of another size.
 * expect: negative width in bit-field
 * expect: in expansion of macro '__PHYS_SAME_SIZE'
 * expect: in expansion of macro 'phys_read_obj'
 */
#include <linux/module.h>

#include <lvbs/phys_ptr.h>

#define object_ptr	PHYS_CONST_PTR_OF(u32)

static int __maybe_unused misuse(struct vmap_manager *mgr, u64 *obj)
{
	object_ptr p;

	return phys_ptr_of_init(&p, mgr, 0x1000, 8) ?:
	       phys_read_obj(&p, 0, obj);
}
