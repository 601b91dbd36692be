/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Bytes that lie in one page of the wire format, or in two unrelated ones.
 */
#ifndef _LVBS_HEKI_PARTS_H
#define _LVBS_HEKI_PARTS_H

#include <lvbs/phys_ptr.h>

/**
 * struct heki_parts - the bytes, as one physical pointer or two
 * @ptr: the pointers; the second one goes on where the first one ends
 * @pfns: what @ptr borrows: a copy of this struct would borrow of the original
 * @first: how many of the bytes the first pointer has; if that is all of them,
 *	there is no second one
 *
 * One pointer does where the pages of the wire format are those of the kernel.
 * Where the kernel has larger ones, the first page of the wire format need not
 * be the last one in its frame, and can have its frame in common with the
 * second one.
 */
struct heki_parts {
	struct phys_ptr ptr[2];
	unsigned long pfns[2];
	unsigned int first;
};

/**
 * heki_parts_init() - make the pointers
 * @parts: to be made
 * @mgr: who maps
 * @pa0: address of the first byte
 * @pa1: start of the second page, or 0; as heki_place_check() or
 *	heki_site_check() accepted it
 * @size: number of bytes, fewer than a page of the wire format has
 *
 * Context: Any.
 * Return: 0; as phys_ptr_init_scattered().
 */
int heki_parts_init(struct heki_parts *parts, struct vmap_manager *mgr,
		    phys_addr_t pa0, phys_addr_t pa1, unsigned int size);

#endif /* _LVBS_HEKI_PARTS_H */
