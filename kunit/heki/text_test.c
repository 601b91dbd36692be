// SPDX-License-Identifier: GPL-2.0
/*
 * Access to the bytes of a site, in pages that the test allocates.
 */
#include <kunit/test.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/string.h>

#include "heki/heki.h"
#include "phys/vmap_manager_privileged.h"

#define ORDER	1
#define BYTES	(PAGE_SIZE << ORDER)

struct text_fixture {
	u8 *mem;
	phys_addr_t pa;
};

static int text_init(struct kunit *test)
{
	struct text_fixture *fix = kunit_kzalloc(test, sizeof(*fix),
						 GFP_KERNEL);

	if (!fix)
		return -ENOMEM;
	test->priv = fix;
	fix->mem = (u8 *)__get_free_pages(GFP_KERNEL, ORDER);
	if (!fix->mem)
		return -ENOMEM;
	fix->pa = virt_to_phys(fix->mem);
	memset(fix->mem, 0x90, BYTES);
	return 0;
}

static void text_exit(struct kunit *test)
{
	struct text_fixture *fix = test->priv;

	if (fix && fix->mem)
		free_pages((unsigned long)fix->mem, ORDER);
}

/* Overwrites the stack below the caller: an open site must not point there. */
static noinline void use_the_stack(void)
{
	unsigned long junk[128];

	memset(junk, 0x5a, sizeof(junk));
	OPTIMIZER_HIDE_VAR(*junk);
	barrier_data(junk);
}

static int try_lock(struct kunit *test, phys_addr_t pa)
{
	struct phys_const_ptr ptr;
	struct phys_lock lock;
	int err;

	KUNIT_ASSERT_EQ(test, 0,
			phys_const_ptr_init(&ptr, lvbs_vmap_manager(), pa, 1,
					    1));
	err = phys_lock(&lock, &ptr, PHYS_LOCK_EXCLUSIVE);
	if (!err)
		phys_unlock(&lock);
	return err;
}

static int open_site(struct heki_span *span, const struct heki_site *site)
{
	return heki_span_open(span, vmap_manager_privileged(), site->pa[0],
			      site->pa[1], site->size, true);
}

/* The holder of a range lock must not see an incomplete patch. */
static void open_site_refuses_lock(struct kunit *test)
{
	struct text_fixture *fix = test->priv;
	const struct heki_site sites[] = {
		{ { fix->pa + 8 }, 5 },
		{ { fix->pa + PAGE_SIZE - 2, fix->pa + PAGE_SIZE }, 5 },
		/* The second page is the lower one. */
		{ { fix->pa + BYTES - 2, fix->pa }, 5 },
	};
	struct heki_span span;
	unsigned int i, page;

	for (i = 0; i < ARRAY_SIZE(sites); i++) {
		KUNIT_ASSERT_EQ(test, open_site(&span, &sites[i]), 0);
		use_the_stack();
		for (page = 0; page < 2 && sites[i].pa[page]; page++)
			KUNIT_EXPECT_EQ_MSG(test,
					    try_lock(test, sites[i].pa[page]),
					    -EBUSY, "site %u, page %u", i,
					    page);
		heki_span_close(&span);
		for (page = 0; page < 2 && sites[i].pa[page]; page++)
			KUNIT_EXPECT_EQ_MSG(test,
					    try_lock(test, sites[i].pa[page]),
					    0, "site %u, page %u", i, page);
	}
}

/*
 * Each pair of wire pages. Both lie in one kernel page where that is larger.
 * The reference system wrote past the end of the site in the second page.
 */
static void straddle_any_two_pages(struct kunit *test)
{
	u8 code[] = { 1, 2, 3, 4, 5 };
	struct text_fixture *fix = test->priv;
	const unsigned int nr = BYTES / HEKI_PAGE_SIZE;
	unsigned int i, j, cut, at, wrong = 0;
	struct heki_span span;
	u8 back[5];

	for (i = 0; i < nr; i++) {
		for (j = 0; j < nr; j++) {
			struct heki_site site = { .size = 5 };
			u8 *first, *second = fix->mem + j * HEKI_PAGE_SIZE;

			if (i == j)
				continue;
			cut = 1 + (i + j) % 4;
			first = fix->mem + (i + 1) * HEKI_PAGE_SIZE - cut;
			site.pa[0] = virt_to_phys(first);
			site.pa[1] = virt_to_phys(second);
			KUNIT_ASSERT_EQ(test, open_site(&span, &site), 0);
			for (at = 0; at < 5; at++)
				wrong += !!heki_span_copy(&span, at, code + at,
							  5 - at, true);
			wrong += !!heki_span_copy(&span, 0, back, 5, false);
			wrong += !!memcmp(back, code, 5);
			wrong += !!heki_span_copy(&span, 1, back, 4, false);
			wrong += !!memcmp(back, code + 1, 4);
			heki_span_close(&span);

			wrong += !!memcmp(first, code, cut);
			wrong += !!memcmp(second, code + cut, 5 - cut);
			memset(first, 0x90, cut);
			memset(second, 0x90, 5 - cut);
			/* No other byte was written. */
			wrong += !!memchr_inv(fix->mem, 0x90, BYTES);
			KUNIT_ASSERT_EQ_MSG(test, wrong, 0U,
					    "page %u to page %u", i, j);
		}
	}
}

static struct kunit_case text_cases[] = {
	KUNIT_CASE(open_site_refuses_lock),
	KUNIT_CASE(straddle_any_two_pages),
	{}
};

static struct kunit_suite text_suite = {
	.name = "lvbs_heki_text",
	.init = text_init,
	.exit = text_exit,
	.test_cases = text_cases,
};

kunit_test_suite(text_suite);

MODULE_LICENSE("GPL");
