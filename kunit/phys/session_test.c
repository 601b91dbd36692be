// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of sessions: map once, copy many times, always unmap.
 */
#include <kunit/test.h>
#include <linux/preempt.h>
#include <linux/string.h>

#include "kunit/fakes/vmap.h"

#define P	PAGE_SIZE
#define W	PHYS_WINDOW_PAGES

static bool is_pattern(const u8 *buf, size_t pa, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (buf[i] != fake_pattern(pa + i))
			return false;
	return true;
}

static void maps_once_test(struct kunit *test)
{
	struct fake_vmap *fake = test->priv;
	struct phys_session s;
	struct phys_ptr ptr;
	unsigned int i;
	u8 buf[16];

	KUNIT_ASSERT_EQ(test, 0,
			phys_ptr_init(&ptr, &fake->mgr, 5 * P, W * P, 1));
	memset(&s, 0, sizeof(s));
	KUNIT_ASSERT_EQ(test, 0, phys_session_begin(&s, &ptr.ro));
	for (i = 0; i < 100; i++) {
		size_t at = (i * 997) % (W * P - 16);

		KUNIT_EXPECT_EQ(test, 0, phys_session_read(&s, at, buf, 16));
		KUNIT_EXPECT_TRUE(test, is_pattern(buf, 5 * P + at, 16));
	}
	KUNIT_EXPECT_EQ(test, fake->calls[FAKE_VMAP], 1UL);
	KUNIT_EXPECT_EQ(test, fake->calls[FAKE_VUNMAP], 0UL);
	KUNIT_EXPECT_EQ(test, fake->live, 1U);
	phys_session_end(&s);
	KUNIT_EXPECT_EQ(test, fake->calls[FAKE_VUNMAP], 1UL);
	KUNIT_EXPECT_EQ(test, fake_stat(fake, PHYS_STAT_BYTES), 1600UL);

	/* Ending again is allowed. */
	phys_session_end(&s);
	phys_session_end(&s);
	KUNIT_EXPECT_EQ(test, fake->calls[FAKE_VUNMAP], 1UL);
	KUNIT_EXPECT_EQ(test, -EINVAL, phys_session_read(&s, 0, buf, 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, phys_session_read(&s, 0, buf, 0));
}

/* Accesses inside the window do not sleep. */
static void atomic_test(struct kunit *test)
{
	struct fake_vmap *fake = test->priv;
	DEFINE_PHYS_WRITE_SESSION(s);
	struct phys_ptr ptr;
	u8 buf[16] = {};
	int read, write;

	KUNIT_ASSERT_EQ(test, 0,
			phys_ptr_init(&ptr, &fake->mgr, 5 * P, W * P, 1));
	KUNIT_ASSERT_EQ(test, 0, phys_write_session_begin(&s, &ptr));
	local_irq_disable();
	read = phys_session_read(&s.ro, W * P - 16, buf, 16);
	write = phys_session_write(&s, 0, buf, 16);
	local_irq_enable();
	KUNIT_EXPECT_EQ(test, read, 0);
	KUNIT_EXPECT_EQ(test, write, 0);
}

static void moves_test(struct kunit *test)
{
	struct fake_vmap *fake = test->priv;
	static u8 buf[2 * PAGE_SIZE];
	static unsigned long pfns[2 * W + 3];
	DEFINE_PHYS_SESSION(s);
	struct phys_ptr ptr;
	unsigned int i;
	static const struct {
		const char *name;
		size_t at;
		size_t len;
		unsigned long maps;	/* windows mapped since the start */
	} rows[] = {
		{ "in the first window", 0, 10, 1 },
		{ "its last byte", W * P - 1, 1, 1 },
		{ "behind it", W * P, 1, 2 },
		/* The window moves to the page of the access. */
		{ "further on", (W + 9) * P, 1, 2 },
		{ "the last byte", (2 * W + 3) * P - 1, 1, 3 },
		{ "back to the start", 0, 10, 4 },
		{ "across the end of the window", W * P - 3, 6, 5 },
		{ "page before the window", W * P - 1, 1, 6 },
		{ "nothing, far away", (2 * W + 3) * P, 0, 6 },
	};

	for (i = 0; i < ARRAY_SIZE(pfns); i++)
		pfns[i] = FAKE_FRAMES - 1 - i;
	KUNIT_ASSERT_EQ(test, 0,
			phys_ptr_init_scattered(&ptr, &fake->mgr, pfns,
						ARRAY_SIZE(pfns), 0,
						ARRAY_SIZE(pfns) * P, 1));
	KUNIT_ASSERT_EQ(test, 0, phys_session_begin(&s, &ptr.ro));

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t j;

		KUNIT_EXPECT_EQ_MSG(test, 0,
				    phys_session_read(&s, rows[i].at, buf,
						      rows[i].len),
				    "%s", rows[i].name);
		for (j = 0; j < rows[i].len; j++) {
			size_t at = rows[i].at + j;

			KUNIT_EXPECT_EQ_MSG(test, buf[j],
					    fake_pattern(pfns[at / P] * P +
							 at % P),
					    "%s, byte %zu", rows[i].name, j);
		}
		KUNIT_EXPECT_EQ_MSG(test, fake->calls[FAKE_VMAP], rows[i].maps,
				    "%s", rows[i].name);
		KUNIT_EXPECT_EQ_MSG(test, fake->live, 1U, "%s", rows[i].name);
	}
}

static void write_session_test(struct kunit *test)
{
	struct fake_vmap *fake = test->priv;
	DEFINE_PHYS_WRITE_SESSION(s);
	struct phys_ptr ptr;
	u16 value, i;

	KUNIT_ASSERT_EQ(test, 0,
			phys_ptr_init(&ptr, &fake->mgr, 5 * P - 3, 64, 2));
	KUNIT_ASSERT_EQ(test, 0, phys_write_session_begin(&s, &ptr));
	for (i = 0; i < 32; i++)
		KUNIT_EXPECT_EQ(test, 0, phys_session_write(&s, i, &i, 1));
	for (i = 0; i < 32; i++) {
		KUNIT_EXPECT_EQ(test, 0,
				phys_session_read(&s.ro, i, &value, 1));
		KUNIT_EXPECT_EQ(test, value, i);
	}
	KUNIT_EXPECT_EQ(test, -ERANGE, phys_session_write(&s, 32, &i, 1));
	KUNIT_EXPECT_EQ(test, fake->maps[true], 1UL);
	KUNIT_EXPECT_EQ(test, fake->maps[false], 0UL);
	phys_write_session_end(&s);
	phys_write_session_end(&s);
	KUNIT_EXPECT_EQ(test, -EINVAL, phys_session_write(&s, 0, &i, 1));
	for (i = 0; i < 32; i++) {
		memcpy(&value, fake->memory + 5 * P - 3 + 2 * i, 2);
		KUNIT_EXPECT_EQ(test, value, i);
	}
}

/* Every exit from a scope unmaps. */
static int leave_scope(const struct phys_ptr *ptr, bool early)
{
	DEFINE_PHYS_SESSION(s);
	u8 byte;
	int err;

	err = phys_session_begin(&s, &ptr->ro);
	if (err || early)
		return err;
	err = phys_session_read(&s, 0, &byte, 1);
	return err ?: 1;
}

static int leave_write_scope(const struct phys_ptr *ptr, bool early)
{
	DEFINE_PHYS_WRITE_SESSION(s);
	u8 byte = 1;
	int err;

	err = phys_write_session_begin(&s, ptr);
	if (err || early)
		return err;
	err = phys_session_write(&s, 0, &byte, 1);
	return err ?: 1;
}

static void scope_test(struct kunit *test)
{
	struct fake_vmap *fake = test->priv;
	struct phys_ptr ptr;

	KUNIT_ASSERT_EQ(test, 0, phys_ptr_init(&ptr, &fake->mgr, 5 * P, P, 1));
	KUNIT_EXPECT_EQ(test, 0, leave_scope(&ptr, true));
	KUNIT_EXPECT_EQ(test, fake->live, 0U);
	KUNIT_EXPECT_EQ(test, 1, leave_scope(&ptr, false));
	KUNIT_EXPECT_EQ(test, fake->live, 0U);
	KUNIT_EXPECT_EQ(test, 0, leave_write_scope(&ptr, true));
	KUNIT_EXPECT_EQ(test, fake->live, 0U);
	KUNIT_EXPECT_EQ(test, 1, leave_write_scope(&ptr, false));
	KUNIT_EXPECT_EQ(test, fake->live, 0U);
	KUNIT_EXPECT_EQ(test, fake->calls[FAKE_VUNMAP], 4UL);

	fake->state[5] = FAKE_HOLE;
	KUNIT_EXPECT_EQ(test, -ENXIO, leave_scope(&ptr, false));
	KUNIT_EXPECT_EQ(test, -ENXIO, leave_write_scope(&ptr, false));
	KUNIT_EXPECT_EQ(test, fake->calls[FAKE_VUNMAP], 4UL);
}

/* Sessions that did not begin cannot be read, and may be ended. */
static void not_begun_test(struct kunit *test)
{
	struct fake_vmap *fake = test->priv;
	DEFINE_PHYS_WRITE_SESSION(ws);
	DEFINE_PHYS_SESSION(s);
	struct phys_ptr ptr;
	unsigned int op;
	u8 byte = 0;

	KUNIT_EXPECT_EQ(test, -EINVAL, phys_session_read(&s, 0, &byte, 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, phys_session_read(&ws.ro, 0, &byte, 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, phys_session_write(&ws, 0, &byte, 1));
	phys_session_end(&s);
	phys_write_session_end(&ws);

	KUNIT_ASSERT_EQ(test, 0, phys_ptr_init(&ptr, &fake->mgr, 5 * P, P, 1));
	for (op = FAKE_VALIDATE; op <= FAKE_VMAP; op++) {
		fake_fail(fake, op, 1, -ENOMEM);
		KUNIT_EXPECT_EQ(test, -ENOMEM, phys_session_begin(&s, &ptr.ro));
		KUNIT_EXPECT_EQ(test, -EINVAL,
				phys_session_read(&s, 0, &byte, 1));
		phys_session_end(&s);

		fake_fail(fake, op, 1, -ENOMEM);
		KUNIT_EXPECT_EQ(test, -ENOMEM,
				phys_write_session_begin(&ws, &ptr));
		KUNIT_EXPECT_EQ(test, -EINVAL,
				phys_session_write(&ws, 0, &byte, 1));
		phys_write_session_end(&ws);
	}
	KUNIT_EXPECT_EQ(test, fake->calls[FAKE_VUNMAP], 0UL);
}

/* Beginning again must neither add the claim twice nor lose it. */
static void begun_twice_test(struct kunit *test)
{
	struct fake_vmap *fake = test->priv;
	struct phys_ptr ptr, other, refused = {}, empty;
	DEFINE_PHYS_WRITE_SESSION(s);
	u8 byte = 0;

	KUNIT_ASSERT_EQ(test, 0, phys_ptr_init(&ptr, &fake->mgr, 5 * P, P, 1));
	KUNIT_ASSERT_EQ(test, 0,
			phys_ptr_init(&other, &fake->mgr, 9 * P, P, 1));
	KUNIT_ASSERT_EQ(test, 0,
			phys_ptr_init(&empty, &fake->mgr, 5 * P, 0, 1));

	KUNIT_ASSERT_EQ(test, 0, phys_write_session_begin(&s, &ptr));
	KUNIT_EXPECT_EQ(test, -EBUSY, phys_write_session_begin(&s, &ptr));
	KUNIT_EXPECT_EQ(test, -EBUSY, phys_write_session_begin(&s, &other));
	KUNIT_EXPECT_EQ(test, -EBUSY, phys_write_session_begin(&s, &refused));
	KUNIT_EXPECT_EQ(test, -EBUSY, phys_session_begin(&s.ro, &ptr.ro));
	KUNIT_EXPECT_EQ(test, fake->calls[FAKE_VMAP], 1UL);
	KUNIT_EXPECT_EQ(test, 0, phys_session_read(&s.ro, 7, &byte, 1));
	KUNIT_EXPECT_TRUE(test, is_pattern(&byte, 5 * P + 7, 1));
	KUNIT_EXPECT_EQ(test, 0, phys_session_write(&s, 7, &byte, 1));
	phys_write_session_end(&s);
	KUNIT_EXPECT_TRUE(test, fake_claims_empty(&fake->claims));

	/* It can begin again after its end; it may be open without a mapping. */
	KUNIT_EXPECT_EQ(test, 0, phys_session_begin(&s.ro, &empty.ro));
	KUNIT_EXPECT_EQ(test, -EBUSY, phys_session_begin(&s.ro, &ptr.ro));
	phys_write_session_end(&s);
	KUNIT_EXPECT_EQ(test, -EINVAL, phys_session_begin(&s.ro, &refused.ro));
	KUNIT_EXPECT_EQ(test, 0, phys_session_begin(&s.ro, &other.ro));
	KUNIT_EXPECT_EQ(test, 0, phys_session_read(&s.ro, 7, &byte, 1));
	KUNIT_EXPECT_TRUE(test, is_pattern(&byte, 9 * P + 7, 1));
	KUNIT_EXPECT_FALSE(test, fake->last_local);
}

/* A session on an empty pointer. */
static void empty_test(struct kunit *test)
{
	struct fake_vmap *fake = test->priv;
	DEFINE_PHYS_SESSION(s);
	struct phys_ptr ptr;
	u8 byte;

	KUNIT_ASSERT_EQ(test, 0, phys_ptr_init(&ptr, &fake->mgr, 5 * P, 0, 1));
	KUNIT_EXPECT_EQ(test, 0, phys_session_begin(&s, &ptr.ro));
	KUNIT_EXPECT_EQ(test, 0, phys_session_read(&s, 0, &byte, 0));
	KUNIT_EXPECT_EQ(test, -ERANGE, phys_session_read(&s, 0, &byte, 1));
	phys_session_end(&s);
	KUNIT_EXPECT_EQ(test, fake->calls[FAKE_VMAP], 0UL);
}

/* Moving the window fails; the next access tries again. */
static void move_fails_test(struct kunit *test)
{
	struct fake_vmap *fake = test->priv;
	DEFINE_PHYS_SESSION(s);
	struct phys_ptr ptr;
	u8 buf[8];

	KUNIT_ASSERT_EQ(test, 0,
			phys_ptr_init(&ptr, &fake->mgr, P, 2 * W * P, 1));
	KUNIT_ASSERT_EQ(test, 0, phys_session_begin(&s, &ptr.ro));

	fake->state[2 * W] = FAKE_HOLE;
	KUNIT_EXPECT_EQ(test, -ENXIO, phys_session_read(&s, W * P, buf, 8));
	KUNIT_EXPECT_EQ(test, fake->live, 0U);
	fake->state[2 * W] = FAKE_RAM;
	fake_fail(fake, FAKE_VMAP, 1, -ENOMEM);
	KUNIT_EXPECT_EQ(test, -ENOMEM, phys_session_read(&s, W * P, buf, 8));
	KUNIT_EXPECT_EQ(test, fake->live, 0U);

	KUNIT_EXPECT_EQ(test, 0, phys_session_read(&s, W * P, buf, 8));
	KUNIT_EXPECT_TRUE(test, is_pattern(buf, P + W * P, 8));
	KUNIT_EXPECT_EQ(test, 0, phys_session_read(&s, 0, buf, 8));
	KUNIT_EXPECT_TRUE(test, is_pattern(buf, P, 8));
}

/* All windows are validated before the first is mapped. */
static void begin_is_all_or_nothing_test(struct kunit *test)
{
	struct fake_vmap *fake = test->priv;
	struct phys_protection prot = { .owner = "test" };
	DEFINE_PHYS_WRITE_SESSION(ws);
	DEFINE_PHYS_SESSION(s);
	struct phys_ptr ptr;

	KUNIT_ASSERT_EQ(test, 0,
			phys_ptr_init(&ptr, &fake->mgr, P, 3 * W * P, 1));
	KUNIT_ASSERT_EQ(test, 0,
			phys_protect(&fake->mgr, &prot, 3 * W, 1));
	KUNIT_EXPECT_EQ(test, -EROFS, phys_write_session_begin(&ws, &ptr));
	phys_unprotect(&fake->mgr, &prot);
	fake->state[3 * W] = FAKE_OWNED;
	KUNIT_EXPECT_EQ(test, -EPERM, phys_session_begin(&s, &ptr.ro));
	KUNIT_EXPECT_EQ(test, -EPERM, phys_write_session_begin(&ws, &ptr));
	KUNIT_EXPECT_EQ(test, fake->calls[FAKE_VMAP], 0UL);
}

/* A session uses a copy of the pointer. */
static void pointer_is_copied_test(struct kunit *test)
{
	struct fake_vmap *fake = test->priv;
	DEFINE_PHYS_SESSION(s);
	struct phys_ptr ptr;
	u8 buf[8];

	KUNIT_ASSERT_EQ(test, 0, phys_ptr_init(&ptr, &fake->mgr, 5 * P, P, 1));
	KUNIT_ASSERT_EQ(test, 0, phys_session_begin(&s, &ptr.ro));
	memset(&ptr, 0xff, sizeof(ptr));
	KUNIT_EXPECT_EQ(test, 0, phys_session_read(&s, 8, buf, 8));
	KUNIT_EXPECT_TRUE(test, is_pattern(buf, 5 * P + 8, 8));
}

static struct kunit_case phys_session_cases[] = {
	KUNIT_CASE(maps_once_test),
	KUNIT_CASE(atomic_test),
	KUNIT_CASE(moves_test),
	KUNIT_CASE(write_session_test),
	KUNIT_CASE(scope_test),
	KUNIT_CASE(not_begun_test),
	KUNIT_CASE(begun_twice_test),
	KUNIT_CASE(empty_test),
	KUNIT_CASE(move_fails_test),
	KUNIT_CASE(begin_is_all_or_nothing_test),
	KUNIT_CASE(pointer_is_copied_test),
	{ }
};

static struct kunit_suite phys_session_suite = {
	.name = "lvbs_phys_session",
	.init = fake_vmap_init,
	.exit = fake_vmap_exit,
	.test_cases = phys_session_cases,
};

kunit_test_suites(&phys_session_suite);
