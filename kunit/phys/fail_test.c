// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests: each call of the vmap manager fails once, for every operation on
 * physical pointers. See user_test.c for copies from and to user memory.
 */
#include <kunit/test.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "kunit/fakes/sweep.h"
#include "kunit/fakes/vmap.h"
#include "kunit/param.h"

#define P	PAGE_SIZE
#define W	PHYS_WINDOW_PAGES

#define LONG_BYTES	((2 * W + 3) * P)

static int run_ptr(struct fake_vmap *fake, struct phys_ptr *ptr)
{
	return phys_ptr_init(ptr, &fake->mgr, 2 * P - 7, LONG_BYTES, 1);
}

static unsigned long backwards[2 * W + 4];

static int list_ptr(struct fake_vmap *fake, struct phys_ptr *ptr)
{
	unsigned long i;

	for (i = 0; i < ARRAY_SIZE(backwards); i++)
		backwards[i] = FAKE_FRAMES - 1 - i;
	return phys_ptr_init_scattered(ptr, &fake->mgr, backwards,
				       ARRAY_SIZE(backwards), P - 7, LONG_BYTES,
				       1);
}

static int sweep_read(struct fake_vmap *fake, void *buf)
{
	struct phys_ptr ptr;

	return run_ptr(fake, &ptr) ?: phys_read(&ptr.ro, 0, buf, LONG_BYTES);
}

static int sweep_write(struct fake_vmap *fake, void *buf)
{
	struct phys_ptr ptr;

	return list_ptr(fake, &ptr) ?: phys_write(&ptr, 0, buf, LONG_BYTES);
}

static int sweep_read_bytes(struct fake_vmap *fake, void *buf)
{
	struct phys_ptr ptr;
	size_t done;
	int err;

	err = list_ptr(fake, &ptr) ?:
	      phys_read_bytes(&ptr.ro, 0, buf, LONG_BYTES, &done);
	KUNIT_EXPECT_EQ(fake->test, !err, done == LONG_BYTES);
	return err;
}

static int sweep_write_bytes(struct fake_vmap *fake, void *buf)
{
	struct phys_ptr ptr;
	size_t done;
	int err;

	err = run_ptr(fake, &ptr) ?:
	      phys_write_bytes(&ptr, 0, buf, LONG_BYTES, &done);
	KUNIT_EXPECT_EQ(fake->test, !err, done == LONG_BYTES);
	return err;
}

static int sweep_obj_at(struct fake_vmap *fake, void *buf)
{
	u64 value;

	return phys_read_obj_at(&fake->mgr, 3 * P - 2, &value) ?:
	       phys_write_obj_at(&fake->mgr, 4 * P - 2, &value);
}

static int sweep_session(struct fake_vmap *fake, void *buf)
{
	DEFINE_PHYS_SESSION(s);
	struct phys_ptr ptr;

	return run_ptr(fake, &ptr) ?:
	       phys_session_begin(&s, &ptr.ro) ?:
	       phys_session_read(&s, W * P, buf, 9) ?:
	       phys_session_read(&s, 0, buf, LONG_BYTES);
}

static int sweep_write_session(struct fake_vmap *fake, void *buf)
{
	DEFINE_PHYS_WRITE_SESSION(s);
	struct phys_ptr ptr;

	return list_ptr(fake, &ptr) ?:
	       phys_write_session_begin(&s, &ptr) ?:
	       phys_session_write(&s, W * P, buf, 9) ?:
	       phys_session_read(&s.ro, 0, buf, LONG_BYTES) ?:
	       phys_session_write(&s, 0, buf, 9);
}

static int sweep_locked(struct fake_vmap *fake, void *buf)
{
	struct phys_lock lock;
	struct phys_ptr ptr;
	int err;

	err = list_ptr(fake, &ptr) ?:
	      phys_lock(&lock, &ptr.ro, PHYS_LOCK_EXCLUSIVE);
	if (err)
		return err;
	ptr.ro.lock = &lock;
	err = phys_read(&ptr.ro, 0, buf, LONG_BYTES) ?:
	      phys_write(&ptr, 0, buf, LONG_BYTES);
	phys_unlock(&lock);
	return err;
}

static int sweep_protect(struct fake_vmap *fake, void *buf)
{
	struct phys_protection a = { .owner = "a" }, b = { .owner = "b" };
	struct phys_ptr ptr;
	int err;

	err = phys_protect(&fake->mgr, &a, 5, 3);
	if (err)
		return err;
	err = phys_protect(&fake->mgr, &b, 6, 10);
	if (!err) {
		err = run_ptr(fake, &ptr) ?: phys_read(&ptr.ro, 0, buf, 10);
		phys_unprotect(&fake->mgr, &b);
	}
	phys_unprotect(&fake->mgr, &a);
	return err;
}

struct sweep_row {
	const char *name;
	sweep_fn run;
};

static const struct sweep_row sweep_rows[] = {
	{ "phys_read", sweep_read },
	{ "phys_write", sweep_write },
	{ "phys_read_bytes", sweep_read_bytes },
	{ "phys_write_bytes", sweep_write_bytes },
	{ "phys_read_obj_at, phys_write_obj_at", sweep_obj_at },
	{ "session that moves back", sweep_session },
	{ "write session that moves back", sweep_write_session },
	{ "read and write with a lock held", sweep_locked },
	{ "two protections", sweep_protect },
};

KUNIT_ARRAY_PARAM_DESC(sweep, sweep_rows, name);

static void sweep_test(struct kunit *test)
{
	const struct sweep_row *row = test->param_value;
	u8 *buf = kvzalloc(LONG_BYTES, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	fake_sweep(test->priv, row->run, buf);
	kvfree(buf);
}

/* Once for each way in which single accesses are mapped. */
#define PHYS_FAIL_CASES {						\
	KUNIT_CASE_PARAM(sweep_test, sweep_gen_params),			\
	{ }								\
}

static struct kunit_case phys_fail_cases[] = PHYS_FAIL_CASES;
static struct kunit_case phys_fail_cases_local[] = PHYS_FAIL_CASES;

static struct kunit_suite phys_fail_suite = {
	.name = "lvbs_phys_fail",
	.init = fake_vmap_init,
	.exit = fake_vmap_exit,
	.test_cases = phys_fail_cases,
};

static struct kunit_suite phys_fail_local_suite = {
	.name = "lvbs_phys_fail_local",
	.init = fake_local_vmap_init,
	.exit = fake_vmap_exit,
	.test_cases = phys_fail_cases_local,
};

kunit_test_suites(&phys_fail_suite, &phys_fail_local_suite);
