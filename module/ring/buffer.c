// SPDX-License-Identifier: GPL-2.0
/*
 * The ring: its life, and writing to it. What it keeps is documented in
 * lvbs/ring_buffer.h, how readers and writers get along in ring.h.
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

static struct lvbs_ring *ring_alloc(const char *name)
{
	struct lvbs_ring *ring = kzalloc(sizeof(*ring), GFP_KERNEL);

	if (!ring)
		return ERR_PTR(-ENOMEM);

	scnprintf(ring->name, sizeof(ring->name), "%s", name);
	scnprintf(ring->owner, sizeof(ring->owner), "ring %s", ring->name);
	kref_init(&ring->ref);
	INIT_LIST_HEAD(&ring->node);
	init_rwsem(&ring->gate);
	mutex_init(&ring->turn);
	raw_spin_lock_init(&ring->lock);
	seqcount_init(&ring->seq);
	init_waitqueue_head(&ring->wait);
	init_irq_work(&ring->wake, ring_wake_sleepers);
	return ring;
}

static struct lvbs_ring *ring_if(struct lvbs_ring *ring, int err)
{
	if (!err)
		return ring;
	kfree(ring);
	return ERR_PTR(err);
}

struct lvbs_ring *ring_make_own(const char *name, struct vmap_manager *mgr,
				unsigned long pages, enum lvbs_ring_mode mode)
{
	struct lvbs_ring *ring;

	if (!pages)
		return ERR_PTR(-EINVAL);
	ring = ring_alloc(name);
	if (IS_ERR(ring))
		return ring;
	return ring_if(ring, ring_memory_own(&ring->mem, mgr, pages,
					     mode == LVBS_RING_PERSISTENT,
					     ring->owner));
}

struct lvbs_ring *ring_make_scattered(const char *name,
				      struct vmap_manager *mgr,
				      const unsigned long *pfns,
				      unsigned long nr,
				      enum lvbs_ring_mode mode)
{
	struct phys_frames frames = { .pfns = pfns, .nr = nr };
	struct lvbs_ring *ring;

	if (!nr)
		return ERR_PTR(-EINVAL);
	ring = ring_alloc(name);
	if (IS_ERR(ring))
		return ring;
	return ring_if(ring, ring_memory_given(&ring->mem, mgr, &frames, 0,
					       nr << PAGE_SHIFT,
					       mode == LVBS_RING_PERSISTENT,
					       ring->owner));
}

struct lvbs_ring *ring_make_at(const char *name, struct vmap_manager *mgr,
			       phys_addr_t pa, size_t size,
			       enum lvbs_ring_mode mode)
{
	struct phys_frames frames = { .first = PHYS_PFN(pa) };
	struct lvbs_ring *ring;
	phys_addr_t last;

	if (!size)
		return ERR_PTR(-EINVAL);
	/* PHYS_PFN() would cut off what PAE's addresses have beyond a long. */
	if (check_add_overflow(pa, (phys_addr_t)size - 1, &last) ||
	    last >> PAGE_SHIFT > mgr->max_pfn)
		return ERR_PTR(-EOVERFLOW);
	/* Positions, counted from the first page's start, are a size_t. */
	if (size > SIZE_MAX - PAGE_SIZE)
		return ERR_PTR(-EOVERFLOW);
	frames.nr = PHYS_PFN(last) - frames.first + 1;

	ring = ring_alloc(name);
	if (IS_ERR(ring))
		return ring;
	return ring_if(ring, ring_memory_given(&ring->mem, mgr, &frames,
					       offset_in_page(pa), size,
					       mode == LVBS_RING_PERSISTENT,
					       ring->owner));
}

void ring_end(struct lvbs_ring *ring)
{
	unsigned long flags;

	down_write(&ring->gate);
	/* Both, as only one of them is the writers'. */
	mutex_lock(&ring->turn);
	raw_spin_lock_irqsave(&ring->lock, flags);
	WRITE_ONCE(ring->ended, true);
	raw_spin_unlock_irqrestore(&ring->lock, flags);
	mutex_unlock(&ring->turn);

	ring_memory_drop(&ring->mem);
	up_write(&ring->gate);

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

bool ring_where(struct lvbs_ring *ring, unsigned long i, unsigned long *first,
		unsigned long *nr)
{
	bool found;

	down_read(&ring->gate);
	found = i < ring->mem.nr_extents;
	if (found) {
		*first = ring->mem.extent[i].first;
		*nr = ring->mem.extent[i].nr;
	}
	up_read(&ring->gate);
	return found;
}

phys_addr_t ring_base(struct lvbs_ring *ring)
{
	unsigned long first, nr;

	if (!ring_where(ring, 0, &first, &nr))
		return 0;
	return PFN_PHYS(first) + ring->mem.shape.start;
}

static void ring_wake(struct lvbs_ring *ring)
{
	/* The barrier in here is the one drawn at the struct. */
	if (wq_has_sleeper(&ring->wait))
		irq_work_queue(&ring->wake);
}

static void ring_assert_writer(const struct lvbs_ring *ring)
{
	if (ring_is_persistent(ring))
		lockdep_assert_held(&ring->lock);
	else
		lockdep_assert_held(&ring->turn);
}

static void ring_publish(struct lvbs_ring *ring,
			 const struct ring_place *place, size_t len)
{
	/* Readers spin until this is through: no going to sleep in here. */
	preempt_disable();
	/* Raw: lockdep does not know of writers in an NMI. */
	raw_write_seqcount_begin(&ring->seq);
	ring->offset = place->next;
	ring->total += len;
	ring->wraps += place->wraps;
	raw_write_seqcount_end(&ring->seq);
	preempt_enable();
}

/*
 * A write failed after it had put @done bytes there. Only bytes that it
 * overwrote are lost: the oldest ones, or, where it began at ring offset 0
 * instead of at the write offset, some in the middle, and then nothing is
 * left that reaches from an oldest to a newest byte.
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

static int ring_store(struct lvbs_ring *ring, const void *tail, size_t len,
		      enum ring_path *path)
{
	size_t size = ring->mem.shape.size, done;
	u64 oldest = ring->oldest;
	struct ring_place place;
	int err;

	ring_assert_writer(ring);

	place = ring_place_write(size, ring->offset, len);

	if (ring->total + len > size)
		WRITE_ONCE(ring->oldest, max(oldest, ring->total + len - size));
	smp_wmb();	/* (A) at the struct; reader_copy() has the other half */

	err = ring_memory_write(&ring->mem, place.at, tail, place.len, path,
				&done);
	if (err) {
		WRITE_ONCE(ring->oldest,
			   ring_oldest_after_failure(ring, &place, oldest,
						     done));
		return err;
	}
	ring_publish(ring, &place, len);
	return 0;
}

static int ring_write_on_demand(struct lvbs_ring *ring, const void *tail,
				size_t len, enum ring_path *path)
{
	int err;

	mutex_lock(&ring->turn);
	err = ring->ended ? -ENOENT : ring_store(ring, tail, len, path);
	mutex_unlock(&ring->turn);
	return err;
}

/*
 * Whoever holds the lock may be what this NMI interrupted, or a CPU that the
 * panic has stopped. panic() itself is not to be asked by a module, but it, and
 * an oops, says so here.
 */
static bool may_not_wait(void)
{
	return in_nmi() || READ_ONCE(oops_in_progress);
}

static int ring_store_alone(struct lvbs_ring *ring, const void *tail,
			    size_t len, enum ring_path *path)
{
	int err;

	if (READ_ONCE(ring->writing))
		return -EBUSY;

	WRITE_ONCE(ring->writing, true);
	barrier();	/* against an NMI on this very CPU */
	err = ring->ended ? -ENOENT : ring_store(ring, tail, len, path);
	barrier();	/* as above */
	WRITE_ONCE(ring->writing, false);
	return err;
}

static int ring_write_waiting(struct lvbs_ring *ring, const void *tail,
			      size_t len, enum ring_path *path)
{
	unsigned long flags;
	int err;

	raw_spin_lock_irqsave(&ring->lock, flags);
	err = ring_store_alone(ring, tail, len, path);
	raw_spin_unlock_irqrestore(&ring->lock, flags);
	return err;
}

static int ring_write_trying(struct lvbs_ring *ring, const void *tail,
			     size_t len, enum ring_path *path)
{
	unsigned long flags;
	int err;

	/* Without SMP, to try a lock that is taken is a bug to the debugger. */
	if (READ_ONCE(ring->writing))
		return -EBUSY;

	local_irq_save(flags);
	if (raw_spin_trylock(&ring->lock)) {
		err = ring_store_alone(ring, tail, len, path);
		raw_spin_unlock(&ring->lock);
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

	if (may_not_wait())
		err = ring_write_trying(ring, tail, len, path);
	else
		err = ring_write_waiting(ring, tail, len, path);
	if (err == -EBUSY)
		atomic_long_inc(&ring->lost);
	return err;
}

int ring_write_tail(struct lvbs_ring *ring, const void *tail, size_t len)
{
	enum ring_path path = RING_PATH_NONE;
	int err;

	if (!len)
		return ring_has_ended(ring) ? -ENOENT : 0;

	if (ring_is_persistent(ring))
		err = ring_write_persistent(ring, tail, len, &path);
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
		state->oldest = READ_ONCE(ring->oldest);
	} while (read_seqcount_retry(&ring->seq, seq));
	state->failed = atomic_long_read(&ring->failed);
	state->lost = atomic_long_read(&ring->lost);
}
EXPORT_SYMBOL_GPL(lvbs_ring_get_state);
