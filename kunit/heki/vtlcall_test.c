// SPDX-License-Identifier: GPL-2.0
/*
 * lvbs_vtlcall() end to end: a mock VTL0 in pages that the test allocates
 * announces its sites, requests patches, and compares its text with a model.
 */
#include <kunit/test.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include <asm/sections.h>

#include <lvbs/heki.h>
#include <lvbs/phys_ptr.h>

#include "heki/heki.h"

/* Kernel pages: text, init text, page list, blob, requests. */
#define ORDER		3
#define TEXT_BYTES	(2 * PAGE_SIZE)
#define INIT_TEXT	PAGE_SIZE
#define LIST		(2 * PAGE_SIZE)
#define BLOB		(3 * PAGE_SIZE)
#define REQUESTS	(4 * PAGE_SIZE)
#define WIRE_PAGES	(TEXT_BYTES / HEKI_PAGE_SIZE)

static const u8 nop[] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };

struct vtl0_site {
	unsigned long first;	/* offset in the text */
	unsigned long second;
	unsigned int split;	/* bytes in the first page */
	u8 code[5];
};

struct vtl0 {
	u8 *mem;
	u8 *model;		/* expected text */
	struct vtl0_site site[WIRE_PAGES];
	long token;
};

static u64 pa_of(const struct vtl0 *vtl0, unsigned long at)
{
	return virt_to_phys(vtl0->mem) + at;
}

static int vtl0_init(struct kunit *test)
{
	struct vtl0 *vtl0 = kunit_kzalloc(test, sizeof(*vtl0), GFP_KERNEL);

	if (!vtl0)
		return -ENOMEM;
	test->priv = vtl0;
	vtl0->mem = (u8 *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, ORDER);
	vtl0->model = kunit_kzalloc(test, TEXT_BYTES, GFP_KERNEL);
	return vtl0->mem && vtl0->model ? 0 : -ENOMEM;
}

static void vtl0_exit(struct kunit *test)
{
	struct vtl0 *vtl0 = test->priv;

	if (!vtl0)
		return;
	if (vtl0->token > 0)
		lvbs_vtlcall(HEKI_VTLCALL_UNLOAD_MODULE, vtl0->token, 0, 0);
	if (vtl0->mem)
		free_pages((unsigned long)vtl0->mem, ORDER);
}

/* Writes both halves of a site. */
static void put_code(u8 *text, const struct vtl0_site *site, const u8 *code)
{
	memcpy(text + site->first, code, site->split);
	memcpy(text + site->second, code + site->split, 5 - site->split);
}

/* One site per wire page, from its end to the start of another page. */
static void make_sites(struct vtl0 *vtl0, unsigned int stride)
{
	struct heki_patch_info *info = (void *)vtl0->mem + BLOB;
	struct heki_patch *record = (void *)(info + 1);
	unsigned int i;

	memset(vtl0->mem, 0x90, TEXT_BYTES);
	*info = (struct heki_patch_info) {
		.patch_idx = cpu_to_le64(WIRE_PAGES),
		.max_patch_count = cpu_to_le64(WIRE_PAGES),
	};
	for (i = 0; i < WIRE_PAGES; i++) {
		struct vtl0_site *site = &vtl0->site[i];

		site->split = 1 + i % 4;
		site->first = (i + 1) * HEKI_PAGE_SIZE - site->split;
		site->second = (i + stride) % WIRE_PAGES * HEKI_PAGE_SIZE;
		site->code[0] = 0xe9;
		/* To a place of its own at the start of the text. */
		put_unaligned_le32((u32)(i - (site->first + 5)),
				   site->code + 1);
		heki_patch_encode(record++, pa_of(vtl0, site->first),
				  pa_of(vtl0, site->second), site->code, 5);
		put_code(vtl0->mem, site, nop);
	}
	memcpy(vtl0->model, vtl0->mem, TEXT_BYTES);
}

static struct heki_range range_of(const struct vtl0 *vtl0, unsigned long at,
				  unsigned long bytes,
				  enum heki_mod_mem attribute)
{
	return (struct heki_range) {
		.va = cpu_to_le64((unsigned long)vtl0->mem + at),
		.pa = cpu_to_le64(pa_of(vtl0, at)),
		.epa = cpu_to_le64(pa_of(vtl0, at) + bytes),
		.attributes = cpu_to_le64(attribute),
	};
}

static void load(struct kunit *test, unsigned int stride)
{
	struct vtl0 *vtl0 = test->priv;
	struct heki_page *list = (void *)vtl0->mem + LIST;

	make_sites(vtl0, stride);
	*list = (struct heki_page) { .nranges = cpu_to_le64(3) };
	list->ranges[0] = range_of(vtl0, 0, PAGE_SIZE, HEKI_MOD_TEXT);
	list->ranges[1] = range_of(vtl0, INIT_TEXT, PAGE_SIZE,
				   HEKI_MOD_INIT_TEXT);
	list->ranges[2] = range_of(vtl0, BLOB, sizeof(struct heki_patch_info) +
				   WIRE_PAGES * sizeof(struct heki_patch),
				   HEKI_MOD_PATCH);
	vtl0->token = lvbs_vtlcall(HEKI_VTLCALL_VALIDATE_MODULE,
				   pa_of(vtl0, LIST), 3, 0);
	KUNIT_ASSERT_GT(test, vtl0->token, 0L);
}

static void unload(struct kunit *test)
{
	struct vtl0 *vtl0 = test->priv;

	KUNIT_EXPECT_EQ(test, 0L, lvbs_vtlcall(HEKI_VTLCALL_UNLOAD_MODULE,
					       vtl0->token, 0, 0));
	vtl0->token = 0;
}

/* The request lies in one page or, if @straddle, in two distant pages. */
static long submit(struct vtl0 *vtl0, u64 pa0, u64 pa1, const u8 *code,
		   unsigned int size, bool straddle)
{
	const unsigned long second = REQUESTS + 3 * HEKI_PAGE_SIZE;
	unsigned long first = REQUESTS + 64;
	unsigned int in_first = sizeof(struct heki_patch);
	struct heki_patch wire;

	if (straddle) {
		in_first = 1 + pa0 % (sizeof(wire) - 1);
		first = REQUESTS + HEKI_PAGE_SIZE - in_first;
	}
	heki_patch_encode(&wire, pa0, pa1, code, size);
	memcpy(vtl0->mem + first, &wire, in_first);
	memcpy(vtl0->mem + second, (u8 *)&wire + in_first,
	       sizeof(wire) - in_first);
	return lvbs_vtlcall(HEKI_VTLCALL_PATCH_TEXT, pa_of(vtl0, first),
			    straddle ? pa_of(vtl0, second) : 0, 0);
}

static long submit_tail(struct vtl0 *vtl0, const struct vtl0_site *site,
			const u8 *code, bool straddle)
{
	if (site->split == 1)
		return submit(vtl0, pa_of(vtl0, site->second), 0, code + 1, 4,
			      straddle);
	return submit(vtl0, pa_of(vtl0, site->first + 1),
		      pa_of(vtl0, site->second), code + 1, 4, straddle);
}

static bool text_matches_model(const struct vtl0 *vtl0)
{
	return !memcmp(vtl0->mem, vtl0->model, TEXT_BYTES);
}

static void switch_site(struct kunit *test, const struct vtl0_site *site,
			const u8 *code, bool straddle)
{
	struct vtl0 *vtl0 = test->priv;
	u64 pa = pa_of(vtl0, site->first);

	KUNIT_EXPECT_EQ(test, 0L,
			submit(vtl0, pa, 0, (u8[]) { 0xcc }, 1, straddle));
	vtl0->model[site->first] = 0xcc;
	KUNIT_EXPECT_TRUE(test, text_matches_model(vtl0));

	KUNIT_EXPECT_EQ(test, 0L, submit_tail(vtl0, site, code, straddle));
	put_code(vtl0->model, site, code);
	vtl0->model[site->first] = 0xcc;
	KUNIT_EXPECT_TRUE(test, text_matches_model(vtl0));

	KUNIT_EXPECT_EQ(test, 0L, submit(vtl0, pa, 0, code, 1, straddle));
	vtl0->model[site->first] = code[0];
	KUNIT_EXPECT_TRUE(test, text_matches_model(vtl0));
}

static void patch_and_revert(struct kunit *test)
{
	/* The second page is the next wire page, or a distant one. */
	static const unsigned int strides[] = { 1, WIRE_PAGES / 2 };
	struct vtl0 *vtl0 = test->priv;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(strides); i++) {
		load(test, strides[i]);
		for (j = 0; j < WIRE_PAGES; j++) {
			switch_site(test, &vtl0->site[j], vtl0->site[j].code,
				    j % 2);
			switch_site(test, &vtl0->site[j], nop, j % 2 == 0);
		}
		unload(test);
	}
}

/* The second page is the one that the site names, not the next one. */
static void physically_next_page_refused(struct kunit *test)
{
	struct vtl0 *vtl0 = test->priv;
	const struct vtl0_site *site = &vtl0->site[WIRE_PAGES - 1];
	u64 next;

	load(test, 1);
	next = pa_of(vtl0, site->first + site->split);
	KUNIT_ASSERT_EQ(test, submit(vtl0, pa_of(vtl0, site->first), 0,
				     (u8[]) { 0xcc }, 1, false), 0L);
	vtl0->model[site->first] = 0xcc;
	KUNIT_EXPECT_NE(test, submit(vtl0, next, 0, site->code + site->split,
				     5 - site->split, false), 0L);
	if (site->split > 1)
		KUNIT_EXPECT_EQ(test, (long)-EACCES,
				submit(vtl0, pa_of(vtl0, site->first + 1), next,
				       site->code + 1, 4, false));
	KUNIT_EXPECT_TRUE(test, text_matches_model(vtl0));
	KUNIT_EXPECT_EQ(test, vtl0->mem[site->first + site->split], 0);
	unload(test);
}

static int write_text(struct vtl0 *vtl0, unsigned long at)
{
	u8 byte = vtl0->mem[at];

	return phys_write_obj_at(lvbs_vmap_manager(), pa_of(vtl0, at), &byte);
}

static long begin_patch(struct vtl0 *vtl0, unsigned int i)
{
	return submit(vtl0, pa_of(vtl0, vtl0->site[i].first), 0,
		      (u8[]) { 0xcc }, 1, false);
}

/* FREE_MODULE_INIT drops the init text, its sites and its protection. */
static void free_module_init(struct kunit *test)
{
	const unsigned int in_page = PAGE_SIZE / HEKI_PAGE_SIZE;
	struct vtl0 *vtl0 = test->priv;
	unsigned int i;

	load(test, 1);
	KUNIT_EXPECT_EQ(test, write_text(vtl0, 16), -EROFS);
	KUNIT_EXPECT_EQ(test, write_text(vtl0, INIT_TEXT - 1), -EROFS);
	KUNIT_EXPECT_EQ(test, write_text(vtl0, INIT_TEXT), -EROFS);
	KUNIT_EXPECT_EQ(test, write_text(vtl0, TEXT_BYTES - 1), -EROFS);
	KUNIT_EXPECT_EQ(test, write_text(vtl0, REQUESTS), 0);

	KUNIT_EXPECT_EQ(test, 0L, lvbs_vtlcall(HEKI_VTLCALL_FREE_MODULE_INIT,
					       vtl0->token, 0, 0));
	KUNIT_EXPECT_EQ(test, write_text(vtl0, 16), -EROFS);
	KUNIT_EXPECT_EQ(test, write_text(vtl0, INIT_TEXT - 1), -EROFS);
	KUNIT_EXPECT_EQ(test, write_text(vtl0, INIT_TEXT), 0);
	KUNIT_EXPECT_EQ(test, write_text(vtl0, TEXT_BYTES - 1), 0);
	/* The last site of the first page extends into the init text. */
	for (i = 0; i < WIRE_PAGES; i++)
		KUNIT_EXPECT_EQ_MSG(test, begin_patch(vtl0, i),
				    i < in_page - 1 ? 0L : (long)-ENOENT,
				    "site %u", i);

	unload(test);
	KUNIT_EXPECT_EQ(test, write_text(vtl0, 16), 0);
	KUNIT_EXPECT_EQ(test, begin_patch(vtl0, 0), (long)-ENOENT);
}

/* Protection is by kernel page: text must be page aligned. */
static void unaligned_text(struct kunit *test)
{
	struct vtl0 *vtl0 = test->priv;
	struct heki_page *list = (void *)vtl0->mem + LIST;

	*list = (struct heki_page) { .nranges = cpu_to_le64(1) };
	list->ranges[0] = range_of(vtl0, 0, PAGE_SIZE / 2, HEKI_MOD_TEXT);
	KUNIT_EXPECT_EQ(test, lvbs_vtlcall(HEKI_VTLCALL_VALIDATE_MODULE,
					   pa_of(vtl0, LIST), 1, 0),
			(long)-EINVAL);
	list->ranges[0] = range_of(vtl0, PAGE_SIZE / 2, PAGE_SIZE,
				   HEKI_MOD_TEXT);
	KUNIT_EXPECT_EQ(test, lvbs_vtlcall(HEKI_VTLCALL_VALIDATE_MODULE,
					   pa_of(vtl0, LIST), 1, 0),
			(long)-EINVAL);
}

static long validate(const struct vtl0 *vtl0, unsigned int nranges)
{
	return lvbs_vtlcall(HEKI_VTLCALL_VALIDATE_MODULE, pa_of(vtl0, LIST),
			    nranges, 0);
}

/* The kernel's text, and that of a module, are no other module's. */
static void foreign_text_is_refused(struct kunit *test)
{
	struct vtl0 *vtl0 = test->priv;
	struct heki_page *list = (void *)vtl0->mem + LIST;
	unsigned long text = (unsigned long)_stext & PAGE_MASK;

	load(test, 1);
	*list = (struct heki_page) { .nranges = cpu_to_le64(1) };
	list->ranges[0] = range_of(vtl0, 0, PAGE_SIZE, HEKI_MOD_TEXT);
	KUNIT_EXPECT_EQ(test, validate(vtl0, 1), (long)-EEXIST);
	list->ranges[0].attributes = cpu_to_le64(HEKI_MOD_DATA);
	KUNIT_EXPECT_EQ(test, validate(vtl0, 1), (long)-EEXIST);
	/* Other frames at the same addresses. */
	list->ranges[0] = range_of(vtl0, REQUESTS, PAGE_SIZE, HEKI_MOD_TEXT);
	list->ranges[0].va = cpu_to_le64((unsigned long)vtl0->mem);
	KUNIT_EXPECT_EQ(test, validate(vtl0, 1), (long)-EINVAL);
	list->ranges[0].va = cpu_to_le64(text);
	KUNIT_EXPECT_EQ(test, validate(vtl0, 1), (long)-EINVAL);
	list->ranges[0].va = cpu_to_le64(PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, validate(vtl0, 1), (long)-EINVAL);

	list->ranges[0] = (struct heki_range) {
		.va = cpu_to_le64(text),
		.pa = cpu_to_le64(__pa_symbol(text)),
		.epa = cpu_to_le64(__pa_symbol(text) + PAGE_SIZE),
		.attributes = cpu_to_le64(HEKI_MOD_TEXT),
	};
	KUNIT_EXPECT_EQ(test, validate(vtl0, 1), (long)-EEXIST);
	unload(test);
	KUNIT_EXPECT_EQ(test, validate(vtl0, 1), (long)-EEXIST);
}

/* A jump leads to the text of its module, as declared. */
static void foreign_target_is_refused(struct kunit *test)
{
	struct vtl0 *vtl0 = test->priv;
	struct heki_page *list = (void *)vtl0->mem + LIST;
	struct heki_patch *record;
	unsigned int i;

	load(test, 1);
	unload(test);
	record = (void *)vtl0->mem + BLOB + sizeof(struct heki_patch_info);
	for (i = 0; i < WIRE_PAGES; i++) {
		struct heki_patch good = record[i];

		put_unaligned_le32(SZ_1G, record[i].code + 1);
		KUNIT_EXPECT_EQ_MSG(test, validate(vtl0, 3), (long)-EINVAL,
				    "site %u", i);
		record[i] = good;
		record[i].code[0] = 0xe8;
		KUNIT_EXPECT_EQ_MSG(test, validate(vtl0, 3), (long)-EINVAL,
				    "site %u", i);
		record[i] = good;
	}
	/* The text that all of them jump to. */
	list->ranges[0].va = cpu_to_le64((unsigned long)vtl0->mem + REQUESTS);
	KUNIT_EXPECT_EQ(test, validate(vtl0, 3), (long)-EINVAL);
	/* It is not the kernel's, either. */
	list->ranges[2].attributes = cpu_to_le64(HEKI_KDATA_PATCH_INFO);
	KUNIT_EXPECT_EQ(test, lvbs_vtlcall(HEKI_VTLCALL_LOAD_KDATA,
					   pa_of(vtl0, LIST), 3, 0),
			(long)-EINVAL);
}

static struct kunit_case vtlcall_cases[] = {
	KUNIT_CASE(foreign_text_is_refused),
	KUNIT_CASE(foreign_target_is_refused),
	KUNIT_CASE(patch_and_revert),
	KUNIT_CASE(physically_next_page_refused),
	KUNIT_CASE(free_module_init),
	KUNIT_CASE(unaligned_text),
	{}
};

static struct kunit_suite vtlcall_suite = {
	.name = "lvbs_heki_vtlcall",
	.init = vtl0_init,
	.exit = vtl0_exit,
	.test_cases = vtlcall_cases,
};

kunit_test_suite(vtlcall_suite);

MODULE_LICENSE("GPL");
