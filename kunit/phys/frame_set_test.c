// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of frame sets against a bitmap with a bit for each frame.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/limits.h>
#include <linux/string.h>

#include "kunit/fakes/random.h"
#include "kunit/param.h"
#include "phys/phys.h"

/* ---- random sets, also at both ends of the number space ---- */

#define UNIVERSE	512UL

struct universe_row {
	const char *name;
	unsigned long base;
};

static const struct universe_row universe_rows[] = {
	{ "from frame 0", 0 },
	{ "in the middle", 0x100000 },
	{ "to the last frame", ULONG_MAX - (UNIVERSE - 1) },
};

KUNIT_ARRAY_PARAM_DESC(universe, universe_rows, name);

struct set_fixture {
	struct frame_set set;
	DECLARE_BITMAP(model, UNIVERSE);
	struct frame_range range[16];
};

static int set_init(struct kunit *test)
{
	struct set_fixture *fix;

	fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	if (!fix)
		return -ENOMEM;
	mutex_init(&fix->set.lock);
	test->priv = fix;
	return 0;
}

static void set_exit(struct kunit *test)
{
	struct set_fixture *fix = test->priv;

	if (fix)
		frame_set_destroy(&fix->set);
}

static void random_interval(struct rnd_state *rnd, unsigned long *first,
			    unsigned long *last)
{
	/* Mostly short, so that ranges are disjoint, adjacent or overlapping. */
	unsigned long span = random_one_in(rnd, 8) ? UNIVERSE : 12;

	*first = random_below(rnd, UNIVERSE);
	*last = min(*first + random_below(rnd, span), UNIVERSE - 1);
}

static bool set_contains(struct frame_set *set, unsigned long first,
			 unsigned long last)
{
	return frame_range_contains(frame_set_find(set, first), first, last);
}

static void check_gap(struct kunit *test, unsigned long base,
		      unsigned long at, u32 seed)
{
	struct set_fixture *fix = test->priv;
	struct frame_range gap = frame_set_gap(&fix->set, base + at);
	unsigned long start, end;

	if (test_bit(at, fix->model)) {
		KUNIT_ASSERT_GT_MSG(test, gap.first, gap.last, "seed %#x", seed);
		return;
	}
	for (start = at; start && !test_bit(start - 1, fix->model); start--)
		;
	end = find_next_bit(fix->model, UNIVERSE, at);
	KUNIT_ASSERT_EQ_MSG(test, gap.first, start ? base + start : 0,
			    "seed %#x: %lu", seed, at);
	KUNIT_ASSERT_EQ_MSG(test, gap.last,
			    end < UNIVERSE ? base + end - 1 : ULONG_MAX,
			    "seed %#x: %lu", seed, at);
}

static void check_queries(struct kunit *test, struct rnd_state *rnd,
			  unsigned long base, u32 seed)
{
	struct set_fixture *fix = test->priv;
	struct frame_range got;
	unsigned long first, last, start, end;
	bool intersects, contains, found;

	random_interval(rnd, &first, &last);
	check_gap(test, base, first, seed);
	intersects = find_next_bit(fix->model, last + 1, first) <= last;
	contains = find_next_zero_bit(fix->model, last + 1, first) > last;

	KUNIT_ASSERT_EQ_MSG(test, intersects,
			    frame_set_intersects(&fix->set, base + first,
						 base + last),
			    "seed %#x: %lu-%lu", seed, first, last);
	KUNIT_ASSERT_EQ_MSG(test, contains,
			    set_contains(&fix->set, base + first,
					 base + last),
			    "seed %#x: %lu-%lu", seed, first, last);

	got = frame_set_find(&fix->set, base + first);
	if (test_bit(first, fix->model)) {
		for (start = first; start; start--)
			if (!test_bit(start - 1, fix->model))
				break;
		end = find_next_zero_bit(fix->model, UNIVERSE, first) - 1;
		KUNIT_ASSERT_EQ_MSG(test, got.first, base + start, "seed %#x",
				    seed);
		KUNIT_ASSERT_EQ_MSG(test, got.last, base + end, "seed %#x",
				    seed);
	} else {
		KUNIT_ASSERT_GT_MSG(test, got.first, got.last, "seed %#x",
				    seed);
	}

	start = find_next_bit(fix->model, UNIVERSE, first);
	end = find_next_zero_bit(fix->model, UNIVERSE, start) - 1;
	found = frame_set_next(&fix->set, base + first, &got);
	KUNIT_ASSERT_EQ_MSG(test, found, start < UNIVERSE, "seed %#x: %lu",
			    seed, first);
	if (!found)
		return;
	/* A range that starts earlier is returned as a whole. */
	while (start && start == first && test_bit(start - 1, fix->model)) {
		start--;
		first--;
	}
	KUNIT_ASSERT_EQ_MSG(test, got.first, base + start, "seed %#x", seed);
	KUNIT_ASSERT_EQ_MSG(test, got.last, base + end, "seed %#x", seed);
}

static void random_test(struct kunit *test)
{
	const struct universe_row *row = test->param_value;
	struct set_fixture *fix = test->priv;
	struct rnd_state rnd;
	u32 seed = random_start(test, &rnd);
	unsigned int round, i;

	for (round = 0; round < 2000; round++) {
		unsigned long nr = random_below(&rnd, ARRAY_SIZE(fix->range));
		bool replace = random_one_in(&rnd, 4);
		int err;

		if (replace)
			bitmap_zero(fix->model, UNIVERSE);
		for (i = 0; i < nr; i++) {
			unsigned long first, last;

			random_interval(&rnd, &first, &last);
			bitmap_set(fix->model, first, last - first + 1);
			fix->range[i].first = row->base + first;
			fix->range[i].last = row->base + last;
		}
		err = replace ? frame_set_replace(&fix->set, fix->range, nr) :
				frame_set_add(&fix->set, fix->range, nr);
		KUNIT_ASSERT_EQ_MSG(test, err, 0, "seed %#x", seed);

		for (i = 0; i < 50; i++)
			check_queries(test, &rnd, row->base, seed);
	}
}

/* ---- edge cases ---- */

static void empty_test(struct kunit *test)
{
	struct set_fixture *fix = test->priv;
	struct frame_range range;

	/* Never filled, filled with nothing, and destroyed are all empty. */
	KUNIT_EXPECT_FALSE(test, frame_set_next(&fix->set, 0, &range));
	KUNIT_EXPECT_FALSE(test, frame_set_intersects(&fix->set, 0, ULONG_MAX));
	KUNIT_EXPECT_FALSE(test, set_contains(&fix->set, 0, 0));

	KUNIT_EXPECT_EQ(test, frame_set_add(&fix->set, NULL, 0), 0);
	KUNIT_EXPECT_FALSE(test, frame_set_intersects(&fix->set, 0, ULONG_MAX));

	range = (struct frame_range) { 3, 3 };
	KUNIT_EXPECT_EQ(test, frame_set_add(&fix->set, &range, 1), 0);
	KUNIT_EXPECT_TRUE(test, frame_set_intersects(&fix->set, 0, ULONG_MAX));
	KUNIT_EXPECT_EQ(test, frame_set_replace(&fix->set, NULL, 0), 0);
	KUNIT_EXPECT_FALSE(test, frame_set_intersects(&fix->set, 0, ULONG_MAX));

	KUNIT_EXPECT_EQ(test, frame_set_add(&fix->set, &range, 1), 0);
	frame_set_destroy(&fix->set);
	KUNIT_EXPECT_FALSE(test, frame_set_intersects(&fix->set, 0, ULONG_MAX));
	frame_set_destroy(&fix->set);
}

static void everything_test(struct kunit *test)
{
	struct set_fixture *fix = test->priv;
	struct frame_range range[] = { { ULONG_MAX, ULONG_MAX },
				       { 0, ULONG_MAX - 1 } };
	struct frame_range got = {};

	KUNIT_EXPECT_EQ(test, frame_set_replace(&fix->set, range, 2), 0);
	KUNIT_EXPECT_TRUE(test, set_contains(&fix->set, 0, ULONG_MAX));
	KUNIT_EXPECT_TRUE(test, frame_set_next(&fix->set, ULONG_MAX, &got));
	KUNIT_EXPECT_EQ(test, got.first, 0UL);
	KUNIT_EXPECT_EQ(test, got.last, ULONG_MAX);

	/* Ranges that end at the last number are merged without overflow. */
	range[0] = (struct frame_range) { 5, ULONG_MAX };
	range[1] = (struct frame_range) { ULONG_MAX, ULONG_MAX };
	KUNIT_EXPECT_EQ(test, frame_set_add(&fix->set, range, 2), 0);
	KUNIT_EXPECT_TRUE(test, frame_set_next(&fix->set, 0, &got));
	KUNIT_EXPECT_EQ(test, got.first, 0UL);
	KUNIT_EXPECT_EQ(test, got.last, ULONG_MAX);
}

static void adjacent_test(struct kunit *test)
{
	struct set_fixture *fix = test->priv;
	struct frame_range range[] = { { 8, 9 }, { 4, 5 }, { 6, 7 },
				       { 11, 12 } };
	struct frame_range got = {};

	KUNIT_EXPECT_EQ(test, frame_set_replace(&fix->set, range, 4), 0);
	KUNIT_EXPECT_TRUE(test, frame_set_next(&fix->set, 0, &got));
	KUNIT_EXPECT_EQ(test, got.first, 4UL);
	KUNIT_EXPECT_EQ(test, got.last, 9UL);
	KUNIT_EXPECT_TRUE(test, set_contains(&fix->set, 4, 9));
	KUNIT_EXPECT_FALSE(test, set_contains(&fix->set, 3, 9));
	KUNIT_EXPECT_FALSE(test, set_contains(&fix->set, 4, 10));
	KUNIT_EXPECT_FALSE(test, set_contains(&fix->set, 9, 11));
	KUNIT_EXPECT_FALSE(test, frame_set_intersects(&fix->set, 10, 10));
	KUNIT_EXPECT_TRUE(test, frame_set_intersects(&fix->set, 10, 11));
	KUNIT_EXPECT_TRUE(test, frame_set_intersects(&fix->set, 0, 4));
	KUNIT_EXPECT_FALSE(test, frame_set_intersects(&fix->set, 0, 3));
	KUNIT_EXPECT_FALSE(test, frame_set_intersects(&fix->set, 13, ULONG_MAX));
}

/* ---- errors leave the set unchanged ---- */

static void expect_unchanged(struct kunit *test)
{
	struct set_fixture *fix = test->priv;
	struct frame_range got = {};

	KUNIT_EXPECT_TRUE(test, frame_set_next(&fix->set, 0, &got));
	KUNIT_EXPECT_EQ(test, got.first, 10UL);
	KUNIT_EXPECT_EQ(test, got.last, 19UL);
	KUNIT_EXPECT_FALSE(test, frame_set_next(&fix->set, 20, &got));
}

static void refused_test(struct kunit *test)
{
	struct set_fixture *fix = test->priv;
	struct frame_range good = { 10, 19 };
	struct frame_range bad[] = { { 30, 40 }, { 6, 5 }, { 50, 60 } };

	KUNIT_EXPECT_EQ(test, frame_set_add(&fix->set, &good, 1), 0);

	KUNIT_EXPECT_EQ(test, frame_set_add(&fix->set, bad, 3), -EINVAL);
	expect_unchanged(test);
	KUNIT_EXPECT_EQ(test, frame_set_replace(&fix->set, bad, 3), -EINVAL);
	expect_unchanged(test);

	/* The size overflows: -ENOMEM before any range is read. */
	KUNIT_EXPECT_EQ(test, frame_set_add(&fix->set, bad, LONG_MAX), -ENOMEM);
	expect_unchanged(test);
}

static struct kunit_case frame_set_cases[] = {
	KUNIT_CASE_PARAM(random_test, universe_gen_params),
	KUNIT_CASE(empty_test),
	KUNIT_CASE(everything_test),
	KUNIT_CASE(adjacent_test),
	KUNIT_CASE(refused_test),
	{ }
};

static struct kunit_suite frame_set_suite = {
	.name = "lvbs_frame_set",
	.init = set_init,
	.exit = set_exit,
	.test_cases = frame_set_cases,
};

kunit_test_suites(&frame_set_suite);
