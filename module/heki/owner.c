// SPDX-License-Identifier: GPL-2.0
/*
 * Owners of patch sites: the kernel, and each module. An owner has memory, which
 * is no other owner's, sites in the text of that memory, and protections:
 *
 *	a module of VTL0	all that is not writable; its text for sites
 *	others			the frames of their sites
 *
 * Protections outlive sites: frames are protected before their sites become
 * visible, and until no request for one is in progress.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "heki/heki.h"
#include "phys/phys.h"
#include "ring/ring.h"
#include "subsystems.h"

struct owner_protection {
	struct phys_protection prot;
	bool held;
};

/* Immutable unless noted. */
struct heki_owner {
	/* In owners; guarded by owners_lock, read under RCU. */
	struct list_head node;
	struct list_head gone;	/* in a list of owners that are being dropped */
	enum heki_owner_kind kind;
	u32 id;			/* greater than 0; in the patch map, and the token */
	char name[HEKI_OWNER_NAME];
	struct heki_mem_map mem;	/* guarded by owners_lock */
	/*
	 * For a module one for each range that is or becomes frozen, otherwise
	 * one for each run of frames with sites; guarded by owners_lock.
	 */
	struct owner_protection *prots;
	size_t nr_prots;
};

/* Guards the list of owners and last_id; serialises all changes of owners. */
static DEFINE_MUTEX(owners_lock);
static LIST_HEAD(owners);	/* read under RCU */
static u32 last_id;
static struct heki_patch_map patch_map;

/*
 * Live mode takes owners_lock under text_mutex, for which a task may wait that
 * writeback waits for. Returns what owners_end() needs.
 */
static unsigned int owners_begin(void)
{
	unsigned int flags = memalloc_noio_save();

	mutex_lock(&owners_lock);
	return flags;
}

static void owners_end(unsigned int flags)
{
	mutex_unlock(&owners_lock);
	memalloc_noio_restore(flags);
}

/* The sites of all owners. */
struct heki_patch_map *heki_owner_map(void)
{
	return &patch_map;
}

/* ---- memory ---- */

/* Bounds the cost of a module: of one that is all in single pages, 256 MiB. */
#define MEM_RANGES_MAX	SZ_64K

/* Does @range continue @last, in whatever it is? */
static bool range_continues(const struct heki_mem_range *last,
			    const struct heki_mem_range *range)
{
	return last->va + last->bytes == range->va &&
	       last->pa + last->bytes == range->pa &&
	       last->text == range->text && last->init == range->init &&
	       last->frozen == range->frozen &&
	       last->ro_after_init == range->ro_after_init;
}

/*
 * Adds a range to the memory of an owner; for a heki_owner_fill. May sleep.
 * Returns 0, or -ENOMEM, also for more than MEM_RANGES_MAX.
 */
int heki_mem_add(struct heki_mem_map *mem, const struct heki_mem_range *range)
{
	size_t room = max_t(size_t, 2 * mem->room, 16);
	struct heki_mem_range *ranges;

	if (mem->nr && range_continues(&mem->by_pa[mem->nr - 1], range)) {
		mem->by_pa[mem->nr - 1].bytes += range->bytes;
		return 0;
	}
	if (mem->nr == MEM_RANGES_MAX)
		return -ENOMEM;
	if (mem->nr == mem->room) {
		ranges = kvmalloc_array(room, sizeof(*ranges), GFP_KERNEL);
		if (!ranges)
			return -ENOMEM;
		if (mem->nr)
			memcpy(ranges, mem->by_pa, mem->nr * sizeof(*ranges));
		kvfree(mem->by_pa);
		mem->by_pa = ranges;
		mem->room = room;
	}
	mem->by_pa[mem->nr++] = *range;
	return 0;
}

static int mem_sort(struct heki_mem_map *mem)
{
	size_t i, nr_text = 0;

	for (i = 0; i < mem->nr; i++)
		nr_text += mem->by_pa[i].text;
	mem->by_va = kvmalloc_array(max_t(size_t, nr_text, 1),
				    sizeof(*mem->by_va), GFP_KERNEL);
	return mem->by_va ? heki_mem_map_sort(mem) : -ENOMEM;
}

static void mem_free(struct heki_mem_map *mem)
{
	kvfree(mem->by_pa);
	kvfree(mem->by_va);
}

/* Two that announce parts of the same kernel share its text. */
static bool may_share(const struct heki_owner *a, const struct heki_owner *b)
{
	return a->kind == b->kind && a->kind != HEKI_OWNER_MODULE;
}

static bool meets_kernel_image(const struct heki_mem_map *mem)
{
	size_t i;

	for (i = 0; i < mem->nr; i++)
		if (kernel_image_overlaps(mem->by_pa[i].pa, mem->by_pa[i].bytes))
			return true;
	for (i = 0; i < mem->nr_text; i++)
		if (kernel_image_overlaps_va(mem->by_va[i].va,
					     mem->by_va[i].bytes))
			return true;
	return false;
}

/* Does any of its memory belong to another owner? */
static bool memory_is_taken(const struct heki_owner *owner)
{
	const struct heki_owner *other;

	lockdep_assert_held(&owners_lock);

	if (owner->kind == HEKI_OWNER_MODULE && meets_kernel_image(&owner->mem))
		return true;
	list_for_each_entry(other, &owners, node) {
		if (!may_share(owner, other) &&
		    heki_mem_maps_overlap(&other->mem, &owner->mem))
			return true;
		cond_resched();
	}
	return false;
}

static int site_contained(const struct heki_site *site, void *ctx)
{
	return heki_contain_site(ctx, site);
}

/* ---- protections ---- */

static int prots_alloc(struct heki_owner *owner, size_t nr)
{
	size_t i;

	owner->prots = kvcalloc(max_t(size_t, nr, 1), sizeof(*owner->prots),
				GFP_KERNEL);
	if (!owner->prots)
		return -ENOMEM;
	owner->nr_prots = nr;
	for (i = 0; i < nr; i++)
		owner->prots[i].prot.owner = owner->name;
	return 0;
}

static void prot_release(struct owner_protection *p)
{
	if (p->held)
		phys_unprotect(lvbs_vmap_manager(), &p->prot);
	p->held = false;
}

static int prot_take_frames(struct owner_protection *p, unsigned long first,
			    unsigned long nr, bool patched)
{
	struct vmap_manager *mgr = lvbs_vmap_manager();
	int err;

	err = patched ? phys_protect_patched(mgr, &p->prot, first, nr) :
			phys_protect(mgr, &p->prot, first, nr);
	p->held = !err;
	return err;
}

/* Frozen memory is whole pages. */
static int range_freeze(struct heki_owner *owner,
			const struct heki_mem_range *range)
{
	struct owner_protection *p = &owner->prots[range->prot];

	if (p->held)
		return 0;
	return prot_take_frames(p, PHYS_PFN(range->pa),
				range->bytes >> PAGE_SHIFT, range->text);
}

/* Protects what @owner cannot write. On failure owner_free() undoes it. */
static int owner_freeze(struct heki_owner *owner)
{
	struct heki_mem_range *range;
	size_t i, nr = 0;
	int err;

	for (i = 0; i < owner->mem.nr; i++) {
		range = &owner->mem.by_pa[i];
		range->prot = nr;
		nr += range->frozen || range->ro_after_init;
	}
	err = prots_alloc(owner, nr);
	for (i = 0; !err && i < owner->mem.nr; i++) {
		range = &owner->mem.by_pa[i];
		if (range->frozen)
			err = range_freeze(owner, range);
		cond_resched();
	}
	return err;
}

/* The frames of a batch, ascending. */
struct frame_list {
	unsigned long *pfns;	/* NULL: only counted */
	size_t nr;
};

static int list_frame(unsigned long frame, void *ctx)
{
	unsigned long pfn = heki_frame_pfn(frame);
	struct frame_list *list = ctx;

	/* Wire pages are visited in order, so duplicates are adjacent. */
	if (!list->pfns)
		list->nr++;
	else if (!list->nr || list->pfns[list->nr - 1] != pfn)
		list->pfns[list->nr++] = pfn;
	return 0;
}

/* The length of the run of contiguous frames at position @at. */
static size_t run_length(const struct frame_list *list, size_t at)
{
	size_t end = at + 1;

	while (end < list->nr && list->pfns[end] - list->pfns[at] == end - at)
		end++;
	return end - at;
}

static int protect_runs(struct heki_owner *owner, const struct frame_list *list)
{
	size_t at, i = 0;
	int err;

	for (at = 0; at < list->nr; at += run_length(list, at))
		i++;
	err = prots_alloc(owner, i);
	i = 0;
	for (at = 0; !err && at < list->nr; at += run_length(list, at))
		err = prot_take_frames(&owner->prots[i++], list->pfns[at],
				       run_length(list, at), true);
	return err;
}

/* Protects the frames of its sites. On failure owner_free() undoes it. */
static int owner_protect_sites(struct heki_owner *owner,
			       struct heki_patch_batch *batch)
{
	struct frame_list list = {};
	int err;

	heki_patch_batch_frames(batch, list_frame, &list);
	list.pfns = kvmalloc_array(max_t(size_t, list.nr, 1),
				   sizeof(*list.pfns), GFP_KERNEL);
	if (!list.pfns)
		return -ENOMEM;
	list.nr = 0;
	heki_patch_batch_frames(batch, list_frame, &list);
	err = protect_runs(owner, &list);
	kvfree(list.pfns);
	return err;
}

static void owner_free(struct heki_owner *owner)
{
	size_t i;

	for (i = 0; i < owner->nr_prots; i++)
		prot_release(&owner->prots[i]);
	kvfree(owner->prots);
	mem_free(&owner->mem);
	kfree(owner);
}

/* ---- owners ---- */

static int owner_fill(struct heki_owner *owner, struct heki_patch_batch *batch,
		      heki_owner_fill *fill, void *ctx)
{
	int err;

	err = fill(batch, &owner->mem, ctx);
	err = err ?: mem_sort(&owner->mem);
	if (!err && memory_is_taken(owner))
		err = -EEXIST;
	err = err ?: heki_patch_batch_sites(batch, site_contained, &owner->mem);
	if (err)
		return err;
	return owner->kind == HEKI_OWNER_MODULE ?
	       owner_freeze(owner) : owner_protect_sites(owner, batch);
}

static int owner_load(struct heki_owner *owner, heki_owner_fill *fill,
		      void *ctx)
{
	struct heki_patch_batch batch;
	int err;

	heki_patch_batch_begin(&batch, &patch_map, owner->id);
	err = owner_fill(owner, &batch, fill, ctx);
	if (err) {
		heki_patch_batch_abort(&batch);
		return err;
	}
	return heki_patch_batch_commit(&batch);
}

/* Returns an id that is not in use. */
static u32 owner_next_id(enum heki_owner_kind kind)
{
	const struct heki_owner *owner;
	bool taken;
	u32 id;

	lockdep_assert_held(&owners_lock);
	do {
		last_id = last_id == HEKI_OWNER_LIVE_BIT - 1 ? 1 : last_id + 1;
		id = last_id;
		if (kind == HEKI_OWNER_LIVE)
			id |= HEKI_OWNER_LIVE_BIT;
		taken = false;
		list_for_each_entry(owner, &owners, node)
			taken |= owner->id == id;
	} while (taken);
	return id;
}

/*
 * Adds an owner with what @fill adds, all or nothing. Its frames are protected
 * before the first site is visible. Without @name it is named after its id. Only
 * live mode may patch the sites of HEKI_OWNER_LIVE.
 *
 * May sleep. Returns the id; -EEXIST if some of the memory, or a site, is that
 * of another owner; -EINVAL if a site or its target is outside of the text; the
 * error of @fill or phys_protect(), or -ENOMEM.
 */
long heki_owner_add(enum heki_owner_kind kind, const char *name,
		    heki_owner_fill *fill, void *ctx)
{
	struct heki_owner *owner;
	unsigned int flags;
	long ret;

	owner = kzalloc(sizeof(*owner), GFP_KERNEL);
	if (!owner)
		return -ENOMEM;

	flags = owners_begin();
	owner->kind = kind;
	owner->id = owner_next_id(kind);
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
	owners_end(flags);
	return ret;
}

static struct heki_owner *owner_find(u64 id)
{
	struct heki_owner *owner;

	list_for_each_entry_rcu(owner, &owners, node,
				lockdep_is_held(&owners_lock))
		if (owner->id == id)
			return owner;
	return NULL;
}

/* The sites that have a byte in @range. */
static size_t drop_sites_in(const struct heki_owner *owner,
			    const struct heki_mem_range *range)
{
	u64 last = range->pa + (range->bytes - 1);

	return heki_patch_map_drop_frames(&patch_map, owner->id,
					  heki_frame(range->pa),
					  heki_frame(last));
}

/*
 * Moves an owner to @dropped, and drops its sites, which are in its text. The
 * protection of their frames outlives them: see owners_free().
 */
static void owner_drop(struct heki_owner *owner, struct list_head *dropped)
{
	size_t i;

	lockdep_assert_held(&owners_lock);

	for (i = 0; i < owner->mem.nr_text; i++)
		drop_sites_in(owner, &owner->mem.by_va[i]);
	list_del_rcu(&owner->node);
	list_add(&owner->gone, dropped);
}

static void owners_free(struct list_head *dropped)
{
	struct heki_owner *owner, *next;

	if (list_empty(dropped))
		return;
	/* Waits for requests in progress and for RCU readers. */
	synchronize_rcu();
	list_for_each_entry_safe(owner, next, dropped, gone)
		owner_free(owner);
}

/* Returns -ENOENT if there is no owner @id of that kind. May sleep. */
int heki_owner_drop(enum heki_owner_kind kind, u64 id)
{
	unsigned int flags = owners_begin();
	struct heki_owner *owner = owner_find(id);
	LIST_HEAD(dropped);

	if (owner && owner->kind == kind)
		owner_drop(owner, &dropped);
	else
		owner = NULL;
	owners_free(&dropped);
	owners_end(flags);
	return owner ? 0 : -ENOENT;
}

/* Drops all owners of a kind, at the cost of one grace period. May sleep. */
void heki_owners_drop(enum heki_owner_kind kind)
{
	unsigned int flags = owners_begin();
	struct heki_owner *owner, *next;
	LIST_HEAD(dropped);

	list_for_each_entry_safe(owner, next, &owners, node)
		if (owner->kind == kind)
			owner_drop(owner, &dropped);
	owners_free(&dropped);
	owners_end(flags);
}

/*
 * Memory that the running kernel gives to a module is no longer that of a module
 * that VTL0 announced, and forgot to unload: drops such modules. May sleep.
 */
void heki_modules_evict(u64 pa, u64 bytes)
{
	struct heki_mem_range range = { .pa = pa, .bytes = bytes };
	const struct heki_mem_map mem = { .by_pa = &range, .nr = 1 };
	unsigned int flags = owners_begin();
	struct heki_owner *owner, *next;
	LIST_HEAD(dropped);

	list_for_each_entry_safe(owner, next, &owners, node) {
		if (owner->kind != HEKI_OWNER_MODULE ||
		    !heki_mem_maps_overlap(&owner->mem, &mem))
			continue;
		lvbs_log("%s dropped: the kernel uses its memory", owner->name);
		owner_drop(owner, &dropped);
	}
	owners_free(&dropped);
	owners_end(flags);
}

/* All or none; the ranges that were frozen before stay so. */
static int freeze_ro_after_init(struct heki_owner *owner)
{
	const struct heki_mem_map *mem = &owner->mem;
	int err = 0;
	size_t i;

	for (i = 0; !err && i < mem->nr; i++)
		if (mem->by_pa[i].ro_after_init)
			err = range_freeze(owner, &mem->by_pa[i]);
	/* None was frozen before, or none could have failed. */
	for (i = 0; err && i < mem->nr; i++)
		if (mem->by_pa[i].ro_after_init)
			prot_release(&owner->prots[mem->by_pa[i].prot]);
	return err;
}

static void drop_init_sites(struct heki_owner *owner)
{
	const struct heki_mem_map *mem = &owner->mem;
	size_t i, dropped = 0;

	for (i = 0; i < mem->nr_text; i++)
		if (mem->by_va[i].init)
			dropped += drop_sites_in(owner, &mem->by_va[i]);
	/* Waits for requests in progress. */
	if (dropped)
		synchronize_rcu();
}

static int owner_free_init(struct heki_owner *owner)
{
	struct heki_mem_map *mem = &owner->mem;
	size_t i;
	int err;

	lockdep_assert_held(&owners_lock);

	err = freeze_ro_after_init(owner);
	if (err)
		return err;
	drop_init_sites(owner);
	for (i = 0; i < mem->nr; i++)
		if (mem->by_pa[i].init && mem->by_pa[i].frozen)
			prot_release(&owner->prots[mem->by_pa[i].prot]);
	heki_mem_map_drop_init(mem);
	return 0;
}

/*
 * The initialisation of a module has ended: what is read-only from then on is
 * protected, and its init memory is no longer its own. All or nothing. May sleep.
 *
 * Returns 0, also if there is nothing to do; -ENOENT if there is no such module;
 * the error of phys_protect().
 */
int heki_owner_free_init(u64 id)
{
	unsigned int flags = owners_begin();
	struct heki_owner *owner = owner_find(id);
	int err = -ENOENT;

	if (owner && owner->kind == HEKI_OWNER_MODULE)
		err = owner_free_init(owner);
	owners_end(flags);
	return err;
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
	heki_owners_drop(HEKI_OWNER_MODULE);
	heki_owners_drop(HEKI_OWNER_KERNEL);
	heki_owners_drop(HEKI_OWNER_LIVE);
	heki_patch_map_destroy(&patch_map);
}
