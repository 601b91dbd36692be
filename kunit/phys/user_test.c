// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of copies between foreign and user memory.
 *
 * Cases that set up user memory use no assertions, which would not tear it
 * down.
 */
#include <kunit/test.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "kunit/fakes/sweep.h"
#include "kunit/fakes/user.h"
#include "kunit/fakes/vmap.h"
#include "kunit/param.h"

#define P	PAGE_SIZE
#define W	PHYS_WINDOW_PAGES

#define USER_PAGES	(2 * W + 2)
#define USER_BYTES	(USER_PAGES * P)
/* The pointer starts at the last byte of a page. */
#define START		(3 * P - 5)

struct user_row {
	const char *name;
	size_t at;
	size_t len;
};

static const struct user_row user_rows[] = {
	{ "nothing", 0, 0 },
	{ "a byte", 0, 1 },
	{ "across a page boundary", 0, 100 },
	{ "four pages minus one byte", 3, SZ_16K - 1 },
	{ "four pages", 3, SZ_16K },
	{ "four pages plus one byte", 3, SZ_16K + 1 },
	{ "twelve pages", 7, 3 * SZ_16K },
	{ "across a window boundary", W * P - 10, 100 },
	{ "two windows and a page", 0, (2 * W + 1) * P },
};

KUNIT_ARRAY_PARAM_DESC(user, user_rows, name);

struct user_fixture {
	struct fake_user user;
	struct phys_ptr ptr;
	u8 *buf;
};

/* On false, the setup and hence the case has failed. */
static bool user_setup(struct kunit *test, struct user_fixture *fix)
{
	struct fake_vmap *fake = test->priv;
	int err;

	fix->buf = kvzalloc(USER_BYTES, GFP_KERNEL);
	err = fix->buf ? fake_user_begin(&fix->user, USER_PAGES) : -ENOMEM;
	if (!err)
		err = phys_ptr_init(&fix->ptr, &fake->mgr, START, USER_BYTES,
				    4);
	KUNIT_EXPECT_EQ(test, err, 0);
	return !err;
}

static void user_teardown(struct user_fixture *fix)
{
	fake_user_end(&fix->user);
	kvfree(fix->buf);
}

/*
 * Each user page is a copy of its own; what is less than a page long may cross
 * into the next. The user's buffer starts at offset 8.
 */
static unsigned long windows_of(const struct user_row *row)
{
	size_t at = 8, left = row->len, windows = 0;

	while (left) {
		size_t n = left >= P ? P - at % P : left;

		windows++;
		at += n;
		left -= n;
	}
	return windows;
}

static void to_user_test(struct kunit *test)
{
	const struct user_row *row = test->param_value;
	struct fake_vmap *fake = test->priv;
	struct user_fixture fix = {};
	size_t done = 77, i;

	if (!user_setup(test, &fix))
		goto out;
	KUNIT_EXPECT_EQ(test, 0,
			phys_read_to_user(&fix.ptr.ro, row->at,
					  fake_user_ptr(&fix.user, 8),
					  row->len, &done));
	KUNIT_EXPECT_EQ(test, done, row->len);
	KUNIT_EXPECT_EQ(test, fake->maps[false], windows_of(row));
	KUNIT_EXPECT_EQ(test, fake->maps[true], 0UL);

	KUNIT_EXPECT_EQ(test, 0UL,
			copy_from_user(fix.buf, fake_user_ptr(&fix.user, 0),
				       USER_BYTES));
	for (i = 0; i < USER_BYTES; i++) {
		bool in = i >= 8 && i < 8 + row->len;

		if (fix.buf[i] !=
		    (in ? fake_pattern(START + row->at + i - 8) : 0))
			break;
	}
	KUNIT_EXPECT_EQ_MSG(test, i, USER_BYTES, "first wrong byte");
out:
	user_teardown(&fix);
}

static void from_user_test(struct kunit *test)
{
	const struct user_row *row = test->param_value;
	struct fake_vmap *fake = test->priv;
	struct user_fixture fix = {};
	size_t done = 77, i;

	if (!user_setup(test, &fix))
		goto out;
	memset(fix.buf, 0x3c, USER_BYTES);
	KUNIT_EXPECT_EQ(test, 0UL,
			copy_to_user(fake_user_ptr(&fix.user, 0), fix.buf,
				     USER_BYTES));
	KUNIT_EXPECT_EQ(test, 0,
			phys_write_from_user(&fix.ptr, row->at,
					     fake_user_ptr(&fix.user, 8),
					     row->len, &done));
	KUNIT_EXPECT_EQ(test, done, row->len);
	KUNIT_EXPECT_EQ(test, fake->maps[true], windows_of(row));
	KUNIT_EXPECT_EQ(test, fake->maps[false], 0UL);
	for (i = 0; i < FAKE_BYTES; i++) {
		bool in = i >= START + row->at &&
			  i < START + row->at + row->len;

		if (fake->memory[i] != (in ? 0x3c : fake_pattern(i)))
			break;
	}
	KUNIT_EXPECT_EQ_MSG(test, i, FAKE_BYTES, "first wrong byte");
out:
	user_teardown(&fix);
}

/* ---- unmapped user memory ---- */

/*
 * copy_to_user() may report fewer bytes than it could copy: where it copies in
 * blocks (arm64), a block that faults need not be copied in part.
 */
#define BLOCK	(IS_ENABLED(CONFIG_X86_64) ? 1 : 64)

static void bad_user_memory_test(struct kunit *test)
{
	/* Bytes of user memory before the hole. */
	static const size_t rooms[] = { 0, 1, 100, SZ_16K, SZ_16K + 1 };
	struct fake_vmap *fake = test->priv;
	struct user_fixture fix = {};
	const size_t len = 2 * SZ_16K;
	size_t done, i, j;

	if (!user_setup(test, &fix))
		goto out;
	for (j = 0; j < ARRAY_SIZE(rooms); j++) {
		size_t end = fix.user.bytes;

		done = 77;
		KUNIT_EXPECT_EQ(test, -EFAULT,
				phys_read_to_user(&fix.ptr.ro, 0,
						  fake_user_ptr(&fix.user,
								end - rooms[j]),
						  len, &done));
		/* The hole starts at a page boundary, so all bytes before it arrive. */
		KUNIT_EXPECT_LE_MSG(test, done, rooms[j], "room %zu", rooms[j]);
		KUNIT_EXPECT_GE_MSG(test, done + BLOCK - 1, rooms[j],
				    "room %zu", rooms[j]);
		KUNIT_EXPECT_EQ(test, 0UL,
				copy_from_user(fix.buf,
					       fake_user_ptr(&fix.user,
							     end - rooms[j]),
					       rooms[j]));
		for (i = 0; i < rooms[j]; i++)
			if (fix.buf[i] != fake_pattern(START + i))
				break;
		KUNIT_EXPECT_GE(test, i, done);

		done = 77;
		KUNIT_EXPECT_EQ(test, -EFAULT,
				phys_write_from_user(&fix.ptr, 0,
						     fake_user_ptr(&fix.user,
								   end -
								   rooms[j]),
						     len, &done));
		KUNIT_EXPECT_EQ_MSG(test, done, rooms[j], "room %zu", rooms[j]);
		for (i = 0; i < done; i++)
			if (fake->memory[START + i] != fake_pattern(START + i))
				break;
		KUNIT_EXPECT_EQ(test, i, done);
		for (i = 0; i < FAKE_BYTES; i++)
			if (fake->memory[i] != fake_pattern(i))
				break;
		KUNIT_EXPECT_EQ(test, i, FAKE_BYTES);
	}
	KUNIT_EXPECT_EQ(test, fake_refused(fake, -EFAULT), 0UL);
	/* Faults of user memory are not counted as faults of foreign memory. */
	KUNIT_EXPECT_EQ(test, fake_stat(fake, PHYS_STAT_FAULTS), 0UL);
out:
	user_teardown(&fix);
}

/* A refused access does not touch user memory. */
static void refused_test(struct kunit *test)
{
	struct fake_vmap *fake = test->priv;
	struct user_fixture fix = {};
	size_t done = 77;

	if (!user_setup(test, &fix))
		goto out;
	fake->state[3 + 2 * W] = FAKE_OWNED;
	KUNIT_EXPECT_EQ(test, -EPERM,
			phys_read_to_user(&fix.ptr.ro, 0,
					  fake_user_ptr(&fix.user, 0),
					  USER_BYTES, &done));
	KUNIT_EXPECT_EQ(test, done, (size_t)0);
	KUNIT_EXPECT_EQ(test, -EPERM,
			phys_write_from_user(&fix.ptr, 0,
					     fake_user_ptr(&fix.user, 0),
					     USER_BYTES, &done));
	KUNIT_EXPECT_EQ(test, done, (size_t)0);
	KUNIT_EXPECT_EQ(test, fake->calls[FAKE_VMAP], 0UL);
	KUNIT_EXPECT_EQ(test, 0UL,
			copy_from_user(fix.buf, fake_user_ptr(&fix.user, 0),
				       USER_BYTES));
	KUNIT_EXPECT_NULL(test, memchr_inv(fix.buf, 0, USER_BYTES));
out:
	user_teardown(&fix);
}

/* ---- failures of foreign memory ---- */

static int sweep_to_user(struct fake_vmap *fake, void *arg)
{
	struct user_fixture *fix = arg;
	size_t done;
	int err;

	err = phys_read_to_user(&fix->ptr.ro, 0, fake_user_ptr(&fix->user, 0),
				USER_BYTES, &done);
	KUNIT_EXPECT_EQ(fake->test, !err, done == USER_BYTES);
	return err;
}

static int sweep_from_user(struct fake_vmap *fake, void *arg)
{
	struct user_fixture *fix = arg;
	size_t done;
	int err;

	err = phys_write_from_user(&fix->ptr, 0, fake_user_ptr(&fix->user, 0),
				   USER_BYTES, &done);
	KUNIT_EXPECT_EQ(fake->test, !err, done == USER_BYTES);
	return err;
}

static void sweep_test(struct kunit *test)
{
	struct user_fixture fix = {};

	if (user_setup(test, &fix)) {
		fake_sweep(test->priv, sweep_to_user, &fix);
		fake_sweep(test->priv, sweep_from_user, &fix);
	}
	user_teardown(&fix);
}

/* The bytes before the window that failed arrive. */
static void partial_test(struct kunit *test)
{
	const size_t first = P;
	struct fake_vmap *fake = test->priv;
	struct user_fixture fix = {};
	size_t done = 77, i;

	if (!user_setup(test, &fix))
		goto out;
	fake_fail(fake, FAKE_VMAP, 2, -ENOMEM);
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			phys_read_to_user(&fix.ptr.ro, 0,
					  fake_user_ptr(&fix.user, 0),
					  USER_BYTES, &done));
	KUNIT_EXPECT_EQ(test, done, first);
	KUNIT_EXPECT_EQ(test, 0UL,
			copy_from_user(fix.buf, fake_user_ptr(&fix.user, 0),
				       USER_BYTES));
	for (i = 0; i < USER_BYTES; i++)
		if (fix.buf[i] != (i < first ? fake_pattern(START + i) : 0))
			break;
	KUNIT_EXPECT_EQ_MSG(test, i, USER_BYTES, "first wrong byte");

	/* The other direction, with zeroes. */
	fake_fail(fake, FAKE_VMAP, 2, -ENOMEM);
	memset(fix.buf, 0, USER_BYTES);
	KUNIT_EXPECT_EQ(test, 0UL,
			copy_to_user(fake_user_ptr(&fix.user, 0), fix.buf,
				     USER_BYTES));
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			phys_write_from_user(&fix.ptr, 0,
					     fake_user_ptr(&fix.user, 0),
					     USER_BYTES, &done));
	KUNIT_EXPECT_EQ(test, done, first);
	for (i = 0; i < FAKE_BYTES; i++) {
		bool in = i >= START && i < START + first;

		if (fake->memory[i] != (in ? 0 : fake_pattern(i)))
			break;
	}
	KUNIT_EXPECT_EQ_MSG(test, i, FAKE_BYTES, "first wrong byte");
out:
	user_teardown(&fix);
}

/* Once for each way in which single accesses are mapped. */
#define PHYS_USER_CASES {						\
	KUNIT_CASE_PARAM(to_user_test, user_gen_params),		\
	KUNIT_CASE_PARAM(from_user_test, user_gen_params),		\
	KUNIT_CASE(bad_user_memory_test),				\
	KUNIT_CASE(refused_test),					\
	KUNIT_CASE(sweep_test),						\
	KUNIT_CASE(partial_test),					\
	{ }								\
}

static struct kunit_case phys_user_cases[] = PHYS_USER_CASES;
static struct kunit_case phys_user_cases_local[] = PHYS_USER_CASES;

static struct kunit_suite phys_user_suite = {
	.name = "lvbs_phys_user",
	.init = fake_vmap_init,
	.exit = fake_vmap_exit,
	.test_cases = phys_user_cases,
};

static struct kunit_suite phys_user_local_suite = {
	.name = "lvbs_phys_user_local",
	.init = fake_local_vmap_init,
	.exit = fake_vmap_exit,
	.test_cases = phys_user_cases_local,
};

kunit_test_suites(&phys_user_suite, &phys_user_local_suite);
