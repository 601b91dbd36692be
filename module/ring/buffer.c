// SPDX-License-Identifier: GPL-2.0
/*
 * Life cycle of a ring, and writers. The memory format is documented in
 * lvbs/ring_buffer.h, locks and barriers in ring/ring.h.
 */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/hardirq.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/panic.h>
#include <linux/pfn.h>
#include <linux/preempt.h>
#include <linux/slab.h>

#include "ring/ring.h"
#include "trace.h"

static bool ring_is_persistent(const struct lvbs_ring *ring)
{
	return ring->mem.shape.persistent;
}

static void ring_wake_sleepers(struct irq_work *work)
{
	struct lvbs_ring *ring = container_of(work, struct lvbs_ring, wake);

	wake_up_interruptible_all(&ring->wait);
}

/* Allocate a ring. The caller sets @mem->frames and calls ring_init(). */
struct lvbs_ring *ring_alloc(const char *name, struct vmap_manager *mgr)
{
	struct lvbs_ring *ring = kzalloc(sizeof(*ring), GFP_KERNEL);

	if (!ring)
		return ERR_PTR(-ENOMEM);

	scnprintf(ring->name, sizeof(ring->name), "%s", name);
	scnprintf(ring->owner, sizeof(ring->owner), "ring %s", ring->name);
	ring->mem.mgr = mgr;
	kref_init(&ring->ref);
	INIT_LIST_HEAD(&ring->node);
	init_rwsem(&ring->mem_lock);
	mutex_init(&ring->write_mutex);
	raw_spin_lock_init(&ring->write_lock);
	seqcount_init(&ring->seq);
	init_waitqueue_head(&ring->wait);
	init_irq_work(&ring->wake, ring_wake_sleepers);
	return ring;
}

/* Protect and map the frames. Frees @ring on error. */
struct lvbs_ring *ring_init(struct lvbs_ring *ring, unsigned int start,
			    size_t size, enum lvbs_ring_mode mode)
{
	int err;

	err = ring_memory_init(&ring->mem, start, size,
			       mode == LVBS_RING_PERSISTENT, ring->owner);
	if (err) {
		kfree(ring);
		return ERR_PTR(err);
	}
	return ring;
}

/*
 * Create a ring in pages of its own. Writes through @mgr bypass protection.
 * Undone by ring_shutdown() and lvbs_ring_put().
 */
struct lvbs_ring *ring_create(const char *name, struct vmap_manager *mgr,
			      unsigned long pages, enum lvbs_ring_mode mode)
{
	struct lvbs_ring *ring;
	int err;

	if (!pages)
		return ERR_PTR(-EINVAL);
	ring = ring_alloc(name, mgr);
	if (IS_ERR(ring))
		return ring;
	err = ring_memory_alloc(&ring->mem, pages);
	if (err) {
		kfree(ring);
		return ERR_PTR(err);
	}
	return ring_init(ring, 0, pages << PAGE_SHIFT, mode);
}

/* As ring_create(), in memory that the caller names. */
struct lvbs_ring *ring_create_at(const char *name, struct vmap_manager *mgr,
				 phys_addr_t pa, size_t size,
				 enum lvbs_ring_mode mode)
{
	struct lvbs_ring *ring;
	phys_addr_t last;

	if (!size)
		return ERR_PTR(-EINVAL);
	/* With PAE, PHYS_PFN() would truncate addresses that are too large. */
	if (check_add_overflow(pa, (phys_addr_t)size - 1, &last) ||
	    last >> PAGE_SHIFT > mgr->max_pfn)
		return ERR_PTR(-EOVERFLOW);
	/* Start plus size is a size_t. */
	if (size > SIZE_MAX - PAGE_SIZE)
		return ERR_PTR(-EOVERFLOW);

	ring = ring_alloc(name, mgr);
	if (IS_ERR(ring))
		return ring;
	ring->mem.frames.first = PHYS_PFN(pa);
	ring->mem.frames.nr = PHYS_PFN(last) - PHYS_PFN(pa) + 1;
	return ring_init(ring, offset_in_page(pa), size, mode);
}

/*
 * Wait for accesses in progress, then unmap and release the memory. Later
 * accesses fail with -ENOENT. @ring itself lives until the last
 * lvbs_ring_put().
 */
void ring_shutdown(struct lvbs_ring *ring)
{
	unsigned long flags;

	down_write(&ring->mem_lock);
	/* Writers hold one of the two, depending on the mode. */
	mutex_lock(&ring->write_mutex);
	raw_spin_lock_irqsave(&ring->write_lock, flags);
	WRITE_ONCE(ring->dead, true);
	raw_spin_unlock_irqrestore(&ring->write_lock, flags);
	mutex_unlock(&ring->write_mutex);

	ring_memory_drop(&ring->mem);
	up_write(&ring->mem_lock);

	wake_up_interruptible_all(&ring->wait);
}

static void ring_free(struct kref *ref)
{
	struct lvbs_ring *ring = container_of(ref, struct lvbs_ring, ref);

	irq_work_sync(&ring->wake);
	kfree(ring);
}

void lvbs_ring_put(struct lvbs_ring *ring)
{
	kref_put(&ring->ref, ring_free);
}
EXPORT_SYMBOL_GPL(lvbs_ring_put);

/* Extents are in ring order. Returns false after the last one. */
bool ring_get_extent(struct lvbs_ring *ring, unsigned long i,
		     unsigned long *first, unsigned long *nr)
{
	bool found;

	down_read(&ring->mem_lock);
	found = i < ring->mem.nr_extents;
	if (found) {
		*first = ring->mem.extent[i].first;
		*nr = ring->mem.extent[i].nr;
	}
	up_read(&ring->mem_lock);
	return found;
}

/* Physical address of ring offset 0; 0 after ring_shutdown(). */
phys_addr_t ring_base(struct lvbs_ring *ring)
{
	unsigned long first, nr;

	if (!ring_get_extent(ring, 0, &first, &nr))
		return 0;
	return PFN_PHYS(first) + ring->mem.shape.start;
}

static void ring_wake(struct lvbs_ring *ring)
{
	/* Its smp_mb() is the one in ring.h. */
	if (wq_has_sleeper(&ring->wait))
		irq_work_queue(&ring->wake);
}

static void ring_assert_writer(const struct lvbs_ring *ring)
{
	if (ring_is_persistent(ring))
		lockdep_assert_held(&ring->write_lock);
	else
		lockdep_assert_held(&ring->write_mutex);
}

/* Interrupts are disabled: readers, there too, spin on an odd sequence count. */
static __always_inline void ring_publish(struct lvbs_ring *ring,
					 const struct ring_place *place,
					 size_t len)
{
	/* Raw: lockdep does not support writers in an NMI. */
	raw_write_seqcount_begin(&ring->seq);
	ring->offset = place->next;
	ring->total += len;
	ring->wraps += place->wraps;
	raw_write_seqcount_end(&ring->seq);
}

/*
 * A write failed after storing @done bytes. One that began at the write offset
 * has overwritten the oldest bytes. One longer than the ring began at ring
 * offset 0, in the middle of the valid bytes: drop them all.
 */
static u64 ring_oldest_after_failure(const struct lvbs_ring *ring,
				     const struct ring_place *place, u64 oldest,
				     size_t done)
{
	size_t size = ring->mem.shape.size;

	if (!done)
		return oldest;
	if (place->at != ring->offset)
		return ring->total;
	return ring->total + done > size ?
	       max(oldest, ring->total + done - size) : oldest;
}

/* The copy of ring_store(); the same path as that of ring_span_init(). */
static __always_inline int store_bytes(struct lvbs_ring *ring,
				       const struct ring_place *place,
				       const void *tail, enum ring_path *path,
				       size_t *done, bool persistent)
{
	const struct ring_memory *mem = &ring->mem;

	if (!persistent || !ring_is_contiguous(&mem->shape, place->at, place->len))
		return ring_memory_write(mem, place->at, tail, place->len, path,
					 done);
	*path = RING_PATH_PERSISTENT;
	return ring_memory_write_mapped(mem, mem->shape.start + place->at, tail,
					place->len, done);
}

static __always_inline int ring_store(struct lvbs_ring *ring, const void *tail,
				      size_t len, enum ring_path *path,
				      bool persistent)
{
	size_t size = ring->mem.shape.size, done;
	u64 oldest = atomic64_read(&ring->oldest);
	struct ring_place place;
	unsigned long flags;
	int err;

	ring_assert_writer(ring);

	place = ring_place_write(size, ring->offset, len);

	if (ring->total + len > size)
		atomic64_set(&ring->oldest,
			     max(oldest, ring->total + len - size));
	smp_wmb();	/* (A) in ring.h; pairs with reader_copy() */

	err = store_bytes(ring, &place, tail, path, &done, persistent);
	if (unlikely(err)) {
		atomic64_set(&ring->oldest,
			     ring_oldest_after_failure(ring, &place, oldest,
						       done));
		return err;
	}
	if (persistent) {
		ring_publish(ring, &place, len);
		return 0;
	}
	local_irq_save(flags);
	ring_publish(ring, &place, len);
	local_irq_restore(flags);
	return 0;
}

static int ring_write_on_demand(struct lvbs_ring *ring, const void *tail,
				size_t len, enum ring_path *path)
{
	int err;

	mutex_lock(&ring->write_mutex);
	err = ring->dead ? -ENOENT :
			   ring_store(ring, tail, len, path, false);
	mutex_unlock(&ring->write_mutex);
	return err;
}

/*
 * Never wait for @write_lock in an NMI, which may have interrupted the holder,
 * or in a panic, which may have stopped it. Modules cannot read panic_cpu, but
 * panic() and oopses set oops_in_progress.
 */
static bool may_spin(void)
{
	return !in_nmi() && !READ_ONCE(oops_in_progress);
}

static __always_inline int ring_store_locked(struct lvbs_ring *ring,
					     const void *tail, size_t len,
					     enum ring_path *path)
{
	int err;

	if (READ_ONCE(ring->writing))
		return -EBUSY;

	WRITE_ONCE(ring->writing, true);
	barrier();	/* against an NMI on this CPU */
	err = ring->dead ? -ENOENT : ring_store(ring, tail, len, path, true);
	barrier();	/* against an NMI on this CPU */
	WRITE_ONCE(ring->writing, false);
	return err;
}

static int ring_write_spin(struct lvbs_ring *ring, const void *tail,
			   size_t len, enum ring_path *path)
{
	unsigned long flags;
	int err;

	raw_spin_lock_irqsave(&ring->write_lock, flags);
	err = ring_store_locked(ring, tail, len, path);
	raw_spin_unlock_irqrestore(&ring->write_lock, flags);
	return err;
}

static int ring_write_trylock(struct lvbs_ring *ring, const void *tail,
			      size_t len, enum ring_path *path)
{
	unsigned long flags;
	int err;

	/* Without SMP, spinlock debugging reports a trylock of a held lock. */
	if (READ_ONCE(ring->writing))
		return -EBUSY;

	local_irq_save(flags);
	if (raw_spin_trylock(&ring->write_lock)) {
		err = ring_store_locked(ring, tail, len, path);
		raw_spin_unlock(&ring->write_lock);
	} else {
		err = -EBUSY;
	}
	local_irq_restore(flags);
	return err;
}

static int ring_write_persistent(struct lvbs_ring *ring, const void *tail,
				 size_t len, enum ring_path *path)
{
	int err;

	if (may_spin())
		err = ring_write_spin(ring, tail, len, path);
	else
		err = ring_write_trylock(ring, tail, len, path);
	if (err == -EBUSY)
		atomic_long_inc(&ring->lost);
	return err;
}

/*
 * lvbs_ring_write() of a record of @len bytes, given only its last bytes: all
 * of them, or as many as the ring holds.
 */
int ring_write_tail(struct lvbs_ring *ring, const void *tail, size_t len)
{
	enum ring_path path = RING_PATH_NONE;
	int err;

	if (!len)
		return ring_is_dead(ring) ? -ENOENT : 0;

	if (ring_is_persistent(ring))
		err = min(len, ring->mem.shape.size) > LVBS_RING_STORE_MAX ?
		      -EINVAL : ring_write_persistent(ring, tail, len, &path);
	else
		err = ring_write_on_demand(ring, tail, len, &path);

	if (!err)
		ring_wake(ring);
	else if (err != -ENOENT && path != RING_PATH_NONE)
		atomic_long_inc(&ring->failed);
	if (trace_ring_write_enabled())
		trace_ring_write(ring->name, len, ring_path_name(path), err);
	return err;
}

int lvbs_ring_write(struct lvbs_ring *ring, const void *buf, size_t len)
{
	size_t size = ring->mem.shape.size;

	return ring_write_tail(ring, buf + (len > size ? len - size : 0), len);
}
EXPORT_SYMBOL_GPL(lvbs_ring_write);

void lvbs_ring_get_state(struct lvbs_ring *ring, struct lvbs_ring_state *state)
{
	unsigned int seq;

	*state = (struct lvbs_ring_state) {
		.size = ring->mem.shape.size,
		.mode = ring_is_persistent(ring) ? LVBS_RING_PERSISTENT :
						   LVBS_RING_ONDEMAND,
	};
	do {
		seq = raw_read_seqcount_begin(&ring->seq);
		state->offset = ring->offset;
		state->total = ring->total;
		state->wraps = ring->wraps;
		state->oldest = atomic64_read(&ring->oldest);
	} while (read_seqcount_retry(&ring->seq, seq));
	state->failed = atomic_long_read(&ring->failed);
	state->lost = atomic_long_read(&ring->lost);
}
EXPORT_SYMBOL_GPL(lvbs_ring_get_state);
