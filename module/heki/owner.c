// SPDX-License-Identifier: GPL-2.0
/*
 * Owners of patch sites: the kernel, and each module. An owner has sites in the
 * patch map, protections of the frames of these sites, and for live mode a
 * persistent writable mapping of these frames.
 *
 * Protections outlive sites: frames are protected before their sites become
 * visible, and until no request for one is in progress.
 */
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "heki/heki.h"
#include "phys/phys.h"
#include "subsystems.h"

/* Immutable unless noted. */
struct heki_owner {
	/* In owners; guarded by owners_lock, read under RCU. */
	struct list_head node;
	u32 id;			/* greater than 0; in the patch map, and the token */
	char name[HEKI_OWNER_NAME];
	/* The frames of all sites when they were added, ascending. */
	unsigned long *pfns;
	unsigned long nr_pfns;
	/*
	 * A bit for each of @pfns whose sites and protection were dropped;
	 * guarded by owners_lock.
	 */
	unsigned long *dropped;
	/*
	 * One for each of @pfns if @shrinks, otherwise one for each run of
	 * contiguous frames; guarded by owners_lock.
	 */
	struct phys_protection *prots;
	unsigned long nr_prots;
	bool shrinks;		/* frames can be dropped */
};

/* Guards the list of owners and last_id; serialises adding and dropping. */
static DEFINE_MUTEX(owners_lock);
static LIST_HEAD(owners);	/* read under RCU */
static u32 last_id;
static struct heki_patch_map patch_map;

/* The sites of all owners. */
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

	/* Wire pages are visited in order, so duplicates are adjacent. */
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

/* The number of frames of @owner below @pfn. */
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

/* How many frames, from position @at, share a protection. */
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
		err = phys_protect_patched(lvbs_vmap_manager(), prot,
					   owner->pfns[at],
					   frame_run(owner, at));
		if (err)
			return err;
		owner->nr_prots++;
	}
	return 0;
}

static void owner_free(struct heki_owner *owner)
{
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
	if (err) {
		heki_patch_batch_abort(&batch);
		return err;
	}
	return heki_patch_batch_commit(&batch);
}

/* Returns an id that is not in use. */
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

/*
 * Adds an owner with the sites that @fill puts in a batch, all or none. Its
 * frames are protected before the first site is visible. Without @name it is
 * named after its id. @live is for sites of the running kernel: only live mode
 * may patch them, and their frames are mapped persistently, for atomic context.
 *
 * May sleep. Returns the id, the error of @fill or phys_protect(), or -ENOMEM.
 */
long heki_owner_add(const char *name, heki_owner_fill *fill, void *ctx,
		    bool live)
{
	struct heki_owner *owner;
	unsigned int flags;
	long ret;

	owner = kzalloc(sizeof(*owner), GFP_KERNEL);
	if (!owner)
		return -ENOMEM;

	/*
	 * Live mode takes owners_lock under text_mutex, for which a task may
	 * wait that writeback waits for.
	 */
	flags = memalloc_noio_save();
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
	memalloc_noio_restore(flags);
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

/* Drops the sites first, then the protection of their frames. */
static void owner_drop(struct heki_owner *owner)
{
	lockdep_assert_held(&owners_lock);

	list_del_rcu(&owner->node);
	/* Waits for requests in progress and for RCU readers. */
	heki_patch_map_drop(&patch_map, owner->id);
	owner_free(owner);
}

/* Returns -ENOENT if there is no owner @id. May sleep. */
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
	bool any = false;

	lockdep_assert_held(&owners_lock);

	for (at = start; at < owner->nr_pfns && owner->pfns[at] <= last; at++)
		any |= !test_bit(at, owner->dropped);
	if (!any)
		return;

	/* Waits for requests in progress and for RCU readers. */
	heki_patch_map_drop_frames(&patch_map, owner->id, heki_pfn_frame(first),
				   heki_pfn_frame(last + 1) - 1);
	for (at = start; at < owner->nr_pfns && owner->pfns[at] <= last; at++)
		if (!__test_and_set_bit(at, owner->dropped))
			phys_unprotect(lvbs_vmap_manager(), &owner->prots[at]);
}

/*
 * Drops the sites of an owner on frames @first to @last, and the protection of
 * these frames: init text is freed while its owner remains. Frames without
 * sites are skipped. Allocates nothing. May sleep.
 *
 * Returns -ENOENT if there is no owner @id, -EINVAL if its frames are mapped
 * persistently: a writable mapping of freed memory would remain.
 */
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

/*
 * Does any owner have sites on frames @first to @last? Called from a
 * heki_owner_fill, which runs under owners_lock.
 */
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

/* @name has HEKI_OWNER_NAME bytes; "?" if no owner has @id. Any context. */
void heki_owner_name(u32 id, char *name)
{
	const struct heki_owner *owner;

	rcu_read_lock();
	owner = owner_find(id);
	strscpy(name, owner ? owner->name : "?", HEKI_OWNER_NAME);
	rcu_read_unlock();
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
