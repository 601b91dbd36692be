// SPDX-License-Identifier: GPL-2.0
/*
 * The known patch sites, indexed by address.
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

#include "heki/heki.h"

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

/*
 * A site in a table. Once visible to readers only @size changes: it becomes 0
 * when the site is removed.
 */
struct heki_entry {
	u32 owner;
	u16 offset;
	u8 size;
	u8 code[HEKI_CODE_MAX];
};

/*
 * The sites of one wire page. @next is the second page of the last live entry,
 * if that straddles. @prev is the address of the site whose last @prev_size
 * bytes are at the start of this page, 0 if there is none; both are cleared in
 * place when that site is removed. A reader that sees a torn or stale @prev
 * finds no live straddling site at that address that names this page.
 */
struct heki_frame_table {
	phys_addr_t prev;
	phys_addr_t next;
	u16 nr;
	u8 order;
	u8 prev_size;
	struct heki_entry entries[];
};

/* Entries; see table_search(). */
#define TABLE_LARGE	16

/* Tables grow by doubling: the slab allocator would round up anyway. */
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

/*
 * The number of entries, removed ones included, up to @offset. In a large table
 * the search starts where it would be if the entries were evenly spread, and
 * doubles its steps from there, so that the cost depends little on their number.
 */
static unsigned int table_search(const struct heki_frame_table *table,
				 unsigned int offset)
{
	unsigned int low = 0, high = table->nr, step = 1, at;

	if (high > TABLE_LARGE)
		at = offset * high >> HEKI_PAGE_SHIFT;
	else
		at = high / 2;
	while (low < high) {
		if (table->entries[at].offset <= offset) {
			low = at + 1;
			at = low + step - 1;
		} else {
			high = at;
			at = high - min(step, high);
		}
		step *= 2;
		/* Small, or not in what is left: halve that. */
		if (table->nr <= TABLE_LARGE || at < low || at >= high)
			at = (low + high) / 2;
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

/*
 * A copy of @old, or an empty table, with room for one more entry. A page has
 * at most 4096 sites, so the order stays below 12.
 */
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

/* On -EEXIST @table is unchanged. */
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

void heki_patch_map_init(struct heki_patch_map *map)
{
	unsigned int i;

	memset(map, 0, sizeof(*map));
	xa_init(&map->frames);
	mutex_init(&map->update);
	/* Not ARRAY_SIZE(): a raw_spinlock_t may be empty without SMP. */
	for (i = 0; i < 1 << HEKI_SITE_LOCK_BITS; i++)
		raw_spin_lock_init(&map->site_locks[i]);
}

/* There must be no other users of @map. May sleep. */
void heki_patch_map_destroy(struct heki_patch_map *map)
{
	struct heki_frame_table *table;
	unsigned long frame;

	xa_for_each(&map->frames, frame, table) {
		kvfree(table);
		cond_resched();
	}
	xa_destroy(&map->frames);
	map->nr = 0;
	map->bytes = 0;
	mutex_destroy(&map->update);
}

static bool alloc_fails(struct heki_patch_map *map)
{
#ifdef LVBS_KUNIT
	return map->alloc_fails && map->alloc_fails(map->alloc_ctx);
#else
	return false;
#endif
}

/* Zeroed memory, to be freed with kvfree(), or NULL. May sleep. */
void *heki_patch_map_alloc(struct heki_patch_map *map, size_t bytes)
{
	if (alloc_fails(map))
		return NULL;
	return kvzalloc(bytes, GFP_KERNEL);
}

static void hit_fill(struct heki_patch_hit *hit, unsigned long frame,
		     const struct heki_frame_table *table,
		     const struct heki_entry *entry, u8 size, unsigned int at)
{
	*hit = (struct heki_patch_hit) {
		.site.pa[0] = ((phys_addr_t)frame << HEKI_PAGE_SHIFT) +
			      entry->offset,
		.site.size = size,
		.owner = entry->owner,
		.at = at,
	};
	if (straddles(entry->offset, size))
		hit->site.pa[1] = table->next;
	memcpy(hit->site.code, entry->code, sizeof(hit->site.code));
}

/* Looks for @pa in the tail of the site at @prev, which is in another page. */
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

/*
 * Finds the site that has a byte at @pa; at most one has, as sites do not
 * overlap. The site can be dropped at any time after; where that matters, use
 * heki_patch_map_locked(). Any context. Returns 0 or -ENOENT.
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

/* The first live site of the page at or after @offset. */
static int frame_next(struct heki_patch_map *map, unsigned long frame,
		      const struct heki_frame_table *table,
		      unsigned int offset, struct heki_patch_hit *hit)
{
	unsigned int i;

	for (i = offset ? table_search(table, offset - 1) : 0;
	     i < table->nr; i++) {
		u8 size = entry_size(&table->entries[i]);

		if (!size)
			continue;
		hit_fill(hit, frame, table, &table->entries[i], size, 0);
		return 0;
	}
	return -ENOENT;
}

/*
 * Iterates over the sites in address order: finds the first site at or after
 * @from. Start with 0, continue with the last site's address plus 1. Nothing is
 * held between calls: sites present throughout are found exactly once, sites
 * added or dropped meanwhile may be found. Any context. Returns 0 or -ENOENT.
 */
int heki_patch_map_next(struct heki_patch_map *map, phys_addr_t from,
			struct heki_patch_hit *hit)
{
	struct heki_frame_table *table;
	unsigned long frame = heki_frame(from);
	unsigned int offset = heki_page_offset(from);
	int err = -ENOENT;

	rcu_read_lock();
	xa_for_each_start(&map->frames, frame, table, heki_frame(from)) {
		err = frame_next(map, frame, table,
				 frame == heki_frame(from) ? offset : 0, hit);
		if (!err)
			break;
	}
	rcu_read_unlock();
	return err;
}

/*
 * Calls @fn for the site that has a byte at @pa, with interrupts off and under
 * the site's lock: no other @fn runs for this site, and a concurrent drop of it
 * waits. Reading, validating and writing a site belong in one @fn. What may
 * sleep, such as mapping its pages, is done before, based on
 * heki_patch_map_find(), and @fn compares the site.
 *
 * Site locks are hashed, so calls for two sites may share a lock: @fn must not
 * call this function. Any context except NMI. Returns what @fn returns, or
 * -ENOENT.
 */
int heki_patch_map_locked(struct heki_patch_map *map, phys_addr_t pa,
			  phys_addr_t guess, heki_site_fn *fn, void *ctx)
{
	/* If the guess was wrong, the loop runs twice. */
	struct heki_patch_hit hit = { .site.pa[0] = guess };
	raw_spinlock_t *lock;
	unsigned long flags;
	phys_addr_t start;
	int err;

	do {
		start = hit.site.pa[0];
		lock = &map->site_locks[hash_64(start, HEKI_SITE_LOCK_BITS)];
		/*
		 * With interrupts off this is an RCU reader: a drop of the site
		 * that is found waits for it.
		 */
		raw_spin_lock_irqsave(lock, flags);
		err = find(map, pa, &hit);
		if (!err && hit.site.pa[0] == start)
			err = fn(&hit, ctx);
		raw_spin_unlock_irqrestore(lock, flags);
		/* Repeat if the wrong lock was taken for the site found. */
	} while (hit.site.pa[0] != start);
	return err;
}

/*
 * Starts a batch of sites for @owner and takes map->update, which
 * heki_patch_batch_commit() or heki_patch_batch_abort() releases. The sites are
 * not visible before the commit. May sleep.
 */
void heki_patch_batch_begin(struct heki_patch_batch *batch,
			    struct heki_patch_map *map, u32 owner)
{
	mutex_lock(&map->update);
	*batch = (struct heki_patch_batch) { .map = map, .owner = owner };
	xa_init(&batch->staged);
}

static int batch_store(struct heki_patch_batch *batch, unsigned long frame,
		       struct heki_frame_table *table)
{
	if (alloc_fails(batch->map))
		return -ENOMEM;
	return xa_err(xa_store(&batch->staged, frame, table, GFP_KERNEL));
}

/* Allocates now what the commit would need. */
static int batch_reserve(struct heki_patch_batch *batch, unsigned long frame)
{
	if (alloc_fails(batch->map))
		return -ENOMEM;
	return xa_reserve(&batch->map->frames, frame, GFP_KERNEL);
}

/* The staged copy of a page's table, made if needed, with room for an entry. */
static struct heki_frame_table *
batch_table(struct heki_patch_batch *batch, unsigned long frame)
{
	struct heki_frame_table *staged, *table;
	int err;

	staged = xa_load(&batch->staged, frame);
	if (staged && !table_full(staged))
		return staged;

	table = table_copy(batch->map,
			   staged ?: xa_load(&batch->map->frames, frame));
	if (!table)
		return ERR_PTR(-ENOMEM);
	err = batch_store(batch, frame, table);
	if (err) {
		kvfree(table);
		return ERR_PTR(err);
	}
	kvfree(staged);
	if (staged)
		return table;
	err = batch_reserve(batch, frame);
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

/*
 * Returns 0, -EINVAL if @site is malformed, -EEXIST if it overlaps a site of
 * the map or of the batch, or -ENOMEM. After a failure the batch can only be
 * aborted, and further calls return the same errno. May sleep.
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

/*
 * Calls @fn once for each wire page that has a byte of a site of the batch, in
 * order, until it returns non-zero. For work that must precede the commit, such
 * as protecting the pages. May sleep.
 */
int heki_patch_batch_frames(struct heki_patch_batch *batch,
			    int (*fn)(unsigned long frame, void *ctx),
			    void *ctx)
{
	struct heki_frame_table *table;
	unsigned long frame;
	int err;

	xa_for_each(&batch->staged, frame, table) {
		err = fn(frame, ctx);
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}

/*
 * Calls @fn for each site that the batch adds, until it returns non-zero. May
 * sleep.
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

/*
 * Ends the batch: makes its sites visible, or aborts it and returns its error
 * if an add has failed. Allocates nothing, so it cannot fail otherwise.
 * Concurrent lookups may see some of the sites only. May sleep.
 */
int heki_patch_batch_commit(struct heki_patch_batch *batch)
{
	struct heki_patch_map *map = batch->map;
	struct heki_frame_table *table, *old;
	unsigned long frame;
	int err = batch->err;

	if (err) {
		heki_patch_batch_abort(batch);
		return err;
	}

	xa_for_each(&batch->staged, frame, table) {
		map->bytes += table_bytes(table->order);
		/* The slot is reserved: nothing is allocated. */
		old = xa_store(&map->frames, frame, table, GFP_NOWAIT);
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

/* Ends the batch and leaves the map unchanged. May sleep. */
void heki_patch_batch_abort(struct heki_patch_batch *batch)
{
	struct heki_patch_map *map = batch->map;
	struct heki_frame_table *table;
	unsigned long frame;

	xa_for_each(&batch->staged, frame, table) {
		xa_release(&map->frames, frame);
		kvfree(table);
		cond_resched();
	}
	xa_destroy(&batch->staged);
	mutex_unlock(&map->update);
}

static void free_if_empty(struct heki_patch_map *map, unsigned long frame)
{
	struct heki_frame_table *table = xa_load(&map->frames, frame);

	if (!table || !table_empty(table))
		return;
	xa_erase(&map->frames, frame);
	map->bytes -= table_bytes(table->order);
	kvfree_rcu_mightsleep(table);
}

/* Returns the last page of the site; its table may be empty now, too. */
static unsigned long remove_entry(struct heki_patch_map *map,
				  unsigned long frame,
				  struct heki_frame_table *table,
				  struct heki_entry *entry)
{
	bool on_two_pages = straddles(entry->offset, entry->size);

	WRITE_ONCE(entry->size, 0);
	map->nr--;
	if (!on_two_pages)
		return frame;

	frame = heki_frame(table->next);
	table = xa_load(&map->frames, frame);
	WRITE_ONCE(table->prev, 0);
	table->prev_size = 0;
	return frame;
}

static size_t drop_frame(struct heki_patch_map *map, u32 owner,
			 unsigned long frame, struct heki_frame_table *table)
{
	struct heki_frame_table *before;
	struct heki_entry *entry;
	phys_addr_t prev = table->prev;
	unsigned long other = frame;
	size_t nr = 0;
	unsigned int i;

	for (i = 0; i < table->nr; i++) {
		entry = &table->entries[i];
		if (!entry->size || entry->owner != owner)
			continue;
		/* Only the last live entry can straddle. */
		other = remove_entry(map, frame, table, entry);
		nr++;
	}
	if (prev) {
		before = xa_load(&map->frames, heki_frame(prev));
		i = table_search(before, heki_page_offset(prev));
		entry = &before->entries[i - 1];
		if (entry->owner == owner) {
			remove_entry(map, heki_frame(prev), before, entry);
			free_if_empty(map, heki_frame(prev));
			nr++;
		}
	}
	free_if_empty(map, other);
	free_if_empty(map, frame);
	return nr;
}

/*
 * Drops the sites of @owner that have a byte in wire pages @first to @last,
 * even if they begin elsewhere, and returns their number. The cost depends on
 * the number of tables of these pages, not on that of the owner's sites.
 *
 * Does not fail and allocates nothing. May sleep. A heki_patch_map_locked() call
 * for one of the sites may be in progress until a grace period has ended: only
 * then may their protection be removed.
 */
size_t heki_patch_map_drop_frames(struct heki_patch_map *map, u32 owner,
				  unsigned long first, unsigned long last)
{
	struct heki_frame_table *table;
	unsigned long frame;
	size_t nr = 0;

	mutex_lock(&map->update);
	xa_for_each_range(&map->frames, frame, table, first, last) {
		nr += drop_frame(map, owner, frame, table);
		cond_resched();
	}
	mutex_unlock(&map->update);
	return nr;
}
