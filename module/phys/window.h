/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A window: frames that went, in this order, through being checked, claimed,
 * mapped, copied, unmapped and given up. All that knows about real memory is
 * behind the manager.
 */
#ifndef _LVBS_PHYS_WINDOW_H
#define _LVBS_PHYS_WINDOW_H

#include <linux/mm.h>

#include <lvbs/phys_ptr.h>

#include "phys/copy_nofault.h"
#include "phys/refusal.h"
#include "trace.h"

/*
 * What an access of one window consists of is inline: it is most accesses, and
 * a call costs as much as what is called.
 */

/**
 * phys_window_prepare() - say what a window is for, once, before its first claim
 * @window: the window
 * @mgr: whose frames
 * @lock: the range lock that the frames are under, or NULL
 * @writable: whether it will be mapped for writing
 */
static inline void phys_window_prepare(struct phys_window *window,
				       const struct vmap_manager *mgr,
				   const void *lock, bool writable)
{
	window->claim.kind = writable ? mgr->write_kind : PHYS_CLAIM_READ;
	window->claim.holder = lock;
}

/**
 * phys_window_claim() - check and claim the frames of a window
 * @window: the window
 * @mgr: whose frames
 * @frames: the frames, at most %PHYS_WINDOW_PAGES
 *
 * Context: Any but NMI.
 * Return: as phys_read() or phys_write(). On error nothing is claimed.
 */
static inline int phys_window_claim(struct phys_window *window,
				    struct vmap_manager *mgr,
				    const struct phys_frames *frames)
{
	int err;

	err = mgr->ops->validate_unowned(mgr, frames);
	if (!err)
		err = phys_claim_add(mgr->claims, &window->claim, frames);
	if (unlikely(err))
		return phys_refuse(mgr, phys_frame(frames, 0), err);
	return 0;
}

/**
 * phys_window_map() - map what is claimed
 * @window: the window
 * @mgr: whose frames
 * @flags: %PHYS_MAP_WRITE, %PHYS_MAP_TEMPORARY
 *
 * Context: May sleep.
 * Return: 0, -EINVAL or -ENOMEM. On error the claim is given up.
 */
static inline int phys_window_map(struct phys_window *window,
				  struct vmap_manager *mgr, unsigned int flags)
{
	const struct phys_frames *frames = &window->claim.frames;
	int err;

	err = mgr->ops->vmap(mgr, frames, flags, &window->map);
	if (unlikely(err)) {
		phys_claim_del(mgr->claims, &window->claim);
		return phys_refuse(mgr, phys_frame(frames, 0), err);
	}
	phys_stat_add(mgr->stats, PHYS_STAT_MAPS, 1);
	trace_phys_map(frames, flags & PHYS_MAP_WRITE);
	return 0;
}

/**
 * phys_window_faulted() - count and trace a copy that faulted
 * @window: the window
 * @mgr: whose frames
 * @at: where in the window
 * @write: in which direction
 *
 * Context: Any.
 * Return: -EFAULT.
 */
int phys_window_faulted(const struct phys_window *window,
			struct vmap_manager *mgr, size_t at, bool write);

/**
 * phys_window_copy() - copy between a window and trusted memory
 * @window: the window, mapped
 * @mgr: whose frames
 * @at: where in the window, not behind it
 * @to: to where, or NULL to write
 * @from: from where, to write
 * @len: number of bytes; what of them does not fit into the window is left out
 * @copied: increased by the number of bytes copied, whatever the outcome
 *
 * Context: Any.
 * Return: 0; -EFAULT.
 */
static inline int phys_window_copy(const struct phys_window *window,
				   struct vmap_manager *mgr, size_t at,
				   void *to, const void *from, size_t len,
				   size_t *copied)
{
	size_t n = min(len, ((size_t)window->map.nr << PAGE_SHIFT) - at);
	void *foreign = window->map.addr + at;
	size_t left;

	if (to)
		left = copy_nofault_from(to, foreign, n);
	else
		left = copy_nofault_to(foreign, from, n);
	*copied += n - left;
	phys_stat_add(mgr->stats, PHYS_STAT_BYTES, n - left);
	return left ? phys_window_faulted(window, mgr, at + n - left, !to) : 0;
}

/**
 * phys_window_close() - unmap a window and give up the claim
 * @window: the window, mapped
 * @mgr: whose frames
 *
 * Context: May sleep.
 */
static inline void phys_window_close(struct phys_window *window,
				     struct vmap_manager *mgr)
{
	if (unlikely(mgr->ops->vunmap(mgr, &window->map)))
		phys_stat_add(mgr->stats, PHYS_STAT_LEAKED, 1);
	else
		phys_stat_add(mgr->stats, PHYS_STAT_UNMAPS, 1);
	window->map.nr = 0;
	phys_claim_del(mgr->claims, &window->claim);
}

/**
 * phys_window_frames() - the window that starts at a position
 * @frames: the frames of an access
 * @first: the position, less than @frames->nr
 *
 * Return: %PHYS_WINDOW_PAGES frames, or as many as are left.
 */
static inline struct phys_frames
phys_window_frames(const struct phys_frames *frames, unsigned long first)
{
	return phys_frames_slice(frames, first,
				 min_t(unsigned long, frames->nr - first,
				       PHYS_WINDOW_PAGES));
}

/**
 * phys_window_check_rest() - would the windows behind the first be accepted?
 * @window: the first, claimed
 * @mgr: whose frames
 * @frames: all frames of the access
 *
 * An access is refused as a whole or not at all: this is asked before anything
 * is mapped.
 *
 * Context: May sleep.
 * Return: as phys_window_claim(). On error the claim is given up.
 */
int phys_window_check_rest(struct phys_window *window, struct vmap_manager *mgr,
			   const struct phys_frames *frames);

#endif /* _LVBS_PHYS_WINDOW_H */
