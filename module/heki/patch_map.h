/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The known patch sites, indexed by address.
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
 * An XArray maps the number of a wire page to the table of that page, in which
 * sites are sorted by address. The neighbours of a new site are next to it in
 * the table, so overlaps are cheap to detect, and the cost of a search depends
 * on the number of sites in one page, not on the total::
 *
 *   frames ---> frame 0x1 [0x10 e9..] [0x7f eb..] [0xffe e9..] next 0x9000
 *          \--> frame 0x9 prev 0x1ffe, 3 bytes  [0x40 e9..]
 *
 * A straddling site is in the table of its first page. The tables of both pages
 * name the other page: lookups by an address in the second page find the site,
 * and overlaps with its tail are detected.
 *
 * Updates copy and replace tables, so readers only need RCU. The exception is
 * removal, which must not fail: it clears the site's size in place, and the
 * next copy of the table omits the site.
 *
 * Locking: ->update is held while the map changes, across whole batches. Users
 * of a batch may sleep and take other locks under it. The site locks are
 * innermost: only copies are made under them. Lookups take no lock.
 */

/* The site locks are hashed by the address of the site's first byte. */
#define HEKI_SITE_LOCK_BITS	6

/* A set of sites that do not overlap. */
struct heki_patch_map {
	struct xarray frames;	/* of struct heki_frame_table, by wire page */
	struct mutex update;	/* serialises changes; guards @nr and @bytes */
	size_t nr;		/* sites */
	size_t bytes;		/* memory used by tables */
	/* Each serialises requests for the sites that hash to it. */
	raw_spinlock_t site_locks[1 << HEKI_SITE_LOCK_BITS];
#if IS_ENABLED(CONFIG_LVBS_KUNIT_TEST)
	bool (*alloc_fails)(void *ctx);	/* fault injection; may be NULL */
	void *alloc_ctx;
#endif
};

/* The result of a lookup: a copy of the site. */
struct heki_patch_hit {
	struct heki_site site;
	u32 owner;
	unsigned int at;	/* offset of the address in the site */
};

/* Sites to be added to a map, all or none. */
struct heki_patch_batch {
	struct heki_patch_map *map;
	u32 owner;
	struct xarray staged;	/* replacements for tables in map->frames */
	size_t nr;		/* sites so far */
	int err;		/* first failure; only abort is left then */
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
			    int (*fn)(unsigned long frame, void *ctx),
			    void *ctx);
int heki_patch_batch_sites(struct heki_patch_batch *batch,
			   int (*fn)(const struct heki_site *site, void *ctx),
			   void *ctx);
int heki_patch_batch_commit(struct heki_patch_batch *batch);
void heki_patch_batch_abort(struct heki_patch_batch *batch);

size_t heki_patch_map_drop(struct heki_patch_map *map, u32 owner);
size_t heki_patch_map_drop_frames(struct heki_patch_map *map, u32 owner,
				  unsigned long first, unsigned long last);

#endif /* _LVBS_HEKI_PATCH_MAP_H */
