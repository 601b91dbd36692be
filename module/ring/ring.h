/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A ring from the inside. Who only uses rings wants lvbs/ring_buffer.h.
 */
#ifndef _LVBS_RING_H
#define _LVBS_RING_H

#include <linux/atomic.h>
#include <linux/irq_work.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/rhashtable-types.h>
#include <linux/rwsem.h>
#include <linux/seqlock.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include <lvbs/ring_buffer.h>

#include "ring/memory.h"

/**
 * struct lvbs_ring - a ring
 * @name: its name, and zeros behind it; does not change
 * @owner: "ring NAME", as the owner of its protection; does not change
 * @ref: how many hold it; the one who made it counts
 * @node: where it hangs in the registry, which guards it
 * @named: the same by @name, likewise
 * @fixed: the module's own, not to be removed; guarded by the registry
 * @gate: held for reading by who reads the memory, for writing by who takes the
 *	memory away; guards @mem against that
 * @turn: held by a writer to a ring on demand; guards the state below
 * @lock: held by a writer to a persistent ring; guards the state below
 * @writing: a writer holds @lock. Without SMP there is nothing in a spinlock
 *	that an NMI could find taken, so this says it
 * @mem: the memory
 * @ended: the memory is gone. Written with @gate and the writers' lock held,
 *	read with either
 * @seq: makes @offset, @total and @wraps change together for those who read
 *	them without a lock
 * @offset: where the next write begins
 * @total: bytes written ever
 * @wraps: how often @offset came back to the start, or passed it
 * @oldest: position of the oldest byte that no write has begun to overwrite;
 *	readers look at it without a lock
 * @failed: writes that failed
 * @lost: records given up because the lock was taken
 * @wait: who waits for bytes
 * @wake: wakes them, from where a writer may not
 *
 * Lock order: registry, @gate, @turn or @lock, then what phys_ptr.c takes (on
 * demand only). @lock is taken with interrupts off; in an NMI, and while the
 * kernel panics, it is only tried.
 *
 * Writer and reader run without a common lock (this is the DOC: ring memory
 * format of ring_buffer.h from the inside):
 *
 *	ring_store()			reader_copy()
 *
 *	raise oldest			read offset, total (@seq)
 *	smp_wmb()	(A)		(smp_rmb() of @seq)	(B)
 *	copy bytes			copy bytes
 *	(smp_wmb() of @seq)	(B)	smp_rmb()		(A)
 *	publish offset, total		read oldest
 *
 * (A): a reader who got a byte of a write sees the oldest that it has raised
 * before. (B): a reader who sees a total sees the bytes that it counts.
 *
 *	ring_wake()			lvbs_ring_follow_wait()
 *
 *	publish total			queue on @wait
 *	smp_mb() of wq_has_sleeper()	smp_mb() of set_current_state()
 *	look at @wait			look at total
 */
struct lvbs_ring {
	char name[LVBS_RING_NAME_MAX + 1];
	char owner[sizeof("ring ") + LVBS_RING_NAME_MAX];
	struct kref ref;
	struct list_head node;
	struct rhash_head named;
	bool fixed;

	struct rw_semaphore gate;
	struct mutex turn;	/* writers on demand */
	raw_spinlock_t lock;	/* persistent writers */
	bool writing;

	struct ring_memory mem;
	bool ended;

	seqcount_t seq;
	size_t offset;
	u64 total;
	u64 wraps;
	u64 oldest;

	atomic_long_t failed;
	atomic_long_t lost;

	struct wait_queue_head wait;
	struct irq_work wake;
};

/**
 * ring_make_own() - make a ring in pages of its own
 * @name: its name, at most %LVBS_RING_NAME_MAX bytes
 * @mgr: who maps; its writes have to reach protected frames
 * @pages: number of pages
 * @mode: how to map it
 *
 * Context: May sleep.
 * Return: the ring, for ring_end() and lvbs_ring_put(); or ERR_PTR: -EINVAL for
 * no pages, else as ring_memory_own().
 */
struct lvbs_ring *ring_make_own(const char *name, struct vmap_manager *mgr,
				unsigned long pages, enum lvbs_ring_mode mode);

/**
 * ring_make_scattered() - make a ring in frames that somebody gives
 * @name: as for ring_make_own()
 * @mgr: as for ring_make_own()
 * @pfns: the frames, each once; copied
 * @nr: number of frames; the ring is all of them
 * @mode: how to map it
 *
 * Context: May sleep.
 * Return: as ring_make_own(), and ring_memory_given().
 */
struct lvbs_ring *ring_make_scattered(const char *name,
				      struct vmap_manager *mgr,
				      const unsigned long *pfns,
				      unsigned long nr,
				      enum lvbs_ring_mode mode);

/**
 * ring_make_at() - make a ring in contiguous memory that somebody gives
 * @name: as for ring_make_own()
 * @mgr: as for ring_make_own()
 * @pa: physical address of the first byte
 * @size: bytes
 * @mode: how to map it
 *
 * Context: May sleep.
 * Return: as ring_make_own() (-EINVAL for size 0), and ring_memory_given().
 */
struct lvbs_ring *ring_make_at(const char *name, struct vmap_manager *mgr,
			       phys_addr_t pa, size_t size,
			       enum lvbs_ring_mode mode);

/**
 * ring_end() - take a ring's memory away
 * @ring: the ring, which stays until the last lvbs_ring_put()
 *
 * Waits for accesses that are under way; later ones find that it has ended.
 *
 * Context: May sleep.
 */
void ring_end(struct lvbs_ring *ring);

/**
 * ring_write_tail() - write a record of which only the end is there
 * @ring: the ring
 * @tail: the last bytes of the record: all, or as many as the ring has room for
 * @len: length of the record
 *
 * Context: As lvbs_ring_write().
 * Return: as lvbs_ring_write().
 */
int ring_write_tail(struct lvbs_ring *ring, const void *tail, size_t len);

/**
 * ring_where() - where a ring's memory is, piece by piece
 * @ring: the ring
 * @i: number of the piece; they are in ring order
 * @first: its first frame
 * @nr: number of its frames
 *
 * Context: May sleep.
 * Return: true if there is such a piece.
 */
bool ring_where(struct lvbs_ring *ring, unsigned long i, unsigned long *first,
		unsigned long *nr);

/**
 * ring_base() - physical address of ring offset 0
 * @ring: the ring
 *
 * Context: May sleep.
 * Return: the address; 0 if the ring has ended.
 */
phys_addr_t ring_base(struct lvbs_ring *ring);

/**
 * ring_has_ended() - has the memory been taken away?
 * @ring: the ring
 *
 * Context: Any.
 * Return: true if it was; false may be stale at once.
 */
static inline bool ring_has_ended(const struct lvbs_ring *ring)
{
	return READ_ONCE(ring->ended);
}

#endif /* _LVBS_RING_H */
