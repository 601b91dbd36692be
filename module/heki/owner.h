/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Owners of patch sites: the kernel, and each module.
 */
#ifndef _LVBS_HEKI_OWNER_H
#define _LVBS_HEKI_OWNER_H

#include <linux/bits.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

#include <lvbs/vmap_manager.h>

#include "heki/patch_map.h"

#define HEKI_OWNER_NAME		64

/* Set in the ids of owners that only live mode may patch for. */
#define HEKI_OWNER_LIVE		BIT(30)

/**
 * struct heki_owner - somebody whose sites are known
 * @node: in the list of owners
 * @id: its number in the patch map, and its token for VTL0; greater than 0
 * @name: who it is, for people
 * @pfns: the frames that its sites had when they were added, ascending
 * @nr_pfns: how many
 * @dropped: a bit for each of @pfns, set by heki_owner_drop_frames()
 * @prots: the protections, one for each of @pfns, off where @dropped; of an
 *	owner with an @alias, whose frames stay, one for each run of @pfns
 * @nr_prots: how many
 * @shrinks: whether frames can be dropped
 * @alias: @pfns in a row, writable, or nothing mapped
 *
 * The list, @dropped and what @prots do change under heki_owner.c's mutex only;
 * the rest does not change. Readers of the list hold rcu_read_lock() or the mutex.
 */
struct heki_owner {
	struct list_head node;
	u32 id;
	char name[HEKI_OWNER_NAME];
	unsigned long *pfns;
	unsigned long nr_pfns;
	unsigned long *dropped;
	struct phys_protection *prots;
	unsigned long nr_prots;
	bool shrinks;
	struct phys_map alias;
};

/**
 * typedef heki_owner_fill - adds an owner's sites to a batch
 * @batch: the batch
 * @ctx: as given to heki_owner_add()
 *
 * May sleep.
 *
 * Return: 0 or an errno; nothing is then added.
 */
typedef int heki_owner_fill(struct heki_patch_batch *batch, void *ctx);

/**
 * heki_owner_map() - the patch map of all owners
 *
 * Return: the map.
 */
struct heki_patch_map *heki_owner_map(void);

/**
 * heki_owner_add() - make somebody's sites known, and protect their frames
 * @name: who it is; cut at %HEKI_OWNER_NAME
 * @fill: adds the sites
 * @ctx: handed to @fill
 * @live: the sites belong to the running kernel: only live mode may patch them,
 *	and their frames are also mapped persistently, for atomic contexts
 *
 * All or nothing. Frames are protected before the first site is valid.
 *
 * Context: May sleep.
 * Return: the owner's id; or a negative errno of @fill, phys_protect() or
 * memory.
 */
long heki_owner_add(const char *name, heki_owner_fill *fill, void *ctx,
		    bool live);

/* Does an id belong to live mode? */
static inline bool heki_owner_is_live(u32 id)
{
	return id & HEKI_OWNER_LIVE;
}

/**
 * heki_owner_drop() - forget an owner
 * @id: its id
 *
 * The sites go first, then the protection of their frames.
 *
 * Context: May sleep.
 * Return: 0; -ENOENT if there is none.
 */
int heki_owner_drop(u32 id);

/**
 * heki_owner_drop_frames() - forget an owner's sites on some frames
 * @id: its id
 * @first: first frame
 * @last: last frame
 *
 * For init text, which is freed while the owner stays. The frames are no longer
 * protected for it. Frames on which the owner never had a site, or which were
 * dropped before, cost nothing. Not for an owner with a mapping that stays: that
 * would keep a writable view of what is somebody else's memory by then. Needs no
 * memory.
 *
 * Context: May sleep.
 * Return: 0; -ENOENT if there is no such owner; -EINVAL if its frames are mapped
 * to stay.
 */
int heki_owner_drop_frames(u32 id, unsigned long first, unsigned long last);

/**
 * heki_owner_has_frames() - does an owner have sites on one of these frames?
 * @first: first frame
 * @last: last frame
 *
 * Context: called by a heki_owner_fill, or under its locks.
 * Return: true if so.
 */
bool heki_owner_has_frames(unsigned long first, unsigned long last);

/**
 * heki_owner_name() - who an id is
 * @id: the id
 * @name: %HEKI_OWNER_NAME bytes; "?" for an id that is gone
 *
 * Context: Any.
 */
void heki_owner_name(u32 id, char *name);

/**
 * heki_owner_alias() - where a frame is mapped to stay
 * @pfn: the frame
 *
 * Context: Any; under rcu_read_lock(), which keeps the mapping.
 * Return: a writable address of its first byte, or NULL.
 */
void *heki_owner_alias(unsigned long pfn);

#endif /* _LVBS_HEKI_OWNER_H */
