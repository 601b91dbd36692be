// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of claims: each cell of the conflict table in vmap_manager.h with
 * all shapes of frame sets, also of mappings in local windows, and random claims
 * against a counter for each frame.
 */
#include <kunit/test.h>
#include <linux/limits.h>
#include <linux/preempt.h>
#include <linux/string.h>

#include "kunit/fakes/random.h"
#include "kunit/fakes/vmap.h"
#include "kunit/param.h"
#include "phys/phys.h"

#define NO_HOLDER	NULL

static struct phys_frames run_of(unsigned long first, unsigned long nr)
{
	return (struct phys_frames) { .first = first, .nr = nr };
}

static struct phys_frames list_of(const unsigned long *pfns, unsigned long nr)
{
	return (struct phys_frames) { .pfns = pfns, .nr = nr };
}

static int claim_init(struct kunit *test)
{
	struct phys_claims *claims;

	claims = kunit_kzalloc(test, sizeof(*claims), GFP_KERNEL);
	if (!claims)
		return -ENOMEM;
	phys_claims_init(claims);
	test->priv = claims;
	return 0;
}

static void claim_exit(struct kunit *test)
{
	if (test->priv)
		KUNIT_EXPECT_TRUE(test, fake_claims_empty(test->priv));
}

/* The record of the claim in this context's local window. */
static struct phys_local_claim *held;

static int add_local(struct phys_claims *claims, enum phys_claim_kind kind,
		     const void *holder, const struct phys_frames *frames)
{
	return phys_claim_add_local(claims, kind, holder, frames, &held);
}

static void del_local(void)
{
	phys_claim_del_local(held);
}

/* ---- the conflict table ---- */

struct cell_row {
	const char *name;
	enum phys_claim_kind newcomer;
	enum phys_claim_kind holder;
	int err;
};

#define CELL(newcomer, holder, err)				\
	{ #newcomer ", existing " #holder, PHYS_CLAIM_##newcomer,	\
	  PHYS_CLAIM_##holder, err }

static const struct cell_row cell_rows[] = {
	CELL(READ, READ, 0),
	CELL(READ, WRITE, 0),
	CELL(READ, PRIVILEGED, 0),
	CELL(READ, SHARED, 0),
	CELL(READ, EXCLUSIVE, -EBUSY),
	CELL(READ, OFFLINE, -EBUSY),
	CELL(READ, PROTECTED, 0),

	CELL(WRITE, READ, 0),
	CELL(WRITE, WRITE, 0),
	CELL(WRITE, PRIVILEGED, 0),
	CELL(WRITE, SHARED, -EBUSY),
	CELL(WRITE, EXCLUSIVE, -EBUSY),
	CELL(WRITE, OFFLINE, -EBUSY),
	CELL(WRITE, PROTECTED, -EROFS),

	CELL(PRIVILEGED, READ, 0),
	CELL(PRIVILEGED, WRITE, 0),
	CELL(PRIVILEGED, PRIVILEGED, 0),
	CELL(PRIVILEGED, SHARED, -EBUSY),
	CELL(PRIVILEGED, EXCLUSIVE, -EBUSY),
	CELL(PRIVILEGED, OFFLINE, -EBUSY),
	CELL(PRIVILEGED, PROTECTED, 0),

	CELL(SHARED, READ, 0),
	CELL(SHARED, WRITE, -EBUSY),
	CELL(SHARED, PRIVILEGED, -EBUSY),
	CELL(SHARED, SHARED, 0),
	CELL(SHARED, EXCLUSIVE, -EBUSY),
	CELL(SHARED, OFFLINE, -EBUSY),
	CELL(SHARED, PROTECTED, 0),

	CELL(EXCLUSIVE, READ, -EBUSY),
	CELL(EXCLUSIVE, WRITE, -EBUSY),
	CELL(EXCLUSIVE, PRIVILEGED, -EBUSY),
	CELL(EXCLUSIVE, SHARED, -EBUSY),
	CELL(EXCLUSIVE, EXCLUSIVE, -EBUSY),
	CELL(EXCLUSIVE, OFFLINE, -EBUSY),
	CELL(EXCLUSIVE, PROTECTED, 0),

	CELL(OFFLINE, READ, -EBUSY),
	CELL(OFFLINE, WRITE, -EBUSY),
	CELL(OFFLINE, PRIVILEGED, -EBUSY),
	CELL(OFFLINE, SHARED, -EBUSY),
	CELL(OFFLINE, EXCLUSIVE, -EBUSY),
	CELL(OFFLINE, OFFLINE, -EBUSY),
	CELL(OFFLINE, PROTECTED, 0),

	CELL(PROTECTED, READ, 0),
	CELL(PROTECTED, WRITE, -EBUSY),
	CELL(PROTECTED, PRIVILEGED, 0),
	CELL(PROTECTED, SHARED, 0),
	CELL(PROTECTED, EXCLUSIVE, 0),
	CELL(PROTECTED, OFFLINE, -EBUSY),
	CELL(PROTECTED, PROTECTED, 0),
};

KUNIT_ARRAY_PARAM_DESC(cell, cell_rows, name);

/* Pairs of frame sets, and whether they have a frame in common. */
struct pair_row {
	const char *name;
	struct phys_frames a;
	struct phys_frames b;
	bool overlap;
};

static const unsigned long evens[] = { 10, 12, 14, 16, 18 };
static const unsigned long odds[] = { 17, 15, 13, 11, 19 };
static const unsigned long mixed[] = { 40, 3, 18, 30 };
static const unsigned long wide[] = { 100, 1 };
static const unsigned long ends[] = { ULONG_MAX, 0 };
static const unsigned long low[] = { 0 };

#define RUN(from, count)	{ .first = (from), .nr = (count) }
#define LIST(list, count)	{ .pfns = (list), .nr = (count) }

static const struct pair_row pair_rows[] = {
	{ "run, same run", RUN(10, 4), RUN(10, 4), true },
	{ "run, one of its frames", RUN(10, 4), RUN(12, 1), true },
	{ "run, overlaps its last frame", RUN(10, 4), RUN(13, 9), true },
	{ "run, adjacent after", RUN(10, 4), RUN(14, 9), false },
	{ "run, adjacent before", RUN(10, 4), RUN(6, 4), false },
	{ "run, overlaps its first frame", RUN(10, 4), RUN(6, 5), true },
	{ "run, contains it", RUN(10, 4), RUN(0, 100), true },
	{ "run to the last frame, last frame", RUN(ULONG_MAX - 3, 4),
	  RUN(ULONG_MAX, 1), true },
	{ "all frames, one frame", RUN(0, ULONG_MAX), RUN(77, 1), true },
	{ "frame 0, all other frames", RUN(0, 1), RUN(1, ULONG_MAX), false },

	{ "run, list with one of its frames", RUN(30, 2), LIST(mixed, 4), true },
	{ "run, list with its first frame", RUN(40, 9), LIST(mixed, 4), true },
	{ "run, list with its last frame", RUN(20, 11), LIST(mixed, 4), true },
	{ "run in a gap of a list", RUN(31, 9), LIST(mixed, 4), false },
	{ "run in the widest gap of a list", RUN(2, 98), LIST(wide, 2), false },
	{ "run that contains a list", RUN(0, 200), LIST(wide, 2), true },
	{ "run between both ends", RUN(1, ULONG_MAX - 1), LIST(ends, 2), false },
	{ "last frame, list with both ends", RUN(ULONG_MAX, 1), LIST(ends, 2),
	  true },

	{ "list, same list", LIST(evens, 5), LIST(evens, 5), true },
	{ "lists interleaved, disjoint", LIST(evens, 5), LIST(odds, 5), false },
	{ "lists with one frame in common", LIST(evens, 5), LIST(mixed, 4), true },
	{ "lists with nested intervals", LIST(wide, 2), LIST(evens, 5),
	  false },
	{ "lists with frame 0 in common", LIST(low, 1), LIST(ends, 2), true },
	{ "lists far apart", LIST(low, 1), LIST(evens, 5), false },
};

/* One cell of the table with one pair of frame sets. */
static void check_pair(struct kunit *test, const struct cell_row *cell,
		       const char *name, const struct phys_frames *there,
		       const struct phys_frames *coming, bool overlap)
{
	struct phys_claims *claims = test->priv;
	struct phys_claim old = { .kind = cell->holder, .holder = NO_HOLDER };
	struct phys_claim new = { .kind = cell->newcomer };
	int err = overlap ? cell->err : 0, got;

	KUNIT_ASSERT_EQ_MSG(test, phys_claim_add(claims, &old, there), 0,
			    "%s", name);
	KUNIT_EXPECT_EQ_MSG(test,
			    phys_claim_check(claims, new.kind, NULL, coming),
			    err, "%s, check", name);
	got = phys_claim_add(claims, &new, coming);
	KUNIT_EXPECT_EQ_MSG(test, got, err, "%s", name);
	if (!got)
		phys_claim_del(claims, &new);
	phys_claim_del(claims, &old);
	KUNIT_EXPECT_TRUE_MSG(test, fake_claims_empty(claims), "%s", name);
}

static void cell_test(struct kunit *test)
{
	const struct cell_row *cell = test->param_value;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(pair_rows); i++) {
		const struct pair_row *pair = &pair_rows[i];

		check_pair(test, cell, pair->name, &pair->a, &pair->b,
			   pair->overlap);
		check_pair(test, cell, pair->name, &pair->b, &pair->a,
			   pair->overlap);
	}
}

/* ---- holders ---- */

static void holder_test(struct kunit *test)
{
	const struct cell_row *cell = test->param_value;
	struct phys_claims *claims = test->priv;
	struct phys_frames frames = run_of(10, 4);
	const int me = 0, other = 0;
	const struct {
		const char *name;
		const void *there;
		const void *coming;
		bool friends;
	} rows[] = {
		{ "the same holder", &me, &me, true },
		{ "two holders", &me, &other, false },
		{ "existing has a holder, new has none", &me, NO_HOLDER, false },
		{ "existing has no holder, new has one", NO_HOLDER, &me, false },
		/* NULL is not a holder. */
		{ "no holders", NO_HOLDER, NO_HOLDER, false },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct phys_claim old = { .kind = cell->holder,
					  .holder = rows[i].there };
		struct phys_claim new = { .kind = cell->newcomer,
					  .holder = rows[i].coming };
		int err = rows[i].friends ? 0 : cell->err, got;

		KUNIT_ASSERT_EQ(test, phys_claim_add(claims, &old, &frames), 0);
		KUNIT_EXPECT_EQ_MSG(test,
				    phys_claim_check(claims, new.kind,
						     new.holder, &frames),
				    err, "%s, check", rows[i].name);
		got = phys_claim_add(claims, &new, &frames);
		KUNIT_EXPECT_EQ_MSG(test, got, err, "%s", rows[i].name);
		if (!got)
			phys_claim_del(claims, &new);
		phys_claim_del(claims, &old);
	}
}

/* A claim of the same holder must not hide a conflicting one. */
static void holder_hides_no_conflict_test(struct kunit *test)
{
	struct phys_claims *claims = test->priv;
	struct phys_frames frames = run_of(10, 4);
	const int me = 0, other = 0;
	struct phys_claim mine = { .kind = PHYS_CLAIM_SHARED, .holder = &me };
	struct phys_claim others = { .kind = PHYS_CLAIM_SHARED,
				     .holder = &other };

	KUNIT_ASSERT_EQ(test, phys_claim_add(claims, &mine, &frames), 0);
	KUNIT_ASSERT_EQ(test, phys_claim_add(claims, &others, &frames), 0);
	KUNIT_EXPECT_EQ(test, -EBUSY,
			phys_claim_check(claims, PHYS_CLAIM_WRITE, &me,
					 &frames));
	phys_claim_del(claims, &others);
	KUNIT_EXPECT_EQ(test, 0,
			phys_claim_check(claims, PHYS_CLAIM_WRITE, &me,
					 &frames));
	phys_claim_del(claims, &mine);
}

/* ---- exclusive protections ---- */

struct exclusive_row {
	const char *name;
	bool newcomer;
	bool holder;
	int err;
};

static const struct exclusive_row exclusive_rows[] = {
	{ "ordinary, existing ordinary", false, false, 0 },
	{ "ordinary, existing exclusive", false, true, -EBUSY },
	{ "exclusive, existing ordinary", true, false, -EROFS },
	{ "exclusive, existing exclusive", true, true, -EEXIST },
};

KUNIT_ARRAY_PARAM_DESC(exclusive, exclusive_rows, name);

static void exclusive_test(struct kunit *test)
{
	const struct exclusive_row *row = test->param_value;
	struct phys_claims *claims = test->priv;
	struct phys_claim old = { .kind = PHYS_CLAIM_PROTECTED,
				  .exclusive = row->holder };
	struct phys_claim new = { .kind = PHYS_CLAIM_PROTECTED,
				  .exclusive = row->newcomer };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(pair_rows); i++) {
		const struct pair_row *pair = &pair_rows[i];
		int err = pair->overlap ? row->err : 0, got;

		KUNIT_ASSERT_EQ(test, 0, phys_claim_add(claims, &old,
							&pair->a));
		got = phys_claim_add(claims, &new, &pair->b);
		KUNIT_EXPECT_EQ_MSG(test, got, err, "%s", pair->name);
		if (!got)
			phys_claim_del(claims, &new);
		phys_claim_del(claims, &old);
	}
}

/* Other kinds of claims treat exclusive protections like ordinary ones. */
static void exclusive_other_kinds_test(struct kunit *test)
{
	const struct cell_row *cell = test->param_value;
	struct phys_claims *claims = test->priv;
	struct phys_frames frames = run_of(10, 4);
	struct phys_claim old = { .kind = cell->holder, .exclusive = true };
	struct phys_claim new = { .kind = cell->newcomer, .exclusive = true };
	int got;

	if (cell->holder == PHYS_CLAIM_PROTECTED &&
	    cell->newcomer == PHYS_CLAIM_PROTECTED)
		return;	/* tested above */

	KUNIT_ASSERT_EQ(test, 0, phys_claim_add(claims, &old, &frames));
	got = phys_claim_add(claims, &new, &frames);
	KUNIT_EXPECT_EQ(test, got, cell->err);
	if (!got)
		phys_claim_del(claims, &new);
	phys_claim_del(claims, &old);
}

/* ---- mappings in local windows ---- */

/* A record is of one CPU, so all until its release is one piece. */
struct local_pair {
	const struct phys_frames *there;
	const struct phys_frames *coming;
	const void *there_holder;
	const void *coming_holder;
};

static bool can_be_local(enum phys_claim_kind kind,
			 const struct phys_frames *frames)
{
	return kind < PHYS_CLAIM_NR_MAPPINGS && frames->nr <= PHYS_WINDOW_PAGES;
}

/* A lasting claim against a mapping in a local window. */
static void expect_against_local(struct kunit *test, const struct cell_row *cell,
				 const char *name, const struct local_pair *pair,
				 int err)
{
	struct phys_claim new = { .kind = cell->newcomer,
				  .holder = pair->coming_holder };
	struct phys_claims *claims = test->priv;
	int local, check, got, after;

	preempt_disable();
	local = add_local(claims, cell->holder, pair->there_holder,
			  pair->there);
	check = phys_claim_check(claims, new.kind, new.holder, pair->coming);
	got = phys_claim_add(claims, &new, pair->coming);
	if (!got)
		phys_claim_del(claims, &new);
	if (!local)
		del_local();
	preempt_enable();
	after = phys_claim_add(claims, &new, pair->coming);
	if (!after)
		phys_claim_del(claims, &new);

	KUNIT_EXPECT_EQ_MSG(test, local, 0, "%s", name);
	KUNIT_EXPECT_EQ_MSG(test, check, err, "%s, check", name);
	KUNIT_EXPECT_EQ_MSG(test, got, err, "%s", name);
	KUNIT_EXPECT_EQ_MSG(test, after, 0, "%s, after the mapping", name);
	KUNIT_EXPECT_TRUE_MSG(test, fake_claims_empty(claims), "%s", name);
}

/* A mapping in a local window against a lasting claim. */
static void expect_local_against(struct kunit *test, const struct cell_row *cell,
				 const char *name, const struct local_pair *pair,
				 int err)
{
	struct phys_claim old = { .kind = cell->holder,
				  .holder = pair->there_holder };
	struct phys_claim probe = { .kind = PHYS_CLAIM_EXCLUSIVE };
	struct phys_claims *claims = test->priv;
	int got, left, after;

	KUNIT_ASSERT_EQ_MSG(test, 0, phys_claim_add(claims, &old, pair->there),
			    "%s", name);
	preempt_disable();
	got = add_local(claims, cell->newcomer, pair->coming_holder,
			pair->coming);
	if (!got)
		del_local();
	preempt_enable();
	phys_claim_del(claims, &old);

	/* Nothing is left, neither of a refused mapping. */
	left = phys_claim_add(claims, &probe, pair->coming);
	if (!left)
		phys_claim_del(claims, &probe);
	preempt_disable();
	after = add_local(claims, cell->newcomer, pair->coming_holder,
			  pair->coming);
	if (!after)
		del_local();
	preempt_enable();

	KUNIT_EXPECT_EQ_MSG(test, got, err, "%s", name);
	KUNIT_EXPECT_EQ_MSG(test, left, 0, "%s, left", name);
	KUNIT_EXPECT_EQ_MSG(test, after, 0, "%s, after the claim", name);
}

static void check_local(struct kunit *test, const struct cell_row *cell,
			const char *name, const struct local_pair *pair, int err)
{
	if (can_be_local(cell->holder, pair->there))
		expect_against_local(test, cell, name, pair, err);
	if (can_be_local(cell->newcomer, pair->coming))
		expect_local_against(test, cell, name, pair, err);
}

static void local_cell_test(struct kunit *test)
{
	const struct cell_row *cell = test->param_value;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(pair_rows); i++) {
		const struct pair_row *row = &pair_rows[i];
		struct local_pair pair = { .there = &row->a, .coming = &row->b };
		struct local_pair swapped = { .there = &row->b,
					      .coming = &row->a };
		int err = row->overlap ? cell->err : 0;

		check_local(test, cell, row->name, &pair, err);
		check_local(test, cell, row->name, &swapped, err);
	}
}

static void local_holder_test(struct kunit *test)
{
	const struct cell_row *cell = test->param_value;
	struct phys_frames frames = run_of(10, 4);
	const int me = 0, other = 0;
	const struct {
		const char *name;
		const void *there;
		const void *coming;
		bool friends;
	} rows[] = {
		{ "the same holder", &me, &me, true },
		{ "two holders", &me, &other, false },
		{ "existing has a holder, new has none", &me, NO_HOLDER, false },
		{ "existing has no holder, new has one", NO_HOLDER, &me, false },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct local_pair pair = {
			.there = &frames,
			.coming = &frames,
			.there_holder = rows[i].there,
			.coming_holder = rows[i].coming,
		};

		check_local(test, cell, rows[i].name, &pair,
			    rows[i].friends ? 0 : cell->err);
	}
}

/* As an exclusive protection is for a mapping, and a mapping for it. */
static void local_exclusive_protection_test(struct kunit *test)
{
	struct phys_claim prot = { .kind = PHYS_CLAIM_PROTECTED,
				   .exclusive = true };
	struct phys_frames frames = run_of(10, 4);
	struct phys_claims *claims = test->priv;
	int against_write, write, privileged;

	preempt_disable();
	add_local(claims, PHYS_CLAIM_WRITE, NULL, &frames);
	against_write = phys_claim_add(claims, &prot, &frames);
	del_local();
	preempt_enable();
	KUNIT_EXPECT_EQ(test, against_write, -EBUSY);

	KUNIT_ASSERT_EQ(test, 0, phys_claim_add(claims, &prot, &frames));
	preempt_disable();
	write = add_local(claims, PHYS_CLAIM_WRITE, NULL, &frames);
	privileged = add_local(claims, PHYS_CLAIM_PRIVILEGED, NULL, &frames);
	del_local();
	preempt_enable();
	phys_claim_del(claims, &prot);
	KUNIT_EXPECT_EQ(test, write, -EROFS);
	KUNIT_EXPECT_EQ(test, privileged, 0);
}

/* A context has one window; a second mapping must not replace the first. */
static void local_nested_test(struct kunit *test)
{
	struct phys_frames first = run_of(10, 4), second = run_of(20, 4);
	struct phys_claims *claims = test->priv;
	int nested, same, on_first, on_second, after;

	preempt_disable();
	add_local(claims, PHYS_CLAIM_READ, NULL, &first);
	nested = add_local(claims, PHYS_CLAIM_READ, NULL, &second);
	same = add_local(claims, PHYS_CLAIM_READ, NULL, &first);
	on_first = phys_claim_check(claims, PHYS_CLAIM_EXCLUSIVE, NULL, &first);
	on_second = phys_claim_check(claims, PHYS_CLAIM_EXCLUSIVE, NULL,
				     &second);
	del_local();
	after = phys_claim_check(claims, PHYS_CLAIM_EXCLUSIVE, NULL, &first);
	preempt_enable();
	KUNIT_EXPECT_EQ(test, nested, -EBUSY);
	KUNIT_EXPECT_EQ(test, same, -EBUSY);
	KUNIT_EXPECT_EQ(test, on_first, -EBUSY);
	KUNIT_EXPECT_EQ(test, on_second, 0);
	KUNIT_EXPECT_EQ(test, after, 0);
}

/* Records of another physical memory do not matter. */
static void local_other_claims_test(struct kunit *test)
{
	struct phys_claim lock = { .kind = PHYS_CLAIM_EXCLUSIVE };
	struct phys_claims *claims = test->priv, *others;
	struct phys_frames frames = run_of(10, 4);
	int check, add, local;

	others = kunit_kzalloc(test, sizeof(*others), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, others);
	phys_claims_init(others);

	preempt_disable();
	add_local(others, PHYS_CLAIM_WRITE, NULL, &frames);
	check = phys_claim_check(claims, PHYS_CLAIM_EXCLUSIVE, NULL, &frames);
	add = phys_claim_add(claims, &lock, &frames);
	del_local();
	local = add_local(others, PHYS_CLAIM_WRITE, NULL, &frames);
	if (!local)
		del_local();
	preempt_enable();
	if (!add)
		phys_claim_del(claims, &lock);
	KUNIT_EXPECT_EQ(test, check, 0);
	KUNIT_EXPECT_EQ(test, add, 0);
	KUNIT_EXPECT_EQ(test, local, 0);
}

static void local_malformed_test(struct kunit *test)
{
	static unsigned long many[PHYS_WINDOW_PAGES + 1];
	struct phys_frames all = run_of(0, ULONG_MAX);
	struct phys_claims *claims = test->priv;
	const struct {
		const char *name;
		struct phys_frames frames;
		int err;
	} rows[] = {
		{ "empty run", run_of(5, 0), -EINVAL },
		{ "empty list", list_of(many, 0), -EINVAL },
		{ "run as long as a window", run_of(5, PHYS_WINDOW_PAGES), 0 },
		{ "run longer than a window", run_of(5, PHYS_WINDOW_PAGES + 1),
		  -EINVAL },
		{ "list as long as a window", list_of(many, PHYS_WINDOW_PAGES), 0 },
		{ "list longer than a window",
		  list_of(many, PHYS_WINDOW_PAGES + 1), -EINVAL },
		{ "run to the last frame", run_of(ULONG_MAX - 1, 2), 0 },
		{ "run that wraps by one", run_of(ULONG_MAX - 1, 3), -EINVAL },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = 3 * i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		int err, left;

		preempt_disable();
		err = add_local(claims, PHYS_CLAIM_READ, NULL, &rows[i].frames);
		if (!err)
			del_local();
		left = phys_claim_check(claims, PHYS_CLAIM_EXCLUSIVE, NULL,
					&all);
		preempt_enable();
		KUNIT_EXPECT_EQ_MSG(test, err, rows[i].err, "%s", rows[i].name);
		KUNIT_EXPECT_EQ_MSG(test, left, 0, "%s", rows[i].name);
	}
}

/* ---- malformed ---- */

static void malformed_test(struct kunit *test)
{
	static unsigned long many[PHYS_WINDOW_PAGES + 1];
	struct phys_claims *claims = test->priv;
	struct phys_claim claim = { .kind = PHYS_CLAIM_READ };
	const struct {
		const char *name;
		struct phys_frames frames;
		int err;
	} rows[] = {
		{ "empty run", run_of(5, 0), -EINVAL },
		{ "empty list", list_of(many, 0), -EINVAL },
		{ "list as long as a window", list_of(many, PHYS_WINDOW_PAGES), 0 },
		{ "list longer than a window",
		  list_of(many, PHYS_WINDOW_PAGES + 1), -EINVAL },
		{ "run longer than a window", run_of(0, 1UL << 20), 0 },
		{ "run to the last frame", run_of(ULONG_MAX - 1, 2), 0 },
		{ "run that wraps by one", run_of(ULONG_MAX - 1, 3), -EINVAL },
		{ "run that wraps", run_of(5, ULONG_MAX), -EINVAL },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = 3 * i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		int err = phys_claim_add(claims, &claim, &rows[i].frames);

		KUNIT_EXPECT_EQ_MSG(test, err, rows[i].err, "%s", rows[i].name);
		if (!err)
			phys_claim_del(claims, &claim);
		KUNIT_EXPECT_EQ_MSG(test, rows[i].err,
				    phys_claim_check(claims, PHYS_CLAIM_READ,
						     NULL, &rows[i].frames),
				    "%s, check", rows[i].name);
		KUNIT_EXPECT_TRUE_MSG(test, fake_claims_empty(claims), "%s",
				      rows[i].name);
	}
}

/* ---- walking ---- */

static void next_test(struct kunit *test)
{
	static const unsigned long firsts[] = { 50, 10, 30, 10, 0 };
	static const unsigned long order[] = { 0, 10, 10, 30, 50 };
	struct phys_claims *claims = test->priv;
	struct phys_claim wanted[ARRAY_SIZE(firsts)];
	struct phys_claim others[ARRAY_SIZE(firsts)];
	struct phys_claim *at = NULL;
	unsigned long flags;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(firsts); i++) {
		struct phys_frames frames = run_of(firsts[i], i + 1);

		wanted[i] = (struct phys_claim) { .kind = PHYS_CLAIM_SHARED };
		others[i] = (struct phys_claim) { .kind = PHYS_CLAIM_READ };
		KUNIT_ASSERT_EQ(test, 0,
				phys_claim_add(claims, &wanted[i], &frames));
		KUNIT_ASSERT_EQ(test, 0,
				phys_claim_add(claims, &others[i], &frames));
	}

	raw_spin_lock_irqsave(&claims->lock, flags);
	for (i = 0; i < ARRAY_SIZE(order); i++) {
		at = phys_claim_next(claims, PHYS_CLAIM_SHARED, at);
		if (!at || at->start != order[i])
			break;
	}
	if (i == ARRAY_SIZE(order))
		at = phys_claim_next(claims, PHYS_CLAIM_SHARED, at);
	raw_spin_unlock_irqrestore(&claims->lock, flags);
	KUNIT_EXPECT_EQ(test, i, ARRAY_SIZE(order));
	KUNIT_EXPECT_NULL(test, at);

	raw_spin_lock_irqsave(&claims->lock, flags);
	at = phys_claim_next(claims, PHYS_CLAIM_PROTECTED, NULL);
	raw_spin_unlock_irqrestore(&claims->lock, flags);
	KUNIT_EXPECT_NULL(test, at);

	for (i = 0; i < ARRAY_SIZE(firsts); i++) {
		phys_claim_del(claims, &wanted[i]);
		phys_claim_del(claims, &others[i]);
	}
}

static unsigned long from_start(struct phys_claims *claims, unsigned long start)
{
	struct phys_claim *claim;
	unsigned long flags;

	raw_spin_lock_irqsave(&claims->lock, flags);
	claim = phys_claim_from(claims, PHYS_CLAIM_SHARED, start);
	raw_spin_unlock_irqrestore(&claims->lock, flags);
	return claim ? claim->start : ULONG_MAX;
}

static void from_test(struct kunit *test)
{
	struct phys_claim low = { .kind = PHYS_CLAIM_SHARED };
	struct phys_claim high = { .kind = PHYS_CLAIM_SHARED };
	struct phys_frames low_run = run_of(8, 8), high_run = run_of(12, 8);
	struct phys_claims *claims = test->priv;

	KUNIT_ASSERT_EQ(test, 0, phys_claim_add(claims, &low, &low_run));
	KUNIT_ASSERT_EQ(test, 0, phys_claim_add(claims, &high, &high_run));
	KUNIT_EXPECT_EQ(test, from_start(claims, 0), 8UL);
	KUNIT_EXPECT_EQ(test, from_start(claims, 8), 8UL);
	KUNIT_EXPECT_EQ(test, from_start(claims, 9), 12UL);
	KUNIT_EXPECT_EQ(test, from_start(claims, 12), 12UL);
	KUNIT_EXPECT_EQ(test, from_start(claims, 13), ULONG_MAX);
	phys_claim_del(claims, &low);
	phys_claim_del(claims, &high);
}

struct own_row {
	const char *name;
	struct frame_range within;
	struct frame_range found;	/* empty if none is */
};

/* Frames 8 to 11 are protected, 16 to 23 are VTL1's own. */
static const struct own_row own_rows[] = {
	{ "all", { 0, ULONG_MAX }, { 16, 23 } },
	{ "inside", { 18, 20 }, { 18, 20 } },
	{ "its end", { 20, 30 }, { 20, 23 } },
	{ "its start", { 0, 16 }, { 16, 16 } },
	{ "before", { 0, 15 }, { 1, 0 } },
	{ "after", { 24, 30 }, { 1, 0 } },
};

KUNIT_ARRAY_PARAM_DESC(own, own_rows, name);

static void own_range_test(struct kunit *test)
{
	const struct own_row *row = test->param_value;
	struct phys_claims *claims = test->priv;
	struct vmap_manager mgr = { .claims = claims };
	struct phys_claim other = { .kind = PHYS_CLAIM_PROTECTED };
	struct phys_claim own = { .kind = PHYS_CLAIM_PROTECTED, .own = true };
	struct phys_frames other_run = run_of(8, 4), own_run = run_of(16, 8);
	struct frame_range found = { 1, 0 };
	bool any = row->found.first <= row->found.last;

	KUNIT_ASSERT_EQ(test, 0, phys_claim_add(claims, &other, &other_run));
	KUNIT_ASSERT_EQ(test, 0, phys_claim_add(claims, &own, &own_run));
	KUNIT_EXPECT_EQ(test, phys_own_range(&mgr, row->within, &found), any);
	KUNIT_EXPECT_EQ(test, found.first, row->found.first);
	KUNIT_EXPECT_EQ(test, found.last, row->found.last);
	phys_claim_del(claims, &other);
	phys_claim_del(claims, &own);
}

/* ---- protections for patch sites ---- */

struct patched_row {
	const char *name;
	enum phys_claim_kind old;
	bool old_patched;
	enum phys_claim_kind new;
	bool new_patched;
	int err;
};

static const struct patched_row patched_rows[] = {
	{ "shared lock on a site", PHYS_CLAIM_PROTECTED, true,
	  PHYS_CLAIM_SHARED, false, -EBUSY },
	{ "exclusive lock on a site", PHYS_CLAIM_PROTECTED, true,
	  PHYS_CLAIM_EXCLUSIVE, false, -EBUSY },
	{ "site under a shared lock", PHYS_CLAIM_SHARED, false,
	  PHYS_CLAIM_PROTECTED, true, -EBUSY },
	{ "site under an exclusive lock", PHYS_CLAIM_EXCLUSIVE, false,
	  PHYS_CLAIM_PROTECTED, true, -EBUSY },
	{ "site goes offline", PHYS_CLAIM_PROTECTED, true,
	  PHYS_CLAIM_OFFLINE, false, -EBUSY },
	{ "site on memory that goes offline", PHYS_CLAIM_OFFLINE, false,
	  PHYS_CLAIM_PROTECTED, true, -EBUSY },
	{ "read of a site", PHYS_CLAIM_PROTECTED, true,
	  PHYS_CLAIM_READ, false, 0 },
	{ "write to a site", PHYS_CLAIM_PROTECTED, true,
	  PHYS_CLAIM_WRITE, false, -EROFS },
	{ "patch of a site", PHYS_CLAIM_PROTECTED, true,
	  PHYS_CLAIM_PRIVILEGED, false, 0 },
	{ "site under a writer", PHYS_CLAIM_WRITE, false,
	  PHYS_CLAIM_PROTECTED, true, -EBUSY },
	{ "two owners of a page of sites", PHYS_CLAIM_PROTECTED, true,
	  PHYS_CLAIM_PROTECTED, true, 0 },
};

KUNIT_ARRAY_PARAM_DESC(patched, patched_rows, name);

static void patched_test(struct kunit *test)
{
	const struct patched_row *row = test->param_value;
	struct phys_claim old = { .kind = row->old, .patched = row->old_patched };
	struct phys_claim new = { .kind = row->new, .patched = row->new_patched };
	struct phys_frames there = run_of(100, 10), coming = run_of(105, 10);
	struct phys_claims *claims = test->priv;
	int got;

	KUNIT_ASSERT_EQ(test, 0, phys_claim_add(claims, &old, &there));
	got = phys_claim_add(claims, &new, &coming);
	KUNIT_EXPECT_EQ(test, got, row->err);
	if (!got)
		phys_claim_del(claims, &new);
	coming = run_of(110, 10);
	got = phys_claim_add(claims, &new, &coming);
	KUNIT_EXPECT_EQ(test, got, 0);
	if (!got)
		phys_claim_del(claims, &new);
	phys_claim_del(claims, &old);
}

/* ---- random claims against a counter for each frame ---- */

#define MODEL_FRAMES	96
#define MODEL_CLAIMS	48
#define MODEL_HOLDERS	3	/* 0 is no holder */

struct model_claim {
	struct phys_claim claim;
	struct phys_frames frames;
	unsigned long pfns[PHYS_WINDOW_PAGES];
	unsigned int holder;
	bool held;
};

struct claim_model {
	/* Number of claims by frame, kind and holder. */
	u8 count[MODEL_FRAMES][PHYS_CLAIM_NR][MODEL_HOLDERS];
	struct model_claim claim[MODEL_CLAIMS];
	char holders[MODEL_HOLDERS];
};

static int cell_err(enum phys_claim_kind newcomer, enum phys_claim_kind holder)
{
	return cell_rows[newcomer * PHYS_CLAIM_NR + holder].err;
}

/* Bitmap of the errors that some frame justifies. */
#define CAN_BE_BUSY	1U
#define CAN_BE_ROFS	2U

static unsigned int model_conflicts(const struct claim_model *model,
				    const struct model_claim *new)
{
	unsigned int conflicts = 0, kind, holder;
	unsigned long i;

	for (i = 0; i < new->frames.nr; i++)
		for (kind = 0; kind < PHYS_CLAIM_NR; kind++)
			for (holder = 0; holder < MODEL_HOLDERS; holder++) {
				int err = cell_err(new->claim.kind, kind);

				if (!model->count[phys_frame(&new->frames, i)]
						 [kind][holder])
					continue;
				if (holder && holder == new->holder)
					continue;
				if (err == -EBUSY)
					conflicts |= CAN_BE_BUSY;
				if (err == -EROFS)
					conflicts |= CAN_BE_ROFS;
			}
	return conflicts;
}

static void model_count(struct claim_model *model, struct model_claim *claim,
			int by)
{
	unsigned long i;

	for (i = 0; i < claim->frames.nr; i++)
		model->count[phys_frame(&claim->frames, i)][claim->claim.kind]
			    [claim->holder] += by;
	claim->held = by > 0;
}

static void random_claim(struct rnd_state *rnd, struct claim_model *model,
			 struct model_claim *claim)
{
	unsigned long all[MODEL_FRAMES], i;
	unsigned long nr = 1 + random_below(rnd, random_one_in(rnd, 8) ?
					    PHYS_WINDOW_PAGES : 6);

	claim->claim.kind = random_below(rnd, PHYS_CLAIM_NR);
	claim->holder = random_below(rnd, MODEL_HOLDERS);
	claim->claim.holder = claim->holder ?
			      &model->holders[claim->holder] : NULL;
	if (random_one_in(rnd, 2)) {
		claim->frames = run_of(random_below(rnd, MODEL_FRAMES - nr),
				       nr);
		return;
	}
	for (i = 0; i < MODEL_FRAMES; i++)
		all[i] = i;
	random_shuffle(rnd, all, MODEL_FRAMES);
	memcpy(claim->pfns, all, sizeof(claim->pfns));
	claim->frames = list_of(claim->pfns, nr);
}

static void random_test(struct kunit *test)
{
	struct phys_claims *claims = test->priv;
	unsigned int round, accepted = 0, refused = 0, i;
	struct claim_model *model;
	struct rnd_state rnd;
	u32 seed;

	model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, model);
	seed = random_start(test, &rnd);

	for (round = 0; round < RANDOM_ROUNDS(40000); round++) {
		struct model_claim *claim =
			&model->claim[random_below(&rnd, MODEL_CLAIMS)];
		unsigned int conflicts, answer;
		int err, check;

		if (claim->held) {
			phys_claim_del(claims, &claim->claim);
			model_count(model, claim, -1);
			continue;
		}

		random_claim(&rnd, model, claim);
		conflicts = model_conflicts(model, claim);
		check = phys_claim_check(claims, claim->claim.kind,
					 claim->claim.holder, &claim->frames);
		err = phys_claim_add(claims, &claim->claim, &claim->frames);
		KUNIT_EXPECT_EQ_MSG(test, err, check, "seed %#x, round %u",
				    seed, round);
		if (!err) {
			model_count(model, claim, 1);
			accepted++;
		} else {
			refused++;
		}
		answer = err == -EBUSY ? CAN_BE_BUSY :
			 err == -EROFS ? CAN_BE_ROFS : 0;
		if (!!err != !!conflicts || (answer & ~conflicts)) {
			KUNIT_FAIL(test, "seed %#x, round %u: %d, not %#x",
				   seed, round, err, conflicts);
			break;
		}
	}

	for (i = 0; i < MODEL_CLAIMS; i++)
		if (model->claim[i].held)
			phys_claim_del(claims, &model->claim[i].claim);
	KUNIT_EXPECT_GT(test, accepted, round / 20);
	KUNIT_EXPECT_GT(test, refused, round / 20);
}

static struct kunit_case phys_claim_cases[] = {
	KUNIT_CASE_PARAM(patched_test, patched_gen_params),
	KUNIT_CASE_PARAM(cell_test, cell_gen_params),
	KUNIT_CASE_PARAM(holder_test, cell_gen_params),
	KUNIT_CASE(holder_hides_no_conflict_test),
	KUNIT_CASE_PARAM(exclusive_test, exclusive_gen_params),
	KUNIT_CASE_PARAM(exclusive_other_kinds_test, cell_gen_params),
	KUNIT_CASE_PARAM(local_cell_test, cell_gen_params),
	KUNIT_CASE_PARAM(local_holder_test, cell_gen_params),
	KUNIT_CASE(local_exclusive_protection_test),
	KUNIT_CASE(local_nested_test),
	KUNIT_CASE(local_other_claims_test),
	KUNIT_CASE(local_malformed_test),
	KUNIT_CASE(malformed_test),
	KUNIT_CASE(next_test),
	KUNIT_CASE(from_test),
	KUNIT_CASE_PARAM(own_range_test, own_gen_params),
	KUNIT_CASE(random_test),
	{ }
};

static struct kunit_suite phys_claim_suite = {
	.name = "lvbs_phys_claim",
	.init = claim_init,
	.exit = claim_exit,
	.test_cases = phys_claim_cases,
};

kunit_test_suites(&phys_claim_suite);
