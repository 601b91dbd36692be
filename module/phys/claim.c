// SPDX-License-Identifier: GPL-2.0
/*
 * Claims on page frames, and the range locks made of them.
 *
 * The claims of a kind are kept in a list (mappings) or an interval tree (range
 * locks and protections). One lock guards all of them, so that checking for
 * conflicts and adding a claim is one step. A new claim is checked only against
 * the kinds that are present and may conflict with it.
 *
 * A scattered claim is filed under the interval from its lowest to its highest
 * frame, and compared frame by frame with the claims whose interval overlaps.
 */
#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/export.h>
#include <linux/interval_tree_generic.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include <lvbs/phys_ptr.h>

#include "phys/phys.h"

#define CLAIM_START(claim)	((claim)->start)
#define CLAIM_LAST(claim)	((claim)->last)

INTERVAL_TREE_DEFINE(struct phys_claim, rb, unsigned long, subtree_last,
		     CLAIM_START, CLAIM_LAST, static __maybe_unused,
		     claim_tree)

#define C(kind)	BIT(PHYS_CLAIM_##kind)

/* By the kind of the new claim: see the table in vmap_manager.h. */
static const unsigned long claim_conflicts[PHYS_CLAIM_NR] = {
	[PHYS_CLAIM_READ]	= C(EXCLUSIVE),
	[PHYS_CLAIM_WRITE]	= C(SHARED) | C(EXCLUSIVE) | C(PROTECTED),
	[PHYS_CLAIM_PRIVILEGED]	= C(SHARED) | C(EXCLUSIVE),
	[PHYS_CLAIM_SHARED]	= C(WRITE) | C(PRIVILEGED) | C(EXCLUSIVE),
	[PHYS_CLAIM_EXCLUSIVE]	= C(READ) | C(WRITE) | C(PRIVILEGED) |
				  C(SHARED) | C(EXCLUSIVE),
	/* PROTECTED conflicts if one of the two is exclusive. */
	[PHYS_CLAIM_PROTECTED]	= C(WRITE) | C(PROTECTED),
};

#undef C

void phys_claims_init(struct phys_claims *claims)
{
	unsigned int kind;

	raw_spin_lock_init(&claims->lock);
	claims->present = 0;
	for (kind = 0; kind < PHYS_CLAIM_NR_MAPPINGS; kind++)
		INIT_HLIST_HEAD(&claims->mappings[kind]);
	for (kind = 0; kind < PHYS_CLAIM_NR; kind++)
		claims->trees[kind] = RB_ROOT_CACHED;
}

static inline bool kind_is_mapping(enum phys_claim_kind kind)
{
	return kind < PHYS_CLAIM_NR_MAPPINGS;
}

static inline bool kind_is_empty(const struct phys_claims *claims,
				 enum phys_claim_kind kind)
{
	return kind_is_mapping(kind) ?
	       hlist_empty(&claims->mappings[kind]) :
	       RB_EMPTY_ROOT(&claims->trees[kind].rb_root);
}

/* Is any frame in the interval? The caller knows that the intervals overlap. */
static bool frames_in_interval(const struct phys_frames *frames,
			       unsigned long start, unsigned long last)
{
	unsigned long i;

	if (!frames->pfns)
		return true;	/* a run fills its interval */

	for (i = 0; i < frames->nr; i++)
		if (frames->pfns[i] >= start && frames->pfns[i] <= last)
			return true;
	return false;
}

/* Do two claims whose intervals overlap have a frame in common? */
static bool claims_overlap(const struct phys_claim *a,
			   const struct phys_claim *b)
{
	unsigned long i;

	if (!b->frames.pfns)
		return frames_in_interval(&a->frames, b->start, b->last);

	for (i = 0; i < b->frames.nr; i++) {
		unsigned long pfn = b->frames.pfns[i];

		if (pfn >= a->start && pfn <= a->last &&
		    frames_in_interval(&a->frames, pfn, pfn))
			return true;
	}
	return false;
}

static noinline int claim_set_scattered(struct phys_claim *claim,
					const struct phys_frames *frames)
{
	unsigned long i;

	if (!frames->nr || frames->nr > PHYS_WINDOW_PAGES)
		return -EINVAL;

	claim->start = frames->pfns[0];
	claim->last = frames->pfns[0];
	for (i = 1; i < frames->nr; i++) {
		claim->start = min(claim->start, frames->pfns[i]);
		claim->last = max(claim->last, frames->pfns[i]);
	}
	return 0;
}

static __always_inline int claim_set_frames(struct phys_claim *claim,
					    const struct phys_frames *frames)
{
	claim->frames = *frames;
	if (frames->pfns)
		return claim_set_scattered(claim, frames);

	claim->start = frames->first;
	claim->last = frames->first + frames->nr - 1;
	return !frames->nr || claim->last < claim->start ? -EINVAL : 0;
}

/* The conflict between two claims that share frames, by their kinds. */
static int kinds_conflict(const struct phys_claim *old,
			  const struct phys_claim *new)
{
	if (old->kind != PHYS_CLAIM_PROTECTED)
		return -EBUSY;
	if (new->kind != PHYS_CLAIM_PROTECTED)
		return -EROFS;
	if (old->exclusive)
		return new->exclusive ? -EEXIST : -EBUSY;
	return new->exclusive ? -EROFS : 0;
}

static int claims_conflict(const struct phys_claim *old,
			   const struct phys_claim *new)
{
	int err = kinds_conflict(old, new);

	if (!err || (new->holder && new->holder == old->holder))
		return 0;
	return claims_overlap(new, old) ? err : 0;
}

static noinline int tree_conflict(struct rb_root_cached *tree,
				  const struct phys_claim *new)
{
	struct phys_claim *old;
	int err = 0;

	for (old = claim_tree_iter_first(tree, new->start, new->last);
	     old && !err;
	     old = claim_tree_iter_next(old, new->start, new->last))
		err = claims_conflict(old, new);
	return err;
}

static noinline int list_conflict(struct hlist_head *list,
				  const struct phys_claim *new)
{
	struct phys_claim *old;
	int err = 0;

	hlist_for_each_entry(old, list, node) {
		if (old->start > new->last || old->last < new->start)
			continue;
		err = claims_conflict(old, new);
		if (err)
			break;
	}
	return err;
}

static __always_inline int claim_conflict(struct phys_claims *claims,
					  const struct phys_claim *new)
	__must_hold(&claims->lock)
{
	unsigned long kinds = claim_conflicts[new->kind] & claims->present;
	int err = 0;

	lockdep_assert_held(&claims->lock);

	for (; kinds && !err; kinds &= kinds - 1) {
		enum phys_claim_kind kind = __ffs(kinds);

		if (kind_is_mapping(kind))
			err = list_conflict(&claims->mappings[kind], new);
		else
			err = tree_conflict(&claims->trees[kind], new);
	}
	return err;
}

/*
 * Claim a contiguous run of any length, or up to PHYS_WINDOW_PAGES scattered
 * frames. The caller has set @claim->kind, @claim->holder and, for a
 * protection, @claim->exclusive. On error nothing is claimed.
 */
int phys_claim_add(struct phys_claims *claims, struct phys_claim *claim,
		   const struct phys_frames *frames)
{
	enum phys_claim_kind kind = claim->kind;
	unsigned long flags;
	int err;

	err = claim_set_frames(claim, frames);
	if (err)
		return err;

	raw_spin_lock_irqsave(&claims->lock, flags);
	err = claim_conflict(claims, claim);
	if (!err) {
		claims->present |= BIT(kind);
		if (kind_is_mapping(kind))
			hlist_add_head(&claim->node, &claims->mappings[kind]);
		else
			claim_tree_insert(claim, &claims->trees[kind]);
	}
	raw_spin_unlock_irqrestore(&claims->lock, flags);
	return err;
}

void phys_claim_del(struct phys_claims *claims, struct phys_claim *claim)
{
	enum phys_claim_kind kind = claim->kind;
	unsigned long flags;

	raw_spin_lock_irqsave(&claims->lock, flags);
	if (kind_is_mapping(kind))
		__hlist_del(&claim->node);
	else
		claim_tree_remove(claim, &claims->trees[kind]);
	if (kind_is_empty(claims, kind))
		claims->present &= ~BIT(kind);
	raw_spin_unlock_irqrestore(&claims->lock, flags);
}

/* What phys_claim_add() would return; possibly stale when it is used. */
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

/*
 * Walk the claims of a kind, from @prev or, if NULL, from the first. Locks and
 * protections are in order of address, mappings in no order.
 */
struct phys_claim *phys_claim_next(struct phys_claims *claims,
				   enum phys_claim_kind kind,
				   struct phys_claim *prev)
	__must_hold(&claims->lock)
{
	struct hlist_node *node;

	lockdep_assert_held(&claims->lock);

	if (!kind_is_mapping(kind))
		return prev ? claim_tree_iter_next(prev, 0, ULONG_MAX) :
			      claim_tree_iter_first(&claims->trees[kind], 0,
						    ULONG_MAX);

	node = prev ? prev->node.next : claims->mappings[kind].first;
	return hlist_entry_safe(node, struct phys_claim, node);
}

/* ---- range locks ---- */

/*
 * A lock is one claim if its frames are contiguous or few, else one claim for
 * each window's worth of frames, all or none.
 */
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
