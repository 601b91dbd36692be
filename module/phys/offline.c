// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that is about to go offline.
 *
 * The kernel takes a block of memory away once nobody uses it, but it cannot see
 * that we have mapped frames that are not ours. So its request is treated as
 * what it is, one for all frames of the block: an exclusive claim. Where it
 * meets a mapping, be it a ring's that lasts, a session or a copy under way, or
 * a range lock, memory stays online: EBUSY for whoever wants it offline. Where
 * it does not, it keeps newcomers out until the block is offline, from when on
 * vmap_manager.c refuses its frames, or has been given up.
 *
 * What is not mapped keeps no memory: a ring that is mapped on demand, and a
 * patch site, are answered ENXIO when their frames are gone.
 */
#include <linux/memory.h>
#include <linux/notifier.h>

#include <lvbs/vmap_manager.h>

#include "init.h"

/*
 * One block goes at a time: mem_hotplug_lock, held for writing over all of the
 * notifications for it, guards these. Exit comes when no notifier runs.
 */
static struct phys_claim leaving;
static bool claimed;

static int leave_begin(const struct memory_notify *block)
{
	struct phys_frames frames = {
		.first = block->start_pfn,
		.nr = block->nr_pages,
	};
	int err;

	leaving = (struct phys_claim) { .kind = PHYS_CLAIM_EXCLUSIVE };
	err = phys_claim_add(lvbs_vmap_manager()->claims, &leaving, &frames);
	claimed = !err;
	return err;
}

static void leave_end(void)
{
	if (!claimed)
		return;
	phys_claim_del(lvbs_vmap_manager()->claims, &leaving);
	claimed = false;
}

static int offline_notify(struct notifier_block *nb, unsigned long action,
			  void *arg)
{
	switch (action) {
	case MEM_GOING_OFFLINE:
		return notifier_from_errno(leave_begin(arg));
	/* Also comes after our own refusal, or another's, and without any. */
	case MEM_CANCEL_OFFLINE:
	case MEM_OFFLINE:
		leave_end();
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
	leave_end();
}
