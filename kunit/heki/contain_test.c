// SPDX-License-Identifier: GPL-2.0
/*
 * Sites and targets within the text of their owner.
 */

#include <kunit/test.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "heki/heki.h"
#include "kunit/fakes/random.h"
#include "kunit/param.h"

#define RANGES_MAX	8

/*
 * Text in two runs, with a hole between them, and data. Physical and virtual
 * order differ.
 */
static const struct heki_mem_range owner_ranges[] = {
	{ .va = 0x400000, .pa = 0x9000, .bytes = 0x2000, .text = true },
	{ .va = 0x402000, .pa = 0x4000, .bytes = 0x1000, .text = true },
	{ .va = 0x404000, .pa = 0x6000, .bytes = 0x1000, .text = true,
	  .init = true },
	{ .va = 0x403000, .pa = 0x5000, .bytes = 0x1000 },
};

struct site_row {
	const char *name;
	u64 pa[2];
	u8 size;
	u8 code[HEKI_CODE_MAX];
	int err;
};

static const struct site_row site_rows[] = {
	{ "JMP rel32 forward", { 0x9000 }, 5, { 0xe9, 0x10 }, 0 },
	{ "JMP rel32 to the next instruction", { 0x9000 }, 5, { 0xe9 }, 0 },
	{ "JMP rel32 to itself", { 0x9000 }, 5, { 0xe9, 0xfb, 0xff, 0xff, 0xff }, 0 },
	{ "JMP rel8 forward", { 0x9000 }, 2, { 0xeb, 0x7f }, 0 },
	{ "JMP rel8 backward", { 0x9100 }, 2, { 0xeb, 0x80 }, 0 },
	{ "to the first byte of text", { 0x9010 }, 5,
	  { 0xe9, 0xeb, 0xff, 0xff, 0xff }, 0 },
	{ "to the byte before text", { 0x9010 }, 5,
	  { 0xe9, 0xea, 0xff, 0xff, 0xff }, -EINVAL },
	{ "rel8 to the byte before text", { 0x9000 }, 2, { 0xeb, 0xfd },
	  -EINVAL },
	{ "into the virtually next range", { 0x9000 }, 5, { 0xe9, 0xfb, 0x1f }, 0 },
	{ "to the last byte of text", { 0x9000 }, 5, { 0xe9, 0xfa, 0x2f }, 0 },
	{ "to the byte after text, data", { 0x9000 }, 5, { 0xe9, 0xfb, 0x2f },
	  -EINVAL },
	{ "to init text", { 0x9000 }, 5, { 0xe9, 0xfb, 0x3f }, -EINVAL },
	{ "from init text to init text", { 0x6000 }, 5, { 0xe9, 0x10 }, 0 },
	{ "from init text to text", { 0x6000 }, 5,
	  { 0xe9, 0xfb, 0xbf, 0xff, 0xff }, 0 },
	{ "the physically near target is virtually far", { 0x4000 }, 5,
	  { 0xe9, 0xfb, 0x1f }, -EINVAL },
	{ "2 GiB ahead", { 0x9000 }, 5, { 0xe9, 0xff, 0xff, 0xff, 0x7f },
	  -EINVAL },
	{ "2 GiB back, wraps", { 0x9000 }, 5, { 0xe9, 0, 0, 0, 0x80 },
	  -EINVAL },
	{ "CALL", { 0x9000 }, 5, { 0xe8, 0x10 }, -EINVAL },
	{ "JMP rel8 of 5 bytes", { 0x9000 }, 5, { 0xeb, 0x10 }, -EINVAL },
	{ "JMP rel32 of 2 bytes", { 0x9000 }, 2, { 0xe9, 0x10 }, -EINVAL },
	{ "JMP rel8 of 1 byte", { 0x9000 }, 1, { 0xeb }, -EINVAL },
	{ "JMP rel32 of 4 bytes", { 0x9000 }, 4, { 0xe9, 0x10 }, -EINVAL },
	{ "INT3", { 0x9000 }, 5, { 0xcc, 0x10 }, -EINVAL },
	{ "in data", { 0x5000 }, 5, { 0xe9, 0x10 }, -EINVAL },
	{ "before text", { 0x8fff, 0 }, 2, { 0xeb, 0x10 }, -EINVAL },
	{ "after text", { 0xb000 }, 5, { 0xe9, 0x10 }, -EINVAL },
	{ "first byte only in text", { 0xafff, 0xb000 }, 5,
	  { 0xe9, 0xfb, 0xef, 0xff, 0xff }, -EINVAL },
	{ "last bytes of text", { 0xaffb }, 5,
	  { 0xe9, 0x00, 0xf0, 0xff, 0xff }, 0 },
	{ "reference: straddles into the next range of text", { 0xafff, 0x4000 }, 5,
	  { 0xe9, 0x00, 0xf0, 0xff, 0xff }, 0 },
	{ "straddles into text that is not virtually next",
	  { 0xafff, 0x6000 }, 5, { 0xe9, 0x00, 0xf0, 0xff, 0xff }, -EINVAL },
	{ "straddles into the physically next text", { 0x4fff, 0x9000 }, 5,
	  { 0xe9, 0x00, 0xe0, 0xff, 0xff }, -EINVAL },
	{ "straddles into data", { 0xafff, 0x5000 }, 5,
	  { 0xe9, 0x00, 0xf0, 0xff, 0xff }, -EINVAL },
	{ "straddles into foreign memory", { 0xafff, 0x7000 }, 5,
	  { 0xe9, 0x00, 0xf0, 0xff, 0xff }, -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(site, site_rows, name);

struct owner {
	struct heki_mem_range by_pa[RANGES_MAX];
	struct heki_mem_range by_va[RANGES_MAX];
	struct heki_mem_map map;
};

static int owner_init(struct owner *owner, const struct heki_mem_range *ranges,
		      size_t nr)
{
	memcpy(owner->by_pa, ranges, nr * sizeof(*ranges));
	owner->map = (struct heki_mem_map) {
		.by_pa = owner->by_pa,
		.by_va = owner->by_va,
		.nr = nr,
	};
	return heki_mem_map_sort(&owner->map);
}

static void site_contained(struct kunit *test)
{
	const struct site_row *row = test->param_value;
	struct heki_site site = {
		.pa = { row->pa[0], row->pa[1] },
		.size = row->size,
	};
	struct owner owner;

	memcpy(site.code, row->code, sizeof(site.code));
	KUNIT_ASSERT_EQ(test, owner_init(&owner, owner_ranges,
					 ARRAY_SIZE(owner_ranges)), 0);
	KUNIT_EXPECT_EQ(test, heki_contain_site(&owner.map, &site), row->err);
}

static void init_text_is_dropped(struct kunit *test)
{
	struct heki_site site = { .pa[0] = 0x6000, .size = 5, .code[0] = 0xe9 };
	struct owner owner;

	KUNIT_ASSERT_EQ(test, owner_init(&owner, owner_ranges,
					 ARRAY_SIZE(owner_ranges)), 0);
	KUNIT_EXPECT_EQ(test, heki_contain_site(&owner.map, &site), 0);
	heki_mem_map_drop_init(&owner.map);
	KUNIT_EXPECT_EQ(test, heki_contain_site(&owner.map, &site), -EINVAL);
	site.pa[0] = 0x4000;
	KUNIT_EXPECT_EQ(test, heki_contain_site(&owner.map, &site), 0);
	KUNIT_EXPECT_EQ(test, owner.map.nr, 3);
	KUNIT_EXPECT_EQ(test, owner.map.nr_text, 2);
}

static void empty_owner_contains_nothing(struct kunit *test)
{
	struct heki_site site = { .pa[0] = 0x9000, .size = 5, .code[0] = 0xe9 };
	struct owner owner;

	KUNIT_ASSERT_EQ(test, owner_init(&owner, owner_ranges, 0), 0);
	KUNIT_EXPECT_EQ(test, heki_contain_site(&owner.map, &site), -EINVAL);
	KUNIT_EXPECT_FALSE(test, heki_mem_maps_overlap(&owner.map, &owner.map));
}

struct pair_row {
	const char *name;
	struct heki_mem_range range[2];
	int err;	/* as two ranges of one owner; -EEXIST: two owners overlap */
};

static const struct pair_row pair_rows[] = {
	{ "apart", { { 0x1000, 0x1000, 0x1000, true },
		     { 0x8000, 0x8000, 0x1000, true } }, 0 },
	{ "adjacent", { { 0x1000, 0x1000, 0x1000, true },
			{ 0x2000, 0x2000, 0x1000, true } }, 0 },
	{ "the same text", { { 0x1000, 0x1000, 0x1000, true },
			     { 0x1000, 0x1000, 0x1000, true } }, -EEXIST },
	{ "the same frame, text and data", { { 0x1000, 0x1000, 0x1000, true },
					     { 0x5000, 0x1000, 0x1000 } },
	  -EEXIST },
	{ "the same frame, data", { { 0x1000, 0x1000, 0x1000 },
				    { 0x5000, 0x1000, 0x1000 } }, -EEXIST },
	{ "the last byte", { { 0x1000, 0x1000, 0x1001, true },
			     { 0x8000, 0x2000, 0x1000, true } }, -EEXIST },
	{ "one within the other", { { 0x1000, 0x1000, 0x9000, true },
				    { 0x80000, 0x3000, 0x10 } }, -EEXIST },
	{ "the same addresses of text", { { 0x1000, 0x1000, 0x1000, true },
					  { 0x1000, 0x8000, 0x1000, true } },
	  -EEXIST },
	{ "the same addresses of data", { { 0x1000, 0x1000, 0x1000 },
					  { 0x1000, 0x8000, 0x1000 } }, 0 },
	{ "up to the last address", { { ~0ULL - 0xfff, 0x1000, 0x1000, true },
				      { 0x1000, ~0ULL - 0xfff, 0x1000, true } },
	  0 },
};

KUNIT_ARRAY_PARAM_DESC(pair, pair_rows, name);

static void ranges_overlap(struct kunit *test)
{
	const struct pair_row *row = test->param_value;
	struct heki_mem_range swapped[] = { row->range[1], row->range[0] };
	struct owner *a = kunit_kzalloc(test, sizeof(*a), GFP_KERNEL);
	struct owner *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, a);
	KUNIT_ASSERT_NOT_NULL(test, b);
	KUNIT_EXPECT_EQ(test, owner_init(a, row->range, 2), row->err);
	KUNIT_EXPECT_EQ(test, owner_init(a, swapped, 2), row->err);

	KUNIT_ASSERT_EQ(test, owner_init(a, &row->range[0], 1), 0);
	KUNIT_ASSERT_EQ(test, owner_init(b, &row->range[1], 1), 0);
	KUNIT_EXPECT_EQ(test, heki_mem_maps_overlap(&a->map, &b->map),
			row->err == -EEXIST);
	KUNIT_EXPECT_EQ(test, heki_mem_maps_overlap(&b->map, &a->map),
			row->err == -EEXIST);
}

static void wrapping_ranges_are_refused(struct kunit *test)
{
	struct heki_mem_range range = {
		.va = 0x1000, .pa = ~0ULL - 0xfff, .bytes = 0x1001, .text = true,
	};
	struct owner owner;

	KUNIT_EXPECT_EQ(test, owner_init(&owner, &range, 1), -EINVAL);
	swap(range.va, range.pa);
	KUNIT_EXPECT_EQ(test, owner_init(&owner, &range, 1), -EINVAL);
	/* Data has no address that matters. */
	range.text = false;
	KUNIT_EXPECT_EQ(test, owner_init(&owner, &range, 1), 0);
}

/*
 * Against a model: 16 frames and 16 pages of addresses, a table entry each.
 */
#define PAGES	16

struct model {
	s8 va_of[PAGES];	/* of a frame of text; -1: none */
	bool init[PAGES];	/* of an address */
	bool text_at[PAGES];
};

static size_t model_make(struct rnd_state *rnd, struct model *model,
			 struct heki_mem_range *ranges)
{
	unsigned long frames[PAGES], pages[PAGES], i;
	size_t nr = random_below(rnd, RANGES_MAX + 1);

	for (i = 0; i < PAGES; i++) {
		frames[i] = i;
		pages[i] = i;
	}
	random_shuffle(rnd, frames, PAGES);
	random_shuffle(rnd, pages, PAGES);
	memset(model, 0, sizeof(*model));
	memset(model->va_of, -1, sizeof(model->va_of));
	for (i = 0; i < nr; i++) {
		ranges[i] = (struct heki_mem_range) {
			.va = pages[i] * HEKI_PAGE_SIZE,
			.pa = frames[i] * HEKI_PAGE_SIZE,
			.bytes = HEKI_PAGE_SIZE,
			.text = !random_one_in(rnd, 4),
			.init = random_one_in(rnd, 3),
		};
		if (!ranges[i].text)
			continue;
		model->va_of[frames[i]] = pages[i];
		model->text_at[pages[i]] = true;
		model->init[pages[i]] = ranges[i].init;
	}
	return nr;
}

static int model_contains(const struct model *model,
			  const struct heki_site *site, s64 jump)
{
	unsigned int first = site->pa[0] / HEKI_PAGE_SIZE;
	s64 target;

	if (model->va_of[first] < 0 ||
	    (site->pa[1] && model->va_of[site->pa[1] / HEKI_PAGE_SIZE] !=
	     model->va_of[first] + 1))
		return -EINVAL;
	target = model->va_of[first] * HEKI_PAGE_SIZE +
		 heki_page_offset(site->pa[0]) + site->size + jump;
	if (target < 0 || target >= PAGES * HEKI_PAGE_SIZE ||
	    !model->text_at[target / HEKI_PAGE_SIZE])
		return -EINVAL;
	return model->init[model->va_of[first]] ||
	       !model->init[target / HEKI_PAGE_SIZE] ? 0 : -EINVAL;
}

/* The frame that follows @frame in the text; any but 0 if none does. */
static unsigned int model_next(struct rnd_state *rnd, const struct model *model,
			       unsigned int frame)
{
	unsigned int i;

	for (i = 1; i < PAGES; i++)
		if (model->va_of[frame] >= 0 &&
		    model->va_of[i] == model->va_of[frame] + 1)
			return i;
	return 1 + random_below(rnd, PAGES - 1);
}

static void model_site(struct rnd_state *rnd, const struct model *model,
		       struct heki_site *site, s64 *jump)
{
	s32 rel = (s32)random_below(rnd, 2 * PAGES * HEKI_PAGE_SIZE) -
		  PAGES * HEKI_PAGE_SIZE;
	unsigned int offset = random_below(rnd, HEKI_PAGE_SIZE);
	unsigned int frame = random_below(rnd, PAGES), next;

	*site = (struct heki_site) { .size = random_one_in(rnd, 2) ? 2 : 5 };
	if (random_one_in(rnd, 3))
		offset = HEKI_PAGE_SIZE - 1 - random_below(rnd, 6);
	site->pa[0] = frame * HEKI_PAGE_SIZE + offset;
	if (offset + site->size > HEKI_PAGE_SIZE) {
		/* Page 0 would mean that there is no second page. */
		next = random_one_in(rnd, 2) ? model_next(rnd, model, frame) :
					       1 + random_below(rnd, PAGES - 1);
		site->pa[1] = next * HEKI_PAGE_SIZE;
	}
	if (site->size == 2)
		rel = (s8)rel;
	site->code[0] = site->size == 2 ? 0xeb : 0xe9;
	memcpy(&site->code[1], &rel, site->size - 1);
	*jump = rel;
}

static void like_the_model(struct kunit *test)
{
	struct heki_mem_range ranges[RANGES_MAX];
	struct rnd_state rnd;
	u32 seed = random_start(test, &rnd);
	unsigned int round, i, contained = 0, straddling = 0;
	struct heki_site site;
	struct model model;
	struct owner owner;
	s64 jump;
	size_t nr;

	for (round = 0; round < RANDOM_ROUNDS(5000); round++) {
		nr = model_make(&rnd, &model, ranges);
		KUNIT_ASSERT_EQ_MSG(test, owner_init(&owner, ranges, nr), 0,
				    "seed %u, round %u", seed, round);
		for (i = 0; i < 20; i++) {
			int want;

			model_site(&rnd, &model, &site, &jump);
			want = model_contains(&model, &site, jump);
			contained += !want;
			straddling += !want && site.pa[1];
			KUNIT_ASSERT_EQ_MSG(test,
					    heki_contain_site(&owner.map, &site),
					    want, "seed %u, round %u, site %u",
					    seed, round, i);
		}
	}
	/* The comparison is worth something only if both answers occur. */
	KUNIT_EXPECT_GT(test, contained, round / 2);
	KUNIT_EXPECT_GT(test, straddling, round / 500);
}

static struct kunit_case contain_cases[] = {
	KUNIT_CASE_PARAM(site_contained, site_gen_params),
	KUNIT_CASE(init_text_is_dropped),
	KUNIT_CASE(empty_owner_contains_nothing),
	KUNIT_CASE_PARAM(ranges_overlap, pair_gen_params),
	KUNIT_CASE(wrapping_ranges_are_refused),
	KUNIT_CASE(like_the_model),
	{}
};

static struct kunit_suite contain_suite = {
	.name = "lvbs_heki_contain",
	.test_cases = contain_cases,
};

kunit_test_suite(contain_suite);

MODULE_LICENSE("GPL");
