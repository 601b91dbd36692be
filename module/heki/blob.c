// SPDX-License-Identifier: GPL-2.0
/*
 * Lists of ranges in VTL0 memory, and the patch-info blobs that they describe.
 * VTL0 may change both concurrently.
 */

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/xarray.h>
#include <asm/byteorder.h>

#include "heki/heki.h"

/*
 * Upper limit of the announced number of ranges. It exceeds what any kernel
 * needs, even with one range per page of its data, and bounds the walk of a
 * list that VTL0 keeps changing.
 */
#define HEKI_RANGES_MAX	SZ_1M

/* Upper limits of the number of sites of a blob, and of its bytes. */
#define HEKI_BLOB_SITES_MAX	SZ_2M
#define HEKI_BLOB_BYTES_MAX	SZ_128M

static int vtl0_read(void *ctx, phys_addr_t pa, void *dst, size_t len)
{
	struct phys_const_ptr ptr;
	int err;

	err = phys_const_ptr_init(&ptr, lvbs_vmap_manager(), pa, len, 1);
	return err ?: phys_read(&ptr, 0, dst, len);
}

const struct heki_reader vtl0_reader = { .read = vtl0_read };

/* Is [@pa, @epa), which may be empty, below the width? */
static int range_check(u64 pa, u64 epa, unsigned int pa_bits)
{
	unsigned int bits = heki_clamp_pa_bits(pa_bits);

	if (epa < pa)
		return -EINVAL;
	if (epa == pa)
		return 0;
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
		if (!err && piece.bytes)
			err = fn(&piece, ctx);
		if (!err && fatal_signal_pending(current))
			err = -EINTR;
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
 * Calls @fn for each range of the list at @pa that is not empty, in order, until
 * it returns non-zero. @page is a buffer for one page of the list. @fn may sleep, and must
 * be reversible: a list can turn out malformed after some ranges were visited.
 *
 * The list must match @nranges, the count that VTL0 announced, exactly: aligned
 * pages of 1 to HEKI_PAGE_RANGES ranges, and a next page for all but the last.
 * (The reference system also accepts longer lists.) Ranges need no alignment, and
 * may be empty.
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

/**
 * DOC: patch-info blobs
 *
 * A blob is the concatenation of those ranges of a list that have the attribute
 * asked for, in the list's order: headers (struct heki_patch_info), each
 * followed by the number of records (struct heki_patch) that it announces. A
 * range may end anywhere; a header or record continues in the next range.
 *
 * Senders round buffers up, so a buffer may end in zeros. A header of zeros is
 * one without records, and zeros at the end of a range that are too few for a
 * header are skipped, unless they begin a header that continues in the next
 * range. That is so iff the next range continues this one in VTL0's virtual
 * memory, as it does if one buffer is sent as several ranges.
 *
 * Room for unused records (max_patch_count) is not part of the blob, unless it
 * is at the end and zero.
 *
 * Each byte is read once, at most a page at a time, into private memory. Memory
 * is allocated for records found, not for counts announced.
 */

/* A blob being read. */
struct heki_blob {
	struct heki_blob_source *source;
	struct heki_patch_batch *batch;
	struct heki_page page;		/* of the list */
	u8 chunk[HEKI_PAGE_SIZE];	/* bytes being parsed */
	union {
		struct heki_patch_info info;
		struct heki_patch patch;
		u8 bytes[sizeof(struct heki_patch_info)];
	} item;			/* the current header or record */
	size_t have;		/* bytes of @item so far */
	u64 records;		/* left before the next header */
	u64 next_va;		/* end of the last range taken */
	u64 bytes;		/* taken so far */
};

static size_t item_size(const struct heki_blob *blob)
{
	return blob->records ? sizeof(blob->item.patch) :
			       sizeof(blob->item.info);
}

/* No partial item remains, except zeros where a header could be. */
static bool at_rest(const struct heki_blob *blob)
{
	return !blob->records && !memchr_inv(blob->item.bytes, 0, blob->have);
}

static int parse_header(struct heki_blob *blob)
{
	const struct heki_patch_info *info = &blob->item.info;
	u64 nr = le64_to_cpu(info->patch_idx);

	if (le32_to_cpu(info->type) != HEKI_PATCH_JUMP_LABEL ||
	    nr > le64_to_cpu(info->max_patch_count))
		return -EINVAL;
	if (nr > HEKI_BLOB_SITES_MAX - blob->batch->nr)
		return -ENOMEM;
	blob->records = nr;
#ifdef LVBS_KUNIT
	blob->source->headers++;
#endif
	return 0;
}

static int parse_record(struct heki_blob *blob)
{
	struct heki_site site;
	int err;

	err = heki_site_decode(&site, &blob->item.patch, blob->source->pa_bits);
	if (err)
		return err;
	err = heki_patch_batch_add(blob->batch, &site);
	if (err)
		return err;
	blob->records--;
	return 0;
}

static int parse_chunk(struct heki_blob *blob, size_t len)
{
	size_t done, part;
	int err;

	for (done = 0; done < len; done += part) {
		part = min(item_size(blob) - blob->have, len - done);
		memcpy(blob->item.bytes + blob->have, blob->chunk + done, part);
		blob->have += part;
		if (blob->have < item_size(blob))
			continue;

		err = blob->records ? parse_record(blob) : parse_header(blob);
		if (err)
			return err;
		blob->have = 0;
	}
	return 0;
}

static int take_range(const struct heki_piece *piece, void *ctx)
{
	struct heki_blob *blob = ctx;
	const struct heki_blob_source *source = blob->source;
	u64 done;
	size_t len;
	int err;

	if (piece->attributes != source->attribute)
		return source->other ? source->other(piece, source->other_ctx) :
				       0;

	if (piece->bytes > HEKI_BLOB_BYTES_MAX - blob->bytes)
		return -ENOMEM;
	blob->bytes += piece->bytes;
	if (at_rest(blob) && piece->va != blob->next_va)
		blob->have = 0;
	for (done = 0; done < piece->bytes; done += len) {
		phys_addr_t pa = piece->pa + done;

		len = min_t(u64, piece->bytes - done,
			    HEKI_PAGE_SIZE - heki_page_offset(pa));
		err = source->reader->read(source->reader->ctx, pa,
					   blob->chunk, len);
		if (!err)
			err = parse_chunk(blob, len);
		if (err)
			return err;
		cond_resched();
	}
	blob->next_va = piece->va + piece->bytes;
	return 0;
}

/*
 * Adds the sites of a blob to a batch, which the caller begins, and aborts on
 * failure. A blob may have no records. @source->other must be reversible: the
 * blob can turn out malformed after some ranges were visited. May sleep; runs
 * under the map's update lock.
 *
 * Returns -EINVAL if the list (see heki_page_list_walk()), a header or a record
 * is malformed, a header announces more records than its own maximum or than
 * there are, or bytes remain; -EOVERFLOW if an address is beyond the width;
 * -EEXIST if a site overlaps a known one or one of the blob; -ENOMEM, also for
 * more than HEKI_BLOB_SITES_MAX sites or HEKI_BLOB_BYTES_MAX bytes; or the error of the reader or
 * @source->other.
 */
int heki_blob_read(struct heki_blob_source *source,
		   struct heki_patch_batch *batch)
{
	struct heki_blob *blob;
	int err;

	blob = heki_patch_map_alloc(batch->map, sizeof(*blob));
	if (!blob)
		return -ENOMEM;
	blob->source = source;
	blob->batch = batch;

	err = heki_page_list_walk(source->reader, &blob->page, source->pa,
				  source->nranges, source->pa_bits, take_range,
				  blob);
	if (!err && !at_rest(blob))
		err = -EINVAL;
	kvfree(blob);
	return err;
}
