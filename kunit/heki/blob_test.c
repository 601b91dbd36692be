// SPDX-License-Identifier: GPL-2.0
/*
 * The parser of patch-info blobs, on a fake VTL0 memory that detects repeated
 * reads.
 */

#include <kunit/test.h>
#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <asm/byteorder.h>

#include "heki/heki.h"
#include "kunit/fakes/random.h"
#include "kunit/heki/sites.h"
#include "kunit/param.h"

#define PAGES		32
#define RANGES		64
#define BASE		0x100000ULL
#define END		(BASE + PAGES * 0x1000ULL)
/* The list is in the first pages, followed by the blob. */
#define LIST		BASE
#define BLOB		(BASE + 0x10000)
#define BITS		40

struct fake {
	u8 bytes[PAGES * 0x1000];
	u8 reads[PAGES * 0x1000];	/* per byte */
	unsigned int calls;
	unsigned int rereads;		/* bytes read more than once */
	unsigned int bad_calls;		/* empty, or across a page boundary */
	unsigned int fail_at;		/* number of the call to fail */
	bool scribble;			/* overwrite what was read */
};

/* Scribbling emulates a VTL0 that races with the reader. */
static int fake_read(void *ctx, phys_addr_t pa, void *dst, size_t len)
{
	struct fake *fake = ctx;
	size_t at = pa - BASE, i;

	if (++fake->calls == fake->fail_at)
		return -EFAULT;
	if (!len || (pa & 0xfff) + len > 0x1000)
		fake->bad_calls++;
	if (pa < BASE || pa >= END || len > END - pa)
		return -ENXIO;
	for (i = 0; i < len; i++)
		fake->rereads += !!fake->reads[at + i]++;
	memcpy(dst, fake->bytes + at, len);
	if (fake->scribble)
		memset(fake->bytes + at, 0xa5, len);
	return 0;
}

struct vtl0 {
	struct fake fake;
	struct heki_reader reader;
	struct heki_patch_map map;
	/* Of the last load. */
	u64 headers;
	u64 ignored;
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

static struct vtl0 *new_vtl0(struct kunit *test)
{
	struct vtl0 *vtl0 = kunit_kzalloc(test, sizeof(*vtl0), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vtl0);
	vtl0->reader = (struct heki_reader) { fake_read, &vtl0->fake };
	heki_patch_map_init(&vtl0->map);
	return vtl0;
}

static void put(struct vtl0 *vtl0, u64 pa, const void *bytes, size_t len)
{
	memcpy(vtl0->fake.bytes + (pa - BASE), bytes, len);
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

/* The blob under construction: ranges are allocated upwards from BLOB. */
static void range_new(struct vtl0 *vtl0, bool continues)
{
	/* Not physically contiguous with the last range, and unaligned. */
	vtl0->at = vtl0->nr_ranges ? ALIGN(vtl0->at, 8) + 40 : BLOB + 8;
	if (!continues)
		vtl0->va += 0x100000;
	vtl0->ranges[vtl0->nr_ranges].pa = vtl0->at;
	vtl0->ranges[vtl0->nr_ranges].bytes = 0;
	vtl0->ranges[vtl0->nr_ranges].va = vtl0->va;
	vtl0->nr_ranges++;
}

static void range_put(struct vtl0 *vtl0, const void *bytes, size_t len)
{
	put(vtl0, vtl0->at, bytes, len);
	vtl0->at += len;
	vtl0->va += len;
	vtl0->ranges[vtl0->nr_ranges - 1].bytes += len;
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

static void put_record(struct vtl0 *vtl0, u64 pa0, u64 pa1, unsigned int size,
		       const u8 *code)
{
	struct heki_patch patch;

	heki_patch_encode(&patch, pa0, pa1, code, size);
	range_put(vtl0, &patch, sizeof(patch));
}

/*
 * Blobs are described by strings of letters with optional numbers:
 *
 *	H2/3	header of two records, with room for three
 *	T	header of another type
 *	r, r9	the next record, the next nine
 *	R	the last record once more
 *	s	a record of a straddling site
 *	k	a record that overlaps a known site
 *	b	a malformed record
 *	w	a record beyond the width
 *	z16	16 bytes of zero
 *	x16	16 bytes of 0xff
 *	|	start a range
 *	+	start a range that continues the last one in virtual memory
 */
static void put_words(struct vtl0 *vtl0, const char *words)
{
	static const u8 zeros[512], ones[] = { [0 ... 511] = 0xff };
	static const u8 code[] = { 0xe9, 1, 2, 3, 4 };
	struct heki_patch_info info;
	struct heki_site site;
	unsigned long long n, max;
	char word;

	if (!vtl0->nr_ranges)
		range_new(vtl0, false);
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
			range_put(vtl0, &info, sizeof(info));
			break;
		case 'T':
			info = header(1, 1, 1);
			range_put(vtl0, &info, sizeof(info));
			break;
		case 'r':
			do {
				site = nth_site(++vtl0->records);
				put_record(vtl0, site.pa[0], 0, 5, site.code);
			} while (n && --n);
			break;
		case 'R':
			site = nth_site(vtl0->records);
			put_record(vtl0, site.pa[0], 0, 5, site.code);
			break;
		case 's':
			put_record(vtl0, 0x3000fff, 0x9000000, 5, code);
			break;
		case 'k':
			put_record(vtl0, 0x1000104, 0, 5, code);
			break;
		case 'b':
			put_record(vtl0, 0x1000200, 0x1001000, 5, code);
			break;
		case 'w':
			put_record(vtl0, 1ULL << BITS, 0, 5, code);
			break;
		case 'z':
			range_put(vtl0, zeros, n);
			break;
		case 'x':
			range_put(vtl0, ones, n);
			break;
		case '|':
		case '+':
			range_new(vtl0, word == '+');
			break;
		default:
			break;
		}
	}
}

/* A list of one page, with unrelated ranges at both ends. */
static u64 put_list(struct vtl0 *vtl0)
{
	unsigned int i, nr = 0;
	struct heki_page *page = &vtl0->page;

	memset(page, 0, sizeof(*page));
	page->next = cpu_to_le64(0xffff888000001000);
	page->ranges[nr++] = wire_range(0, 0x1000, 0x1001,
					HEKI_KDATA_KERNEL_INFO);
	for (i = 0; i < vtl0->nr_ranges; i++)
		page->ranges[nr++] =
			wire_range(vtl0->ranges[i].va, vtl0->ranges[i].pa,
				   vtl0->ranges[i].pa + vtl0->ranges[i].bytes,
				   HEKI_KDATA_PATCH_INFO);
	page->ranges[nr++] = wire_range(0, 0x1000, 0x2000, 12345);
	page->nranges = cpu_to_le64(nr);
	put(vtl0, LIST, page, sizeof(*page));
	return nr;
}

static int count_ignored(const struct heki_piece *piece, void *ctx)
{
	u64 *ignored = ctx;

	++*ignored;
	return 0;
}

static int load_attribute(struct vtl0 *vtl0, const struct heki_reader *reader,
			  u64 pa, u64 nranges, u64 attribute)
{
	struct heki_blob_source source = {
		.reader = reader,
		.pa = pa,
		.nranges = nranges,
		.attribute = attribute,
		.pa_bits = BITS,
		.other = count_ignored,
		.other_ctx = &vtl0->ignored,
	};
	struct heki_patch_batch batch;
	int err;

	vtl0->ignored = 0;
	heki_patch_batch_begin(&batch, &vtl0->map, 2);
	err = heki_blob_read(&source, &batch);
	vtl0->headers = source.headers;
	if (!err)
		return heki_patch_batch_commit(&batch);
	heki_patch_batch_abort(&batch);
	return err;
}

static int load(struct vtl0 *vtl0, u64 pa, u64 nranges)
{
	memset(vtl0->fake.reads, 0, sizeof(vtl0->fake.reads));
	vtl0->fake.calls = 0;
	return load_attribute(vtl0, &vtl0->reader, pa, nranges,
			      HEKI_KDATA_PATCH_INFO);
}

/* Already in the map; must not change. */
static const struct heki_site known = { { 0x1000100 }, 5, { 0xe9, 9, 9, 9 } };

static bool only_known(struct vtl0 *vtl0)
{
	struct heki_patch_hit hit;

	return vtl0->map.nr == 1 &&
	       !heki_patch_map_next(&vtl0->map, 0, &hit) &&
	       hit.site.pa[0] == known.pa[0] && hit.owner == 1 &&
	       heki_patch_map_next(&vtl0->map, known.pa[0] + 1, &hit);
}

static const struct blob_row {
	const char *name;
	const char *words;
	int err;
	unsigned int sites;
	unsigned int headers;
} blob_rows[] = {
	{ "one record", "H1/1r", 0, 1, 1 },
	{ "reference: no record is skipped", "H7/7r7", 0, 7, 1 },
	{ "three headers", "H1/1rH2/2rrH1/1r", 0, 4, 3 },
	{ "header without records", "H0/8", 0, 0, 1 },
	{ "header without records first", "H0/8H1/1r", 0, 1, 2 },
	{ "max_patch_count larger", "H1/100r", 0, 1, 1 },
	{ "max_patch_count larger, zero padding", "H1/3rz48", 0, 1, 2 },
	{ "trailing zeros", "H1/1rz500", 0, 1, 11 },
	{ "one trailing zero", "H1/1rz1", 0, 1, 1 },
	{ "zeros only", "z96", 0, 0, 2 },
	{ "zeros between headers", "H1/1rz48H1/1r", 0, 2, 3 },
	{ "straddling site", "H2/2sr", 0, 2, 1 },
	{ "one range per header", "H1/1r|H2/2rr|H1/1r", 0, 4, 3 },
	{ "one range per header, trailing zeros", "H1/1rz16|H2/2rrz40|H1/1rz1",
	  0, 4, 3 },
	{ "one range per record", "H3/3r|r|r", 0, 3, 1 },
	{ "one range per record, virtually contiguous", "H3/3r+r+r", 0, 3, 1 },
	{ "header in a range of its own", "H3/3|rrr", 0, 3, 1 },
	{ "blob of two pages", "H250/250r250", 0, 250, 1 },
	{ "zeros inside a virtually contiguous buffer", "H1/1rz16+H1/1r",
	  -EINVAL },
	{ "trailing garbage", "H1/1rx8", -EINVAL },
	{ "trailing zeros and garbage", "H1/1rz8x1", -EINVAL },
	{ "garbage at the end of a range", "H1/1rx8|H1/1r", -EINVAL },
	{ "patch_idx above max_patch_count", "H2/1rr", -EINVAL },
	{ "record missing", "H3/3rr", -EINVAL },
	{ "record truncated", "H3/3rrz12", -EINVAL },
	{ "record missing at the end of a range", "H3/3rr|H1/1r", -EINVAL },
	{ "reference: patch_idx U64_MAX",
	  "H18446744073709551615/18446744073709551615r",
	  -ENOMEM },
	{ "patch_idx whose byte count wraps",
	  "H768614336404564651/768614336404564651r", -ENOMEM },
	{ "patch_idx above the limit", "H2097153/2097153r", -ENOMEM },
	{ "patch_idx at the limit, records missing", "H2097152/2097152r",
	  -EINVAL },
	{ "unknown type", "Tr", -EINVAL },
	{ "reference: unknown type after a good header", "H1/1rTr", -EINVAL },
	{ "reference: unknown type before a good header", "TrH1/1r", -EINVAL },
	{ "malformed record first", "H3/3brr", -EINVAL },
	{ "malformed record between good ones", "H3/3rbr", -EINVAL },
	{ "reference: malformed record after good ones", "H3/3rrb", -EINVAL },
	{ "malformed record in the next range", "H2/2rr|H2/2rb", -EINVAL },
	{ "record beyond the width", "H2/2rw", -EOVERFLOW },
	{ "record of zeros", "H2/2rz24", -EINVAL },
	{ "reference: duplicate record", "H3/3rRr", -EEXIST },
	{ "duplicate record in the next range", "H1/1r|H2/2Rr", -EEXIST },
	{ "record overlaps a known site", "H3/3rkr", -EEXIST },
};

KUNIT_ARRAY_PARAM_DESC(blob, blob_rows, name);

static void blobs(struct kunit *test)
{
	const struct blob_row *row = test->param_value;
	struct vtl0 *vtl0 = new_vtl0(test);
	struct heki_patch_hit hit;
	unsigned int i;
	u64 nr;

	KUNIT_ASSERT_EQ(test, 0, add_sites(&vtl0->map, 1, &known, 1));
	put_words(vtl0, row->words);
	nr = put_list(vtl0);
	vtl0->fake.scribble = true;
	KUNIT_EXPECT_EQ(test, row->err, load(vtl0, LIST, nr));
	KUNIT_EXPECT_EQ(test, vtl0->fake.rereads, 0U);
	KUNIT_EXPECT_EQ(test, vtl0->fake.bad_calls, 0U);
	KUNIT_EXPECT_FALSE(test, mutex_is_locked(&vtl0->map.update));
	if (row->err) {
		KUNIT_EXPECT_TRUE(test, only_known(vtl0));
	} else {
		KUNIT_EXPECT_EQ(test, vtl0->map.nr, row->sites + 1UL);
		KUNIT_EXPECT_EQ(test, vtl0->headers, (u64)row->headers);
		KUNIT_EXPECT_EQ(test, vtl0->ignored, 2ULL);
		for (i = 1; i <= vtl0->records; i++) {
			struct heki_site site = nth_site(i);

			KUNIT_EXPECT_EQ(test, 0,
					heki_patch_map_find(&vtl0->map,
							    site.pa[0], &hit));
			KUNIT_EXPECT_EQ(test, 0, memcmp(hit.site.code,
							site.code, 5));
			KUNIT_EXPECT_EQ(test, hit.owner, 2U);
		}
	}
	heki_patch_map_destroy(&vtl0->map);
}

/* One buffer in two ranges, split at each byte. */
static void split_anywhere(struct kunit *test)
{
	struct vtl0 *vtl0 = new_vtl0(test);
	struct vtl0 *split = new_vtl0(test);
	u64 len, at, nr;

	put_words(vtl0, "H2/4rrH1/1rz30");
	len = vtl0->ranges[0].bytes;
	for (at = 1; at < len; at++) {
		const u8 *bytes = vtl0->fake.bytes +
				  (vtl0->ranges[0].pa - BASE);

		split->nr_ranges = 0;
		range_new(split, false);
		range_put(split, bytes, at);
		range_new(split, true);
		range_put(split, bytes + at, len - at);
		nr = put_list(split);
		KUNIT_EXPECT_EQ_MSG(test, 0, load(split, LIST, nr),
				    "split at %llu", at);
		KUNIT_EXPECT_EQ(test, drop_sites(&split->map, 2), 3UL);
	}
	heki_patch_map_destroy(&split->map);
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
	/* The first range of the first page. */
	u64 start;
	u64 end;
	int err;
} list_rows[] = {
	{ "one page", P(0), 3, { { 3, 0 } }, BLOB, BLOB + 1, 0 },
	{ "full page", P(0), 127, { { 127, 0 } }, BLOB, BLOB + 1, 0 },
	{ "three pages", P(0), 256, { { 127, P(1) }, { 127, P(2) }, { 2, 0 } },
	  BLOB, BLOB + 1, 0 },
	{ "three pages, one range each", P(0), 3,
	  { { 1, P(1) }, { 1, P(2) }, { 1, 0 } }, BLOB, BLOB + 1, 0 },
	{ "pages out of order", P(2), 3,
	  { { 1, P(1) }, { 1, 0 }, { 1, P(0) } }, BLOB, BLOB + 1, 0 },
	{ "address 0", 0, 3, { { 3, 0 } }, BLOB, BLOB + 1, -EINVAL },
	{ "unaligned", P(0) + 8, 3, { { 3, 0 } }, BLOB, BLOB + 1, -EINVAL },
	{ "no RAM", END, 3, { { 3, 0 } }, BLOB, BLOB + 1, -ENXIO },
	{ "at the width", 1ULL << BITS, 3, { { 3, 0 } }, BLOB, BLOB + 1,
	  -EOVERFLOW },
	{ "last u64 page", ~0xfffULL, 3, { { 3, 0 } }, BLOB, BLOB + 1,
	  -EOVERFLOW },
	{ "last page below the width", (1ULL << BITS) - 0x1000, 3,
	  { { 3, 0 } }, BLOB, BLOB + 1, -ENXIO },
	{ "count 0", P(0), 0, { { 3, 0 } }, BLOB, BLOB + 1, -EINVAL },
	{ "count too small by one", P(0), 2, { { 3, 0 } }, BLOB, BLOB + 1,
	  -EINVAL },
	{ "count too large by one", P(0), 4, { { 3, 0 } }, BLOB, BLOB + 1,
	  -EINVAL },
	{ "count excludes the second page", P(0), 3, { { 3, P(1) }, { 1, 0 } },
	  BLOB, BLOB + 1, -EINVAL },
	{ "reference: count 1 << 60", P(0), 1ULL << 60, { { 3, 0 } }, BLOB,
	  BLOB + 1, -EINVAL },
	{ "count U64_MAX", P(0), ~0ULL, { { 3, 0 } }, BLOB, BLOB + 1,
	  -EINVAL },
	{ "first page without ranges", P(0), 3, { { 0, P(1) }, { 3, 0 } }, BLOB,
	  BLOB + 1, -EINVAL },
	{ "second page without ranges", P(0), 3, { { 3, P(1) }, { 0, 0 } },
	  BLOB, BLOB + 1, -EINVAL },
	{ "reference: page without ranges links to itself", P(0), 3,
	  { { 0, P(0) } }, BLOB, BLOB + 1, -EINVAL },
	{ "128 ranges in a page", P(0), 128, { { 128, 0 } }, BLOB, BLOB + 1,
	  -EINVAL },
	{ "U64_MAX ranges in a page", P(0), 3, { { ~0ULL, 0 } }, BLOB, BLOB + 1,
	  -EINVAL },
	{ "reference: page links to itself", P(0), 1ULL << 20,
	  { { 1, P(0) } }, BLOB, BLOB + 1, -EINVAL },
	{ "page links to itself, count matches", P(0), 2, { { 1, P(0) } }, BLOB,
	  BLOB + 1, -EINVAL },
	{ "reference: cycle of two", P(0), 1000, { { 3, P(1) }, { 3, P(0) } },
	  BLOB, BLOB + 1, -EINVAL },
	{ "cycle of two after the first page", P(0), 1000,
	  { { 3, P(1) }, { 3, P(2) }, { 3, P(1) } }, BLOB, BLOB + 1, -EINVAL },
	{ "cycle of three, count matches", P(0), 9,
	  { { 3, P(1) }, { 3, P(2) }, { 3, P(0) } }, BLOB, BLOB + 1, -EINVAL },
	{ "next page unaligned", P(0), 6, { { 3, P(1) + 1 }, { 3, 0 } },
	  BLOB, BLOB + 1, -EINVAL },
	{ "next page beyond the width", P(0), 6,
	  { { 3, 1ULL << BITS }, { 3, 0 } }, BLOB, BLOB + 1, -EOVERFLOW },
	{ "empty range", P(0), 3, { { 3, 0 } }, BLOB, BLOB, 0 },
	{ "range with end before start", P(0), 3, { { 3, 0 } }, BLOB, BLOB - 1,
	  -EINVAL },
	{ "range up to the width", P(0), 3, { { 3, 0 } }, (1ULL << BITS) - 1,
	  1ULL << BITS, -ENXIO },
	{ "range beyond the width", P(0), 3, { { 3, 0 } }, (1ULL << BITS) - 1,
	  (1ULL << BITS) + 1, -EOVERFLOW },
	{ "range from 0 to U64_MAX", P(0), 3, { { 3, 0 } }, 0, ~0ULL,
	  -EOVERFLOW },
	{ "range leaves RAM", P(0), 3, { { 3, 0 } }, END - 1, END + 1,
	  -ENXIO },
};

KUNIT_ARRAY_PARAM_DESC(list, list_rows, name);

/* The reference system looped on cycles and allocated by the count. */
static void lists(struct kunit *test)
{
	const struct list_row *row = test->param_value;
	struct vtl0 *vtl0 = new_vtl0(test);
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(row->pages); i++) {
		memset(&vtl0->page, 0, sizeof(vtl0->page));
		vtl0->page.next_pa = cpu_to_le64(row->pages[i].next);
		vtl0->page.nranges = cpu_to_le64(row->pages[i].nranges);
		for (j = 0; j < HEKI_PAGE_RANGES; j++)
			vtl0->page.ranges[j] = wire_range(0, 0x3, 0x7,
							  j % 5);
		if (!i)
			vtl0->page.ranges[0] =
				wire_range(0, row->start, row->end,
					   HEKI_KDATA_PATCH_INFO);
		put(vtl0, P(i), &vtl0->page, sizeof(vtl0->page));
	}
	vtl0->fake.scribble = true;
	KUNIT_EXPECT_EQ(test, row->err, load(vtl0, row->pa, row->nranges));
	KUNIT_EXPECT_EQ(test, vtl0->fake.rereads, 0U);
	KUNIT_EXPECT_LE(test, vtl0->fake.calls, 4U);
	KUNIT_EXPECT_EQ(test, vtl0->map.nr, 0UL);
	KUNIT_EXPECT_TRUE(test, xa_empty(&vtl0->map.frames));
	if (!row->err)
		KUNIT_EXPECT_EQ(test, vtl0->ignored, row->nranges - 1);
	heki_patch_map_destroy(&vtl0->map);
}

/* A list that grows as it is read, and never ends. */
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
	struct vtl0 *vtl0 = new_vtl0(test);

	KUNIT_EXPECT_EQ(test, -EINVAL,
			load_attribute(vtl0, &reader, BASE, ENDLESS_RANGES,
				       HEKI_KDATA_PATCH_INFO));
	KUNIT_EXPECT_EQ(test, endless.calls, (unsigned int)ENDLESS_RANGES);
	heki_patch_map_destroy(&vtl0->map);
}

struct range_log {
	unsigned int nr;
	unsigned int stop_at;
	struct heki_piece last;
};

static int log_range(const struct heki_piece *piece, void *ctx)
{
	struct range_log *log = ctx;

	log->last = *piece;
	return ++log->nr == log->stop_at ? -EPERM : 0;
}

static void list_walk_ranges(struct kunit *test)
{
	struct vtl0 *vtl0 = new_vtl0(test);
	struct range_log log = { };

	vtl0->page.nranges = cpu_to_le64(2);
	vtl0->page.ranges[0] = wire_range(0, 1, 3, 0);
	vtl0->page.ranges[1] = wire_range(0xffff888000000000, 0x7001, 0x9003,
					  HEKI_MEM_READ | HEKI_MEM_EXEC);
	put(vtl0, LIST, &vtl0->page, sizeof(vtl0->page));
	KUNIT_EXPECT_EQ(test, 0, heki_page_list_walk(&vtl0->reader,
						     &vtl0->page, LIST, 2,
						     BITS, log_range, &log));
	KUNIT_EXPECT_EQ(test, log.nr, 2U);
	KUNIT_EXPECT_EQ(test, (u64)log.last.pa, 0x7001ULL);
	KUNIT_EXPECT_EQ(test, log.last.bytes, 0x2002ULL);
	KUNIT_EXPECT_EQ(test, log.last.va, 0xffff888000000000ULL);
	KUNIT_EXPECT_EQ(test, log.last.attributes, 5ULL);
	log = (struct range_log) { .stop_at = 1 };
	KUNIT_EXPECT_EQ(test, -EPERM, heki_page_list_walk(&vtl0->reader,
							  &vtl0->page, LIST,
							  2, BITS, log_range,
							  &log));
	KUNIT_EXPECT_EQ(test, log.nr, 1U);
	heki_patch_map_destroy(&vtl0->map);
}

/* Modules use another attribute: ranges without it are ignored. */
static void ranges_by_attribute(struct kunit *test)
{
	struct vtl0 *vtl0 = new_vtl0(test);
	u64 nr;

	put_words(vtl0, "H2/2rr");
	nr = put_list(vtl0);
	KUNIT_EXPECT_EQ(test, 0,
			load_attribute(vtl0, &vtl0->reader, LIST, nr,
				       HEKI_MOD_PATCH));
	KUNIT_EXPECT_EQ(test, vtl0->map.nr, 0UL);
	KUNIT_EXPECT_EQ(test, vtl0->ignored, nr);
	KUNIT_EXPECT_EQ(test, vtl0->fake.calls, 1U);
	heki_patch_map_destroy(&vtl0->map);
}

static void fail_each_read(struct kunit *test)
{
	struct vtl0 *vtl0 = new_vtl0(test);
	unsigned int nth;
	u64 nr;
	int err;

	KUNIT_ASSERT_EQ(test, 0, add_sites(&vtl0->map, 1, &known, 1));
	put_words(vtl0, "H2/2rr|H3/3rr+r|H1/1r");
	nr = put_list(vtl0);
	for (nth = 1; nth < 100; nth++) {
		vtl0->fake.fail_at = nth;
		err = load(vtl0, LIST, nr);
		if (!err)
			break;
		KUNIT_ASSERT_EQ(test, err, -EFAULT);
		KUNIT_ASSERT_TRUE(test, only_known(vtl0));
	}
	KUNIT_EXPECT_EQ(test, nth, 6U);
	KUNIT_EXPECT_EQ(test, vtl0->map.nr, 7UL);
	heki_patch_map_destroy(&vtl0->map);
}

static void fail_each_allocation(struct kunit *test)
{
	struct vtl0 *vtl0 = new_vtl0(test);
	unsigned int nth, left;
	u64 nr;
	int err;

	KUNIT_ASSERT_EQ(test, 0, add_sites(&vtl0->map, 1, &known, 1));
	put_words(vtl0, "H12/12rrrrrrrrrrrr|H2/3sr");
	nr = put_list(vtl0);
	vtl0->map.alloc_fails = fail_nth;
	vtl0->map.alloc_ctx = &left;
	for (nth = 0; nth < 100; nth++) {
		left = nth;
		err = load(vtl0, LIST, nr);
		if (!err)
			break;
		KUNIT_ASSERT_EQ(test, err, -ENOMEM);
		KUNIT_ASSERT_TRUE(test, only_known(vtl0));
	}
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_GT(test, nth, 5U);
	KUNIT_EXPECT_EQ(test, vtl0->map.nr, 15UL);
	kunit_info(test, "%u allocations", nth);
	heki_patch_map_destroy(&vtl0->map);
}

/*
 * The model concatenates all ranges, then parses the blob in one go. @starts
 * marks the bytes where a range starts that does not continue the last one.
 */

/* Each of up to three mutated ranges may cover all memory. */
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

			if (start == end)
				continue;
			if (start > end || end > 1ULL << BITS)
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

static bool sites_overlap(const struct heki_site *a, const struct heki_site *b)
{
	unsigned int i, j;

	for (i = 0; i < a->size; i++) {
		for (j = 0; j < b->size; j++) {
			if (site_byte(a, i) == site_byte(b, j))
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
	if (sites_overlap(&site, &known))
		return false;
	for (i = 0; i < model->nr; i++) {
		if (sites_overlap(&site, &model->sites[i]))
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
		/* Fewer zeros than a header up to the next start? */
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

static bool same_sites(struct vtl0 *vtl0, const struct model *model)
{
	struct heki_patch_hit hit;
	unsigned int i;

	if (vtl0->map.nr != model->nr + 1)
		return false;
	for (i = 0; i < model->nr; i++) {
		const struct heki_site *site = &model->sites[i];

		if (heki_patch_map_find(&vtl0->map, site->pa[0], &hit) ||
		    hit.at || hit.owner != 2 || hit.site.size != site->size ||
		    hit.site.pa[0] != site->pa[0] ||
		    hit.site.pa[1] != site->pa[1] ||
		    memcmp(hit.site.code, site->code, site->size))
			return false;
	}
	return true;
}

static void random_blob(struct vtl0 *vtl0, struct rnd_state *rnd)
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
	put_words(vtl0, words);
}

/* Spreads the ranges over a random number of pages. */
static u64 random_list(struct vtl0 *vtl0, struct rnd_state *rnd)
{
	unsigned int i, page = 0, nr = 0, total = 0;

	memset(&vtl0->page, 0, sizeof(vtl0->page));
	for (i = 0; i < vtl0->nr_ranges; i++) {
		if (prandom_u32_state(rnd) % 4 == 0) {
			vtl0->page.ranges[nr++] = wire_range(0, 5, 6, 1);
			total++;
		}
		vtl0->page.ranges[nr++] =
			wire_range(vtl0->ranges[i].va, vtl0->ranges[i].pa,
				   vtl0->ranges[i].pa + vtl0->ranges[i].bytes,
				   HEKI_KDATA_PATCH_INFO);
		total++;
		if (page < 12 && i + 1 < vtl0->nr_ranges &&
		    prandom_u32_state(rnd) % 3 == 0) {
			vtl0->page.nranges = cpu_to_le64(nr);
			vtl0->page.next_pa = cpu_to_le64(P(page + 1));
			put(vtl0, P(page), &vtl0->page, sizeof(vtl0->page));
			memset(&vtl0->page, 0, sizeof(vtl0->page));
			page++;
			nr = 0;
		}
	}
	vtl0->page.nranges = cpu_to_le64(nr);
	put(vtl0, P(page), &vtl0->page, sizeof(vtl0->page));
	return total;
}

static void mutate(struct vtl0 *vtl0, struct rnd_state *rnd)
{
	static const u8 values[] = { 0, 1, 2, 5, 24, 48, 0x10, 0x80, 0xff };
	unsigned int n = prandom_u32_state(rnd) % 4;

	while (n--) {
		u32 r = prandom_u32_state(rnd);
		size_t at;

		if (r % 3)
			at = BLOB - BASE + (r >> 8) %
			     (u32)(vtl0->at - BLOB + 8);
		else
			at = (r >> 8) % 3 * 0x1000 + (r >> 12) % 256;
		if (r & 0x80)
			vtl0->fake.bytes[at] = values[(r >> 16) %
						       ARRAY_SIZE(values)];
		else
			vtl0->fake.bytes[at] ^= 1 << (r >> 16) % 8;
	}
}

#define FUZZ_ROUNDS RANDOM_ROUNDS(10000)

static void fuzz_against_model(struct kunit *test)
{
	struct vtl0 *vtl0 = new_vtl0(test);
	struct model *model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	unsigned int i, good = 0, wrong = 0;
	struct rnd_state rnd;
	bool expected;
	int err = 0;
	u32 seed;
	u64 nr;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, model);
	KUNIT_ASSERT_EQ(test, 0, add_sites(&vtl0->map, 1, &known, 1));
	seed = random_start(test, &rnd);
	for (i = 0; i < FUZZ_ROUNDS && !wrong; i++) {
		memset(vtl0->fake.bytes, 0, sizeof(vtl0->fake.bytes));
		vtl0->nr_ranges = 0;
		vtl0->records = 0;
		vtl0->va = prandom_u32_state(&rnd);
		random_blob(vtl0, &rnd);
		nr = random_list(vtl0, &rnd);
		nr += prandom_u32_state(&rnd) % 64 == 0;
		mutate(vtl0, &rnd);

		expected = model_list(model, &vtl0->fake, LIST, nr) &&
			   model_blob(model);
		err = load(vtl0, LIST, nr);
		if (!err != expected)
			wrong++;
		else if (expected)
			wrong += !same_sites(vtl0, model);
		else
			wrong += !only_known(vtl0);
		good += expected;
		if (expected && model->nr)
			drop_sites(&vtl0->map, 2);
	}
	KUNIT_EXPECT_EQ_MSG(test, wrong, 0U, "seed %#x, round %u, err %d",
			    seed, i, err);
	kunit_info(test, "%u of %u blobs valid", good, i);
	KUNIT_EXPECT_GT(test, good, i / 10);
	KUNIT_EXPECT_LT(test, good, i - i / 10);
	heki_patch_map_destroy(&vtl0->map);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(blobs, blob_gen_params),
	KUNIT_CASE(split_anywhere),
	KUNIT_CASE_PARAM(lists, list_gen_params),
	KUNIT_CASE(endless_list),
	KUNIT_CASE(list_walk_ranges),
	KUNIT_CASE(ranges_by_attribute),
	KUNIT_CASE(fail_each_read),
	KUNIT_CASE(fail_each_allocation),
	KUNIT_CASE(fuzz_against_model),
	{ }
};

static struct kunit_suite suite = {
	.name = "lvbs_heki_blob",
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_LICENSE("GPL");
