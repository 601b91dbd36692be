/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lists of memory ranges, as VTL0 hands them over.
 */
#ifndef _LVBS_HEKI_PAGE_LIST_H
#define _LVBS_HEKI_PAGE_LIST_H

#include <linux/sizes.h>
#include <linux/types.h>

#include <lvbs/heki_abi.h>

/*
 * The most ranges that a call may announce: far more than any kernel has, even
 * if each page of its data is a range, and a bound for what a list that VTL0
 * keeps changing can cost.
 */
#define HEKI_RANGES_MAX	SZ_1M

/**
 * struct heki_reader - how foreign memory is read
 * @read: copies @len bytes, at least 1, from physical address @pa on, all
 *	within one page; may sleep. Returns 0, or an errno with @dst undefined
 * @ctx: handed to @read
 */
struct heki_reader {
	int (*read)(void *ctx, phys_addr_t pa, void *dst, size_t len);
	void *ctx;
};

/**
 * struct heki_piece - a range that was checked
 * @va: where VTL0 sees it, or whatever it claims
 * @pa: address of the first byte
 * @bytes: length, at least 1; it ends below the physical address width
 * @attributes: as the list has them, of any value
 */
struct heki_piece {
	u64 va;
	phys_addr_t pa;
	u64 bytes;
	u64 attributes;
};

typedef int heki_piece_fn(const struct heki_piece *piece, void *ctx);

int heki_page_list_walk(const struct heki_reader *reader,
			struct heki_page *page, u64 pa, u64 nranges,
			unsigned int pa_bits, heki_piece_fn *fn, void *ctx);

#endif
