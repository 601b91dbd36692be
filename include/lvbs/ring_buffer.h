/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ring buffers in physical memory that another kernel can read.
 */
#ifndef _LVBS_RING_BUFFER_H
#define _LVBS_RING_BUFFER_H

#include <linux/atomic.h>
#include <linux/types.h>

/**
 * DOC: ring buffers
 *
 * Through a ring buffer VTL1 reports to VTL0 without being asked: it writes
 * records into memory that VTL0 can read. New bytes overwrite the oldest ones.
 * Writers neither wait for readers nor know about them.
 *
 * There are two modes. A ring *on demand* is mapped by a physical pointer for
 * each write and unmapped again; writing may sleep. A *persistent* ring is
 * mapped once; writing to it is a memcpy() and works in any context, NMI and
 * panic included. In these two a writer does not wait for the lock: if another
 * write is in progress, the record is lost and counted.
 *
 * Records are atomic: the bytes of two writes never mix. A write that fails
 * changes neither offset nor total. It is counted, and the oldest bytes that it
 * had overwritten before it failed are lost.
 *
 * The pages of a ring are protected until it is removed: ordinary physical
 * pointers can read them, but not write them.
 */

/**
 * DOC: ring memory format
 *
 * This is the complete specification for a reader that has only the memory and
 * the state of a ring, for example VTL0 on the other side of a hypervisor.
 *
 * **Memory.** Raw bytes only: no header, no record boundaries, no padding.
 * Writers that need boundaries write lines. Memory that was never written keeps
 * its previous contents (zeroes in pages that the ring allocated).
 *
 * **State.** Each write changes all fields except ``size``:
 *
 * ========== ==================================================================
 * ``size``   size of the memory in bytes
 * ``offset`` ring offset at which the next write begins, less than ``size``
 * ``total``  number of bytes written so far. The *position* of a byte is the
 *            total before it was written: the first byte ever has position 0,
 *            the newest byte has position total - 1
 * ``oldest`` position of the oldest valid byte
 * ========== ==================================================================
 *
 * The location of the memory is given by ``base``, the physical address of ring
 * offset 0, and ``pages``, the page frames in ring order. Ring offset x is byte
 * (base % page size + x) of these frames, concatenated.
 *
 * **A write** of len bytes stores them at ``offset`` and continues at ring
 * offset 0 when it reaches the end; ``offset`` becomes (offset + len) % size
 * and ``total`` grows by len. A write with len >= size is different: only its
 * last ``size`` bytes are stored, *from ring offset 0 on*, and ``offset``
 * becomes 0. ``total`` grows by len even then, so it also counts bytes that
 * were never stored, and ``offset`` is *not* total % size. Such a write leaves
 * no older byte in the ring.
 *
 * **Finding a byte.** Given offset and total of the same state, the byte at
 * position p, for max(0, total - size) <= p < total, is at ring offset
 *
 *	(offset - (total - p)) mod size
 *
 * In a ring that has filled up (total >= size) the oldest byte is therefore at
 * ``offset``; in one that has not, at 0.
 *
 * **Reading** from position p (start with ``oldest``):
 *
 * 1. read a consistent state: offset, total, oldest;
 * 2. if p < oldest, oldest - p bytes are lost; continue with p = oldest. If
 *    p >= total, there is nothing to read yet;
 * 3. copy the bytes from p to total - 1;
 * 4. read oldest again. Bytes before that position may have been overwritten
 *    during the copy and be half old, half new: discard them, they are lost as
 *    in step 2. The other bytes are valid;
 * 5. continue with p = the total of step 1.
 *
 * This is correct because a write first raises ``oldest`` past every byte that
 * it will overwrite, then copies, then publishes offset and total; a reader
 * does the same in the opposite order. While a write is in progress, ``oldest``
 * may thus be greater than total - size, and even than total. If it is certain
 * that no write is in progress, total - size of a later state can be used
 * instead of ``oldest``.
 *
 * A reader has been *lapped* if and only if its position is less than
 * ``oldest``.
 *
 * The snapshots and streams of this module are such readers.
 */

/**
 * DOC: ring streams
 *
 * ``ring/NAME/stream`` returns the bytes of a ring from the oldest on. A read()
 * waits for at least one byte, or fails with -EAGAIN if the file is
 * non-blocking; poll() is supported. The stream ends (0 bytes, EPOLLHUP) when
 * the ring is removed. Reading one stream does not consume bytes of another.
 *
 * A reader that was lapped finds this line in the stream, where the bytes are
 * missing:
 *
 *	``lvbs: lost N bytes``
 *
 * A read() that returns this line returns no other byte. So a program that
 * reads at least %LVBS_RING_NOTICE_MAX bytes at a time can tell the line from
 * data. /proc/PID/fdinfo/FD has ``lvbs_lost``, the number of bytes lost since
 * open(), and ``lvbs_pos``, the position of the next byte.
 */

/* Longest name of a ring, in bytes. */
#define LVBS_RING_NAME_MAX	32
/*
 * Most bytes that one write stores in a persistent ring, with interrupts
 * disabled. A ring of this size takes records of any length.
 */
#define LVBS_RING_STORE_MAX	1048576U
/* Longest loss notice of a stream, in bytes, newline included. */
#define LVBS_RING_NOTICE_MAX	40

/**
 * enum lvbs_ring_mode - how the memory of a ring is mapped
 * @LVBS_RING_ONDEMAND: for each write; writers may sleep
 * @LVBS_RING_PERSISTENT: once; writers may be in any context. A page-aligned
 *	ring is mapped twice in a row, so that each write is one copy. In other
 *	rings a write that wraps takes two
 */
enum lvbs_ring_mode {
	LVBS_RING_ONDEMAND,
	LVBS_RING_PERSISTENT,
};

struct lvbs_ring;

/**
 * struct lvbs_ring_state - state and statistics of a ring
 * @size: size of the memory in bytes
 * @offset: ring offset at which the next write begins
 * @total: number of bytes written so far
 * @oldest: position of the oldest valid byte
 * @wraps: how often the write offset reached the ring's end
 * @failed: number of writes that failed
 * @lost: number of records lost because another write was in progress
 * @mode: how the memory is mapped
 *
 * @offset, @total, @oldest and @wraps are consistent with each other; @failed
 * and @lost are read separately and may be newer.
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
 * lvbs_ring_new() - create a ring in newly allocated pages
 * @name: 1 to %LVBS_RING_NAME_MAX letters, digits, '_', '.' and '-'; not "new",
 *	"remove", "." or ".."
 * @pages: number of pages, not 0
 * @mode: how to map them
 *
 * Context: Process context; may sleep.
 * Return: 0 on success, or
 *
 * * -EINVAL: @name is malformed, or @pages is 0
 * * -EEXIST: @name is taken, or a page belongs to a ring that
 *   lvbs_ring_new_at() created
 * * -ENOMEM: out of memory or address space
 * * -ENXIO: an allocated page is not usable RAM, for example because its
 *   memory block is going offline
 * * -EPERM: an allocated page is owned by VTL1 (a carve-out that the kernel
 *   still allocates from)
 * * -EROFS: an allocated page is protected
 * * -EBUSY: an allocated page is mapped writable by a physical pointer or, for
 *   a persistent ring, range locked
 */
int lvbs_ring_new(const char *name, unsigned long pages,
		  enum lvbs_ring_mode mode);

/**
 * lvbs_ring_new_at() - create a ring in given memory
 * @name: as for lvbs_ring_new()
 * @pa: physical address of the first byte; any alignment
 * @size: size in bytes, not 0; any alignment
 * @mode: how to map the memory
 *
 * Page frames that the ring occupies in part are protected as a whole.
 *
 * Context: Process context; may sleep.
 * Return: 0 on success, or
 *
 * * -EINVAL: @name is malformed, or @size is 0
 * * -EEXIST: @name is taken, or a frame belongs to another ring
 * * -EOVERFLOW: the range wraps or exceeds the physical address width
 * * -ENXIO: a frame is not usable RAM
 * * -EPERM: a frame is owned by VTL1
 * * -EROFS: a frame is protected
 * * -EBUSY: a frame is mapped writable by a physical pointer or, for a
 *   persistent ring, range locked
 * * -ENOMEM: out of memory or address space
 */
int lvbs_ring_new_at(const char *name, phys_addr_t pa, size_t size,
		     enum lvbs_ring_mode mode);

/**
 * lvbs_ring_remove() - remove a ring
 * @name: its name
 *
 * Waits for accesses in progress. After it returned, the memory is neither
 * accessed nor protected, and functions given a remaining reference to the ring
 * fail with -ENOENT.
 *
 * Context: Process context; may sleep.
 * Return: 0; -ENOENT if there is no such ring; -EBUSY for the module's own ring
 * "log".
 */
int lvbs_ring_remove(const char *name);

/**
 * lvbs_ring_get() - look up a ring and take a reference
 * @name: its name
 *
 * Context: Process context; may sleep.
 * Return: the ring, to be released by lvbs_ring_put(); NULL if there is none.
 */
struct lvbs_ring *lvbs_ring_get(const char *name);

/**
 * lvbs_ring_put() - drop a reference to a ring
 * @ring: ring from lvbs_ring_get()
 *
 * Context: Process context; may sleep.
 */
void lvbs_ring_put(struct lvbs_ring *ring);

/**
 * lvbs_ring_write() - write one record
 * @ring: the ring
 * @buf: the record, in trusted memory
 * @len: its length; 0 succeeds without effect
 *
 * A persistent ring can be written in any context, NMI and panic included.
 * Interrupts are disabled while the record, or what fits into the ring, is
 * copied: so that may be %LVBS_RING_STORE_MAX bytes at most.
 *
 * Context: Process context; may sleep.
 * Return: 0; -ENOENT if the ring was removed; -EFAULT if the copy faulted;
 * -EINVAL if the record is too long for a persistent ring; -EBUSY if the record
 * was lost because another write was in progress (in an NMI or a panic only);
 * for a ring on demand also the errors of phys_write().
 */
int lvbs_ring_write(struct lvbs_ring *ring, const void *buf, size_t len);

/**
 * lvbs_ring_get_state() - read the state of a ring
 * @ring: the ring
 * @state: filled in
 *
 * Context: Any context except NMI.
 */
void lvbs_ring_get_state(struct lvbs_ring *ring, struct lvbs_ring_state *state);

/**
 * lvbs_ring_snapshot() - copy the contents of a ring, oldest byte first
 * @ring: the ring
 * @buf: destination, as large as the ring
 * @start: set to the offset of the first valid byte in @buf; bytes before it
 *	were overwritten during the copy
 *
 * Context: Process context; may sleep.
 * Return: number of valid bytes; -ENOENT if the ring was removed; -EFAULT if
 * the copy faulted; for a ring on demand also the errors of phys_read().
 */
ssize_t lvbs_ring_snapshot(struct lvbs_ring *ring, void *buf, size_t *start);

/**
 * struct lvbs_ring_follower - a reader that gets every byte written
 * @ring: the ring
 * @pos: position of the next byte to read
 * @lost: number of bytes lost so far
 *
 * The caller serialises the functions that take a follower, except that
 * lvbs_ring_follow_ready() and lvbs_ring_follow_wait() may run concurrently
 * with any of them. No teardown is needed.
 */
struct lvbs_ring_follower {
	struct lvbs_ring *ring;
	atomic64_t pos;
	u64 lost;
};

/**
 * lvbs_ring_follow() - follow a ring from its oldest byte on
 * @f: the follower to initialise
 * @ring: the ring; the caller keeps its reference while it uses @f
 *
 * Context: Any context except NMI.
 */
void lvbs_ring_follow(struct lvbs_ring_follower *f, struct lvbs_ring *ring);

/**
 * lvbs_ring_follow_read() - read the next bytes
 * @f: the follower
 * @buf: destination
 * @len: size of @buf, not 0
 * @lost: set to the number of bytes lost before the next byte. If it is not 0,
 *	no bytes are returned, and the next call continues after the gap
 *
 * Does not wait for bytes to be written.
 *
 * Context: Process context; may sleep.
 * Return: number of bytes read; -EAGAIN if there are none yet; -ENOENT if the
 * ring was removed; -EFAULT if the copy faulted; for a ring on demand also the
 * errors of phys_read().
 */
ssize_t lvbs_ring_follow_read(struct lvbs_ring_follower *f, void *buf,
			      size_t len, u64 *lost);

/**
 * lvbs_ring_follow_ready() - check for unread bytes
 * @f: the follower
 *
 * Context: Any context except NMI.
 * Return: true unless lvbs_ring_follow_read() would return -EAGAIN.
 */
bool lvbs_ring_follow_ready(const struct lvbs_ring_follower *f);

/**
 * lvbs_ring_follow_wait() - wait for unread bytes, or for the ring's removal
 * @f: the follower
 *
 * Context: Process context; may sleep.
 * Return: 0; -ERESTARTSYS if interrupted by a signal.
 */
int lvbs_ring_follow_wait(const struct lvbs_ring_follower *f);

#endif /* _LVBS_RING_BUFFER_H */
