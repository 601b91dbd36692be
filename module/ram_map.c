// SPDX-License-Identifier: GPL-2.0
/*
 * The RAM map, as the resource tree tells it (/proc/iomem, "System RAM").
 *
 * A snapshot, because walking the resource tree for each access would cost
 * more than the access; memory hotplug renews it. What it cannot know, whether
 * a page is online and healthy right now, vmap_manager.c asks of the page.
 */
#include <linux/ioport.h>
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/notifier.h>
#include <linux/pfn.h>
#include <linux/slab.h>

#include "parts.h"
#include "ram_map.h"

static struct frame_set ram = FRAME_SET_INIT(ram);
static struct frame_set owned = FRAME_SET_INIT(owned);

struct range_list {
	struct frame_range *range;
	unsigned long nr;
	unsigned long room;
};

static int ram_resource(struct resource *res, void *arg)
{
	unsigned long first = PFN_UP(res->start), end = PFN_DOWN(res->end + 1);
	struct range_list *list = arg;

	if (first >= end)
		return 0;	/* no whole page */

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
	list->range[list->nr++] = (struct frame_range) { first, end - 1 };
	return 0;
}

static int ram_map_renew(void)
{
	struct range_list list = {};
	int err;

	err = walk_iomem_res_desc(IORES_DESC_NONE,
				  IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY,
				  0, -1, &list, ram_resource);
	if (err == -ENOMEM)
		goto out;

	/* UML does not register its memory; it is one piece, from frame 0. */
	if (!list.nr) {
		struct frame_range all = { 0, get_num_physpages() - 1 };

		err = frame_set_replace(&ram, &all, 1);
		goto out;
	}
	err = frame_set_replace(&ram, list.range, list.nr);
out:
	kfree(list.range);
	return err;
}

static int ram_map_notify(struct notifier_block *nb, unsigned long action,
			  void *arg)
{
	/* Out of memory leaves the old map; new RAM is then refused. */
	if ((action == MEM_ONLINE || action == MEM_OFFLINE) && ram_map_renew())
		pr_warn("RAM map not renewed after hotplug\n");
	return NOTIFY_OK;
}

static struct notifier_block ram_map_nb = { .notifier_call = ram_map_notify };

int ram_map_check(unsigned long first, unsigned long nr)
{
	unsigned long last = first + nr - 1;

	if (frame_set_meets(&owned, first, last))
		return -EPERM;
	return frame_set_covers(&ram, first, last) ? 0 : -ENXIO;
}

int ram_map_own(const struct frame_range *range, unsigned long nr)
{
	return frame_set_add(&owned, range, nr);
}

struct frame_set *ram_map_ram(void)
{
	return &ram;
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

	err = ram_map_renew();
	if (err)
		unregister_memory_notifier(&ram_map_nb);
	return err;
}

void ram_map_exit(void)
{
	unregister_memory_notifier(&ram_map_nb);
	frame_set_destroy(&owned);
	frame_set_destroy(&ram);
}
