// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of single operations on physical pointers: what is copied,
 * mapped, refused and counted.
 */
#include <kunit/test.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "kunit/fakes/vmap.h"
#include "kunit/param.h"

#define P	PAGE_SIZE
#define W	PHYS_WINDOW_PAGES
#define CANARY	0xee
#define MARGIN	64

/* ---- shapes: the location of a pointer, and the range accessed ---- */

struct shape_row {
	const char *name;
	/* Frames @first, @first + @step, ...; step 1 is a run. */
	unsigned long first;
	long step;
	unsigned long nr;
	unsigned int offset;
	size_t bytes;
	size_t at;
	size_t len;
};

static const struct shape_row shape_rows[] = {
	{ "one byte of page 0", 0, 1, 1, 0, P, 0, 1 },
	{ "page 0", 0, 1, 1, 0, P, 0, P },
	{ "last byte within the width", FAKE_FRAMES - 1, 1, 1, 0, P, P - 1, 1 },
	{ "within a page", 5, 1, 1, 10, 200, 20, 50 },
	{ "misaligned, across a page boundary", 5, 1, 2, P - 3, 200, 0, 7 },
	{ "last byte of a page", 5, 1, 2, 0, 2 * P, P - 1, 1 },
	{ "first byte of the next page", 5, 1, 2, 0, 2 * P, P, 1 },
	{ "third page only", 5, 1, 4, 8, 3 * P, 2 * P, 17 },
	{ "a window", 3, 1, W, 0, W * P, 0, W * P },
	{ "a window and a byte", 3, 1, W + 1, 0, W * P + 1, 0, W * P + 1 },
	{ "a window, offset by one", 3, 1, W + 1, 1, W * P, 0, W * P },
	{ "across a window boundary", 3, 1, 2 * W, 0, 2 * W * P, W * P - 2, 5 },
	{ "all memory", 0, 1, FAKE_FRAMES, 0, FAKE_BYTES, 0, FAKE_BYTES },
	{ "all memory but both ends", 0, 1, FAKE_FRAMES, 0, FAKE_BYTES, 3,
	  FAKE_BYTES - 8 },

	{ "list of one", 9, 2, 1, 7, 100, 10, 20 },
	{ "list of two, backwards", 9, -1, 2, P - 5, 100, 0, 10 },
	{ "list of two, apart", 2, 90, 2, P - 5, 100, 0, 10 },
	{ "list, second frame only", 2, 90, 2, P - 5, 100, 5, 10 },
	{ "list of a window, backwards", 80, -1, W, 0, W * P, 0, W * P },
	{ "list of a window and one, backwards", 80, -1, W + 1, 5, W * P, 0,
	  W * P },
	{ "list, across a window boundary", FAKE_FRAMES - 1, -2, W + 3, 0,
	  (W + 3) * P, W * P - 2, 5 },
	{ "all memory, backwards", FAKE_FRAMES - 1, -1, FAKE_FRAMES, 0,
	  FAKE_BYTES, 0, FAKE_BYTES },
	{ "every other frame, misaligned", 1, 2, FAKE_FRAMES / 2, 1,
	  P * (FAKE_FRAMES / 2) - 2, 3, P * (FAKE_FRAMES / 2) - 9 },
};

KUNIT_ARRAY_PARAM_DESC(shape, shape_rows, name);

struct shape {
	struct phys_ptr ptr;
	unsigned long pfns[FAKE_FRAMES];
};

/* A byte of the pointer in the fake's memory. */
static size_t shape_pa(const struct shape_row *row, size_t at)
{
	size_t pos = row->offset + at;

	return ((row->first + row->step * (pos / P)) << PAGE_SHIFT) + pos % P;
}

static struct shape *shape_make(struct kunit *test, const struct shape_row *row)
{
	struct fake_vmap *fake = test->priv;
	struct shape *shape;
	unsigned long i;

	shape = kunit_kzalloc(test, sizeof(*shape), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, shape);
	for (i = 0; i < row->nr; i++)
		shape->pfns[i] = row->first + row->step * i;
	if (row->step == 1)
		KUNIT_ASSERT_EQ(test, 0,
				phys_ptr_init(&shape->ptr, &fake->mgr,
					      PFN_PHYS(row->first) +
					      row->offset, row->bytes, 1));
	else
		KUNIT_ASSERT_EQ(test, 0,
				phys_ptr_init_scattered(&shape->ptr, &fake->mgr,
							shape->pfns, row->nr,
							row->offset, row->bytes,
							1));
	return shape;
}

/* A buffer with canaries around it. */
static u8 *buffer_alloc(struct kunit *test, size_t len)
{
	u8 *buf = kvmalloc(len + 2 * MARGIN, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	memset(buf, CANARY, len + 2 * MARGIN);
	return buf + MARGIN;
}

static void buffer_free(struct kunit *test, u8 *buf, size_t len)
{
	KUNIT_EXPECT_NULL(test, memchr_inv(buf - MARGIN, CANARY, MARGIN));
	KUNIT_EXPECT_NULL(test, memchr_inv(buf + len, CANARY, MARGIN));
	kvfree(buf - MARGIN);
}

/* Number of windows from the first frame that the access touches. */
static unsigned long windows_of(const struct shape_row *row)
{
	size_t first = (row->offset + row->at) / P;
	size_t last = (row->offset + row->at + row->len - 1) / P;

	return DIV_ROUND_UP(last - first + 1, W);
}

static unsigned int last_window_of(const struct shape_row *row)
{
	size_t first = (row->offset + row->at) / P;
	size_t last = (row->offset + row->at + row->len - 1) / P;

	return (last - first) % W + 1;
}

static void read_test(struct kunit *test)
{
	const struct shape_row *row = test->param_value;
	struct shape *shape = shape_make(test, row);
	u8 *buf = buffer_alloc(test, row->len);
	struct fake_vmap *fake = test->priv;
	size_t i, done = 0;

	KUNIT_EXPECT_EQ(test, 0,
			phys_read_bytes(&shape->ptr.ro, row->at, buf, row->len,
					&done));
	KUNIT_EXPECT_EQ(test, done, row->len);
	for (i = 0; i < row->len; i++)
		if (buf[i] != fake_pattern(shape_pa(row, row->at + i)))
			break;
	KUNIT_EXPECT_EQ_MSG(test, i, row->len, "first wrong byte");
	/* Exactly the touched pages are mapped, read-only. */
	KUNIT_EXPECT_EQ(test, fake->maps[false], windows_of(row));
	KUNIT_EXPECT_EQ(test, fake->maps[true], 0UL);
	KUNIT_EXPECT_EQ(test, fake->last_nr, last_window_of(row));
	KUNIT_EXPECT_EQ(test, fake_stat(fake, PHYS_STAT_BYTES), row->len);
	for (i = 0; i < FAKE_BYTES; i++)
		if (fake->memory[i] != fake_pattern(i))
			break;
	KUNIT_EXPECT_EQ_MSG(test, i, FAKE_BYTES, "first changed byte");
	buffer_free(test, buf, row->len);
}

static void write_test(struct kunit *test)
{
	const struct shape_row *row = test->param_value;
	struct shape *shape = shape_make(test, row);
	u8 *buf = buffer_alloc(test, row->len);
	struct fake_vmap *fake = test->priv;
	size_t i, done = 0;

	for (i = 0; i < row->len; i++)
		buf[i] = ~fake_pattern(shape_pa(row, row->at + i));
	KUNIT_EXPECT_EQ(test, 0,
			phys_write_bytes(&shape->ptr, row->at, buf, row->len,
					 &done));
	KUNIT_EXPECT_EQ(test, done, row->len);
	KUNIT_EXPECT_EQ(test, fake->maps[true], windows_of(row));
	KUNIT_EXPECT_EQ(test, fake->maps[false], 0UL);
	KUNIT_EXPECT_EQ(test, fake->last_nr, last_window_of(row));
	KUNIT_EXPECT_EQ(test, fake_stat(fake, PHYS_STAT_BYTES), row->len);

	for (i = 0; i < row->len; i++) {
		u8 *byte = fake->memory + shape_pa(row, row->at + i);

		if (*byte != buf[i])
			break;
		*byte = ~buf[i];
	}
	KUNIT_EXPECT_EQ_MSG(test, i, row->len, "first wrong byte");
	for (i = 0; i < FAKE_BYTES; i++)
		if (fake->memory[i] != fake_pattern(i))
			break;
	KUNIT_EXPECT_EQ_MSG(test, i, FAKE_BYTES, "first wrong byte outside");
	buffer_free(test, buf, row->len);
}

/* ---- all or nothing ---- */

struct refusal_row {
	const char *name;
	enum fake_state state;
	enum phys_claim_kind claim;	/* PHYS_CLAIM_NR: none */
	int read_err;
	int write_err;
};

static const struct refusal_row refusal_rows[] = {
	{ "hole", FAKE_HOLE, PHYS_CLAIM_NR, -ENXIO, -ENXIO },
	{ "poisoned", FAKE_POISONED, PHYS_CLAIM_NR, -ENXIO, -ENXIO },
	{ "owned", FAKE_OWNED, PHYS_CLAIM_NR, -EPERM, -EPERM },
	{ "protected", FAKE_RAM, PHYS_CLAIM_PROTECTED, 0, -EROFS },
	{ "locked, shared", FAKE_RAM, PHYS_CLAIM_SHARED, 0, -EBUSY },
	{ "locked, exclusive", FAKE_RAM, PHYS_CLAIM_EXCLUSIVE, -EBUSY, -EBUSY },
	{ "being read", FAKE_RAM, PHYS_CLAIM_READ, 0, 0 },
	{ "ordinary write", FAKE_RAM, PHYS_CLAIM_WRITE, 0, 0 },
	{ "privileged write", FAKE_RAM, PHYS_CLAIM_PRIVILEGED, 0, 0 },
};

KUNIT_ARRAY_PARAM_DESC(refusal, refusal_rows, name);

/* Starts at the second frame, so that positions and frames differ. */
static const struct shape_row long_shapes[] = {
	{ "run", 1, 1, 3 * W, 0, 3 * W * P, 0, 3 * W * P },
	{ "list", 3 * W, -1, 3 * W, 0, 3 * W * P, 0, 3 * W * P },
};

static void expect_refused(struct kunit *test, const struct shape *shape,
			   u8 *buf, size_t at, size_t len, int read_err,
			   int write_err, unsigned long position)
{
	struct fake_vmap *fake = test->priv;
	unsigned long maps = fake->calls[FAKE_VMAP];
	/* A read stops at the window that is refused. */
	unsigned long before = len > P ? position / W : 0;
	size_t done;

	if (read_err) {
		done = 77;
		memset(buf, CANARY, len);
		KUNIT_EXPECT_EQ_MSG(test, read_err,
				    phys_read_bytes(&shape->ptr.ro, at, buf,
						    len, &done),
				    "position %lu", position);
		KUNIT_EXPECT_EQ(test, done, before * W * P);
		KUNIT_EXPECT_NULL(test, memchr_inv(buf + done, CANARY,
						   len - done));
		KUNIT_EXPECT_EQ_MSG(test, fake->calls[FAKE_VMAP], maps + before,
				    "position %lu", position);
		maps += before;
	}
	if (write_err) {
		done = 77;
		memset(buf, CANARY, len);
		KUNIT_EXPECT_EQ_MSG(test, write_err,
				    phys_write_bytes(&shape->ptr, at, buf, len,
						     &done),
				    "position %lu", position);
		KUNIT_EXPECT_EQ(test, done, (size_t)0);
	}
	/* Nothing was mapped. That nothing was written is checked at the end. */
	KUNIT_EXPECT_EQ_MSG(test, fake->calls[FAKE_VMAP], maps, "position %lu",
			    position);
}

/*
 * A single bad frame anywhere in one to three windows refuses a whole write, and
 * a read from its window on, but not an access that does not touch it.
 */
static void refusal_test(struct kunit *test)
{
	static const unsigned long positions[] = {
		0, 1, W - 1, W, W + 1, 2 * W - 1, 2 * W, 3 * W - 1,
	};
	const struct refusal_row *row = test->param_value;
	struct fake_vmap *fake = test->priv;
	size_t len = 3 * W * P, i, j;
	u8 *buf = buffer_alloc(test, len);

	for (j = 0; j < ARRAY_SIZE(long_shapes); j++) {
		const struct shape_row *where = &long_shapes[j];
		struct shape *shape = shape_make(test, where);

		for (i = 0; i < ARRAY_SIZE(positions); i++) {
			unsigned long at = positions[i];
			struct phys_frames frame = {
				.first = where->first + where->step * at,
				.nr = 1,
			};
			struct phys_claim claim = { .kind = row->claim };

			fake->state[frame.first] = row->state;
			if (row->claim != PHYS_CLAIM_NR)
				KUNIT_ASSERT_EQ(test, 0,
						phys_claim_add(&fake->claims,
							       &claim, &frame));

			expect_refused(test, shape, buf, 0, len, row->read_err,
				       row->write_err, at);
			expect_refused(test, shape, buf, at * P + 5, 1,
				       row->read_err, row->write_err, at);
			if (at)
				KUNIT_EXPECT_EQ(test, 0,
						phys_read_bytes(&shape->ptr.ro,
								(at - 1) * P,
								buf, P, NULL));
			if (at < 3 * W - 1)
				KUNIT_EXPECT_EQ(test, 0,
						phys_read_bytes(&shape->ptr.ro,
								(at + 1) * P,
								buf, P, NULL));
			if (!row->read_err)
				KUNIT_EXPECT_EQ(test, 0,
						phys_read_bytes(&shape->ptr.ro,
								0, buf, len,
								NULL));
			if (!row->write_err)
				KUNIT_EXPECT_EQ(test, 0,
						phys_write_bytes(&shape->ptr, 0,
								 buf, len,
								 NULL));

			if (row->claim != PHYS_CLAIM_NR)
				phys_claim_del(&fake->claims, &claim);
			fake->state[frame.first] = FAKE_RAM;
			/* The same bytes were written back. */
		}
	}
	for (i = 0; i < FAKE_BYTES; i++)
		if (fake->memory[i] != fake_pattern(i))
			break;
	KUNIT_EXPECT_EQ_MSG(test, i, FAKE_BYTES, "first changed byte");
	buffer_free(test, buf, len);
}

/* Frames after the last byte are ignored. */
static void excess_frames_test(struct kunit *test)
{
	static const unsigned long pfns[] = { 9, 4, 7 };
	struct fake_vmap *fake = test->priv;
	struct phys_lock lock, other;
	struct phys_ptr ptr, beyond;
	u8 buf[8] = {};

	fake->state[7] = FAKE_OWNED;
	KUNIT_ASSERT_EQ(test, 0,
			phys_ptr_init_scattered(&ptr, &fake->mgr, pfns, 3, 0,
						2 * P, 1));
	KUNIT_EXPECT_EQ(test, 0, phys_read(&ptr.ro, 2 * P - 8, buf, 8));
	KUNIT_EXPECT_EQ(test, 0, phys_write(&ptr, 2 * P - 8, buf, 8));

	/* Nor are they locked. */
	KUNIT_ASSERT_EQ(test, 0,
			phys_ptr_init(&beyond, &fake->mgr, 7 * P, P, 1));
	KUNIT_EXPECT_EQ(test, 0,
			phys_lock(&lock, &ptr.ro, PHYS_LOCK_EXCLUSIVE));
	KUNIT_EXPECT_EQ(test, 0,
			phys_lock(&other, &beyond.ro, PHYS_LOCK_EXCLUSIVE));
	phys_unlock(&other);
	phys_unlock(&lock);
}

/* ---- partial copies ---- */

/*
 * A copy that has started only fails on a fault, a lack of memory, or a change
 * of the frames. Here the next window cannot be mapped.
 */
static void partial_test(struct kunit *test)
{
	const size_t len = 3 * W * P - 100, at = 50;
	struct fake_vmap *fake = test->priv;
	u8 *buf = buffer_alloc(test, len);
	unsigned long nth;
	size_t j, i, done;

	for (j = 0; j < ARRAY_SIZE(long_shapes); j++) {
		const struct shape_row *where = &long_shapes[j];
		struct shape *shape = shape_make(test, where);

		for (nth = 1; nth <= 3; nth++) {
			size_t want = nth == 1 ? 0 : (nth - 1) * W * P - at;

			memset(buf, CANARY, len);
			fake_fail(fake, FAKE_VMAP, nth, -ENOMEM);
			done = 77;
			KUNIT_EXPECT_EQ(test, -ENOMEM,
					phys_read_bytes(&shape->ptr.ro, at, buf,
							len, &done));
			KUNIT_EXPECT_TRUE(test, fake_did_fail(fake, FAKE_VMAP));
			KUNIT_EXPECT_EQ(test, done, want);
			for (i = 0; i < done; i++)
				if (buf[i] !=
				    fake_pattern(shape_pa(where, at + i)))
					break;
			KUNIT_EXPECT_EQ(test, i, done);
			KUNIT_EXPECT_NULL(test, memchr_inv(buf + done, CANARY,
							   len - done));

			for (i = 0; i < len; i++)
				buf[i] = ~fake_pattern(shape_pa(where, at + i));
			fake_fail(fake, FAKE_VMAP, nth, -ENOMEM);
			done = 77;
			KUNIT_EXPECT_EQ(test, -ENOMEM,
					phys_write_bytes(&shape->ptr, at, buf,
							 len, &done));
			KUNIT_EXPECT_TRUE(test, fake_did_fail(fake, FAKE_VMAP));
			KUNIT_EXPECT_EQ(test, done, want);
			for (i = 0; i < done; i++) {
				u8 *byte = fake->memory +
					   shape_pa(where, at + i);

				if (*byte != buf[i])
					break;
				*byte = ~buf[i];
			}
			KUNIT_EXPECT_EQ(test, i, done);
			for (i = 0; i < FAKE_BYTES; i++)
				if (fake->memory[i] != fake_pattern(i))
					break;
			KUNIT_EXPECT_EQ_MSG(test, i, FAKE_BYTES,
					    "first byte after the window");
		}
	}
	/* -ENOMEM does not count as a refusal. */
	KUNIT_EXPECT_EQ(test, fake_refused(fake, -ENOMEM), 0UL);
	buffer_free(test, buf, len);
}

/* Frames are validated again before their window is mapped. */
static int (*validate_then)(struct vmap_manager *mgr,
			    const struct phys_frames *frames);
static struct fake_vmap *goes_bad_in;
static unsigned long goes_bad_after;

static int validate_goes_bad(struct vmap_manager *mgr,
			     const struct phys_frames *frames)
{
	if (!goes_bad_after--)
		goes_bad_in->state[2 * W] = FAKE_OWNED;
	return validate_then(mgr, frames);
}

static void frame_goes_bad_test(struct kunit *test)
{
	struct shape *shape = shape_make(test, &long_shapes[0]);
	struct fake_vmap *fake = test->priv;
	struct vmap_manager_ops ops = *fake->mgr.ops;
	size_t len = 3 * W * P, done = 0;
	u8 *buf = buffer_alloc(test, len);

	validate_then = ops.validate_unowned;
	ops.validate_unowned = validate_goes_bad;
	fake->mgr.ops = &ops;
	goes_bad_in = fake;
	/* A write checks all three windows, then it maps the first. */
	goes_bad_after = 3;

	KUNIT_EXPECT_EQ(test, -EPERM,
			phys_write_bytes(&shape->ptr, 0, buf, len, &done));
	KUNIT_EXPECT_EQ(test, done, W * P);
	KUNIT_EXPECT_EQ(test, fake_refused(fake, -EPERM), 1UL);
	buffer_free(test, buf, len);
}

/* ---- typed pointers ---- */

struct record {
	u32 number;
	u8 tail[9];
} __packed;

#define record_ptr		PHYS_PTR_OF(struct record)
#define record_const_ptr	PHYS_CONST_PTR_OF(struct record)

static void typed_test(struct kunit *test)
{
	static const unsigned long pfns[] = { 20, 4 };
	struct fake_vmap *fake = test->priv;
	struct record in, out = { .number = 0x12345678, .tail = "ninechar" };
	record_const_ptr c;
	record_ptr p;
	size_t i;

	/* The second record crosses the two frames. */
	KUNIT_ASSERT_EQ(test, 0,
			phys_ptr_of_init_scattered(&p, &fake->mgr, pfns, 2,
						   P - 20, 3 * sizeof(in) + 1));
	KUNIT_EXPECT_EQ(test, 0, phys_read_obj(&p, 1, &in));
	for (i = 0; i < sizeof(in); i++)
		KUNIT_EXPECT_EQ(test, ((u8 *)&in)[i],
				fake_pattern(i < 7 ? 21 * P - 7 + i :
						     4 * P + i - 7));
	KUNIT_EXPECT_EQ(test, 0, phys_write_obj(&p, 1, &out));
	KUNIT_EXPECT_EQ(test, 0, memcmp(fake_frame(fake, 20) + P - 7, &out, 7));
	KUNIT_EXPECT_EQ(test, 0,
			memcmp(fake_frame(fake, 4), (u8 *)&out + 7,
			       sizeof(out) - 7));
	KUNIT_EXPECT_EQ(test, 0, phys_read_obj(&p, 2, &in));
	KUNIT_EXPECT_EQ(test, -ERANGE, phys_read_obj(&p, 3, &in));
	KUNIT_EXPECT_EQ(test, -ERANGE, phys_write_obj(&p, 3, &out));

	KUNIT_ASSERT_EQ(test, 0,
			phys_ptr_of_init(&c, &fake->mgr, 4 * P - 1,
					 sizeof(in)));
	KUNIT_EXPECT_EQ(test, 0, phys_read_obj(&c, 0, &in));
	KUNIT_EXPECT_EQ(test, 0,
			memcmp(&in, fake->memory + 4 * P - 1, sizeof(in)));
	KUNIT_EXPECT_EQ(test, -ERANGE, phys_read_obj(&c, 1, &in));
}

static void obj_at_test(struct kunit *test)
{
	struct record in, out = { .number = 0x9abcdef0, .tail = "eightch" };
	const phys_addr_t end = PFN_PHYS(FAKE_FRAMES);
	struct fake_vmap *fake = test->priv;
	phys_addr_t pa = 6 * P - 3;

	KUNIT_EXPECT_EQ(test, 0, phys_read_obj_at(&fake->mgr, pa, &in));
	KUNIT_EXPECT_EQ(test, 0, memcmp(&in, fake->memory + pa, sizeof(in)));
	KUNIT_EXPECT_EQ(test, 0, phys_write_obj_at(&fake->mgr, pa, &out));
	KUNIT_EXPECT_EQ(test, 0, memcmp(&out, fake->memory + pa, sizeof(out)));

	KUNIT_EXPECT_EQ(test, 0,
			phys_read_obj_at(&fake->mgr, end - sizeof(in), &in));
	KUNIT_EXPECT_EQ(test, -EOVERFLOW,
			phys_read_obj_at(&fake->mgr, end - sizeof(in) + 1,
					 &in));
	KUNIT_EXPECT_EQ(test, -EOVERFLOW,
			phys_write_obj_at(&fake->mgr, end - sizeof(in) + 1,
					  &out));
	KUNIT_EXPECT_EQ(test, -EOVERFLOW,
			phys_read_obj_at(&fake->mgr, ~(phys_addr_t)0, &in));
	fake->state[6] = FAKE_HOLE;
	KUNIT_EXPECT_EQ(test, -ENXIO, phys_read_obj_at(&fake->mgr, pa, &in));
	KUNIT_EXPECT_EQ(test, -ENXIO, phys_write_obj_at(&fake->mgr, pa, &out));
}

/* Two pointers to the same frames see the same bytes. */
static void two_pointers_test(struct kunit *test)
{
	static const unsigned long pfns[] = { 12, 11 };
	static const u8 text[] = "across the end";
	struct fake_vmap *fake = test->priv;
	u8 got[sizeof(text)] = {};
	struct phys_ptr run, list;

	KUNIT_ASSERT_EQ(test, 0,
			phys_ptr_init(&run, &fake->mgr, 11 * P, 2 * P, 1));
	KUNIT_ASSERT_EQ(test, 0,
			phys_ptr_init_scattered(&list, &fake->mgr, pfns, 2, 0,
						2 * P, 1));
	KUNIT_EXPECT_EQ(test, 0, phys_write(&run, P - 5, text, sizeof(text)));
	KUNIT_EXPECT_EQ(test, 0, phys_read(&list.ro, 2 * P - 5, got, 5));
	KUNIT_EXPECT_EQ(test, 0,
			phys_read(&list.ro, 0, got + 5, sizeof(text) - 5));
	KUNIT_EXPECT_STREQ(test, (char *)got, (char *)text);
}

/* ---- leaked mappings ---- */

static void leak_test(struct kunit *test)
{
	struct shape *shape = shape_make(test, &long_shapes[0]);
	struct fake_vmap *fake = test->priv;
	struct phys_protection prot = { .owner = "test" };
	size_t len = 2 * W * P, i;
	u8 *buf = buffer_alloc(test, len);

	/* The first window of a write leaks; the write still succeeds. */
	memset(buf, 0x11, len);
	fake_fail(fake, FAKE_VUNMAP, 1, -EBUSY);
	KUNIT_EXPECT_EQ(test, 0, phys_write(&shape->ptr, 0, buf, len));
	KUNIT_EXPECT_TRUE(test, fake_did_fail(fake, FAKE_VUNMAP));
	for (i = 0; i < len; i++)
		if (fake->memory[P + i] != 0x11)
			break;
	KUNIT_EXPECT_EQ(test, i, len);
	KUNIT_EXPECT_EQ(test, fake_stat(fake, PHYS_STAT_MAPS), 2UL);
	KUNIT_EXPECT_EQ(test, fake_stat(fake, PHYS_STAT_UNMAPS), 1UL);
	KUNIT_EXPECT_EQ(test, fake_stat(fake, PHYS_STAT_LEAKED), 1UL);

	/* Its frames are no longer claimed. */
	KUNIT_EXPECT_EQ(test, 0, phys_protect(&fake->mgr, &prot, 1, 3 * W));
	phys_unprotect(&fake->mgr, &prot);

	/* A session does not reuse a leaked window. */
	{
		DEFINE_PHYS_SESSION(s);

		KUNIT_EXPECT_EQ(test, 0,
				phys_session_begin(&s, &shape->ptr.ro));
		fake_fail(fake, FAKE_VUNMAP, 1, -EBUSY);
		KUNIT_EXPECT_EQ(test, 0,
				phys_session_read(&s, W * P, buf, 10));
		KUNIT_EXPECT_EQ(test, 0, phys_session_read(&s, 0, buf, 10));
		KUNIT_EXPECT_EQ(test, buf[0], 0x11);
	}
	KUNIT_EXPECT_EQ(test, fake_stat(fake, PHYS_STAT_MAPS), 5UL);
	KUNIT_EXPECT_EQ(test, fake_stat(fake, PHYS_STAT_UNMAPS), 3UL);
	KUNIT_EXPECT_EQ(test, fake_stat(fake, PHYS_STAT_LEAKED), 2UL);

	/* Ending again does not unmap again. */
	{
		DEFINE_PHYS_SESSION(s);

		KUNIT_EXPECT_EQ(test, 0,
				phys_session_begin(&s, &shape->ptr.ro));
		fake_fail(fake, FAKE_VUNMAP, 1, -EBUSY);
		phys_session_end(&s);
		phys_session_end(&s);
	}
	KUNIT_EXPECT_EQ(test, fake->calls[FAKE_VUNMAP], 6UL);
	KUNIT_EXPECT_EQ(test, fake_stat(fake, PHYS_STAT_LEAKED), 3UL);
	buffer_free(test, buf, len);
}

/* ---- counters ---- */

static void stats_test(struct kunit *test)
{
	struct fake_vmap *fake = test->priv;
	struct phys_protection prot = { .owner = "test" };
	static const unsigned long twice[] = { 4, 4 };
	struct phys_lock lock;
	struct phys_ptr ptr;
	u8 buf[16] = {};
	size_t i;

	KUNIT_ASSERT_EQ(test, 0, phys_ptr_init(&ptr, &fake->mgr, 5 * P, P, 1));
	KUNIT_EXPECT_EQ(test, 0, phys_read(&ptr.ro, 0, buf, 5));
	KUNIT_EXPECT_EQ(test, 0, phys_write(&ptr, 0, buf, 7));
	KUNIT_EXPECT_EQ(test, fake_stat(fake, PHYS_STAT_MAPS), 2UL);
	KUNIT_EXPECT_EQ(test, fake_stat(fake, PHYS_STAT_UNMAPS), 2UL);
	KUNIT_EXPECT_EQ(test, fake_stat(fake, PHYS_STAT_BYTES), 12UL);
	KUNIT_EXPECT_EQ(test, fake_stat(fake, PHYS_STAT_FAULTS), 0UL);
	KUNIT_EXPECT_EQ(test, fake_stat(fake, PHYS_STAT_LEAKED), 0UL);

	/* Each refusal is counted once, by errno. */
	KUNIT_EXPECT_EQ(test, -ERANGE, phys_read(&ptr.ro, P, buf, 1));
	KUNIT_EXPECT_EQ(test, 0, phys_protect(&fake->mgr, &prot, 5, 1));
	KUNIT_EXPECT_EQ(test, -EROFS, phys_write(&ptr, 0, buf, 1));
	phys_unprotect(&fake->mgr, &prot);
	KUNIT_EXPECT_EQ(test, 0,
			phys_lock(&lock, &ptr.ro, PHYS_LOCK_EXCLUSIVE));
	KUNIT_EXPECT_EQ(test, -EBUSY, phys_read(&ptr.ro, 0, buf, 1));
	phys_unlock(&lock);
	fake->state[5] = FAKE_HOLE;
	KUNIT_EXPECT_EQ(test, -ENXIO, phys_read(&ptr.ro, 0, buf, 1));
	fake->state[5] = FAKE_OWNED;
	KUNIT_EXPECT_EQ(test, -EPERM, phys_read(&ptr.ro, 0, buf, 1));
	KUNIT_EXPECT_EQ(test, -EOVERFLOW,
			phys_ptr_init(&ptr, &fake->mgr, FAKE_BYTES, 1, 1));
	KUNIT_EXPECT_EQ(test, -EEXIST,
			phys_ptr_init_scattered(&ptr, &fake->mgr, twice, 2, 0,
						1, 1));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			phys_ptr_init_scattered(&ptr, &fake->mgr, twice, 1, P,
						0, 1));
	for (i = 0; i < PHYS_REFUSAL_ERRNO_MAX; i++) {
		bool once = i == ERANGE || i == EROFS || i == EBUSY ||
			    i == ENXIO || i == EPERM || i == EOVERFLOW ||
			    i == EEXIST || i == EINVAL;

		KUNIT_EXPECT_EQ_MSG(test, fake_refused(fake, -(int)i),
				    (unsigned long)once, "errno %zu", i);
	}
	/* Refused accesses do not map. */
	KUNIT_EXPECT_EQ(test, fake_stat(fake, PHYS_STAT_MAPS), 2UL);
	KUNIT_EXPECT_EQ(test, fake_stat(fake, PHYS_STAT_BYTES), 12UL);
}

/* Which frame of a list a message blames; that counts no refusal. */
static void refused_frame_test(struct kunit *test)
{
	static const unsigned long pfns[] = { 9, 8, 7, FAKE_FRAMES, 6, 5 };
	static const unsigned long twice[] = { 4, 9, 8, 7, 8, 9, 8 };
	struct fake_vmap *fake = test->priv;
	size_t nr = ARRAY_SIZE(pfns), i;
	struct phys_const_ptr ptr;
	struct phys_lock lock;

	fake->state[8] = FAKE_OWNED;
	fake->state[5] = FAKE_HOLE;
	KUNIT_ASSERT_EQ(test, 0, phys_const_ptr_init(&ptr, &fake->mgr,
						     PFN_PHYS(6), 1, 1));
	KUNIT_ASSERT_EQ(test, 0, phys_lock(&lock, &ptr, PHYS_LOCK_SHARED));
#define REFUSED(write, err)	phys_refused_frame(&fake->mgr, pfns, nr, write, err)
	KUNIT_EXPECT_EQ(test, REFUSED(false, -EPERM), 1UL);
	KUNIT_EXPECT_EQ(test, REFUSED(false, -EOVERFLOW), 3UL);
	KUNIT_EXPECT_EQ(test, REFUSED(true, -EBUSY), 4UL);
	KUNIT_EXPECT_EQ(test, REFUSED(false, -ENXIO), 5UL);
	/* Nobody else excludes readers. */
	KUNIT_EXPECT_EQ(test, REFUSED(false, -EBUSY), 0UL);
	KUNIT_EXPECT_EQ(test, REFUSED(true, -EROFS), 0UL);
#undef REFUSED
	phys_unlock(&lock);
	KUNIT_EXPECT_EQ(test, 4UL, phys_refused_frame(&fake->mgr, twice,
						      ARRAY_SIZE(twice), false,
						      -EEXIST));
	for (i = 0; i < PHYS_REFUSAL_ERRNO_MAX; i++)
		KUNIT_EXPECT_EQ(test, fake_refused(fake, -(int)i), 0UL);
}

/* Once for each way in which single accesses are mapped. */
#define PHYS_PTR_CASES {						\
	KUNIT_CASE_PARAM(read_test, shape_gen_params),			\
	KUNIT_CASE_PARAM(write_test, shape_gen_params),			\
	KUNIT_CASE_PARAM(refusal_test, refusal_gen_params),		\
	KUNIT_CASE(excess_frames_test),					\
	KUNIT_CASE(partial_test),					\
	KUNIT_CASE(frame_goes_bad_test),				\
	KUNIT_CASE(typed_test),						\
	KUNIT_CASE(obj_at_test),					\
	KUNIT_CASE(two_pointers_test),					\
	KUNIT_CASE(leak_test),						\
	KUNIT_CASE(stats_test),						\
	KUNIT_CASE(refused_frame_test),					\
	{ }								\
}

static struct kunit_case phys_ptr_cases[] = PHYS_PTR_CASES;
static struct kunit_case phys_ptr_cases_local[] = PHYS_PTR_CASES;

static struct kunit_suite phys_ptr_suite = {
	.name = "lvbs_phys_ptr",
	.init = fake_vmap_init,
	.exit = fake_vmap_exit,
	.test_cases = phys_ptr_cases,
};

static struct kunit_suite phys_ptr_local_suite = {
	.name = "lvbs_phys_ptr_local",
	.init = fake_local_vmap_init,
	.exit = fake_vmap_exit,
	.test_cases = phys_ptr_cases_local,
};

kunit_test_suites(&phys_ptr_suite, &phys_ptr_local_suite);
