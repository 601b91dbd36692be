// SPDX-License-Identifier: GPL-2.0
/*
 * Owners of patch sites, and what they hold: sites in the patch map,
 * protections of the frames that the sites are on, and where asked for a
 * mapping of these frames that stays.
 *
 * What guards a site outlives it: frames are protected before their sites are
 * valid, and until nobody can be at work on one any more.
 */
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "heki/owner.h"
#include "subsystems.h"
#include "phys/phys.h"
#include "phys/vmap_manager_privileged.h"

/* Serialises owners coming and going; taken before the map's update lock. */
static DEFINE_MUTEX(owners_lock);
static LIST_HEAD(owners);
static u32 last_id;		/* under owners_lock */
static struct heki_patch_map patch_map;

struct heki_patch_map *heki_owner_map(void)
{
	return &patch_map;
}

static int count_frame(unsigned long frame, void *ctx)
{
	struct heki_owner *owner = ctx;

	owner->nr_pfns++;
	return 0;
}

static int note_frame(unsigned long frame, void *ctx)
{
	unsigned long pfn = heki_frame_pfn(frame);
	struct heki_owner *owner = ctx;

	/* They come in order: those in one frame of the kernel in a row. */
	if (!owner->nr_pfns || owner->pfns[owner->nr_pfns - 1] != pfn)
		owner->pfns[owner->nr_pfns++] = pfn;
	return 0;
}

static int owner_note_frames(struct heki_owner *owner,
			     struct heki_patch_batch *batch)
{
	heki_patch_batch_frames(batch, count_frame, owner);
	owner->pfns = kvmalloc_array(max(owner->nr_pfns, 1UL),
				     sizeof(*owner->pfns), GFP_KERNEL);
	owner->dropped = kvcalloc(BITS_TO_LONGS(max(owner->nr_pfns, 1UL)),
				  sizeof(*owner->dropped), GFP_KERNEL);
	if (!owner->pfns || !owner->dropped)
		return -ENOMEM;
	owner->nr_pfns = 0;
	return heki_patch_batch_frames(batch, note_frame, owner);
}

static unsigned long owner_position(const struct heki_owner *owner,
				    unsigned long pfn)
{
	unsigned long low = 0, high = owner->nr_pfns;

	while (low < high) {
		unsigned long mid = low + (high - low) / 2;

		if (owner->pfns[mid] < pfn)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* How many frames from position @at on are protected as one. */
static unsigned long frame_run(const struct heki_owner *owner, unsigned long at)
{
	unsigned long end = at + 1;

	while (!owner->shrinks && end < owner->nr_pfns &&
	       owner->pfns[end] - owner->pfns[at] == end - at)
		end++;
	return end - at;
}

static void owner_unprotect(struct heki_owner *owner)
{
	unsigned long i;

	for (i = 0; i < owner->nr_prots; i++)
		if (!owner->shrinks || !test_bit(i, owner->dropped))
			phys_unprotect(lvbs_vmap_manager(), &owner->prots[i]);
	kvfree(owner->prots);
}

static int owner_protect(struct heki_owner *owner)
{
	unsigned long at, nr = 0;

	for (at = 0; at < owner->nr_pfns; at += frame_run(owner, at))
		nr++;
	owner->prots = kvcalloc(max(nr, 1UL), sizeof(*owner->prots),
				GFP_KERNEL);
	if (!owner->prots)
		return -ENOMEM;

	for (at = 0; at < owner->nr_pfns; at += frame_run(owner, at)) {
		struct phys_protection *prot = &owner->prots[owner->nr_prots];
		int err;

		prot->owner = owner->name;
		err = phys_protect(lvbs_vmap_manager(), prot, owner->pfns[at],
				   frame_run(owner, at));
		if (err)
			return err;
		owner->nr_prots++;
	}
	return 0;
}

static int owner_map_alias(struct heki_owner *owner)
{
	struct vmap_manager *mgr = vmap_manager_privileged();
	struct phys_frames frames = {
		.pfns = owner->pfns,
		.nr = owner->nr_pfns,
	};
	int err;

	if (!frames.nr)
		return 0;
	err = mgr->ops->validate_unowned(mgr, &frames);
	if (err)
		return err;
	err = mgr->ops->vmap(mgr, &frames, PHYS_MAP_WRITE, &owner->alias);
	if (!err)
		phys_stat_add(mgr->stats, PHYS_STAT_MAPS, 1);
	return err;
}

static void owner_unmap_alias(struct heki_owner *owner)
{
	struct vmap_manager *mgr = vmap_manager_privileged();

	if (!owner->alias.nr)
		return;
	if (mgr->ops->vunmap(mgr, &owner->alias))
		phys_stat_add(mgr->stats, PHYS_STAT_LEAKED, 1);
	else
		phys_stat_add(mgr->stats, PHYS_STAT_UNMAPS, 1);
}

static void owner_free(struct heki_owner *owner)
{
	owner_unmap_alias(owner);
	owner_unprotect(owner);
	kvfree(owner->pfns);
	kvfree(owner->dropped);
	kfree(owner);
}

static int owner_load(struct heki_owner *owner, heki_owner_fill *fill,
		      void *ctx)
{
	struct heki_patch_batch batch;
	int err;

	heki_patch_batch_begin(&batch, &patch_map, owner->id);
	err = fill(&batch, ctx);
	if (!err)
		err = owner_note_frames(owner, &batch);
	if (!err)
		err = owner_protect(owner);
	if (!err && heki_owner_is_live(owner->id))
		err = owner_map_alias(owner);
	if (err) {
		heki_patch_batch_abort(&batch);
		return err;
	}
	return heki_patch_batch_commit(&batch);
}

/* Ids are never 0, and not in use. */
static u32 owner_next_id(bool live)
{
	const struct heki_owner *owner;
	bool taken;
	u32 id;

	lockdep_assert_held(&owners_lock);
	do {
		last_id = last_id == HEKI_OWNER_LIVE - 1 ? 1 : last_id + 1;
		id = last_id | (live ? HEKI_OWNER_LIVE : 0);
		taken = false;
		list_for_each_entry(owner, &owners, node)
			taken |= owner->id == id;
	} while (taken);
	return id;
}

long heki_owner_add(const char *name, heki_owner_fill *fill, void *ctx,
		    bool live)
{
	struct heki_owner *owner;
	long ret;

	owner = kzalloc(sizeof(*owner), GFP_KERNEL);
	if (!owner)
		return -ENOMEM;

	mutex_lock(&owners_lock);
	owner->id = owner_next_id(live);
	owner->shrinks = !live;
	if (name)
		strscpy(owner->name, name, sizeof(owner->name));
	else
		snprintf(owner->name, sizeof(owner->name), "module-%u",
			 owner->id);

	ret = owner_load(owner, fill, ctx);
	if (ret) {
		owner_free(owner);
	} else {
		ret = owner->id;
		list_add_tail_rcu(&owner->node, &owners);
	}
	mutex_unlock(&owners_lock);
	return ret;
}

static struct heki_owner *owner_find(u32 id)
{
	struct heki_owner *owner;

	list_for_each_entry_rcu(owner, &owners, node,
				lockdep_is_held(&owners_lock))
		if (owner->id == id)
			return owner;
	return NULL;
}

static void owner_drop(struct heki_owner *owner)
{
	lockdep_assert_held(&owners_lock);

	list_del_rcu(&owner->node);
	/* Waits for whoever is at work on a site, and for RCU readers. */
	heki_patch_map_drop(&patch_map, owner->id);
	owner_free(owner);
}

int heki_owner_drop(u32 id)
{
	struct heki_owner *owner;
	int err = -ENOENT;

	mutex_lock(&owners_lock);
	owner = owner_find(id);
	if (owner) {
		owner_drop(owner);
		err = 0;
	}
	mutex_unlock(&owners_lock);
	return err;
}

static void owner_drop_frames(struct heki_owner *owner, unsigned long first,
			      unsigned long last)
{
	unsigned long start = owner_position(owner, first), at;
	bool fresh = false;

	lockdep_assert_held(&owners_lock);

	for (at = start; at < owner->nr_pfns && owner->pfns[at] <= last; at++)
		fresh |= !test_bit(at, owner->dropped);
	if (!fresh)
		return;

	/* Waits for whoever is at work on a site, and for RCU readers. */
	heki_patch_map_drop_frames(&patch_map, owner->id, heki_pfn_frame(first),
				   heki_pfn_frame(last + 1) - 1);
	for (at = start; at < owner->nr_pfns && owner->pfns[at] <= last; at++)
		if (!__test_and_set_bit(at, owner->dropped))
			phys_unprotect(lvbs_vmap_manager(), &owner->prots[at]);
}

int heki_owner_drop_frames(u32 id, unsigned long first, unsigned long last)
{
	struct heki_owner *owner;
	int err = 0;

	mutex_lock(&owners_lock);
	owner = owner_find(id);
	if (!owner)
		err = -ENOENT;
	else if (!owner->shrinks)
		err = -EINVAL;
	else
		owner_drop_frames(owner, first, last);
	mutex_unlock(&owners_lock);
	return err;
}

bool heki_owner_has_frames(unsigned long first, unsigned long last)
{
	const struct heki_owner *owner;
	unsigned long at;

	lockdep_assert_held(&owners_lock);

	list_for_each_entry(owner, &owners, node)
		for (at = owner_position(owner, first);
		     at < owner->nr_pfns && owner->pfns[at] <= last; at++)
			if (!test_bit(at, owner->dropped))
				return true;
	return false;
}

void heki_owner_name(u32 id, char *name)
{
	const struct heki_owner *owner;

	rcu_read_lock();
	owner = owner_find(id);
	strscpy(name, owner ? owner->name : "?", HEKI_OWNER_NAME);
	rcu_read_unlock();
}

void *heki_owner_alias(unsigned long pfn)
{
	const struct heki_owner *owner;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "alias used without RCU");

	list_for_each_entry_rcu(owner, &owners, node) {
		unsigned long at;

		if (!owner->alias.nr)
			continue;
		at = owner_position(owner, pfn);
		if (at < owner->nr_pfns && owner->pfns[at] == pfn)
			return owner->alias.addr + (at << PAGE_SHIFT);
	}
	return NULL;
}

int heki_owners_init(void)
{
	heki_patch_map_init(&patch_map);
	return 0;
}

void heki_owners_exit(void)
{
	struct heki_owner *owner, *next;

	mutex_lock(&owners_lock);
	list_for_each_entry_safe(owner, next, &owners, node)
		owner_drop(owner);
	mutex_unlock(&owners_lock);
	heki_patch_map_destroy(&patch_map);
}
