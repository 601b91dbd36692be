// SPDX-License-Identifier: GPL-2.0
/*
 * The patch map: unit tests, and a comparison with a naive model.
 */

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/irqflags.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "heki/heki.h"
#include "kunit/fakes/random.h"
#include "kunit/heki/sites.h"
#include "kunit/param.h"

#define JMP(pa0, pa1) { { pa0, pa1 }, 5, { 0xe9, 1, 2, 3, 4 } }

static struct heki_patch_map *new_map(struct kunit *test)
{
	struct heki_patch_map *map = kunit_kzalloc(test, sizeof(*map),
						   GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, map);
	heki_patch_map_init(map);
	return map;
}

static bool same_site(const struct heki_site *a, const struct heki_site *b)
{
	return a->pa[0] == b->pa[0] && a->pa[1] == b->pa[1] &&
	       a->size == b->size && !memcmp(a->code, b->code, a->size);
}

static void find_each_byte(struct kunit *test)
{
	static const struct heki_site sites[] = {
		JMP(0x1100, 0), JMP(0x1105, 0), JMP(0x10f0, 0),
		{ { 0x1000 }, 1, { 0x90 } }, { { 0x1ff0 }, 2, { 0xeb, 1 } },
		JMP(0x1ffe, 0x9000), JMP(0x9fff, 0x3000), JMP(0x9003, 0),
		JMP(0xfff, 0x2000),
	};
	struct heki_patch_map *map = new_map(test);
	struct heki_patch_hit hit;
	unsigned int i, j;

	KUNIT_ASSERT_EQ(test, 0, add_sites(map, 7, sites,
					   ARRAY_SIZE(sites)));
	KUNIT_EXPECT_EQ(test, map->nr, ARRAY_SIZE(sites));
	for (i = 0; i < ARRAY_SIZE(sites); i++) {
		for (j = 0; j < sites[i].size; j++) {
			KUNIT_EXPECT_EQ(test, 0,
					heki_patch_map_find(map,
							    site_byte(&sites[i],
								      j),
							    &hit));
			KUNIT_EXPECT_TRUE(test, same_site(&hit.site,
							  &sites[i]));
			KUNIT_EXPECT_EQ(test, hit.at, j);
			KUNIT_EXPECT_EQ(test, hit.owner, 7U);
		}
	}
	heki_patch_map_destroy(map);
}

/* The reference system accepted any address in a page with a site. */
static void find_outside_sites(struct kunit *test)
{
	static const struct heki_site sites[] = {
		JMP(0x1100, 0), JMP(0x1fff, 0x9000),
	};
	static const phys_addr_t outside[] = {
		0, 0x1000, 0x10ff, 0x1105, 0x1ffe, 0x2000, 0x2001, 0x9004,
		0x9fff, 0x8fff, 0x101100, (phys_addr_t)-1,
	};
	struct heki_patch_map *map = new_map(test);
	struct heki_patch_hit hit;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, -ENOENT, heki_patch_map_find(map, 0x1100, &hit));
	KUNIT_EXPECT_EQ(test, -ENOENT, heki_patch_map_next(map, 0, &hit));
	KUNIT_ASSERT_EQ(test, 0, add_sites(map, 0, sites, 2));
	for (i = 0; i < ARRAY_SIZE(outside); i++)
		KUNIT_EXPECT_EQ(test, -ENOENT,
				heki_patch_map_find(map, outside[i], &hit));
	heki_patch_map_destroy(map);
}

/* The last address with a frame number: phys_addr_t is wider with PAE. */
#define LAST_PA	((phys_addr_t)ULONG_MAX << 12 | 0xfff)

static const struct overlap_row {
	const char *name;
	struct heki_site known;
	struct heki_site added;
	int err;
} overlap_rows[] = {
	{ "same site", JMP(0x1100, 0), JMP(0x1100, 0), -EEXIST },
	{ "overlaps the first byte", JMP(0x1100, 0), JMP(0x10fc, 0), -EEXIST },
	{ "adjacent, before", JMP(0x1100, 0), JMP(0x10fb, 0), 0 },
	{ "overlaps the last byte", JMP(0x1100, 0), JMP(0x1104, 0), -EEXIST },
	{ "adjacent, after", JMP(0x1100, 0), JMP(0x1105, 0), 0 },
	{ "contained", JMP(0x1100, 0), { { 0x1102 }, 1, { 1 } }, -EEXIST },
	{ "contains", { { 0x1102 }, 1, { 1 } }, JMP(0x1100, 0), -EEXIST },
	{ "same start, shorter", JMP(0x1100, 0), { { 0x1100 }, 2, { 1, 2 } },
	  -EEXIST },
	{ "overlaps straddling site's head", JMP(0x1ffe, 0x9000),
	  JMP(0x1ffa, 0), -EEXIST },
	{ "adjacent to straddling site's head", JMP(0x1ffe, 0x9000),
	  JMP(0x1ff9, 0), 0 },
	{ "straddling site's last byte in the first page", JMP(0x1ffe, 0x9000),
	  { { 0x1fff }, 1, { 1 } }, -EEXIST },
	{ "overlaps straddling site's tail", JMP(0x1ffe, 0x9000),
	  JMP(0x9002, 0), -EEXIST },
	{ "straddling site's first byte in the second page",
	  JMP(0x1ffe, 0x9000), { { 0x9000 }, 1, { 1 } }, -EEXIST },
	{ "adjacent to straddling site's tail", JMP(0x1ffe, 0x9000),
	  JMP(0x9003, 0), 0 },
	{ "physically after straddling site's head", JMP(0x1ffe, 0x9000),
	  JMP(0x2000, 0), 0 },
	{ "straddling site's tail overlaps", JMP(0x9002, 0),
	  JMP(0x1ffe, 0x9000), -EEXIST },
	{ "straddling site's tail adjacent", JMP(0x9003, 0),
	  JMP(0x1ffe, 0x9000), 0 },
	{ "straddling site's head overlaps", JMP(0x1ffb, 0),
	  JMP(0x1ffe, 0x9000), -EEXIST },
	{ "straddling site's head adjacent", JMP(0x1ff9, 0),
	  JMP(0x1ffe, 0x9000), 0 },
	{ "two straddling sites, heads overlap", JMP(0x1ffe, 0x9000),
	  JMP(0x1fff, 0x5000), -EEXIST },
	{ "two straddling sites, tails overlap", JMP(0x1ffe, 0x9000),
	  JMP(0x5fff, 0x9000), -EEXIST },
	{ "two straddling sites, pages swapped", JMP(0x1ffe, 0x9000),
	  JMP(0x9ffe, 0x1000), 0 },
	{ "two straddling sites, three pages", JMP(0x1ffe, 0x9000),
	  JMP(0x9ffe, 0x5000), 0 },
	{ "size 0", JMP(0x1100, 0), { { 0x2100 }, 0, { 1 } }, -EINVAL },
	{ "size 6", JMP(0x1100, 0), { { 0x2100 }, 6, { 1 } }, -EINVAL },
	{ "second page equals first", JMP(0x1100, 0), JMP(0x2fff, 0x2000),
	  -EINVAL },
	{ "last representable bytes", JMP(0x1100, 0), JMP(LAST_PA - 4, 0), 0 },
};

KUNIT_ARRAY_PARAM_DESC(overlap, overlap_rows, name);

static void overlaps(struct kunit *test)
{
	const struct overlap_row *row = test->param_value;
	const struct heki_site both[] = { row->known, row->added };
	struct heki_patch_map *map = new_map(test);
	struct heki_patch_hit hit;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, 0, add_sites(map, 1, &row->known, 1));
	KUNIT_EXPECT_EQ(test, row->err,
			add_sites(map, 2, &row->added, 1));
	KUNIT_EXPECT_EQ(test, map->nr, row->err ? 1UL : 2UL);
	for (i = 0; i < row->known.size; i++) {
		KUNIT_EXPECT_EQ(test, 0,
				heki_patch_map_find(map,
						    site_byte(&row->known, i),
						    &hit));
		KUNIT_EXPECT_TRUE(test, same_site(&hit.site, &row->known));
		KUNIT_EXPECT_EQ(test, hit.owner, 1U);
	}
	drop_sites(map, 2);
	KUNIT_EXPECT_EQ(test, drop_sites(map, 1), 1UL);
	KUNIT_EXPECT_TRUE(test, xa_empty(&map->frames));

	/* The same within one batch: all sites or none. */
	KUNIT_EXPECT_EQ(test, row->err, add_sites(map, 3, both, 2));
	KUNIT_EXPECT_EQ(test, map->nr, row->err ? 0UL : 2UL);
	KUNIT_EXPECT_EQ(test, xa_empty(&map->frames), !!row->err);
	if (!row->err) {
		/* Dropped sites can be added again, by any owner. */
		drop_sites(map, 3);
		KUNIT_EXPECT_EQ(test, 0, add_sites(map, 4, both, 2));
	}
	heki_patch_map_destroy(map);
}

/* The reference system kept sites before a bad one; the last overlap won. */
static void batch_all_or_nothing(struct kunit *test)
{
	static const struct heki_site first[] = {
		JMP(0x1100, 0), JMP(0x1fff, 0x9000), JMP(0x5100, 0),
	};
	static const struct heki_site second[] = {
		JMP(0x1200, 0), JMP(0x9100, 0), JMP(0x9fff, 0x7000),
		JMP(0x6000, 0), JMP(0x5102, 0),
	};
	struct heki_patch_map *map = new_map(test);
	struct heki_patch_hit hit;
	size_t bytes;

	KUNIT_ASSERT_EQ(test, 0, add_sites(map, 1, first, 3));
	bytes = map->bytes;
	KUNIT_EXPECT_EQ(test, -EEXIST, add_sites(map, 2, second, 5));
	KUNIT_EXPECT_EQ(test, map->nr, 3UL);
	KUNIT_EXPECT_EQ(test, map->bytes, bytes);
	KUNIT_EXPECT_EQ(test, -ENOENT, heki_patch_map_find(map, 0x1200, &hit));
	KUNIT_EXPECT_EQ(test, -ENOENT, heki_patch_map_find(map, 0x9100, &hit));
	KUNIT_EXPECT_EQ(test, -ENOENT, heki_patch_map_find(map, 0x7000, &hit));
	KUNIT_EXPECT_EQ(test, 0, heki_patch_map_find(map, 0x5102, &hit));
	KUNIT_EXPECT_EQ(test, hit.owner, 1U);
	KUNIT_EXPECT_EQ(test, 0, add_sites(map, 2, second, 4));
	KUNIT_EXPECT_EQ(test, map->nr, 7UL);
	heki_patch_map_destroy(map);
}

static void batch_commit_after_failure(struct kunit *test)
{
	static const struct heki_site good = JMP(0x1100, 0);
	static const struct heki_site again = JMP(0x1101, 0);
	static const struct heki_site other = JMP(0x2100, 0);
	struct heki_patch_map *map = new_map(test);
	struct heki_patch_batch batch;

	heki_patch_batch_begin(&batch, map, 0);
	KUNIT_EXPECT_EQ(test, 0, heki_patch_batch_add(&batch, &good));
	KUNIT_EXPECT_EQ(test, -EEXIST, heki_patch_batch_add(&batch, &again));
	KUNIT_EXPECT_EQ(test, -EEXIST, heki_patch_batch_add(&batch, &other));
	KUNIT_EXPECT_EQ(test, -EEXIST, heki_patch_batch_commit(&batch));
	KUNIT_EXPECT_EQ(test, map->nr, 0UL);
	KUNIT_EXPECT_TRUE(test, xa_empty(&map->frames));
	KUNIT_EXPECT_FALSE(test, mutex_is_locked(&map->update));
	heki_patch_map_destroy(map);
}

struct frame_log {
	unsigned long frames[8];
	unsigned int nr;
	unsigned int stop_at;
};

static int log_frame(unsigned long frame, void *ctx)
{
	struct frame_log *log = ctx;

	log->frames[log->nr++ % ARRAY_SIZE(log->frames)] = frame;
	return log->nr == log->stop_at ? -EBUSY : 0;
}

static void batch_frames(struct kunit *test)
{
	static const struct heki_site sites[] = {
		JMP(0x9100, 0), JMP(0x1fff, 0x5000), JMP(0x1100, 0),
	};
	struct heki_patch_map *map = new_map(test);
	struct heki_patch_batch batch;
	struct frame_log log = { };
	struct heki_patch_hit hit;
	unsigned int i;

	heki_patch_batch_begin(&batch, map, 0);
	for (i = 0; i < ARRAY_SIZE(sites); i++)
		KUNIT_EXPECT_EQ(test, 0,
				heki_patch_batch_add(&batch, &sites[i]));
	/* Slots are reserved, but not visible. */
	KUNIT_EXPECT_FALSE(test, xa_empty(&map->frames));
	KUNIT_EXPECT_EQ(test, -ENOENT, heki_patch_map_find(map, 0x9100, &hit));
	KUNIT_EXPECT_EQ(test, -ENOENT, heki_patch_map_next(map, 0, &hit));
	KUNIT_EXPECT_EQ(test, 0, heki_patch_batch_frames(&batch, log_frame,
							 &log));
	KUNIT_EXPECT_EQ(test, log.nr, 3U);
	KUNIT_EXPECT_EQ(test, log.frames[0], 1UL);
	KUNIT_EXPECT_EQ(test, log.frames[1], 5UL);
	KUNIT_EXPECT_EQ(test, log.frames[2], 9UL);
	log = (struct frame_log) { .stop_at = 2 };
	KUNIT_EXPECT_EQ(test, -EBUSY, heki_patch_batch_frames(&batch,
							      log_frame,
							      &log));
	KUNIT_EXPECT_EQ(test, log.nr, 2U);
	heki_patch_batch_abort(&batch);
	KUNIT_EXPECT_TRUE(test, xa_empty(&map->frames));
	heki_patch_map_destroy(map);
}

static void iterate_in_order(struct kunit *test)
{
	static const struct heki_site sites[] = {
		JMP(0x9100, 0), JMP(0x1fff, 0x5000), JMP(0x1100, 0),
		{ { 0x1105 }, 1, { 1 } }, JMP(0xfff, 0x2000),
	};
	static const unsigned int order[] = { 4, 2, 3, 1, 0 };
	struct heki_patch_map *map = new_map(test);
	struct heki_patch_hit hit;
	phys_addr_t from = 0;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, 0, add_sites(map, 0, sites,
					   ARRAY_SIZE(sites)));
	for (i = 0; i < ARRAY_SIZE(order); i++) {
		KUNIT_ASSERT_EQ(test, 0, heki_patch_map_next(map, from, &hit));
		KUNIT_EXPECT_TRUE(test, same_site(&hit.site,
						  &sites[order[i]]));
		KUNIT_EXPECT_EQ(test, hit.at, 0U);
		from = hit.site.pa[0] + 1;
	}
	KUNIT_EXPECT_EQ(test, -ENOENT, heki_patch_map_next(map, from, &hit));
	heki_patch_map_destroy(map);
}

static void drop_by_owner(struct kunit *test)
{
	static const struct heki_site ours[] = {
		JMP(0x1100, 0), JMP(0x1fff, 0x9000), JMP(0x9100, 0),
	};
	static const struct heki_site theirs[] = {
		JMP(0x1200, 0), JMP(0x9fff, 0x1000), JMP(0x9200, 0),
	};
	struct heki_patch_map *map = new_map(test);
	struct heki_patch_hit hit;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, 0, add_sites(map, 1, ours, 3));
	KUNIT_ASSERT_EQ(test, 0, add_sites(map, 2, theirs, 3));
	KUNIT_EXPECT_EQ(test, drop_sites(map, 3), 0UL);
	KUNIT_EXPECT_EQ(test, drop_sites(map, 1), 3UL);
	KUNIT_EXPECT_EQ(test, drop_sites(map, 1), 0UL);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, -ENOENT,
				heki_patch_map_find(map, ours[i].pa[0], &hit));
		KUNIT_EXPECT_EQ(test, -ENOENT,
				heki_patch_map_find(map, site_byte(&ours[i], 1),
						    &hit));
		KUNIT_EXPECT_EQ(test, 0,
				heki_patch_map_find(map, theirs[i].pa[0],
						    &hit));
		KUNIT_EXPECT_EQ(test, 0,
				heki_patch_map_find(map,
						    site_byte(&theirs[i], 1),
						    &hit));
	}
	KUNIT_EXPECT_EQ(test, drop_sites(map, 2), 3UL);
	KUNIT_EXPECT_TRUE(test, xa_empty(&map->frames));
	KUNIT_EXPECT_EQ(test, map->bytes, 0UL);
	KUNIT_EXPECT_EQ(test, map->nr, 0UL);
	heki_patch_map_destroy(map);
}

static void drop_by_frames(struct kunit *test)
{
	static const struct heki_site sites[] = {
		JMP(0x1100, 0), JMP(0x1fff, 0x9000), JMP(0x9fff, 0xa000),
		JMP(0xa100, 0), JMP(0x8fff, 0xb000), JMP(0x2fff, 0x7000),
	};
	struct heki_patch_map *map = new_map(test);
	struct heki_patch_hit hit;

	KUNIT_ASSERT_EQ(test, 0, add_sites(map, 1, sites,
					   ARRAY_SIZE(sites)));
	KUNIT_EXPECT_EQ(test, heki_patch_map_drop_frames(map, 2, 9, 9), 0UL);
	/* One site begins in the page, another ends in it. */
	KUNIT_EXPECT_EQ(test, heki_patch_map_drop_frames(map, 1, 9, 9), 2UL);
	KUNIT_EXPECT_EQ(test, -ENOENT, heki_patch_map_find(map, 0x1fff, &hit));
	KUNIT_EXPECT_EQ(test, -ENOENT, heki_patch_map_find(map, 0xa000, &hit));
	KUNIT_EXPECT_EQ(test, 0, heki_patch_map_find(map, 0x1100, &hit));
	KUNIT_EXPECT_EQ(test, 0, heki_patch_map_find(map, 0xa100, &hit));
	/* The tail of a site that begins in an earlier page. */
	KUNIT_EXPECT_EQ(test, heki_patch_map_drop_frames(map, 1, 0xb, 0xff),
			1UL);
	KUNIT_EXPECT_EQ(test, -ENOENT, heki_patch_map_find(map, 0x8fff, &hit));
	KUNIT_EXPECT_NULL(test, xa_load(&map->frames, 0x8));
	KUNIT_EXPECT_NULL(test, xa_load(&map->frames, 0xb));
	/* The head of a site that ends in a later page. */
	KUNIT_EXPECT_EQ(test, heki_patch_map_drop_frames(map, 1, 2, 2), 1UL);
	KUNIT_EXPECT_NULL(test, xa_load(&map->frames, 0x2));
	KUNIT_EXPECT_NULL(test, xa_load(&map->frames, 0x7));
	KUNIT_EXPECT_EQ(test, map->nr, 2UL);
	KUNIT_EXPECT_EQ(test, drop_sites(map, 1), 2UL);
	KUNIT_EXPECT_TRUE(test, xa_empty(&map->frames));
	heki_patch_map_destroy(map);
}

static bool fail_always(void *ctx)
{
	return true;
}

/* In the reference system a failed drop left patches active. */
static void drop_allocates_nothing(struct kunit *test)
{
	static const struct heki_site sites[] = {
		JMP(0x1100, 0), JMP(0x1fff, 0x9000), JMP(0x9fff, 0x5000),
	};
	static const struct heki_site others[] = { JMP(0x1200, 0) };
	struct heki_patch_map *map = new_map(test);

	KUNIT_ASSERT_EQ(test, 0, add_sites(map, 1, sites, 3));
	KUNIT_ASSERT_EQ(test, 0, add_sites(map, 2, others, 1));
	map->alloc_fails = fail_always;
	KUNIT_EXPECT_EQ(test, drop_sites(map, 1), 3UL);
	KUNIT_EXPECT_EQ(test, drop_sites(map, 2), 1UL);
	KUNIT_EXPECT_TRUE(test, xa_empty(&map->frames));
	heki_patch_map_destroy(map);
}

struct locked_log {
	struct kunit *test;
	struct heki_patch_map *map;
	phys_addr_t expected;
	unsigned int calls;
};

static int log_locked(const struct heki_patch_hit *hit, void *ctx)
{
	struct locked_log *log = ctx;

	log->calls++;
	KUNIT_EXPECT_TRUE(log->test, irqs_disabled());
	KUNIT_EXPECT_EQ(log->test, hit->site.pa[0], log->expected);
	return 42;
}

static void locked(struct kunit *test)
{
	static const struct heki_site sites[] = {
		JMP(0x1100, 0), JMP(0x1fff, 0x9000),
	};
	struct heki_patch_map *map = new_map(test);
	struct locked_log log = { .test = test, .map = map };

	KUNIT_ASSERT_EQ(test, 0, add_sites(map, 1, sites, 2));
	log.expected = 0x1fff;
	KUNIT_EXPECT_EQ(test, 42, heki_patch_map_locked(map, 0x1fff, 0x1fff,
							log_locked, &log));
	KUNIT_EXPECT_EQ(test, 42, heki_patch_map_locked(map, 0x9000, 0x1fff,
							log_locked, &log));
	KUNIT_EXPECT_EQ(test, -ENOENT,
			heki_patch_map_locked(map, 0x2000, 0x2000, log_locked, &log));
	KUNIT_EXPECT_EQ(test, log.calls, 2U);
	KUNIT_EXPECT_FALSE(test, irqs_disabled());
	heki_patch_map_destroy(map);
}

/* Needs several CPUs to race. */

struct race {
	struct heki_patch_map *map;
	struct completion done[2];
	bool stop;
	unsigned long count;
	unsigned long hits[2];
	unsigned int wrong;
	bool gone;
};

static int race_count(const struct heki_patch_hit *hit, void *ctx)
{
	struct race *race = ctx;

	if (READ_ONCE(race->gone) || hit->site.pa[0] != 0x1fff)
		race->wrong++;
	/* Not atomic: the site lock must serialise it. */
	WRITE_ONCE(race->count, READ_ONCE(race->count) + 1);
	return 0;
}

static int race_run(struct race *race, unsigned int me)
{
	phys_addr_t pa = me ? 0x9000 : 0x1fff;

	while (!READ_ONCE(race->stop)) {
		if (!heki_patch_map_locked(race->map, pa, pa, race_count, race))
			race->hits[me]++;
		cond_resched();
	}
	complete(&race->done[me]);
	return 0;
}

static int race_first(void *ctx)
{
	return race_run(ctx, 0);
}

static int race_second(void *ctx)
{
	return race_run(ctx, 1);
}

/* One site, looked up from both pages while it is added and dropped. */
static void concurrent_drop(struct kunit *test)
{
	static const struct heki_site site = JMP(0x1fff, 0x9000);
	static const struct heki_site others[] = {
		JMP(0x1100, 0), JMP(0x9100, 0),
	};
	struct race *race = kunit_kzalloc(test, sizeof(*race), GFP_KERNEL);
	unsigned int i, failed = 0;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, race);
	race->map = new_map(test);
	race->gone = true;
	init_completion(&race->done[0]);
	init_completion(&race->done[1]);
	kthread_run(race_first, race, "lvbs-race-0");
	kthread_run(race_second, race, "lvbs-race-1");
	for (i = 0; i < 200; i++) {
		WRITE_ONCE(race->gone, false);
		failed += !!add_sites(race->map, 1, &site, 1);
		failed += !!add_sites(race->map, 2, others, 2);
		schedule_timeout_uninterruptible(i % 16 ? 0 : 1);
		failed += drop_sites(race->map, 1) != 1;
		/* No locked call for the site is in progress any more. */
		WRITE_ONCE(race->gone, true);
		failed += drop_sites(race->map, 2) != 2;
	}
	WRITE_ONCE(race->stop, true);
	wait_for_completion(&race->done[0]);
	wait_for_completion(&race->done[1]);

	KUNIT_EXPECT_EQ(test, failed, 0U);
	KUNIT_EXPECT_EQ(test, race->wrong, 0U);
	KUNIT_EXPECT_EQ(test, race->count, race->hits[0] + race->hits[1]);
	KUNIT_EXPECT_TRUE(test, xa_empty(&race->map->frames));
	kunit_info(test, "%lu hits", race->count);
	heki_patch_map_destroy(race->map);
}

/* The model: a list of sites, searched byte by byte. */

#define MODEL_MAX 512

struct model {
	struct heki_site sites[MODEL_MAX];
	u32 owners[MODEL_MAX];
	unsigned int nr;
};

static bool model_find(const struct model *model, phys_addr_t pa,
		       unsigned int *i, unsigned int *at)
{
	for (*i = 0; *i < model->nr; (*i)++) {
		for (*at = 0; *at < model->sites[*i].size; (*at)++) {
			if (site_byte(&model->sites[*i], *at) == pa)
				return true;
		}
	}
	return false;
}

static bool model_overlaps(const struct model *model,
			   const struct heki_site *site)
{
	unsigned int i, j, at;

	for (j = 0; j < site->size; j++) {
		if (model_find(model, site_byte(site, j), &i, &at))
			return true;
	}
	return false;
}

static unsigned int model_drop(struct model *model, u32 owner,
			       unsigned long first, unsigned long last)
{
	unsigned int i, j, kept = 0, old = model->nr;

	for (i = 0; i < old; i++) {
		bool on = false;

		for (j = 0; j < model->sites[i].size; j++) {
			phys_addr_t pa = site_byte(&model->sites[i], j);

			on |= pa / 4096 >= first && pa / 4096 <= last;
		}
		if (on && model->owners[i] == owner)
			continue;
		model->sites[kept] = model->sites[i];
		model->owners[kept++] = model->owners[i];
	}
	model->nr = kept;
	return old - kept;
}

/* Few pages, some far apart; offsets mostly near page boundaries. */
static unsigned long random_frame(struct rnd_state *rnd)
{
	static const unsigned long frames[] = {
		1, 2, 3, 0x40, 0x41, 0xfff, 0x12345, 0xfffff,
	};

	return frames[prandom_u32_state(rnd) % ARRAY_SIZE(frames)];
}

static unsigned int random_offset(struct rnd_state *rnd)
{
	u32 r = prandom_u32_state(rnd);

	switch (r % 4) {
	case 0:
		return (r >> 8) % 12;
	case 1:
		return 0xfff - (r >> 8) % 12;
	default:
		return 0x400 + (r >> 8) % 512;
	}
}

static struct heki_site random_site(struct rnd_state *rnd)
{
	struct heki_site site = { };

	do {
		site.pa[0] = ((phys_addr_t)random_frame(rnd) << 12) +
			     random_offset(rnd);
		site.size = 1 + prandom_u32_state(rnd) % 5;
		site.pa[1] = 0;
		if ((site.pa[0] & 0xfff) + site.size > 0x1000)
			site.pa[1] = (phys_addr_t)random_frame(rnd) << 12;
	} while (site.pa[0] >> 12 == site.pa[1] >> 12);
	prandom_bytes_state(rnd, site.code, site.size);
	return site;
}

static bool model_add(struct kunit *test, struct model *model,
		      struct heki_patch_map *map, struct rnd_state *rnd)
{
	struct heki_site sites[4];
	unsigned int i, nr = 1 + prandom_u32_state(rnd) % 4, old = model->nr;
	u32 owner = prandom_u32_state(rnd) % 3;
	int err = 0;

	for (i = 0; i < nr; i++) {
		sites[i] = random_site(rnd);
		if (err || model_overlaps(model, &sites[i])) {
			err = -EEXIST;
			continue;
		}
		model->owners[model->nr] = owner;
		model->sites[model->nr++] = sites[i];
	}
	if (err)
		model->nr = old;
	return add_sites(map, owner, sites, nr) == err;
}

static bool model_search(struct model *model, struct heki_patch_map *map,
			 phys_addr_t pa)
{
	struct heki_patch_hit hit;
	unsigned int i, at;

	if (heki_patch_map_find(map, pa, &hit))
		return !model_find(model, pa, &i, &at);
	return model_find(model, pa, &i, &at) && hit.at == at &&
	       hit.owner == model->owners[i] &&
	       same_site(&hit.site, &model->sites[i]);
}

static bool model_walk(struct model *model, struct heki_patch_map *map)
{
	struct heki_patch_hit hit;
	phys_addr_t from = 0;
	unsigned int i, at, nr = 0;

	while (!heki_patch_map_next(map, from, &hit)) {
		if (hit.site.pa[0] < from ||
		    !model_find(model, hit.site.pa[0], &i, &at) || at ||
		    !same_site(&hit.site, &model->sites[i]) ||
		    hit.owner != model->owners[i])
			return false;
		from = hit.site.pa[0] + 1;
		nr++;
	}
	return nr == model->nr && nr == map->nr;
}

#define MODEL_OPS RANDOM_ROUNDS(120000)

static void random_against_model(struct kunit *test)
{
	struct heki_patch_map *map = new_map(test);
	struct model *model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	unsigned int i, sum = 0, wrong = 0;
	struct rnd_state rnd;
	u32 seed;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, model);
	seed = random_start(test, &rnd);

	for (i = 0; i < MODEL_OPS && !wrong; i++) {
		u32 r = prandom_u32_state(&rnd), owner = (r >> 16) % 3;
		unsigned long first = 0, last = ULONG_MAX;

		if (model->nr + 4 > MODEL_MAX || r % 2000 == 0) {
			wrong += drop_sites(map, owner) !=
				 model_drop(model, owner, first, last);
		} else if (r % 200 == 1) {
			first = random_frame(&rnd);
			last = r & 0x80 ? first : random_frame(&rnd);
			wrong += heki_patch_map_drop_frames(map, owner, first,
							    last) !=
				 model_drop(model, owner, first, last);
		} else if (r % 100 == 2) {
			wrong += !model_walk(model, map);
		} else if (r % 3 == 0) {
			wrong += !model_add(test, model, map, &rnd);
		} else {
			phys_addr_t pa = random_site(&rnd).pa[0];

			wrong += !model_search(model, map, pa);
		}
		sum += model->nr;
	}
	KUNIT_EXPECT_EQ_MSG(test, wrong, 0U, "seed %#x, operation %u", seed,
			    i);
	kunit_info(test, "%u operations, %u sites on average", i, sum / i);

	for (i = 0; i < 3; i++)
		drop_sites(map, i);
	KUNIT_EXPECT_TRUE(test, xa_empty(&map->frames));
	KUNIT_EXPECT_EQ(test, map->bytes, 0UL);
	heki_patch_map_destroy(map);
}

static void fail_each_allocation(struct kunit *test)
{
	static const struct heki_site known[] = {
		JMP(0x1100, 0), JMP(0x1fff, 0x9000),
	};
	static struct heki_site added[40];
	struct heki_patch_map *map = new_map(test);
	struct heki_patch_hit hit;
	unsigned int i, nth, left;
	size_t bytes;
	int err;

	for (i = 0; i < ARRAY_SIZE(added); i++) {
		added[i] = (struct heki_site)JMP(0x1200 + 8 * i, 0);
		if (i % 4 == 1)
			added[i].pa[0] += 0x10000ULL * i;
	}
	added[5] = (struct heki_site)JMP(0x5fff, 0x8000000);
	added[6] = (struct heki_site)JMP(0x9ffe, 0x5000);
	KUNIT_ASSERT_EQ(test, 0, add_sites(map, 1, known, 2));
	bytes = map->bytes;
	map->alloc_fails = fail_nth;
	map->alloc_ctx = &left;
	for (nth = 0; nth < 1000; nth++) {
		left = nth;
		err = add_sites(map, 2, added, ARRAY_SIZE(added));
		if (!err)
			break;
		KUNIT_ASSERT_EQ(test, err, -ENOMEM);
		KUNIT_ASSERT_EQ(test, map->nr, 2UL);
		KUNIT_ASSERT_EQ(test, map->bytes, bytes);
		for (i = 0; i < ARRAY_SIZE(added); i++)
			KUNIT_ASSERT_EQ(test, -ENOENT,
					heki_patch_map_find(map,
							    added[i].pa[0],
							    &hit));
		KUNIT_ASSERT_FALSE(test, mutex_is_locked(&map->update));
	}
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_GT(test, nth, 20U);
	KUNIT_EXPECT_EQ(test, map->nr, 2 + ARRAY_SIZE(added));
	kunit_info(test, "%u allocations", nth);
	heki_patch_map_destroy(map);
}

/* The largest possible table. */
static void page_full(struct kunit *test)
{
	struct heki_patch_map *map = new_map(test);
	struct heki_patch_batch batch;
	struct heki_site site = { .size = 1 };
	struct heki_patch_hit hit;
	unsigned int i, wrong = 0;

	heki_patch_batch_begin(&batch, map, 0);
	for (i = 0; i < 4096; i++) {
		/* Not in address order. */
		site.pa[0] = 0x1000 + i * 1021 % 4096;
		site.code[0] = site.pa[0];
		wrong += !!heki_patch_batch_add(&batch, &site);
	}
	KUNIT_EXPECT_EQ(test, 0, heki_patch_batch_commit(&batch));
	for (i = 0; i < 4096; i++)
		wrong += heki_patch_map_find(map, 0x1000 + i, &hit) || hit.at ||
			 hit.site.code[0] != (u8)i;
	KUNIT_EXPECT_EQ(test, wrong, 0U);
	KUNIT_EXPECT_EQ(test, drop_sites(map, 0), 4096UL);
	heki_patch_map_destroy(map);
}

/* Memory of the XArray's nodes. */
static size_t node_bytes(struct heki_patch_map *map)
{
	unsigned int shift = 0;
	size_t nodes, sum = 0;

	do {
		unsigned long pfn, last = 0;
		void *table;

		shift += XA_CHUNK_SHIFT;
		nodes = 0;
		xa_for_each(&map->frames, pfn, table) {
			if (!nodes || pfn >> shift != last)
				nodes++;
			last = pfn >> shift;
		}
		sum += nodes;
	} while (nodes > 1);
	return sum * sizeof(struct xa_node);
}

static struct heki_site nth_site(unsigned long i, unsigned int stride)
{
	unsigned long per_page = 0x1000 / stride;

	return (struct heki_site)JMP(0x1000000ULL + i / per_page * 0x1000 +
				     i % per_page * stride, 0);
}

#define SEARCHES RANDOM_ROUNDS(100000)

static u64 search_time(struct heki_patch_map *map, unsigned long nr,
		       unsigned int stride, unsigned int *missed)
{
	struct heki_patch_hit hit;
	unsigned int i;
	u64 start = ktime_get_ns();

	for (i = 0; i < SEARCHES; i++) {
		struct heki_site site = nth_site(i * 7919UL % nr, stride);

		*missed += !!heki_patch_map_find(map, site.pa[0], &hit);
	}
	return div_u64(ktime_get_ns() - start, SEARCHES);
}

static void fill(struct kunit *test, unsigned long nr, unsigned int stride)
{
	struct heki_patch_map *map = new_map(test);
	struct heki_patch_batch batch;
	unsigned int missed = 0;
	u64 start, added, searched, dropped;
	unsigned long i, bytes;

	start = ktime_get_ns();
	heki_patch_batch_begin(&batch, map, 0);
	for (i = 0; i < nr; i++) {
		struct heki_site site = nth_site(i, stride);

		if (heki_patch_batch_add(&batch, &site))
			break;
		cond_resched();
	}
	KUNIT_EXPECT_EQ(test, 0, heki_patch_batch_commit(&batch));
	added = ktime_get_ns() - start;
	KUNIT_EXPECT_EQ(test, map->nr, (size_t)nr);

	bytes = map->bytes + node_bytes(map);
	searched = search_time(map, nr, stride, &missed);
	KUNIT_EXPECT_EQ(test, missed, 0U);
	/* With few sites, the nodes dominate. */
	if (nr > 10)
		KUNIT_EXPECT_LE(test, bytes, 64 * nr);

	start = ktime_get_ns();
	KUNIT_EXPECT_EQ(test, drop_sites(map, 0), (size_t)nr);
	dropped = ktime_get_ns() - start;
	KUNIT_EXPECT_TRUE(test, xa_empty(&map->frames));
	kunit_info(test,
		   "%lu sites %u bytes apart: %lu bytes per site, search %llu ns, add %llu us, drop %llu us",
		   nr, stride, bytes / nr, searched, div_u64(added, 1000),
		   div_u64(dropped, 1000));
	heki_patch_map_destroy(map);
}

static void scaling(struct kunit *test)
{
	const unsigned long many = RANDOM_ROUNDS(100000);

	fill(test, 10, 16);
	fill(test, 10 * many, 16);
	fill(test, many, 5);
	fill(test, many, 256);
	fill(test, 10, 2048);
	fill(test, many, 2048);
	fill(test, many, 4096);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(find_each_byte),
	KUNIT_CASE(find_outside_sites),
	KUNIT_CASE_PARAM(overlaps, overlap_gen_params),
	KUNIT_CASE(batch_all_or_nothing),
	KUNIT_CASE(batch_commit_after_failure),
	KUNIT_CASE(batch_frames),
	KUNIT_CASE(iterate_in_order),
	KUNIT_CASE(drop_by_owner),
	KUNIT_CASE(drop_by_frames),
	KUNIT_CASE(drop_allocates_nothing),
	KUNIT_CASE(locked),
	KUNIT_CASE(concurrent_drop),
	KUNIT_CASE(random_against_model),
	KUNIT_CASE(fail_each_allocation),
	KUNIT_CASE(page_full),
	KUNIT_CASE(scaling),
	{ }
};

static struct kunit_suite suite = {
	.name = "lvbs_heki_patch_map",
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_LICENSE("GPL");
