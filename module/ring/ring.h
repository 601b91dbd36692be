/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rings, internal interface. Users of rings include <lvbs/ring_buffer.h>.
 *
 *	span.c		which pages a range of ring bytes is in; pure arithmetic
 *	memory.c	pages of a ring: allocate, protect, map, copy
 *	buffer.c	life cycle and writers
 *	reader.c	snapshots and followers
 *	registry.c	rings by name
 *	log.c		the module's own log
 */
#ifndef _LVBS_RING_H
#define _LVBS_RING_H

#include <linux/atomic.h>
#include <linux/compiler_attributes.h>
#include <linux/irq_work.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/rhashtable-types.h>
#include <linux/rwsem.h>
#include <linux/seqlock.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include <lvbs/ring_buffer.h>
#include <lvbs/vmap_manager.h>

#include "phys/phys.h"

/*
 * span.c. The page size is a parameter, so that tests can enumerate small rings
 * with tiny pages.
 */

/*
 * The frame list of a wrapped run is built on the stack. Longer runs take two
 * mappings.
 */
#define RING_WRAPPED_PAGES_MAX	16U

struct ring_shape {
	unsigned int start;	/* offset of the first byte in its page */
	size_t size;		/* in bytes, not 0 */
	unsigned int page_shift;
	bool persistent;	/* mapped while the ring lives */
};

/* How a copy reaches the memory; shown by tracepoint ring_write. */
enum ring_path {
	RING_PATH_NONE,		/* nothing to copy */
	RING_PATH_ONE,		/* one map, copy, unmap */
	RING_PATH_TWO,		/* two of them, split at the ring's end */
	RING_PATH_PERSISTENT,	/* through the persistent mapping */
};

/*
 * Bytes in consecutive pages of a ring. In a page-aligned ring a run may wrap:
 * page i of the run is page (first + i) % pages of the ring.
 */
struct ring_run {
	unsigned long first;	/* counted from the ring's first page */
	unsigned long nr;	/* number of pages */
	unsigned int offset;	/* of the first byte in the first page */
	size_t len;
};

/* The runs to copy, in order. */
struct ring_span {
	enum ring_path path;
	unsigned int nr_runs;	/* 0 to 2 */
	struct ring_run run[2];
};

/* Effect of a write on the ring's offset. */
struct ring_place {
	size_t at;		/* ring offset of the first stored byte */
	size_t len;		/* bytes stored: the last ones of the record */
	size_t next;		/* write offset afterwards */
	bool wraps;		/* the write offset reaches the ring's end */
};

/* @offset is less than @size; any @len is valid. Inline for the fast path. */
static inline struct ring_place ring_place_write(size_t size, size_t offset,
						 size_t len)
{
	size_t stored = min(len, size), at = len >= size ? 0 : offset;
	bool wraps = stored && stored >= size - at;

	return (struct ring_place) {
		.at = at,
		.len = stored,
		/* at + stored may overflow if the write wraps. */
		.next = wraps ? stored - (size - at) : at + stored,
		.wraps = wraps,
	};
}

void ring_span_init(struct ring_span *span, const struct ring_shape *shape,
		    size_t at, size_t len);
bool ring_is_page_aligned(const struct ring_shape *shape);
const char *ring_path_name(enum ring_path path);

/*
 * Is a range one run of the persistent mapping? Page-aligned rings are mapped
 * twice in a row, so there even a range that wraps is.
 */
static inline bool ring_is_contiguous(const struct ring_shape *shape, size_t at,
				      size_t len)
{
	return len <= shape->size - at || ring_is_page_aligned(shape);
}

/*
 * memory.c
 */

/* Physically contiguous frames of a ring. */
struct ring_extent {
	unsigned long first;
	unsigned long nr;
	struct phys_protection prot;
	struct phys_claim claim;	/* of the persistent mapping */
};

/*
 * Set up before the ring is visible and constant until ring_memory_drop(),
 * which accepts any partly built state. @shape is valid even after that.
 */
struct ring_memory {
	struct vmap_manager *mgr;
	struct ring_shape shape;
	struct phys_frames frames;	/* in ring order */
	bool own;			/* the ring allocated its pages */
	struct ring_extent *extent;	/* the same frames, in ring order */
	unsigned long nr_extents;
	unsigned long nr_protected;	/* extents with @prot in place */
	unsigned long nr_claimed;	/* extents with @claim in place */
	struct phys_map map;		/* persistent rings only */
};

int ring_memory_alloc(struct ring_memory *mem, unsigned long nr);
int ring_memory_init(struct ring_memory *mem, unsigned int start, size_t size,
		     bool persistent, const char *owner);
void ring_memory_drop(struct ring_memory *mem);
int ring_memory_write(const struct ring_memory *mem, size_t at,
		      const void *src, size_t len, enum ring_path *path,
		      size_t *done);
int ring_memory_read(const struct ring_memory *mem, size_t at, void *dst,
		     size_t len);
int ring_memory_faulted(const struct ring_memory *mem, size_t pos, bool write);

/*
 * Write contiguous bytes at position @pos of the persistent mapping. Inline,
 * because a call would cost as much as a short record.
 */
static __always_inline int
ring_memory_write_mapped(const struct ring_memory *mem, size_t pos,
			 const void *src, size_t len, size_t *done)
{
	size_t left = copy_nofault_to(mem->map.addr + pos, src, len);

	*done = len - left;
	phys_stat_add(mem->mgr->stats, PHYS_STAT_BYTES, len - left);
	return unlikely(left) ? ring_memory_faulted(mem, pos + len - left, true) :
				0;
}

/*
 * buffer.c
 *
 * Lock order: Documentation/lvbs/locking.rst. Readers and writers share no lock;
 * these are the pairs of barriers:
 *
 *	ring_store()			reader_copy()
 *
 *	raise oldest			read offset, total (@seq)
 *	smp_wmb()	(A)		(smp_rmb() of @seq)	(B)
 *	copy bytes			copy bytes
 *	(smp_wmb() of @seq)	(B)	smp_rmb()		(A)
 *	publish offset, total		read oldest
 *
 * (A): a reader that copied a byte of a write sees the oldest that this write
 * raised. (B): a reader that sees a total sees the bytes it counts.
 *
 *	ring_wake()			lvbs_ring_follow_wait()
 *
 *	publish total			queue on @wait
 *	smp_mb() of wq_has_sleeper()	smp_mb() of set_current_state()
 *	look at @wait			look at total
 */
struct lvbs_ring {
	/* Constant. */
	char name[LVBS_RING_NAME_MAX + 1];	/* padded with zeroes */
	char owner[sizeof("ring ") + LVBS_RING_NAME_MAX]; /* of protections */

	struct kref ref;
	struct list_head node;		/* in the registry; registry.lock */
	struct rhash_head hash_node;	/* by @name; registry.lock */
	bool fixed;			/* not removable; set before adding */

	/*
	 * Keeps @mem in place: readers of the memory hold it for reading,
	 * ring_shutdown() for writing. Writers do not take it; their own lock
	 * makes them see @dead.
	 */
	struct rw_semaphore mem_lock;
	/*
	 * One of these two serialises writers and guards what they change:
	 * @offset, @total, @wraps and @oldest.
	 */
	struct mutex write_mutex;	/* ring on demand */
	raw_spinlock_t write_lock;	/* persistent ring; interrupts off */
	/*
	 * A writer holds @write_lock. Without SMP a spinlock has no state that
	 * an NMI could look at.
	 */
	bool writing;

	struct ring_memory mem;
	/*
	 * @mem is gone. Written under @mem_lock, @write_mutex and @write_lock,
	 * read under any of them or, as a hint, under none.
	 */
	bool dead;

	seqcount_t seq;			/* for readers of the next three */
	size_t offset;
	u64 total;
	u64 wraps;
	atomic64_t oldest;		/* read without a lock, whole on 32-bit */

	atomic_long_t failed;
	atomic_long_t lost;

	struct wait_queue_head wait;	/* followers that wait for bytes */
	struct irq_work wake;		/* a writer may be in any context */
};

struct lvbs_ring *ring_alloc(const char *name, struct vmap_manager *mgr);
struct lvbs_ring *ring_init(struct lvbs_ring *ring, unsigned int start,
			    size_t size, enum lvbs_ring_mode mode);
struct lvbs_ring *ring_create(const char *name, struct vmap_manager *mgr,
			      unsigned long pages, enum lvbs_ring_mode mode);
struct lvbs_ring *ring_create_at(const char *name, struct vmap_manager *mgr,
				 phys_addr_t pa, size_t size,
				 enum lvbs_ring_mode mode);
void ring_shutdown(struct lvbs_ring *ring);
int ring_write_tail(struct lvbs_ring *ring, const void *tail, size_t len);
bool ring_get_extent(struct lvbs_ring *ring, unsigned long i,
		     unsigned long *first, unsigned long *nr);
phys_addr_t ring_base(struct lvbs_ring *ring);

/* Without a lock, false may be stale. */
static inline bool ring_is_dead(const struct lvbs_ring *ring)
{
	return READ_ONCE(ring->dead);
}

/*
 * registry.c
 */

/*
 * Callbacks run one at a time, with the registry locked. They may sleep, but
 * not create or remove rings.
 */
struct ring_watcher {
	/* An error makes the creation of the ring fail. */
	int (*added)(const char *name, struct lvbs_ring *ring);
	/* The ring's memory is already gone. */
	void (*removed)(const char *name);
};

int ring_registry_watch(const struct ring_watcher *watcher);
struct lvbs_ring *ring_registry_new_fixed(const char *name,
					  unsigned long pages);
struct lvbs_ring *ring_registry_new_at(const char *name, phys_addr_t pa,
				       size_t size, enum lvbs_ring_mode mode);

/*
 * log.c
 */

__printf(1, 2) void lvbs_log(const char *fmt, ...);
int log_to_vtl0(phys_addr_t pa, size_t size);

#endif /* _LVBS_RING_H */
