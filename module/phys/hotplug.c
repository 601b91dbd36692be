// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: keeps memory online while the module uses it, and the RAM map
 * up to date.
 *
 * The kernel takes an unused block of memory offline, but it cannot see that the
 * module has mapped foreign frames of it. So going offline is a claim on all
 * frames of the block. If that conflicts with a mapping (of a ring, a session or
 * a copy) or a range lock, the block stays online and the request fails with
 * EBUSY. Otherwise the claim keeps newcomers out, who validate their frames only
 * under a claim of their own. It is released when the map no longer has the
 * block, or when the request is cancelled.
 *
 * Memory that is not mapped can go offline, unless it has patch sites: later
 * accesses to a ring that is mapped on demand fail with ENXIO. Offlining a single page
 * (hwpoison, soft offline) is not blocked.
 */
#include <linux/list.h>
#include <linux/math.h>
#include <linux/memory.h>
#include <linux/notifier.h>
#include <linux/pfn.h>
#include <linux/slab.h>

#include <lvbs/vmap_manager.h>

#include "subsystems.h"
#include "phys/phys.h"

/* A block that goes offline, or is offline and still in the RAM map. */
struct block {
	struct list_head node;
	struct phys_claim claim;
};

/*
 * Guarded by mem_hotplug_lock, which is held for writing across all
 * notifications for a block. At exit the notifier is unregistered.
 */
static LIST_HEAD(blocks);

/*
 * The frames of a block. A notification lacks those at its start that hold its
 * own struct pages (memmap_on_memory); they go offline with the others.
 */
static struct phys_frames block_frames(const struct memory_notify *change)
{
	unsigned long first = round_down(change->start_pfn,
					 PHYS_PFN(memory_block_size_bytes()));

	return (struct phys_frames) {
		.first = first,
		.nr = change->start_pfn + change->nr_pages - first,
	};
}

static int block_claim(const struct memory_notify *change)
{
	struct phys_frames frames = block_frames(change);
	struct block *block;
	int err;

	block = kzalloc(sizeof(*block), GFP_KERNEL);
	if (!block)
		return -ENOMEM;
	block->claim.kind = PHYS_CLAIM_OFFLINE;
	err = phys_claim_add(lvbs_vmap_manager()->claims, &block->claim, &frames);
	if (err)
		kfree(block);
	else
		list_add(&block->node, &blocks);
	return err;
}

static void block_release(struct block *block)
{
	phys_claim_del(lvbs_vmap_manager()->claims, &block->claim);
	list_del(&block->node);
	kfree(block);
}

/* This may follow a refusal of this notifier, of another, or none. */
static void block_cancel(const struct memory_notify *change)
{
	struct block *block = list_first_entry_or_null(&blocks, struct block,
						       node);

	if (block && block->claim.start == block_frames(change).first)
		block_release(block);
}

/* If the map cannot be refreshed, the blocks that it still has stay claimed. */
static void blocks_refresh(void)
{
	struct block *block, *next;

	if (ram_map_refresh()) {
		pr_warn("cannot refresh the RAM map after memory hotplug\n");
		return;
	}
	list_for_each_entry_safe(block, next, &blocks, node)
		block_release(block);
}

static int offline_notify(struct notifier_block *nb, unsigned long action,
			  void *arg)
{
	switch (action) {
	case MEM_GOING_OFFLINE:
		return notifier_from_errno(block_claim(arg));
	case MEM_CANCEL_OFFLINE:
		block_cancel(arg);
		break;
	case MEM_ONLINE:
	case MEM_OFFLINE:
		blocks_refresh();
		break;
	}
	return NOTIFY_OK;
}

static struct notifier_block offline_nb = { .notifier_call = offline_notify };

int hotplug_init(void)
{
	int err;

	/* Register first, so that no change is missed. */
	err = register_memory_notifier(&offline_nb);
	if (err)
		return err;
	err = ram_map_refresh();
	if (err)
		hotplug_exit();
	return err;
}

void hotplug_exit(void)
{
	struct block *block, *next;

	unregister_memory_notifier(&offline_nb);
	list_for_each_entry_safe(block, next, &blocks, node)
		block_release(block);
}
