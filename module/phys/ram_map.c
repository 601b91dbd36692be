// SPDX-License-Identifier: GPL-2.0
/*
 * The RAM map: which frames are System RAM (as in /proc/iomem) and online, and
 * which are owned by VTL1: the module's own image, and the carve-outs named by
 * the parameter "owned".
 *
 * The map is a snapshot, because walking the resource tree would cost more than
 * the access it is for. Memory hotplug refreshes it (hotplug.c). Page state
 * (poison) is not part of it: vmap_manager.c checks the pages.
 */
#include <linux/bitmap.h>
#include <linux/gfp.h>
#include <linux/ioport.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/overflow.h>
#include <linux/pfn.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "subsystems.h"
#include "parse.h"
#include "phys/phys.h"

static char *owned_param;
module_param_named(owned, owned_param, charp, 0400);
MODULE_PARM_DESC(owned,
		 "page-aligned physical ranges owned by VTL1: START-END[,START-END]..., END inclusive");

/* Serialises changes to what follows. */
static DEFINE_MUTEX(refresh_lock);
static struct frame_set online = FRAME_SET_INIT(online);
static struct frame_set owned = FRAME_SET_INIT(owned);

/* Made of the two: what accesses look at. NULL until the first refresh. */
struct usable_map __rcu *ram_map_frames;

/* The chunk of all chunks whose frames are all usable. */
static unsigned long *all_usable;

/* Resources that adjoin are one range: where they meet may be within a page. */
struct ram_walk {
	struct frame_range_list *list;
	resource_size_t start, end;	/* @end is the first byte after it */
};

static int ram_walk_add(struct ram_walk *walk)
{
	unsigned long first = PFN_UP(walk->start), end = PFN_DOWN(walk->end);

	if (first >= end)
		return 0;	/* no whole page */
	return frame_range_list_add(walk->list, first, end - 1);
}

static int ram_resource(struct resource *res, void *arg)
{
	struct ram_walk *walk = arg;
	int err = 0;

	if (res->start != walk->end) {
		err = ram_walk_add(walk);
		walk->start = res->start;
	}
	walk->end = res->end + 1;
	return err;
}

static int list_ram(struct frame_range_list *list)
{
	struct ram_walk walk = { .list = list };
	int err;

	err = walk_iomem_res_desc(IORES_DESC_NONE,
				  IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY,
				  0, -1, &walk, ram_resource);
	if (err != -ENOMEM)
		err = ram_walk_add(&walk);
	/* UML does not register its memory: one range from frame 0. */
	if (err != -ENOMEM && !list->nr)
		err = frame_range_list_add(list, 0, get_num_physpages() - 1);
	return err == -ENOMEM ? err : 0;
}

/* Memory goes online and offline in units of at least a pageblock. */
static int add_online(struct frame_range_list *list, struct frame_range range)
{
	unsigned long pfn = range.first, next;
	int err = 0;

	while (!err && pfn <= range.last) {
		next = min(round_down(pfn, pageblock_nr_pages) +
			   pageblock_nr_pages, range.last + 1);
		if (pfn_to_online_page(pfn))
			err = frame_range_list_add(list, pfn, next - 1);
		pfn = next;
		cond_resched();
	}
	return err;
}

/*
 * The run of usable frames (online and not owned) around @pfn; empty if @pfn is
 * not usable.
 */
struct frame_range ram_map_usable(unsigned long pfn)
{
	struct frame_range run = frame_set_find(&online, pfn);
	struct frame_range free = frame_set_gap(&owned, pfn);

	return (struct frame_range) {
		max(run.first, free.first),
		min(run.last, free.last),
	};
}

/* Get the first run of usable frames at or after @from; false if none is left. */
bool ram_map_next_usable(unsigned long from, struct frame_range *range)
{
	struct frame_range run = {};

	while (frame_set_next(&online, from, &run)) {
		from = max(from, run.first);
		*range = ram_map_usable(from);
		if (frame_range_contains(*range, from, from)) {
			range->first = from;
			return true;
		}
		/* Owned: skip what is owned, at least one frame. */
		from = max(frame_set_find(&owned, from).last, from) + 1;
		if (!from)
			break;
	}
	return false;
}

static void usable_free(struct usable_map *map)
{
	unsigned long i;

	for (i = 0; map && i < map->nr; i++)
		if (map->chunk[i] != all_usable)
			free_page((unsigned long)map->chunk[i]);
	kvfree(map);
}

static void usable_publish(struct usable_map *new)
{
	struct usable_map *old;

	old = rcu_replace_pointer(ram_map_frames, new,
				  lockdep_is_held(&refresh_lock));
	if (!old)
		return;
	synchronize_rcu();
	usable_free(old);
}

/* Add a run of frames within chunk @i, of which nothing was added at its end. */
static int usable_add(struct usable_map *map, unsigned long i,
		      unsigned long first, unsigned long last)
{
	unsigned long nr = last - first + 1;

	if (nr == USABLE_CHUNK) {
		map->chunk[i] = all_usable;
		return 0;
	}
	if (!map->chunk[i])
		map->chunk[i] = (void *)get_zeroed_page(GFP_KERNEL);
	if (!map->chunk[i])
		return -ENOMEM;
	bitmap_set(map->chunk[i], first % USABLE_CHUNK, nr);
	return 0;
}

static int usable_fill(struct usable_map *map)
{
	struct frame_range run = {};
	unsigned long from = 0;
	int err = 0;

	while (!err && ram_map_next_usable(from, &run)) {
		unsigned long i = run.first / USABLE_CHUNK;
		unsigned long last = min(run.last,
					 (i + 1) * USABLE_CHUNK - 1);

		err = usable_add(map, i, run.first, last);
		from = last + 1;
		cond_resched();
	}
	return err;
}

/* On -ENOMEM nothing is usable, which is the safe side. */
static int usable_refresh(void)
{
	struct frame_range run = {};
	struct usable_map *new;
	unsigned long nr = 0, from;
	int err = -ENOMEM;

	lockdep_assert_held(&refresh_lock);

	for (from = 0; frame_set_next(&online, from, &run); from = run.last + 1)
		nr = run.last / USABLE_CHUNK + 1;
	if (!all_usable) {
		all_usable = (void *)__get_free_page(GFP_KERNEL);
		if (all_usable)
			memset(all_usable, 0xff, PAGE_SIZE);
	}
	new = kvzalloc(struct_size(new, chunk, nr), GFP_KERNEL);
	if (new && all_usable) {
		new->nr = nr;
		err = usable_fill(new);
	}
	if (err) {
		usable_free(new);
		new = NULL;
	}
	usable_publish(new);
	return err;
}

/* On error, frames that became usable may be refused. */
int ram_map_refresh(void)
{
	struct frame_range_list ram = {}, list = {};
	unsigned long i;
	int err;

	mutex_lock(&refresh_lock);
	err = list_ram(&ram);
	for (i = 0; !err && i < ram.nr; i++)
		err = add_online(&list, ram.range[i]);
	err = err ?: frame_set_replace(&online, list.range, list.nr);
	err = err ?: usable_refresh();
	mutex_unlock(&refresh_lock);
	kvfree(list.range);
	kvfree(ram.range);
	return err;
}

/* The error for a run that is not usable: -EPERM if any frame is owned. */
int ram_map_refusal(unsigned long first, unsigned long nr)
{
	return frame_set_intersects(&owned, first, first + nr - 1) ? -EPERM : -ENXIO;
}

/*
 * Own frames until the module is unloaded. They may already be owned, and need
 * not be RAM: a carve-out may have been hidden from the kernel.
 */
int ram_map_add_owned(const struct frame_range *range, unsigned long nr)
{
	int err;

	mutex_lock(&refresh_lock);
	err = frame_set_add(&owned, range, nr);
	/* The first refresh is still to come when the module is loaded. */
	if (!err && rcu_access_pointer(ram_map_frames))
		err = usable_refresh();
	mutex_unlock(&refresh_lock);
	return err;
}

struct frame_set *ram_map_online(void)
{
	return &online;
}

struct frame_set *ram_map_owned(void)
{
	return &owned;
}

/* ---- frames owned from the start ---- */

#ifdef MODULE
static int own_pages_of(const struct module_memory *mem)
{
	unsigned long nr = PAGE_ALIGN(mem->size) >> PAGE_SHIFT, i;
	struct frame_range *range;
	int err;

	if (!nr)
		return 0;

	range = kmalloc_array(nr, sizeof(*range), GFP_KERNEL);
	if (!range)
		return -ENOMEM;

	for (i = 0; i < nr; i++) {
		void *addr = mem->base + (i << PAGE_SHIFT);

		range[i].first = vmalloc_to_pfn(addr);
		range[i].last = range[i].first;
	}
	err = ram_map_add_owned(range, nr);
	kfree(range);
	return err;
}

static int own_image(void)
{
	enum mod_mem_type type;
	int err = 0;

	for (type = 0; !err && type < MOD_MEM_NUM_TYPES; type++) {
		struct module_memory mem = module_core_memory(THIS_MODULE,
							      type);

		err = own_pages_of(&mem);
	}
	return err;
}
#else
/* Built in, the module is part of the kernel image: see kernel_image.c. */
static int own_image(void)
{
	return 0;
}
#endif

static int refuse_owned(const char *word, const char *why)
{
	pr_err("parameter owned: '%s' %s\n", word, why);
	return -EINVAL;
}

static int own_carveout(const char *word)
{
	struct frame_range range;
	u64 start, end;

	if (parse_range(word, &start, &end))
		return refuse_owned(word, "is not START-END with START below END");
	if (!PAGE_ALIGNED(start) || !PAGE_ALIGNED(end + 1))
		return refuse_owned(word, "is not whole pages: END is the last byte of a page");

	range.first = start >> PAGE_SHIFT;
	range.last = end >> PAGE_SHIFT;
	/* A frame number is a long, which may be shorter than the u64. */
	if (range.last != end >> PAGE_SHIFT)
		return refuse_owned(word, "exceeds the physical addresses of this machine");
	return ram_map_add_owned(&range, 1);
}

static int own_carveouts(const char *list)
{
	char *copy, *rest, *word;
	int err = 0;

	if (!list || !*list)
		return 0;

	copy = kstrdup(list, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;

	rest = copy;
	while (!err && (word = strsep(&rest, ",")))
		err = own_carveout(word);
	kfree(copy);
	return err;
}

int ram_map_init(void)
{
	int err;

	err = own_image();
	err = err ?: own_carveouts(owned_param);
	if (err)
		ram_map_exit();
	return err;
}

void ram_map_exit(void)
{
	mutex_lock(&refresh_lock);
	usable_publish(NULL);
	free_page((unsigned long)all_usable);
	all_usable = NULL;
	mutex_unlock(&refresh_lock);
	frame_set_destroy(&owned);
	frame_set_destroy(&online);
}
