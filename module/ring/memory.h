/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where a ring's bytes are: pages that it owns or was given, protected while
 * the ring lives, reached on demand or through a lasting mapping.
 */
#ifndef _LVBS_RING_MEMORY_H
#define _LVBS_RING_MEMORY_H

#include <lvbs/vmap_manager.h>

#include "ring/span.h"

/**
 * struct ring_extent - contiguous frames of a ring
 * @first: the first of them
 * @nr: how many
 * @prot: their protection
 * @mapped: the claim of the lasting mapping on them
 */
struct ring_extent {
	unsigned long first;
	unsigned long nr;
	struct phys_protection prot;
	struct phys_claim mapped;
};

/**
 * struct ring_memory - the memory of a ring
 * @mgr: who maps it
 * @shape: what ring_span.h needs to know of it
 * @frames: its frames, in ring order
 * @own: the pages were allocated for the ring, and @frames.pfns with them
 * @extent: the same frames as contiguous pieces, in ring order
 * @nr_extents: number of pieces
 * @nr_protected: so many of them, from the first on, are protected
 * @nr_claimed: so many of them are claimed by the lasting mapping
 * @map: the lasting mapping of a persistent ring; a ring of whole pages stands
 *	there twice in a row
 *
 * ring_memory_drop() takes every stage from all zeroes to a complete one.
 * Unchanged from making to dropping, so there is nothing to lock; @shape stays
 * even then.
 */
struct ring_memory {
	struct vmap_manager *mgr;
	struct ring_shape shape;
	struct phys_frames frames;
	bool own;
	struct ring_extent *extent;
	unsigned long nr_extents;
	unsigned long nr_protected;
	unsigned long nr_claimed;
	struct phys_map map;
};

/**
 * ring_memory_given() - let a ring use frames that others name
 * @mem: all zeroes
 * @mgr: who maps them; its writes have to reach protected frames
 * @frames: the frames; copied, if scattered
 * @start: where the ring begins in the first of them
 * @size: size of the ring, not 0; it just fits into @frames
 * @persistent: map it for good
 * @owner: who protects it, for people; lives as long as @mem
 *
 * Context: May sleep.
 * Return: 0; -EOVERFLOW, -ENXIO, -EPERM, -EROFS, -EEXIST or -EBUSY as
 * phys_protect_exclusive(); -EBUSY also if somebody holds a range lock on memory that
 * is to be mapped for good; -ENOMEM. On error there is nothing to drop.
 */
int ring_memory_given(struct ring_memory *mem, struct vmap_manager *mgr,
		      const struct phys_frames *frames, unsigned int start,
		      size_t size, bool persistent, const char *owner);

/**
 * ring_memory_own() - allocate pages for a ring
 * @mem: all zeroes
 * @mgr: as for ring_memory_given()
 * @nr: number of pages, not 0
 * @persistent: as for ring_memory_given()
 * @owner: as for ring_memory_given()
 *
 * The pages are filled with zeroes, and ascend, but need not be contiguous.
 *
 * Context: May sleep.
 * Return: as ring_memory_given().
 */
int ring_memory_own(struct ring_memory *mem, struct vmap_manager *mgr,
		    unsigned long nr, bool persistent, const char *owner);

/**
 * ring_memory_drop() - unmap, unprotect and free
 * @mem: the memory; its shape stays, and nothing else
 *
 * Context: May sleep.
 */
void ring_memory_drop(struct ring_memory *mem);

/**
 * ring_memory_write() - copy into the ring
 * @mem: the memory
 * @at: ring offset of the first byte, less than the ring's size
 * @src: what
 * @len: number of bytes, not 0, at most the ring's size
 * @path: how it went, as ring_span_write() says
 * @done: how much of it arrived; exact also on error
 *
 * Context: Any for a persistent ring, where nothing is allocated and no lock
 * taken; else it may sleep.
 * Return: 0; -EFAULT; for a ring that is mapped on demand also what
 * phys_write() says.
 */
int ring_memory_write(const struct ring_memory *mem, size_t at,
		      const void *src, size_t len, enum ring_path *path,
		      size_t *done);

/**
 * ring_memory_read() - copy out of the ring
 * @mem: the memory
 * @at: ring offset of the first byte, less than the ring's size
 * @dst: to where
 * @len: number of bytes, at most the ring's size
 *
 * Context: As ring_memory_write().
 * Return: 0; -EFAULT; for a ring that is mapped on demand also what
 * phys_read() says.
 */
int ring_memory_read(const struct ring_memory *mem, size_t at, void *dst,
		     size_t len);

#endif /* _LVBS_RING_MEMORY_H */
