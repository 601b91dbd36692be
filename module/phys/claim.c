// SPDX-License-Identifier: GPL-2.0
/*
 * Claims on page frames, and the range locks made of them.
 *
 * The claims of a kind are kept in an interval tree. One lock guards all trees,
 * so that checking for conflicts and adding a claim is one step. A new claim is
 * checked only against the kinds that are present and may conflict with it.
 *
 * A scattered claim is filed under the interval from its lowest to its highest
 * frame, and compared frame by frame with the claims whose interval overlaps.
 *
 * A mapping in a local window is claimed without the lock, in a record of its
 * CPU and context. Mappings do not conflict with each other, so this is a race
 * between a mapper and a claimer of a range lock or a protection only:
 *
 *	mapper				claimer, under the lock
 *	W record			W tree, W present, W busy
 *	(A) smp_mb()			(A) smp_mb()
 *	R present, R busy		R records of all CPUs
 *	if there may be a conflict:	on a conflict: undo
 *	  lock, R tree, unlock
 *
 * Present tells whether there is a claim of a kind that conflicts, busy whether
 * there is a range lock or a protection near the frames. Both may say so in
 * error, but not the opposite.
 *
 * By the two barriers at least one of them sees the other (the pattern is known
 * as store buffering). If the claimer sees the record, it undoes its claim
 * before it unlocks, so the mapper, which looks at the tree under the lock, does
 * not find it; if it does not, it keeps its claim, and the mapper finds it. So
 * exactly one is refused.
 *
 * A mapper releases its record after it has unmapped the frames:
 *
 *	mapper				claimer
 *	clear entries, flush		R sequence (acquire): even
 *	W sequence (release): even	no conflict
 *
 * The frame numbers of a scattered record are in the mapper's memory, which may
 * be gone when the claimer reads them. It reads them with the fallible copy, and
 * then (B) the sequence again: if it changed, what was read may be anything, but
 * the mapping has ended. One that the same CPU began since sees the claim.
 *
 *	mapper				claimer
 *	W sequence: even		R fields
 *	(B) smp_wmb()			(B) smp_rmb()
 *	W fields of the next record	R sequence
 */
#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/cpumask.h>
#include <linux/export.h>
#include <linux/interval_tree_generic.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/string.h>

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
	[PHYS_CLAIM_READ]	= C(EXCLUSIVE) | C(OFFLINE),
	[PHYS_CLAIM_WRITE]	= C(SHARED) | C(EXCLUSIVE) | C(OFFLINE) |
				  C(PROTECTED),
	[PHYS_CLAIM_PRIVILEGED]	= C(SHARED) | C(EXCLUSIVE) | C(OFFLINE),
	/* A lock, or OFFLINE, and PROTECTED conflict if the latter is for sites. */
	[PHYS_CLAIM_SHARED]	= C(WRITE) | C(PRIVILEGED) | C(EXCLUSIVE) |
				  C(OFFLINE) | C(PROTECTED),
	[PHYS_CLAIM_EXCLUSIVE]	= C(READ) | C(WRITE) | C(PRIVILEGED) |
				  C(SHARED) | C(EXCLUSIVE) | C(OFFLINE) |
				  C(PROTECTED),
	[PHYS_CLAIM_OFFLINE]	= C(READ) | C(WRITE) | C(PRIVILEGED) |
				  C(SHARED) | C(EXCLUSIVE) | C(OFFLINE) |
				  C(PROTECTED),
	/* Two that are PROTECTED conflict if one of them is exclusive. */
	[PHYS_CLAIM_PROTECTED]	= C(WRITE) | C(SHARED) | C(EXCLUSIVE) |
				  C(OFFLINE) | C(PROTECTED),
};

#undef C

/* Kinds that may be in a CPU's record. */
#define MAPPINGS	(BIT(PHYS_CLAIM_NR_MAPPINGS) - 1)

static DEFINE_PER_CPU(struct phys_local_claim [PHYS_CONTEXT_NR], local_claims);

void phys_claims_init(struct phys_claims *claims)
{
	unsigned int kind;

	raw_spin_lock_init(&claims->lock);
	claims->present = 0;
	memset(claims->busy, 0, sizeof(claims->busy));
	for (kind = 0; kind < PHYS_CLAIM_NR; kind++)
		claims->trees[kind] = RB_ROOT_CACHED;
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

/* Records are read without a lock, hence WRITE_ONCE(). */
static inline void claim_set_interval(struct phys_claim *claim,
				      unsigned long start, unsigned long last)
{
	WRITE_ONCE(claim->start, start);
	WRITE_ONCE(claim->last, last);
}

/*
 * Neither this nor phys_claim_add_local() may be probed, or traced between the
 * check that the record is free and its sequence becoming odd: a handler that
 * accesses memory would use the same record.
 */
static noinline notrace int
claim_set_scattered(struct phys_claim *claim, const struct phys_frames *frames)
{
	unsigned long start, last, i;

	if (!frames->nr || frames->nr > PHYS_WINDOW_PAGES)
		return -EINVAL;

	start = frames->pfns[0];
	last = frames->pfns[0];
	for (i = 1; i < frames->nr; i++) {
		start = min(start, frames->pfns[i]);
		last = max(last, frames->pfns[i]);
	}
	claim_set_interval(claim, start, last);
	return 0;
}

NOKPROBE_SYMBOL(claim_set_scattered);

static __always_inline int claim_set_frames(struct phys_claim *claim,
					    const struct phys_frames *frames)
{
	const unsigned long *pfns = frames->pfns;
	unsigned long first = frames->first, nr = frames->nr;
	unsigned long last = first + nr - 1;

	WRITE_ONCE(claim->frames.pfns, pfns);
	WRITE_ONCE(claim->frames.first, first);
	WRITE_ONCE(claim->frames.nr, nr);
	if (pfns)
		return claim_set_scattered(claim, frames);

	claim_set_interval(claim, first, last);
	return !nr || last < first ? -EINVAL : 0;
}

/* A range lock, or memory that goes offline: would make a legal patch fail. */
static bool kind_bars_patches(enum phys_claim_kind kind)
{
	return kind == PHYS_CLAIM_SHARED || kind == PHYS_CLAIM_EXCLUSIVE ||
	       kind == PHYS_CLAIM_OFFLINE;
}

/*
 * The conflict between two claims that share frames and whose kinds may
 * conflict.
 */
static int kinds_conflict(const struct phys_claim *old,
			  const struct phys_claim *new)
{
	if (kind_bars_patches(new->kind) && old->kind == PHYS_CLAIM_PROTECTED)
		return old->patched ? -EBUSY : 0;
	/* What goes offline must not become protected at all. */
	if (kind_bars_patches(old->kind) && new->kind == PHYS_CLAIM_PROTECTED)
		return new->patched || old->kind == PHYS_CLAIM_OFFLINE ? -EBUSY : 0;
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

static noinline int trees_conflict(struct phys_claims *claims,
				   const struct phys_claim *new)
	__must_hold(&claims->lock)
{
	unsigned long kinds = claim_conflicts[new->kind] & claims->present;
	int err = 0;

	lockdep_assert_held(&claims->lock);

	for (; kinds && !err; kinds &= kinds - 1)
		err = tree_conflict(&claims->trees[__ffs(kinds)], new);
	return err;
}

/* ---- mappings in local windows ---- */

/* On true the fields of the record are consistent in @old; see the file's head. */
static bool local_read(const struct phys_local_claim *local, unsigned int seq,
		       struct phys_claim *old, unsigned long *pfns)
{
	const struct phys_claim *claim = &local->claim;

	old->frames.pfns = READ_ONCE(claim->frames.pfns);
	old->frames.first = READ_ONCE(claim->frames.first);
	old->frames.nr = READ_ONCE(claim->frames.nr);
	old->start = READ_ONCE(claim->start);
	old->last = READ_ONCE(claim->last);
	old->holder = READ_ONCE(claim->holder);
	if (old->frames.pfns) {
		old->frames.nr = min_t(unsigned long, old->frames.nr,
				       PHYS_WINDOW_PAGES);
		if (copy_nofault_from(pfns, old->frames.pfns,
				      old->frames.nr * sizeof(*pfns)))
			return false;
		old->frames.pfns = pfns;
	}
	smp_rmb();	/* (B) */
	return READ_ONCE(local->seq) == seq;
}

static int local_conflict(const struct phys_local_claim *local,
			  const struct phys_claims *claims,
			  const struct phys_claim *new)
{
	unsigned long pfns[PHYS_WINDOW_PAGES];
	struct phys_claim old = {};
	/* Pairs with the releases in phys_claim_add_local() and _del_local(). */
	unsigned int seq = smp_load_acquire(&local->seq);

	if (!(seq & 1) || READ_ONCE(local->claims) != claims)
		return 0;
	old.kind = READ_ONCE(local->claim.kind);
	if (!(claim_conflicts[new->kind] & BIT(old.kind)) ||
	    READ_ONCE(local->claim.start) > new->last ||
	    READ_ONCE(local->claim.last) < new->start)
		return 0;
	return local_read(local, seq, &old, pfns) ? claims_conflict(&old, new) : 0;
}

/* The caller has added @new to the trees, or does not mean to. */
static noinline_for_stack int locals_conflict(struct phys_claims *claims,
					      const struct phys_claim *new)
	__must_hold(&claims->lock)
{
	unsigned int cpu, context;
	int err = 0;

	smp_mb();	/* (A) */
	for_each_possible_cpu(cpu) {
		const struct phys_local_claim *local = per_cpu(local_claims, cpu);

		for (context = 0; context < PHYS_CONTEXT_NR && !err; context++)
			err = local_conflict(&local[context], claims, new);
		if (err)
			break;
	}
	return err;
}

static inline unsigned int busy_slot(unsigned long block)
{
	return block % PHYS_BUSY_SLOTS;
}

/*
 * May a range lock or protection share a frame with a record? Where that would
 * take more than two looks, yes.
 */
static inline bool may_be_busy(const struct phys_claims *claims,
			       const struct phys_claim *claim)
{
	unsigned long first = claim->start / PHYS_BUSY_FRAMES;
	unsigned long last = claim->last / PHYS_BUSY_FRAMES;

	return last - first > 1 || READ_ONCE(claims->busy[busy_slot(first)]) ||
	       READ_ONCE(claims->busy[busy_slot(last)]);
}

static noinline int local_recheck(struct phys_claims *claims,
				  const struct phys_claim *claim)
{
	unsigned long flags;
	int err;

	raw_spin_lock_irqsave(&claims->lock, flags);
	err = trees_conflict(claims, claim);
	raw_spin_unlock_irqrestore(&claims->lock, flags);
	return err;
}

/*
 * Claim up to PHYS_WINDOW_PAGES frames for a mapping in this CPU's local window.
 * The frame numbers stay valid, and preemption disabled, until
 * phys_claim_del_local(). Returns 0 and the record in @held; a conflict; or
 * -EBUSY if the context's window is in use, or this is an NMI. On error nothing
 * is claimed.
 */
int phys_claim_add_local(struct phys_claims *claims, enum phys_claim_kind kind,
			 const void *holder, const struct phys_frames *frames,
			 struct phys_local_claim **held)
{
	struct phys_local_claim *local =
		&this_cpu_ptr(local_claims)[phys_context()];
	struct phys_claim *claim = &local->claim;
	int err;

	/* A tracepoint's probe may have called us out of an access. */
	if (unlikely(in_nmi() || local->seq & 1))
		return -EBUSY;
	if (unlikely(frames->nr > PHYS_WINDOW_PAGES))
		return -EINVAL;

	*held = local;
	smp_wmb();	/* (B) */
	WRITE_ONCE(local->claims, claims);
	WRITE_ONCE(claim->kind, kind);
	WRITE_ONCE(claim->holder, holder);
	err = claim_set_frames(claim, frames);
	if (unlikely(err))
		return err;
	/* Pairs with the acquire in local_conflict(). */
	smp_store_release(&local->seq, local->seq + 1);
	smp_mb();	/* (A) */
	if (likely(!(READ_ONCE(claims->present) & claim_conflicts[kind]) ||
		   !may_be_busy(claims, claim)))
		return 0;
	err = local_recheck(claims, claim);
	if (unlikely(err))
		phys_claim_del_local(local);
	return err;
}

NOKPROBE_SYMBOL(phys_claim_add_local);

/* ---- lasting claims ---- */

static bool kind_is_mapping(enum phys_claim_kind kind)
{
	return BIT(kind) & MAPPINGS;
}

/* @change: 1 or -1 */
static void busy_count(struct phys_claims *claims,
		       const struct phys_claim *claim, int change)
	__must_hold(&claims->lock)
{
	unsigned long first = claim->start / PHYS_BUSY_FRAMES;
	unsigned long nr = claim->last / PHYS_BUSY_FRAMES - first + 1, i;

	if (kind_is_mapping(claim->kind))
		return;
	for (i = 0; i < min_t(unsigned long, nr, PHYS_BUSY_SLOTS); i++) {
		unsigned int *busy = &claims->busy[busy_slot(first + i)];

		WRITE_ONCE(*busy, *busy + change);
	}
}

static void claim_insert(struct phys_claims *claims, struct phys_claim *claim)
	__must_hold(&claims->lock)
{
	claim_tree_insert(claim, &claims->trees[claim->kind]);
	busy_count(claims, claim, 1);
	WRITE_ONCE(claims->present, claims->present | BIT(claim->kind));
}

static void claim_remove(struct phys_claims *claims, struct phys_claim *claim)
	__must_hold(&claims->lock)
{
	struct rb_root_cached *tree = &claims->trees[claim->kind];

	claim_tree_remove(claim, tree);
	busy_count(claims, claim, -1);
	if (RB_EMPTY_ROOT(&tree->rb_root))
		WRITE_ONCE(claims->present,
			   claims->present & ~BIT(claim->kind));
}

static bool kind_may_meet_local(enum phys_claim_kind kind)
{
	return claim_conflicts[kind] & MAPPINGS;
}

/*
 * Claim a contiguous run of any length, or up to PHYS_WINDOW_PAGES scattered
 * frames. The caller has set @claim->kind, @claim->holder and, for a
 * protection, @claim->exclusive and @claim->patched. On error nothing is claimed.
 */
int phys_claim_add(struct phys_claims *claims, struct phys_claim *claim,
		   const struct phys_frames *frames)
{
	unsigned long flags;
	int err;

	err = claim_set_frames(claim, frames);
	if (err)
		return err;

	raw_spin_lock_irqsave(&claims->lock, flags);
	err = trees_conflict(claims, claim);
	if (!err) {
		claim_insert(claims, claim);
		if (kind_may_meet_local(claim->kind))
			err = locals_conflict(claims, claim);
		if (err)
			claim_remove(claims, claim);
	}
	raw_spin_unlock_irqrestore(&claims->lock, flags);
	return err;
}

void phys_claim_del(struct phys_claims *claims, struct phys_claim *claim)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&claims->lock, flags);
	claim_remove(claims, claim);
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
	/* Mappings, the common case, mostly have nothing to conflict with. */
	if (!kind_may_meet_local(kind) &&
	    !(READ_ONCE(claims->present) & claim_conflicts[kind]))
		return 0;

	raw_spin_lock_irqsave(&claims->lock, flags);
	err = trees_conflict(claims, &claim);
	if (!err && kind_may_meet_local(kind))
		err = locals_conflict(claims, &claim);
	raw_spin_unlock_irqrestore(&claims->lock, flags);
	return err;
}

/* The first lasting claim of a kind that begins at or after a frame, or NULL. */
struct phys_claim *phys_claim_from(struct phys_claims *claims,
				   enum phys_claim_kind kind,
				   unsigned long start)
	__must_hold(&claims->lock)
{
	struct phys_claim *claim;

	lockdep_assert_held(&claims->lock);

	claim = claim_tree_iter_first(&claims->trees[kind], start, ULONG_MAX);
	while (claim && claim->start < start)
		claim = claim_tree_iter_next(claim, start, ULONG_MAX);
	return claim;
}

/*
 * Walk the lasting claims of a kind in order of address, from @prev or, if NULL,
 * from the first.
 */
struct phys_claim *phys_claim_next(struct phys_claims *claims,
				   enum phys_claim_kind kind,
				   struct phys_claim *prev)
	__must_hold(&claims->lock)
{
	lockdep_assert_held(&claims->lock);

	return prev ? claim_tree_iter_next(prev, 0, ULONG_MAX) :
		      claim_tree_iter_first(&claims->trees[kind], 0, ULONG_MAX);
}

/*
 * Get a run of protected pages that VTL1 has allocated, as far as they are @within
 * another run; false if there is none.
 */
bool phys_own_range(struct vmap_manager *mgr, struct frame_range within,
		    struct frame_range *found)
{
	struct phys_claims *claims = mgr->claims;
	struct phys_claim *claim;
	unsigned long flags;

	raw_spin_lock_irqsave(&claims->lock, flags);
	claim = claim_tree_iter_first(&claims->trees[PHYS_CLAIM_PROTECTED],
				      within.first, within.last);
	while (claim && !claim->own)
		claim = claim_tree_iter_next(claim, within.first, within.last);
	if (claim)
		*found = (struct frame_range) {
			max(claim->start, within.first),
			min(claim->last, within.last),
		};
	raw_spin_unlock_irqrestore(&claims->lock, flags);
	return claim;
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
