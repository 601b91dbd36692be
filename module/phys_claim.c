// SPDX-License-Identifier: GPL-2.0
/*
 * Claims: who is doing what with which page frames.
 *
 * Every mapping in flight, range lock and protection hangs in one interval
 * tree under one lock, so that "does anything speak against it?" and "from now
 * on I am there" are one step. A scattered claim hangs there by its hull, the
 * interval from its lowest to its highest frame, and is compared frame by
 * frame only with those whose hull it meets.
 */
#include <linux/bits.h>
#include <linux/interval_tree_generic.h>

#include <lvbs/vmap_manager.h>

#define CLAIM_START(claim)	((claim)->start)
#define CLAIM_LAST(claim)	((claim)->last)

INTERVAL_TREE_DEFINE(struct phys_claim, rb, unsigned long, subtree_last,
		     CLAIM_START, CLAIM_LAST, static __maybe_unused,
		     claim_tree)

#define C(kind)	BIT(PHYS_CLAIM_##kind)

/* Row: the newcomer; set: who speaks against it. See the table in the header. */
static const unsigned int claim_conflicts[PHYS_CLAIM_NR] = {
	[PHYS_CLAIM_READ]	= C(EXCLUSIVE),
	[PHYS_CLAIM_WRITE]	= C(SHARED) | C(EXCLUSIVE) | C(PROTECTED),
	[PHYS_CLAIM_PATCH]	= C(SHARED) | C(EXCLUSIVE),
	[PHYS_CLAIM_SHARED]	= C(WRITE) | C(PATCH) | C(EXCLUSIVE),
	[PHYS_CLAIM_EXCLUSIVE]	= C(READ) | C(WRITE) | C(PATCH) | C(SHARED) |
				  C(EXCLUSIVE),
	[PHYS_CLAIM_PROTECTED]	= C(WRITE),
};

#undef C

void phys_claims_init(struct phys_claims *claims)
{
	raw_spin_lock_init(&claims->lock);
	claims->root = RB_ROOT_CACHED;
}

/* Does any frame lie in [start, last]? */
static bool frames_meet_interval(const struct phys_frames *frames,
				 unsigned long start, unsigned long last)
{
	unsigned long i;

	if (!frames->pfns)
		return true;	/* the hull is exact, and hulls met */

	for (i = 0; i < frames->nr; i++)
		if (frames->pfns[i] >= start && frames->pfns[i] <= last)
			return true;
	return false;
}

/* Do two claims whose hulls meet have a frame in common? */
static bool frames_meet(const struct phys_claim *a, const struct phys_claim *b)
{
	unsigned long i;

	if (!b->frames.pfns)
		return frames_meet_interval(&a->frames, b->start, b->last);

	for (i = 0; i < b->frames.nr; i++) {
		unsigned long pfn = b->frames.pfns[i];

		if (pfn >= a->start && pfn <= a->last &&
		    frames_meet_interval(&a->frames, pfn, pfn))
			return true;
	}
	return false;
}

static int claim_set_frames(struct phys_claim *claim,
			    const struct phys_frames *frames)
{
	unsigned long i;

	if (!frames->nr)
		return -EINVAL;

	claim->frames = *frames;
	if (!frames->pfns) {
		claim->start = frames->first;
		claim->last = frames->first + frames->nr - 1;
		return claim->last < claim->start ? -EINVAL : 0;
	}

	if (frames->nr > PHYS_WINDOW_PAGES)
		return -EINVAL;

	claim->start = frames->pfns[0];
	claim->last = frames->pfns[0];
	for (i = 1; i < frames->nr; i++) {
		claim->start = min(claim->start, frames->pfns[i]);
		claim->last = max(claim->last, frames->pfns[i]);
	}
	return 0;
}

/* Does @old speak against @new, whose frames it shares? */
static int claim_verdict(const struct phys_claim *old,
			 const struct phys_claim *new)
{
	if (old->kind == PHYS_CLAIM_PROTECTED &&
	    new->kind == PHYS_CLAIM_PROTECTED) {
		if (old->sole)
			return new->sole ? -EEXIST : -EBUSY;
		return new->sole ? -EROFS : 0;
	}
	if (!(claim_conflicts[new->kind] & BIT(old->kind)))
		return 0;
	return old->kind == PHYS_CLAIM_PROTECTED ? -EROFS : -EBUSY;
}

static int claim_conflict(struct phys_claims *claims,
			  const struct phys_claim *new)
	__must_hold(&claims->lock)
{
	struct phys_claim *old;

	lockdep_assert_held(&claims->lock);

	for (old = claim_tree_iter_first(&claims->root, new->start, new->last);
	     old; old = claim_tree_iter_next(old, new->start, new->last)) {
		int err = claim_verdict(old, new);

		if (!err)
			continue;
		if (new->holder && new->holder == old->holder)
			continue;
		if (!frames_meet(new, old))
			continue;
		return err;
	}
	return 0;
}

int phys_claim_add(struct phys_claims *claims, struct phys_claim *claim,
		   const struct phys_frames *frames)
{
	unsigned long flags;
	int err;

	err = claim_set_frames(claim, frames);
	if (err)
		return err;

	raw_spin_lock_irqsave(&claims->lock, flags);
	err = claim_conflict(claims, claim);
	if (!err)
		claim_tree_insert(claim, &claims->root);
	raw_spin_unlock_irqrestore(&claims->lock, flags);
	return err;
}

void phys_claim_del(struct phys_claims *claims, struct phys_claim *claim)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&claims->lock, flags);
	claim_tree_remove(claim, &claims->root);
	raw_spin_unlock_irqrestore(&claims->lock, flags);
}

int phys_claim_check(struct phys_claims *claims, enum phys_claim_kind kind,
		     const void *holder, const struct phys_frames *frames)
{
	struct phys_claim claim = { .kind = kind, .holder = holder };
	unsigned long flags;
	int err;

	err = claim_set_frames(&claim, frames);
	if (err)
		return err;

	raw_spin_lock_irqsave(&claims->lock, flags);
	err = claim_conflict(claims, &claim);
	raw_spin_unlock_irqrestore(&claims->lock, flags);
	return err;
}

struct phys_claim *phys_claim_next(struct phys_claims *claims,
				   enum phys_claim_kind kind,
				   struct phys_claim *prev)
	__must_hold(&claims->lock)
{
	struct phys_claim *claim;

	lockdep_assert_held(&claims->lock);

	if (prev)
		claim = claim_tree_iter_next(prev, 0, ULONG_MAX);
	else
		claim = claim_tree_iter_first(&claims->root, 0, ULONG_MAX);

	while (claim && claim->kind != kind)
		claim = claim_tree_iter_next(claim, 0, ULONG_MAX);
	return claim;
}
