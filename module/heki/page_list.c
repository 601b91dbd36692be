// SPDX-License-Identifier: GPL-2.0
/*
 * Walks lists of ranges that VTL0 may change concurrently.
 */

#include <linux/errno.h>
#include <linux/sched.h>
#include <linux/xarray.h>
#include <asm/byteorder.h>

#include "heki/page_list.h"
#include "heki/wire.h"

/* Is [@pa, @epa) not empty and below the width? */
static int range_check(u64 pa, u64 epa, unsigned int pa_bits)
{
	unsigned int bits = heki_clamp_pa_bits(pa_bits);

	if (epa <= pa)
		return -EINVAL;
	/* Check the last byte: @epa may equal 1 << bits. */
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

/*
 * Calls @fn for each range of the list at @pa, in order, until it returns
 * non-zero. @page is a buffer for one page of the list. @fn may sleep, and must
 * be reversible: a list can turn out malformed after some ranges were visited.
 *
 * The list must match @nranges, the count that VTL0 announced, exactly: aligned
 * pages of 1 to HEKI_PAGE_RANGES ranges, and a next page for all but the last.
 * (The reference system also accepts longer lists.) Ranges need no alignment.
 *
 * The walk terminates whatever VTL0 does to the list: no page is read twice,
 * and each page consumes some of the bounded count. Memory use grows with the
 * pages read, not with the count.
 *
 * Returns -EINVAL if the list is malformed, has a cycle or does not match
 * @nranges, -EOVERFLOW if an address is beyond the width, -ENOMEM, or the error
 * of @reader or @fn.
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
