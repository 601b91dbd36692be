// SPDX-License-Identifier: GPL-2.0
/*
 * Span arithmetic: which pages a range of ring bytes is in.
 *
 * A range that does not pass the ring's end is one run of pages and takes one
 * copy. One that wraps takes two, except in a page-aligned ring: there the run
 * continues with the ring's first page, and mapping the pages in that order
 * makes the bytes contiguous.
 *
 *	ring pages	0    1    2    3
 *	bytes		[bb  |    |    | aaaa]		wrapped: a, then b
 *	mapped		          [ aaaa|bb  ]		pages 3, 0
 *
 * A persistent page-aligned ring is mapped as 0 1 2 3 0 1 2 3, where every
 * range is contiguous, even one that wraps into the page it began in.
 */
#include <linux/kernel.h>

#include "ring/ring.h"

static size_t page_mask(const struct ring_shape *shape)
{
	return ((size_t)1 << shape->page_shift) - 1;
}

/* Are base and size multiples of the page size? Only then can a run wrap. */
bool ring_is_page_aligned(const struct ring_shape *shape)
{
	return !((shape->start | shape->size) & page_mask(shape));
}

static struct ring_run run_at(const struct ring_shape *shape, size_t at,
			      size_t len)
{
	size_t pos = shape->start + at;
	unsigned int offset = pos & page_mask(shape);

	return (struct ring_run) {
		.first = pos >> shape->page_shift,
		.nr = ((offset + len - 1) >> shape->page_shift) + 1,
		.offset = offset,
		.len = len,
	};
}

/* Can a range that passes the ring's end be one run of pages? */
static bool wraps_in_one_run(const struct ring_shape *shape,
			     const struct ring_run *run)
{
	if (!ring_is_page_aligned(shape))
		return false;
	if (shape->persistent)
		return true;

	/* A physical pointer cannot list the start page twice. */
	if (run->offset + run->len > shape->size)
		return false;
	return run->nr <= RING_WRAPPED_PAGES_MAX;
}

/* @at is less than the ring's size, @len at most the ring's size. */
void ring_span_init(struct ring_span *span, const struct ring_shape *shape,
		    size_t at, size_t len)
{
	size_t to_end = shape->size - at;

	span->path = RING_PATH_NONE;
	span->nr_runs = 0;
	if (!len)
		return;

	span->path = shape->persistent ? RING_PATH_PERSISTENT : RING_PATH_ONE;
	span->run[0] = run_at(shape, at, len);
	span->nr_runs = 1;
	if (len <= to_end || wraps_in_one_run(shape, &span->run[0]))
		return;

	if (!shape->persistent)
		span->path = RING_PATH_TWO;
	span->run[0] = run_at(shape, at, to_end);
	span->run[1] = run_at(shape, 0, len - to_end);
	span->nr_runs = 2;
}

const char *ring_path_name(enum ring_path path)
{
	static const char * const names[] = {
		[RING_PATH_NONE] = "none",
		[RING_PATH_ONE] = "one",
		[RING_PATH_TWO] = "two",
		[RING_PATH_PERSISTENT] = "persistent",
	};

	return names[path];
}
