// SPDX-License-Identifier: GPL-2.0
/*
 * Walks lists of ranges that somebody else may be changing meanwhile.
 */

#include <linux/errno.h>
#include <linux/sched.h>
#include <linux/xarray.h>
#include <asm/byteorder.h>

#include "heki/page_list.h"
#include "heki/wire.h"

/* Is [@pa, @epa) not empty, and below the width? */
static int range_check(u64 pa, u64 epa, unsigned int pa_bits)
{
	unsigned int bits = heki_width(pa_bits);

	if (epa <= pa)
		return -EINVAL;
	/* The last byte, as @epa may be the width itself. */
	if (bits < 64 && (epa - 1) >> bits)
		return -EOVERFLOW;
	return 0;
}

static int page_address_check(u64 pa, unsigned int pa_bits)
{
	if (!pa || pa & (HEKI_PAGE_SIZE - 1))
		return -EINVAL;
	return range_check(pa, pa + (HEKI_PAGE_SIZE - 1), pa_bits);
}

static int walk_page(const struct heki_page *page, u64 nr,
		     unsigned int pa_bits, heki_piece_fn *fn, void *ctx)
{
	u64 i;
	int err;

	for (i = 0; i < nr; i++) {
		const struct heki_range *range = &page->ranges[i];
		u64 pa = le64_to_cpu(range->pa), epa = le64_to_cpu(range->epa);
		struct heki_piece piece = {
			.va = le64_to_cpu(range->va),
			.pa = pa,
			.bytes = epa - pa,
			.attributes = le64_to_cpu(range->attributes),
		};

		err = range_check(pa, epa, pa_bits);
		if (err)
			return err;
		err = fn(&piece, ctx);
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}

static int walk(const struct heki_reader *reader, struct heki_page *page,
		struct xarray *seen, u64 pa, u64 left, unsigned int pa_bits,
		heki_piece_fn *fn, void *ctx)
{
	u64 nr;
	int err;

	for (; left; left -= nr) {
		err = page_address_check(pa, pa_bits);
		if (err)
			return err;
		err = xa_insert(seen, pa >> HEKI_PAGE_SHIFT, xa_mk_value(0),
				GFP_KERNEL);
		if (err)
			return err == -EBUSY ? -EINVAL : err;

		err = reader->read(reader->ctx, pa, page, sizeof(*page));
		if (err)
			return err;
		nr = le64_to_cpu(page->nranges);
		if (!nr || nr > HEKI_PAGE_RANGES || nr > left)
			return -EINVAL;
		err = walk_page(page, nr, pa_bits, fn, ctx);
		if (err)
			return err;
		pa = le64_to_cpu(page->next_pa);
	}
	return pa ? -EINVAL : 0;
}

/**
 * heki_page_list_walk() - visit the ranges of a list
 * @reader: how to read VTL0's memory
 * @page: memory to put each page of the list in, not reachable by VTL0
 * @pa: address of the list's first page
 * @nranges: the number of ranges that VTL0 announced, over all pages
 * @pa_bits: physical address width, 13 to 64
 * @fn: gets each range in order; may sleep. What it returns other than 0 ends
 *	the walk
 * @ctx: handed to @fn
 *
 * The list must be what was announced, exactly: page aligned pages of 1 to
 * %HEKI_PAGE_RANGES ranges each, the last one, and only that, with no next
 * page. The layout is the wire format's; that the count must fit is a rule of
 * ours (the reference system stopped where the count was reached or exceeded).
 * Ranges need no alignment.
 *
 * No page is read twice, and each uses up some of the announced count, which
 * is bounded: the walk ends, whatever VTL0 makes of the list meanwhile. The
 * memory it takes grows with the pages that were read, not with the count.
 *
 * @fn has been called for ranges of a list that turns out bad later: it must
 * do nothing that cannot be taken back.
 *
 * Context: may sleep; takes no locks.
 * Return: 0, -EINVAL if the list is malformed, comes back to one of its pages,
 * or is not as long as announced, -EOVERFLOW if an address is beyond the width,
 * -ENOMEM, or what the reader or @fn returned.
 */
int heki_page_list_walk(const struct heki_reader *reader,
			struct heki_page *page, u64 pa, u64 nranges,
			unsigned int pa_bits, heki_piece_fn *fn, void *ctx)
{
	struct xarray seen;
	int err;

	if (!nranges || nranges > HEKI_RANGES_MAX)
		return -EINVAL;
	xa_init(&seen);
	err = walk(reader, page, &seen, pa, nranges, pa_bits, fn, ctx);
	xa_destroy(&seen);
	return err;
}
