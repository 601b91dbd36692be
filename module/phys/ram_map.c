// SPDX-License-Identifier: GPL-2.0
/*
 * The RAM map: System RAM as the resource tree tells it (/proc/iomem), what of
 * that is online, and what is owned.
 *
 * A snapshot, because walking the resource tree for each access would cost
 * more than the access. Memory hotplug renews it; frames about to go offline
 * are out of it before they go. What it cannot know, whether a page is healthy
 * right now, vmap_manager.c asks of the page.
 */
#include <linux/ioport.h>
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/notifier.h>
#include <linux/pfn.h>
#include <linux/slab.h>

#include "init.h"
#include "phys/ram_map.h"

/* Writers of one set look at others: they hold @renew_lock. */
static DEFINE_MUTEX(renew_lock);
static struct frame_set ram = FRAME_SET_INIT(ram);
static struct frame_set online = FRAME_SET_INIT(online);
static struct frame_set owned = FRAME_SET_INIT(owned);

/* Online and not owned, so that one look-up answers for most accesses. */
static struct frame_set usable = FRAME_SET_INIT(usable);

struct range_list {
	struct frame_range *range;
	unsigned long nr;
	unsigned long room;
};

static int range_list_add(struct range_list *list, unsigned long first,
			  unsigned long last)
{
	if (list->nr == list->room) {
		unsigned long room = list->room ? 2 * list->room : 16;
		struct frame_range *more;

		more = krealloc_array(list->range, room, sizeof(*more),
				      GFP_KERNEL);
		if (!more)
			return -ENOMEM;
		list->range = more;
		list->room = room;
	}
	list->range[list->nr++] = (struct frame_range) { first, last };
	return 0;
}

static int ram_resource(struct resource *res, void *arg)
{
	unsigned long first = PFN_UP(res->start), end = PFN_DOWN(res->end + 1);

	if (first >= end)
		return 0;	/* no whole page */
	return range_list_add(arg, first, end - 1);
}

static int ram_renew(void)
{
	struct range_list list = {};
	int err;

	err = walk_iomem_res_desc(IORES_DESC_NONE,
				  IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY,
				  0, -1, &list, ram_resource);
	/* UML does not register its memory; it is one piece, from frame 0. */
	if (err != -ENOMEM && !list.nr)
		err = range_list_add(&list, 0, get_num_physpages() - 1);
	if (err != -ENOMEM)
		err = frame_set_replace(&ram, list.range, list.nr);
	kfree(list.range);
	return err;
}

/* Memory goes on- and offline in pieces that are larger than a page block. */
static int add_online(struct range_list *list, struct frame_range range)
{
	unsigned long pfn = range.first, next;
	int err = 0;

	while (!err && pfn <= range.last) {
		next = min(round_down(pfn, pageblock_nr_pages) +
			   pageblock_nr_pages, range.last + 1);
		if (pfn_to_online_page(pfn))
			err = range_list_add(list, pfn, next - 1);
		pfn = next;
		cond_resched();
	}
	return err;
}

static int online_renew(void)
{
	struct frame_range range = {};
	struct range_list list = {};
	unsigned long from = 0;
	int err = 0;

	while (!err && frame_set_next(&ram, from, &range)) {
		err = add_online(&list, range);
		from = range.last + 1;
	}
	err = err ?: frame_set_replace(&online, list.range, list.nr);
	kfree(list.range);
	return err;
}

/* Without memory for the answer nothing is usable: that errs on the safe side. */
static int usable_renew(void)
{
	int err = frame_set_difference(&usable, &online, &owned);

	if (err)
		frame_set_destroy(&usable);
	return err;
}

int ram_map_refresh(void)
{
	int err;

	mutex_lock(&renew_lock);
	err = ram_renew();
	err = err ?: online_renew();
	err = usable_renew() ?: err;
	mutex_unlock(&renew_lock);
	return err;
}

/* On error the frames stay online, and are told of as such again. */
static int ram_map_without(unsigned long first, unsigned long nr)
{
	static struct frame_set going = FRAME_SET_INIT(going);
	struct frame_range range = { first, first + nr - 1 };
	int err;

	mutex_lock(&renew_lock);
	err = frame_set_replace(&going, &range, 1);
	err = err ?: frame_set_difference(&online, &online, &going);
	err = err ?: usable_renew();
	frame_set_destroy(&going);
	mutex_unlock(&renew_lock);
	return err;
}

static int ram_map_notify(struct notifier_block *nb, unsigned long action,
			  void *arg)
{
	const struct memory_notify *change = arg;
	int err;

	switch (action) {
	case MEM_GOING_OFFLINE:
		err = ram_map_without(change->start_pfn, change->nr_pages);
		return notifier_from_errno(err);
	case MEM_ONLINE:
	case MEM_OFFLINE:
	case MEM_CANCEL_OFFLINE:
		if (ram_map_refresh())
			pr_warn("RAM map not renewed after hotplug\n");
	}
	return NOTIFY_OK;
}

static struct notifier_block ram_map_nb = { .notifier_call = ram_map_notify };

struct frame_range ram_map_usable(unsigned long pfn)
{
	return frame_set_find(&usable, pfn);
}

int ram_map_refusal(unsigned long first, unsigned long nr)
{
	return frame_set_intersects(&owned, first, first + nr - 1) ? -EPERM : -ENXIO;
}

int ram_map_add_owned(const struct frame_range *range, unsigned long nr)
{
	int err;

	mutex_lock(&renew_lock);
	err = frame_set_add(&owned, range, nr);
	err = err ?: usable_renew();
	mutex_unlock(&renew_lock);
	return err;
}

struct frame_set *ram_map_ram(void)
{
	return &ram;
}

struct frame_set *ram_map_online(void)
{
	return &online;
}

struct frame_set *ram_map_owned(void)
{
	return &owned;
}

int ram_map_init(void)
{
	int err;

	/* First the notifier, so that no change falls between the two. */
	err = register_memory_notifier(&ram_map_nb);
	if (err)
		return err;

	/* Some sets may have been made before one could not. */
	err = ram_map_refresh();
	if (err)
		ram_map_exit();
	return err;
}

void ram_map_exit(void)
{
	unregister_memory_notifier(&ram_map_nb);
	frame_set_destroy(&usable);
	frame_set_destroy(&owned);
	frame_set_destroy(&online);
	frame_set_destroy(&ram);
}
