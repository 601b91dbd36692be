/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ring buffers in physical memory that somebody else can read.
 */
#ifndef _LVBS_RING_BUFFER_H
#define _LVBS_RING_BUFFER_H

#include <linux/types.h>

/**
 * DOC: ring buffers
 *
 * A ring buffer is how VTL1 tells VTL0 something without being asked: it writes
 * records into memory that VTL0 can read. The newest bytes overwrite the
 * oldest. Writers do not wait for readers, and do not know of them.
 *
 * There are two kinds. A ring *on demand* is mapped by a physical pointer for
 * each write, and unmapped again; writing may sleep. A *persistent* ring is
 * mapped once; writing to it is a memcpy and works in any context: in
 * interrupts, in an NMI, in a panic. There it does not wait for a lock either:
 * if somebody else is writing at that very moment, the record is lost, and
 * counted.
 *
 * Records are atomic: the bytes of two writes never mix. A write that fails
 * leaves everything as if it had not been tried but for two things: it is
 * counted as failed, and those of the oldest bytes that it overwrote before it
 * failed are gone.
 *
 * While a ring lives, its pages are protected: ordinary physical pointers can
 * read but not write them.
 */

/**
 * DOC: ring memory format
 *
 * What follows is all that a reader needs who has nothing but the ring's memory
 * and its state, say in VTL0, on the other side of a hypervisor.
 *
 * **Memory.** Raw bytes, and nothing else: no header, no record boundaries, no
 * padding. Writers who want boundaries write lines. Memory that was never
 * written holds what it held before (zeroes in pages that the ring allocated).
 *
 * **State.** All but ``size`` change with each write:
 *
 * ========== ==================================================================
 * ``size``   bytes of memory
 * ``offset`` where in the memory the next write begins, below ``size``
 * ``total``  number of all bytes ever written. The *position* of a byte is the
 *            value that this had before it was written: the first byte ever has
 *            position 0, the newest one total - 1
 * ``oldest`` position of the oldest byte that can be relied on
 * ========== ==================================================================
 *
 * Further there is where the memory is: ``base``, the physical address of ring
 * offset 0, and ``pages``, the page frames in ring order. Ring offset x is byte
 * (base % page size + x) of these frames, laid end to end.
 *
 * **A write** of len bytes puts them at ``offset``, going on at ring offset 0
 * where it passes the end; ``offset`` becomes (offset + len) % size and
 * ``total`` grows by len. A write with len >= size is different: of it only the
 * last ``size`` bytes are stored, *from ring offset 0 on*, and ``offset``
 * becomes 0; ``total`` still grows by len, by bytes that were never stored too.
 * So ``offset`` is *not* total % size. It does not have to be, as such a write
 * leaves nothing of what was there before:
 *
 * **Finding a byte.** Given offset and total that belong together, the byte at
 * position p, for max(0, total - size) <= p < total, is at ring offset
 *
 *	(offset - (total - p)) mod size
 *
 * The oldest byte of a ring that has filled up (total >= size) is thus at
 * ``offset`` itself, and that of one that has not is at 0: up to then, offset
 * and total are the same.
 *
 * **Reading** what is there, from position p (start with ``oldest``):
 *
 * 1. read the state: offset, total, oldest, which belong together;
 * 2. if p < oldest, the bytes in between are lost: as many as oldest - p. Go on
 *    with p = oldest. If p >= total there is nothing to read now;
 * 3. copy the bytes from p to total - 1;
 * 4. read oldest again. Of what was copied, everything at a position less than
 *    that may have been overwritten during the copy, and be half old, half new:
 *    throw it away, it is lost as in step 2. The rest is good;
 * 5. go on with p = the total of step 1.
 *
 * This works because a write first raises ``oldest`` above every byte that it
 * is about to overwrite, then copies, then publishes offset and total; a reader
 * does the opposite. ``oldest`` may thus be greater than total - size, and for
 * a moment even than total: a write that is under way will overwrite that much.
 * Without ``oldest``, total - size of a later state is a bound for the same
 * purpose, but only if no write can be under way.
 *
 * A reader has been *lapped* iff its position is less than ``oldest``.
 *
 * The snapshot and the stream that this module offers are such readers.
 */

/**
 * DOC: ring streams
 *
 * ``ring/NAME/stream`` gives the bytes from the oldest on, as they come: a
 * read() waits for at least one (or fails with -EAGAIN if the file is
 * non-blocking), poll() tells when there are some. It ends (0 bytes, POLLHUP)
 * when the ring is removed. Two streams do not take bytes from each other.
 *
 * A reader that was lapped is told so in the stream itself, at the very place
 * where bytes are missing, by the line
 *
 *	``lvbs: lost N bytes``
 *
 * This line comes in reads of its own: none of them returns any other byte, so
 * that a program that asks for %LVBS_RING_NOTICE_MAX bytes or more can tell it
 * from data by position, and a person by looking. /proc/PID/fdinfo/FD has
 * ``lvbs_lost``, the sum over the life of the open file, and ``lvbs_pos``, the
 * position of the next byte.
 */

#define LVBS_RING_NAME_MAX	32
/* A loss notice, its newline included, has at most this many bytes. */
#define LVBS_RING_NOTICE_MAX	40

/**
 * enum lvbs_ring_mode - how a ring reaches its memory
 * @LVBS_RING_ONDEMAND: maps for each write; writers may sleep
 * @LVBS_RING_PERSISTENT: mapped while it lives; writers may be in any context.
 *	A ring that begins and ends at page boundaries is mapped twice in a row,
 *	so that each write is one copy; in others, one that wraps is two
 */
enum lvbs_ring_mode {
	LVBS_RING_ONDEMAND,
	LVBS_RING_PERSISTENT,
};

struct lvbs_ring;

/**
 * struct lvbs_ring_state - how things stand with a ring
 * @size: bytes of memory
 * @offset: where the next write begins
 * @total: bytes written ever
 * @oldest: position of the oldest byte that can be relied on
 * @wraps: how often the write offset came back to the start, or passed it
 * @failed: writes that failed
 * @lost: records that were given up because the lock was taken
 * @mode: how it is mapped
 *
 * The first six belong together; @failed and @lost may be a little ahead.
 */
struct lvbs_ring_state {
	size_t size;
	size_t offset;
	u64 total;
	u64 oldest;
	u64 wraps;
	u64 failed;
	u64 lost;
	enum lvbs_ring_mode mode;
};

/**
 * lvbs_ring_new() - make a ring in pages of its own
 * @name: its name: 1 to %LVBS_RING_NAME_MAX letters, digits, '_', '.' or '-';
 *	not "new", "remove", "." or ".."
 * @pages: number of pages, not 0
 * @mode: how to map it
 *
 * Context: May sleep.
 * Return: 0; -EINVAL for a bad name or no pages; -EEXIST if the name is taken;
 * -ENOMEM.
 */
int lvbs_ring_new(const char *name, unsigned long pages,
		  enum lvbs_ring_mode mode);

/**
 * lvbs_ring_new_at() - make a ring in memory that somebody gives
 * @name: as for lvbs_ring_new()
 * @pa: physical address of its first byte; need not be aligned
 * @size: bytes, not 0; need not be a multiple of anything
 * @mode: how to map it
 *
 * The page frames that the ring touches, with all that else is in them, are
 * protected.
 *
 * Context: May sleep.
 * Return: 0; -EINVAL for a bad name or size 0; -EEXIST if the name is taken or
 * the frames are, in part, those of another ring; -EOVERFLOW if the range wraps
 * or exceeds the physical address width; -ENXIO where there is no usable RAM;
 * -EPERM where it is owned by VTL1; -EROFS where it is protected; -EBUSY while
 * somebody has it mapped writable; -ENOMEM.
 */
int lvbs_ring_new_at(const char *name, phys_addr_t pa, size_t size,
		     enum lvbs_ring_mode mode);

/**
 * lvbs_ring_remove() - end a ring
 * @name: its name
 *
 * Waits for accesses that are under way. When it returned, nobody touches the
 * memory any more, and it is protected no more; those who still hold the ring
 * find that it has ended.
 *
 * Context: May sleep.
 * Return: 0; -ENOENT if there is no such ring; -EBUSY for the module's own.
 */
int lvbs_ring_remove(const char *name);

/**
 * lvbs_ring_get() - find a ring
 * @name: its name
 *
 * Context: May sleep.
 * Return: the ring, for lvbs_ring_put(), or NULL.
 */
struct lvbs_ring *lvbs_ring_get(const char *name);

/**
 * lvbs_ring_put() - let go of a ring
 * @ring: what lvbs_ring_get() gave
 *
 * Context: May sleep.
 */
void lvbs_ring_put(struct lvbs_ring *ring);

/**
 * lvbs_ring_write() - write one record
 * @ring: the ring
 * @buf: the record; trusted memory
 * @len: its length; 0 does nothing, and succeeds
 *
 * Context: Any for a persistent ring; else it may sleep.
 * Return: 0; -ENOENT if the ring has ended; -EFAULT if the memory went away;
 * -EBUSY if the record was lost because somebody was writing, which happens
 * in an NMI and during a panic only; for a ring on demand also what
 * phys_write() says.
 */
int lvbs_ring_write(struct lvbs_ring *ring, const void *buf, size_t len);

/**
 * lvbs_ring_get_state() - how things stand
 * @ring: the ring
 * @state: the answer
 *
 * Context: Any but NMI.
 */
void lvbs_ring_get_state(struct lvbs_ring *ring, struct lvbs_ring_state *state);

/**
 * lvbs_ring_snapshot() - copy what is there, oldest byte first
 * @ring: the ring
 * @buf: to where; as long as the ring
 * @start: where in @buf the good bytes begin: what was overwritten during the
 *	copy is in front of that
 *
 * Context: May sleep.
 * Return: the number of good bytes; -ENOENT if the ring has ended; -EFAULT; for
 * a ring on demand also what phys_read() says.
 */
ssize_t lvbs_ring_snapshot(struct lvbs_ring *ring, void *buf, size_t *start);

/**
 * struct lvbs_ring_follower - somebody who reads all that is written
 * @ring: what
 * @pos: position of the next byte to read
 * @lost: bytes missed so far
 *
 * One user at a time, but for lvbs_ring_follow_ready() and
 * lvbs_ring_follow_wait(): those may be called beside him. Nothing to end.
 */
struct lvbs_ring_follower {
	struct lvbs_ring *ring;
	u64 pos;
	u64 lost;
};

/**
 * lvbs_ring_follow() - begin to follow a ring, at its oldest byte
 * @f: the follower
 * @ring: the ring; the caller holds it while he uses @f
 *
 * Context: Any but NMI.
 */
void lvbs_ring_follow(struct lvbs_ring_follower *f, struct lvbs_ring *ring);

/**
 * lvbs_ring_follow_read() - read on
 * @f: the follower
 * @buf: to where
 * @len: at most so many bytes, not 0
 * @lost: how many bytes are missing here. Then, and only then, it is not 0, no
 *	bytes are returned, and the next call goes on behind the gap
 *
 * Context: May sleep, but does not wait for bytes.
 * Return: the number of bytes; -EAGAIN if there are no more for now; -ENOENT if
 * the ring has ended; -EFAULT; for a ring on demand also what phys_read() says.
 */
ssize_t lvbs_ring_follow_read(struct lvbs_ring_follower *f, void *buf,
			      size_t len, u64 *lost);

/**
 * lvbs_ring_follow_ready() - would lvbs_ring_follow_read() have an answer?
 * @f: the follower
 *
 * Context: Any but NMI.
 * Return: true unless it would say -EAGAIN.
 */
bool lvbs_ring_follow_ready(const struct lvbs_ring_follower *f);

/**
 * lvbs_ring_follow_wait() - wait until there is something to read
 * @f: the follower
 *
 * Context: Process context; sleeps.
 * Return: 0; -ERESTARTSYS for a signal.
 */
int lvbs_ring_follow_wait(const struct lvbs_ring_follower *f);

#endif /* _LVBS_RING_BUFFER_H */
