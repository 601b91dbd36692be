// SPDX-License-Identifier: GPL-2.0
/*
 * Reading a ring: snapshots and followers. Both are the reader that the DOC:
 * ring memory format of lvbs/ring_buffer.h describes.
 */
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>

#include "ring/ring.h"

/* Where the byte at position @pos is; it is one of the last size bytes. */
static size_t ring_offset_of(const struct lvbs_ring_state *state, u64 pos)
{
	size_t back = state->total - pos;

	return state->offset >= back ? state->offset - back :
				       state->offset + (state->size - back);
}

/*
 * Copy @len bytes from position @pos on, which were there when @state was
 * taken. Returns 0 and the position before which they may be torn.
 */
static int reader_copy(struct lvbs_ring *ring,
		       const struct lvbs_ring_state *state, u64 pos, void *buf,
		       size_t len, u64 *torn_before)
{
	int err;

	lockdep_assert_held_read(&ring->gate);

	err = ring_memory_read(&ring->mem, ring_offset_of(state, pos), buf,
			       len);
	smp_rmb();	/* (A) at struct lvbs_ring; ring_store() has the rest */
	*torn_before = READ_ONCE(ring->oldest);
	return err;
}

/* A write under way may have given up more than has been written yet. */
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
	if (ring->ended)
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

	down_read(&ring->gate);
	len = snapshot_locked(ring, buf, start);
	up_read(&ring->gate);
	return len;
}
EXPORT_SYMBOL_GPL(lvbs_ring_snapshot);

void lvbs_ring_follow(struct lvbs_ring_follower *f, struct lvbs_ring *ring)
{
	struct lvbs_ring_state state;

	lvbs_ring_get_state(ring, &state);
	*f = (struct lvbs_ring_follower) {
		.ring = ring,
		.pos = state_oldest(&state),
	};
}
EXPORT_SYMBOL_GPL(lvbs_ring_follow);

/* Whoever waits looks at it meanwhile, and without a lock. */
static void follow_advance(struct lvbs_ring_follower *f, u64 n)
{
	WRITE_ONCE(f->pos, f->pos + n);
}

/* Account for bytes that are gone; returns how many there are. */
static u64 follow_gap(struct lvbs_ring_follower *f, u64 oldest)
{
	u64 gap = oldest > f->pos ? oldest - f->pos : 0;

	follow_advance(f, gap);
	f->lost += gap;
	return gap;
}

static ssize_t follow_locked(struct lvbs_ring_follower *f, void *buf,
			     size_t len, u64 *lost)
{
	struct lvbs_ring *ring = f->ring;
	struct lvbs_ring_state state;
	u64 torn_before;
	int err;

	if (ring->ended)
		return -ENOENT;

	lvbs_ring_get_state(ring, &state);
	*lost = follow_gap(f, state_oldest(&state));
	if (*lost)
		return 0;
	if (f->pos == state.total)
		return -EAGAIN;

	len = min_t(u64, len, state.total - f->pos);
	err = reader_copy(ring, &state, f->pos, buf, len, &torn_before);
	if (err)
		return err;

	/*
	 * A torn beginning makes a gap, and a gap is an answer by itself: what
	 * is behind it is read again, if it is still there by then. No further
	 * than to the total, as what is beyond has not been written yet.
	 */
	*lost = follow_gap(f, min(torn_before, state.total));
	if (*lost)
		return 0;
	follow_advance(f, len);
	return len;
}

ssize_t lvbs_ring_follow_read(struct lvbs_ring_follower *f, void *buf,
			      size_t len, u64 *lost)
{
	ssize_t n;

	*lost = 0;
	down_read(&f->ring->gate);
	n = follow_locked(f, buf, len, lost);
	up_read(&f->ring->gate);
	return n;
}
EXPORT_SYMBOL_GPL(lvbs_ring_follow_read);

bool lvbs_ring_follow_ready(const struct lvbs_ring_follower *f)
{
	struct lvbs_ring_state state;

	if (ring_has_ended(f->ring))
		return true;
	lvbs_ring_get_state(f->ring, &state);
	return READ_ONCE(f->pos) != state.total;
}
EXPORT_SYMBOL_GPL(lvbs_ring_follow_ready);

int lvbs_ring_follow_wait(const struct lvbs_ring_follower *f)
{
	return wait_event_interruptible(f->ring->wait,
					lvbs_ring_follow_ready(f));
}
EXPORT_SYMBOL_GPL(lvbs_ring_follow_wait);
