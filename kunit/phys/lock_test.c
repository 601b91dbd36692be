// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of range locks and protections, with each other and with accesses
 * in progress.
 */
#include <kunit/test.h>
#include <linux/string.h>

#include "kunit/fakes/vmap.h"
#include "kunit/param.h"

#define P	PAGE_SIZE
#define W	PHYS_WINDOW_PAGES

/* Many frames, no two adjacent. */
static unsigned long odd_frames[FAKE_FRAMES / 2];

static int lock_init(struct kunit *test)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(odd_frames); i++)
		odd_frames[i] = 2 * i + 1;
	return fake_vmap_init(test);
}

static struct phys_ptr run_ptr(struct kunit *test, unsigned long first,
			       unsigned long nr)
{
	struct fake_vmap *fake = test->priv;
	struct phys_ptr ptr;

	KUNIT_ASSERT_EQ(test, 0,
			phys_ptr_init(&ptr, &fake->mgr, PFN_PHYS(first),
				      nr * P, 1));
	return ptr;
}

static struct phys_ptr odd_ptr(struct kunit *test)
{
	struct fake_vmap *fake = test->priv;
	struct phys_ptr ptr;

	KUNIT_ASSERT_EQ(test, 0,
			phys_ptr_init_scattered(&ptr, &fake->mgr, odd_frames,
						ARRAY_SIZE(odd_frames), 0,
						ARRAY_SIZE(odd_frames) * P, 1));
	return ptr;
}

static int read_byte(const struct phys_ptr *ptr)
{
	u8 byte;

	return phys_read(&ptr->ro, 0, &byte, 1);
}

static int write_byte(const struct phys_ptr *ptr)
{
	u8 byte = 0x42;

	return phys_write(ptr, 0, &byte, 1);
}

/* ---- range locks ---- */

struct mode_row {
	const char *name;
	enum phys_lock_mode held;
	int read;
	int write;
	int shared;
	int exclusive;
};

static const struct mode_row mode_rows[] = {
	{ "shared", PHYS_LOCK_SHARED, 0, -EBUSY, 0, -EBUSY },
	{ "exclusive", PHYS_LOCK_EXCLUSIVE, -EBUSY, -EBUSY, -EBUSY, -EBUSY },
};

KUNIT_ARRAY_PARAM_DESC(mode, mode_rows, name);

static void expect_lock(struct kunit *test, const struct phys_ptr *ptr,
			enum phys_lock_mode mode, int err, const char *what)
{
	struct phys_lock lock;
	int got = phys_lock(&lock, &ptr->ro, mode);

	KUNIT_EXPECT_EQ_MSG(test, got, err, "%s", what);
	if (!got)
		phys_unlock(&lock);
}

/* Exclusion on each frame of the lock, and on no other frame. */
static void check_mode(struct kunit *test, const struct mode_row *row,
		       const struct phys_ptr *ptr)
{
	struct phys_lock lock;
	unsigned long i;

	memset(&lock, 0xff, sizeof(lock));
	KUNIT_ASSERT_EQ(test, 0, phys_lock(&lock, &ptr->ro, row->held));
	for (i = 0; i < ptr->ro.frames.nr; i++) {
		struct phys_ptr one;

		one = run_ptr(test, phys_frame(&ptr->ro.frames, i), 1);
		KUNIT_EXPECT_EQ_MSG(test, read_byte(&one), row->read, "%lu", i);
		KUNIT_EXPECT_EQ_MSG(test, write_byte(&one), row->write, "%lu",
				    i);
		expect_lock(test, &one, PHYS_LOCK_SHARED, row->shared,
			    "shared");
		expect_lock(test, &one, PHYS_LOCK_EXCLUSIVE, row->exclusive,
			    "exclusive");
		/* Pointers with the lock are not excluded. */
		one.ro.lock = &lock;
		KUNIT_EXPECT_EQ(test, read_byte(&one), 0);
		KUNIT_EXPECT_EQ(test, write_byte(&one), 0);
		/* Frame 0 and even frames are not locked. */
		one = run_ptr(test, 2 * (i % (FAKE_FRAMES / 2)), 1);
		if (ptr->ro.frames.pfns) {
			KUNIT_EXPECT_EQ(test, read_byte(&one), 0);
			KUNIT_EXPECT_EQ(test, write_byte(&one), 0);
		}
	}
	phys_unlock(&lock);
	KUNIT_EXPECT_EQ(test, write_byte(ptr), 0);
	expect_lock(test, ptr, PHYS_LOCK_EXCLUSIVE, 0, "free again");
}

static void mode_test(struct kunit *test)
{
	const struct mode_row *row = test->param_value;
	struct phys_ptr ptr;

	ptr = run_ptr(test, 5, 1);
	check_mode(test, row, &ptr);
	ptr = run_ptr(test, 1, 2 * W + 5);
	check_mode(test, row, &ptr);
	ptr = odd_ptr(test);
	check_mode(test, row, &ptr);
}

/* If any piece is in use, the whole lock is refused. */
static void all_or_nothing_test(struct kunit *test)
{
	static const size_t positions[] = {
		0, 1, W - 1, W, W + 1, ARRAY_SIZE(odd_frames) - 1,
	};
	struct fake_vmap *fake = test->priv;
	struct phys_ptr many = odd_ptr(test);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(positions); i++) {
		unsigned long pfn = odd_frames[positions[i]];
		struct phys_ptr one = run_ptr(test, pfn, 1);
		DEFINE_PHYS_WRITE_SESSION(s);
		struct phys_lock lock;

		KUNIT_ASSERT_EQ(test, 0,
				phys_lock(&lock, &one.ro, PHYS_LOCK_SHARED));
		expect_lock(test, &many, PHYS_LOCK_EXCLUSIVE, -EBUSY, "locked");
		expect_lock(test, &many, PHYS_LOCK_SHARED, 0, "both shared");
		phys_unlock(&lock);
		KUNIT_EXPECT_TRUE(test, fake_claims_empty(&fake->claims));

		KUNIT_ASSERT_EQ(test, 0, phys_write_session_begin(&s, &one));
		expect_lock(test, &many, PHYS_LOCK_EXCLUSIVE, -EBUSY,
			    "written");
		expect_lock(test, &many, PHYS_LOCK_SHARED, -EBUSY, "written");
		phys_write_session_end(&s);

		KUNIT_ASSERT_EQ(test, 0,
				phys_session_begin(&s.ro, &one.ro));
		expect_lock(test, &many, PHYS_LOCK_EXCLUSIVE, -EBUSY, "read");
		expect_lock(test, &many, PHYS_LOCK_SHARED, 0, "read");
		phys_session_end(&s.ro);
		KUNIT_EXPECT_TRUE(test, fake_claims_empty(&fake->claims));
	}
}

static void lock_malformed_test(struct kunit *test)
{
	struct fake_vmap *fake = test->priv;
	struct phys_ptr ptr;

	ptr = run_ptr(test, 5, 0);
	expect_lock(test, &ptr, PHYS_LOCK_SHARED, -EINVAL, "no frames");
	ptr = run_ptr(test, 5, 1);
	expect_lock(test, &ptr, (enum phys_lock_mode)PHYS_CLAIM_READ, -EINVAL,
		    "mode read");
	expect_lock(test, &ptr, (enum phys_lock_mode)PHYS_CLAIM_PROTECTED,
		    -EINVAL, "mode protected");
	expect_lock(test, &ptr, (enum phys_lock_mode)PHYS_CLAIM_NR, -EINVAL,
		    "mode beyond");
	ptr.ro.mgr = NULL;
	expect_lock(test, &ptr, PHYS_LOCK_SHARED, -EINVAL, "uninitialised pointer");
	KUNIT_EXPECT_TRUE(test, fake_claims_empty(&fake->claims));
}

/*
 * More pieces than memory can hold. No valid pointer is that long, but the
 * error path is the same as on a machine without free memory.
 */
static void lock_out_of_memory_test(struct kunit *test)
{
	struct phys_ptr ptr = odd_ptr(test);

	if (BITS_PER_LONG == 32)
		kunit_skip(test, "32 bits: the allocation would not be too large");
	ptr.ro.frames.nr = ULONG_MAX - W;
	expect_lock(test, &ptr, PHYS_LOCK_SHARED, -ENOMEM, "no memory");
}

/* Holding another lock does not help. */
static void another_lock_test(struct kunit *test)
{
	struct phys_ptr a = run_ptr(test, 5, 1), b = run_ptr(test, 9, 1);
	struct phys_lock lock_a, lock_b;

	KUNIT_ASSERT_EQ(test, 0, phys_lock(&lock_a, &a.ro,
					   PHYS_LOCK_EXCLUSIVE));
	KUNIT_ASSERT_EQ(test, 0, phys_lock(&lock_b, &b.ro,
					   PHYS_LOCK_EXCLUSIVE));
	a.ro.lock = &lock_b;
	KUNIT_EXPECT_EQ(test, -EBUSY, read_byte(&a));
	KUNIT_EXPECT_EQ(test, -EBUSY, write_byte(&a));
	a.ro.lock = &lock_a;
	KUNIT_EXPECT_EQ(test, 0, read_byte(&a));
	KUNIT_EXPECT_EQ(test, 0, write_byte(&a));
	phys_unlock(&lock_b);
	phys_unlock(&lock_a);
}

/* Read, check and write with one lock, in sessions and over many windows. */
static void lock_in_sessions_test(struct kunit *test)
{
	struct phys_ptr ptr = odd_ptr(test), plain = ptr;
	const size_t last = ARRAY_SIZE(odd_frames) * P - 1;
	DEFINE_PHYS_WRITE_SESSION(s);
	struct phys_lock lock;
	u8 byte = 1;

	KUNIT_ASSERT_EQ(test, 0, phys_lock(&lock, &ptr.ro,
					   PHYS_LOCK_EXCLUSIVE));
	ptr.ro.lock = &lock;
	KUNIT_EXPECT_EQ(test, 0, phys_write_session_begin(&s, &ptr));
	KUNIT_EXPECT_EQ(test, 0, phys_session_read(&s.ro, last, &byte, 1));
	KUNIT_EXPECT_EQ(test, byte,
			fake_pattern(odd_frames[last / P] * P + P - 1));
	KUNIT_EXPECT_EQ(test, 0, phys_session_write(&s, 0, &byte, 1));
	KUNIT_EXPECT_EQ(test, -EBUSY, write_byte(&plain));
	phys_write_session_end(&s);
	phys_unlock(&lock);
	KUNIT_EXPECT_EQ(test, 0, write_byte(&plain));
}

/* A lock checks neither the state of the frames nor protections. */
static void lock_any_frame_test(struct kunit *test)
{
	struct phys_protection prot = { .owner = "test" };
	struct phys_ptr ptr = run_ptr(test, 5, 2);
	struct fake_vmap *fake = test->priv;
	struct phys_lock lock;

	KUNIT_ASSERT_EQ(test, 0, phys_protect(&fake->mgr, &prot, 5, 1));
	fake->state[6] = FAKE_HOLE;
	KUNIT_EXPECT_EQ(test, 0, phys_lock(&lock, &ptr.ro,
					   PHYS_LOCK_EXCLUSIVE));
	/* Holding it does not bypass either. */
	ptr.ro.lock = &lock;
	KUNIT_EXPECT_EQ(test, -EROFS, write_byte(&ptr));
	KUNIT_EXPECT_EQ(test, 0, read_byte(&ptr));
	phys_unlock(&lock);
	phys_unprotect(&fake->mgr, &prot);
}

/* ---- protections ---- */

static void protect_test(struct kunit *test)
{
	struct phys_protection prot = { .owner = "test" };
	struct fake_vmap *fake = test->priv;
	unsigned long pfn;

	KUNIT_ASSERT_EQ(test, 0, phys_protect(&fake->mgr, &prot, 5, 3));
	KUNIT_EXPECT_STREQ(test, prot.owner, "test");
	for (pfn = 3; pfn < 10; pfn++) {
		struct phys_ptr ptr = run_ptr(test, pfn, 1);
		bool in = pfn >= 5 && pfn < 8;

		KUNIT_EXPECT_EQ_MSG(test, read_byte(&ptr), 0, "%lu", pfn);
		KUNIT_EXPECT_EQ_MSG(test, write_byte(&ptr), in ? -EROFS : 0,
				    "%lu", pfn);
	}
	phys_unprotect(&fake->mgr, &prot);
	for (pfn = 3; pfn < 10; pfn++) {
		struct phys_ptr ptr = run_ptr(test, pfn, 1);

		KUNIT_EXPECT_EQ_MSG(test, write_byte(&ptr), 0, "%lu", pfn);
	}
}

struct protect_row {
	const char *name;
	unsigned long first;
	unsigned long nr;
	int err;
};

/* Frame 7 is a hole, 9 is owned, 11 is poisoned. */
static const struct protect_row protect_rows[] = {
	{ "frame 0", 0, 1, 0 },
	{ "last frame", FAKE_FRAMES - 1, 1, 0 },
	{ "more than a window", 12, 2 * W, 0 },
	{ "no frames", 5, 0, -EINVAL },
	{ "past the width", FAKE_FRAMES, 1, -EOVERFLOW },
	{ "across the end of the width", FAKE_FRAMES - 1, 2, -EOVERFLOW },
	{ "last possible frame", ULONG_MAX, 1, -EOVERFLOW },
	{ "wraps", ULONG_MAX, 2, -EOVERFLOW },
	{ "wraps by one", 2, ULONG_MAX, -EOVERFLOW },
	{ "up to the last possible frame", FAKE_FRAMES - 1,
	  ULONG_MAX - FAKE_FRAMES + 2, -EOVERFLOW },
	{ "hole", 7, 1, -ENXIO },
	{ "hole at the end", 5, 3, -ENXIO },
	{ "owned", 9, 1, -EPERM },
	{ "owned in the middle", 8, 3, -EPERM },
	{ "poisoned", 10, 2, -ENXIO },
};

KUNIT_ARRAY_PARAM_DESC(protect, protect_rows, name);

static void protect_rows_test(struct kunit *test)
{
	const struct protect_row *row = test->param_value;
	struct phys_protection prot = { .owner = "test" };
	struct fake_vmap *fake = test->priv;
	int err;

	fake->state[7] = FAKE_HOLE;
	fake->state[9] = FAKE_OWNED;
	fake->state[11] = FAKE_POISONED;
	/* Previous contents do not matter. */
	memset(&prot.claim, 0xff, sizeof(prot.claim));

	err = phys_protect(&fake->mgr, &prot, row->first, row->nr);
	KUNIT_EXPECT_EQ(test, err, row->err);
	if (!err)
		phys_unprotect(&fake->mgr, &prot);
	KUNIT_EXPECT_TRUE(test, fake_claims_empty(&fake->claims));
}

static void protect_overlap_test(struct kunit *test)
{
	struct phys_protection a = { .owner = "a" }, b = { .owner = "b" };
	struct phys_ptr ptr = run_ptr(test, 6, 1);
	struct fake_vmap *fake = test->priv;

	KUNIT_ASSERT_EQ(test, 0, phys_protect(&fake->mgr, &a, 5, 2));
	KUNIT_ASSERT_EQ(test, 0, phys_protect(&fake->mgr, &b, 6, 2));
	KUNIT_EXPECT_EQ(test, -EROFS, write_byte(&ptr));
	/* A frame becomes writable when its last protection is lifted. */
	phys_unprotect(&fake->mgr, &a);
	KUNIT_EXPECT_EQ(test, -EROFS, write_byte(&ptr));
	phys_unprotect(&fake->mgr, &b);
	KUNIT_EXPECT_EQ(test, 0, write_byte(&ptr));

	KUNIT_ASSERT_EQ(test, 0, phys_protect(&fake->mgr, &a, 6, 1));
	KUNIT_ASSERT_EQ(test, 0, phys_protect(&fake->mgr, &b, 6, 1));
	phys_unprotect(&fake->mgr, &b);
	KUNIT_EXPECT_EQ(test, -EROFS, write_byte(&ptr));
	phys_unprotect(&fake->mgr, &a);
	KUNIT_EXPECT_EQ(test, 0, write_byte(&ptr));
}

/* No other protection overlaps an exclusive one, whichever comes first. */
static void protect_exclusive_test(struct kunit *test)
{
	struct phys_protection a = { .owner = "a" }, b = { .owner = "b" };
	struct phys_ptr ptr = run_ptr(test, 6, 1);
	struct fake_vmap *fake = test->priv;
	DEFINE_PHYS_WRITE_SESSION(s);

	/* Previous contents do not matter. */
	memset(&a.claim, 0xff, sizeof(a.claim));
	memset(&b.claim, 0xff, sizeof(b.claim));

	KUNIT_ASSERT_EQ(test, 0, phys_protect_exclusive(&fake->mgr, &a, 5, 2));
	KUNIT_EXPECT_EQ(test, -EROFS, write_byte(&ptr));
	KUNIT_EXPECT_EQ(test, 0, read_byte(&ptr));
	KUNIT_EXPECT_EQ(test, -EBUSY, phys_protect(&fake->mgr, &b, 6, 5));
	KUNIT_EXPECT_EQ(test, -EEXIST, phys_protect_exclusive(&fake->mgr, &b, 6, 5));
	/* Adjacent protections do not conflict. */
	KUNIT_ASSERT_EQ(test, 0, phys_protect_exclusive(&fake->mgr, &b, 7, 5));
	phys_unprotect(&fake->mgr, &b);
	phys_unprotect(&fake->mgr, &a);
	KUNIT_EXPECT_EQ(test, 0, write_byte(&ptr));

	KUNIT_ASSERT_EQ(test, 0, phys_protect(&fake->mgr, &a, 5, 2));
	KUNIT_EXPECT_EQ(test, -EROFS, phys_protect_exclusive(&fake->mgr, &b, 6, 5));
	KUNIT_ASSERT_EQ(test, 0, phys_protect(&fake->mgr, &b, 6, 5));
	phys_unprotect(&fake->mgr, &b);
	phys_unprotect(&fake->mgr, &a);

	/* All other errors are those of phys_protect(). */
	KUNIT_ASSERT_EQ(test, 0, phys_write_session_begin(&s, &ptr));
	KUNIT_EXPECT_EQ(test, -EBUSY, phys_protect_exclusive(&fake->mgr, &a, 6, 1));
	phys_write_session_end(&s);
	KUNIT_EXPECT_EQ(test, -EINVAL, phys_protect_exclusive(&fake->mgr, &a, 6, 0));
	KUNIT_EXPECT_EQ(test, -EOVERFLOW,
			phys_protect_exclusive(&fake->mgr, &a, FAKE_FRAMES, 1));
	fake->state[6] = FAKE_HOLE;
	KUNIT_EXPECT_EQ(test, -ENXIO, phys_protect_exclusive(&fake->mgr, &a, 6, 1));
	fake->state[6] = FAKE_OWNED;
	KUNIT_EXPECT_EQ(test, -EPERM, phys_protect_exclusive(&fake->mgr, &a, 6, 1));
}

/* A frame cannot be protected while it is mapped writable. */
static void protect_mapped_test(struct kunit *test)
{
	struct phys_protection prot = { .owner = "test" };
	struct phys_ptr ptr = run_ptr(test, 5, 2 * W);
	struct fake_vmap *fake = test->priv;
	DEFINE_PHYS_WRITE_SESSION(ws);
	DEFINE_PHYS_SESSION(s);
	u8 byte = 1;

	KUNIT_ASSERT_EQ(test, 0, phys_write_session_begin(&ws, &ptr));
	KUNIT_EXPECT_EQ(test, -EBUSY,
			phys_protect(&fake->mgr, &prot, 5 + W - 1, 1));
	KUNIT_EXPECT_EQ(test, -EBUSY, phys_protect(&fake->mgr, &prot, 0, 6));
	/* Only the frames that are mapped now conflict. */
	KUNIT_EXPECT_EQ(test, 0, phys_protect(&fake->mgr, &prot, 5 + W, 1));
	KUNIT_EXPECT_EQ(test, 0, phys_session_write(&ws, 0, &byte, 1));
	KUNIT_EXPECT_EQ(test, -EROFS,
			phys_session_write(&ws, W * P, &byte, 1));
	phys_unprotect(&fake->mgr, &prot);
	KUNIT_EXPECT_EQ(test, 0, phys_session_write(&ws, W * P, &byte, 1));
	phys_write_session_end(&ws);

	KUNIT_EXPECT_EQ(test, 0, phys_protect(&fake->mgr, &prot, 5, 1));
	KUNIT_EXPECT_EQ(test, -EROFS, phys_write_session_begin(&ws, &ptr));
	phys_unprotect(&fake->mgr, &prot);

	/* Readers do not conflict. */
	KUNIT_ASSERT_EQ(test, 0, phys_session_begin(&s, &ptr.ro));
	KUNIT_EXPECT_EQ(test, 0, phys_protect(&fake->mgr, &prot, 5, 1));
	KUNIT_EXPECT_EQ(test, 0, phys_session_read(&s, 0, &byte, 1));
	phys_session_end(&s);
	phys_unprotect(&fake->mgr, &prot);
}

/* The privileged manager writes to protected frames. */
static void privileged_test(struct kunit *test)
{
	struct phys_protection prot = { .owner = "test" };
	struct fake_vmap *fake = test->priv;
	struct phys_ptr plain = run_ptr(test, 5, 1), ptr;
	DEFINE_PHYS_WRITE_SESSION(s);
	struct phys_lock lock;

	KUNIT_ASSERT_EQ(test, 0,
			phys_ptr_init(&ptr, &fake->privileged, 5 * P, P, 1));
	KUNIT_ASSERT_EQ(test, 0, phys_protect(&fake->mgr, &prot, 5, 1));
	KUNIT_EXPECT_EQ(test, -EROFS, write_byte(&plain));
	KUNIT_EXPECT_EQ(test, 0, write_byte(&ptr));
	KUNIT_EXPECT_EQ(test, *fake_frame(fake, 5), 0x42);
	phys_unprotect(&fake->mgr, &prot);

	/* Privileged writes do not block protections. */
	KUNIT_ASSERT_EQ(test, 0, phys_write_session_begin(&s, &ptr));
	KUNIT_EXPECT_EQ(test, 0, phys_protect(&fake->mgr, &prot, 5, 1));
	phys_unprotect(&fake->mgr, &prot);
	phys_write_session_end(&s);

	/* Range locks and the state of the frames still apply. */
	KUNIT_ASSERT_EQ(test, 0, phys_lock(&lock, &plain.ro, PHYS_LOCK_SHARED));
	KUNIT_EXPECT_EQ(test, -EBUSY, write_byte(&ptr));
	phys_unlock(&lock);
	fake->state[5] = FAKE_OWNED;
	KUNIT_EXPECT_EQ(test, -EPERM, write_byte(&ptr));
	fake->state[5] = FAKE_HOLE;
	KUNIT_EXPECT_EQ(test, -ENXIO, write_byte(&ptr));
}

static struct kunit_case phys_lock_cases[] = {
	KUNIT_CASE_PARAM(mode_test, mode_gen_params),
	KUNIT_CASE(all_or_nothing_test),
	KUNIT_CASE(lock_malformed_test),
	KUNIT_CASE(lock_out_of_memory_test),
	KUNIT_CASE(another_lock_test),
	KUNIT_CASE(lock_in_sessions_test),
	KUNIT_CASE(lock_any_frame_test),
	KUNIT_CASE(protect_test),
	KUNIT_CASE_PARAM(protect_rows_test, protect_gen_params),
	KUNIT_CASE(protect_overlap_test),
	KUNIT_CASE(protect_exclusive_test),
	KUNIT_CASE(protect_mapped_test),
	KUNIT_CASE(privileged_test),
	{ }
};

static struct kunit_suite phys_lock_suite = {
	.name = "lvbs_phys_lock",
	.init = lock_init,
	.exit = fake_vmap_exit,
	.test_cases = phys_lock_cases,
};

kunit_test_suites(&phys_lock_suite);
