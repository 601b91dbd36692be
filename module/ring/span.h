/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which bytes of a ring, and thereby which pages, a write touches: arithmetic
 * only, on a page size that is a parameter, so that small rings with toy pages
 * can be tried exhaustively.
 */
#ifndef _LVBS_RING_SPAN_H
#define _LVBS_RING_SPAN_H

#include <linux/minmax.h>
#include <linux/types.h>

/*
 * A wrapped run in one mapping has to be written down as a list of frames, on
 * the stack; this bounds the list.
 */
#define RING_SPAN_PAGES_MAX	16U

/**
 * struct ring_shape - what matters of where a ring is
 * @start: where the ring's first byte is in its first page
 * @size: bytes of the ring, not 0
 * @page_shift: log2 of the page size
 * @persistent: mapped once and for all, instead of for each write
 */
struct ring_shape {
	unsigned int start;
	size_t size;
	unsigned int page_shift;
	bool persistent;
};

/**
 * enum ring_path - how a write reaches the memory
 * @RING_PATH_NONE: not at all: it is empty
 * @RING_PATH_ONE: one map, copy, unmap
 * @RING_PATH_TWO: two rounds of map, copy, unmap: up to the end, and the rest
 * @RING_PATH_PERSISTENT: through the lasting mapping
 */
enum ring_path {
	RING_PATH_NONE,
	RING_PATH_ONE,
	RING_PATH_TWO,
	RING_PATH_PERSISTENT,
};

/**
 * struct ring_run - bytes in consecutive pages of a ring
 * @first: the first page, counted from the ring's first page
 * @nr: number of pages. Where the ring is page-shaped, a run may go on from the
 *	ring's last page to its first: the i-th page of the run is page
 *	(@first + i) modulo the ring's number of pages
 * @offset: where the bytes begin in the first page
 * @len: number of bytes
 */
struct ring_run {
	unsigned long first;
	unsigned long nr;
	unsigned int offset;
	size_t len;
};

/**
 * struct ring_span - what one write does
 * @path: how it gets there
 * @skip: bytes at the front of the input that are not stored
 * @at: ring offset of the first stored byte
 * @len: number of bytes stored
 * @next: the ring's write offset afterwards
 * @wraps: the write offset comes back to the ring's start, or passes it
 * @nr_runs: number of runs to copy, one after the other: 0 to 2
 * @run: the runs
 */
struct ring_span {
	enum ring_path path;
	size_t skip;
	size_t at;
	size_t len;
	size_t next;
	bool wraps;
	unsigned int nr_runs;
	struct ring_run run[2];
};

/**
 * struct ring_place - where a write goes, whatever pages that is in
 * @skip: bytes at the front of the input that are not stored
 * @at: ring offset of the first stored byte
 * @len: number of bytes stored
 * @next: the ring's write offset afterwards
 * @wraps: the write offset comes back to the ring's start, or passes it
 */
struct ring_place {
	size_t skip;
	size_t at;
	size_t len;
	size_t next;
	bool wraps;
};

/**
 * ring_place_write() - where a write goes
 * @size: bytes of the ring, not 0
 * @offset: its write offset, less than @size
 * @len: length of the write; any
 *
 * Inline, for those who have no time for a span.
 *
 * Context: Any.
 * Return: the answer.
 */
static inline struct ring_place ring_place_write(size_t size, size_t offset,
						 size_t len)
{
	size_t stored = min(len, size), at = len >= size ? 0 : offset;
	bool wraps = stored && stored >= size - at;

	return (struct ring_place) {
		.skip = len - stored,
		.at = at,
		.len = stored,
		/* No sum of sizes: it might not fit. */
		.next = wraps ? stored - (size - at) : at + stored,
		.wraps = wraps,
	};
}

/**
 * ring_span_write() - what a write does
 * @span: the answer
 * @shape: the ring
 * @offset: its write offset, less than its size
 * @len: length of the write; any
 *
 * Context: Any.
 */
void ring_span_write(struct ring_span *span, const struct ring_shape *shape,
		     size_t offset, size_t len);

/**
 * ring_span_read() - where the bytes from a ring offset on are
 * @span: the answer; @span->skip, @span->next and @span->wraps mean nothing
 * @shape: the ring
 * @at: ring offset of the first byte, less than the ring's size
 * @len: number of bytes, at most the ring's size
 *
 * Context: Any.
 */
void ring_span_read(struct ring_span *span, const struct ring_shape *shape,
		    size_t at, size_t len);

/**
 * ring_shape_pages() - how many pages a ring touches
 * @shape: the ring
 *
 * Context: Any.
 * Return: the number.
 */
unsigned long ring_shape_pages(const struct ring_shape *shape);

/**
 * ring_shape_is_paged() - is a ring made of whole pages?
 * @shape: the ring
 *
 * Only then is the page behind its last one its first again, so that a run of
 * pages can wrap.
 *
 * Context: Any.
 * Return: true if its base and its size are multiples of the page size.
 */
bool ring_shape_is_paged(const struct ring_shape *shape);

/**
 * ring_is_in_a_row() - does a lasting mapping have some bytes in a row?
 * @shape: the ring, a persistent one
 * @at: ring offset of the first byte, less than the ring's size
 * @len: number of bytes, at most the ring's size
 *
 * So they are if they do not pass the ring's end, and if it is mapped twice.
 *
 * Context: Any.
 * Return: true if so: the span of these bytes has one run.
 */
static inline bool ring_is_in_a_row(const struct ring_shape *shape, size_t at,
				    size_t len)
{
	return len <= shape->size - at || ring_shape_is_paged(shape);
}

/**
 * ring_path_name() - the name of a path, for people
 * @path: the path
 *
 * Return: "none", "one", "two" or "persistent".
 */
const char *ring_path_name(enum ring_path path);

#endif /* _LVBS_RING_SPAN_H */
