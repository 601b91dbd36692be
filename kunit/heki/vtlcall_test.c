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
#include <linux/vmalloc.h>

#include <lvbs/heki.h>
#include <lvbs/phys_ptr.h>

#include "heki/heki.h"
#include "kunit/fakes/kernel.h"

/* Kernel pages: text and init text, page list, blob, requests, other memory. */
#define ORDER		4
#define TEXT_BYTES	(2 * PAGE_SIZE)
#define INIT_TEXT	PAGE_SIZE
#define LIST		(2 * PAGE_SIZE)
#define BLOB		(3 * PAGE_SIZE)
#define REQUESTS	(4 * PAGE_SIZE)
#define RODATA		(8 * PAGE_SIZE)
#define RO_AFTER_INIT	(9 * PAGE_SIZE)
#define DATA		(10 * PAGE_SIZE)
#define INIT_RODATA	(11 * PAGE_SIZE)
#define INIT_DATA	(12 * PAGE_SIZE)
#define ELF		(13 * PAGE_SIZE)
#define WIRE_PAGES	(TEXT_BYTES / HEKI_PAGE_SIZE)
#define IN_PAGE		(PAGE_SIZE / HEKI_PAGE_SIZE)
/* One from each page of text to the next. */
#define SITES		(WIRE_PAGES - 1)

static const u8 nop[] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };

struct vtl0_site {
	unsigned long first;	/* offset in the text */
	unsigned int split;	/* bytes in the first page */
	u8 code[5];
};

struct vtl0 {
	u8 *mem;
	u8 *text;		/* TEXT_BYTES of @mem, mapped as it is executed */
	bool swapped;		/* its pages are not in order in physical memory */
	u8 *model;		/* expected text */
	struct vtl0_site site[SITES];
	u64 nranges;
	long token;
};

static u64 pa_of(const struct vtl0 *vtl0, unsigned long at)
{
	if (at < TEXT_BYTES && vtl0->swapped)
		at ^= PAGE_SIZE;
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
	vunmap(vtl0->text);
	if (vtl0->mem)
		free_pages((unsigned long)vtl0->mem, ORDER);
}

/* Maps the pages of text, in order or the second one first. */
static void map_text(struct kunit *test, bool swapped)
{
	struct vtl0 *vtl0 = test->priv;
	struct page *pages[2];

	vtl0->swapped = swapped;
	pages[0] = pfn_to_page(PHYS_PFN(pa_of(vtl0, 0)));
	pages[1] = pfn_to_page(PHYS_PFN(pa_of(vtl0, PAGE_SIZE)));
	vunmap(vtl0->text);
	vtl0->text = vmap(pages, 2, VM_MAP, PAGE_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vtl0->text);
}

static void make_sites(struct vtl0 *vtl0)
{
	struct heki_patch_info *info = (void *)vtl0->mem + BLOB;
	struct heki_patch *record = (void *)(info + 1);
	unsigned int i;

	memset(vtl0->text, 0x90, TEXT_BYTES);
	*info = (struct heki_patch_info) {
		.patch_idx = cpu_to_le64(SITES),
		.max_patch_count = cpu_to_le64(SITES),
	};
	for (i = 0; i < SITES; i++) {
		struct vtl0_site *site = &vtl0->site[i];
		unsigned long second = (i + 1) * HEKI_PAGE_SIZE;

		site->split = 1 + i % 4;
		site->first = second - site->split;
		site->code[0] = 0xe9;
		/* To a place of its own at the start of the text. */
		put_unaligned_le32((u32)(i - (site->first + 5)),
				   site->code + 1);
		heki_patch_encode(record++, pa_of(vtl0, site->first),
				  pa_of(vtl0, second), site->code, 5);
		memcpy(vtl0->text + site->first, nop, 5);
	}
	memcpy(vtl0->model, vtl0->text, TEXT_BYTES);
}

static struct heki_range range_of(const struct vtl0 *vtl0, unsigned long at,
				  unsigned long bytes,
				  enum heki_mod_mem attribute)
{
	u8 *va = at < TEXT_BYTES ? vtl0->text + at : vtl0->mem + at;

	return (struct heki_range) {
		.va = cpu_to_le64((unsigned long)va),
		.pa = cpu_to_le64(pa_of(vtl0, at)),
		.epa = cpu_to_le64(pa_of(vtl0, at) + bytes),
		.attributes = cpu_to_le64(attribute),
	};
}

static struct heki_page *list_of(const struct vtl0 *vtl0)
{
	return (void *)vtl0->mem + LIST;
}

static void list_add_range(struct vtl0 *vtl0, unsigned long at,
			   unsigned long bytes, enum heki_mod_mem attribute)
{
	struct heki_page *list = list_of(vtl0);

	list->ranges[vtl0->nranges++] = range_of(vtl0, at, bytes, attribute);
	list->nranges = cpu_to_le64(vtl0->nranges);
}

/* Positions in the list that announce() makes. */
enum { RANGE_TEXT, RANGE_PATCH = 8 };

static void announce(struct kunit *test, bool swapped)
{
	struct vtl0 *vtl0 = test->priv;

	map_text(test, swapped);
	make_sites(vtl0);
	vtl0->nranges = 0;
	memset(list_of(vtl0), 0, sizeof(struct heki_page));
	list_add_range(vtl0, 0, PAGE_SIZE, HEKI_MOD_TEXT);
	list_add_range(vtl0, INIT_TEXT, PAGE_SIZE, HEKI_MOD_INIT_TEXT);
	list_add_range(vtl0, ELF + 7, 100, HEKI_MOD_ELF);
	list_add_range(vtl0, DATA, PAGE_SIZE, HEKI_MOD_DATA);
	list_add_range(vtl0, RODATA, PAGE_SIZE, HEKI_MOD_RODATA);
	list_add_range(vtl0, RO_AFTER_INIT, PAGE_SIZE, HEKI_MOD_RO_AFTER_INIT);
	list_add_range(vtl0, INIT_DATA, PAGE_SIZE, HEKI_MOD_INIT_DATA);
	list_add_range(vtl0, INIT_RODATA, PAGE_SIZE, HEKI_MOD_INIT_RODATA);
	list_add_range(vtl0, BLOB, sizeof(struct heki_patch_info) +
		       SITES * sizeof(struct heki_patch), HEKI_MOD_PATCH);
}

static long validate(const struct vtl0 *vtl0)
{
	return lvbs_vtlcall(HEKI_VTLCALL_VALIDATE_MODULE, pa_of(vtl0, LIST),
			    vtl0->nranges, 0);
}

static void load(struct kunit *test, bool swapped)
{
	struct vtl0 *vtl0 = test->priv;

	announce(test, swapped);
	vtl0->token = validate(vtl0);
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
	u64 second = pa_of(vtl0, site->first + site->split);

	if (site->split == 1)
		return submit(vtl0, second, 0, code + 1, 4, straddle);
	return submit(vtl0, pa_of(vtl0, site->first + 1), second, code + 1, 4,
		      straddle);
}

static bool text_matches_model(const struct vtl0 *vtl0)
{
	return !memcmp(vtl0->text, vtl0->model, TEXT_BYTES);
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
	memcpy(vtl0->model + site->first + 1, code + 1, 4);
	KUNIT_EXPECT_TRUE(test, text_matches_model(vtl0));

	KUNIT_EXPECT_EQ(test, 0L, submit(vtl0, pa, 0, code, 1, straddle));
	vtl0->model[site->first] = code[0];
	KUNIT_EXPECT_TRUE(test, text_matches_model(vtl0));
}

static void patch_and_revert(struct kunit *test)
{
	struct vtl0 *vtl0 = test->priv;
	unsigned int swapped, i;

	for (swapped = 0; swapped < 2; swapped++) {
		load(test, swapped);
		for (i = 0; i < SITES; i++) {
			switch_site(test, &vtl0->site[i], vtl0->site[i].code,
				    i % 2);
			switch_site(test, &vtl0->site[i], nop, i % 2 == 0);
		}
		unload(test);
	}
}

/* The second page is the one that the site names, not the next one. */
static void physically_next_page_refused(struct kunit *test)
{
	struct vtl0 *vtl0 = test->priv;
	const struct vtl0_site *site = &vtl0->site[IN_PAGE - 1];
	u8 there;
	u64 next;

	load(test, true);
	there = vtl0->mem[LIST];
	next = pa_of(vtl0, site->first) + site->split;
	KUNIT_ASSERT_EQ(test, next, pa_of(vtl0, LIST));
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
	KUNIT_EXPECT_EQ(test, vtl0->mem[LIST], there);
	unload(test);
}

/* A site cannot take its second page from elsewhere in the text. */
static void second_page_not_virtually_next(struct kunit *test)
{
	struct vtl0 *vtl0 = test->priv;
	struct heki_patch *record;

	announce(test, true);
	record = (void *)vtl0->mem + BLOB + sizeof(struct heki_patch_info);
	record[IN_PAGE - 1].pa[1] = cpu_to_le64(pa_of(vtl0, 0));
	KUNIT_EXPECT_EQ(test, validate(vtl0), (long)-EINVAL);
}

static int write_to(struct vtl0 *vtl0, unsigned long at)
{
	u8 byte;
	int err;

	err = phys_read_obj_at(lvbs_vmap_manager(), pa_of(vtl0, at), &byte);
	return err ?: phys_write_obj_at(lvbs_vmap_manager(), pa_of(vtl0, at),
					&byte);
}

static long begin_patch(struct vtl0 *vtl0, unsigned int i)
{
	return submit(vtl0, pa_of(vtl0, vtl0->site[i].first), 0,
		      (u8[]) { 0xcc }, 1, false);
}

/* What a write to each kind of memory returns in the life of a module. */
static const struct frozen_row {
	const char *name;
	unsigned long at;
	int loaded;
	int initialised;
} frozen_rows[] = {
	{ "text", 16, -EROFS, -EROFS },
	{ "last byte of text", INIT_TEXT - 1, -EROFS, -EROFS },
	{ "init text", INIT_TEXT, -EROFS, 0 },
	{ "last byte of init text", TEXT_BYTES - 1, -EROFS, 0 },
	{ "data", DATA, 0, 0 },
	{ "rodata", RODATA, -EROFS, -EROFS },
	{ "last byte of rodata", RODATA + PAGE_SIZE - 1, -EROFS, -EROFS },
	{ "read-only after init", RO_AFTER_INIT, 0, -EROFS },
	{ "init data", INIT_DATA, 0, 0 },
	{ "init rodata", INIT_RODATA, -EROFS, 0 },
	{ "module file", ELF, 0, 0 },
	{ "requests", REQUESTS, 0, 0 },
};

static void expect_frozen(struct kunit *test, bool loaded, bool initialised)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(frozen_rows); i++) {
		const struct frozen_row *row = &frozen_rows[i];

		KUNIT_EXPECT_EQ_MSG(test, write_to(test->priv, row->at),
				    !loaded ? 0 : initialised ?
				    row->initialised : row->loaded,
				    "%s, loaded %d, initialised %d", row->name,
				    loaded, initialised);
	}
}

static long free_init(const struct vtl0 *vtl0)
{
	return lvbs_vtlcall(HEKI_VTLCALL_FREE_MODULE_INIT, vtl0->token, 0, 0);
}

static void module_is_frozen(struct kunit *test)
{
	struct vtl0 *vtl0 = test->priv;

	load(test, false);
	expect_frozen(test, true, false);
	KUNIT_EXPECT_EQ(test, free_init(vtl0), 0L);
	expect_frozen(test, true, true);
	/* There is nothing more to do. */
	KUNIT_EXPECT_EQ(test, free_init(vtl0), 0L);
	expect_frozen(test, true, true);
	unload(test);
	expect_frozen(test, false, false);
}

/* FREE_MODULE_INIT drops the sites that have a byte in init text. */
static void init_sites_are_dropped(struct kunit *test)
{
	struct vtl0 *vtl0 = test->priv;
	unsigned int i;

	load(test, false);
	KUNIT_EXPECT_EQ(test, free_init(vtl0), 0L);
	/* The last site of the first page extends into the init text. */
	for (i = 0; i < SITES; i++)
		KUNIT_EXPECT_EQ_MSG(test, begin_patch(vtl0, i),
				    i < IN_PAGE - 1 ? 0L : (long)-ENOENT,
				    "site %u", i);
	unload(test);
	KUNIT_EXPECT_EQ(test, begin_patch(vtl0, 0), (long)-ENOENT);
}

/* Memory that another one may claim once its owner has given it up. */
static void init_memory_is_given_up(struct kunit *test)
{
	struct vtl0 *vtl0 = test->priv;
	struct heki_page *list = list_of(vtl0);
	u64 nranges;
	long other;

	load(test, false);
	nranges = vtl0->nranges;
	vtl0->nranges = 1;
	list->nranges = cpu_to_le64(1);
	list->ranges[0] = range_of(vtl0, INIT_TEXT, PAGE_SIZE, HEKI_MOD_TEXT);
	KUNIT_EXPECT_EQ(test, validate(vtl0), (long)-EEXIST);
	KUNIT_EXPECT_EQ(test, free_init(vtl0), 0L);
	other = validate(vtl0);
	KUNIT_EXPECT_GT(test, other, 0L);
	KUNIT_EXPECT_EQ(test, lvbs_vtlcall(HEKI_VTLCALL_UNLOAD_MODULE, other, 0,
					   0), 0L);
	list->ranges[0] = range_of(vtl0, DATA, PAGE_SIZE, HEKI_MOD_DATA);
	KUNIT_EXPECT_EQ(test, validate(vtl0), (long)-EEXIST);
	vtl0->nranges = nranges;
	unload(test);
}

/* A lock that VALIDATE_MODULE or FREE_MODULE_INIT meets undoes all of it. */
static void failure_undoes_all(struct kunit *test)
{
	struct vtl0 *vtl0 = test->priv;
	struct phys_write_session writer;
	struct phys_ptr ptr;

	announce(test, false);
	/* The last range that is protected. */
	KUNIT_ASSERT_EQ(test, phys_ptr_init(&ptr, lvbs_vmap_manager(),
					    pa_of(vtl0, INIT_RODATA), 8, 1), 0);
	KUNIT_ASSERT_EQ(test, phys_write_session_begin(&writer, &ptr), 0);
	KUNIT_EXPECT_EQ(test, validate(vtl0), (long)-EBUSY);
	expect_frozen(test, false, false);
	KUNIT_EXPECT_EQ(test, begin_patch(vtl0, 0), (long)-ENOENT);
	phys_write_session_end(&writer);

	load(test, false);
	KUNIT_ASSERT_EQ(test, phys_ptr_init(&ptr, lvbs_vmap_manager(),
					    pa_of(vtl0, RO_AFTER_INIT), 8, 1),
			0);
	KUNIT_ASSERT_EQ(test, phys_write_session_begin(&writer, &ptr), 0);
	KUNIT_EXPECT_EQ(test, free_init(vtl0), (long)-EBUSY);
	expect_frozen(test, true, false);
	phys_write_session_end(&writer);
	KUNIT_EXPECT_EQ(test, free_init(vtl0), 0L);
	expect_frozen(test, true, true);
	unload(test);
	expect_frozen(test, false, false);
}

/* Protection is by page: what is protected must be whole pages. */
static void unaligned_memory(struct kunit *test)
{
	static const enum heki_mod_mem frozen[] = {
		HEKI_MOD_TEXT, HEKI_MOD_RODATA, HEKI_MOD_RO_AFTER_INIT,
		HEKI_MOD_INIT_TEXT, HEKI_MOD_INIT_RODATA,
	};
	struct vtl0 *vtl0 = test->priv;
	struct heki_page *list = list_of(vtl0);
	unsigned int i;

	map_text(test, false);
	list->nranges = cpu_to_le64(1);
	vtl0->nranges = 1;
	for (i = 0; i < ARRAY_SIZE(frozen); i++) {
		list->ranges[0] = range_of(vtl0, 0, PAGE_SIZE / 2, frozen[i]);
		KUNIT_EXPECT_EQ(test, validate(vtl0), (long)-EINVAL);
		list->ranges[0] = range_of(vtl0, PAGE_SIZE / 2, PAGE_SIZE / 2,
					   frozen[i]);
		KUNIT_EXPECT_EQ(test, validate(vtl0), (long)-EINVAL);
	}
	list->ranges[0] = range_of(vtl0, DATA, 8, HEKI_MOD_PATCH + 1);
	KUNIT_EXPECT_EQ(test, validate(vtl0), (long)-EINVAL);
}

/* The kernel's text, and that of a module, are no other module's. */
static void foreign_text_is_refused(struct kunit *test)
{
	struct vtl0 *vtl0 = test->priv;
	struct heki_page *list = list_of(vtl0);
	unsigned long text = (unsigned long)KERNEL_SECTION(_stext) & PAGE_MASK;

	load(test, false);
	vtl0->nranges = 1;
	*list = (struct heki_page) { .nranges = cpu_to_le64(1) };
	list->ranges[0] = range_of(vtl0, 0, PAGE_SIZE, HEKI_MOD_TEXT);
	KUNIT_EXPECT_EQ(test, validate(vtl0), (long)-EEXIST);
	list->ranges[0].attributes = cpu_to_le64(HEKI_MOD_DATA);
	KUNIT_EXPECT_EQ(test, validate(vtl0), (long)-EEXIST);
	/* Other frames at the same addresses. */
	list->ranges[0] = range_of(vtl0, REQUESTS, PAGE_SIZE, HEKI_MOD_TEXT);
	list->ranges[0].va = cpu_to_le64((unsigned long)vtl0->text);
	KUNIT_EXPECT_EQ(test, validate(vtl0), (long)-EINVAL);
	list->ranges[0].va = cpu_to_le64(text);
	KUNIT_EXPECT_EQ(test, validate(vtl0), (long)-EINVAL);
	list->ranges[0].va = cpu_to_le64(PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, validate(vtl0), (long)-EINVAL);

	list->ranges[0] = (struct heki_range) {
		.va = cpu_to_le64(text),
		.pa = cpu_to_le64(__pa_symbol(text)),
		.epa = cpu_to_le64(__pa_symbol(text) + PAGE_SIZE),
		.attributes = cpu_to_le64(HEKI_MOD_TEXT),
	};
	KUNIT_EXPECT_EQ(test, validate(vtl0), (long)-EEXIST);
	unload(test);
	KUNIT_EXPECT_EQ(test, validate(vtl0), (long)-EEXIST);
}

/* A jump leads to the text of its module, as declared. */
static void foreign_target_is_refused(struct kunit *test)
{
	struct vtl0 *vtl0 = test->priv;
	struct heki_page *list = list_of(vtl0);
	struct heki_patch *record;
	unsigned int i;

	load(test, false);
	unload(test);
	record = (void *)vtl0->mem + BLOB + sizeof(struct heki_patch_info);
	for (i = 0; i < SITES; i++) {
		struct heki_patch good = record[i];

		put_unaligned_le32(SZ_1G, record[i].code + 1);
		KUNIT_EXPECT_EQ_MSG(test, validate(vtl0), (long)-EINVAL,
				    "site %u", i);
		record[i] = good;
		record[i].code[0] = 0xe8;
		KUNIT_EXPECT_EQ_MSG(test, validate(vtl0), (long)-EINVAL,
				    "site %u", i);
		record[i] = good;
	}
	/* The text that all of them jump to. */
	list->ranges[RANGE_TEXT].va =
		cpu_to_le64((unsigned long)vtl0->mem + REQUESTS);
	KUNIT_EXPECT_EQ(test, validate(vtl0), (long)-EINVAL);
	/* It is not the kernel's, either. */
	list->ranges[RANGE_PATCH].attributes =
		cpu_to_le64(HEKI_KDATA_PATCH_INFO);
	for (i = 0; i < RANGE_PATCH; i++)
		list->ranges[i].attributes = cpu_to_le64(77);
	KUNIT_EXPECT_EQ(test, lvbs_vtlcall(HEKI_VTLCALL_LOAD_KDATA,
					   pa_of(vtl0, LIST), vtl0->nranges, 0),
			(long)-EINVAL);
}

static struct kunit_case vtlcall_cases[] = {
	KUNIT_CASE(foreign_text_is_refused),
	KUNIT_CASE(foreign_target_is_refused),
	KUNIT_CASE(patch_and_revert),
	KUNIT_CASE(physically_next_page_refused),
	KUNIT_CASE(second_page_not_virtually_next),
	KUNIT_CASE(module_is_frozen),
	KUNIT_CASE(init_sites_are_dropped),
	KUNIT_CASE(init_memory_is_given_up),
	KUNIT_CASE(failure_undoes_all),
	KUNIT_CASE(unaligned_memory),
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
