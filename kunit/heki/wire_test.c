// SPDX-License-Identifier: GPL-2.0
/*
 * Well-formed patches, and where requests may lie.
 */

#include <kunit/test.h>
#include <linux/limits.h>
#include <linux/string.h>

#include "heki/heki.h"
#include "kunit/param.h"

#define LAST_PAGE_40	((1ULL << 40) - 0x1000)

struct wire_row {
	const char *name;
	u64 pa0;
	u64 pa1;
	unsigned int size;
	unsigned int bits;
	int err;
};

static const struct wire_row patch_rows[] = {
	{ "5 bytes within a page", 0x1000, 0, 5, 46, 0 },
	{ "1 byte", 0x1000, 0, 1, 46, 0 },
	{ "3 bytes", 0x1000, 0, 3, 46, 0 },
	{ "4 bytes", 0x1000, 0, 4, 46, 0 },
	{ "in page 0", 0x1, 0, 5, 46, 0 },
	{ "address 0", 0, 0, 5, 46, -EINVAL },
	{ "address 0, second page", 0, 0x9000, 5, 46, -EINVAL },
	{ "size 0", 0x1000, 0, 0, 46, -EINVAL },
	{ "size 6", 0x1000, 0, 6, 46, -EINVAL },
	{ "size 255", 0x1000, 0, 255, 46, -EINVAL },
	{ "ends at the page boundary", 0x1ffb, 0, 5, 46, 0 },
	{ "ends at the page boundary, second page", 0x1ffb, 0x2000, 5, 46,
	  -EINVAL },
	{ "1 byte in the second page", 0x1ffc, 0x2000, 5, 46, 0 },
	{ "4 bytes in the second page", 0x1fff, 0x2000, 5, 46, 0 },
	{ "straddles into a distant page", 0x1fff, 0x9000, 5, 46, 0 },
	{ "straddles into a lower page", 0x9fff, 0x1000, 5, 46, 0 },
	{ "straddles, no second page", 0x1fff, 0, 5, 46, -EINVAL },
	{ "reference: second page equals first", 0x1fff, 0x1000, 5, 46,
	  -EINVAL },
	{ "straddles, unaligned second page", 0x1fff, 0x9001, 5, 46,
	  -EINVAL },
	{ "straddles, unaligned second page in the first", 0x1fff, 0x1ffe, 5,
	  46, -EINVAL },
	{ "1 byte, last of the page", 0x1fff, 0, 1, 46, 0 },
	{ "1 byte, last of the page, second page", 0x1fff, 0x2000, 1, 46,
	  -EINVAL },
	{ "second page without straddling", 0x1000, 0x2000, 5, 46, -EINVAL },
	{ "last byte below the width", (1ULL << 40) - 1, 0, 1, 40, 0 },
	{ "reference: last 5 bytes below the width", (1ULL << 40) - 5, 0, 5, 40, 0 },
	{ "straddles from the last page", (1ULL << 40) - 1, 0x1000, 5, 40,
	  0 },
	{ "reference: straddles to the width", (1ULL << 40) - 1,
	  1ULL << 40, 5, 40, -EOVERFLOW },
	{ "straddles from the last page, no second page", (1ULL << 40) - 1, 0,
	  5, 40, -EINVAL },
	{ "straddles from the last page to itself", (1ULL << 40) - 1,
	  LAST_PAGE_40, 5, 40, -EINVAL },
	{ "straddles into the last page", 0x1fff, LAST_PAGE_40, 5, 40, 0 },
	{ "first byte at the width", 1ULL << 40, 0, 5, 40, -EOVERFLOW },
	{ "first byte far beyond the width", 1ULL << 63, 0, 5, 40, -EOVERFLOW },
	{ "second page far beyond the width", 0x1fff, 1ULL << 63, 5, 40,
	  -EOVERFLOW },
	{ "beyond the width and malformed", 1ULL << 40, 0x1000, 5, 40,
	  -EINVAL },
	{ "last u64 address", U64_MAX, 0, 1, 52, -EOVERFLOW },
	{ "straddles the last u64 address, no second page", U64_MAX, 0, 5, 52,
	  -EINVAL },
	{ "straddles the last u64 address", U64_MAX, 0x1000, 5, 52,
	  -EOVERFLOW },
	{ "last u64 address, width 64", U64_MAX, 0, 1, 64, 0 },
	{ "last 5 u64 addresses, width 64", U64_MAX - 4, 0, 5, 64, 0 },
	{ "straddles the last u64 address, width 64", U64_MAX, 0x1000, 5, 64,
	  0 },
	{ "width 13, last byte", 0x1fff, 0, 1, 13, 0 },
	{ "width 13, first byte beyond", 0x2000, 0, 1, 13, -EOVERFLOW },
};

static const struct wire_row request_addr_rows[] = {
	{ "within a page", 0x1000, 0, 0, 46, 0 },
	{ "unaligned", 0x1003, 0, 0, 46, 0 },
	{ "ends at the page boundary", 0x2000 - 24, 0, 0, 46, 0 },
	{ "ends at the page boundary, second page", 0x2000 - 24, 0x2000, 0, 46,
	  -EINVAL },
	{ "1 byte in the second page", 0x2000 - 23, 0x2000, 0, 46, 0 },
	{ "23 bytes in the second page", 0x1fff, 0x9000, 0, 46, 0 },
	{ "straddles, no second page", 0x2000 - 23, 0, 0, 46, -EINVAL },
	{ "straddles, unaligned second page", 0x1fff, 0x9008, 0, 46,
	  -EINVAL },
	{ "reference: second page equals first", 0x1fff, 0x1000, 0, 46,
	  -EEXIST },
	{ "second page without straddling", 0x1000, 0x9000, 0, 46, -EINVAL },
	{ "address 0", 0, 0, 0, 46, -EINVAL },
	{ "in page 0", 8, 0, 0, 46, 0 },
	{ "reference: last request below the width", (1ULL << 40) - 24, 0, 0, 40, 0 },
	{ "straddles from the last page", (1ULL << 40) - 1, 0x1000, 0, 40,
	  0 },
	{ "reference: straddles to the width", (1ULL << 40) - 1,
	  1ULL << 40, 0, 40, -EOVERFLOW },
	{ "at the width", 1ULL << 40, 0, 0, 40, -EOVERFLOW },
	{ "straddles into the last page", 0x1fff, LAST_PAGE_40, 0, 40, 0 },
	{ "straddles the last u64 address, no second page", U64_MAX, 0, 0, 52,
	  -EINVAL },
	{ "straddles the last u64 address", U64_MAX, 0x1000, 0, 52,
	  -EOVERFLOW },
};

KUNIT_ARRAY_PARAM_DESC(patch, patch_rows, name);
KUNIT_ARRAY_PARAM_DESC(request_addr, request_addr_rows, name);

/* Can the kernel's types hold @pa? Not always on 32-bit. */
static bool representable(u64 pa)
{
	u64 frame = pa >> HEKI_PAGE_SHIFT;

	return pa == (phys_addr_t)pa && frame == (unsigned long)frame;
}

static void patch_decode(struct kunit *test)
{
	static const u8 code[] = { 0xe9, 1, 2, 3, 4, 5, 6 };
	const struct wire_row *row = test->param_value;
	struct heki_site site, old_site;
	struct heki_request request, old_request;
	struct heki_patch wire;
	unsigned int i;

	if (!row->err && !representable(row->pa0 | row->pa1))
		kunit_skip(test, "not representable in phys_addr_t");

	heki_patch_encode(&wire, row->pa0, row->pa1, code, row->size);
	memset(wire.pad, 0xff, sizeof(wire.pad));
	if (row->size < HEKI_CODE_MAX)
		memset(wire.code + row->size, 0xee, HEKI_CODE_MAX - row->size);
	memset(&site, 0x5a, sizeof(site));
	memset(&request, 0x5a, sizeof(request));
	old_site = site;
	old_request = request;

	KUNIT_EXPECT_EQ(test, row->err,
			heki_site_decode(&site, &wire, row->bits));
	KUNIT_EXPECT_EQ(test, row->err,
			heki_request_decode(&request, &wire, row->bits));
	if (row->err) {
		KUNIT_EXPECT_EQ(test, 0,
				memcmp(&site, &old_site, sizeof(site)));
		KUNIT_EXPECT_EQ(test, 0, memcmp(&request, &old_request,
						sizeof(request)));
		return;
	}

	KUNIT_EXPECT_EQ(test, 0, heki_site_check(&site, row->bits));
	KUNIT_EXPECT_EQ(test, (u64)site.pa[0], row->pa0);
	KUNIT_EXPECT_EQ(test, (u64)site.pa[1], row->pa1);
	KUNIT_EXPECT_EQ(test, (unsigned int)site.size, row->size);
	KUNIT_EXPECT_EQ(test, (u64)request.pa[0], row->pa0);
	KUNIT_EXPECT_EQ(test, (u64)request.pa[1], row->pa1);
	KUNIT_EXPECT_EQ(test, (unsigned int)request.size, row->size);
	for (i = 0; i < HEKI_CODE_MAX; i++) {
		u8 byte = i < row->size ? code[i] : 0;

		KUNIT_EXPECT_EQ(test, byte, site.code[i]);
		KUNIT_EXPECT_EQ(test, byte, request.bytes[i]);
	}
}

static void request_addr_check(struct kunit *test)
{
	const struct wire_row *row = test->param_value;

	KUNIT_EXPECT_EQ(test, row->err,
			heki_request_addr_check(row->pa0, row->pa1, row->bits));
}

/* Little endian on any machine; padding and unused bytes are zero. */
static void patch_encode_bytes(struct kunit *test)
{
	static const u8 code[] = { 0xe9, 1, 2, 3, 4 };
	static const u8 expected[24] = {
		0xff, 0x1f, 0, 0, 2, 0, 0, 0, 0, 0x90, 0, 0, 3, 0, 0, 0,
		5, 0xe9, 1, 2, 3, 4, 0, 0,
	};
	struct heki_patch wire;

	heki_patch_encode(&wire, 0x200001fffULL, 0x300009000ULL, code, 5);
	KUNIT_EXPECT_EQ(test, 0, memcmp(&wire, expected, sizeof(wire)));
}

/* The same rules, by the page of each byte. */
static int reference_check(u64 pa0, u64 pa1, unsigned int size, u64 width)
{
	bool second = false;
	unsigned int i, offset = pa0 % 4096;

	if (size < 1 || size > 5 || pa0 == 0 || pa1 % 4096)
		return -EINVAL;
	for (i = 0; i < size; i++)
		second |= offset + i >= 4096;
	if (second != !!pa1)
		return -EINVAL;
	if (pa0 >= width || pa1 >= width)
		return -EOVERFLOW;
	if (second && pa0 / 4096 == pa1 / 4096)
		return -EINVAL;
	return 0;
}

static void site_check_exhaustive(struct kunit *test)
{
	static const u64 pages[] = { 0, 0x1000, LAST_PAGE_40, 1ULL << 40 };
	static const u64 seconds[] = {
		0, 1, 0x1000, 0x2000, 0x9000, 0x9001, 0x9fff, LAST_PAGE_40,
		1ULL << 40,
	};
	unsigned int p, s, offset, size, wrong = 0, nr = 0;

	for (p = 0; p < ARRAY_SIZE(pages); p++) {
		for (offset = 0; offset < 4096; offset++) {
			for (s = 0; s < ARRAY_SIZE(seconds); s++) {
				for (size = 0; size < 8; size++) {
					struct heki_site site = {
						.pa = { pages[p] + offset,
							seconds[s] },
						.size = size,
					};

					nr++;
					wrong += heki_site_check(&site, 40) !=
						 reference_check(site.pa[0],
								 site.pa[1],
								 size,
								 1ULL << 40);
				}
			}
		}
	}
	KUNIT_EXPECT_EQ(test, wrong, 0U);
	kunit_info(test, "%u sites", nr);
}

/* Addresses that the kernel's types cannot hold are beyond any width. */
static void address_not_representable(struct kunit *test)
{
	unsigned int bit;

	for (bit = HEKI_PAGE_SHIFT; bit < 64; bit++) {
		u64 pa = 1ULL << bit;
		int err = representable(pa) ? 0 : -EOVERFLOW;
		struct heki_patch wire;
		struct heki_site site;

		heki_patch_encode(&wire, pa, 0, "\xcc", 1);
		KUNIT_EXPECT_EQ_MSG(test, heki_site_decode(&site, &wire, 64),
				    err, "bit %u", bit);
		KUNIT_EXPECT_EQ_MSG(test, heki_request_addr_check(pa, 0, 64),
				    err, "bit %u", bit);
		KUNIT_EXPECT_EQ_MSG(test,
				    heki_request_addr_check(0x1fff, pa, 64),
				    bit == HEKI_PAGE_SHIFT ? -EEXIST : err,
				    "bit %u", bit);
	}
}

static void len_in_page(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, heki_len_in_page(0x1000, 5), 5U);
	KUNIT_EXPECT_EQ(test, heki_len_in_page(0x1ffb, 5), 5U);
	KUNIT_EXPECT_EQ(test, heki_len_in_page(0x1ffc, 5), 4U);
	KUNIT_EXPECT_EQ(test, heki_len_in_page(0x1fff, 5), 1U);
	KUNIT_EXPECT_EQ(test, heki_len_in_page(0x1fff, 1), 1U);
	KUNIT_EXPECT_EQ(test, heki_len_in_page(0x1000, 0), 0U);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(patch_decode, patch_gen_params),
	KUNIT_CASE_PARAM(request_addr_check, request_addr_gen_params),
	KUNIT_CASE(patch_encode_bytes),
	KUNIT_CASE(site_check_exhaustive),
	KUNIT_CASE(address_not_representable),
	KUNIT_CASE(len_in_page),
	{ }
};

static struct kunit_suite suite = {
	.name = "lvbs_heki_wire",
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_LICENSE("GPL");
