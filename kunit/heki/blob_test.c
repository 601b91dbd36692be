// SPDX-License-Identifier: GPL-2.0
/*
 * The parser of patch-info blobs, over a fake VTL0 memory that tells on those
 * who look at it twice.
 */

#include <kunit/test.h>
#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <asm/byteorder.h>

#include "heki/blob.h"
#include "kunit/fakes/random.h"

#define PAGES		32
#define RANGES		64
#define BASE		0x100000ULL
#define END		(BASE + PAGES * 0x1000ULL)
/* The list lies in the first pages, the blob behind. */
#define LIST		BASE
#define BLOB		(BASE + 0x10000)
#define BITS		40

struct fake {
	u8 bytes[PAGES * 0x1000];
	u8 reads[PAGES * 0x1000];
	unsigned int calls;
	unsigned int twice;
	unsigned int odd;
	unsigned int fail_at;
	bool scribble;
};

/* Whatever was read is gone afterwards: a racing VTL0 at its worst. */
static int fake_read(void *ctx, phys_addr_t pa, void *dst, size_t len)
{
	struct fake *fake = ctx;
	size_t at = pa - BASE, i;

	if (++fake->calls == fake->fail_at)
		return -EFAULT;
	if (!len || (pa & 0xfff) + len > 0x1000)
		fake->odd++;
	if (pa < BASE || pa >= END || len > END - pa)
		return -ENXIO;
	for (i = 0; i < len; i++)
		fake->twice += !!fake->reads[at + i]++;
	memcpy(dst, fake->bytes + at, len);
	if (fake->scribble)
		memset(fake->bytes + at, 0xa5, len);
	return 0;
}

struct bench {
	struct fake fake;
	struct heki_reader reader;
	struct heki_patch_map map;
	struct heki_blob_counts counts;
	struct heki_page page;
	struct {
		u64 pa;
		u64 bytes;
		u64 va;
	} ranges[RANGES];
	unsigned int nr_ranges;
	u64 at;
	u64 va;
	unsigned int records;
};

static struct bench *new_bench(struct kunit *test)
{
	struct bench *bench = kunit_kzalloc(test, sizeof(*bench), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bench);
	bench->reader = (struct heki_reader) { fake_read, &bench->fake };
	heki_patch_map_init(&bench->map);
	return bench;
}

static void put(struct bench *bench, u64 pa, const void *bytes, size_t len)
{
	memcpy(bench->fake.bytes + (pa - BASE), bytes, len);
}

static struct heki_range wire_range(u64 va, u64 pa, u64 epa, u64 attributes)
{
	return (struct heki_range) {
		cpu_to_le64(va), cpu_to_le64(pa), cpu_to_le64(epa),
		cpu_to_le64(attributes),
	};
}

static struct heki_site nth_site(unsigned int nr)
{
	return (struct heki_site) {
		{ 0x2000000 + 16 * nr }, 5, { 0xe9, nr, nr >> 8, 0, 0 }
	};
}

/* The blob under construction: ranges that grow from BLOB on. */
static void range_new(struct bench *bench, bool continues)
{
	/* Elsewhere in physical memory, not aligned to anything. */
	bench->at = bench->nr_ranges ? ALIGN(bench->at, 8) + 40 : BLOB + 8;
	if (!continues)
		bench->va += 0x100000;
	bench->ranges[bench->nr_ranges].pa = bench->at;
	bench->ranges[bench->nr_ranges].bytes = 0;
	bench->ranges[bench->nr_ranges].va = bench->va;
	bench->nr_ranges++;
}

static void range_put(struct bench *bench, const void *bytes, size_t len)
{
	put(bench, bench->at, bytes, len);
	bench->at += len;
	bench->va += len;
	bench->ranges[bench->nr_ranges - 1].bytes += len;
}

static struct heki_patch_info header(u32 type, u64 nr, u64 max)
{
	return (struct heki_patch_info) {
		.type = cpu_to_le32(type),
		.list = { cpu_to_le64(0xffff888000000010),
			  cpu_to_le64(0xffff888000000020) },
		.patch_idx = cpu_to_le64(nr),
		.max_patch_count = cpu_to_le64(max),
	};
}

static void put_record(struct bench *bench, u64 pa0, u64 pa1, unsigned int size,
		       const u8 *code)
{
	struct heki_patch patch;

	heki_patch_encode(&patch, pa0, pa1, code, size);
	range_put(bench, &patch, sizeof(patch));
}

/*
 * Blobs are written down as words: "H2/3" a header of two records and room for
 * three, "T" one of another type, "r" the next record ("r9" the next nine), "R"
 * the same once more, "s" one that straddles, "k" one that overlaps a known
 * site, "b" a malformed one, "w" one beyond the width, "z16" zeros, "x16" other
 * bytes, "|" a new range, "+" one that continues in virtual memory.
 */
static void put_words(struct bench *bench, const char *words)
{
	static const u8 zeros[512], ones[] = { [0 ... 511] = 0xff };
	static const u8 code[] = { 0xe9, 1, 2, 3, 4 };
	struct heki_patch_info info;
	struct heki_site site;
	unsigned long long n, max;
	char word;

	if (!bench->nr_ranges)
		range_new(bench, false);
	while ((word = *words++)) {
		n = 0;
		max = 0;
		while (isdigit(*words))
			n = n * 10 + *words++ - '0';
		if (word == 'H' && *words++ == '/') {
			while (isdigit(*words))
				max = max * 10 + *words++ - '0';
		}
		switch (word) {
		case 'H':
			info = header(0, n, max);
			range_put(bench, &info, sizeof(info));
			break;
		case 'T':
			info = header(1, 1, 1);
			range_put(bench, &info, sizeof(info));
			break;
		case 'r':
			do {
				site = nth_site(++bench->records);
				put_record(bench, site.pa[0], 0, 5, site.code);
			} while (n && --n);
			break;
		case 'R':
			site = nth_site(bench->records);
			put_record(bench, site.pa[0], 0, 5, site.code);
			break;
		case 's':
			put_record(bench, 0x3000fff, 0x9000000, 5, code);
			break;
		case 'k':
			put_record(bench, 0x1000104, 0, 5, code);
			break;
		case 'b':
			put_record(bench, 0x1000200, 0x1001000, 5, code);
			break;
		case 'w':
			put_record(bench, 1ULL << BITS, 0, 5, code);
			break;
		case 'z':
			range_put(bench, zeros, n);
			break;
		case 'x':
			range_put(bench, ones, n);
			break;
		case '|':
		case '+':
			range_new(bench, word == '+');
			break;
		default:
			break;
		}
	}
}

/* One page of list, others' ranges before and behind. */
static u64 put_list(struct bench *bench)
{
	unsigned int i, nr = 0;
	struct heki_page *page = &bench->page;

	memset(page, 0, sizeof(*page));
	page->next = cpu_to_le64(0xffff888000001000);
	page->ranges[nr++] = wire_range(0, 0x1000, 0x1001,
					HEKI_KDATA_KERNEL_INFO);
	for (i = 0; i < bench->nr_ranges; i++)
		page->ranges[nr++] =
			wire_range(bench->ranges[i].va, bench->ranges[i].pa,
				   bench->ranges[i].pa + bench->ranges[i].bytes,
				   HEKI_KDATA_PATCH_INFO);
	page->ranges[nr++] = wire_range(0, 0x1000, 0x2000, 12345);
	page->nranges = cpu_to_le64(nr);
	put(bench, LIST, page, sizeof(*page));
	return nr;
}

static int load(struct bench *bench, u64 pa, u64 nranges)
{
	memset(bench->fake.reads, 0, sizeof(bench->fake.reads));
	bench->fake.calls = 0;
	return heki_blob_load(&bench->reader, pa, nranges,
			      HEKI_KDATA_PATCH_INFO, BITS, &bench->map, 2,
			      &bench->counts);
}

/* What is known beforehand, and must stay. */
static const struct heki_site known = { { 0x1000100 }, 5, { 0xe9, 9, 9, 9 } };

static bool only_known(struct bench *bench)
{
	struct heki_patch_hit hit;

	return bench->map.nr == 1 &&
	       !heki_patch_map_next(&bench->map, 0, &hit) &&
	       hit.site.pa[0] == known.pa[0] && hit.owner == 1 &&
	       heki_patch_map_next(&bench->map, known.pa[0] + 1, &hit);
}

static const struct blob_row {
	const char *name;
	const char *words;
	int err;
	unsigned int sites;
	unsigned int headers;
} blob_rows[] = {
	{ "one record", "H1/1r", 0, 1, 1 },
	{ "no record skipped", "H7/7r7", 0, 7, 1 },
	{ "headers in a row", "H1/1rH2/2rrH1/1r", 0, 4, 3 },
	{ "header without records", "H0/8", 0, 0, 1 },
	{ "header without records first", "H0/8H1/1r", 0, 1, 2 },
	{ "room for more", "H1/100r", 0, 1, 1 },
	{ "room for more, zero", "H1/3rz48", 0, 1, 2 },
	{ "zeros to the end", "H1/1rz500", 0, 1, 11 },
	{ "a zero", "H1/1rz1", 0, 1, 1 },
	{ "only zeros", "z96", 0, 0, 2 },
	{ "zero headers between", "H1/1rz48H1/1r", 0, 2, 3 },
	{ "straddling site", "H2/2sr", 0, 2, 1 },
	{ "a range each", "H1/1r|H2/2rr|H1/1r", 0, 4, 3 },
	{ "a range each, zeros", "H1/1rz16|H2/2rrz40|H1/1rz1", 0, 4, 3 },
	{ "records over ranges", "H3/3r|r|r", 0, 3, 1 },
	{ "records over ranges, virtual", "H3/3r+r+r", 0, 3, 1 },
	{ "header alone", "H3/3|rrr", 0, 3, 1 },
	{ "two pages", "H250/250r250", 0, 250, 1 },
	{ "zeros inside one buffer", "H1/1rz16+H1/1r", -EINVAL },
	{ "left-overs", "H1/1rx8", -EINVAL },
	{ "left-over zeros and a byte", "H1/1rz8x1", -EINVAL },
	{ "left-overs, next range", "H1/1rx8|H1/1r", -EINVAL },
	{ "more records than room", "H2/1rr", -EINVAL },
	{ "more records than there are", "H3/3rr", -EINVAL },
	{ "half a record missing", "H3/3rrz12", -EINVAL },
	{ "records missing, next range", "H3/3rr|H1/1r", -EINVAL },
	{ "largest count", "H18446744073709551615/18446744073709551615r",
	  -ENOMEM },
	{ "count that wraps in bytes",
	  "H768614336404564651/768614336404564651r", -ENOMEM },
	{ "count just too large", "H2097153/2097153r", -ENOMEM },
	{ "largest count allowed, missing", "H2097152/2097152r", -EINVAL },
	{ "other type", "Tr", -EINVAL },
	{ "other type behind good ones", "H1/1rTr", -EINVAL },
	{ "other type before good ones", "TrH1/1r", -EINVAL },
	{ "bad record first", "H3/3brr", -EINVAL },
	{ "bad record between", "H3/3rbr", -EINVAL },
	{ "bad record last", "H3/3rrb", -EINVAL },
	{ "bad record in the next blob", "H2/2rr|H2/2rb", -EINVAL },
	{ "record beyond the width", "H2/2rw", -EOVERFLOW },
	{ "zero record", "H2/2rz24", -EINVAL },
	{ "record twice", "H3/3rRr", -EEXIST },
	{ "record twice in two blobs", "H1/1r|H2/2Rr", -EEXIST },
	{ "record overlaps a known site", "H3/3rkr", -EEXIST },
};

static void blob_name(const struct blob_row *row, char *desc)
{
	strscpy(desc, row->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(blob, blob_rows, blob_name);

static void blobs(struct kunit *test)
{
	const struct blob_row *row = test->param_value;
	struct bench *bench = new_bench(test);
	struct heki_patch_hit hit;
	unsigned int i;
	u64 nr;

	KUNIT_ASSERT_EQ(test, 0, heki_patch_map_add(&bench->map, 1, &known, 1));
	put_words(bench, row->words);
	nr = put_list(bench);
	bench->fake.scribble = true;
	KUNIT_EXPECT_EQ(test, row->err, load(bench, LIST, nr));
	KUNIT_EXPECT_EQ(test, bench->fake.twice, 0U);
	KUNIT_EXPECT_EQ(test, bench->fake.odd, 0U);
	KUNIT_EXPECT_FALSE(test, mutex_is_locked(&bench->map.update));
	if (row->err) {
		KUNIT_EXPECT_TRUE(test, only_known(bench));
	} else {
		KUNIT_EXPECT_EQ(test, bench->map.nr, row->sites + 1UL);
		KUNIT_EXPECT_EQ(test, bench->counts.sites, (u64)row->sites);
		KUNIT_EXPECT_EQ(test, bench->counts.headers, (u64)row->headers);
		KUNIT_EXPECT_EQ(test, bench->counts.taken,
				(u64)bench->nr_ranges);
		KUNIT_EXPECT_EQ(test, bench->counts.ignored, 2ULL);
		for (i = 1; i <= bench->records; i++) {
			struct heki_site site = nth_site(i);

			KUNIT_EXPECT_EQ(test, 0,
					heki_patch_map_find(&bench->map,
							    site.pa[0], &hit));
			KUNIT_EXPECT_EQ(test, 0, memcmp(hit.site.code,
							site.code, 5));
			KUNIT_EXPECT_EQ(test, hit.owner, 2U);
		}
	}
	heki_patch_map_destroy(&bench->map);
}

/* One buffer in two pieces, whatever byte it is cut at. */
static void cut_anywhere(struct kunit *test)
{
	struct bench *bench = new_bench(test);
	struct bench *cut = new_bench(test);
	u64 len, at, nr;

	put_words(bench, "H2/4rrH1/1rz30");
	len = bench->ranges[0].bytes;
	for (at = 1; at < len; at++) {
		const u8 *bytes = bench->fake.bytes +
				  (bench->ranges[0].pa - BASE);

		cut->nr_ranges = 0;
		range_new(cut, false);
		range_put(cut, bytes, at);
		range_new(cut, true);
		range_put(cut, bytes + at, len - at);
		nr = put_list(cut);
		KUNIT_EXPECT_EQ_MSG(test, 0, load(cut, LIST, nr), "cut at %llu",
				    at);
		KUNIT_EXPECT_EQ(test, heki_patch_map_drop(&cut->map, 2), 3UL);
	}
	heki_patch_map_destroy(&cut->map);
}

#define P(n)	(LIST + (n) * 0x1000ULL)

static const struct list_row {
	const char *name;
	u64 pa;
	u64 nranges;
	struct {
		u64 nranges;
		u64 next;
	} pages[3];
	/* Of the first range of the first page. */
	u64 start;
	u64 end;
	int err;
} list_rows[] = {
	{ "one page", P(0), 3, { { 3, 0 } }, BLOB, BLOB + 1, 0 },
	{ "full page", P(0), 127, { { 127, 0 } }, BLOB, BLOB + 1, 0 },
	{ "three pages", P(0), 256, { { 127, P(1) }, { 127, P(2) }, { 2, 0 } },
	  BLOB, BLOB + 1, 0 },
	{ "three pages, none full", P(0), 3,
	  { { 1, P(1) }, { 1, P(2) }, { 1, 0 } }, BLOB, BLOB + 1, 0 },
	{ "pages in any order", P(2), 3,
	  { { 1, P(1) }, { 1, 0 }, { 1, P(0) } }, BLOB, BLOB + 1, 0 },
	{ "nowhere", 0, 3, { { 3, 0 } }, BLOB, BLOB + 1, -EINVAL },
	{ "not aligned", P(0) + 8, 3, { { 3, 0 } }, BLOB, BLOB + 1, -EINVAL },
	{ "no RAM", END, 3, { { 3, 0 } }, BLOB, BLOB + 1, -ENXIO },
	{ "at the width", 1ULL << BITS, 3, { { 3, 0 } }, BLOB, BLOB + 1,
	  -EOVERFLOW },
	{ "last page of all", ~0xfffULL, 3, { { 3, 0 } }, BLOB, BLOB + 1,
	  -EOVERFLOW },
	{ "last page below the width", (1ULL << BITS) - 0x1000, 3,
	  { { 3, 0 } }, BLOB, BLOB + 1, -ENXIO },
	{ "none announced", P(0), 0, { { 3, 0 } }, BLOB, BLOB + 1, -EINVAL },
	{ "one too few announced", P(0), 2, { { 3, 0 } }, BLOB, BLOB + 1,
	  -EINVAL },
	{ "one too many announced", P(0), 4, { { 3, 0 } }, BLOB, BLOB + 1,
	  -EINVAL },
	{ "too few announced, whole page", P(0), 3, { { 3, P(1) }, { 1, 0 } },
	  BLOB, BLOB + 1, -EINVAL },
	{ "too many announced by far", P(0), 1ULL << 60, { { 3, 0 } }, BLOB,
	  BLOB + 1, -EINVAL },
	{ "all announced", P(0), ~0ULL, { { 3, 0 } }, BLOB, BLOB + 1,
	  -EINVAL },
	{ "page without ranges", P(0), 3, { { 0, P(1) }, { 3, 0 } }, BLOB,
	  BLOB + 1, -EINVAL },
	{ "page without ranges behind", P(0), 3, { { 3, P(1) }, { 0, 0 } },
	  BLOB, BLOB + 1, -EINVAL },
	{ "empty page to itself", P(0), 3, { { 0, P(0) } }, BLOB, BLOB + 1,
	  -EINVAL },
	{ "128 ranges in a page", P(0), 128, { { 128, 0 } }, BLOB, BLOB + 1,
	  -EINVAL },
	{ "all ranges in a page", P(0), 3, { { ~0ULL, 0 } }, BLOB, BLOB + 1,
	  -EINVAL },
	{ "page to itself", P(0), 1ULL << 20, { { 1, P(0) } }, BLOB, BLOB + 1,
	  -EINVAL },
	{ "page to itself, count met", P(0), 2, { { 1, P(0) } }, BLOB,
	  BLOB + 1, -EINVAL },
	{ "cycle of two", P(0), 1000, { { 3, P(1) }, { 3, P(0) } }, BLOB,
	  BLOB + 1, -EINVAL },
	{ "cycle of two behind one", P(0), 1000,
	  { { 3, P(1) }, { 3, P(2) }, { 3, P(1) } }, BLOB, BLOB + 1, -EINVAL },
	{ "cycle of three, count met", P(0), 9,
	  { { 3, P(1) }, { 3, P(2) }, { 3, P(0) } }, BLOB, BLOB + 1, -EINVAL },
	{ "next page not aligned", P(0), 6, { { 3, P(1) + 1 }, { 3, 0 } },
	  BLOB, BLOB + 1, -EINVAL },
	{ "next page beyond", P(0), 6, { { 3, 1ULL << BITS }, { 3, 0 } }, BLOB,
	  BLOB + 1, -EOVERFLOW },
	{ "empty range", P(0), 3, { { 3, 0 } }, BLOB, BLOB, -EINVAL },
	{ "range backwards", P(0), 3, { { 3, 0 } }, BLOB, BLOB - 1, -EINVAL },
	{ "range up to the width", P(0), 3, { { 3, 0 } }, (1ULL << BITS) - 1,
	  1ULL << BITS, -ENXIO },
	{ "range beyond the width", P(0), 3, { { 3, 0 } }, (1ULL << BITS) - 1,
	  (1ULL << BITS) + 1, -EOVERFLOW },
	{ "range of everything", P(0), 3, { { 3, 0 } }, 0, ~0ULL, -EOVERFLOW },
	{ "range out of memory", P(0), 3, { { 3, 0 } }, END - 1, END + 1,
	  -ENXIO },
};

static void list_name(const struct list_row *row, char *desc)
{
	strscpy(desc, row->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(list, list_rows, list_name);

/* A bug of the reference system: no cycle loops, no count takes memory. */
static void lists(struct kunit *test)
{
	const struct list_row *row = test->param_value;
	struct bench *bench = new_bench(test);
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(row->pages); i++) {
		memset(&bench->page, 0, sizeof(bench->page));
		bench->page.next_pa = cpu_to_le64(row->pages[i].next);
		bench->page.nranges = cpu_to_le64(row->pages[i].nranges);
		for (j = 0; j < HEKI_PAGE_RANGES; j++)
			bench->page.ranges[j] = wire_range(0, 0x3, 0x7,
							   j % 5);
		if (!i)
			bench->page.ranges[0] =
				wire_range(0, row->start, row->end,
					   HEKI_KDATA_PATCH_INFO);
		put(bench, P(i), &bench->page, sizeof(bench->page));
	}
	bench->fake.scribble = true;
	KUNIT_EXPECT_EQ(test, row->err, load(bench, row->pa, row->nranges));
	KUNIT_EXPECT_EQ(test, bench->fake.twice, 0U);
	KUNIT_EXPECT_LE(test, bench->fake.calls, 4U);
	KUNIT_EXPECT_EQ(test, bench->map.nr, 0UL);
	KUNIT_EXPECT_TRUE(test, xa_empty(&bench->map.frames));
	if (!row->err) {
		KUNIT_EXPECT_EQ(test, bench->counts.taken, 1ULL);
		KUNIT_EXPECT_EQ(test, bench->counts.ignored, row->nranges - 1);
	}
	heki_patch_map_destroy(&bench->map);
}

/* Pages that change whenever they were read, and never end. */
struct endless {
	unsigned int calls;
	u64 next;
};

static int endless_read(void *ctx, phys_addr_t pa, void *dst, size_t len)
{
	struct endless *endless = ctx;
	struct heki_page *page = dst;

	endless->calls++;
	memset(dst, 0, len);
	endless->next += 0x1000;
	page->next_pa = cpu_to_le64(endless->next);
	page->nranges = cpu_to_le64(1);
	page->ranges[0] = wire_range(0, 1, 2, 0);
	return 0;
}

#define ENDLESS_RANGES	50000

static void endless_list(struct kunit *test)
{
	struct endless endless = { .next = BASE };
	struct heki_reader reader = { endless_read, &endless };
	struct bench *bench = new_bench(test);

	KUNIT_EXPECT_EQ(test, -EINVAL,
			heki_blob_load(&reader, BASE, ENDLESS_RANGES,
				       HEKI_KDATA_PATCH_INFO, BITS, &bench->map,
				       0, &bench->counts));
	KUNIT_EXPECT_EQ(test, endless.calls, (unsigned int)ENDLESS_RANGES);
	heki_patch_map_destroy(&bench->map);
}

struct seen {
	unsigned int nr;
	unsigned int stop_at;
	struct heki_piece last;
};

static int note_piece(const struct heki_piece *piece, void *ctx)
{
	struct seen *seen = ctx;

	seen->last = *piece;
	return ++seen->nr == seen->stop_at ? -EPERM : 0;
}

static void list_walk(struct kunit *test)
{
	struct bench *bench = new_bench(test);
	struct seen seen = { };

	bench->page.nranges = cpu_to_le64(2);
	bench->page.ranges[0] = wire_range(0, 1, 3, 0);
	bench->page.ranges[1] = wire_range(0xffff888000000000, 0x7001, 0x9003,
					   HEKI_MEM_READ | HEKI_MEM_EXEC);
	put(bench, LIST, &bench->page, sizeof(bench->page));
	KUNIT_EXPECT_EQ(test, 0, heki_page_list_walk(&bench->reader,
						     &bench->page, LIST, 2,
						     BITS, note_piece, &seen));
	KUNIT_EXPECT_EQ(test, seen.nr, 2U);
	KUNIT_EXPECT_EQ(test, (u64)seen.last.pa, 0x7001ULL);
	KUNIT_EXPECT_EQ(test, seen.last.bytes, 0x2002ULL);
	KUNIT_EXPECT_EQ(test, seen.last.va, 0xffff888000000000ULL);
	KUNIT_EXPECT_EQ(test, seen.last.attributes, 5ULL);
	seen = (struct seen) { .stop_at = 1 };
	KUNIT_EXPECT_EQ(test, -EPERM, heki_page_list_walk(&bench->reader,
							  &bench->page, LIST,
							  2, BITS, note_piece,
							  &seen));
	KUNIT_EXPECT_EQ(test, seen.nr, 1U);
	heki_patch_map_destroy(&bench->map);
}

/* Another attribute: the same format in a module's list. */
static void module_attribute(struct kunit *test)
{
	struct bench *bench = new_bench(test);
	u64 nr;

	put_words(bench, "H2/2rr");
	nr = put_list(bench);
	KUNIT_EXPECT_EQ(test, 0,
			heki_blob_load(&bench->reader, LIST, nr, HEKI_MOD_PATCH,
				       BITS, &bench->map, 2, &bench->counts));
	KUNIT_EXPECT_EQ(test, bench->map.nr, 0UL);
	KUNIT_EXPECT_EQ(test, bench->counts.ignored, nr);
	KUNIT_EXPECT_EQ(test, bench->fake.calls, 1U);
	heki_patch_map_destroy(&bench->map);
}

static void fail_each_read(struct kunit *test)
{
	struct bench *bench = new_bench(test);
	unsigned int nth;
	u64 nr;
	int err;

	KUNIT_ASSERT_EQ(test, 0, heki_patch_map_add(&bench->map, 1, &known, 1));
	put_words(bench, "H2/2rr|H3/3rr+r|H1/1r");
	nr = put_list(bench);
	for (nth = 1; nth < 100; nth++) {
		bench->fake.fail_at = nth;
		err = load(bench, LIST, nr);
		if (!err)
			break;
		KUNIT_ASSERT_EQ(test, err, -EFAULT);
		KUNIT_ASSERT_TRUE(test, only_known(bench));
	}
	KUNIT_EXPECT_EQ(test, nth, 6U);
	KUNIT_EXPECT_EQ(test, bench->map.nr, 7UL);
	heki_patch_map_destroy(&bench->map);
}

static bool fail_nth(void *ctx)
{
	unsigned int *left = ctx;

	return !(*left)--;
}

static void fail_each_allocation(struct kunit *test)
{
	struct bench *bench = new_bench(test);
	unsigned int nth, left;
	u64 nr;
	int err;

	KUNIT_ASSERT_EQ(test, 0, heki_patch_map_add(&bench->map, 1, &known, 1));
	put_words(bench, "H12/12rrrrrrrrrrrr|H2/3sr");
	nr = put_list(bench);
	bench->map.alloc_fails = fail_nth;
	bench->map.alloc_ctx = &left;
	for (nth = 0; nth < 100; nth++) {
		left = nth;
		err = load(bench, LIST, nr);
		if (!err)
			break;
		KUNIT_ASSERT_EQ(test, err, -ENOMEM);
		KUNIT_ASSERT_TRUE(test, only_known(bench));
	}
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_GT(test, nth, 5U);
	KUNIT_EXPECT_EQ(test, bench->map.nr, 15UL);
	kunit_info(test, "%u allocations", nth);
	heki_patch_map_destroy(&bench->map);
}

/*
 * The naive model: all of the list first, then all of the blob in one piece,
 * with a mark at the bytes that a range which is no continuation starts at.
 */

/* Three ranges, if they are changed, may span all memory each. */
#define MODEL_BYTES	0x80000
#define MODEL_SITES	1024

struct model {
	u8 bytes[MODEL_BYTES];
	bool starts[MODEL_BYTES + 1];
	size_t len;
	struct heki_site sites[MODEL_SITES];
	unsigned int nr;
};

static u64 get64(const u8 *bytes)
{
	u64 value = 0;
	int i;

	for (i = 7; i >= 0; i--)
		value = value << 8 | bytes[i];
	return value;
}

static bool model_list(struct model *model, const struct fake *fake, u64 pa,
		       u64 left)
{
	u64 seen[PAGES], next_va = 0, i;
	unsigned int nr_seen = 0, j;

	memset(model->starts, 0, model->len + 1);
	model->len = 0;
	while (left) {
		const u8 *page;
		u64 nr;

		if (pa < BASE || pa >= END || pa % 4096)
			return false;
		for (j = 0; j < nr_seen; j++) {
			if (seen[j] == pa)
				return false;
		}
		seen[nr_seen++] = pa;
		page = fake->bytes + (pa - BASE);
		nr = get64(page + 16);
		if (!nr || nr > 127 || nr > left)
			return false;
		for (i = 0; i < nr; i++) {
			const u8 *range = page + 24 + 32 * i;
			u64 start = get64(range + 8), end = get64(range + 16);
			u64 va = get64(range);

			if (start >= end || end > 1ULL << BITS)
				return false;
			if (get64(range + 24) != HEKI_KDATA_PATCH_INFO)
				continue;
			if (start < BASE || end > END ||
			    end - start > MODEL_BYTES - model->len)
				return false;
			if (va != next_va)
				model->starts[model->len] = true;
			memcpy(model->bytes + model->len,
			       fake->bytes + (start - BASE), end - start);
			model->len += end - start;
			next_va = va + end - start;
		}
		left -= nr;
		pa = get64(page + 8);
	}
	return !pa;
}

static phys_addr_t byte_at(const struct heki_site *site, unsigned int i)
{
	unsigned int left = 0x1000 - (site->pa[0] & 0xfff);

	return i < left ? site->pa[0] + i : site->pa[1] + i - left;
}

static bool share_a_byte(const struct heki_site *a, const struct heki_site *b)
{
	unsigned int i, j;

	for (i = 0; i < a->size; i++) {
		for (j = 0; j < b->size; j++) {
			if (byte_at(a, i) == byte_at(b, j))
				return true;
		}
	}
	return false;
}

static bool model_record(struct model *model, const u8 *record)
{
	struct heki_site site = {
		{ get64(record), get64(record + 8) }, record[16],
	};
	unsigned int i;

	if (heki_site_check(&site, BITS) || model->nr == MODEL_SITES)
		return false;
	memcpy(site.code, record + 17, site.size);
	if (share_a_byte(&site, &known))
		return false;
	for (i = 0; i < model->nr; i++) {
		if (share_a_byte(&site, &model->sites[i]))
			return false;
	}
	model->sites[model->nr++] = site;
	return true;
}

static bool model_blob(struct model *model)
{
	size_t at = 0, end, i;
	u64 nr;

	model->nr = 0;
	while (at < model->len) {
		/* Zeros, fewer than a header, up to a fresh start? */
		for (end = at; end < model->len && !model->bytes[end]; end++) {
			if (end > at && model->starts[end])
				break;
		}
		if (end - at < 48 &&
		    (end == model->len || model->starts[end])) {
			at = end;
			if (at < model->len && model->starts[at])
				model->starts[at] = false;
			continue;
		}
		if (model->len - at < 48 || model->bytes[at] ||
		    model->bytes[at + 1] || model->bytes[at + 2] ||
		    model->bytes[at + 3])
			return false;
		nr = get64(model->bytes + at + 32);
		if (nr > get64(model->bytes + at + 40))
			return false;
		at += 48;
		if (nr > (model->len - at) / 24)
			return false;
		for (i = 0; i < nr; i++, at += 24) {
			if (!model_record(model, model->bytes + at))
				return false;
		}
	}
	return true;
}

static bool same_sites(struct bench *bench, const struct model *model)
{
	struct heki_patch_hit hit;
	unsigned int i;

	if (bench->map.nr != model->nr + 1)
		return false;
	for (i = 0; i < model->nr; i++) {
		const struct heki_site *site = &model->sites[i];

		if (heki_patch_map_find(&bench->map, site->pa[0], &hit) ||
		    hit.at || hit.owner != 2 || hit.site.size != site->size ||
		    hit.site.pa[0] != site->pa[0] ||
		    hit.site.pa[1] != site->pa[1] ||
		    memcmp(hit.site.code, site->code, site->size))
			return false;
	}
	return true;
}

static void random_blob(struct bench *bench, struct rnd_state *rnd)
{
	char words[256];
	unsigned int blobs = 1 + prandom_u32_state(rnd) % 4, i, j, len = 0;

	for (i = 0; i < blobs; i++) {
		unsigned int nr = prandom_u32_state(rnd) % 9;

		len += scnprintf(words + len, sizeof(words) - len, "H%u/%u", nr,
				 nr + prandom_u32_state(rnd) % 3);
		for (j = 0; j < nr; j++) {
			u32 r = prandom_u32_state(rnd);

			len += scnprintf(words + len, sizeof(words) - len, "%s",
					 r % 8 == 0 ? "+r" : r % 8 == 1 ? "|r" :
					 "r");
		}
		if (prandom_u32_state(rnd) % 2)
			len += scnprintf(words + len, sizeof(words) - len,
					 "z%u",
					 prandom_u32_state(rnd) % 3 * 24);
		if (prandom_u32_state(rnd) % 2)
			len += scnprintf(words + len, sizeof(words) - len,
					 "%s",
					 prandom_u32_state(rnd) % 8 ? "|" :
					 "+");
	}
	/* No range is empty. */
	scnprintf(words + len, sizeof(words) - len, "z1");
	put_words(bench, words);
}

/* Over as many pages as it pleases. */
static u64 random_list(struct bench *bench, struct rnd_state *rnd)
{
	unsigned int i, page = 0, nr = 0, total = 0;

	memset(&bench->page, 0, sizeof(bench->page));
	for (i = 0; i < bench->nr_ranges; i++) {
		if (prandom_u32_state(rnd) % 4 == 0) {
			bench->page.ranges[nr++] = wire_range(0, 5, 6, 1);
			total++;
		}
		if (!bench->ranges[i].bytes)
			continue;
		bench->page.ranges[nr++] =
			wire_range(bench->ranges[i].va, bench->ranges[i].pa,
				   bench->ranges[i].pa + bench->ranges[i].bytes,
				   HEKI_KDATA_PATCH_INFO);
		total++;
		if (page < 12 && i + 1 < bench->nr_ranges &&
		    bench->ranges[i + 1].bytes &&
		    prandom_u32_state(rnd) % 3 == 0) {
			bench->page.nranges = cpu_to_le64(nr);
			bench->page.next_pa = cpu_to_le64(P(page + 1));
			put(bench, P(page), &bench->page, sizeof(bench->page));
			memset(&bench->page, 0, sizeof(bench->page));
			page++;
			nr = 0;
		}
	}
	bench->page.nranges = cpu_to_le64(nr);
	put(bench, P(page), &bench->page, sizeof(bench->page));
	return total;
}

static void mutate(struct bench *bench, struct rnd_state *rnd)
{
	static const u8 values[] = { 0, 1, 2, 5, 24, 48, 0x10, 0x80, 0xff };
	unsigned int n = prandom_u32_state(rnd) % 4;

	while (n--) {
		u32 r = prandom_u32_state(rnd);
		size_t at;

		if (r % 3)
			at = BLOB - BASE + (r >> 8) %
			     (u32)(bench->at - BLOB + 8);
		else
			at = (r >> 8) % 3 * 0x1000 + (r >> 12) % 256;
		if (r & 0x80)
			bench->fake.bytes[at] = values[(r >> 16) %
						       ARRAY_SIZE(values)];
		else
			bench->fake.bytes[at] ^= 1 << (r >> 16) % 8;
	}
}

#define FUZZ_ROUNDS RANDOM_ROUNDS(10000)

static void fuzz(struct kunit *test)
{
	struct bench *bench = new_bench(test);
	struct model *model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	unsigned int i, good = 0, wrong = 0;
	struct rnd_state rnd;
	bool expected;
	int err = 0;
	u32 seed;
	u64 nr;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, model);
	KUNIT_ASSERT_EQ(test, 0, heki_patch_map_add(&bench->map, 1, &known, 1));
	seed = random_start(test, &rnd);
	for (i = 0; i < FUZZ_ROUNDS && !wrong; i++) {
		memset(bench->fake.bytes, 0, sizeof(bench->fake.bytes));
		bench->nr_ranges = 0;
		bench->records = 0;
		bench->va = prandom_u32_state(&rnd);
		random_blob(bench, &rnd);
		nr = random_list(bench, &rnd);
		nr += prandom_u32_state(&rnd) % 64 == 0;
		mutate(bench, &rnd);

		expected = model_list(model, &bench->fake, LIST, nr) &&
			   model_blob(model);
		err = load(bench, LIST, nr);
		if (!err != expected)
			wrong++;
		else if (expected)
			wrong += !same_sites(bench, model);
		else
			wrong += !only_known(bench);
		good += expected;
		if (expected && model->nr)
			heki_patch_map_drop(&bench->map, 2);
	}
	KUNIT_EXPECT_EQ_MSG(test, wrong, 0U, "seed %#x, round %u, err %d",
			    seed, i, err);
	kunit_info(test, "%u of %u blobs good", good, i);
	KUNIT_EXPECT_GT(test, good, i / 10);
	KUNIT_EXPECT_LT(test, good, i - i / 10);
	heki_patch_map_destroy(&bench->map);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(blobs, blob_gen_params),
	KUNIT_CASE(cut_anywhere),
	KUNIT_CASE_PARAM(lists, list_gen_params),
	KUNIT_CASE(endless_list),
	KUNIT_CASE(list_walk),
	KUNIT_CASE(module_attribute),
	KUNIT_CASE(fail_each_read),
	KUNIT_CASE(fail_each_allocation),
	KUNIT_CASE(fuzz),
	{ }
};

static struct kunit_suite suite = {
	.name = "lvbs_heki_blob",
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_LICENSE("GPL");
