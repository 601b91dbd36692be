// SPDX-License-Identifier: GPL-2.0
/*
 * Range locks: hold of a set of frames across several copies.
 *
 * A lock is one claim where its frames are contiguous or few, else one for
 * each window's worth of them: pieces are claimed one after the other and
 * given back together if one of them is refused.
 */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include <lvbs/phys_ptr.h>

static unsigned long lock_pieces(const struct phys_frames *frames)
{
	return frames->pfns ? DIV_ROUND_UP(frames->nr, PHYS_WINDOW_PAGES) : 1;
}

static struct phys_frames lock_piece(const struct phys_frames *frames,
				     unsigned long i)
{
	unsigned long at = i * PHYS_WINDOW_PAGES;

	if (!frames->pfns)
		return *frames;
	return phys_frames_slice(frames, at,
				 min_t(unsigned long, frames->nr - at,
				       PHYS_WINDOW_PAGES));
}

static void unlock_pieces(struct phys_lock *lock)
{
	while (lock->nr)
		phys_claim_del(lock->mgr->claims, &lock->claims[--lock->nr]);

	if (lock->claims != &lock->one)
		kvfree(lock->claims);
	lock->claims = NULL;
}

int phys_lock(struct phys_lock *lock, const struct phys_const_ptr *ptr,
	      enum phys_lock_mode mode)
{
	const struct phys_frames *frames = &ptr->frames;
	unsigned long pieces = lock_pieces(frames);
	int err = 0;

	if (!ptr->mgr || !frames->nr ||
	    (mode != PHYS_LOCK_SHARED && mode != PHYS_LOCK_EXCLUSIVE))
		return -EINVAL;

	lock->mgr = ptr->mgr;
	lock->nr = 0;
	lock->claims = &lock->one;
	if (pieces > 1) {
		might_sleep();
		lock->claims = kvmalloc_array(pieces, sizeof(*lock->claims),
					      GFP_KERNEL);
		if (!lock->claims)
			return -ENOMEM;
	}

	while (!err && lock->nr < pieces) {
		struct phys_claim *claim = &lock->claims[lock->nr];
		struct phys_frames piece = lock_piece(frames, lock->nr);

		claim->kind = (enum phys_claim_kind)mode;
		claim->holder = lock;
		err = phys_claim_add(lock->mgr->claims, claim, &piece);
		if (!err)
			lock->nr++;
	}
	if (err)
		unlock_pieces(lock);
	return err;
}
EXPORT_SYMBOL_GPL(phys_lock);

void phys_unlock(struct phys_lock *lock)
{
	unlock_pieces(lock);
}
EXPORT_SYMBOL_GPL(phys_unlock);
