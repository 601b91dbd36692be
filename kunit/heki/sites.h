/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Patch sites in tests of the patch map and of what fills it.
 */
#ifndef _LVBS_KUNIT_HEKI_SITES_H
#define _LVBS_KUNIT_HEKI_SITES_H

#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "heki/heki.h"

/* The address of byte @i of @site. */
static inline phys_addr_t site_byte(const struct heki_site *site,
				    unsigned int i)
{
	unsigned int left = 0x1000 - (site->pa[0] & 0xfff);

	return i < left ? site->pa[0] + i : site->pa[1] + i - left;
}

/* Adds @nr sites to @map, all or none. */
static inline int add_sites(struct heki_patch_map *map, u32 owner,
			    const struct heki_site *sites, size_t nr)
{
	struct heki_patch_batch batch;
	size_t i;

	heki_patch_batch_begin(&batch, map, owner);
	for (i = 0; i < nr; i++) {
		if (heki_patch_batch_add(&batch, &sites[i]))
			break;
		cond_resched();
	}
	return heki_patch_batch_commit(&batch);
}

/* Drops all sites of @owner, waits for a grace period, and returns their number. */
static inline size_t drop_sites(struct heki_patch_map *map, u32 owner)
{
	size_t nr = heki_patch_map_drop_frames(map, owner, 0, ULONG_MAX);

	synchronize_rcu();
	return nr;
}

/* For heki_patch_map.alloc_fails: fails once, after *@ctx successes. */
static inline bool fail_nth(void *ctx)
{
	unsigned int *left = ctx;

	return !(*left)--;
}

#endif /* _LVBS_KUNIT_HEKI_SITES_H */
