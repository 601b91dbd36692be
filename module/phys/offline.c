// SPDX-License-Identifier: GPL-2.0
/*
 * Keeps memory online while it is in use by the module.
 *
 * The kernel takes an unused block of memory offline, but it cannot see that
 * the module has mapped foreign frames of it. So going offline is an exclusive
 * claim on all frames of the block. If that conflicts with a mapping (of a
 * ring, a session or a copy) or a range lock, the block stays online and the
 * request fails with EBUSY. Otherwise the claim blocks new accesses until the
 * block is offline, when vmap_manager.c refuses its frames, or the request is
 * cancelled.
 *
 * Memory that is not mapped can go offline: later accesses to a ring that is
 * mapped on demand, or to a patch site, fail with ENXIO. Offlining a single
 * page (hwpoison, soft offline) is not blocked.
 */
#include <linux/memory.h>
#include <linux/notifier.h>

#include <lvbs/vmap_manager.h>

#include "subsystems.h"
#include "phys/phys.h"

/*
 * Guarded by mem_hotplug_lock: blocks go offline one at a time, and the lock is
 * held for writing across all notifications for a block. At exit the notifier
 * is unregistered.
 */
static struct phys_claim block_claim;
static bool claimed;

static int claim_block(const struct memory_notify *block)
{
	struct phys_frames frames = {
		.first = block->start_pfn,
		.nr = block->nr_pages,
	};
	int err;

	block_claim = (struct phys_claim) { .kind = PHYS_CLAIM_EXCLUSIVE };
	err = phys_claim_add(lvbs_vmap_manager()->claims, &block_claim, &frames);
	claimed = !err;
	return err;
}

static void release_block(void)
{
	if (!claimed)
		return;
	phys_claim_del(lvbs_vmap_manager()->claims, &block_claim);
	claimed = false;
}

static int offline_notify(struct notifier_block *nb, unsigned long action,
			  void *arg)
{
	switch (action) {
	case MEM_GOING_OFFLINE:
		return notifier_from_errno(claim_block(arg));
	/* Cancelling may follow this notifier's refusal, another's, or none. */
	case MEM_CANCEL_OFFLINE:
	case MEM_OFFLINE:
		release_block();
		break;
	}
	return NOTIFY_OK;
}

static struct notifier_block offline_nb = { .notifier_call = offline_notify };

int phys_offline_init(void)
{
	return register_memory_notifier(&offline_nb);
}

void phys_offline_exit(void)
{
	unregister_memory_notifier(&offline_nb);
	release_block();
}
