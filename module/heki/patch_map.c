// SPDX-License-Identifier: GPL-2.0
/*
 * The patch map: see heki_patch_map.h for how it is laid out.
 */

#include <linux/build_bug.h>
#include <linux/err.h>
#include <linux/hash.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "heki/patch_map.h"

/*
 * A site as a table has it. Nothing changes once readers can see it, but
 * @size, which becomes 0 when the site dies.
 */
struct heki_entry {
	u32 owner;
	u16 offset;
	u8 size;
	u8 code[HEKI_CODE_MAX];
};

/*
 * The sites of one page frame. @next is the second page of the last entry, if
 * that straddles. @prev is where the site begins whose last @prev_size bytes
 * lie at the start of this page, 0 without one; when that site dies both are
 * cleared in place. A reader who sees @prev torn or stale finds no live
 * straddling site there that names this page.
 */
struct heki_frame_table {
	phys_addr_t prev;
	phys_addr_t next;
	u16 nr;
	u8 order;
	u8 prev_size;
	struct heki_entry entries[];
};

/* Tables grow by doubling, which is how the allocator would round them up. */
#define TABLE_MIN_BYTES	32
#define TABLE_HEADER	offsetof(struct heki_frame_table, entries)

static_assert(sizeof(struct heki_entry) == 12);
static_assert(TABLE_HEADER + sizeof(struct heki_entry) <= TABLE_MIN_BYTES ||
	      sizeof(phys_addr_t) != 8);

static size_t table_bytes(unsigned int order)
{
	return (size_t)TABLE_MIN_BYTES << order;
}

static bool table_full(const struct heki_frame_table *table)
{
	return TABLE_HEADER + (table->nr + 1) * sizeof(struct heki_entry) >
	       table_bytes(table->order);
}

static u8 entry_size(const struct heki_entry *entry)
{
	return READ_ONCE(entry->size);
}

static bool straddles(unsigned int offset, unsigned int size)
{
	return offset + size > HEKI_PAGE_SIZE;
}

/* The number of entries, dead ones too, that start at @offset or before. */
static unsigned int table_search(const struct heki_frame_table *table,
				 unsigned int offset)
{
	unsigned int low = 0, high = table->nr;

	while (low < high) {
		unsigned int mid = (low + high) / 2;

		if (table->entries[mid].offset <= offset)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool table_empty(const struct heki_frame_table *table)
{
	unsigned int i;

	if (table->prev)
		return false;
	for (i = 0; i < table->nr; i++) {
		if (entry_size(&table->entries[i]))
			return false;
	}
	return true;
}

/* Frames hold at most 4096 sites of one byte: the order stays below 12. */
static struct heki_frame_table *
table_copy(struct heki_patch_map *map, const struct heki_frame_table *old)
{
	struct heki_frame_table *table;
	unsigned int i, live = 0, order = 0;

	for (i = 0; old && i < old->nr; i++)
		live += !!entry_size(&old->entries[i]);
	while (TABLE_HEADER + (live + 1) * sizeof(struct heki_entry) >
	       table_bytes(order))
		order++;

	table = heki_patch_map_alloc(map, table_bytes(order));
	if (!table)
		return NULL;
	table->order = order;
	if (!old)
		return table;

	table->prev = old->prev;
	table->prev_size = old->prev_size;
	for (i = 0; i < old->nr; i++) {
		const struct heki_entry *from = &old->entries[i];

		if (!from->size)
			continue;
		table->nr++;
		table->entries[table->nr - 1] = *from;
		if (straddles(from->offset, from->size))
			table->next = old->next;
	}
	return table;
}

/* Does not change the table if the site overlaps another. */
static int table_insert(struct heki_frame_table *table,
			const struct heki_site *site, u32 owner)
{
	unsigned int offset = heki_page_offset(site->pa[0]);
	unsigned int at = table_search(table, offset);
	struct heki_entry *entry = &table->entries[at];

	if (offset < table->prev_size)
		return -EEXIST;
	if (at && entry[-1].offset + entry[-1].size > offset)
		return -EEXIST;
	if (at < table->nr && entry->offset < offset + site->size)
		return -EEXIST;

	table->nr++;
	memmove(entry + 1, entry, (table->nr - 1 - at) * sizeof(*entry));
	*entry = (struct heki_entry) {
		.owner = owner, .offset = offset, .size = site->size,
	};
	memcpy(entry->code, site->code, sizeof(entry->code));
	if (site->pa[1])
		table->next = site->pa[1];
	return 0;
}

static int table_insert_tail(struct heki_frame_table *table,
			     const struct heki_site *site)
{
	unsigned int size = site->size -
			    heki_len_in_page(site->pa[0], site->size);

	if (table->prev || (table->nr && table->entries[0].offset < size))
		return -EEXIST;
	table->prev = site->pa[0];
	table->prev_size = size;
	return 0;
}

/**
 * heki_patch_map_init() - make an empty map
 * @map: the map
 *
 * Context: any.
 */
void heki_patch_map_init(struct heki_patch_map *map)
{
	unsigned int i;

	xa_init(&map->frames);
	mutex_init(&map->update);
	map->nr = 0;
	map->bytes = 0;
	/* Not ARRAY_SIZE(): without SMP a lock has no size to divide by. */
	for (i = 0; i < 1 << HEKI_SITE_LOCK_BITS; i++)
		raw_spin_lock_init(&map->site_locks[i]);
	map->alloc_fails = NULL;
	map->alloc_ctx = NULL;
}

/**
 * heki_patch_map_destroy() - free all sites
 * @map: the map; nobody else uses it any more
 *
 * Context: may sleep.
 */
void heki_patch_map_destroy(struct heki_patch_map *map)
{
	struct heki_frame_table *table;
	unsigned long pfn;

	xa_for_each(&map->frames, pfn, table) {
		kvfree(table);
		cond_resched();
	}
	xa_destroy(&map->frames);
	map->nr = 0;
	map->bytes = 0;
	mutex_destroy(&map->update);
}

/**
 * heki_patch_map_alloc() - memory for a map, or for what is put into it
 * @map: the map, whose test hook may make it fail
 * @bytes: how much
 *
 * Context: may sleep.
 * Return: zeroed memory, to be freed with kvfree(), or NULL.
 */
void *heki_patch_map_alloc(struct heki_patch_map *map, size_t bytes)
{
	if (map->alloc_fails && map->alloc_fails(map->alloc_ctx))
		return NULL;
	return kvzalloc(bytes, GFP_KERNEL);
}

static void hit_fill(struct heki_patch_hit *hit, unsigned long pfn,
		     const struct heki_frame_table *table,
		     const struct heki_entry *entry, u8 size, unsigned int at)
{
	*hit = (struct heki_patch_hit) {
		.site.pa[0] = ((phys_addr_t)pfn << HEKI_PAGE_SHIFT) +
			      entry->offset,
		.site.size = size,
		.owner = entry->owner,
		.at = at,
	};
	if (straddles(entry->offset, size))
		hit->site.pa[1] = table->next;
	memcpy(hit->site.code, entry->code, sizeof(hit->site.code));
}

/* The site that starts on another page and whose end @pa may lie in. */
static int find_tail(struct heki_patch_map *map, phys_addr_t prev,
		     phys_addr_t pa, struct heki_patch_hit *hit)
{
	const struct heki_frame_table *table;
	const struct heki_entry *entry;
	unsigned int offset = heki_page_offset(prev);
	unsigned int at, i;
	u8 size;

	table = xa_load(&map->frames, heki_frame(prev));
	i = table ? table_search(table, offset) : 0;
	if (!i)
		return -ENOENT;

	entry = &table->entries[i - 1];
	size = entry_size(entry);
	at = HEKI_PAGE_SIZE - offset + heki_page_offset(pa);
	if (entry->offset != offset || !straddles(offset, size) || at >= size ||
	    heki_frame(table->next) != heki_frame(pa))
		return -ENOENT;
	hit_fill(hit, heki_frame(prev), table, entry, size, at);
	return 0;
}

static int find(struct heki_patch_map *map, phys_addr_t pa,
		struct heki_patch_hit *hit)
{
	const struct heki_frame_table *table;
	const struct heki_entry *entry;
	unsigned int offset = heki_page_offset(pa);
	phys_addr_t prev;
	unsigned int i;
	u8 size;

	table = xa_load(&map->frames, heki_frame(pa));
	if (!table)
		return -ENOENT;

	i = table_search(table, offset);
	if (i) {
		entry = &table->entries[i - 1];
		size = entry_size(entry);
		if (offset - entry->offset < size) {
			hit_fill(hit, heki_frame(pa), table, entry, size,
				 offset - entry->offset);
			return 0;
		}
	}
	prev = READ_ONCE(table->prev);
	return prev ? find_tail(map, prev, pa, hit) : -ENOENT;
}

/**
 * heki_patch_map_find() - the site that a byte belongs to
 * @map: the map
 * @pa: address of the byte: any of the site's, @hit->at tells which
 * @hit: a copy of what was found
 *
 * At most one site is found, as sites do not overlap: an address is the first
 * byte of one (steps 1 and 3) or the second byte of one (step 2) or neither.
 *
 * The site may be dropped any time after; where that matters, use
 * heki_patch_map_locked().
 *
 * Context: any, NMI too. Takes no locks.
 * Return: 0, or -ENOENT if no site has a byte there.
 */
int heki_patch_map_find(struct heki_patch_map *map, phys_addr_t pa,
			struct heki_patch_hit *hit)
{
	int err;

	rcu_read_lock();
	err = find(map, pa, hit);
	rcu_read_unlock();
	return err;
}

/* The first live site of this frame from @offset on. */
static int frame_next(struct heki_patch_map *map, unsigned long pfn,
		      const struct heki_frame_table *table,
		      unsigned int offset, struct heki_patch_hit *hit)
{
	unsigned int i;

	for (i = offset ? table_search(table, offset - 1) : 0;
	     i < table->nr; i++) {
		u8 size = entry_size(&table->entries[i]);

		if (!size)
			continue;
		hit_fill(hit, pfn, table, &table->entries[i], size, 0);
		return 0;
	}
	return -ENOENT;
}

/**
 * heki_patch_map_next() - walk over the sites, in order of address
 * @map: the map
 * @from: the least address that the site's first byte may have; 0 to begin
 *	with, the last site's address and 1 to go on
 * @hit: a copy of what was found; @hit->at is 0
 *
 * Nothing is held between two calls. Sites that are there all the time are met
 * exactly once; those that come or go meanwhile may be.
 *
 * Context: any, NMI too. Takes no locks.
 * Return: 0, or -ENOENT if there are no more.
 */
int heki_patch_map_next(struct heki_patch_map *map, phys_addr_t from,
			struct heki_patch_hit *hit)
{
	struct heki_frame_table *table;
	unsigned long pfn = heki_frame(from);
	unsigned int offset = heki_page_offset(from);
	int err = -ENOENT;

	rcu_read_lock();
	xa_for_each_start(&map->frames, pfn, table, heki_frame(from)) {
		err = frame_next(map, pfn, table,
				 pfn == heki_frame(from) ? offset : 0, hit);
		if (!err)
			break;
	}
	rcu_read_unlock();
	return err;
}

/**
 * heki_patch_map_locked() - do something to a site, one at a time
 * @map: the map
 * @pa: address of any of the site's bytes
 * @fn: what to do; must not sleep. Gets the site as it is under the lock
 * @ctx: handed to @fn
 *
 * While @fn runs, no other @fn runs for the same site, and a drop of the site
 * that began meanwhile does not return. So what has to be read, judged and
 * written as one belongs into @fn; what may sleep, as mapping the site's pages,
 * is done before, going by heki_patch_map_find(), and compared in @fn.
 *
 * Sites are told apart by a hash: @fn of two sites may wait for each other, so
 * that it must not come back here.
 *
 * Context: any but NMI. Runs @fn with interrupts off and under a raw spinlock.
 * Return: what @fn returns, or -ENOENT if no site has a byte there.
 */
int heki_patch_map_locked(struct heki_patch_map *map, phys_addr_t pa,
			  heki_site_fn *fn, void *ctx)
{
	/* Most ask by the first byte; for others, this is put right. */
	struct heki_patch_hit hit = { .site.pa[0] = pa };
	raw_spinlock_t *lock;
	unsigned long flags;
	phys_addr_t start;
	int err;

	do {
		start = hit.site.pa[0];
		lock = &map->site_locks[hash_64(start, HEKI_SITE_LOCK_BITS)];
		raw_spin_lock_irqsave(lock, flags);
		/*
		 * Not dropped by now: then whoever drops it still has to wait
		 * for the grace period that this section is part of.
		 */
		rcu_read_lock();
		err = find(map, pa, &hit);
		if (!err && hit.site.pa[0] == start)
			err = fn(&hit, ctx);
		rcu_read_unlock();
		raw_spin_unlock_irqrestore(lock, flags);
		/* Another site is there than the one that was locked. */
	} while (hit.site.pa[0] != start);
	return err;
}

/**
 * heki_patch_batch_begin() - start to add sites
 * @batch: the batch
 * @map: the map
 * @owner: whose they will be: any number, to drop them by
 *
 * Ends with heki_patch_batch_commit() or heki_patch_batch_abort(). The map
 * does not show any of the sites before.
 *
 * Context: may sleep. Takes the map's update lock, and returns with it held.
 */
void heki_patch_batch_begin(struct heki_patch_batch *batch,
			    struct heki_patch_map *map, u32 owner)
{
	mutex_lock(&map->update);
	*batch = (struct heki_patch_batch) { .map = map, .owner = owner };
	xa_init(&batch->staged);
}

static int batch_store(struct heki_patch_batch *batch, unsigned long pfn,
		       struct heki_frame_table *table)
{
	struct heki_patch_map *map = batch->map;

	if (map->alloc_fails && map->alloc_fails(map->alloc_ctx))
		return -ENOMEM;
	return xa_err(xa_store(&batch->staged, pfn, table, GFP_KERNEL));
}

/* Makes sure that the commit has no need of memory. */
static int batch_reserve(struct heki_patch_batch *batch, unsigned long pfn)
{
	struct heki_patch_map *map = batch->map;

	if (map->alloc_fails && map->alloc_fails(map->alloc_ctx))
		return -ENOMEM;
	return xa_reserve(&map->frames, pfn, GFP_KERNEL);
}

/* A copy of a frame's table that has room for one more entry. */
static struct heki_frame_table *
batch_table(struct heki_patch_batch *batch, unsigned long pfn)
{
	struct heki_frame_table *staged, *table;
	int err;

	staged = xa_load(&batch->staged, pfn);
	if (staged && !table_full(staged))
		return staged;

	table = table_copy(batch->map,
			   staged ?: xa_load(&batch->map->frames, pfn));
	if (!table)
		return ERR_PTR(-ENOMEM);
	err = batch_store(batch, pfn, table);
	if (err) {
		kvfree(table);
		return ERR_PTR(err);
	}
	kvfree(staged);
	if (staged)
		return table;
	err = batch_reserve(batch, pfn);
	return err ? ERR_PTR(err) : table;
}

static int batch_add(struct heki_patch_batch *batch,
		     const struct heki_site *site)
{
	struct heki_frame_table *table;
	int err;

	table = batch_table(batch, heki_frame(site->pa[0]));
	if (IS_ERR(table))
		return PTR_ERR(table);
	err = table_insert(table, site, batch->owner);
	if (err || !site->pa[1])
		return err;

	table = batch_table(batch, heki_frame(site->pa[1]));
	if (IS_ERR(table))
		return PTR_ERR(table);
	return table_insert_tail(table, site);
}

/**
 * heki_patch_batch_add() - add a site
 * @batch: the batch
 * @site: a site; copied
 *
 * Context: may sleep; between begin and commit or abort.
 * Return: 0, -EINVAL if the site is malformed, -EEXIST if it shares a byte with
 * a site of the map or of the batch, -ENOMEM. After a failure the batch can
 * only be aborted; more sites get the same errno.
 */
int heki_patch_batch_add(struct heki_patch_batch *batch,
			 const struct heki_site *site)
{
	if (!batch->err)
		batch->err = heki_site_check(site, 64);
	if (!batch->err)
		batch->err = batch_add(batch, site);
	if (!batch->err)
		batch->nr++;
	return batch->err;
}

/**
 * heki_patch_batch_frames() - visit the pages that a batch has sites on
 * @batch: the batch
 * @fn: gets the heki_frame() that any byte of a site of the batch lies in, each
 *	once, in order; may sleep. What it returns other than 0 ends the walk
 * @ctx: handed to @fn
 *
 * For what must be done before the sites become valid, as protecting them.
 *
 * Context: may sleep if @fn does; between begin and commit or abort.
 * Return: 0, or what @fn returned.
 */
int heki_patch_batch_frames(struct heki_patch_batch *batch,
			    int (*fn)(unsigned long pfn, void *ctx), void *ctx)
{
	struct heki_frame_table *table;
	unsigned long pfn;
	int err;

	xa_for_each(&batch->staged, pfn, table) {
		err = fn(pfn, ctx);
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}

/**
 * heki_patch_batch_sites() - visit the sites of a batch
 * @batch: the batch
 * @fn: called for each of its sites; may sleep. A result other than 0 ends the
 *	walk
 * @ctx: passed to @fn
 *
 * Context: Process context; may sleep. Between begin and commit or abort.
 * Return: 0, or what @fn returned.
 */
int heki_patch_batch_sites(struct heki_patch_batch *batch,
			   int (*fn)(const struct heki_site *site, void *ctx),
			   void *ctx)
{
	struct heki_frame_table *table;
	struct heki_patch_hit hit;
	unsigned long pfn;
	unsigned int i;
	int err;

	xa_for_each(&batch->staged, pfn, table) {
		for (i = 0; i < table->nr; i++) {
			const struct heki_entry *entry = &table->entries[i];

			if (entry->owner != batch->owner)
				continue;
			hit_fill(&hit, pfn, table, entry, entry->size, 0);
			err = fn(&hit.site, ctx);
			if (err)
				return err;
		}
		cond_resched();
	}
	return 0;
}

/**
 * heki_patch_batch_commit() - make all sites of a batch valid
 * @batch: the batch, over in any case
 *
 * Needs no memory: a batch that was added without failure is not lost here.
 * Searches meanwhile may find some of the sites only.
 *
 * Context: may sleep. Releases the map's update lock.
 * Return: 0, or the failure for which the batch was aborted.
 */
int heki_patch_batch_commit(struct heki_patch_batch *batch)
{
	struct heki_patch_map *map = batch->map;
	struct heki_frame_table *table, *old;
	unsigned long pfn;
	int err = batch->err;

	if (err) {
		heki_patch_batch_abort(batch);
		return err;
	}

	xa_for_each(&batch->staged, pfn, table) {
		map->bytes += table_bytes(table->order);
		/* The slot is there; GFP_NOWAIT for what is not asked for. */
		old = xa_store(&map->frames, pfn, table, GFP_NOWAIT);
		if (old) {
			map->bytes -= table_bytes(old->order);
			kvfree_rcu_mightsleep(old);
		}
		cond_resched();
	}
	map->nr += batch->nr;
	xa_destroy(&batch->staged);
	mutex_unlock(&map->update);
	return 0;
}

/**
 * heki_patch_batch_abort() - leave a map as it was before a batch
 * @batch: the batch, over then
 *
 * Context: may sleep. Releases the map's update lock.
 */
void heki_patch_batch_abort(struct heki_patch_batch *batch)
{
	struct heki_patch_map *map = batch->map;
	struct heki_frame_table *table;
	unsigned long pfn;

	xa_for_each(&batch->staged, pfn, table) {
		xa_release(&map->frames, pfn);
		kvfree(table);
		cond_resched();
	}
	xa_destroy(&batch->staged);
	mutex_unlock(&map->update);
}

/**
 * heki_patch_map_add() - add sites, all or none
 * @map: the map
 * @owner: whose they will be
 * @sites: the sites, in any order
 * @nr: number of sites
 *
 * Context: may sleep. Takes the map's update lock.
 * Return: 0, or as heki_patch_batch_add().
 */
int heki_patch_map_add(struct heki_patch_map *map, u32 owner,
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

/* Frees the table of a frame if nothing is in it any more. */
static void tidy(struct heki_patch_map *map, unsigned long pfn)
{
	struct heki_frame_table *table = xa_load(&map->frames, pfn);

	if (!table || !table_empty(table))
		return;
	xa_erase(&map->frames, pfn);
	map->bytes -= table_bytes(table->order);
	kvfree_rcu_mightsleep(table);
}

/* Returns the frame whose table may be empty now, besides the site's own. */
static unsigned long kill_site(struct heki_patch_map *map, unsigned long pfn,
			       struct heki_frame_table *table,
			       struct heki_entry *entry)
{
	bool on_two_pages = straddles(entry->offset, entry->size);

	WRITE_ONCE(entry->size, 0);
	map->nr--;
	if (!on_two_pages)
		return pfn;

	pfn = heki_frame(table->next);
	table = xa_load(&map->frames, pfn);
	WRITE_ONCE(table->prev, 0);
	table->prev_size = 0;
	return pfn;
}

static size_t drop_frame(struct heki_patch_map *map, u32 owner,
			 unsigned long pfn, struct heki_frame_table *table)
{
	struct heki_frame_table *before;
	struct heki_entry *entry;
	phys_addr_t prev = table->prev;
	unsigned long other = pfn;
	size_t nr = 0;
	unsigned int i;

	for (i = 0; i < table->nr; i++) {
		entry = &table->entries[i];
		if (!entry->size || entry->owner != owner)
			continue;
		/* Only the last live one straddles. */
		other = kill_site(map, pfn, table, entry);
		nr++;
	}
	if (prev) {
		before = xa_load(&map->frames, heki_frame(prev));
		i = table_search(before, heki_page_offset(prev));
		entry = &before->entries[i - 1];
		if (entry->owner == owner) {
			kill_site(map, heki_frame(prev), before, entry);
			tidy(map, heki_frame(prev));
			nr++;
		}
	}
	tidy(map, other);
	tidy(map, pfn);
	return nr;
}

/**
 * heki_patch_map_drop_frames() - forget an owner's sites on some pages
 * @map: the map
 * @owner: whose
 * @first: the first page frame, by heki_frame()
 * @last: the last page frame
 *
 * Sites with a byte on one of the pages go, even if they begin elsewhere.
 * Looks at all tables of those pages: the cost grows with their number, not
 * just with that of the owner's sites.
 *
 * Does not fail and needs no memory. When it returns, nobody is within
 * heki_patch_map_locked() with one of the sites: what guarded them may go, not
 * before.
 *
 * Context: may sleep. Takes the map's update lock, and waits for a grace
 * period.
 * Return: number of sites dropped.
 */
size_t heki_patch_map_drop_frames(struct heki_patch_map *map, u32 owner,
				  unsigned long first, unsigned long last)
{
	struct heki_frame_table *table;
	unsigned long pfn;
	size_t nr = 0;

	mutex_lock(&map->update);
	xa_for_each_range(&map->frames, pfn, table, first, last) {
		nr += drop_frame(map, owner, pfn, table);
		cond_resched();
	}
	mutex_unlock(&map->update);
	synchronize_rcu();
	return nr;
}

/**
 * heki_patch_map_drop() - forget an owner's sites
 * @map: the map
 * @owner: whose
 *
 * Context: as heki_patch_map_drop_frames().
 * Return: number of sites dropped, 0 for an owner that has none.
 */
size_t heki_patch_map_drop(struct heki_patch_map *map, u32 owner)
{
	return heki_patch_map_drop_frames(map, owner, 0, ULONG_MAX);
}
