// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of a ring.
 *
 * Protecting comes first: from then on no ordinary pointer writes there, and no
 * frame that others protect is among them (phys_protect_exclusive()), so that the
 * privileged manager, whose writes no protection stops, cannot be led by the
 * address of a "ring" onto the kernel's text.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>

#include <lvbs/phys_ptr.h>

#include "phys/phys.h"
#include "ring/memory.h"
#include "trace.h"

/* Free pages are to be had without starving anybody. */
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

	/* A contiguous run is one, without looking at each of its frames. */
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

		err = phys_protect_exclusive(mem->mgr, &extent->prot, extent->first,
					     extent->nr);
		if (err)
			return err;
		mem->nr_protected++;
	}
	return 0;
}

/* A lasting mapping is a writer for good; range locks are to know of it. */
static int memory_claim(struct ring_memory *mem)
{
	while (mem->nr_claimed < mem->nr_extents) {
		struct ring_extent *extent = &mem->extent[mem->nr_claimed];
		struct phys_frames frames = {
			.first = extent->first,
			.nr = extent->nr,
		};
		int err;

		extent->mapped.kind = mem->mgr->write_kind;
		extent->mapped.holder = NULL;
		err = phys_claim_add(mem->mgr->claims, &extent->mapped,
				     &frames);
		if (err)
			return err;
		mem->nr_claimed++;
	}
	return 0;
}

static int memory_map(struct ring_memory *mem)
{
	unsigned long times = ring_shape_is_paged(&mem->shape) ? 2 : 1;
	unsigned long nr = mem->frames.nr, i;
	struct phys_frames listed = {};
	unsigned long *pfns;
	int err;

	err = memory_claim(mem);
	if (err)
		return err;

	/* What cannot be mapped whole need not be listed. */
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

	/* Protecting them has validated the frames. */
	err = mem->mgr->ops->vmap(mem->mgr, &listed, PHYS_MAP_WRITE,
				  &mem->map);
	if (!err) {
		phys_stat_add(mem->mgr->stats, PHYS_STAT_MAPS, 1);
		trace_phys_map(&listed, true);
	}
	kvfree(pfns);
	return err;
}

/* @mem->frames are there; the rest is to be built upon them. */
static int memory_build(struct ring_memory *mem, struct vmap_manager *mgr,
			unsigned int start, size_t size, bool persistent,
			const char *owner)
{
	int err;

	mem->mgr = mgr;
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

int ring_memory_given(struct ring_memory *mem, struct vmap_manager *mgr,
		      const struct phys_frames *frames, unsigned int start,
		      size_t size, bool persistent, const char *owner)
{
	mem->frames = *frames;
	if (frames->pfns) {
		unsigned long *pfns;

		pfns = kvmalloc_array(frames->nr, sizeof(*pfns), GFP_KERNEL);
		if (!pfns)
			return -ENOMEM;
		memcpy(pfns, frames->pfns, frames->nr * sizeof(*pfns));
		mem->frames.pfns = pfns;
	}
	return memory_build(mem, mgr, start, size, persistent, owner);
}

static int pfn_cmp(const void *a, const void *b)
{
	unsigned long pa = *(const unsigned long *)a;
	unsigned long pb = *(const unsigned long *)b;

	return pa < pb ? -1 : pa > pb;
}

int ring_memory_own(struct ring_memory *mem, struct vmap_manager *mgr,
		    unsigned long nr, bool persistent, const char *owner)
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
	/* Few and long pieces: fewer claims, and a shorter list in `state`. */
	sort(pfns, nr, sizeof(*pfns), pfn_cmp, NULL);
	return memory_build(mem, mgr, 0, nr << PAGE_SHIFT, persistent, owner);
}

/* Returns whether the frames may be given to others. */
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
			       &mem->extent[--mem->nr_claimed].mapped);
	while (mem->nr_protected)
		phys_unprotect(mem->mgr,
			       &mem->extent[--mem->nr_protected].prot);

	/* Pages that are still mapped somewhere are leaked with the mapping. */
	while (mem->own && unmapped && mem->frames.nr)
		__free_page(pfn_to_page(mem->frames.pfns[--mem->frames.nr]));

	kvfree(mem->frames.pfns);
	kvfree(mem->extent);
	mem->frames = (struct phys_frames) {};
	mem->extent = NULL;
	mem->nr_extents = 0;
	mem->map = (struct phys_map) {};
}

/* A physical pointer to a run; a wrapped one is written down in @list. */
static int run_ptr(const struct ring_memory *mem, const struct ring_run *run,
		   unsigned long *list, struct phys_ptr *ptr)
{
	const struct phys_frames *frames = &mem->frames;
	const unsigned long *pfns = list;
	unsigned long i;

	if (run->first + run->nr <= frames->nr) {
		if (!frames->pfns)
			return phys_ptr_init(ptr, mem->mgr,
					     PFN_PHYS(frames->first +
						      run->first) +
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

static int run_copy_on_demand(const struct ring_memory *mem,
			      const struct ring_run *run, void *to,
			      const void *from, size_t *done)
{
	unsigned long list[RING_SPAN_PAGES_MAX];
	struct phys_ptr ptr;
	int err;

	err = run_ptr(mem, run, list, &ptr);
	if (err)
		return err;
	if (to)
		return phys_read_bytes(&ptr.ro, 0, to, run->len, done);
	return phys_write_bytes(&ptr, 0, from, run->len, done);
}

/* @pos: where in the lasting mapping; in there the bytes are in a row. */
static __always_inline int copy_mapped(const struct ring_memory *mem,
				       size_t pos, void *to, const void *from,
				       size_t len, size_t *done)
{
	size_t left;

	if (to)
		left = copy_nofault_from(to, mem->map.addr + pos, len);
	else
		left = copy_nofault_to(mem->map.addr + pos, from, len);

	*done = len - left;
	phys_stat_add(mem->mgr->stats, PHYS_STAT_BYTES, *done);
	if (likely(!left))
		return 0;

	phys_stat_add(mem->mgr->stats, PHYS_STAT_FAULTS, 1);
	trace_phys_fault(phys_frame(&mem->frames,
				    ((pos + *done) >> PAGE_SHIFT) %
				    mem->frames.nr),
			 offset_in_page(pos + *done), !to);
	return -EFAULT;
}

static int run_copy_mapped(const struct ring_memory *mem,
			   const struct ring_run *run, void *to,
			   const void *from, size_t *done)
{
	return copy_mapped(mem, (run->first << PAGE_SHIFT) + run->offset, to,
			   from, run->len, done);
}

/* Not for those in a hurry: a span is large. */
static noinline_for_stack int span_copy(const struct ring_memory *mem,
					size_t at, void *to, const void *from,
					size_t len, enum ring_path *path,
					size_t *done)
{
	struct ring_span span;
	unsigned int i;
	int err = 0;

	ring_span_read(&span, &mem->shape, at, len);
	*path = span.path;
	*done = 0;
	for (i = 0; !err && i < span.nr_runs; i++) {
		const struct ring_run *run = &span.run[i];
		void *run_to = to ? to + *done : NULL;
		const void *run_from = from ? from + *done : NULL;
		size_t run_done = 0;

		if (mem->shape.persistent)
			err = run_copy_mapped(mem, run, run_to, run_from,
					      &run_done);
		else
			err = run_copy_on_demand(mem, run, run_to, run_from,
						 &run_done);
		*done += run_done;
	}
	return err;
}

int ring_memory_write(const struct ring_memory *mem, size_t at,
		      const void *src, size_t len, enum ring_path *path,
		      size_t *done)
{
	/* What ring_span_read() would say, without the span. */
	if (mem->shape.persistent && ring_is_in_a_row(&mem->shape, at, len)) {
		*path = RING_PATH_PERSISTENT;
		return copy_mapped(mem, mem->shape.start + at, NULL, src, len,
				   done);
	}
	return span_copy(mem, at, NULL, src, len, path, done);
}

int ring_memory_read(const struct ring_memory *mem, size_t at, void *dst,
		     size_t len)
{
	enum ring_path path;
	size_t done;

	return span_copy(mem, at, dst, NULL, len, &path, &done);
}
