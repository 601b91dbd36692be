// SPDX-License-Identifier: GPL-2.0
/*
 * From addresses of the wire format to physical pointers.
 */
#include <linux/mm.h>
#include <linux/pfn.h>

#include "heki/parts.h"
#include "heki/wire.h"

int heki_parts_init(struct heki_parts *parts, struct vmap_manager *mgr,
		    phys_addr_t pa0, phys_addr_t pa1, unsigned int size)
{
	unsigned int first = heki_first_part(pa0, size);
	bool adjoin = !offset_in_page(pa0 + first) && !offset_in_page(pa1);
	int err;

	parts->pfns[0] = PHYS_PFN(pa0);
	parts->pfns[1] = PHYS_PFN(pa1);
	if (!pa1 || (adjoin && parts->pfns[0] != parts->pfns[1])) {
		parts->first = size;
		return phys_ptr_init_scattered(&parts->ptr[0], mgr, parts->pfns,
					       pa1 ? 2 : 1, offset_in_page(pa0),
					       size, 1);
	}

	parts->first = first;
	err = phys_ptr_init(&parts->ptr[0], mgr, pa0, first, 1);
	return err ?: phys_ptr_init(&parts->ptr[1], mgr, pa1, size - first, 1);
}
