/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sites that are known, by address.
 */
#ifndef _LVBS_HEKI_PATCH_MAP_H
#define _LVBS_HEKI_PATCH_MAP_H

#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "heki/wire.h"

/**
 * DOC: patch map
 *
 * A site is found by the page frame that it lies in: an XArray leads from a
 * frame number to the table of that frame, where its sites stand in order of
 * address. Neighbours are thus at hand when a site is added, which makes it
 * cheap to refuse one that overlaps another, and a search takes as long among
 * millions as among the sites of one page::
 *
 *   frames ---> frame 0x1 [0x10 e9..] [0x7f eb..] [0xffe e9..] next 0x9000
 *          \--> frame 0x9 prev 0x1ffe, 3 bytes  [0x40 e9..]
 *
 * A straddling site stands in the table of its first page. Each of the two
 * tables names the other page, so that the site is found from its bytes on the
 * second page too, and other sites cannot be put there.
 *
 * Tables are copied to be changed, and replaced: a search needs RCU only. One
 * thing is done in place, as it must not fail: a site dies by having its size
 * set to 0. The next change of that table leaves it out.
 *
 * Locks: ->update is held while the map changes, across whole batches; users of
 * a batch may take other locks and sleep inside. The site locks are innermost:
 * nothing but copying is done under them. Searches take none.
 */

/* Of the first byte's address; bounds how many requests run at a time. */
#define HEKI_SITE_LOCK_BITS	6

/**
 * struct heki_patch_map - a set of sites that do not overlap
 * @frames: page frame number to struct heki_frame_table
 * @update: serialises changes
 * @nr: number of sites; under @update
 * @bytes: memory that the tables take; under @update
 * @site_locks: serialise the requests to one site
 * @alloc_fails: asked before each allocation, for tests: true makes it fail.
 *	NULL is "never"
 * @alloc_ctx: handed to @alloc_fails
 */
struct heki_patch_map {
	struct xarray frames;
	struct mutex update;	/* of everything above the site locks */
	size_t nr;
	size_t bytes;
	raw_spinlock_t site_locks[1 << HEKI_SITE_LOCK_BITS];
	bool (*alloc_fails)(void *ctx);
	void *alloc_ctx;
};

/**
 * struct heki_patch_hit - a site that was found
 * @site: the site
 * @owner: whose it is
 * @at: which of its bytes the searched address is, less than @site.size
 */
struct heki_patch_hit {
	struct heki_site site;
	u32 owner;
	unsigned int at;
};

/**
 * struct heki_patch_batch - sites on their way into a map, all or none
 * @map: the map
 * @owner: whose they will be
 * @staged: page frame number to struct heki_frame_table, of those that change
 * @nr: number of sites so far
 * @err: the failure that only lets the batch be aborted any more, or 0
 */
struct heki_patch_batch {
	struct heki_patch_map *map;
	u32 owner;
	struct xarray staged;
	size_t nr;
	int err;
};

typedef int heki_site_fn(const struct heki_patch_hit *hit, void *ctx);

void heki_patch_map_init(struct heki_patch_map *map);
void heki_patch_map_destroy(struct heki_patch_map *map);
void *heki_patch_map_alloc(struct heki_patch_map *map, size_t bytes);

int heki_patch_map_find(struct heki_patch_map *map, phys_addr_t pa,
			struct heki_patch_hit *hit);
int heki_patch_map_next(struct heki_patch_map *map, phys_addr_t from,
			struct heki_patch_hit *hit);
int heki_patch_map_locked(struct heki_patch_map *map, phys_addr_t pa,
			  heki_site_fn *fn, void *ctx);

void heki_patch_batch_begin(struct heki_patch_batch *batch,
			    struct heki_patch_map *map, u32 owner);
int heki_patch_batch_add(struct heki_patch_batch *batch,
			 const struct heki_site *site);
int heki_patch_batch_frames(struct heki_patch_batch *batch,
			    int (*fn)(unsigned long pfn, void *ctx), void *ctx);
int heki_patch_batch_sites(struct heki_patch_batch *batch,
			   int (*fn)(const struct heki_site *site, void *ctx),
			   void *ctx);
int heki_patch_batch_commit(struct heki_patch_batch *batch);
void heki_patch_batch_abort(struct heki_patch_batch *batch);

int heki_patch_map_add(struct heki_patch_map *map, u32 owner,
		       const struct heki_site *sites, size_t nr);
size_t heki_patch_map_drop(struct heki_patch_map *map, u32 owner);
size_t heki_patch_map_drop_frames(struct heki_patch_map *map, u32 owner,
				  unsigned long first, unsigned long last);

#endif
