// SPDX-License-Identifier: GPL-2.0
/*
 * Span arithmetic: a named case for each boundary, and all writes to all small
 * rings with tiny pages, compared to an array of bytes.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/string.h>

#include "kunit/param.h"
#include "ring/ring.h"

#define P	4096U

#define ONE	RING_PATH_ONE
#define TWO	RING_PATH_TWO
#define PERS	RING_PATH_PERSISTENT
#define NONE	RING_PATH_NONE

struct span_case {
	const char *name;
	/* The ring. */
	unsigned int start;
	size_t size;
	bool persistent;
	/* The write. */
	size_t offset;
	size_t len;
	/* The expected result. */
	enum ring_path path;
	size_t skip;
	size_t at;
	size_t next;
	bool wraps;
	unsigned int nr_runs;
	struct ring_run run[2];
};

/* A run: first page, number of pages, offset in the first page, bytes. */
static const struct span_case span_cases[] = {
	{ "empty write", 0, 4 * P, false, 10, 0,
	  NONE, 0, 10, 10, false, 0, {} },
	{ "one byte at the start", 0, 4 * P, false, 0, 1,
	  ONE, 0, 0, 1, false, 1, { { 0, 1, 0, 1 } } },
	{ "within a page", 0, 4 * P, false, P + 5, 100,
	  ONE, 0, P + 5, P + 105, false, 1, { { 1, 1, 5, 100 } } },
	{ "across pages", 0, 4 * P, false, P - 1, 2,
	  ONE, 0, P - 1, P + 1, false, 1, { { 0, 2, P - 1, 2 } } },

	/* At the ring's end. */
	{ "ends exactly at the ring's end", 0, 4 * P, false, 4 * P - 10, 10,
	  ONE, 0, 4 * P - 10, 0, true, 1, { { 3, 1, P - 10, 10 } } },
	{ "ends one byte short of it", 0, 4 * P, false, 4 * P - 10, 9,
	  ONE, 0, 4 * P - 10, 4 * P - 1, false, 1, { { 3, 1, P - 10, 9 } } },
	{ "ends one byte past it", 0, 4 * P, false, 4 * P - 10, 11,
	  ONE, 0, 4 * P - 10, 1, true, 1, { { 3, 2, P - 10, 11 } } },
	{ "last byte of the ring", 0, 4 * P, false, 4 * P - 1, 1,
	  ONE, 0, 4 * P - 1, 0, true, 1, { { 3, 1, P - 1, 1 } } },

	/* Wraps into its start page. */
	{ "wraps up to its start page", 0, 4 * P, false, P + 8, 4 * P - 8,
	  ONE, 0, P + 8, P, true, 1, { { 1, 4, 8, 4 * P - 8 } } },
	{ "wraps one byte into its start page", 0, 4 * P, false, P + 8,
	  4 * P - 7,
	  TWO, 0, P + 8, P + 1, true, 2,
	  { { 1, 3, 8, 3 * P - 8 }, { 0, 2, 0, P + 1 } } },
	{ "wraps into its start page, persistent", 0, 4 * P, true, P + 8,
	  4 * P - 7,
	  PERS, 0, P + 8, P + 1, true, 1, { { 1, 5, 8, 4 * P - 7 } } },

	/* 16 and 17 pages. */
	{ "wraps over 16 pages", 0, 32 * P, false, 31 * P, 16 * P,
	  ONE, 0, 31 * P, 15 * P, true, 1, { { 31, 16, 0, 16 * P } } },
	{ "wraps over 17 pages", 0, 32 * P, false, 31 * P, 16 * P + 1,
	  TWO, 0, 31 * P, 15 * P + 1, true, 2,
	  { { 31, 1, 0, P }, { 0, 16, 0, 15 * P + 1 } } },
	{ "17 pages by the offset in the first", 0, 32 * P, false,
	  31 * P + 1, 16 * P,
	  TWO, 0, 31 * P + 1, 15 * P + 1, true, 2,
	  { { 31, 1, 1, P - 1 }, { 0, 16, 0, 15 * P + 1 } } },
	{ "17 pages without wrapping", 0, 32 * P, false, P, 17 * P,
	  ONE, 0, P, 18 * P, false, 1, { { 1, 17, 0, 17 * P } } },
	{ "17 pages, persistent", 0, 32 * P, true, 31 * P, 16 * P + 1,
	  PERS, 0, 31 * P, 15 * P + 1, true, 1,
	  { { 31, 17, 0, 16 * P + 1 } } },

	/* Rings of one page. */
	{ "one-page ring", 0, P, false, 0, P - 1,
	  ONE, 0, 0, P - 1, false, 1, { { 0, 1, 0, P - 1 } } },
	{ "one-page ring wraps: always its start page", 0, P, false, P - 1, 2,
	  TWO, 0, P - 1, 1, true, 2, { { 0, 1, P - 1, 1 }, { 0, 1, 0, 1 } } },
	{ "one-page ring wraps, persistent", 0, P, true, P - 1, 2,
	  PERS, 0, P - 1, 1, true, 1, { { 0, 2, P - 1, 2 } } },

	/* Rings that are not page-aligned. */
	{ "ring smaller than a page", 0, 100, false, 20, 30,
	  ONE, 0, 20, 50, false, 1, { { 0, 1, 20, 30 } } },
	{ "ring smaller than a page wraps", 0, 100, false, 90, 30,
	  TWO, 0, 90, 20, true, 2, { { 0, 1, 90, 10 }, { 0, 1, 0, 20 } } },
	{ "ring smaller than a page, in two pages", P - 50, 100, false, 40, 20,
	  ONE, 0, 40, 60, false, 1, { { 0, 2, P - 10, 20 } } },
	{ "ring of one byte", 0, 1, false, 0, 1,
	  ONE, 0, 0, 0, true, 1, { { 0, 1, 0, 1 } } },
	{ "base not page-aligned", 8, 4 * P, false, 4 * P - 10, 20,
	  TWO, 0, 4 * P - 10, 10, true, 2,
	  { { 3, 2, P - 2, 10 }, { 0, 1, 8, 10 } } },
	{ "size not page-aligned", 0, 4 * P - 8, false, 4 * P - 18, 20,
	  TWO, 0, 4 * P - 18, 10, true, 2,
	  { { 3, 1, P - 18, 10 }, { 0, 1, 0, 10 } } },
	{ "base not page-aligned, end is", 8, 4 * P - 8, false, 4 * P - 18, 20,
	  TWO, 0, 4 * P - 18, 10, true, 2,
	  { { 3, 1, P - 10, 10 }, { 0, 1, 8, 10 } } },
	{ "not page-aligned, does not wrap", 8, 4 * P, false, 4 * P - 10, 10,
	  ONE, 0, 4 * P - 10, 0, true, 1, { { 3, 2, P - 2, 10 } } },
	{ "not page-aligned, persistent", 8, 4 * P, true, 4 * P - 10, 20,
	  PERS, 0, 4 * P - 10, 10, true, 2,
	  { { 3, 2, P - 2, 10 }, { 0, 1, 8, 10 } } },

	/* About as long as the ring, or longer. */
	{ "len = size - 1 from 0", 0, 4 * P, false, 0, 4 * P - 1,
	  ONE, 0, 0, 4 * P - 1, false, 1, { { 0, 4, 0, 4 * P - 1 } } },
	{ "len = size - 1 from 1", 0, 4 * P, false, 1, 4 * P - 1,
	  ONE, 0, 1, 0, true, 1, { { 0, 4, 1, 4 * P - 1 } } },
	{ "len = size - 1 from 2", 0, 4 * P, false, 2, 4 * P - 1,
	  TWO, 0, 2, 1, true, 2,
	  { { 0, 4, 2, 4 * P - 2 }, { 0, 1, 0, 1 } } },
	{ "len = size", 0, 4 * P, false, 77, 4 * P,
	  ONE, 0, 0, 0, true, 1, { { 0, 4, 0, 4 * P } } },
	{ "len = size + 1", 0, 4 * P, false, 77, 4 * P + 1,
	  ONE, 1, 0, 0, true, 1, { { 0, 4, 0, 4 * P } } },
	{ "many times size", 0, 4 * P, false, 77, 400 * P + 3,
	  ONE, 396 * P + 3, 0, 0, true, 1, { { 0, 4, 0, 4 * P } } },
	{ "len = size, persistent", 0, 4 * P, true, 77, 4 * P,
	  PERS, 0, 0, 0, true, 1, { { 0, 4, 0, 4 * P } } },
	{ "len = size, not page-aligned", 8, 100, false, 50, 100,
	  ONE, 0, 0, 0, true, 1, { { 0, 1, 8, 100 } } },
	{ "len = SIZE_MAX", 0, 4 * P, false, 77, SIZE_MAX,
	  ONE, SIZE_MAX - 4 * P, 0, 0, true, 1, { { 0, 4, 0, 4 * P } } },
};

KUNIT_ARRAY_PARAM_DESC(span, span_cases, name);

static void ring_span_boundary(struct kunit *test)
{
	const struct span_case *c = test->param_value;
	struct ring_shape shape = {
		.start = c->start,
		.size = c->size,
		.page_shift = 12,
		.persistent = c->persistent,
	};
	struct ring_place place = ring_place_write(c->size, c->offset, c->len);
	struct ring_span span;
	unsigned int i;

	ring_span_init(&span, &shape, place.at, place.len);
	KUNIT_EXPECT_STREQ(test, ring_path_name(span.path),
			   ring_path_name(c->path));
	KUNIT_EXPECT_EQ(test, place.at, c->at);
	KUNIT_EXPECT_EQ(test, place.len, c->len - c->skip);
	KUNIT_EXPECT_EQ(test, place.next, c->next);
	KUNIT_EXPECT_EQ(test, place.wraps, c->wraps);
	KUNIT_ASSERT_EQ(test, span.nr_runs, c->nr_runs);
	for (i = 0; i < span.nr_runs; i++) {
		KUNIT_EXPECT_EQ(test, span.run[i].first, c->run[i].first);
		KUNIT_EXPECT_EQ(test, span.run[i].nr, c->run[i].nr);
		KUNIT_EXPECT_EQ(test, span.run[i].offset, c->run[i].offset);
		KUNIT_EXPECT_EQ(test, span.run[i].len, c->run[i].len);
	}
}

/*
 * All writes to all small rings. The input byte of each ring byte is tracked.
 */

#define TOY_SIZE_MAX	44
#define TOY_NOT_STORED	(-1L)

struct toy {
	struct kunit *test;
	struct ring_shape shape;
	size_t offset;
	size_t len;
	unsigned long failed;
	unsigned long tried;
};

/* For each byte of the ring, the index of the input byte stored there. */
static void toy_model(const struct toy *toy, long *ring)
{
	size_t size = toy->shape.size, at = toy->offset, i;

	for (i = 0; i < size; i++)
		ring[i] = TOY_NOT_STORED;
	if (toy->len >= size)
		at = 0;
	for (i = 0; i < toy->len; i++) {
		/* Of a long write only the tail is stored, from 0 on. */
		if (toy->len - i > size)
			continue;
		ring[at] = i;
		at = at + 1 == size ? 0 : at + 1;
	}
}

static void toy_fail(struct toy *toy, const char *what)
{
	/* The first few are enough. */
	if (toy->failed++ < 8)
		KUNIT_FAIL(toy->test,
			   "%s: start %u size %zu shift %u %s, offset %zu len %zu\n",
			   what, toy->shape.start, toy->shape.size,
			   toy->shape.page_shift,
			   toy->shape.persistent ? "persistent" : "on demand",
			   toy->offset, toy->len);
}

static unsigned long toy_pages(const struct ring_shape *shape)
{
	return ((shape->start + shape->size - 1) >> shape->page_shift) + 1;
}

/* Check each byte of a run against the model; returns the next input index. */
static size_t toy_follow(struct toy *toy, const struct ring_run *run,
			 size_t input, long *ring)
{
	const struct ring_shape *shape = &toy->shape;
	bool aligned = ring_is_page_aligned(shape);
	unsigned long pages = toy_pages(shape);
	DECLARE_BITMAP(seen, TOY_SIZE_MAX + 2) = {};
	unsigned long i;
	size_t j;

	for (i = 0; i < run->nr; i++) {
		if (!aligned && run->first + i >= pages)
			toy_fail(toy, "run exceeds the ring");
		if (!shape->persistent &&
		    __test_and_set_bit((run->first + i) % pages, seen))
			toy_fail(toy, "page listed twice");
		if (run->first + i >= 2 * pages)
			toy_fail(toy, "run exceeds the double mapping");
	}
	if (run->first >= pages)
		toy_fail(toy, "run begins outside the ring");

	for (j = 0; j < run->len; j++, input++) {
		size_t pos = run->offset + j;
		unsigned long page = pos >> shape->page_shift;
		size_t byte;

		if (page >= run->nr)
			toy_fail(toy, "run has more bytes than pages");
		byte = (((run->first + page) % pages) << shape->page_shift) +
		       (pos & ((1UL << shape->page_shift) - 1));
		if (byte < shape->start || byte - shape->start >= shape->size) {
			toy_fail(toy, "byte outside the ring");
			continue;
		}
		if (ring[byte - shape->start] != (long)input)
			toy_fail(toy, "wrong byte");
		ring[byte - shape->start] = TOY_NOT_STORED;
	}
	return input;
}

/* An independent statement of the rules that select the path. */
static void toy_check_path(struct toy *toy, const struct ring_place *place,
			   const struct ring_span *span)
{
	const struct ring_shape *shape = &toy->shape;
	size_t in_page = (shape->start + place->at) &
			 ((1UL << shape->page_shift) - 1);
	bool wrapped = place->at + place->len > shape->size;
	unsigned long pages = (in_page + place->len +
			       (1UL << shape->page_shift) - 1) >>
			      shape->page_shift;
	enum ring_path want = RING_PATH_ONE;

	if (!toy->len)
		want = RING_PATH_NONE;
	else if (shape->persistent)
		want = RING_PATH_PERSISTENT;
	else if (wrapped && (!ring_is_page_aligned(shape) ||
			     in_page + place->len > shape->size || pages > 16))
		want = RING_PATH_TWO;
	if (span->path != want)
		toy_fail(toy, "wrong path");
	if (span->path == RING_PATH_ONE && span->nr_runs != 1)
		toy_fail(toy, "path one, not one run");
	if (span->path == RING_PATH_TWO && span->nr_runs != 2)
		toy_fail(toy, "path two, not two runs");
	if (span->path == RING_PATH_PERSISTENT &&
	    span->nr_runs !=
	    2U - ring_is_contiguous(shape, place->at, place->len))
		toy_fail(toy, "wrong number of runs");
}

static void toy_try(struct toy *toy)
{
	size_t size = toy->shape.size, next, stored, input, i;
	struct ring_place place;
	long ring[TOY_SIZE_MAX];
	struct ring_span span;

	toy->tried++;
	toy_model(toy, ring);
	place = ring_place_write(size, toy->offset, toy->len);
	ring_span_init(&span, &toy->shape, place.at, place.len);

	stored = min(toy->len, size);
	next = toy->len >= size ? 0 : (toy->offset + toy->len) % size;
	if (place.next != next)
		toy_fail(toy, "wrong new offset");
	if (place.len != stored)
		toy_fail(toy, "wrong number of bytes");
	toy_check_path(toy, &place, &span);

	input = toy->len - place.len;
	for (i = 0; i < span.nr_runs; i++)
		input = toy_follow(toy, &span.run[i], input, ring);
	if (input != toy->len)
		toy_fail(toy, "input not stored");
	for (i = 0; i < size; i++)
		if (ring[i] != TOY_NOT_STORED)
			toy_fail(toy, "byte missing");
}

static void toy_walk_ring(struct toy *toy)
{
	for (toy->offset = 0; toy->offset < toy->shape.size; toy->offset++)
		for (toy->len = 0; toy->len <= 2 * toy->shape.size + 1;
		     toy->len++)
			toy_try(toy);
	cond_resched();
}

/* Pages of 1 to 4 bytes, rings of up to 44 bytes: 22 pages of two bytes. */
static void ring_span_exhaustive(struct kunit *test)
{
	struct toy toy = { .test = test };
	struct ring_shape *shape = &toy.shape;
	unsigned int persistent;

	for (persistent = 0; persistent < 2; persistent++) {
		shape->persistent = persistent;
		for (shape->page_shift = 0; shape->page_shift <= 2;
		     shape->page_shift++)
			for (shape->start = 0;
			     shape->start < 1U << shape->page_shift;
			     shape->start++)
				for (shape->size = 1;
				     shape->size <= TOY_SIZE_MAX;
				     shape->size++)
					toy_walk_ring(&toy);
	}
	kunit_info(test, "%lu spans\n", toy.tried);
	KUNIT_EXPECT_EQ(test, toy.failed, 0UL);
}

static struct kunit_case ring_span_cases[] = {
	KUNIT_CASE_PARAM(ring_span_boundary, span_gen_params),
	KUNIT_CASE(ring_span_exhaustive),
	{}
};

static struct kunit_suite ring_span_suite = {
	.name = "lvbs_ring_span",
	.test_cases = ring_span_cases,
};

kunit_test_suite(ring_span_suite);
