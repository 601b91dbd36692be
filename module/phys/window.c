// SPDX-License-Identifier: GPL-2.0
/*
 * Windows: what of them is out of the way of most accesses.
 */
#include <linux/sched.h>

#include "phys/window.h"

int phys_window_faulted(const struct phys_window *window,
			struct vmap_manager *mgr, size_t at, bool write)
{
	phys_stat_add(mgr->stats, PHYS_STAT_FAULTS, 1);
	trace_phys_fault(phys_frame(&window->claim.frames, at >> PAGE_SHIFT),
			 offset_in_page(at), write);
	return -EFAULT;
}

int phys_window_check_rest(struct phys_window *window, struct vmap_manager *mgr,
			   const struct phys_frames *frames)
{
	unsigned long at;

	for (at = PHYS_WINDOW_PAGES; at < frames->nr; at += PHYS_WINDOW_PAGES) {
		struct phys_frames part = phys_window_frames(frames, at);
		int err;

		err = mgr->ops->validate_unowned(mgr, &part);
		if (!err)
			err = phys_claim_check(mgr->claims, window->claim.kind,
					       window->claim.holder, &part);
		if (err) {
			phys_claim_del(mgr->claims, &window->claim);
			return phys_refuse(mgr, phys_frame(&part, 0), err);
		}
		cond_resched();
	}
	return 0;
}
