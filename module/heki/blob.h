/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Patch-info blobs: how the known sites become known.
 */
#ifndef _LVBS_HEKI_BLOB_H
#define _LVBS_HEKI_BLOB_H

#include <linux/sizes.h>
#include <linux/types.h>

#include "heki/page_list.h"
#include "heki/patch_map.h"

/* The most sites that one call may bring. */
#define HEKI_BLOB_SITES_MAX	SZ_2M

/**
 * struct heki_blob_counts - what a blob was made of
 * @taken: ranges that held patch info
 * @ignored: ranges that held other things
 * @headers: headers, including those without records
 * @sites: records
 */
struct heki_blob_counts {
	u64 taken;
	u64 ignored;
	u64 headers;
	u64 sites;
};

int heki_blob_read(const struct heki_reader *reader, u64 pa, u64 nranges,
		   u64 attribute, unsigned int pa_bits,
		   struct heki_patch_batch *batch,
		   struct heki_blob_counts *counts);
int heki_blob_read_other(const struct heki_reader *reader, u64 pa, u64 nranges,
			 u64 attribute, unsigned int pa_bits,
			 struct heki_patch_batch *batch,
			 struct heki_blob_counts *counts,
			 heki_piece_fn *other, void *ctx);
int heki_blob_load(const struct heki_reader *reader, u64 pa, u64 nranges,
		   u64 attribute, unsigned int pa_bits,
		   struct heki_patch_map *map, u32 owner,
		   struct heki_blob_counts *counts);

#endif
