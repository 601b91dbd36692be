// SPDX-License-Identifier: GPL-2.0
/*
 * A typed pointer to objects of size 0.
 * expect: negative width in bit-field
 * expect: in expansion of macro '__PHYS_ELEM_SIZE'
 */
#include <linux/module.h>

#include <lvbs/phys_ptr.h>

struct nothing {};

#define object_ptr	PHYS_PTR_OF(struct nothing)

static int __maybe_unused misuse(struct vmap_manager *mgr)
{
	object_ptr p;

	return phys_ptr_of_init(&p, mgr, 0x1000, 8);
}
