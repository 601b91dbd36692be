// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of copy_nofault_from() and copy_nofault_to(): all short lengths
 * and alignments against a bytewise model, real faults at every position, exact
 * counts, and canaries.
 */
#include <kunit/test.h>
#include <linux/gfp.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "kunit/fakes/kernel.h"
#include "kunit/fakes/random.h"
#include "kunit/param.h"
#include "phys/phys.h"

#define CANARY	0xa5

/* Both directions, so that one table tests both. */
typedef size_t (*copy_fn)(void *dst, const void *src, size_t len);

/* Never equals the canary, and has no period of a block size. */
static void fill_source(u8 *src, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		src[i] = i * 7 + i / 251;
		if (src[i] == CANARY)
			src[i] = 0;
	}
}

static void copy_by_model(u8 *dst, const u8 *src, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		dst[i] = src[i];
}

/* ---- no faults: all short lengths and alignments ---- */

#define SHORT_MAX	300
/* around a change of strategy on x86-64 */
#define LONGER_MAX	530
#define MISALIGN_MAX	15
#define MARGIN		64
#define SHORT_BUF	(MARGIN + MISALIGN_MAX + LONGER_MAX + MARGIN)

struct lengths_row {
	const char *name;
	copy_fn copy;
	size_t first;
	size_t last;
};

static const struct lengths_row lengths_rows[] = {
	{ "from, 0 to 32 bytes", copy_nofault_from, 0, 32 },
	{ "from, 33 to 300 bytes", copy_nofault_from, 33, SHORT_MAX },
	{ "from, 505 to 530 bytes", copy_nofault_from, 505, LONGER_MAX },
	{ "to, 0 to 32 bytes", copy_nofault_to, 0, 32 },
	{ "to, 33 to 300 bytes", copy_nofault_to, 33, SHORT_MAX },
	{ "to, 505 to 530 bytes", copy_nofault_to, 505, LONGER_MAX },
};

KUNIT_ARRAY_PARAM_DESC(lengths, lengths_rows, name);

static void lengths_and_alignments_test(struct kunit *test)
{
	const struct lengths_row *row = test->param_value;
	u8 *src = kunit_kzalloc(test, SHORT_BUF, GFP_KERNEL);
	u8 *dst = kunit_kzalloc(test, SHORT_BUF, GFP_KERNEL);
	u8 *model = kunit_kzalloc(test, SHORT_BUF, GFP_KERNEL);
	size_t len, from, to, left;

	KUNIT_ASSERT_NOT_NULL(test, src);
	KUNIT_ASSERT_NOT_NULL(test, dst);
	KUNIT_ASSERT_NOT_NULL(test, model);
	fill_source(src, SHORT_BUF);

	for (len = row->first; len <= row->last; len++) {
		for (from = 0; from <= MISALIGN_MAX; from++) {
			for (to = 0; to <= MISALIGN_MAX; to++) {
				memset(dst, CANARY, SHORT_BUF);
				memset(model, CANARY, SHORT_BUF);
				copy_by_model(model + MARGIN + to, src + from,
					      len);
				left = row->copy(dst + MARGIN + to, src + from,
						 len);
				KUNIT_ASSERT_EQ_MSG(test, left, (size_t)0,
						    "%zu bytes, +%zu to +%zu",
						    len, from, to);
				KUNIT_ASSERT_EQ_MSG(test, 0,
						    memcmp(dst, model,
							   SHORT_BUF),
						    "%zu bytes, +%zu to +%zu",
						    len, from, to);
			}
		}
	}
}

struct direction_row {
	const char *name;
	copy_fn copy;
};

static const struct direction_row direction_rows[] = {
	{ "from", copy_nofault_from },
	{ "to", copy_nofault_to },
};

KUNIT_ARRAY_PARAM_DESC(directions, direction_rows, name);

static void random_sizes_test(struct kunit *test)
{
	const struct direction_row *row = test->param_value;
	const size_t size = SZ_64K;
	u8 *src = kunit_kzalloc(test, size, GFP_KERNEL);
	u8 *dst = kunit_kzalloc(test, size, GFP_KERNEL);
	u8 *model = kunit_kzalloc(test, size, GFP_KERNEL);
	struct rnd_state rnd;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, src);
	KUNIT_ASSERT_NOT_NULL(test, dst);
	KUNIT_ASSERT_NOT_NULL(test, model);
	random_start(test, &rnd);
	fill_source(src, size);

	for (i = 0; i < 200; i++) {
		size_t len = prandom_u32_state(&rnd) % (size + 1);
		size_t from = prandom_u32_state(&rnd) % (size - len + 1);
		size_t to = prandom_u32_state(&rnd) % (size - len + 1);

		memset(dst, CANARY, size);
		memset(model, CANARY, size);
		copy_by_model(model + to, src + from, len);
		KUNIT_ASSERT_EQ_MSG(test, row->copy(dst + to, src + from, len),
				    (size_t)0, "%zu bytes, +%zu to +%zu", len,
				    from, to);
		KUNIT_ASSERT_EQ_MSG(test, 0, memcmp(dst, model, size),
				    "%zu bytes, +%zu to +%zu", len, from, to);
	}
}

/* ---- faults ---- */

/*
 * Three adjacent pages. `lin` always maps all of them, to inspect the result of
 * a copy. What `map` maps depends on the kind:
 *
 *	page		0		1		2
 *	PLAIN		mapped		mapped		mapped
 *	HOLE		mapped		unmapped	mapped
 *	GUARD		mapped		unmapped	not ours
 *	READ_ONLY	read-only	read-only	read-only
 */
#define SIDE_PAGES	3
#define SIDE_BYTES	(SIDE_PAGES * PAGE_SIZE)

enum side_kind { PLAIN, HOLE, GUARD, READ_ONLY, NR_SIDE_KINDS };

struct side {
	u8 *lin;
	u8 *map[NR_SIDE_KINDS];
};

struct fault_fixture {
	struct side src;
	struct side dst;
	u8 *model;
};

static bool side_init(struct side *side)
{
	struct page *pages[SIDE_PAGES];
	int i;

	side->lin = alloc_pages_exact(SIDE_BYTES, GFP_KERNEL);
	if (!side->lin)
		return false;
	for (i = 0; i < SIDE_PAGES; i++)
		pages[i] = virt_to_page(side->lin + i * PAGE_SIZE);

	side->map[PLAIN] = side->lin;
	side->map[HOLE] = vmap(pages, SIDE_PAGES, VM_MAP, PAGE_KERNEL);
	/* One page only, followed by the guard page of the area. */
	side->map[GUARD] = vmap(pages, 1, VM_MAP, PAGE_KERNEL);
	side->map[READ_ONLY] = vmap(pages, SIDE_PAGES, VM_MAP, PAGE_KERNEL_RO);
	if (!side->map[HOLE] || !side->map[GUARD] || !side->map[READ_ONLY])
		return false;
	kernel_vunmap_range((unsigned long)side->map[HOLE] + PAGE_SIZE,
			    (unsigned long)side->map[HOLE] + 2 * PAGE_SIZE);
	return true;
}

static void side_exit(struct side *side)
{
	int i;

	for (i = PLAIN + 1; i < NR_SIDE_KINDS; i++)
		vunmap(side->map[i]);
	if (side->lin)
		free_pages_exact(side->lin, SIDE_BYTES);
}

static int fault_init(struct kunit *test)
{
	struct fault_fixture *fix;

	if (IS_ENABLED(CONFIG_UML))
		kunit_skip(test, "UML cannot recover from kernel faults");

	fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	if (!fix)
		return -ENOMEM;
	test->priv = fix;
	fix->model = kunit_kzalloc(test, SIDE_BYTES, GFP_KERNEL);
	if (!fix->model || !side_init(&fix->src) || !side_init(&fix->dst))
		return -ENOMEM;
	fill_source(fix->src.lin, SIDE_BYTES);
	return 0;
}

static void fault_exit(struct kunit *test)
{
	struct fault_fixture *fix = test->priv;

	if (!fix)
		return;
	side_exit(&fix->src);
	side_exit(&fix->dst);
}

/*
 * Where one side of a copy starts: `at` is relative to page 1, the first page
 * that HOLE and GUARD do not map.
 */
struct place {
	enum side_kind kind;
	long at;
};

static size_t accessible(struct place place, size_t len, bool write)
{
	switch (place.kind) {
	case HOLE:
	case GUARD:
		return place.at < 0 ? min_t(size_t, len, -place.at) : 0;
	case READ_ONLY:
		return write ? 0 : len;
	default:
		return len;
	}
}

static void check_copy(struct kunit *test, copy_fn copy, struct place src,
		       struct place dst, size_t len)
{
	struct fault_fixture *fix = test->priv;
	u8 *from = fix->src.map[src.kind] + PAGE_SIZE + src.at;
	u8 *to = fix->dst.map[dst.kind] + PAGE_SIZE + dst.at;
	size_t good = min(accessible(src, len, false),
			  accessible(dst, len, true));
	size_t left;

	memset(fix->dst.lin, CANARY, SIDE_BYTES);
	memset(fix->model, CANARY, SIDE_BYTES);
	copy_by_model(fix->model + PAGE_SIZE + dst.at,
		      fix->src.lin + PAGE_SIZE + src.at, good);

	left = copy(to, from, len);
	KUNIT_EXPECT_EQ_MSG(test, left, len - good,
			    "%zu bytes, source %d%+ld, destination %d%+ld",
			    len, src.kind, src.at, dst.kind, dst.at);
	KUNIT_EXPECT_EQ_MSG(test, 0,
			    memcmp(fix->dst.lin, fix->model, SIDE_BYTES),
			    "%zu bytes, source %d%+ld, destination %d%+ld",
			    len, src.kind, src.at, dst.kind, dst.at);
}

/*
 * Only x86-64 catches a fault on the trusted side, and KASAN reports an access
 * to a known guard page before it faults.
 */
static bool testable(copy_fn copy, struct place src, struct place dst)
{
	struct place trusted = copy == copy_nofault_from ? dst : src;

	if (trusted.kind == PLAIN)
		return true;
	if (!IS_ENABLED(CONFIG_X86_64))
		return false;
	return !(trusted.kind == GUARD && IS_ENABLED(CONFIG_KASAN_VMALLOC));
}

struct fault_row {
	const char *name;
	struct place src;
	struct place dst;
	size_t len;
};

#define P	((long)PAGE_SIZE)

static const struct fault_row fault_rows[] = {
	{ "no fault", { PLAIN, 3 }, { PLAIN, 5 }, 4000 },
	{ "nothing to copy", { HOLE, 0 }, { HOLE, 0 }, 0 },

	{ "source up to its last byte", { HOLE, -24 }, { PLAIN, 1 }, 24 },
	{ "source, only byte", { HOLE, 0 }, { PLAIN, 0 }, 1 },
	{ "source, first of 5", { HOLE, 0 }, { PLAIN, 3 }, 5 },
	{ "source, second of 5", { HOLE, -1 }, { PLAIN, 3 }, 5 },
	{ "source, last of 5", { HOLE, -4 }, { PLAIN, 3 }, 5 },
	{ "source, first of 24", { HOLE, 0 }, { PLAIN, 0 }, 24 },
	{ "source, middle of 24", { HOLE, -13 }, { PLAIN, 0 }, 24 },
	{ "source, last of 24", { HOLE, -23 }, { PLAIN, 0 }, 24 },
	{ "source, last of 511", { HOLE, -510 }, { PLAIN, 9 }, 511 },
	{ "source, last of 512", { HOLE, -511 }, { PLAIN, 9 }, 512 },
	{ "source, first of a page", { HOLE, 0 }, { PLAIN, 9 }, PAGE_SIZE },
	{ "source, middle of a page", { HOLE, -2049 }, { PLAIN, 9 }, PAGE_SIZE },
	{ "source, last of a page", { HOLE, 1 - P }, { PLAIN, 9 }, PAGE_SIZE },
	{ "source, hole between two pages", { HOLE, -P }, { PLAIN, -P }, SIDE_BYTES },
	{ "source starts in a hole", { HOLE, P - 7 }, { PLAIN, 0 }, 15 },
	{ "source starts in a hole, long", { HOLE, P - 9 }, { PLAIN, 0 }, 3000 },
	{ "source, guard page", { GUARD, -100 }, { PLAIN, 0 }, 200 },
	{ "source read-only: no fault", { READ_ONLY, 1 }, { PLAIN, 2 }, 4099 },

	{ "destination up to its last byte", { PLAIN, 1 }, { HOLE, -24 }, 24 },
	{ "destination, only byte", { PLAIN, 0 }, { HOLE, 0 }, 1 },
	{ "destination, first of 5", { PLAIN, 3 }, { HOLE, 0 }, 5 },
	{ "destination, second of 5", { PLAIN, 3 }, { HOLE, -1 }, 5 },
	{ "destination, last of 5", { PLAIN, 3 }, { HOLE, -4 }, 5 },
	{ "destination, first of 24", { PLAIN, 0 }, { HOLE, 0 }, 24 },
	{ "destination, middle of 24", { PLAIN, 0 }, { HOLE, -13 }, 24 },
	{ "destination, last of 24", { PLAIN, 0 }, { HOLE, -23 }, 24 },
	{ "destination, last of 511", { PLAIN, 9 }, { HOLE, -510 }, 511 },
	{ "destination, last of 512", { PLAIN, 9 }, { HOLE, -511 }, 512 },
	{ "destination, first of a page", { PLAIN, 9 }, { HOLE, 0 }, PAGE_SIZE },
	{ "destination, middle of a page", { PLAIN, 9 }, { HOLE, -2049 }, PAGE_SIZE },
	{ "destination, last of a page", { PLAIN, 9 }, { HOLE, 1 - P }, PAGE_SIZE },
	{ "destination, hole between two pages", { PLAIN, -P }, { HOLE, -P }, SIDE_BYTES },
	{ "destination starts in a hole", { PLAIN, 0 }, { HOLE, P - 7 }, 15 },
	{ "destination starts in a hole, long", { PLAIN, 0 }, { HOLE, P - 9 }, 3000 },
	{ "destination, guard page", { PLAIN, 0 }, { GUARD, -100 }, 200 },
	{ "destination read-only, 1 byte", { PLAIN, 0 }, { READ_ONLY, 0 }, 1 },
	{ "destination read-only, 24 bytes", { PLAIN, 0 }, { READ_ONLY, -5 }, 24 },
	{ "destination read-only, 100 bytes", { PLAIN, 0 }, { READ_ONLY, -5 }, 100 },
	{ "destination read-only, a page", { PLAIN, 0 }, { READ_ONLY, 0 }, PAGE_SIZE },

	{ "both, source first", { HOLE, -10 }, { HOLE, -17 }, 24 },
	{ "both, destination first", { HOLE, -17 }, { HOLE, -10 }, 24 },
	{ "both at the same byte", { HOLE, -11 }, { HOLE, -11 }, 24 },
	{ "both in one block, source first", { HOLE, -70 }, { HOLE, -75 }, 200 },
	{ "both in one block, dst first", { HOLE, -75 }, { HOLE, -70 }, 200 },
	{ "both, long, source first", { HOLE, -1001 }, { HOLE, -1006 }, 3000 },
	{ "both, long, destination first", { HOLE, -1006 }, { HOLE, -1001 }, 3000 },
	{ "both from the first byte", { HOLE, 0 }, { READ_ONLY, 0 }, 300 },
};

KUNIT_ARRAY_PARAM_DESC(faults, fault_rows, name);

static void check_fault_row(struct kunit *test, copy_fn copy)
{
	const struct fault_row *row = test->param_value;

	if (!testable(copy, row->src, row->dst))
		kunit_skip(test, "a fault on the trusted side");
	check_copy(test, copy, row->src, row->dst, row->len);
}

static void fault_from_test(struct kunit *test)
{
	check_fault_row(test, copy_nofault_from);
}

static void fault_to_test(struct kunit *test)
{
	check_fault_row(test, copy_nofault_to);
}

/* Around each change of strategy, and multiples of the block sizes. */
static const size_t sweep_lengths[] = {
	1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 40, 63, 64, 65, 96,
	97, 127, 128, 129, 200, 255, 256, 257, 300, 511, 512, 513, 519, 520,
	1025,
};

/* The faulting byte at each position of a copy, on the foreign side. */
static void fault_at_each_byte_test(struct kunit *test)
{
	const struct direction_row *row = test->param_value;
	/* Far apart and close modulo a page: x86-64 handles these differently. */
	static const long distances[] = { 1024, -8, 8 };
	size_t i, d, good;

	for (i = 0; i < ARRAY_SIZE(sweep_lengths); i++) {
		for (good = 0; good <= sweep_lengths[i]; good++) {
			struct place bad = { HOLE, -(long)good };
			struct place fine = { PLAIN, 0 };

			for (d = 0; d < ARRAY_SIZE(distances); d++) {
				fine.at = bad.at + distances[d];
				if (row->copy == copy_nofault_from)
					check_copy(test, row->copy, bad, fine,
						   sweep_lengths[i]);
				else
					check_copy(test, row->copy, fine, bad,
						   sweep_lengths[i]);
			}
		}
	}
}

static void random_faults_test(struct kunit *test)
{
	const struct direction_row *row = test->param_value;
	const struct place any = { HOLE, 0 };
	struct rnd_state rnd;
	int i;

	if (!testable(row->copy, any, any))
		kunit_skip(test, "a fault on the trusted side");
	random_start(test, &rnd);

	for (i = 0; i < 2000; i++) {
		/* Half of the copies are short, which covers more strategies. */
		u32 max = prandom_u32_state(&rnd) % 2 ? 400 : PAGE_SIZE;
		size_t len = prandom_u32_state(&rnd) % (max + 1);
		struct place src = { HOLE, -(prandom_u32_state(&rnd) % P) };
		struct place dst = { HOLE, -(prandom_u32_state(&rnd) % P) };

		check_copy(test, row->copy, src, dst, len);
	}
}

/* Raises #GP instead of a page fault; must not warn. */
static void non_canonical_test(struct kunit *test)
{
	const struct direction_row *row = test->param_value;
	void *nowhere = (void *)(1UL << (BITS_PER_LONG - 1));
	size_t len, left;
	u8 *buf;

	if (!IS_ENABLED(CONFIG_X86_64))
		kunit_skip(test, "non-canonical addresses exist on x86-64 only");
	buf = kunit_kzalloc(test, 1024, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, buf);
	memset(buf, CANARY, 1024);

	for (len = 1; len <= 1024; len++) {
		if (row->copy == copy_nofault_from)
			left = copy_nofault_from(buf, nowhere, len);
		else
			left = copy_nofault_to(nowhere, buf, len);
		KUNIT_ASSERT_EQ(test, left, len);
	}
	KUNIT_EXPECT_NULL(test, memchr_inv(buf, CANARY, 1024));
}

/* ---- speed: reported, not checked ---- */

static size_t copy_plain(void *dst, const void *src, size_t len)
{
	memcpy(dst, src, len);
	return 0;
}

static size_t copy_kernel_nofault(void *dst, const void *src, size_t len)
{
	return copy_from_kernel_nofault(dst, src, len) ? len : 0;
}

/* The best of several rounds: other load only makes it worse. */
static u64 mb_per_second(copy_fn copy, void *dst, const void *src, size_t len)
{
	const size_t count = max_t(size_t, SZ_1M / len, 2);
	u64 best = U64_MAX;
	size_t failed = 0;
	int round;

	for (round = 0; round < 3; round++) {
		u64 start = ktime_get_ns();
		size_t i;

		for (i = 0; i < count; i++)
			failed += copy(dst, src, len);
		best = min(best, ktime_get_ns() - start);
	}
	/* UML's clock may stand still (time-travel mode). */
	return failed || !best ? 0 : div64_u64(len * count * 1000ULL, best);
}

static void speed_report(struct kunit *test)
{
	static const size_t lengths[] = {
		8, 24, 64, 256, SZ_1K, SZ_4K, SZ_64K, SZ_1M
	};
	u8 *src = vmalloc(SZ_1M);
	u8 *dst = vmalloc(SZ_1M);
	size_t i;

	if (!src || !dst) {
		vfree(src);
		vfree(dst);
		kunit_skip(test, "no memory for two buffers of 1 MiB");
	}
	fill_source(src, SZ_1M);
	memset(dst, CANARY, SZ_1M);

	kunit_info(test, "MB/s, best of 3\n");
	kunit_info(test, "  bytes     from       to   memcpy  nofault\n");
	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		kunit_info(test, "%7zu %8llu %8llu %8llu %8llu\n", lengths[i],
			   mb_per_second(copy_nofault_from, dst, src, lengths[i]),
			   mb_per_second(copy_nofault_to, dst, src, lengths[i]),
			   mb_per_second(copy_plain, dst, src, lengths[i]),
			   mb_per_second(copy_kernel_nofault, dst, src,
					 lengths[i]));
	vfree(src);
	vfree(dst);
}

static struct kunit_case copy_nofault_cases[] = {
	KUNIT_CASE_PARAM(lengths_and_alignments_test, lengths_gen_params),
	KUNIT_CASE_PARAM(random_sizes_test, directions_gen_params),
	KUNIT_CASE(speed_report),
	{}
};

static struct kunit_suite copy_nofault_suite = {
	.name = "lvbs_copy_nofault",
	.test_cases = copy_nofault_cases,
};

static struct kunit_case copy_fault_cases[] = {
	KUNIT_CASE_PARAM(fault_from_test, faults_gen_params),
	KUNIT_CASE_PARAM(fault_to_test, faults_gen_params),
	KUNIT_CASE_PARAM(fault_at_each_byte_test, directions_gen_params),
	KUNIT_CASE_PARAM(random_faults_test, directions_gen_params),
	KUNIT_CASE_PARAM(non_canonical_test, directions_gen_params),
	{}
};

static struct kunit_suite copy_fault_suite = {
	.name = "lvbs_copy_fault",
	.init = fault_init,
	.exit = fault_exit,
	.test_cases = copy_fault_cases,
};

kunit_test_suites(&copy_nofault_suite, &copy_fault_suite);

MODULE_LICENSE("GPL");
