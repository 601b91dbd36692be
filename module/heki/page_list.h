/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lists of memory ranges passed by VTL0.
 */
#ifndef _LVBS_HEKI_PAGE_LIST_H
#define _LVBS_HEKI_PAGE_LIST_H

#include <linux/sizes.h>
#include <linux/types.h>

#include <lvbs/heki_abi.h>

/*
 * Upper limit of the announced number of ranges. It exceeds what any kernel
 * needs, even with one range per page of its data, and bounds the walk of a
 * list that VTL0 keeps changing.
 */
#define HEKI_RANGES_MAX	SZ_1M

/*
 * How VTL0 memory is read. ->read copies @len bytes, at least 1, at @pa, all
 * within one wire page. It may sleep. On failure @dst is undefined.
 */
struct heki_reader {
	int (*read)(void *ctx, phys_addr_t pa, void *dst, size_t len);
	void *ctx;
};

/* A checked struct heki_range: not empty, and below the address width. */
struct heki_piece {
	u64 va;			/* as claimed by VTL0 */
	phys_addr_t pa;
	u64 bytes;
	u64 attributes;		/* not checked */
};

typedef int heki_piece_fn(const struct heki_piece *piece, void *ctx);

int heki_page_list_walk(const struct heki_reader *reader,
			struct heki_page *page, u64 pa, u64 nranges,
			unsigned int pa_bits, heki_piece_fn *fn, void *ctx);

#endif /* _LVBS_HEKI_PAGE_LIST_H */
