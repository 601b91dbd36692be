// SPDX-License-Identifier: GPL-2.0
/*
 * From addresses of the wire format to physical pointers.
 */
#include <linux/mm.h>
#include <linux/pfn.h>

#include "heki/vtl0.h"
#include "heki/wire.h"

/*
 * @pa0 and @pa1 have passed heki_request_addr_check() or heki_site_check();
 * @size is less than a wire page. Fails as phys_ptr_init_scattered() does.
 */
int heki_ptr_pair_init(struct heki_ptr_pair *pair, struct vmap_manager *mgr,
		       phys_addr_t pa0, phys_addr_t pa1, unsigned int size)
{
	unsigned int first = heki_len_in_page(pa0, size);
	bool adjoin = !offset_in_page(pa0 + first) && !offset_in_page(pa1);
	int err;

	pair->pfns[0] = PHYS_PFN(pa0);
	pair->pfns[1] = PHYS_PFN(pa1);
	if (!pa1 || (adjoin && pair->pfns[0] != pair->pfns[1])) {
		pair->first = size;
		return phys_ptr_init_scattered(&pair->ptr[0], mgr, pair->pfns,
					       pa1 ? 2 : 1, offset_in_page(pa0),
					       size, 1);
	}

	pair->first = first;
	err = phys_ptr_init(&pair->ptr[0], mgr, pa0, first, 1);
	return err ?: phys_ptr_init(&pair->ptr[1], mgr, pa1, size - first, 1);
}

static int vtl0_read(void *ctx, phys_addr_t pa, void *dst, size_t len)
{
	struct phys_const_ptr ptr;
	int err;

	err = phys_const_ptr_init(&ptr, lvbs_vmap_manager(), pa, len, 1);
	return err ?: phys_read(&ptr, 0, dst, len);
}

const struct heki_reader vtl0_reader = { .read = vtl0_read };
