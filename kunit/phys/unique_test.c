// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of phys_frames_unique(): lists of all shapes and sizes with a
 * duplicate at any critical position, and random lists against a sort.
 */
#include <kunit/test.h>
#include <linux/limits.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "kunit/fakes/random.h"
#include "kunit/param.h"
#include "phys/phys.h"

/* ---- unique lists, and the same lists with one duplicate ---- */

/* Fills a list with distinct frames in ascending order. */
typedef void (*list_fill)(unsigned long *pfns, unsigned long nr);

static void fill_run(unsigned long *pfns, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++)
		pfns[i] = i;
}

/* The end of the number space, where sums must not wrap. */
static void fill_top(unsigned long *pfns, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++)
		pfns[i] = ULONG_MAX - (nr - 1) + i;
}

/* Spread evenly over the whole number space. */
static void fill_spread(unsigned long *pfns, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++)
		pfns[i] = i * (ULONG_MAX / nr);
	pfns[nr - 1] = ULONG_MAX;
}

/* Runs of 64 with wide gaps. */
static void fill_clustered(unsigned long *pfns, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++)
		pfns[i] = (i / 64) * 1000003 + i % 64;
}

/* One cluster, and a single far frame. */
static void fill_outlier(unsigned long *pfns, unsigned long nr)
{
	fill_run(pfns, nr);
	pfns[nr - 1] = ULONG_MAX / 2;
}

enum list_order { ASCENDING, DESCENDING, SHUFFLED };

struct list_row {
	const char *name;
	list_fill fill;
	enum list_order order;
	unsigned long max;
};

static const struct list_row list_rows[] = {
	{ "run from 0, ascending", fill_run, ASCENDING, 65536 },
	{ "run from 0, descending", fill_run, DESCENDING, 65536 },
	{ "run from 0, shuffled", fill_run, SHUFFLED, 65536 },
	{ "run to the end, ascending", fill_top, ASCENDING, 65536 },
	{ "run to the end, descending", fill_top, DESCENDING, 65536 },
	{ "run to the end, shuffled", fill_top, SHUFFLED, 65536 },
	{ "spread, ascending", fill_spread, ASCENDING, 65536 },
	{ "spread, descending", fill_spread, DESCENDING, 65536 },
	{ "spread, shuffled", fill_spread, SHUFFLED, 65536 },
	{ "clustered, ascending", fill_clustered, ASCENDING, 65536 },
	{ "clustered, descending", fill_clustered, DESCENDING, 65536 },
	{ "clustered, shuffled", fill_clustered, SHUFFLED, 65536 },
	{ "one outlier, ascending", fill_outlier, ASCENDING, 65536 },
	{ "one outlier, descending", fill_outlier, DESCENDING, 65536 },
	{ "one outlier, shuffled", fill_outlier, SHUFFLED, 65536 },
};

KUNIT_ARRAY_PARAM_DESC(list, list_rows, name);

static void list_order(struct rnd_state *rnd, unsigned long *pfns,
		       unsigned long nr, enum list_order order)
{
	unsigned long i;

	if (order == DESCENDING)
		for (i = 0; i < nr / 2; i++)
			swap(pfns[i], pfns[nr - 1 - i]);
	if (order == SHUFFLED)
		random_shuffle(rnd, pfns, nr);
}

static void check_list(struct kunit *test, unsigned long *pfns,
		       unsigned long nr, u32 seed)
{
	/* Positions of the duplicate and of the original. */
	const unsigned long twice[][2] = {
		{ 1, 0 }, { nr - 1, 0 }, { nr - 1, nr - 2 },
		{ nr / 2, nr / 2 - 1 }, { nr / 2, 0 }, { nr - 1, nr / 2 },
		/* Includes the ends of an ordered list. */
		{ 0, nr - 1 }, { nr - 2, nr - 1 }, { 0, 1 },
	};
	size_t i;

	KUNIT_EXPECT_EQ_MSG(test, phys_frames_unique(pfns, nr), 0,
			    "seed %#x: %lu frames", seed, nr);

	for (i = 0; i < ARRAY_SIZE(twice); i++) {
		unsigned long to = twice[i][0], from = twice[i][1];
		unsigned long kept = pfns[to];

		if (to == from)
			continue;
		pfns[to] = pfns[from];
		KUNIT_EXPECT_EQ_MSG(test, phys_frames_unique(pfns, nr), -EEXIST,
				    "seed %#x: %lu frames, %lu repeats %lu",
				    seed, nr, to, from);
		pfns[to] = kept;
	}
}

static void list_test(struct kunit *test)
{
	const struct list_row *row = test->param_value;
	/* Around the sizes of a window and of some tables. */
	const unsigned long sizes[] = {
		2, 3, 64, 65, 512, 4095, 4096, 4097, row->max
	};
	unsigned long *pfns;
	struct rnd_state rnd;
	size_t i;
	u32 seed;

	pfns = kunit_kmalloc_array(test, row->max, sizeof(*pfns), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, pfns);
	seed = random_start(test, &rnd);

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		row->fill(pfns, sizes[i]);
		list_order(&rnd, pfns, sizes[i], row->order);
		check_list(test, pfns, sizes[i], seed);
	}
}

/* ---- short lists ---- */

struct short_row {
	const char *name;
	unsigned long nr;
	unsigned long pfns[5];
	bool unique;
};

static const struct short_row short_rows[] = {
	{ "no frame", 0, { }, true },
	{ "one frame", 1, { 7 }, true },
	{ "frame 0", 1, { 0 }, true },
	{ "last possible frame", 1, { ULONG_MAX }, true },
	{ "two", 2, { 7, 8 }, true },
	{ "two, descending", 2, { 8, 7 }, true },
	{ "same frame twice", 2, { 7, 7 }, false },
	{ "twice 0", 2, { 0, 0 }, false },
	{ "last frame twice", 2, { ULONG_MAX, ULONG_MAX }, false },
	{ "both ends", 2, { ULONG_MAX, 0 }, true },
	{ "both ends, one twice", 3, { ULONG_MAX, 0, ULONG_MAX }, false },
	{ "first frame repeated last", 5, { 1, 2, 3, 4, 1 }, false },
	{ "ascends, then repeats", 5, { 1, 2, 5, 3, 4 }, true },
	{ "adjacent frames, far one first", 5,
	  { 1UL << 30, 1, 0, 2, (1UL << 30) + 1 }, true },
	{ "adjacent frames, far one first, one twice", 5,
	  { 1UL << 30, 1, 0, 2, 1 }, false },
	{ "all equal", 5, { 9, 9, 9, 9, 9 }, false },
};

KUNIT_ARRAY_PARAM_DESC(short, short_rows, name);

static void short_test(struct kunit *test)
{
	const struct short_row *row = test->param_value;

	KUNIT_EXPECT_EQ(test, phys_frames_unique(row->pfns, row->nr),
			row->unique ? 0 : -EEXIST);
}

/* ---- random lists against a sort ---- */

static int pfn_cmp(const void *a, const void *b)
{
	unsigned long x = *(const unsigned long *)a;
	unsigned long y = *(const unsigned long *)b;

	return x < y ? -1 : x > y;
}

static bool model_unique(unsigned long *sorted, unsigned long nr)
{
	unsigned long i;

	sort(sorted, nr, sizeof(*sorted), pfn_cmp, NULL);
	for (i = 1; i < nr; i++)
		if (sorted[i] == sorted[i - 1])
			return false;
	return true;
}

static unsigned long random_pfn(struct rnd_state *rnd, unsigned long base,
				unsigned int bits)
{
	u64 r = (u64)prandom_u32_state(rnd) << 32 | prandom_u32_state(rnd);

	return base + (unsigned long)(r >> (64 - bits));
}

static void random_test(struct kunit *test)
{
	const unsigned long max = 2000;
	unsigned long *pfns, *sorted;
	unsigned int uniques = 0, rounds = RANDOM_ROUNDS(3000), i;
	struct rnd_state rnd;
	u32 seed;

	pfns = kunit_kmalloc_array(test, max, sizeof(*pfns), GFP_KERNEL);
	sorted = kunit_kmalloc_array(test, max, sizeof(*pfns), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, pfns);
	KUNIT_ASSERT_NOT_NULL(test, sorted);
	seed = random_start(test, &rnd);

	for (i = 0; i < rounds; i++) {
		unsigned long nr = 1 + random_below(&rnd, 1 << (i % 11));
		unsigned long base = random_one_in(&rnd, 2) ?
				     0 : random_pfn(&rnd, 0, BITS_PER_LONG);
		/* About half of the lists have a duplicate. */
		unsigned int bits = 2 * ilog2(nr) + random_below(&rnd, 4);
		unsigned long j;
		bool unique;

		bits = clamp_t(unsigned int, bits, 1, BITS_PER_LONG);
		for (j = 0; j < nr; j++)
			pfns[j] = random_pfn(&rnd, base, bits);
		memcpy(sorted, pfns, nr * sizeof(*pfns));
		unique = model_unique(sorted, nr);
		uniques += unique;

		KUNIT_ASSERT_EQ_MSG(test, phys_frames_unique(pfns, nr),
				    unique ? 0 : -EEXIST,
				    "seed %#x, list %u of %lu frames", seed, i,
				    nr);
	}
	/* Both kinds of lists were tested. */
	KUNIT_EXPECT_GT(test, uniques, rounds / 5);
	KUNIT_EXPECT_LT(test, uniques, rounds - rounds / 5);
}

static struct kunit_case phys_frames_cases[] = {
	KUNIT_CASE_PARAM(list_test, list_gen_params),
	KUNIT_CASE_PARAM(short_test, short_gen_params),
	KUNIT_CASE(random_test),
	{ }
};

static struct kunit_suite phys_frames_suite = {
	.name = "lvbs_phys_unique",
	.test_cases = phys_frames_cases,
};

kunit_test_suites(&phys_frames_suite);
