/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The vmap manager: who may map which foreign page frames, and how.
 */
#ifndef _LVBS_VMAP_MANAGER_H
#define _LVBS_VMAP_MANAGER_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/**
 * DOC: vmap manager
 *
 * A physical pointer (see phys_ptr.h) never touches memory by itself. It asks
 * a *vmap manager*: may these frames be used at all, map them here, unmap them
 * again. The manager is a table of four operations, all mandatory, so that the
 * pointer's own logic runs unchanged over a fake manager in a unit test, and
 * so that no implementer inherits a permissive default by forgetting one.
 *
 * The callers of the operations (phys_ptr.c; ring_memory.c for a mapping that
 * lasts) promise:
 *
 * * frames reach ->vmap() only after ->validate_unowned() accepted them;
 * * one user has at most one window of %PHYS_WINDOW_PAGES mapped at a time,
 *   but for mappings that last;
 * * every successful ->vmap() is followed by exactly one ->vunmap().
 *
 * What is going on with which frame is kept beside the operations, as a set of
 * *claims*: mappings in flight, range locks, protections. Each new claim is
 * checked against those that overlap it, under one lock, which is what makes
 * "never protected under a writer" hold. (A mapping never speaks against a
 * mapping, so that one claim more costs an access next to nothing.)
 *
 * ================ ====== ====== ====== ====== ========= =========
 * new \ existing    read  write  patch  shared exclusive protected
 * ================ ====== ====== ====== ====== ========= =========
 * read               -      -      -      -     EBUSY        -
 * write              -      -      -    EBUSY   EBUSY      EROFS
 * patch              -      -      -    EBUSY   EBUSY        -
 * shared             -    EBUSY  EBUSY    -     EBUSY        -
 * exclusive        EBUSY  EBUSY  EBUSY  EBUSY   EBUSY        -
 * protected          -    EBUSY    -      -       -          -
 * ================ ====== ====== ====== ====== ========= =========
 *
 * Claims made under a range lock do not conflict with that very lock.
 *
 * A protection can be *sole*: somebody protects the frames in order to write
 * them himself. Two such claims, or one and an ordinary protection, never meet
 * on a frame: whoever could write what others had protected would have undone
 * their protection. The newcomer gets EROFS for being sole on protected frames,
 * EBUSY for protecting frames that somebody holds so, EEXIST if both are sole.
 */

/* A mapping needs this many page pointers of stack, which bounds it. */
#define PHYS_WINDOW_PAGES	64U

/**
 * struct phys_frames - an ordered set of page frames
 * @pfns: the frame numbers, borrowed from the caller, who keeps them alive and
 *	unchanged while anything made from them is in use; NULL for a contiguous
 *	run
 * @first: the first frame of a contiguous run (@pfns is NULL)
 * @nr: number of frames
 */
struct phys_frames {
	const unsigned long *pfns;
	unsigned long first;
	unsigned long nr;
};

/**
 * phys_frame() - the frame number at a position
 * @frames: the frames
 * @i: position, less than @frames->nr
 *
 * Return: the page frame number.
 */
static inline unsigned long phys_frame(const struct phys_frames *frames,
				       unsigned long i)
{
	return frames->pfns ? frames->pfns[i] : frames->first + i;
}

/**
 * phys_frames_slice() - a run of positions out of a set of frames
 * @frames: the whole
 * @at: first position
 * @nr: number of positions; @at + @nr is at most @frames->nr
 *
 * Return: the slice; it borrows what @frames borrows.
 */
static inline struct phys_frames
phys_frames_slice(const struct phys_frames *frames, unsigned long at,
		  unsigned long nr)
{
	return (struct phys_frames) {
		.pfns = frames->pfns ? frames->pfns + at : NULL,
		.first = frames->pfns ? 0 : frames->first + at,
		.nr = nr,
	};
}

/**
 * enum phys_claim_kind - what somebody is doing with some frames
 * @PHYS_CLAIM_READ: a read-only mapping is in flight
 * @PHYS_CLAIM_WRITE: an ordinary writable mapping is in flight
 * @PHYS_CLAIM_PRIVILEGED: a writable mapping that may bypass protection is in flight
 * @PHYS_CLAIM_NR_MAPPINGS: number of the kinds before, those of mappings
 * @PHYS_CLAIM_SHARED: a range lock held for reading
 * @PHYS_CLAIM_EXCLUSIVE: a range lock held for writing
 * @PHYS_CLAIM_PROTECTED: ordinary pointers may not write here
 * @PHYS_CLAIM_NR: number of kinds
 */
enum phys_claim_kind {
	PHYS_CLAIM_READ,
	PHYS_CLAIM_WRITE,
	PHYS_CLAIM_PRIVILEGED,
	PHYS_CLAIM_NR_MAPPINGS,
	PHYS_CLAIM_SHARED = PHYS_CLAIM_NR_MAPPINGS,
	PHYS_CLAIM_EXCLUSIVE,
	PHYS_CLAIM_PROTECTED,
	PHYS_CLAIM_NR
};

/**
 * struct phys_claim - one entry of a manager's set of claims
 * @node: where the claim of a mapping hangs in &phys_claims.mappings
 * @rb: where a lock or a protection hangs in &phys_claims.standing, by @start
 * @start: lowest frame
 * @last: highest frame
 * @subtree_last: highest @last in the subtree below @rb
 * @frames: the very frames; at most %PHYS_WINDOW_PAGES where scattered, so
 *	that comparing two claims stays short
 * @holder: claims with the same non-NULL holder never conflict
 * @kind: what is claimed
 * @exclusive: of a protection: whether it shares the frames with no other
 *
 * Storage belongs to the claimant, from phys_claim_add() to phys_claim_del().
 * All but @holder, @kind and @exclusive is private to phys_claim.c and guarded by
 * &phys_claims.lock.
 */
struct phys_claim {
	union {
		struct hlist_node node;
		struct rb_node rb;
	};
	unsigned long start;
	unsigned long last;
	unsigned long subtree_last;
	struct phys_frames frames;
	const void *holder;
	enum phys_claim_kind kind;
	bool exclusive;
};

/**
 * struct phys_claims - everything that is claimed of one physical memory
 * @lock: guards the rest; leaf lock, taken with interrupts off, in any context
 *	but NMI
 * @present: the kinds of which there are claims, a bit each
 * @mappings: &struct phys_claim of the mappings of each kind, the newest first
 * @standing: &struct phys_claim of each other kind, by interval; entries below
 *	%PHYS_CLAIM_NR_MAPPINGS stay empty
 *
 * Mappings come and go with each access, and are few at any time: adding one to
 * a list is cheap, and only who locks or protects looks through it. Locks and
 * protections stay, and each access looks for them.
 */
struct phys_claims {
	raw_spinlock_t lock;
	unsigned long present;				/* __guarded_by(lock) */
	struct hlist_head mappings[PHYS_CLAIM_NR_MAPPINGS]; /* __guarded_by(lock) */
	struct rb_root_cached standing[PHYS_CLAIM_NR];	/* __guarded_by(lock) */
};

/**
 * enum phys_stat - what a manager counts
 * @PHYS_STAT_MAPS: mappings made
 * @PHYS_STAT_UNMAPS: mappings undone
 * @PHYS_STAT_LEAKED: mappings that could not be undone
 * @PHYS_STAT_BYTES: bytes copied, both directions
 * @PHYS_STAT_FAULTS: copies that faulted
 * @PHYS_STAT_NR: number of counters
 */
enum phys_stat {
	PHYS_STAT_MAPS,
	PHYS_STAT_UNMAPS,
	PHYS_STAT_LEAKED,
	PHYS_STAT_BYTES,
	PHYS_STAT_FAULTS,
	PHYS_STAT_NR
};

/* Errnos of the contract that name a refusal are all below this. */
#define PHYS_REFUSAL_ERRNO_MAX	80

/**
 * struct phys_stats - counters of one manager
 * @count: by &enum phys_stat
 * @refused: pointers and accesses refused, by errno; range locks and
 *	protections are not counted
 *
 * Each counter is right by itself; a reader may see one a little ahead of
 * another.
 */
struct phys_stats {
	atomic_long_t count[PHYS_STAT_NR];
	atomic_long_t refused[PHYS_REFUSAL_ERRNO_MAX];
};

struct vmap_manager;

/**
 * DOC: how a window is mapped
 *
 * A window that is asked for with %PHYS_MAP_TEMPORARY (the one copy of an access on
 * demand; to read, write and read back a patch site) may come from
 * vm_map_ram(), for less than half of what vmap() costs. It is not executable,
 * unmapped at once, and its address not used again before the TLBs were
 * flushed, as with vmap(). To read, write permission is taken from its page
 * table entries before anybody learns its address (map_readonly.h). What it
 * lacks is the unmapped guard page behind each mapping: its neighbours are
 * other mappings, of this module or of the kernel. A guard page would turn a
 * copy that overruns its window by more than the rest of the last page into
 * -EFAULT; here nothing stops it. No copy does that: each is cut to its
 * window's length in one place (phys_window_copy()), and the copy routine does
 * not exceed its length, both of which the unit tests watch with guards of
 * their own. Whoever wants the second line of defence all the same loads the
 * module with guard=1 (or sets it later, for the mappings from then on), and
 * pays.
 *
 * Sessions, rings that are mapped for good, and reads on architectures whose
 * page tables modules cannot reach, come from vmap(): what stays would keep a
 * whole block of vm_map_ram() from being recycled.
 */

/* How to map: a set of these. None: read-only, for as long as one likes. */
#define PHYS_MAP_WRITE	BIT(0)	/* writes are allowed */
#define PHYS_MAP_TEMPORARY	BIT(1)	/* for a copy or a few in a row, no longer */

/**
 * struct phys_map - one mapped window
 * @addr: where the first frame is mapped; frames follow in order
 * @nr: number of pages mapped; 0 when nothing is mapped
 * @writable: whether a write through @addr is allowed
 * @unguarded: no guard page behind it; for the manager to undo it properly
 */
struct phys_map {
	void *addr;
	unsigned int nr;
	bool writable;
	bool unguarded;
};

/**
 * struct phys_protection - frames that ordinary pointers may not write
 * @claim: how the manager finds it
 * @owner: who protects them, for people; lives as long as the protection
 */
struct phys_protection {
	struct phys_claim claim;
	const char *owner;
};

/**
 * struct vmap_manager_ops - how frames are checked, mapped and protected
 * @validate_unowned: is every one of the frames usable RAM that does not belong
 *	to VTL1? Returns 0, -EOVERFLOW beyond the physical width, -ENXIO where
 *	there is no usable RAM, -EPERM for owned frames. Must not be answered
 *	from a default. Any context.
 * @vmap: map validated frames, contiguously, never executable, writable iff
 *	%PHYS_MAP_WRITE is among the flags; fills the &struct phys_map. A frame
 *	may be listed twice. More than %PHYS_WINDOW_PAGES are asked for only by
 *	a mapping that is to last, as they may cost an allocation. Returns 0,
 *	-EINVAL or -ENOMEM; on error the map's @nr stays what it was, which is
 *	0 wherever it is asked for. May sleep.
 * @vunmap: undo that. Returns 0, or an errno when the mapping had to be
 *	leaked; it is then never handed out again, and its memory stays
 *	claimed by nobody. May sleep.
 * @protect: add (@on) or lift a protection. Returns 0, -EBUSY while an ordinary
 *	writable mapping is in flight, what the overview says of sole
 *	protections, or what @validate_unowned says of the
 *	frames. Lifting always succeeds. May not sleep.
 */
struct vmap_manager_ops {
	int (*validate_unowned)(struct vmap_manager *mgr,
				const struct phys_frames *frames);
	int (*vmap)(struct vmap_manager *mgr, const struct phys_frames *frames,
		    unsigned int flags, struct phys_map *map);
	int (*vunmap)(struct vmap_manager *mgr, struct phys_map *map);
	int (*protect)(struct vmap_manager *mgr, struct phys_protection *prot,
		       bool on);
};

/**
 * struct vmap_manager - one way to reach one physical memory
 * @ops: the operations
 * @max_pfn: highest frame number that the physical address width allows
 * @claims: who does what with which frames
 * @stats: counters
 * @write_kind: %PHYS_CLAIM_WRITE, or %PHYS_CLAIM_PRIVILEGED for the one manager
 *	that bypasses protection
 *
 * @ops, @max_pfn and @write_kind do not change after vmap_manager_init().
 */
struct vmap_manager {
	const struct vmap_manager_ops *ops;
	unsigned long max_pfn;
	struct phys_claims *claims;
	struct phys_stats *stats;
	enum phys_claim_kind write_kind;
};

/**
 * vmap_manager_init() - make a manager from a table of operations
 * @mgr: the manager
 * @ops: its operations; all four must be there
 * @max_pfn: highest addressable frame number
 * @claims: the claims on the memory that it reaches, from phys_claims_init()
 * @stats: where it counts
 *
 * Context: Any.
 * Return: 0, or -EINVAL if @ops is NULL or lacks an operation; @mgr is then
 * unusable: every pointer made over it is refused.
 */
int vmap_manager_init(struct vmap_manager *mgr,
		      const struct vmap_manager_ops *ops,
		      unsigned long max_pfn, struct phys_claims *claims,
		      struct phys_stats *stats);

/**
 * lvbs_vmap_manager() - the manager over the machine's real memory
 *
 * Context: Any.
 * Return: the manager; valid while the module is loaded. Ordinary: writes to
 * protected frames are refused.
 */
struct vmap_manager *lvbs_vmap_manager(void);

/**
 * phys_claims_init() - start with nothing claimed
 * @claims: the set
 */
void phys_claims_init(struct phys_claims *claims);

/**
 * phys_claims_none() - is nothing claimed at all?
 * @claims: the set
 *
 * Context: Any but NMI.
 * Return: true if so; it may be stale at once.
 */
bool phys_claims_none(struct phys_claims *claims);

/**
 * phys_claim_add() - claim frames, or learn who has them
 * @claims: the set
 * @claim: storage for the claim; @claim->holder and @claim->kind are set
 * @frames: what to claim: a contiguous run of any length, or up to
 *	%PHYS_WINDOW_PAGES scattered frames; at least one
 *
 * Context: Any but NMI.
 * Return: 0; -EBUSY or -EROFS as the table in the overview says; -EINVAL for
 * no or too many frames. On error nothing is claimed.
 */
int phys_claim_add(struct phys_claims *claims, struct phys_claim *claim,
		   const struct phys_frames *frames);

/**
 * phys_claim_del() - give a claim up
 * @claims: the set
 * @claim: a claim that phys_claim_add() accepted
 *
 * Context: Any but NMI.
 */
void phys_claim_del(struct phys_claims *claims, struct phys_claim *claim);

/**
 * phys_claim_check() - would phys_claim_add() accept these frames now?
 * @claims: the set
 * @kind: kind of the claim
 * @holder: holder of the claim, or NULL
 * @frames: as for phys_claim_add()
 *
 * Context: Any but NMI.
 * Return: as phys_claim_add(); the answer may be stale at once.
 */
int phys_claim_check(struct phys_claims *claims, enum phys_claim_kind kind,
		     const void *holder, const struct phys_frames *frames);

/**
 * phys_claim_next() - walk the claims of one kind
 * @claims: the set; the caller holds @claims->lock
 * @kind: which claims: locks and protections in order of address, mappings in
 *	none
 * @prev: the claim before, or NULL to start
 *
 * Return: the next claim, or NULL.
 */
struct phys_claim *phys_claim_next(struct phys_claims *claims,
				   enum phys_claim_kind kind,
				   struct phys_claim *prev)
	__must_hold(&claims->lock);

/**
 * phys_protect() - stop ordinary pointers from writing a run of frames
 * @mgr: the manager
 * @prot: storage, until phys_unprotect(); @prot->owner is set
 * @first: first frame
 * @nr: number of frames, at least 1
 *
 * When this returned 0, no ordinary pointer has a writable mapping of any of
 * the frames, and none can get one. Protections may overlap; a frame is
 * writable again when the last one is lifted.
 *
 * Context: Any but NMI.
 * Return: 0; -EINVAL for no frames, or if @mgr is not usable; -EOVERFLOW beyond
 * the physical width; -ENXIO or -EPERM where the frames are no usable RAM or
 * owned; -EBUSY while an ordinary pointer has one of them mapped writable, or
 * somebody protects one solely.
 */
int phys_protect(struct vmap_manager *mgr, struct phys_protection *prot,
		 unsigned long first, unsigned long nr);

/**
 * phys_protect_exclusive() - protect frames that nobody else protects
 * @mgr: as for phys_protect()
 * @prot: as for phys_protect()
 * @first: as for phys_protect()
 * @nr: as for phys_protect()
 *
 * For somebody who is going to write the frames around the protection. Check
 * and protection are one step: while this lasts, nobody's protected frames are
 * among them.
 *
 * Context: Any but NMI.
 * Return: as phys_protect(); also -EROFS if one of the frames is protected,
 * -EEXIST if it is so solely.
 */
int phys_protect_exclusive(struct vmap_manager *mgr, struct phys_protection *prot,
			   unsigned long first, unsigned long nr);

/**
 * phys_unprotect() - lift a protection
 * @mgr: the manager
 * @prot: what phys_protect() or phys_protect_exclusive() accepted
 *
 * Context: Any but NMI.
 */
void phys_unprotect(struct vmap_manager *mgr, struct phys_protection *prot);

/**
 * phys_stat_add() - count
 * @stats: the counters
 * @stat: which one
 * @n: by how much
 */
static inline void phys_stat_add(struct phys_stats *stats, enum phys_stat stat,
				 unsigned long n)
{
	atomic_long_add(n, &stats->count[stat]);
}

/**
 * phys_stat_get() - read a counter
 * @stats: the counters
 * @stat: which one
 *
 * Return: its value.
 */
static inline unsigned long phys_stat_get(const struct phys_stats *stats,
					  enum phys_stat stat)
{
	return atomic_long_read(&stats->count[stat]);
}

#endif /* _LVBS_VMAP_MANAGER_H */
