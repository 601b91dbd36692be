// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of a ring.
 *
 * Rings write through the privileged manager, which bypasses protection. So
 * protect the frames first, and with phys_protect_exclusive(): it refuses
 * frames that are already protected, so that a ring cannot be placed over
 * kernel text.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>

#include <lvbs/phys_ptr.h>

#include "phys/phys.h"
#include "ring/ring.h"
#include "trace.h"

/* Rather fail than invoke the OOM killer. */
#define RING_PAGE_GFP	(GFP_KERNEL | __GFP_ZERO | __GFP_NORETRY | __GFP_NOWARN)

static bool frames_adjoin(const struct phys_frames *frames, unsigned long i)
{
	return phys_frame(frames, i) == phys_frame(frames, i - 1) + 1;
}

static int memory_find_extents(struct ring_memory *mem, const char *owner)
{
	const struct phys_frames *frames = &mem->frames;
	struct ring_extent *extent;
	unsigned long nr = 1, i;

	/* Without a list the frames are contiguous. */
	for (i = 1; frames->pfns && i < frames->nr; i++)
		nr += !frames_adjoin(frames, i);

	mem->extent = kvcalloc(nr, sizeof(*mem->extent), GFP_KERNEL);
	if (!mem->extent)
		return -ENOMEM;
	mem->nr_extents = nr;

	extent = mem->extent;
	extent->first = phys_frame(frames, 0);
	extent->nr = frames->pfns ? 1 : frames->nr;
	extent->prot.owner = owner;
	for (i = 1; frames->pfns && i < frames->nr; i++) {
		if (!frames_adjoin(frames, i)) {
			extent++;
			extent->first = frames->pfns[i];
			extent->prot.owner = owner;
		}
		extent->nr++;
	}
	return 0;
}

static int memory_protect(struct ring_memory *mem)
{
	while (mem->nr_protected < mem->nr_extents) {
		struct ring_extent *extent = &mem->extent[mem->nr_protected];
		int err;

		extent->prot.claim.own = mem->own;
		err = phys_protect_exclusive(mem->mgr, &extent->prot,
					     extent->first, extent->nr);
		if (err)
			return err;
		mem->nr_protected++;
	}
	return 0;
}

/* A persistent mapping conflicts with range locks like any writer's. */
static int memory_claim(struct ring_memory *mem)
{
	while (mem->nr_claimed < mem->nr_extents) {
		struct ring_extent *extent = &mem->extent[mem->nr_claimed];
		struct phys_frames frames = {
			.first = extent->first,
			.nr = extent->nr,
		};
		int err;

		extent->claim.kind = mem->mgr->write_kind;
		extent->claim.holder = NULL;
		err = phys_claim_add(mem->mgr->claims, &extent->claim, &frames);
		if (err)
			return err;
		mem->nr_claimed++;
		/* Protected frames can have gone offline; claimed ones cannot. */
		err = mem->mgr->ops->validate_unowned(mem->mgr, &frames);
		if (err)
			return err;
	}
	return 0;
}

static int memory_map(struct ring_memory *mem)
{
	unsigned long times = ring_is_page_aligned(&mem->shape) ? 2 : 1;
	unsigned long nr = mem->frames.nr, i;
	struct phys_frames listed = {};
	unsigned long *pfns;
	int err;

	err = memory_claim(mem);
	if (err)
		return err;

	/* vmap() would refuse; do not allocate a list for it. */
	if (nr > totalram_pages())
		return -ENOMEM;
	pfns = kvmalloc_array(nr, times * sizeof(*pfns),
			      GFP_KERNEL | __GFP_NOWARN);
	if (!pfns)
		return -ENOMEM;
	for (i = 0; i < times * nr; i++)
		pfns[i] = phys_frame(&mem->frames, i % nr);
	listed.pfns = pfns;
	listed.nr = times * nr;

	err = mem->mgr->ops->vmap(mem->mgr, &listed, PHYS_MAP_WRITE,
				  &mem->map);
	if (!err) {
		phys_stat_add(mem->mgr->stats, PHYS_STAT_MAPS, 1);
		trace_phys_map(&listed, true);
	}
	kvfree(pfns);
	return err;
}

/*
 * Protect and map @mem->frames, which are set together with @mem->mgr, and
 * which the ring just fits into. @owner lives as long as @mem. On error @mem is
 * dropped, its frames included.
 *
 * Return: 0; an errno of phys_protect_exclusive(); -EBUSY if memory to be mapped
 * persistently is range locked; -ENOMEM.
 */
int ring_memory_init(struct ring_memory *mem, unsigned int start, size_t size,
		     bool persistent, const char *owner)
{
	int err;

	mem->shape = (struct ring_shape) {
		.start = start,
		.size = size,
		.page_shift = PAGE_SHIFT,
		.persistent = persistent,
	};

	err = memory_find_extents(mem, owner);
	if (!err)
		err = memory_protect(mem);
	if (!err && persistent)
		err = memory_map(mem);
	if (err)
		ring_memory_drop(mem);
	return err;
}

static int pfn_cmp(const void *a, const void *b)
{
	unsigned long pa = *(const unsigned long *)a;
	unsigned long pb = *(const unsigned long *)b;

	return pa < pb ? -1 : pa > pb;
}

/* Allocate zeroed pages, not necessarily contiguous, for @mem->frames. */
int ring_memory_alloc(struct ring_memory *mem, unsigned long nr)
{
	unsigned long *pfns;

	if (nr > totalram_pages())
		return -ENOMEM;

	pfns = kvmalloc_array(nr, sizeof(*pfns), GFP_KERNEL | __GFP_NOWARN);
	if (!pfns)
		return -ENOMEM;
	mem->own = true;
	mem->frames.pfns = pfns;
	while (mem->frames.nr < nr) {
		struct page *page = alloc_page(RING_PAGE_GFP);

		if (!page) {
			ring_memory_drop(mem);
			return -ENOMEM;
		}
		pfns[mem->frames.nr++] = page_to_pfn(page);
		cond_resched();
	}
	/* Longer extents: fewer claims, and fewer ranges in ring/NAME/state. */
	sort(pfns, nr, sizeof(*pfns), pfn_cmp, NULL);
	return 0;
}

/* Returns false if the frames are still mapped and must not be freed. */
static bool memory_unmap(struct ring_memory *mem)
{
	if (!mem->map.nr)
		return true;

	if (mem->mgr->ops->vunmap(mem->mgr, &mem->map)) {
		phys_stat_add(mem->mgr->stats, PHYS_STAT_LEAKED, 1);
		return false;
	}
	phys_stat_add(mem->mgr->stats, PHYS_STAT_UNMAPS, 1);
	return true;
}

void ring_memory_drop(struct ring_memory *mem)
{
	bool unmapped = memory_unmap(mem);

	while (mem->nr_claimed)
		phys_claim_del(mem->mgr->claims,
			       &mem->extent[--mem->nr_claimed].claim);
	while (mem->nr_protected)
		phys_unprotect(mem->mgr,
			       &mem->extent[--mem->nr_protected].prot);

	/* If the mapping leaked, its pages leak with it. */
	while (mem->own && unmapped && mem->frames.nr)
		__free_page(pfn_to_page(mem->frames.pfns[--mem->frames.nr]));

	kvfree(mem->frames.pfns);
	kvfree(mem->extent);
	mem->frames = (struct phys_frames) {};
	mem->extent = NULL;
	mem->nr_extents = 0;
	mem->map = (struct phys_map) {};
}

/* Make a physical pointer to a run; @list holds the frames of a wrapped one. */
static int run_ptr(const struct ring_memory *mem, const struct ring_run *run,
		   unsigned long *list, struct phys_ptr *ptr)
{
	const struct phys_frames *frames = &mem->frames;
	const unsigned long *pfns = list;
	unsigned long i;

	if (run->first + run->nr <= frames->nr) {
		if (!frames->pfns || run->nr == 1)
			return phys_ptr_init(ptr, mem->mgr,
					     PFN_PHYS(phys_frame(frames,
								 run->first)) +
					     run->offset, run->len, 1);
		pfns = frames->pfns + run->first;
	} else {
		for (i = 0; i < run->nr; i++)
			list[i] = phys_frame(frames,
					     (run->first + i) % frames->nr);
	}
	return phys_ptr_init_scattered(ptr, mem->mgr, pfns, run->nr,
				       run->offset, run->len, 1);
}

/* The copies below only read @buf if @write. */

static int run_copy_on_demand(const struct ring_memory *mem,
			      const struct ring_run *run, void *buf,
			      bool write, size_t *done)
{
	unsigned long list[RING_WRAPPED_PAGES_MAX] __uninitialized;
	struct phys_ptr ptr __uninitialized;
	int err;

	err = run_ptr(mem, run, list, &ptr);
	if (err)
		return err;
	return phys_ptr_copy(&ptr.ro, 0, buf, run->len, write, done);
}

/* A copy from or to the persistent mapping stopped at position @pos. */
int ring_memory_faulted(const struct ring_memory *mem, size_t pos, bool write)
{
	phys_stat_add(mem->mgr->stats, PHYS_STAT_FAULTS, 1);
	trace_phys_fault(phys_frame(&mem->frames,
				    (pos >> PAGE_SHIFT) % mem->frames.nr),
			 offset_in_page(pos), write);
	return -EFAULT;
}

/* @pos: position in the persistent mapping, where the bytes are contiguous. */
static int copy_mapped(const struct ring_memory *mem, size_t pos, void *buf,
		       size_t len, bool write, size_t *done)
{
	size_t left;

	if (write)
		return ring_memory_write_mapped(mem, pos, buf, len, done);
	left = copy_nofault_from(buf, mem->map.addr + pos, len);
	*done = len - left;
	phys_stat_add(mem->mgr->stats, PHYS_STAT_BYTES, *done);
	return left ? ring_memory_faulted(mem, pos + *done, false) : 0;
}

static int run_copy_mapped(const struct ring_memory *mem,
			   const struct ring_run *run, void *buf, bool write,
			   size_t *done)
{
	return copy_mapped(mem, (run->first << PAGE_SHIFT) + run->offset, buf,
			   run->len, write, done);
}

/* Out of line: a span takes more stack than the fast path needs. */
static noinline_for_stack int span_copy(const struct ring_memory *mem,
					size_t at, void *buf, size_t len,
					bool write, enum ring_path *path,
					size_t *done)
{
	struct ring_span span __uninitialized;
	unsigned int i;
	int err = 0;

	ring_span_init(&span, &mem->shape, at, len);
	*path = span.path;
	*done = 0;
	for (i = 0; !err && i < span.nr_runs; i++) {
		const struct ring_run *run = &span.run[i];
		size_t run_done = 0;

		if (mem->shape.persistent)
			err = run_copy_mapped(mem, run, buf + *done, write,
					      &run_done);
		else
			err = run_copy_on_demand(mem, run, buf + *done, write,
						 &run_done);
		*done += run_done;
	}
	return err;
}

/*
 * Copy into the ring. @at is less than the ring's size, @len 1 to the ring's
 * size; *@done is exact, also on error. In a persistent ring this allocates
 * nothing, takes no lock and works in any context.
 */
int ring_memory_write(const struct ring_memory *mem, size_t at,
		      const void *src, size_t len, enum ring_path *path,
		      size_t *done)
{
	return span_copy(mem, at, (void *)src, len, true, path, done);
}

/* As ring_memory_write(), except that @len may be 0. */
int ring_memory_read(const struct ring_memory *mem, size_t at, void *dst,
		     size_t len)
{
	enum ring_path path;
	size_t done;

	return span_copy(mem, at, dst, len, false, &path, &done);
}
