// SPDX-License-Identifier: GPL-2.0
/*
 * Claims: who is doing what with which page frames.
 *
 * The claims of each kind, mappings in flight, range locks and protections, are
 * a set of their own: a list or an interval tree. One lock guards all, so that
 * "does anything speak against it?" and "from now on I am there" are one step;
 * a newcomer looks into the sets of those kinds only that are there and could
 * speak against it. A scattered claim stands there by its hull, the interval
 * from its lowest to its highest frame, and is compared frame by frame only
 * with those whose hull it meets.
 */
#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/interval_tree_generic.h>
#include <linux/list.h>

#include <lvbs/vmap_manager.h>

#define CLAIM_START(claim)	((claim)->start)
#define CLAIM_LAST(claim)	((claim)->last)

INTERVAL_TREE_DEFINE(struct phys_claim, rb, unsigned long, subtree_last,
		     CLAIM_START, CLAIM_LAST, static __maybe_unused,
		     claim_tree)

#define C(kind)	BIT(PHYS_CLAIM_##kind)

/* Row: the newcomer; set: who speaks against it. See the table in the header. */
static const unsigned long claim_conflicts[PHYS_CLAIM_NR] = {
	[PHYS_CLAIM_READ]	= C(EXCLUSIVE),
	[PHYS_CLAIM_WRITE]	= C(SHARED) | C(EXCLUSIVE) | C(PROTECTED),
	[PHYS_CLAIM_PRIVILEGED]	= C(SHARED) | C(EXCLUSIVE),
	[PHYS_CLAIM_SHARED]	= C(WRITE) | C(PRIVILEGED) | C(EXCLUSIVE),
	[PHYS_CLAIM_EXCLUSIVE]	= C(READ) | C(WRITE) | C(PRIVILEGED) | C(SHARED) |
				  C(EXCLUSIVE),
	/* Another protection: only where one of the two is sole. */
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
		claims->standing[kind] = RB_ROOT_CACHED;
}

static inline bool kind_is_mapping(enum phys_claim_kind kind)
{
	return kind < PHYS_CLAIM_NR_MAPPINGS;
}

static inline bool none_of_kind(const struct phys_claims *claims,
				enum phys_claim_kind kind)
{
	return kind_is_mapping(kind) ?
	       hlist_empty(&claims->mappings[kind]) :
	       RB_EMPTY_ROOT(&claims->standing[kind].rb_root);
}

bool phys_claims_none(struct phys_claims *claims)
{
	unsigned long flags;
	bool none;

	raw_spin_lock_irqsave(&claims->lock, flags);
	none = !claims->present;
	raw_spin_unlock_irqrestore(&claims->lock, flags);
	return none;
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

static noinline int claim_set_list(struct phys_claim *claim,
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
		return claim_set_list(claim, frames);

	claim->start = frames->first;
	claim->last = frames->first + frames->nr - 1;
	return !frames->nr || claim->last < claim->start ? -EINVAL : 0;
}

/* Does @old, of a kind that may, speak against @new, if they share frames? */
static int claim_verdict(const struct phys_claim *old,
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
	int err = claim_verdict(old, new);

	if (!err || (new->holder && new->holder == old->holder))
		return 0;
	return frames_meet(new, old) ? err : 0;
}

static noinline int standing_conflict(struct rb_root_cached *standing,
				      const struct phys_claim *new)
{
	struct phys_claim *old;
	int err = 0;

	for (old = claim_tree_iter_first(standing, new->start, new->last);
	     old && !err;
	     old = claim_tree_iter_next(old, new->start, new->last))
		err = claims_conflict(old, new);
	return err;
}

static noinline int mapping_conflict(struct hlist_head *mappings,
				     const struct phys_claim *new)
{
	struct phys_claim *old;
	int err = 0;

	hlist_for_each_entry(old, mappings, node) {
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
	unsigned long against = claim_conflicts[new->kind] & claims->present;
	int err = 0;

	lockdep_assert_held(&claims->lock);

	for (; against && !err; against &= against - 1) {
		enum phys_claim_kind kind = __ffs(against);

		if (kind_is_mapping(kind))
			err = mapping_conflict(&claims->mappings[kind], new);
		else
			err = standing_conflict(&claims->standing[kind], new);
	}
	return err;
}

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
			claim_tree_insert(claim, &claims->standing[kind]);
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
		claim_tree_remove(claim, &claims->standing[kind]);
	if (none_of_kind(claims, kind))
		claims->present &= ~BIT(kind);
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
	struct hlist_node *node;

	lockdep_assert_held(&claims->lock);

	if (!kind_is_mapping(kind))
		return prev ? claim_tree_iter_next(prev, 0, ULONG_MAX) :
			      claim_tree_iter_first(&claims->standing[kind], 0,
						    ULONG_MAX);

	node = prev ? prev->node.next : claims->mappings[kind].first;
	return hlist_entry_safe(node, struct phys_claim, node);
}
