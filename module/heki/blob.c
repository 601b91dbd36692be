// SPDX-License-Identifier: GPL-2.0
/*
 * The parser of patch-info blobs.
 */

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <asm/byteorder.h>

#include "heki/blob.h"

/**
 * DOC: patch-info blobs
 *
 * A blob is the bytes of all ranges of a list that have the attribute asked
 * for, in the list's order: headers (struct heki_patch_info), each followed by
 * the number of records (struct heki_patch) that it says are in use, then by
 * the next header. A range may end anywhere, and headers and records go on in
 * the next one.
 *
 * Senders round buffers up, so a buffer may end in zeros. A header full of
 * zeros is therefore one without records, and zeros at the end of a range that
 * are too few for a header are skipped. They could also be the beginning of a
 * header that is cut in two: that is so iff the next range continues this one
 * in VTL0's virtual memory, which is what it does when one buffer lies in
 * several ranges.
 *
 * Room for more records than are in use (max_patch_count) is not part of the
 * blob, unless it is at the end and zero.
 *
 * Each byte is read once, a page at most at a time, into memory that VTL0 does
 * not reach, and nothing is looked at elsewhere. No memory is taken by a count
 * that VTL0 states, but by the records that were found.
 */

/**
 * struct heki_blob - a blob while it is being read
 * @reader: how to read VTL0's memory
 * @attribute: of the ranges to take
 * @pa_bits: physical address width
 * @batch: where the sites go
 * @counts: what was there so far
 * @page: the page of the list
 * @chunk: the bytes being parsed
 * @item: the header or record being put together from chunks
 * @have: the number of bytes of @item so far
 * @records: the number of records before the next header
 * @next_va: where VTL0 sees what follows the last range that was taken
 * @other: gets the ranges that are not taken, or NULL
 * @other_ctx: handed to @other
 */
struct heki_blob {
	const struct heki_reader *reader;
	u64 attribute;
	unsigned int pa_bits;
	struct heki_patch_batch *batch;
	struct heki_blob_counts *counts;
	struct heki_page page;
	u8 chunk[HEKI_PAGE_SIZE];
	union {
		struct heki_patch_info info;
		struct heki_patch patch;
		u8 bytes[sizeof(struct heki_patch_info)];
	} item;
	size_t have;
	u64 records;
	u64 next_va;
	heki_piece_fn *other;
	void *other_ctx;
};

static size_t item_size(const struct heki_blob *blob)
{
	return blob->records ? sizeof(blob->item.patch) :
			       sizeof(blob->item.info);
}

/* Nothing is left over but, maybe, zeros where a header could be. */
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
	if (nr > HEKI_BLOB_SITES_MAX - blob->counts->sites)
		return -ENOMEM;
	blob->counts->headers++;
	blob->records = nr;
	return 0;
}

static int parse_record(struct heki_blob *blob)
{
	struct heki_site site;
	int err;

	err = heki_site_decode(&site, &blob->item.patch, blob->pa_bits);
	if (err)
		return err;
	err = heki_patch_batch_add(blob->batch, &site);
	if (err)
		return err;
	blob->counts->sites++;
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
	u64 done;
	size_t len;
	int err;

	if (piece->attributes != blob->attribute) {
		blob->counts->ignored++;
		return blob->other ? blob->other(piece, blob->other_ctx) : 0;
	}
	blob->counts->taken++;

	if (at_rest(blob) && piece->va != blob->next_va)
		blob->have = 0;
	for (done = 0; done < piece->bytes; done += len) {
		phys_addr_t pa = piece->pa + done;

		len = min_t(u64, piece->bytes - done,
			    HEKI_PAGE_SIZE - heki_page_offset(pa));
		err = blob->reader->read(blob->reader->ctx, pa, blob->chunk,
					 len);
		if (!err)
			err = parse_chunk(blob, len);
		if (err)
			return err;
		cond_resched();
	}
	blob->next_va = piece->va + piece->bytes;
	return 0;
}

/**
 * heki_blob_read() - read the sites of a blob into a batch
 * @reader: how to read VTL0's memory
 * @pa: address of the first page of the list of ranges
 * @nranges: number of ranges in the list, as VTL0 announced it
 * @attribute: of the ranges that hold patch info: %HEKI_KDATA_PATCH_INFO, or
 *	%HEKI_MOD_PATCH for a module. Others are checked and counted, not read
 * @pa_bits: physical address width, 13 to 64
 * @batch: where the sites go; the caller begins it, and aborts it on failure
 * @counts: what was there, also on failure
 *
 * A blob without records is a good one.
 *
 * Context: may sleep; between begin and commit or abort of @batch, so under the
 * map's update lock.
 * Return: 0; -EINVAL for a malformed list (see heki_page_list_walk()), header
 * or record, for a count that exceeds the sender's own maximum or what there
 * is, or for left-overs; -EOVERFLOW for an address beyond the width; -EEXIST
 * if a site overlaps a known one or one of the same blob; -ENOMEM if memory
 * runs out or the blob has more than %HEKI_BLOB_SITES_MAX sites; or what the
 * reader returned.
 */
int heki_blob_read(const struct heki_reader *reader, u64 pa, u64 nranges,
		   u64 attribute, unsigned int pa_bits,
		   struct heki_patch_batch *batch,
		   struct heki_blob_counts *counts)
{
	return heki_blob_read_other(reader, pa, nranges, attribute, pa_bits,
				    batch, counts, NULL, NULL);
}

/**
 * heki_blob_read_other() - the same, and tell of the other ranges, too
 * @reader: as for heki_blob_read()
 * @pa: as for heki_blob_read()
 * @nranges: as for heki_blob_read()
 * @attribute: as for heki_blob_read()
 * @pa_bits: as for heki_blob_read()
 * @batch: as for heki_blob_read()
 * @counts: as for heki_blob_read()
 * @other: gets each range that has another attribute; must do nothing that
 *	cannot be taken back. What it returns other than 0 ends the reading
 * @ctx: handed to @other
 *
 * Context: as heki_blob_read().
 * Return: as heki_blob_read(), or what @other returned.
 */
int heki_blob_read_other(const struct heki_reader *reader, u64 pa, u64 nranges,
			 u64 attribute, unsigned int pa_bits,
			 struct heki_patch_batch *batch,
			 struct heki_blob_counts *counts,
			 heki_piece_fn *other, void *ctx)
{
	struct heki_blob *blob;
	int err;

	*counts = (struct heki_blob_counts) { };
	blob = heki_patch_map_alloc(batch->map, sizeof(*blob));
	if (!blob)
		return -ENOMEM;
	blob->reader = reader;
	blob->attribute = attribute;
	blob->pa_bits = pa_bits;
	blob->batch = batch;
	blob->counts = counts;
	blob->other = other;
	blob->other_ctx = ctx;

	err = heki_page_list_walk(reader, &blob->page, pa, nranges, pa_bits,
				  take_range, blob);
	if (!err && !at_rest(blob))
		err = -EINVAL;
	kvfree(blob);
	return err;
}

/**
 * heki_blob_load() - take a blob as a whole, or not at all
 * @reader: how to read VTL0's memory
 * @pa: address of the first page of the list of ranges
 * @nranges: number of ranges in the list, as VTL0 announced it
 * @attribute: of the ranges that hold patch info
 * @pa_bits: physical address width, 13 to 64
 * @map: where the sites go
 * @owner: whose they will be
 * @counts: what was there, also on failure
 *
 * For those who have nothing to do between reading and commit; see
 * heki_patch_batch_frames().
 *
 * Context: may sleep; takes the map's update lock.
 * Return: as heki_blob_read(); on failure the map is as it was.
 */
int heki_blob_load(const struct heki_reader *reader, u64 pa, u64 nranges,
		   u64 attribute, unsigned int pa_bits,
		   struct heki_patch_map *map, u32 owner,
		   struct heki_blob_counts *counts)
{
	struct heki_patch_batch batch;
	int err;

	heki_patch_batch_begin(&batch, map, owner);
	err = heki_blob_read(reader, pa, nranges, attribute, pa_bits, &batch,
			     counts);
	if (err) {
		heki_patch_batch_abort(&batch);
		return err;
	}
	return heki_patch_batch_commit(&batch);
}
