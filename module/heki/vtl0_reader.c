// SPDX-License-Identifier: GPL-2.0
/*
 * How the parsers of what VTL0 hands over get at it.
 */
#include <lvbs/phys_ptr.h>

#include "heki/vtl0_reader.h"

static int vtl0_read(void *ctx, phys_addr_t pa, void *dst, size_t len)
{
	struct phys_const_ptr ptr;
	int err;

	err = phys_const_ptr_init(&ptr, lvbs_vmap_manager(), pa, len, 1);
	return err ?: phys_read(&ptr, 0, dst, len);
}

const struct heki_reader vtl0_reader = { .read = vtl0_read };
