/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The vmap manager: who may map which foreign page frames, and how.
 */
#ifndef _LVBS_VMAP_MANAGER_H
#define _LVBS_VMAP_MANAGER_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/**
 * DOC: vmap manager
 *
 * A physical pointer (see phys_ptr.h) never maps memory by itself. It uses a
 * *vmap manager*, a table of four operations that validate frames, map and
 * unmap them, and protect them. The pointer code runs unchanged on a fake
 * manager in a unit test. All operations are mandatory, so that no manager is
 * permissive by omission.
 *
 * The callers of the operations guarantee:
 *
 * * frames are passed to ->vmap() only after ->validate_unowned() accepted
 *   them, which is called when they are claimed;
 * * a user has at most one window of %PHYS_WINDOW_PAGES mapped at a time,
 *   except for persistent mappings (rings);
 * * every successful ->vmap() is followed by exactly one ->vunmap().
 *
 * The manager also keeps a set of *claims* on frames: mappings, range locks and
 * protections. A frame is validated after it was claimed, and the claim is kept
 * until the frame is unmapped. A new claim is checked against all overlapping
 * ones, so a frame is never protected while an ordinary pointer has it mapped
 * writable. Mappings never conflict with each other.
 *
 * ============== ===== ===== ========== ======= ========= ======= =========
 * new \ existing read  write privileged shared  exclusive offline protected
 * ============== ===== ===== ========== ======= ========= ======= =========
 * read           -     -     -          -       EBUSY     EBUSY   -
 * write          -     -     -          EBUSY   EBUSY     EBUSY   EROFS
 * privileged     -     -     -          EBUSY   EBUSY     EBUSY   -
 * shared         -     EBUSY EBUSY      -       EBUSY     EBUSY   (EBUSY)
 * exclusive      EBUSY EBUSY EBUSY      EBUSY   EBUSY     EBUSY   (EBUSY)
 * offline        EBUSY EBUSY EBUSY      EBUSY   EBUSY     EBUSY   -
 * protected      -     EBUSY -          (EBUSY) (EBUSY)   EBUSY   -
 * ============== ===== ===== ========== ======= ========= ======= =========
 *
 * Protected memory can go offline; then it is of no use to anyone.
 *
 * (EBUSY): if the protection is for patch sites. Such frames cannot be locked,
 * and sites cannot be added on locked frames, so that a legal text patch never
 * meets a lock.
 *
 * Claims made under a range lock do not conflict with that lock.
 *
 * A protection can be *exclusive*: its owner protects the frames in order to
 * write them through the privileged manager, and must not undo the protection
 * of others that way. A frame has either one exclusive protection or any number
 * of ordinary ones. A new exclusive protection gets -EROFS on protected frames
 * and -EEXIST on exclusively protected ones; a new ordinary protection gets
 * -EBUSY on exclusively protected frames.
 */

/* Limits the array of page pointers that a mapping needs on the stack. */
#define PHYS_WINDOW_PAGES	64U

/**
 * struct phys_frames - an ordered set of page frames
 * @pfns: the frame numbers, or NULL for a contiguous run; borrowed from the
 *	caller, who keeps them valid and unchanged while anything made from them
 *	is in use
 * @first: the first frame of a contiguous run
 * @nr: number of frames
 */
struct phys_frames {
	const unsigned long *pfns;
	unsigned long first;
	unsigned long nr;
};

/**
 * phys_frame() - get a frame number by position
 * @frames: the frames
 * @i: position, less than @frames->nr
 *
 * Context: Any context.
 * Return: the page frame number.
 */
static inline unsigned long phys_frame(const struct phys_frames *frames,
				       unsigned long i)
{
	return frames->pfns ? frames->pfns[i] : frames->first + i;
}

/**
 * phys_frames_slice() - get a consecutive subset of frames
 * @frames: the frames
 * @at: first position
 * @nr: number of positions; @at + @nr is at most @frames->nr
 *
 * Context: Any context.
 * Return: the subset, which borrows what @frames borrows.
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
 * enum phys_claim_kind - kinds of claims
 * @PHYS_CLAIM_READ: read-only mapping
 * @PHYS_CLAIM_WRITE: ordinary writable mapping
 * @PHYS_CLAIM_PRIVILEGED: writable mapping that may bypass protection
 * @PHYS_CLAIM_NR_MAPPINGS: number of kinds of mappings, which are those above
 * @PHYS_CLAIM_SHARED: range lock held for reading
 * @PHYS_CLAIM_EXCLUSIVE: range lock held for writing
 * @PHYS_CLAIM_OFFLINE: memory that goes offline
 * @PHYS_CLAIM_PROTECTED: ordinary pointers may not write
 * @PHYS_CLAIM_NR: number of kinds
 */
enum phys_claim_kind {
	PHYS_CLAIM_READ,
	PHYS_CLAIM_WRITE,
	PHYS_CLAIM_PRIVILEGED,
	PHYS_CLAIM_NR_MAPPINGS,
	PHYS_CLAIM_SHARED = PHYS_CLAIM_NR_MAPPINGS,
	PHYS_CLAIM_EXCLUSIVE,
	PHYS_CLAIM_OFFLINE,
	PHYS_CLAIM_PROTECTED,
	PHYS_CLAIM_NR
};

/**
 * struct phys_claim - a claim on frames
 * @rb: node in &phys_claims.trees
 * @start: lowest frame
 * @last: highest frame
 * @subtree_last: highest @last in the subtree of @rb
 * @frames: the frames; at most %PHYS_WINDOW_PAGES if scattered, which bounds
 *	the comparison of two claims
 * @holder: claims with the same holder, unless NULL, do not conflict
 * @kind: what is claimed
 * @exclusive: protections only: no other protection may share a frame
 * @patched: protections only: no frame may be range locked or go offline
 * @own: protections only: the frames are pages that VTL1 has allocated
 *
 * The caller of phys_claim_add() provides the storage and keeps it until
 * phys_claim_del(). All members except @holder, @kind, @exclusive, @patched and
 * @own are private to claim.c and guarded by &phys_claims.lock.
 */
struct phys_claim {
	struct rb_node rb;
	unsigned long start;
	unsigned long last;
	unsigned long subtree_last;
	struct phys_frames frames;
	const void *holder;
	enum phys_claim_kind kind;
	bool exclusive;
	bool patched;
	bool own;
};

#define PHYS_BUSY_FRAMES	512U
#define PHYS_BUSY_SLOTS		256U

/**
 * struct phys_claims - all claims on one physical memory
 * @lock: guards all other members, and the private members of the claims; a
 *	leaf lock, taken with interrupts disabled in any context except NMI
 * @present: bitmap of the kinds of which there are claims; also read without
 *	the lock
 * @busy: by a hash of the block of %PHYS_BUSY_FRAMES frames: number of range
 *	locks and protections that touch a block; also read without the lock
 * @trees: the claims by kind, as interval trees
 *
 * Mappings for a single access on x86-64 are not here but in a record of the
 * CPU that makes them: see claim.c.
 */
struct phys_claims {
	raw_spinlock_t lock;
	unsigned long present;				/* __guarded_by(lock) */
	unsigned int busy[PHYS_BUSY_SLOTS];		/* __guarded_by(lock) */
	struct rb_root_cached trees[PHYS_CLAIM_NR];	/* __guarded_by(lock) */
};

/**
 * enum phys_stat - counters of a manager
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

/* Every errno with which a request is refused is below this. */
#define PHYS_REFUSAL_ERRNO_MAX	80

/**
 * struct phys_stats - statistics of a manager
 * @count: counters, by &enum phys_stat
 * @refused: refused pointers and accesses, by errno; refused range locks and
 *	protections are not counted
 *
 * Each counter is exact; different counters are not read as one snapshot.
 */
struct phys_stats {
	atomic_long_t count[PHYS_STAT_NR];
	atomic_long_t refused[PHYS_REFUSAL_ERRNO_MAX];
};

struct vmap_manager;

/**
 * DOC: mapping a window
 *
 * On x86-64 a mapping for a single access (%PHYS_MAP_LOCAL) is made in a *local
 * window*: address space of this CPU and context (task, softirq or hardirq),
 * reserved when the module is loaded, with an unmapped page on either side. The
 * module writes the page table entries itself (read-only for reads, never
 * executable), clears them afterwards, and flushes this CPU's translations
 * before it enables preemption. So an access needs no allocation, no lock and
 * no other CPU, and is allowed in any context except NMI.
 *
 * Everything else uses vmap() and vunmap(): sessions and rings, which stay
 * mapped; other architectures; and, with the module parameter windows=0,
 * single accesses, too. These may sleep.
 */

/* Mapping flags; the default is read-only and long-lived. */
#define PHYS_MAP_WRITE		BIT(0)	/* writable */
#define PHYS_MAP_LOCAL		BIT(1)	/* on this CPU, preemption disabled */

/**
 * struct phys_map - a mapped window
 * @addr: address of the first frame; the others follow in order
 * @nr: number of mapped pages; 0 if nothing is mapped
 * @writable: writing through @addr is allowed
 * @local: mapped with %PHYS_MAP_LOCAL
 * @private: the manager's
 */
struct phys_map {
	void *addr;
	unsigned int nr;
	bool writable;
	bool local;
	const void *private;
};

/**
 * struct phys_protection - frames that ordinary pointers may not write
 * @claim: the claim on the frames
 * @owner: name of the owner, for users to read; valid as long as the protection
 */
struct phys_protection {
	struct phys_claim claim;
	const char *owner;
};

/**
 * struct vmap_manager_ops - operations of a vmap manager
 * @validate_unowned: check that all frames are usable RAM and not owned by
 *	VTL1. Returns 0; -EOVERFLOW beyond the physical address width; -ENXIO if
 *	a frame is not usable RAM; -EPERM if a frame is owned. The answer must
 *	be the current one, never a default. Any context.
 * @vmap: map validated frames in order, never executable, writable only with
 *	%PHYS_MAP_WRITE, and fill in the &struct phys_map. A frame may be listed
 *	twice. Only persistent mappings have more than %PHYS_WINDOW_PAGES
 *	frames, which may need an allocation. Returns 0, -EINVAL or -ENOMEM; on
 *	error, @nr of the map is unchanged, and callers make sure that it is 0.
 *	May sleep, except with %PHYS_MAP_LOCAL: then it is called with
 *	preemption disabled, for a window that no other local one in the same
 *	context overlaps in time, in any context except NMI.
 * @vunmap: undo @vmap. Returns 0, or an errno if the mapping had to be leaked;
 *	then its address is never used again, and the frames are not claimed.
 *	May sleep, except for a local mapping.
 * @protect: add (true) or lift (false) a protection. Returns 0; -EBUSY while an
 *	ordinary pointer has a frame mapped writable; an error of
 *	@validate_unowned; or a conflict with another protection, see "vmap
 *	manager". Lifting always succeeds. Any context except NMI.
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
 * struct vmap_manager - access to one physical memory
 * @ops: the operations
 * @max_pfn: highest frame number within the physical address width
 * @claims: the claims on the memory
 * @stats: the statistics
 * @write_kind: %PHYS_CLAIM_WRITE, or %PHYS_CLAIM_PRIVILEGED for the manager
 *	that bypasses protection
 * @local: single accesses are mapped with %PHYS_MAP_LOCAL
 *
 * All members except @local are constant after initialisation; @local can
 * change at any time.
 */
struct vmap_manager {
	const struct vmap_manager_ops *ops;
	unsigned long max_pfn;
	struct phys_claims *claims;
	struct phys_stats *stats;
	enum phys_claim_kind write_kind;
	bool local;
};

/**
 * lvbs_vmap_manager() - get the manager of the machine's memory
 *
 * It refuses writes to protected frames.
 *
 * Context: Any context.
 * Return: the manager; valid while the module is loaded.
 */
struct vmap_manager *lvbs_vmap_manager(void);

/**
 * phys_protect() - prevent ordinary pointers from writing a run of frames
 * @mgr: the manager
 * @prot: storage, in use until phys_unprotect(); the caller sets @prot->owner
 * @first: first frame
 * @nr: number of frames, at least 1
 *
 * After success, no ordinary pointer has a writable mapping of any of the
 * frames, and none can get one. Protections may overlap; a frame becomes
 * writable again when its last protection is lifted.
 *
 * Context: Any context except NMI.
 * Return: 0; -EINVAL if @nr is 0 or @mgr is unusable; -EOVERFLOW beyond the
 * physical address width; -ENXIO if a frame is not usable RAM; -EPERM if a
 * frame is owned by VTL1; -EBUSY while an ordinary pointer has a frame mapped
 * writable, or if a frame is exclusively protected.
 */
int phys_protect(struct vmap_manager *mgr, struct phys_protection *prot,
		 unsigned long first, unsigned long nr);

/**
 * phys_protect_exclusive() - protect frames that are not protected
 * @mgr: the manager
 * @prot: storage, in use until phys_unprotect(); the caller sets @prot->owner
 * @first: first frame
 * @nr: number of frames, at least 1
 *
 * For owners that write the frames through the privileged manager. Check and
 * protection are atomic: until phys_unprotect(), no frame of another protection
 * is among them.
 *
 * Context: Any context except NMI.
 * Return: as phys_protect(); also -EROFS if a frame is protected, -EEXIST if it
 * is exclusively protected.
 */
int phys_protect_exclusive(struct vmap_manager *mgr,
			   struct phys_protection *prot, unsigned long first,
			   unsigned long nr);

/**
 * phys_unprotect() - lift a protection
 * @mgr: the manager
 * @prot: a protection made by phys_protect() or phys_protect_exclusive()
 *
 * Context: Any context except NMI.
 */
void phys_unprotect(struct vmap_manager *mgr, struct phys_protection *prot);

#endif /* _LVBS_VMAP_MANAGER_H */
