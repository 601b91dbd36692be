// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the real vmap manager: physical pointers to pages of the test,
 * which are inspected through the kernel's own mapping.
 */
#include <kunit/test.h>
#include <linux/highmem.h>
#include <linux/list.h>
#include <linux/memblock.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include <lvbs/phys_ptr.h>

#include "kunit/fakes/kernel.h"
#include "kunit/fakes/random.h"
#include "kunit/param.h"
#include "kunit/phys/pte_bits.h"
#include "phys/phys.h"
#include "phys/vmap_manager_privileged.h"

#define P	PAGE_SIZE
#define W	PHYS_WINDOW_PAGES

/* More than two windows, with a canary page at either end. */
#define PAGES	(2 * W + 3)
#define BYTES	(PAGES * P)
#define CANARY	0xe7

/* Allocated until one of them is where it is needed. */
#define HIGH_TRIES	4096

struct real_fixture {
	u8 *mem;
	u8 *buf;
	unsigned long pfns[PAGES];
	long maps;
	long unmaps;
};

static struct phys_stats *real_stats(void)
{
	return lvbs_vmap_manager()->stats;
}

static unsigned long maps_made(const struct real_fixture *fix)
{
	return phys_stat_get(real_stats(), PHYS_STAT_MAPS) - fix->maps;
}

static unsigned long maps_undone(const struct real_fixture *fix)
{
	return phys_stat_get(real_stats(), PHYS_STAT_UNMAPS) - fix->unmaps;
}

static u8 pattern(size_t at)
{
	u8 value = at * 5 + at / 253 + (at >> PAGE_SHIFT);

	return value == CANARY ? 0 : value;
}

static u8 *page_of(const struct real_fixture *fix, unsigned long i)
{
	return fix->mem + i * P;
}

static void fill(struct real_fixture *fix)
{
	size_t i;

	memset(fix->mem, CANARY, BYTES);
	for (i = P; i < BYTES - P; i++)
		fix->mem[i] = pattern(i);
}

static int real_init(struct kunit *test)
{
	struct real_fixture *fix;
	unsigned long i;

	fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	if (!fix)
		return -ENOMEM;
	test->priv = fix;
	fix->mem = alloc_pages_exact(BYTES, GFP_KERNEL);
	fix->buf = vmalloc(BYTES);
	if (!fix->mem || !fix->buf)
		return -ENOMEM;
	for (i = 0; i < PAGES; i++)
		fix->pfns[i] = page_to_pfn(virt_to_page(page_of(fix, i)));
	fix->maps = phys_stat_get(real_stats(), PHYS_STAT_MAPS);
	fix->unmaps = phys_stat_get(real_stats(), PHYS_STAT_UNMAPS);
	fill(fix);
	return 0;
}

static void real_exit(struct kunit *test)
{
	struct real_fixture *fix = test->priv;

	if (!fix)
		return;
	if (fix->mem && fix->buf) {
		KUNIT_EXPECT_NULL(test, memchr_inv(fix->mem, CANARY, P));
		KUNIT_EXPECT_NULL(test, memchr_inv(fix->mem + BYTES - P, CANARY,
						   P));
		KUNIT_EXPECT_EQ(test, maps_made(fix), maps_undone(fix));
	}
	vfree(fix->buf);
	if (fix->mem)
		free_pages_exact(fix->mem, BYTES);
}

/* All pages except the canaries, as a run. */
static struct phys_ptr all_run(struct kunit *test)
{
	struct real_fixture *fix = test->priv;
	struct phys_ptr ptr;

	KUNIT_ASSERT_EQ(test, 0,
			phys_ptr_init(&ptr, lvbs_vmap_manager(),
				      PFN_PHYS(fix->pfns[1]), BYTES - 2 * P,
				      1));
	return ptr;
}

static struct phys_ptr one_page(struct kunit *test, unsigned long i)
{
	struct real_fixture *fix = test->priv;
	struct phys_ptr ptr;

	KUNIT_ASSERT_EQ(test, 0,
			phys_ptr_init(&ptr, lvbs_vmap_manager(),
				      PFN_PHYS(fix->pfns[i]), P, 1));
	return ptr;
}

static int read_byte(const struct phys_ptr *ptr)
{
	u8 byte;

	return phys_read(&ptr->ro, 0, &byte, 1);
}

/* Write back the current contents. */
static int write_back(const struct phys_ptr *ptr)
{
	u8 byte;

	return phys_read(&ptr->ro, 0, &byte, 1) ?:
	       phys_write(ptr, 0, &byte, 1);
}

/* ---- copying ---- */

static void run_test(struct kunit *test)
{
	const size_t len = BYTES - 2 * P - 11;
	struct real_fixture *fix = test->priv;
	struct phys_ptr ptr = all_run(test);
	size_t i;

	KUNIT_EXPECT_EQ(test, 0, phys_read(&ptr.ro, 7, fix->buf, len));
	KUNIT_EXPECT_EQ(test, 0, memcmp(fix->buf, fix->mem + P + 7, len));
	KUNIT_EXPECT_EQ(test, maps_made(fix), 3UL);

	for (i = 0; i < len; i++)
		fix->buf[i] = ~fix->buf[i];
	KUNIT_EXPECT_EQ(test, 0, phys_write(&ptr, 7, fix->buf, len));
	KUNIT_EXPECT_EQ(test, 0, memcmp(fix->buf, fix->mem + P + 7, len));
	KUNIT_EXPECT_EQ(test, maps_made(fix), 6UL);
	KUNIT_EXPECT_EQ(test, maps_undone(fix), 6UL);

	/* All other bytes are unchanged. */
	for (i = P; i < BYTES - P; i++)
		if ((i < P + 7 || i >= P + 7 + len) &&
		    fix->mem[i] != pattern(i))
			break;
	KUNIT_EXPECT_EQ(test, i, BYTES - P);
}

static void list_test(struct kunit *test)
{
	const unsigned long nr = PAGES - 2;
	struct real_fixture *fix = test->priv;
	unsigned long order[PAGES - 2], i;
	struct rnd_state rnd;
	struct phys_ptr ptr;
	u32 seed;

	seed = random_start(test, &rnd);
	for (i = 0; i < nr; i++)
		order[i] = fix->pfns[i + 1];
	random_shuffle(&rnd, order, nr);
	KUNIT_ASSERT_EQ(test, 0,
			phys_ptr_init_scattered(&ptr, lvbs_vmap_manager(),
						order, nr, 0, nr * P, 1));

	KUNIT_EXPECT_EQ(test, 0, phys_read(&ptr.ro, 0, fix->buf, nr * P));
	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_EQ_MSG(test, 0,
				    memcmp(fix->buf + i * P,
					   page_address(pfn_to_page(order[i])), P),
				    "seed %#x, page %lu", seed, i);

	for (i = 0; i < nr * P; i++)
		fix->buf[i] = ~fix->buf[i];
	KUNIT_EXPECT_EQ(test, 0, phys_write(&ptr, 0, fix->buf, nr * P));
	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_EQ_MSG(test, 0,
				    memcmp(fix->buf + i * P,
					   page_address(pfn_to_page(order[i])), P),
				    "seed %#x, page %lu", seed, i);
	KUNIT_EXPECT_EQ(test, maps_made(fix), 6UL);
	KUNIT_EXPECT_EQ(test, maps_undone(fix), 6UL);
}

/* Frames without a permanent kernel mapping; above 4 GiB if possible. */
static struct page *high_page(struct list_head *pages)
{
	struct page *page;
	unsigned int i;

	for (i = 0; i < HIGH_TRIES; i++) {
		page = alloc_page(GFP_HIGHUSER);
		if (!page)
			break;
		list_add(&page->lru, pages);
		if (page_to_phys(page) >= SZ_4G)
			break;
	}
	return list_first_entry_or_null(pages, struct page, lru);
}

static void high_test(struct kunit *test)
{
	static const char text[] = "neither mapped nor addressed by 32 bits";
	struct page *page, *next;
	struct phys_ptr ptr;
	LIST_HEAD(pages);
	char buf[sizeof(text)] = {};
	void *addr;

	if (!IS_ENABLED(CONFIG_HIGHMEM))
		kunit_skip(test, "all memory has a permanent mapping");

	page = high_page(&pages);
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_TRUE(test, PageHighMem(page));
	if (IS_ENABLED(CONFIG_PHYS_ADDR_T_64BIT) && max_pfn > PHYS_PFN(SZ_4G))
		KUNIT_EXPECT_GE(test, (u64)page_to_phys(page), (u64)SZ_4G);

	KUNIT_EXPECT_EQ(test, 0,
			phys_ptr_init(&ptr, lvbs_vmap_manager(),
				      page_to_phys(page) + P - sizeof(text),
				      sizeof(text), sizeof(text)));
	KUNIT_EXPECT_EQ(test, 0, phys_write(&ptr, 0, text, 1));
	addr = kmap_local_page(page);
	KUNIT_EXPECT_STREQ(test, (char *)addr + P - sizeof(text), text);
	kunmap_local(addr);
	KUNIT_EXPECT_EQ(test, 0, phys_read(&ptr.ro, 0, buf, 1));
	KUNIT_EXPECT_STREQ(test, buf, text);

	list_for_each_entry_safe(page, next, &pages, lru)
		__free_page(page);
}

/* ---- mapping ---- */

static void window_test(struct kunit *test)
{
	struct real_fixture *fix = test->priv;
	const unsigned long pfns[] = { fix->pfns[9], fix->pfns[3],
				       fix->pfns[5] };
	struct phys_session s = {};
	struct phys_ptr ptr;
	unsigned long i;
	void *addr;

	KUNIT_ASSERT_EQ(test, 0,
			phys_ptr_init_scattered(&ptr, lvbs_vmap_manager(), pfns,
						3, 0, 3 * P, 1));
	KUNIT_ASSERT_EQ(test, 0, phys_session_begin(&s, &ptr.ro));
	addr = s.window.map.addr;
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, vmalloc_to_pfn(addr + i * P), pfns[i]);
	phys_session_end(&s);
	/* Page table entries are cleared at once, TLB entries later. */
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_NULL(test, vmalloc_to_page(addr + i * P));
}

static void permission_test(struct kunit *test)
{
	struct phys_ptr ptr = one_page(test, 4);
	struct phys_write_session ws = {};
	struct phys_session s = {};
	struct pte_bits bits;

	if (!pte_bits_known())
		kunit_skip(test, "no page table bits on this architecture");

	KUNIT_ASSERT_EQ(test, 0, phys_session_begin(&s, &ptr.ro));
	bits = pte_bits_of(s.window.map.addr);
	phys_session_end(&s);
	KUNIT_EXPECT_TRUE(test, bits.present);
	KUNIT_EXPECT_FALSE(test, bits.writable);
	KUNIT_EXPECT_FALSE(test, bits.executable);

	KUNIT_ASSERT_EQ(test, 0, phys_write_session_begin(&ws, &ptr));
	bits = pte_bits_of(ws.ro.window.map.addr);
	phys_write_session_end(&ws);
	KUNIT_EXPECT_TRUE(test, bits.present);
	KUNIT_EXPECT_TRUE(test, bits.writable);
	KUNIT_EXPECT_FALSE(test, bits.executable);

	/* The check recognises an executable page. */
	bits = pte_bits_of(KERNEL_SECTION(_stext));
	KUNIT_EXPECT_TRUE(test, bits.executable);
}

static void read_only_faults_test(struct kunit *test)
{
	struct real_fixture *fix = test->priv;
	struct phys_ptr ptr = one_page(test, 4);
	struct phys_session s = {};
	u8 bytes[8] = {};
	size_t left;

	if (IS_ENABLED(CONFIG_UML))
		kunit_skip(test, "UML cannot recover from kernel faults");

	KUNIT_ASSERT_EQ(test, 0, phys_session_begin(&s, &ptr.ro));
	left = copy_nofault_to(s.window.map.addr + 100, bytes, sizeof(bytes));
	phys_session_end(&s);
	KUNIT_EXPECT_EQ(test, left, sizeof(bytes));
	KUNIT_EXPECT_EQ(test, page_of(fix, 4)[100], pattern(4 * P + 100));
}

/* Persistent mappings may exceed a window and repeat frames. */
static void vmap_test(struct kunit *test)
{
	static unsigned long pfns[2 * (PAGES - 2)];
	struct vmap_manager *mgr = lvbs_vmap_manager();
	struct real_fixture *fix = test->priv;
	struct phys_frames frames = { .first = fix->pfns[1] };
	struct phys_map map = {};
	size_t i;

	KUNIT_EXPECT_EQ(test, -EINVAL, mgr->ops->vmap(mgr, &frames, 0, &map));
	KUNIT_EXPECT_EQ(test, map.nr, 0U);
	frames.nr = W;
	KUNIT_EXPECT_EQ(test, 0, mgr->ops->vmap(mgr, &frames, PHYS_MAP_WRITE,
						&map));
	KUNIT_EXPECT_EQ(test, map.nr, W);
	KUNIT_EXPECT_TRUE(test, map.writable);
	KUNIT_EXPECT_EQ(test, 0, memcmp(map.addr, page_of(fix, 1), W * P));
	KUNIT_EXPECT_EQ(test, 0, mgr->ops->vunmap(mgr, &map));

	for (i = 0; i < ARRAY_SIZE(pfns); i++)
		pfns[i] = fix->pfns[1 + i % (PAGES - 2)];
	frames = (struct phys_frames) { .pfns = pfns, .nr = ARRAY_SIZE(pfns) };
	KUNIT_ASSERT_EQ(test, 0, mgr->ops->vmap(mgr, &frames, PHYS_MAP_WRITE,
						&map));
	KUNIT_EXPECT_EQ(test, map.nr, (unsigned int)ARRAY_SIZE(pfns));
	memset(map.addr + 5, 0x77, 10);
	KUNIT_EXPECT_NULL(test, memchr_inv(map.addr + (PAGES - 2) * P + 5, 0x77,
					   10));
	KUNIT_EXPECT_NULL(test, memchr_inv(page_of(fix, 1) + 5, 0x77, 10));
	KUNIT_EXPECT_EQ(test, 0, memcmp(map.addr, page_of(fix, 1),
					(PAGES - 2) * P));
	KUNIT_EXPECT_EQ(test, 0, mgr->ops->vunmap(mgr, &map));

	/* The list does not fit in memory; no frame is looked at. */
	frames.nr = ULONG_MAX;
	map.nr = 0;
	KUNIT_EXPECT_EQ(test, -ENOMEM, mgr->ops->vmap(mgr, &frames,
						      PHYS_MAP_WRITE, &map));
	KUNIT_EXPECT_EQ(test, map.nr, 0U);
}

/* Two mappings of a frame show the same bytes. */
static void two_sessions_test(struct kunit *test)
{
	struct real_fixture *fix = test->priv;
	struct phys_ptr ptr = one_page(test, 4);
	struct phys_write_session a = {}, b = {};
	struct phys_session r = {};
	u32 x = 0x11223344, y = 0x55667788, got = 0;

	KUNIT_ASSERT_EQ(test, 0, phys_write_session_begin(&a, &ptr));
	KUNIT_EXPECT_EQ(test, 0, phys_write_session_begin(&b, &ptr));
	KUNIT_EXPECT_EQ(test, 0, phys_session_begin(&r, &ptr.ro));

	KUNIT_EXPECT_EQ(test, 0, phys_session_write(&a, 0, &x, sizeof(x)));
	KUNIT_EXPECT_EQ(test, 0, phys_session_read(&r, 0, &got, sizeof(got)));
	KUNIT_EXPECT_EQ(test, got, x);
	KUNIT_EXPECT_EQ(test, 0, phys_session_write(&b, 0, &y, sizeof(y)));
	KUNIT_EXPECT_EQ(test, 0, phys_session_read(&a.ro, 0, &got, 4));
	KUNIT_EXPECT_EQ(test, got, y);
	KUNIT_EXPECT_EQ(test, 0, memcmp(page_of(fix, 4), &y, sizeof(y)));

	phys_session_end(&r);
	phys_write_session_end(&b);
	phys_write_session_end(&a);
}

/*
 * An address that is reused shows the new frame. With a stale translation it
 * would show a previous one.
 */
static void stale_test(struct kunit *test)
{
	struct real_fixture *fix = test->priv;
	unsigned int i, used_again = 0;
	struct rnd_state rnd;
	u32 seed = random_start(test, &rnd);
	void *first = NULL;

	for (i = 1; i < PAGES - 1; i++)
		memcpy(page_of(fix, i), &i, sizeof(i));

	for (i = 0; i < 20000; i++) {
		unsigned int page = 1 + random_below(&rnd, PAGES - 2), got = 0;
		struct phys_ptr ptr = one_page(test, page);
		struct phys_session s = {};

		KUNIT_ASSERT_EQ(test, 0, phys_session_begin(&s, &ptr.ro));
		first = first ?: s.window.map.addr;
		used_again += s.window.map.addr == first;
		KUNIT_EXPECT_EQ(test, 0,
				phys_session_read(&s, 0, &got, sizeof(got)));
		phys_session_end(&s);
		KUNIT_ASSERT_EQ_MSG(test, got, page, "seed %#x, round %u", seed,
				    i);
	}
	kunit_info(test, "the first address was used %u times\n", used_again);
}

/* ---- vmap() or local windows ---- */

struct backend_row {
	const char *name;
	unsigned int flags;
	unsigned long nr;
	bool writable;
};

static const struct backend_row backend_rows[] = {
	{ "read", 0, 1, false },
	{ "local read", PHYS_MAP_LOCAL, 1, false },
	{ "write", PHYS_MAP_WRITE, 1, true },
	{ "local write", PHYS_MAP_WRITE | PHYS_MAP_LOCAL, 1, true },
	{ "read, window", 0, W, false },
	{ "local read, window", PHYS_MAP_LOCAL, W, false },
	{ "read, more than a window", 0, W + 1, false },
	{ "write, window", PHYS_MAP_WRITE, W, true },
	{ "local write, window", PHYS_MAP_WRITE | PHYS_MAP_LOCAL, W, true },
	{ "write, more than a window", PHYS_MAP_WRITE, W + 1, true },
};

KUNIT_ARRAY_PARAM_DESC(backend, backend_rows, name);

/* A write through a read-only mapping faults, however it was made. */
static void expect_write_faults(struct kunit *test, const struct phys_map *map)
{
	struct real_fixture *fix = test->priv;
	static const u8 bytes[8];
	unsigned int i;

	for (i = 0; i < map->nr; i++) {
		KUNIT_EXPECT_EQ(test, sizeof(bytes),
				copy_nofault_to(map->addr + i * P + 100, bytes,
						sizeof(bytes)));
		KUNIT_EXPECT_EQ(test, page_of(fix, 1 + i)[100],
				pattern((1 + i) * P + 100));
	}
}

/* A copy that overruns the mapping faults at its end, and before its start. */
static void expect_guarded(struct kunit *test, const struct phys_map *map,
			   bool before)
{
	void *end = map->addr + (size_t)map->nr * P;
	u8 buf[32];

	KUNIT_EXPECT_NULL(test, vmalloc_to_page(end));
	if (before)
		KUNIT_EXPECT_NULL(test, vmalloc_to_page(map->addr - 1));
	if (IS_ENABLED(CONFIG_UML))
		return;		/* where faults are fatal */
	KUNIT_EXPECT_EQ(test, 16UL, copy_nofault_from(buf, end - 16, 32));
	if (map->writable)
		KUNIT_EXPECT_EQ(test, 16UL, copy_nofault_to(end - 16, buf, 32));
	if (before)
		KUNIT_EXPECT_EQ(test, 32UL,
				copy_nofault_from(buf, map->addr - 16, 32));
}

static void backend_test(struct kunit *test)
{
	const struct backend_row *row = test->param_value;
	struct vmap_manager *mgr = lvbs_vmap_manager();
	struct real_fixture *fix = test->priv;
	struct phys_frames frames = { .first = fix->pfns[1], .nr = row->nr };
	bool local = row->flags & PHYS_MAP_LOCAL;
	struct phys_map map;
	unsigned long i;

	if (local && !mgr->local)
		kunit_skip(test, "no local windows");
	if (local)
		preempt_disable();
	/* Previous contents do not matter. */
	memset(&map, 0xff, sizeof(map));
	KUNIT_ASSERT_EQ(test, 0, mgr->ops->vmap(mgr, &frames, row->flags,
						&map));
	KUNIT_EXPECT_EQ(test, map.nr, (unsigned int)row->nr);
	KUNIT_EXPECT_EQ(test, map.writable, row->writable);
	KUNIT_EXPECT_EQ(test, map.local, local);
	for (i = 0; i < row->nr; i++) {
		void *addr = map.addr + i * P;

		KUNIT_EXPECT_EQ(test, vmalloc_to_pfn(addr), fix->pfns[1 + i]);
		if (pte_bits_known()) {
			struct pte_bits bits = pte_bits_of(addr);

			KUNIT_EXPECT_TRUE(test, bits.present);
			KUNIT_EXPECT_EQ(test, bits.writable, row->writable);
			KUNIT_EXPECT_FALSE(test, bits.executable);
		}
	}
	if (!map.writable && !IS_ENABLED(CONFIG_UML))
		expect_write_faults(test, &map);
	expect_guarded(test, &map, local);
	KUNIT_EXPECT_EQ(test, 0, mgr->ops->vunmap(mgr, &map));
	for (i = 0; i < row->nr; i++)
		KUNIT_EXPECT_NULL(test, vmalloc_to_page(map.addr + i * P));
	if (local)
		preempt_enable();
}

/* A reused local window leads to the new frame. */
static void stale_write_test(struct kunit *test)
{
	struct real_fixture *fix = test->priv;
	struct rnd_state rnd;
	u32 seed = random_start(test, &rnd);
	unsigned int i;

	for (i = 1; i < 20000; i++) {
		unsigned int page = 1 + random_below(&rnd, PAGES - 2), got;
		struct phys_ptr ptr = one_page(test, page);

		KUNIT_ASSERT_EQ(test, 0, phys_write(&ptr, 0, &i, sizeof(i)));
		memcpy(&got, page_of(fix, page), sizeof(got));
		KUNIT_ASSERT_EQ_MSG(test, got, i, "seed %#x, page %u", seed,
				    page);
	}
}

/* ---- validation ---- */

static void expect_no_ram(struct kunit *test, unsigned long pfn)
{
	struct phys_ptr ptr;

	KUNIT_ASSERT_EQ(test, 0,
			phys_ptr_init(&ptr, lvbs_vmap_manager(), PFN_PHYS(pfn),
				      P, 1));
	KUNIT_EXPECT_EQ_MSG(test, -ENXIO, read_byte(&ptr), "frame %#lx", pfn);
	KUNIT_EXPECT_EQ_MSG(test, -ENXIO, phys_write(&ptr, 0, "x", 1),
			    "frame %#lx", pfn);
}

/* Both ends of each gap in RAM (firmware, devices, holes). */
static void no_ram_test(struct kunit *test)
{
	const unsigned long max_pfn = lvbs_vmap_manager()->max_pfn;
	struct frame_range range = {};
	unsigned long from = 0;
	unsigned int gaps = 0;

	while (from <= max_pfn && frame_set_next(ram_map_online(), from, &range)) {
		if (range.first > from) {
			expect_no_ram(test, from);
			expect_no_ram(test, range.first - 1);
			gaps++;
		}
		from = range.last + 1;
	}
	if (from <= max_pfn) {
		expect_no_ram(test, from);
		expect_no_ram(test, max_pfn);
		gaps++;
	}
	kunit_info(test, "%u gaps\n", gaps);
	KUNIT_EXPECT_GT(test, gaps, 0U);
}

static void validate_test(struct kunit *test)
{
	struct vmap_manager *mgr = lvbs_vmap_manager();
	struct real_fixture *fix = test->priv;
	const unsigned long good[] = { fix->pfns[4], fix->pfns[2] };
	const unsigned long bad[] = { fix->pfns[4], mgr->max_pfn + 1 };
	const struct {
		const char *name;
		struct phys_frames frames;
		int err;
	} rows[] = {
		{ "run", { .first = fix->pfns[1], .nr = 5 }, 0 },
		{ "list", { .pfns = good, .nr = 2 }, 0 },
		{ "list, past the width", { .pfns = bad, .nr = 2 },
		  -EOVERFLOW },
		{ "past the width", { .first = mgr->max_pfn + 1, .nr = 1 },
		  -EOVERFLOW },
		{ "across the end of the width", { .first = mgr->max_pfn, .nr = 2 },
		  -EOVERFLOW },
		{ "last possible frame", { .first = ULONG_MAX, .nr = 1 },
		  -EOVERFLOW },
		{ "up to the last possible frame", { .first = 1, .nr = ULONG_MAX },
		  -EOVERFLOW },
	};
	struct phys_ptr ptr;
	size_t i;

	KUNIT_ASSERT_LT(test, mgr->max_pfn, ULONG_MAX - 1);
	/* Frames within the width have an address. */
	KUNIT_EXPECT_EQ(test, PHYS_PFN(PFN_PHYS(mgr->max_pfn)), mgr->max_pfn);
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		KUNIT_EXPECT_EQ_MSG(test, rows[i].err,
				    mgr->ops->validate_unowned(mgr,
							       &rows[i].frames),
				    "%s", rows[i].name);
	KUNIT_EXPECT_EQ(test, -EOVERFLOW,
			phys_ptr_init(&ptr, mgr,
				      PFN_PHYS(mgr->max_pfn) + (P - 1), 2, 1));
}

/* Compare the lookup with the sets it is made from, frame by frame. */
static int naive_verdict(const struct vmap_manager *mgr, unsigned long first,
			 unsigned long nr)
{
	unsigned long pfn;
	int err = 0;

	if (first > mgr->max_pfn || nr - 1 > mgr->max_pfn - first)
		return -EOVERFLOW;
	for (pfn = first; pfn < first + nr; pfn++) {
		if (frame_set_intersects(ram_map_owned(), pfn, pfn))
			return -EPERM;
		if (!frame_set_intersects(ram_map_online(), pfn, pfn) ||
		    !pfn_to_online_page(pfn) ||
		    PageOffline(pfn_to_page(pfn)) ||
		    is_page_hwpoison(pfn_to_page(pfn)))
			err = -ENXIO;
	}
	return err;
}

static void check_verdict(struct kunit *test, unsigned long first,
			  unsigned long nr, u32 seed)
{
	struct vmap_manager *mgr = lvbs_vmap_manager();
	struct phys_frames run = { .first = first, .nr = nr };
	int err = naive_verdict(mgr, first, nr), want_list = 0;
	unsigned long pfns[8], i;
	struct phys_frames list = { .pfns = pfns, .nr = nr };

	KUNIT_EXPECT_EQ_MSG(test, mgr->ops->validate_unowned(mgr, &run), err,
			    "seed %#x: %lu frames from %#lx", seed, nr, first);
	/* The first bad frame of a list determines the error. */
	for (i = nr; i--; pfns[i] = first + i)
		want_list = naive_verdict(mgr, first + i, 1) ?: want_list;
	KUNIT_EXPECT_EQ_MSG(test, mgr->ops->validate_unowned(mgr, &list),
			    want_list, "seed %#x: list of %lu from %#lx", seed,
			    nr, first);
}

/* Around both ends of each range of RAM, with some frames owned. */
static void usable_test(struct kunit *test)
{
	struct frame_set *owned = ram_map_owned();
	struct real_fixture *fix = test->priv;
	struct frame_range mine[] = {
		{ fix->pfns[3], fix->pfns[3] }, { fix->pfns[5], fix->pfns[7] },
	};
	struct frame_range *saved, range = {};
	unsigned long nr = 0, from = 0, room = 64, i;
	struct rnd_state rnd;
	u32 seed = random_start(test, &rnd);

	saved = kunit_kmalloc_array(test, room, sizeof(*saved), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, saved);
	while (nr < room && frame_set_next(owned, from, &range)) {
		saved[nr++] = range;
		from = range.last + 1;
	}
	KUNIT_ASSERT_LT(test, nr, room);
	KUNIT_ASSERT_EQ(test, 0, ram_map_add_owned(mine, ARRAY_SIZE(mine)));

	for (i = 0; i < 500; i++)
		check_verdict(test, fix->pfns[0] + random_below(&rnd, 12),
			      1 + random_below(&rnd, 8), seed);
	for (from = 0; frame_set_next(ram_map_online(), from, &range);
	     from = range.last + 1) {
		for (i = 0; i < 100; i++) {
			unsigned long low = range.first > 8 ?
					    range.first - 8 : 0;

			check_verdict(test, low + random_below(&rnd, 16),
				      1 + random_below(&rnd, 8), seed);
			check_verdict(test,
				      range.last - 8 + random_below(&rnd, 16),
				      1 + random_below(&rnd, 8), seed);
		}
	}

	KUNIT_EXPECT_EQ(test, 0, frame_set_replace(owned, saved, nr));
	KUNIT_EXPECT_EQ(test, 0, ram_map_refresh());
}

/* Frames cannot be disowned, so the set is restored by hand. */
static void owned_test(struct kunit *test)
{
	struct frame_set *owned = ram_map_owned();
	struct real_fixture *fix = test->priv;
	struct phys_ptr ptr = one_page(test, 4), all = all_run(test);
	struct phys_ptr before = one_page(test, 3), behind = one_page(test, 5);
	struct phys_protection prot = { .owner = "test" };
	struct frame_range mine = { fix->pfns[4], fix->pfns[4] }, *saved, range;
	unsigned long nr = 0, from = 0, room = 64;
	int protect;

	saved = kunit_kmalloc_array(test, room, sizeof(*saved), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, saved);
	while (nr < room && frame_set_next(owned, from, &range)) {
		saved[nr++] = range;
		from = range.last + 1;
		if (!from)
			break;
	}
	KUNIT_ASSERT_LT(test, nr, room);

	KUNIT_ASSERT_EQ(test, 0, ram_map_add_owned(&mine, 1));
	KUNIT_EXPECT_EQ(test, -EPERM, read_byte(&ptr));
	KUNIT_EXPECT_EQ(test, -EPERM, phys_write(&ptr, 0, "x", 1));
	KUNIT_EXPECT_EQ(test, -EPERM,
			phys_read(&all.ro, 0, fix->buf, BYTES - 2 * P));
	protect = phys_protect(lvbs_vmap_manager(), &prot, fix->pfns[3], 3);
	KUNIT_EXPECT_EQ(test, protect, -EPERM);
	if (!protect)
		phys_unprotect(lvbs_vmap_manager(), &prot);
	KUNIT_EXPECT_EQ(test, 0, write_back(&before));
	KUNIT_EXPECT_EQ(test, 0, write_back(&behind));
	ptr.ro.mgr = vmap_manager_privileged();
	KUNIT_EXPECT_EQ(test, -EPERM, phys_write(&ptr, 0, "x", 1));

	KUNIT_EXPECT_EQ(test, 0, frame_set_replace(owned, saved, nr));
	KUNIT_EXPECT_EQ(test, 0, ram_map_refresh());
	KUNIT_EXPECT_EQ(test, 0, write_back(&ptr));
}

static void hwpoison_test(struct kunit *test)
{
	struct real_fixture *fix = test->priv;
	struct page *page = virt_to_page(page_of(fix, 4));
	struct phys_ptr ptr = one_page(test, 4), all = all_run(test);
	int read, write, run, healed;

	if (!IS_ENABLED(CONFIG_MEMORY_FAILURE))
		kunit_skip(test, "needs CONFIG_MEMORY_FAILURE");

	SetPageHWPoison(page);
	read = read_byte(&ptr);
	write = phys_write(&ptr, 0, "x", 1);
	run = phys_read(&all.ro, 0, fix->buf, BYTES - 2 * P);
	ClearPageHWPoison(page);
	healed = read_byte(&ptr);
	KUNIT_EXPECT_EQ(test, read, -ENXIO);
	KUNIT_EXPECT_EQ(test, write, -ENXIO);
	KUNIT_EXPECT_EQ(test, run, -ENXIO);
	KUNIT_EXPECT_EQ(test, healed, 0);
}

/* Checkpatch knows SetPage...(), but not its non-atomic variants. */
#define nonatomic(op)	__##op

static void offline_test(struct kunit *test)
{
	struct real_fixture *fix = test->priv;
	struct page *page = virt_to_page(page_of(fix, 4));
	struct phys_ptr ptr = one_page(test, 4), all = all_run(test);
	int read, write, run, back;

	nonatomic(SetPageOffline)(page);
	read = read_byte(&ptr);
	write = phys_write(&ptr, 0, "x", 1);
	run = phys_read(&all.ro, 0, fix->buf, BYTES - 2 * P);
	nonatomic(ClearPageOffline)(page);
	back = read_byte(&ptr);
	KUNIT_EXPECT_EQ(test, read, -ENXIO);
	KUNIT_EXPECT_EQ(test, write, -ENXIO);
	KUNIT_EXPECT_EQ(test, run, -ENXIO);
	KUNIT_EXPECT_EQ(test, back, 0);
}

/* ---- protection ---- */

static void protect_test(struct kunit *test)
{
	struct phys_protection prot = { .owner = "test" };
	struct real_fixture *fix = test->priv;
	struct phys_ptr ptr = one_page(test, 4), privileged = ptr;
	struct phys_write_session s = {};
	int err;

	privileged.ro.mgr = vmap_manager_privileged();
	KUNIT_ASSERT_EQ(test, 0,
			phys_protect(lvbs_vmap_manager(), &prot, fix->pfns[4],
				     1));
	KUNIT_EXPECT_EQ(test, 0, read_byte(&ptr));
	KUNIT_EXPECT_EQ(test, -EROFS, phys_write(&ptr, 0, "x", 1));
	KUNIT_EXPECT_EQ(test, page_of(fix, 4)[0], pattern(4 * P));
	KUNIT_EXPECT_EQ(test, 0, phys_write(&privileged, 0, "x", 1));
	KUNIT_EXPECT_EQ(test, page_of(fix, 4)[0], 'x');
	phys_unprotect(lvbs_vmap_manager(), &prot);

	KUNIT_ASSERT_EQ(test, 0, phys_write_session_begin(&s, &ptr));
	err = phys_protect(lvbs_vmap_manager(), &prot, fix->pfns[4], 1);
	phys_write_session_end(&s);
	KUNIT_EXPECT_EQ(test, err, -EBUSY);
	if (!err)
		phys_unprotect(lvbs_vmap_manager(), &prot);
	KUNIT_EXPECT_EQ(test, 0, write_back(&ptr));
}

/* The kernel image can be read, but not written. */
static void kernel_image_test(struct kunit *test)
{
	const struct {
		const char *name;
		const char *at;
	} rows[] = {
		{ "start of text", KERNEL_SECTION(_stext) },
		{ "end of text", KERNEL_SECTION(_etext) - 1 },
		{ "start of rodata", KERNEL_SECTION(__start_rodata) },
		{ "end of rodata", KERNEL_SECTION(__end_rodata) - 1 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		phys_addr_t pa = __pa_symbol(rows[i].at);
		struct phys_ptr ptr;

		KUNIT_ASSERT_EQ(test, 0,
				phys_ptr_init(&ptr, lvbs_vmap_manager(), pa, 1,
					      1));
		KUNIT_EXPECT_EQ_MSG(test, 0, read_byte(&ptr), "%s",
				    rows[i].name);
		KUNIT_EXPECT_EQ_MSG(test, -EROFS, write_back(&ptr), "%s",
				    rows[i].name);
	}
}

/* ---- memory that vanishes during a copy ---- */

/* Position in the window of the missing page. */
static unsigned int gone_page;

static int vmap_with_gone_page(struct vmap_manager *mgr,
			       const struct phys_frames *frames,
			       unsigned int flags, struct phys_map *map)
{
	struct vmap_manager *real = lvbs_vmap_manager();
	struct phys_frames before = *frames;
	unsigned long gone;
	int err;

	/* A local window: map only the pages before this one. */
	if (flags & PHYS_MAP_LOCAL)
		before.nr = min_t(unsigned long, frames->nr, gone_page);
	err = real->ops->vmap(real, &before, flags, map);
	map->nr = frames->nr;
	if (err || flags & PHYS_MAP_LOCAL || gone_page >= map->nr)
		return err;
	gone = (unsigned long)map->addr + gone_page * P;
	kernel_vunmap_range(gone, gone + P);
	return 0;
}

struct fault_row {
	const char *name;
	unsigned int gone;	/* page of the pointer */
	size_t at;
	size_t len;
	size_t done;
};

static const struct fault_row fault_rows[] = {
	{ "first byte", 0, 0, 100, 0 },
	{ "only byte", 1, P, 1, 0 },
	{ "second byte", 1, P - 1, 2, 1 },
	{ "last byte", 1, P - 99, 100, 99 },
	{ "in the middle", 1, P - 33, 100, 33 },
	{ "a page in the middle", 1, 0, 3 * P, P },
	{ "first byte, misaligned", 0, 13, 500, 0 },
	{ "long, one byte before", 2, 5, 2 * P - 4, 2 * P - 5 },
	{ "not quite reached", 1, P - 100, 100, 100 },
	{ "behind it", 0, P, 100, 100 },
};

KUNIT_ARRAY_PARAM_DESC(fault, fault_rows, name);

#define MARGIN	64

static void fault_test(struct kunit *test)
{
	const struct fault_row *row = test->param_value;
	struct vmap_manager *real = lvbs_vmap_manager();
	struct real_fixture *fix = test->priv;
	struct vmap_manager_ops ops = *real->ops;
	struct vmap_manager mgr = *real;
	struct phys_stats stats = {};
	int err = row->done < row->len ? -EFAULT : 0;
	unsigned long faults = !!err, i;
	u8 *buf = fix->buf + MARGIN;
	struct phys_ptr ptr;
	size_t done;

	if (IS_ENABLED(CONFIG_UML))
		kunit_skip(test, "UML cannot recover from kernel faults");

	ops.vmap = vmap_with_gone_page;
	mgr.ops = &ops;
	mgr.stats = &stats;
	/* Each access maps a window that starts at its first page. */
	gone_page = row->gone - row->at / P;
	KUNIT_ASSERT_EQ(test, 0,
			phys_ptr_init(&ptr, &mgr, PFN_PHYS(fix->pfns[1]), 4 * P,
				      1));

	memset(fix->buf, CANARY, BYTES);
	done = 77;
	KUNIT_EXPECT_EQ(test, err,
			phys_read_bytes(&ptr.ro, row->at, buf, row->len,
					&done));
	KUNIT_EXPECT_EQ(test, done, row->done);
	KUNIT_EXPECT_EQ(test, 0,
			memcmp(buf, fix->mem + P + row->at, row->done));
	KUNIT_EXPECT_NULL(test, memchr_inv(fix->buf, CANARY, MARGIN));
	KUNIT_EXPECT_NULL(test, memchr_inv(buf + row->done, CANARY,
					   BYTES - MARGIN - row->done));
	KUNIT_EXPECT_EQ(test, err,
			phys_read(&ptr.ro, row->at, buf, row->len));

	for (i = 0; i < row->len; i++)
		buf[i] = ~fix->mem[P + row->at + i];
	done = 77;
	KUNIT_EXPECT_EQ(test, err,
			phys_write_bytes(&ptr, row->at, buf, row->len, &done));
	KUNIT_EXPECT_EQ(test, done, row->done);
	for (i = P; i < BYTES - P; i++) {
		bool in = i >= P + row->at && i < P + row->at + row->done;

		if (fix->mem[i] != (u8)(in ? ~pattern(i) : pattern(i)))
			break;
	}
	KUNIT_EXPECT_EQ_MSG(test, i, BYTES - P, "first wrong byte");

	KUNIT_EXPECT_EQ(test, phys_stat_get(&stats, PHYS_STAT_FAULTS),
			3 * faults);
	KUNIT_EXPECT_EQ(test, phys_stat_get(&stats, PHYS_STAT_BYTES),
			3 * row->done);
	KUNIT_EXPECT_EQ(test, phys_stat_get(&stats, PHYS_STAT_MAPS), 3UL);
	KUNIT_EXPECT_EQ(test, phys_stat_get(&stats, PHYS_STAT_UNMAPS), 3UL);
	/* A fault is not a refusal, and no claim is left. */
	KUNIT_EXPECT_EQ(test, atomic_long_read(&stats.refused[EFAULT]), 0L);
	KUNIT_EXPECT_EQ(test, 0,
			phys_claim_check(mgr.claims, PHYS_CLAIM_EXCLUSIVE, NULL,
					 &ptr.ro.frames));
}

/* After a fault, a session can still access the other pages. */
static void fault_in_session_test(struct kunit *test)
{
	struct vmap_manager *real = lvbs_vmap_manager();
	struct real_fixture *fix = test->priv;
	struct vmap_manager_ops ops = *real->ops;
	struct vmap_manager mgr = *real;
	struct phys_stats stats = {};
	DEFINE_PHYS_WRITE_SESSION(s);
	struct phys_ptr ptr;
	u8 buf[8] = {};

	if (IS_ENABLED(CONFIG_UML))
		kunit_skip(test, "UML cannot recover from kernel faults");

	ops.vmap = vmap_with_gone_page;
	mgr.ops = &ops;
	mgr.stats = &stats;
	gone_page = 1;
	KUNIT_ASSERT_EQ(test, 0,
			phys_ptr_init(&ptr, &mgr, PFN_PHYS(fix->pfns[1]), 3 * P,
				      8));
	KUNIT_ASSERT_EQ(test, 0, phys_write_session_begin(&s, &ptr));
	KUNIT_EXPECT_EQ(test, -EFAULT,
			phys_session_read(&s.ro, P / 8, buf, 1));
	KUNIT_EXPECT_EQ(test, -EFAULT, phys_session_write(&s, P / 8, buf, 1));
	KUNIT_EXPECT_EQ(test, 0, phys_session_read(&s.ro, 0, buf, 1));
	KUNIT_EXPECT_EQ(test, 0, memcmp(buf, fix->mem + P, 8));
	KUNIT_EXPECT_EQ(test, 0, phys_session_read(&s.ro, 2 * P / 8, buf, 1));
	KUNIT_EXPECT_EQ(test, 0, memcmp(buf, fix->mem + 3 * P, 8));
	phys_write_session_end(&s);
	KUNIT_EXPECT_EQ(test, phys_stat_get(&stats, PHYS_STAT_MAPS), 1UL);
	KUNIT_EXPECT_EQ(test, phys_stat_get(&stats, PHYS_STAT_FAULTS), 2UL);
}

static struct kunit_case vmap_manager_cases[] = {
	KUNIT_CASE(run_test),
	KUNIT_CASE(list_test),
	KUNIT_CASE(high_test),
	KUNIT_CASE(window_test),
	KUNIT_CASE(permission_test),
	KUNIT_CASE(read_only_faults_test),
	KUNIT_CASE(vmap_test),
	KUNIT_CASE(two_sessions_test),
	KUNIT_CASE(stale_test),
	KUNIT_CASE_PARAM(backend_test, backend_gen_params),
	KUNIT_CASE(stale_write_test),
	KUNIT_CASE(no_ram_test),
	KUNIT_CASE(validate_test),
	KUNIT_CASE(usable_test),
	KUNIT_CASE(owned_test),
	KUNIT_CASE(hwpoison_test),
	KUNIT_CASE(offline_test),
	KUNIT_CASE(protect_test),
	KUNIT_CASE(kernel_image_test),
	KUNIT_CASE_PARAM(fault_test, fault_gen_params),
	KUNIT_CASE(fault_in_session_test),
	{ }
};

static struct kunit_suite vmap_manager_suite = {
	.name = "lvbs_vmap_manager",
	.init = real_init,
	.exit = real_exit,
	.test_cases = vmap_manager_cases,
};

kunit_test_suites(&vmap_manager_suite);
