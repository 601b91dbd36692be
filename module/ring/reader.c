// SPDX-License-Identifier: GPL-2.0
/*
 * Snapshots and followers. Both read as "DOC: ring memory format" in
 * lvbs/ring_buffer.h describes.
 */
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>

#include "ring/ring.h"

/* Ring offset of position @pos, which is one of the last size bytes. */
static size_t ring_offset_of(const struct lvbs_ring_state *state, u64 pos)
{
	size_t back = state->total - pos;

	return state->offset >= back ? state->offset - back :
				       state->offset + (state->size - back);
}

/*
 * Copy @len bytes from position @pos, valid when @state was read. Bytes before
 * position @torn_before may have been overwritten during the copy.
 */
static int reader_copy(struct lvbs_ring *ring,
		       const struct lvbs_ring_state *state, u64 pos, void *buf,
		       size_t len, u64 *torn_before)
{
	int err;

	lockdep_assert_held_read(&ring->mem_lock);

	err = ring_memory_read(&ring->mem, ring_offset_of(state, pos), buf,
			       len);
	smp_rmb();	/* (A) in ring.h; pairs with ring_store() */
	*torn_before = atomic64_read(&ring->oldest);
	return err;
}

/* A write in progress may have raised oldest past the total. */
static u64 state_oldest(const struct lvbs_ring_state *state)
{
	return min(state->oldest, state->total);
}

static ssize_t snapshot_locked(struct lvbs_ring *ring, void *buf, size_t *start)
{
	struct lvbs_ring_state state;
	u64 oldest, torn_before;
	size_t len;
	int err;

	*start = 0;
	if (ring->dead)
		return -ENOENT;

	lvbs_ring_get_state(ring, &state);
	oldest = state_oldest(&state);
	len = state.total - oldest;
	if (!len)
		return 0;

	err = reader_copy(ring, &state, oldest, buf, len, &torn_before);
	if (err)
		return err;

	if (torn_before > oldest)
		*start = min_t(u64, torn_before - oldest, len);
	return len - *start;
}

ssize_t lvbs_ring_snapshot(struct lvbs_ring *ring, void *buf, size_t *start)
{
	ssize_t len;

	down_read(&ring->mem_lock);
	len = snapshot_locked(ring, buf, start);
	up_read(&ring->mem_lock);
	return len;
}
EXPORT_SYMBOL_GPL(lvbs_ring_snapshot);

void lvbs_ring_follow(struct lvbs_ring_follower *f, struct lvbs_ring *ring)
{
	struct lvbs_ring_state state;

	lvbs_ring_get_state(ring, &state);
	*f = (struct lvbs_ring_follower) { .ring = ring };
	atomic64_set(&f->pos, state_oldest(&state));
}
EXPORT_SYMBOL_GPL(lvbs_ring_follow);

/* Skip bytes that are lost; returns their number. */
static u64 follow_gap(struct lvbs_ring_follower *f, u64 oldest)
{
	u64 pos = atomic64_read(&f->pos);
	u64 gap = oldest > pos ? oldest - pos : 0;

	atomic64_set(&f->pos, pos + gap);
	f->lost += gap;
	return gap;
}

static ssize_t follow_locked(struct lvbs_ring_follower *f, void *buf,
			     size_t len, u64 *lost)
{
	struct lvbs_ring *ring = f->ring;
	struct lvbs_ring_state state;
	u64 pos, torn_before;
	int err;

	if (ring->dead)
		return -ENOENT;

	lvbs_ring_get_state(ring, &state);
	*lost = follow_gap(f, state_oldest(&state));
	if (*lost)
		return 0;
	pos = atomic64_read(&f->pos);
	if (pos == state.total)
		return -EAGAIN;

	len = min_t(u64, len, state.total - pos);
	err = reader_copy(ring, &state, pos, buf, len, &torn_before);
	if (err)
		return err;

	/*
	 * If the first bytes are torn, report a gap only: the next call reads
	 * the bytes after it, if they are still valid then. The gap ends at the
	 * total at most, because later bytes are not written yet.
	 */
	*lost = follow_gap(f, min(torn_before, state.total));
	if (*lost)
		return 0;
	atomic64_set(&f->pos, pos + len);
	return len;
}

ssize_t lvbs_ring_follow_read(struct lvbs_ring_follower *f, void *buf,
			      size_t len, u64 *lost)
{
	ssize_t n;

	*lost = 0;
	down_read(&f->ring->mem_lock);
	n = follow_locked(f, buf, len, lost);
	up_read(&f->ring->mem_lock);
	return n;
}
EXPORT_SYMBOL_GPL(lvbs_ring_follow_read);

bool lvbs_ring_follow_ready(const struct lvbs_ring_follower *f)
{
	struct lvbs_ring_state state;

	if (ring_is_dead(f->ring))
		return true;
	lvbs_ring_get_state(f->ring, &state);
	return atomic64_read(&f->pos) != state.total;
}
EXPORT_SYMBOL_GPL(lvbs_ring_follow_ready);

int lvbs_ring_follow_wait(const struct lvbs_ring_follower *f)
{
	return wait_event_interruptible(f->ring->wait,
					lvbs_ring_follow_ready(f));
}
EXPORT_SYMBOL_GPL(lvbs_ring_follow_wait);
