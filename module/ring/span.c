// SPDX-License-Identifier: GPL-2.0
/*
 * Span arithmetic.
 *
 * A write that does not reach the ring's end is one run of pages and one copy.
 * One that does would be two, were it not for rings made of whole pages: there
 * the run goes on with the ring's first page, and mapping the pages in that
 * order makes the bytes contiguous again.
 *
 *	ring pages	0    1    2    3
 *	bytes		[bb  |    |    | aaaa]		wrapped: a, then b
 *	mapped		          [ aaaa|bb  ]		pages 3, 0
 *
 * A persistent ring is mapped as 0 1 2 3 0 1 2 3, where every run is
 * contiguous, even one that comes back to the page that it began in.
 */
#include <linux/kernel.h>
#include <linux/minmax.h>

#include "ring/span.h"

static size_t page_mask(const struct ring_shape *shape)
{
	return ((size_t)1 << shape->page_shift) - 1;
}

bool ring_shape_is_paged(const struct ring_shape *shape)
{
	return !((shape->start | shape->size) & page_mask(shape));
}

unsigned long ring_shape_pages(const struct ring_shape *shape)
{
	return ((shape->start + shape->size - 1) >> shape->page_shift) + 1;
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

/* Can a span that goes past the ring's end be one run of pages? */
static bool wraps_in_one_run(const struct ring_shape *shape,
			     const struct ring_run *run)
{
	if (!ring_shape_is_paged(shape))
		return false;
	if (shape->persistent)
		return true;

	/* No frame twice in one physical pointer: the same as nr > pages. */
	if (run->offset + run->len > shape->size)
		return false;
	return run->nr <= RING_SPAN_PAGES_MAX;
}

void ring_span_read(struct ring_span *span, const struct ring_shape *shape,
		    size_t at, size_t len)
{
	size_t to_end = shape->size - at;

	*span = (struct ring_span) { .at = at, .len = len };
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

void ring_span_write(struct ring_span *span, const struct ring_shape *shape,
		     size_t offset, size_t len)
{
	struct ring_place place = ring_place_write(shape->size, offset, len);

	ring_span_read(span, shape, place.at, place.len);
	span->skip = place.skip;
	span->next = place.next;
	span->wraps = place.wraps;
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
