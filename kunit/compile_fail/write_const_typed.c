// SPDX-License-Identifier: GPL-2.0
/*
 * A write of an object through a typed read-only pointer.
 * expect: has no member named 'ptr'
 * expect: in expansion of macro 'phys_write_obj'
 */
#include <linux/module.h>

#include <lvbs/phys_ptr.h>

#define object_ptr	PHYS_CONST_PTR_OF(u32)

static int __maybe_unused misuse(struct vmap_manager *mgr, const u32 *obj)
{
	object_ptr p;

	return phys_ptr_of_init(&p, mgr, 0x1000, 8) ?:
	       phys_write_obj(&p, 0, obj);
}
