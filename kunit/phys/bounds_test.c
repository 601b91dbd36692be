// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the bounds of physical pointers: at initialisation and access.
 */
#include <kunit/test.h>
#include <linux/limits.h>
#include <linux/string.h>

#include "kunit/fakes/vmap.h"
#include "kunit/param.h"

#define LAST_FRAME	(FAKE_FRAMES - 1)

static void expect_refuses_all_use(struct kunit *test, struct phys_ptr *ptr)
{
	struct phys_write_session ws = {};
	struct phys_session s = {};
	struct phys_lock lock;
	size_t done = 77;
	u8 buf[4];

	KUNIT_EXPECT_EQ(test, phys_read(&ptr->ro, 0, buf, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, phys_write(ptr, 0, buf, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, phys_read_bytes(&ptr->ro, 0, buf, 0, &done),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, done, (size_t)0);
	done = 77;
	KUNIT_EXPECT_EQ(test, phys_write_bytes(ptr, 0, buf, 0, &done), -EINVAL);
	KUNIT_EXPECT_EQ(test, done, (size_t)0);
	done = 77;
	KUNIT_EXPECT_EQ(test, phys_read_to_user(&ptr->ro, 0, NULL, 0, &done),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, done, (size_t)0);
	done = 77;
	KUNIT_EXPECT_EQ(test, phys_write_from_user(ptr, 0, NULL, 0, &done),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, done, (size_t)0);
	KUNIT_EXPECT_EQ(test, phys_session_begin(&s, &ptr->ro), -EINVAL);
	KUNIT_EXPECT_EQ(test, phys_session_read(&s, 0, buf, 0), -EINVAL);
	phys_session_end(&s);
	KUNIT_EXPECT_EQ(test, phys_write_session_begin(&ws, ptr), -EINVAL);
	KUNIT_EXPECT_EQ(test, phys_session_write(&ws, 0, buf, 0), -EINVAL);
	phys_write_session_end(&ws);
	KUNIT_EXPECT_EQ(test, phys_lock(&lock, &ptr->ro, PHYS_LOCK_SHARED),
			-EINVAL);
}

/* Initialisation does not look at the memory; each access does. */
static void expect_memory_not_asked(struct kunit *test)
{
	struct fake_vmap *fake = test->priv;

	KUNIT_EXPECT_EQ(test, fake->calls[FAKE_VALIDATE], 0UL);
	KUNIT_EXPECT_EQ(test, fake->calls[FAKE_VMAP], 0UL);
}

/* ---- initialisation, contiguous ---- */

struct run_row {
	const char *name;
	unsigned long pfn;
	unsigned int offset;
	size_t bytes;
	int err;
};

#define P	PAGE_SIZE

static const struct run_row run_rows[] = {
	{ "first byte of page 0", 0, 0, 1, 0 },
	{ "page 0", 0, 0, P, 0 },
	{ "no bytes at 0", 0, 0, 0, 0 },
	{ "misaligned, across a page boundary", 3, P - 1, 2, 0 },
	{ "all memory", 0, 0, FAKE_BYTES, 0 },
	{ "all memory and a byte", 0, 0, FAKE_BYTES + 1, -EOVERFLOW },
	{ "all memory but the first byte", 0, 1, FAKE_BYTES - 1, 0 },
	{ "misaligned, a byte past the end", 0, 1, FAKE_BYTES, -EOVERFLOW },
	{ "last frame within the width", LAST_FRAME, 0, P, 0 },
	{ "last byte within the width", LAST_FRAME, P - 1, 1, 0 },
	{ "no bytes at the last byte", LAST_FRAME, P - 1, 0, 0 },
	{ "one byte past the width", LAST_FRAME, P - 1, 2, -EOVERFLOW },
	{ "first byte past the width", FAKE_FRAMES, 0, 1, -EOVERFLOW },
	{ "no bytes past the width", FAKE_FRAMES, 0, 0, -EOVERFLOW },
	{ "maximum length from 0", 0, 0, SIZE_MAX, -EOVERFLOW },
	{ "maximum length from 1", 0, 1, SIZE_MAX, -EOVERFLOW },
	{ "half the maximum length", 0, 0, SIZE_MAX / 2, -EOVERFLOW },
};

KUNIT_ARRAY_PARAM_DESC(run, run_rows, name);

static void make_run_test(struct kunit *test)
{
	const struct run_row *row = test->param_value;
	struct fake_vmap *fake = test->priv;
	phys_addr_t pa = PFN_PHYS(row->pfn) + row->offset;
	struct phys_ptr ptr;

	memset(&ptr, 0xff, sizeof(ptr));
	KUNIT_EXPECT_EQ(test, row->err,
			phys_ptr_init(&ptr, &fake->mgr, pa, row->bytes, 1));
	if (row->err) {
		KUNIT_EXPECT_EQ(test, fake_refused(fake, row->err), 1UL);
		expect_refuses_all_use(test, &ptr);
	} else {
		KUNIT_EXPECT_EQ(test, ptr.ro.bytes, row->bytes);
		KUNIT_EXPECT_NULL(test, ptr.ro.lock);
	}
	expect_memory_not_asked(test);
}

/* Addresses that wrap, with a width that allows any address. */
static void wrap_test(struct kunit *test)
{
	const phys_addr_t top = ~(phys_addr_t)0;
	struct fake_vmap *fake = test->priv;
	struct vmap_manager wide = fake->mgr;
	const struct {
		const char *name;
		phys_addr_t pa;
		size_t bytes;
		int err;
	} rows[] = {
		{ "last address", top, 1, 0 },
		{ "last possible frame", top - (P - 1), P, 0 },
		{ "no bytes at the end", top, 0, 0 },
		{ "wraps by a byte", top, 2, -EOVERFLOW },
		{ "wraps by a byte, aligned", top - (P - 1), P + 1,
		  -EOVERFLOW },
		{ "maximum length at the end", top, SIZE_MAX, -EOVERFLOW },
		/* Offset plus position is a size_t. */
		{ "maximum length", 0, SIZE_MAX, -EOVERFLOW },
		{ "too long by one", 0, SIZE_MAX - P + 1, -EOVERFLOW },
		{ "SIZE_MAX bytes", P - 1, SIZE_MAX - P, 0 },
	};
	size_t i;

	wide.max_pfn = ULONG_MAX;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct phys_const_ptr ptr;

		/* Even with PAE, these frame numbers exceed an unsigned long. */
		if (top >> PAGE_SHIFT > ULONG_MAX && rows[i].pa)
			continue;
		KUNIT_EXPECT_EQ_MSG(test, rows[i].err,
				    phys_const_ptr_init(&ptr, &wide, rows[i].pa,
							rows[i].bytes, 1),
				    "%s", rows[i].name);
	}
	expect_memory_not_asked(test);
}

/* ---- initialisation, scattered ---- */

struct list_row {
	const char *name;
	unsigned long pfns[4];
	unsigned long nr;
	unsigned long offset;
	size_t bytes;
	int err;
};

static const struct list_row list_rows[] = {
	{ "one frame", { 5 }, 1, 0, P, 0 },
	{ "frame 0", { 0 }, 1, 0, P, 0 },
	{ "last frame within the width", { LAST_FRAME }, 1, 0, P, 0 },
	{ "first frame past the width", { FAKE_FRAMES }, 1, 0, P,
	  -EOVERFLOW },
	{ "last possible frame", { ULONG_MAX }, 1, 0, P, -EOVERFLOW },
	{ "frame past the width, in the middle", { 1, FAKE_FRAMES, 2 }, 3, 0,
	  3 * P, -EOVERFLOW },
	{ "frame past the width, last", { 1, 2, FAKE_FRAMES }, 3, 0, 3 * P,
	  -EOVERFLOW },
	{ "frame past the width, unused", { 1, FAKE_FRAMES }, 2, 0, P,
	  -EOVERFLOW },

	{ "no frames, no bytes", { }, 0, 0, 0, 0 },
	{ "no frames, one byte", { }, 0, 0, 1, -ERANGE },
	{ "no bytes", { 5 }, 1, 0, 0, 0 },
	{ "bytes fill the frames", { 5, 3 }, 2, 0, 2 * P, 0 },
	{ "one byte too many", { 5, 3 }, 2, 0, 2 * P + 1, -ERANGE },
	{ "offset, bytes fill the frames", { 5, 3 }, 2, 100, 2 * P - 100, 0 },
	{ "offset, one byte too many", { 5, 3 }, 2, 100, 2 * P - 99, -ERANGE },
	{ "last offset, one byte", { 5 }, 1, P - 1, 1, 0 },
	{ "last offset, two bytes", { 5 }, 1, P - 1, 2, -ERANGE },
	{ "last offset, two bytes, two frames", { 5, 3 }, 2, P - 1, 2, 0 },
	{ "fewer bytes than frames", { 5, 3, 1 }, 3, 0, 1, 0 },
	{ "maximum length", { 5 }, 1, 0, SIZE_MAX, -ERANGE },
	{ "maximum length, last offset", { 5 }, 1, P - 1, SIZE_MAX, -ERANGE },
	{ "length plus offset wraps", { 5 }, 1, 1, SIZE_MAX - P + 1,
	  -ERANGE },
	{ "maximum length that does not wrap", { 5 }, 1, 0, SIZE_MAX - P,
	  -ERANGE },

	{ "offset of a whole page", { 5, 3 }, 2, P, 1, -EINVAL },
	{ "offset of a whole page, no bytes", { 5 }, 1, P, 0, -EINVAL },
	{ "maximum offset", { 5 }, 1, ULONG_MAX, 1, -EINVAL },
	/* 0 if truncated to 32 bits. */
	{ "offset of 2^32", { 5 }, 1, ULONG_MAX - U32_MAX, 1,
	  BITS_PER_LONG == 64 ? -EINVAL : 0 },

	{ "same frame twice", { 5, 5 }, 2, 0, 2 * P, -EEXIST },
	{ "first frame repeated last", { 5, 3, 5 }, 3, 0, 3 * P, -EEXIST },
	{ "repeated in the middle", { 9, 4, 4, 2 }, 4, 0, 4 * P, -EEXIST },
	{ "repeated, unused", { 5, 3, 3 }, 3, 0, P, -EEXIST },
	{ "frame 0 twice", { 0, 1, 0 }, 3, 0, 3 * P, -EEXIST },
	{ "descending", { 9, 8, 7, 6 }, 4, 0, 4 * P, 0 },
};

KUNIT_ARRAY_PARAM_DESC(list, list_rows, name);

static void make_list_test(struct kunit *test)
{
	const struct list_row *row = test->param_value;
	struct fake_vmap *fake = test->priv;
	struct phys_ptr ptr;

	memset(&ptr, 0xff, sizeof(ptr));
	KUNIT_EXPECT_EQ(test, row->err,
			phys_ptr_init_scattered(&ptr, &fake->mgr, row->pfns,
						row->nr, row->offset,
						row->bytes, 1));
	if (row->err) {
		KUNIT_EXPECT_EQ(test, fake_refused(fake, row->err), 1UL);
		expect_refuses_all_use(test, &ptr);
	}
	expect_memory_not_asked(test);
}

/* ---- unusable managers ---- */

static void no_manager_test(struct kunit *test)
{
	struct fake_vmap *fake = test->priv;
	static const unsigned long pfns[] = { 3, 1 };
	struct vmap_manager_ops ops[5];
	struct vmap_manager mgr;
	struct phys_ptr ptr;
	u32 value = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		ops[i] = *fake->mgr.ops;
	ops[1].validate_unowned = NULL;
	ops[2].vmap = NULL;
	ops[3].vunmap = NULL;
	ops[4].protect = NULL;

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		int err = i ? -EINVAL : 0;

		KUNIT_EXPECT_EQ_MSG(test, err,
				    vmap_manager_init(&mgr, &ops[i], 100,
						      &fake->claims,
						      &fake->stats),
				    "table %zu", i);
		KUNIT_EXPECT_EQ_MSG(test, err,
				    phys_ptr_init(&ptr, &mgr, 0, 1, 1),
				    "table %zu", i);
		if (err)
			expect_refuses_all_use(test, &ptr);
		KUNIT_EXPECT_EQ_MSG(test, err,
				    phys_ptr_init_scattered(&ptr, &mgr, pfns, 2,
							    0, 1, 1),
				    "table %zu", i);
		if (err)
			expect_refuses_all_use(test, &ptr);
		if (err)
			KUNIT_EXPECT_EQ(test, err,
					phys_read_obj_at(&mgr, 0, &value));
		if (err)
			KUNIT_EXPECT_EQ(test, err,
					phys_write_obj_at(&mgr, 0, &value));
	}

	KUNIT_EXPECT_EQ(test, -EINVAL,
			vmap_manager_init(&mgr, NULL, 100, &fake->claims,
					  &fake->stats));
	KUNIT_EXPECT_EQ(test, -EINVAL, phys_ptr_init(&ptr, &mgr, 0, 1, 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, phys_ptr_init(&ptr, NULL, 0, 1, 1));
	expect_refuses_all_use(test, &ptr);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			phys_ptr_init_scattered(&ptr, NULL, pfns, 2, 0, 1, 1));
	expect_refuses_all_use(test, &ptr);
	expect_memory_not_asked(test);
}

/* An unusable manager does not protect either. */
static void no_manager_protect_test(struct kunit *test)
{
	struct phys_protection prot = { .owner = "test" };
	struct fake_vmap *fake = test->priv;
	struct vmap_manager mgr;

	KUNIT_EXPECT_EQ(test, -EINVAL,
			vmap_manager_init(&mgr, NULL, 100, &fake->claims,
					  &fake->stats));
	KUNIT_EXPECT_EQ(test, -EINVAL, phys_protect(&mgr, &prot, 0, 1));
}

/* ---- access to elements ---- */

struct reach_row {
	const char *name;
	size_t bytes;
	unsigned int elem_size;
	size_t index;
	size_t count;
	int err;
};

static const struct reach_row reach_rows[] = {
	{ "first byte", 100, 1, 0, 1, 0 },
	{ "last byte", 100, 1, 99, 1, 0 },
	{ "all bytes", 100, 1, 0, 100, 0 },
	{ "one byte too many", 100, 1, 0, 101, -ERANGE },
	{ "byte past the end", 100, 1, 100, 1, -ERANGE },
	{ "nothing at the end", 100, 1, 100, 0, 0 },
	{ "nothing past the end", 100, 1, 101, 0, -ERANGE },
	{ "nothing at the start", 100, 1, 0, 0, 0 },
	{ "nothing of an empty pointer", 0, 1, 0, 0, 0 },
	{ "a byte of an empty pointer", 0, 1, 0, 1, -ERANGE },
	{ "nothing past an empty pointer", 0, 1, 1, 0, -ERANGE },

	{ "last whole element", 100, 8, 11, 1, 0 },
	{ "remainder is not an element", 100, 8, 12, 1, -ERANGE },
	{ "nothing before the remainder", 100, 8, 12, 0, 0 },
	{ "nothing inside the remainder", 100, 8, 13, 0, -ERANGE },
	{ "all elements", 100, 8, 0, 12, 0 },
	{ "all elements and the remainder", 100, 8, 0, 13, -ERANGE },
	{ "element as long as the pointer", 100, 100, 0, 1, 0 },
	{ "element longer than the pointer", 100, 101, 0, 1, -ERANGE },
	{ "nothing, element longer than the pointer", 100, 101, 0, 0, 0 },
	{ "maximum element size", 100, UINT_MAX, 0, 1, -ERANGE },

	{ "maximum index", 100, 8, SIZE_MAX, 1, -ERANGE },
	{ "maximum index, nothing", 100, 8, SIZE_MAX, 0, -ERANGE },
	{ "maximum count", 100, 8, 0, SIZE_MAX, -ERANGE },
	{ "maximum of both", 100, 8, SIZE_MAX, SIZE_MAX, -ERANGE },
	{ "sum wraps to 0", 100, 8, 1, SIZE_MAX, -ERANGE },
	{ "sum wraps into range", 100, 8, 5, SIZE_MAX - 1, -ERANGE },
	{ "index in bytes wraps to 0", 100, 8, SIZE_MAX / 8 + 1, 1, -ERANGE },
	{ "count in bytes wraps to 0", 100, 8, 0, SIZE_MAX / 8 + 1, -ERANGE },
	{ "count in bytes wraps to 8", 100, 8, 0, SIZE_MAX / 8 + 2, -ERANGE },

	/* The end of the page is not the end of the pointer. */
	{ "rest of the page", 10, 1, 10, 1, -ERANGE },
	{ "last byte of the page", 10, 1, P - 1, 1, -ERANGE },
	{ "to the end of the page", 10, 1, 0, P, -ERANGE },
	{ "one byte past the end of the page", 10, 1, 9, 2, -ERANGE },
};

KUNIT_ARRAY_PARAM_DESC(reach, reach_rows, name);

/* All ways to access elements have the same bounds. */
typedef int (*access_fn)(const struct phys_ptr *ptr, size_t index, void *buf,
			 size_t count);

static int by_read(const struct phys_ptr *ptr, size_t index, void *buf,
		   size_t count)
{
	return phys_read(&ptr->ro, index, buf, count);
}

static int by_write(const struct phys_ptr *ptr, size_t index, void *buf,
		    size_t count)
{
	return phys_write(ptr, index, buf, count);
}

static int by_session_read(const struct phys_ptr *ptr, size_t index, void *buf,
			   size_t count)
{
	DEFINE_PHYS_SESSION(s);

	return phys_session_begin(&s, &ptr->ro) ?:
	       phys_session_read(&s, index, buf, count);
}

static int by_session_write(const struct phys_ptr *ptr, size_t index, void *buf,
			    size_t count)
{
	DEFINE_PHYS_WRITE_SESSION(s);

	return phys_write_session_begin(&s, ptr) ?:
	       phys_session_write(&s, index, buf, count);
}

static int by_write_session_read(const struct phys_ptr *ptr, size_t index,
				 void *buf, size_t count)
{
	DEFINE_PHYS_WRITE_SESSION(s);

	return phys_write_session_begin(&s, ptr) ?:
	       phys_session_read(&s.ro, index, buf, count);
}

static const struct {
	const char *name;
	access_fn access;
	bool writes;
} ways[] = {
	{ "read", by_read },
	{ "write", by_write, true },
	{ "session read", by_session_read },
	{ "session write", by_session_write, true },
	{ "read in a write session", by_write_session_read },
};

#define MARGIN	32

static void check_reach(struct kunit *test, const struct phys_ptr *ptr,
			size_t way, size_t index, size_t count, int err)
{
	struct fake_vmap *fake = test->priv;
	size_t pa = ((size_t)ptr->ro.frames.first << PAGE_SHIFT) +
		    ptr->ro.offset;
	size_t elem = ptr->ro.elem_size, i;
	u8 buf[MARGIN + 128 + MARGIN];

	memset(buf, 0xee, sizeof(buf));
	KUNIT_ASSERT_EQ_MSG(test, err,
			    ways[way].access(ptr, index, buf + MARGIN, count),
			    "%s: bytes %zu elem %zu index %zu count %zu",
			    ways[way].name, ptr->ro.bytes, elem, index, count);

	/* Exactly these elements are copied. */
	for (i = 0; i < sizeof(buf); i++) {
		u8 want = 0xee;

		if (!err && !ways[way].writes && i >= MARGIN &&
		    i - MARGIN < count * elem)
			want = fake_pattern(pa + index * elem + i - MARGIN);
		KUNIT_ASSERT_EQ_MSG(test, buf[i], want, "%s: buffer at %zu",
				    ways[way].name, i);
	}
	for (i = pa - MARGIN; i < pa + ptr->ro.bytes + MARGIN; i++) {
		u8 want = fake_pattern(i);

		if (!err && ways[way].writes && i >= pa + index * elem &&
		    i < pa + (index + count) * elem)
			want = 0xee;
		KUNIT_ASSERT_EQ_MSG(test, fake->memory[i], want,
				    "%s: memory at %zu", ways[way].name, i);
		fake->memory[i] = fake_pattern(i);
	}
}

static void reach_test(struct kunit *test)
{
	const struct reach_row *row = test->param_value;
	struct fake_vmap *fake = test->priv;
	struct phys_ptr ptr;
	size_t way;

	KUNIT_ASSERT_EQ(test, 0,
			__phys_const_ptr_init(&ptr.ro, &fake->mgr,
					      7 * P + 60, row->bytes,
					      row->elem_size));
	for (way = 0; way < ARRAY_SIZE(ways); way++)
		check_reach(test, &ptr, way, row->index, row->count, row->err);
}

/* Every small pointer, within a page and across a page boundary. */
static void reach_all_test(struct kunit *test)
{
	struct fake_vmap *fake = test->priv;
	size_t bytes, index, count, way;
	unsigned int elem;

	for (bytes = 0; bytes <= 9; bytes++)
		for (elem = 1; elem <= 4; elem++)
			for (index = 0; index <= bytes + 1; index++)
				for (count = 0; count <= bytes + 1; count++) {
					bool in = (index + count) <=
						  bytes / elem;
					struct phys_ptr ptr;

					__phys_const_ptr_init(&ptr.ro,
							      &fake->mgr,
							      8 * P - 5, bytes,
							      elem);
					way = (index + count) %
					      ARRAY_SIZE(ways);
					check_reach(test, &ptr, way, index,
						    count, in ? 0 : -ERANGE);
				}
}

/* Refused and empty accesses neither validate nor map frames. */
static void nothing_is_mapped_test(struct kunit *test)
{
	struct fake_vmap *fake = test->priv;
	struct phys_ptr ptr;
	size_t done = 77;
	u8 buf[8];

	fake->state[7] = FAKE_HOLE;
	KUNIT_ASSERT_EQ(test, 0,
			phys_ptr_init(&ptr, &fake->mgr, 7 * P, 100, 8));

	KUNIT_EXPECT_EQ(test, 0, phys_read(&ptr.ro, 12, NULL, 0));
	KUNIT_EXPECT_EQ(test, 0, phys_write(&ptr, 0, NULL, 0));
	KUNIT_EXPECT_EQ(test, 0,
			phys_read_bytes(&ptr.ro, 100, NULL, 0, &done));
	KUNIT_EXPECT_EQ(test, done, (size_t)0);
	done = 77;
	KUNIT_EXPECT_EQ(test, 0, phys_write_bytes(&ptr, 0, NULL, 0, &done));
	KUNIT_EXPECT_EQ(test, done, (size_t)0);
	KUNIT_EXPECT_EQ(test, fake_refused(fake, -ERANGE), 0UL);

	KUNIT_EXPECT_EQ(test, -ERANGE, phys_read(&ptr.ro, 12, buf, 1));
	KUNIT_EXPECT_EQ(test, -ERANGE, phys_write(&ptr, 13, buf, 0));
	KUNIT_EXPECT_EQ(test, fake_refused(fake, -ERANGE), 2UL);
	expect_memory_not_asked(test);
}

struct bytes_row {
	const char *name;
	size_t at;
	size_t len;
	int err;
};

/* For a pointer of 100 bytes; the element size does not matter. */
static const struct bytes_row bytes_rows[] = {
	{ "all", 0, 100, 0 },
	{ "last byte, in the remainder", 99, 1, 0 },
	{ "nothing at the end", 100, 0, 0 },
	{ "nothing past the end", 101, 0, -ERANGE },
	{ "one byte too many", 0, 101, -ERANGE },
	{ "across the end", 99, 2, -ERANGE },
	{ "past the end", 100, 1, -ERANGE },
	{ "maximum position", SIZE_MAX, 1, -ERANGE },
	{ "maximum length", 0, SIZE_MAX, -ERANGE },
	{ "sum wraps to 0", 1, SIZE_MAX, -ERANGE },
	{ "sum wraps into range", 50, SIZE_MAX - 9, -ERANGE },
	{ "maximum of both", SIZE_MAX, SIZE_MAX, -ERANGE },
};

KUNIT_ARRAY_PARAM_DESC(bytes, bytes_rows, name);

static void bytes_test(struct kunit *test)
{
	const struct bytes_row *row = test->param_value;
	struct fake_vmap *fake = test->priv;
	size_t all = row->err ? 0 : row->len, done;
	struct phys_ptr ptr;
	u8 buf[128];

	KUNIT_ASSERT_EQ(test, 0,
			phys_ptr_init(&ptr, &fake->mgr, 7 * P - 50, 100, 8));
	done = 77;
	KUNIT_EXPECT_EQ(test, row->err,
			phys_read_bytes(&ptr.ro, row->at, buf, row->len,
					&done));
	KUNIT_EXPECT_EQ(test, done, all);
	done = 77;
	KUNIT_EXPECT_EQ(test, row->err,
			phys_write_bytes(&ptr, row->at, buf, row->len, &done));
	KUNIT_EXPECT_EQ(test, done, all);
	KUNIT_EXPECT_EQ(test, row->err,
			phys_read_bytes(&ptr.ro, row->at, buf, row->len, NULL));
	KUNIT_EXPECT_EQ(test, row->err,
			phys_write_bytes(&ptr, row->at, buf, row->len, NULL));
	if (row->err) {
		expect_memory_not_asked(test);
		done = 77;
		KUNIT_EXPECT_EQ(test, row->err,
				phys_read_to_user(&ptr.ro, row->at, NULL,
						  row->len, &done));
		KUNIT_EXPECT_EQ(test, done, (size_t)0);
		KUNIT_EXPECT_EQ(test, row->err,
				phys_write_from_user(&ptr, row->at, NULL,
						     row->len, &done));
		expect_memory_not_asked(test);
	}
}

static struct kunit_case phys_bounds_cases[] = {
	KUNIT_CASE_PARAM(make_run_test, run_gen_params),
	KUNIT_CASE(wrap_test),
	KUNIT_CASE_PARAM(make_list_test, list_gen_params),
	KUNIT_CASE(no_manager_test),
	KUNIT_CASE(no_manager_protect_test),
	KUNIT_CASE_PARAM(reach_test, reach_gen_params),
	KUNIT_CASE(reach_all_test),
	KUNIT_CASE(nothing_is_mapped_test),
	KUNIT_CASE_PARAM(bytes_test, bytes_gen_params),
	{ }
};

static struct kunit_suite phys_bounds_suite = {
	.name = "lvbs_phys_bounds",
	.init = fake_vmap_init,
	.exit = fake_vmap_exit,
	.test_cases = phys_bounds_cases,
};

kunit_test_suites(&phys_bounds_suite);
