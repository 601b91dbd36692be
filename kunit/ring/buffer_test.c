// SPDX-License-Identifier: GPL-2.0
/*
 * Rings in real memory: random writes compared to a model, failed writes,
 * refused memory, and regression tests for bugs of the reference system.
 */
#include <kunit/test.h>
#include <linux/bits.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/panic.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include <lvbs/phys_ptr.h>
#include <lvbs/ring_buffer.h>

#include "kunit/fakes/kernel.h"
#include "kunit/fakes/random.h"
#include "kunit/param.h"
#include "phys/vmap_manager_privileged.h"
#include "ring/ring.h"

#define BLOCK_ORDER	5
#define BLOCK_PAGES	BIT(BLOCK_ORDER)

/*
 * A manager of real memory with fault injection.
 */

static struct {
	unsigned int vmaps;
	unsigned int fail_at;	/* which vmap fails, counted from 1; 0: none */
	bool read_only;		/* map read-only, so that writes fault */
	bool vanish;		/* frames go offline once they are protected */
	bool gone;
} flaky;

static const struct vmap_manager_ops *real_ops(void)
{
	return vmap_manager_privileged()->ops;
}

static int flaky_validate(struct vmap_manager *mgr,
			  const struct phys_frames *frames)
{
	return flaky.gone ? -ENXIO :
			    real_ops()->validate_unowned(mgr, frames);
}

static int flaky_vmap(struct vmap_manager *mgr,
		      const struct phys_frames *frames, unsigned int flags,
		      struct phys_map *map)
{
	if (flaky.read_only)
		flags &= ~PHYS_MAP_WRITE;
	if (++flaky.vmaps == flaky.fail_at)
		return -ENOMEM;
	return real_ops()->vmap(mgr, frames, flags, map);
}

static int flaky_vunmap(struct vmap_manager *mgr, struct phys_map *map)
{
	return real_ops()->vunmap(mgr, map);
}

static int flaky_protect(struct vmap_manager *mgr,
			 struct phys_protection *prot, bool on)
{
	int err = real_ops()->protect(mgr, prot, on);

	flaky.gone = flaky.vanish && on && !err;
	return err;
}

static const struct vmap_manager_ops flaky_ops = {
	.validate_unowned = flaky_validate,
	.vmap = flaky_vmap,
	.vunmap = flaky_vunmap,
	.protect = flaky_protect,
};

/*
 * A ring, direct access to its memory, and a model of both.
 */

enum layout {
	CONTIGUOUS,
	SCATTERED,
};

struct rig {
	struct vmap_manager mgr;
	struct page *block;
	unsigned long pfns[BLOCK_PAGES];
	struct lvbs_ring *ring;
	enum layout layout;
	unsigned int start;
	size_t size;
	u8 *model;
	size_t offset;
	u64 total;
	u8 *buf;
};

static int rig_init(struct kunit *test)
{
	struct rig *rig = kunit_kzalloc(test, sizeof(*rig), GFP_KERNEL);

	if (!rig)
		return -ENOMEM;
	test->priv = rig;
	memset(&flaky, 0, sizeof(flaky));
	rig->mgr = *vmap_manager_privileged();
	rig->mgr.ops = &flaky_ops;
	rig->block = alloc_pages(GFP_KERNEL | __GFP_ZERO, BLOCK_ORDER);
	rig->model = vzalloc(BLOCK_PAGES * PAGE_SIZE);
	rig->buf = vzalloc(4 * BLOCK_PAGES * PAGE_SIZE);
	return rig->block && rig->model && rig->buf ? 0 : -ENOMEM;
}

static void rig_exit(struct kunit *test)
{
	struct rig *rig = test->priv;

	if (!rig)
		return;
	if (rig->ring) {
		ring_shutdown(rig->ring);
		lvbs_ring_put(rig->ring);
	}
	if (rig->block)
		__free_pages(rig->block, BLOCK_ORDER);
	vfree(rig->model);
	vfree(rig->buf);
}

static phys_addr_t rig_pa(const struct rig *rig)
{
	return PFN_PHYS(page_to_pfn(rig->block));
}

/* The block's pages in an order without two neighbours in a row. */
static void rig_scatter(struct rig *rig)
{
	unsigned long first = page_to_pfn(rig->block);
	unsigned long i;

	for (i = 0; i < BLOCK_PAGES; i++)
		rig->pfns[i] = first + (BLOCK_PAGES - 1 - i) * 5 % BLOCK_PAGES;
}

static struct lvbs_ring *create_scattered(struct rig *rig, unsigned long nr,
					  enum lvbs_ring_mode mode)
{
	struct lvbs_ring *ring = ring_alloc("test", &rig->mgr);
	unsigned long *pfns;

	if (IS_ERR(ring))
		return ring;
	pfns = kvmalloc_array(nr, sizeof(*pfns), GFP_KERNEL);
	if (!pfns) {
		kfree(ring);
		return ERR_PTR(-ENOMEM);
	}
	rig_scatter(rig);
	memcpy(pfns, rig->pfns, nr * sizeof(*pfns));
	ring->mem.frames.pfns = pfns;
	ring->mem.frames.nr = nr;
	return ring_init(ring, 0, nr << PAGE_SHIFT, mode);
}

static void rig_make(struct kunit *test, enum layout layout, unsigned int start,
		     size_t size, enum lvbs_ring_mode mode)
{
	struct rig *rig = test->priv;

	KUNIT_ASSERT_NULL(test, rig->ring);
	rig->layout = layout;
	rig->start = start;
	rig->size = size;
	if (layout == CONTIGUOUS)
		rig->ring = ring_create_at("test", &rig->mgr,
					   rig_pa(rig) + start, size, mode);
	else
		rig->ring = create_scattered(rig, size >> PAGE_SHIFT, mode);
	if (IS_ERR(rig->ring)) {
		int err = PTR_ERR(rig->ring);

		rig->ring = NULL;
		KUNIT_ASSERT_EQ(test, err, 0);
	}
}

/* Address of ring offset @at; limits *@len to the end of that page. */
static u8 *rig_memory(const struct rig *rig, size_t at, size_t *len)
{
	size_t pos = rig->start + at;

	*len = min_t(size_t, *len, PAGE_SIZE - offset_in_page(pos));
	if (rig->layout == CONTIGUOUS)
		return page_address(rig->block) + pos;
	return page_address(pfn_to_page(rig->pfns[pos >> PAGE_SHIFT])) +
	       offset_in_page(pos);
}

/* Does the memory from ring offset @at on match the model? */
static bool rig_same_at(const struct rig *rig, size_t at, size_t len)
{
	while (len) {
		size_t n = min(len, rig->size - at);
		const u8 *memory = rig_memory(rig, at, &n);

		if (memcmp(memory, rig->model + at, n))
			return false;
		len -= n;
		at = (at + n) % rig->size;
	}
	return true;
}

static bool rig_same(const struct rig *rig)
{
	return rig_same_at(rig, 0, rig->size);
}

/* Apply a write to the model, byte by byte. */
static void model_write(struct rig *rig, const u8 *buf, size_t len)
{
	size_t size = rig->size;

	rig->total += len;
	if (len >= size) {
		memcpy(rig->model, buf + len - size, size);
		rig->offset = 0;
		return;
	}
	while (len--) {
		rig->model[rig->offset++] = *buf++;
		if (rig->offset == size)
			rig->offset = 0;
	}
}

static bool rig_state_same(const struct rig *rig)
{
	struct lvbs_ring_state state;

	lvbs_ring_get_state(rig->ring, &state);
	return state.size == rig->size && state.offset == rig->offset &&
	       state.total == rig->total &&
	       state.oldest == (rig->total > rig->size ?
				rig->total - rig->size : 0);
}

/* Does a snapshot match the model, oldest byte first? */
static bool rig_snapshot_same(const struct rig *rig, u8 *buf)
{
	size_t have = min_t(u64, rig->total, rig->size), start, i;
	size_t at = rig->total > rig->size ? rig->offset : 0;

	if (lvbs_ring_snapshot(rig->ring, buf, &start) != (ssize_t)have ||
	    start)
		return false;
	for (i = 0; i < have; i++)
		if (buf[i] != rig->model[(at + i) % rig->size])
			return false;
	return true;
}

static int rig_write(struct rig *rig, const void *buf, size_t len)
{
	int err = lvbs_ring_write(rig->ring, buf, len);

	if (!err)
		model_write(rig, buf, len);
	return err;
}

static struct lvbs_ring_state rig_state(const struct rig *rig)
{
	struct lvbs_ring_state state;

	lvbs_ring_get_state(rig->ring, &state);
	return state;
}

/*
 * Random writes.
 */

struct random_case {
	const char *name;
	enum lvbs_ring_mode mode;
	enum layout layout;
	unsigned int start;
	size_t size;
	unsigned int writes;
};

#define ONDEMAND	LVBS_RING_ONDEMAND
#define PERSISTENT	LVBS_RING_PERSISTENT
#define PG		PAGE_SIZE

static const struct random_case random_cases[] = {
	{ "on demand, contiguous", ONDEMAND, CONTIGUOUS, 0, 3 * PG, 100000 },
	{ "on demand, contiguous, unaligned", ONDEMAND, CONTIGUOUS, 100,
	  2 * PG + 50, 50000 },
	{ "on demand, contiguous, tiny", ONDEMAND, CONTIGUOUS, 4090, 13,
	  50000 },
	{ "on demand, contiguous, one page", ONDEMAND, CONTIGUOUS, 0, PG,
	  25000 },
	{ "on demand, scattered", ONDEMAND, SCATTERED, 0, 4 * PG, 100000 },
	{ "on demand, scattered, large", ONDEMAND, SCATTERED, 0, 20 * PG,
	  25000 },
	{ "persistent, contiguous", PERSISTENT, CONTIGUOUS, 0, 3 * PG,
	  250000 },
	{ "persistent, contiguous, unaligned", PERSISTENT, CONTIGUOUS, 100,
	  2 * PG + 50, 100000 },
	{ "persistent, contiguous, tiny", PERSISTENT, CONTIGUOUS, 4090, 13,
	  100000 },
	{ "persistent, scattered", PERSISTENT, SCATTERED, 0, 4 * PG, 250000 },
	{ "persistent, scattered, large", PERSISTENT, SCATTERED, 0, 20 * PG,
	  25000 },
};

KUNIT_ARRAY_PARAM_DESC(random, random_cases, name);

/* Mostly short records; some end near an edge or exceed the ring. */
static size_t random_len(const struct rig *rig, struct rnd_state *rnd)
{
	size_t to_end = rig->size - rig->offset;

	switch (random_below(rnd, 64)) {
	case 0:
		return random_below(rnd, 2 * rig->size);
	case 1:
		return to_end;
	case 2:
		return to_end + 1;
	case 3:
		return to_end - 1;
	case 4:
		return rig->size - random_below(rnd, min_t(size_t, rig->size,
							   100));
	case 5:
		return rig->size + random_below(rnd, 2);
	default:
		return random_below(rnd, min_t(size_t, rig->size, 300));
	}
}

static void ring_random_writes(struct kunit *test)
{
	const struct random_case *c = test->param_value;
	struct rig *rig = test->priv;
	struct rnd_state rnd;
	unsigned int i;
	u8 *shot;

	rig_make(test, c->layout, c->start, c->size, c->mode);
	shot = vmalloc(c->size);
	KUNIT_ASSERT_NOT_NULL(test, shot);

	random_start(test, &rnd);
	prandom_bytes_state(&rnd, rig->buf, 4 * c->size);

	for (i = 0; i < RANDOM_ROUNDS(c->writes); i++) {
		const u8 *buf = rig->buf + random_below(&rnd, 2 * c->size);
		size_t len = random_len(rig, &rnd), at = rig->offset;
		int err;

		/* More than this is refused: see ring_store_is_bounded(). */
		if (c->mode == LVBS_RING_PERSISTENT &&
		    rig->size > LVBS_RING_STORE_MAX)
			len = min_t(size_t, len, LVBS_RING_STORE_MAX);
		err = rig_write(rig, buf, len);
		if (len >= rig->size)
			at = 0;
		if (err || !rig_state_same(rig) ||
		    !rig_same_at(rig, at, min(len, rig->size)) ||
		    (i % 512 == 0 && (!rig_same(rig) ||
				      !rig_snapshot_same(rig, shot)))) {
			KUNIT_FAIL(test, "write %u of %zu bytes: error %d\n", i,
				   len, err);
			break;
		}
		if (i % 1024 == 0)
			cond_resched();
	}
	KUNIT_EXPECT_TRUE(test, rig_same(rig));
	KUNIT_EXPECT_TRUE(test, rig_snapshot_same(rig, shot));
	KUNIT_EXPECT_EQ(test, rig_state(rig).failed, 0ULL);
	KUNIT_EXPECT_EQ(test, rig_state(rig).lost, 0ULL);
	vfree(shot);
}

/*
 * Regression tests for bugs of the reference system, quoted below.
 */

/* "The offset advanced after a failed write." */
static void ring_failed_write_changes_nothing(struct kunit *test)
{
	struct rig *rig = test->priv;
	unsigned int i;

	rig_make(test, CONTIGUOUS, 0, 2 * PAGE_SIZE, LVBS_RING_ONDEMAND);
	memset(rig->buf, 'a', 3 * PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, rig_write(rig, rig->buf, 5000), 0);

	for (i = 0; i < 3; i++) {
		static const size_t lens[] = { 100, 5000, 3 * 4096 };

		flaky.fail_at = flaky.vmaps + 1;
		memset(rig->buf, 'b', lens[i]);
		KUNIT_EXPECT_EQ(test, rig_write(rig, rig->buf, lens[i]),
				-ENOMEM);
		KUNIT_EXPECT_TRUE(test, rig_state_same(rig));
		KUNIT_EXPECT_TRUE(test, rig_same(rig));
		KUNIT_EXPECT_EQ(test, rig_state(rig).failed, i + 1ULL);
	}

	/* The next write is not affected. */
	memset(rig->buf, 'c', 3192);
	KUNIT_EXPECT_EQ(test, rig_write(rig, rig->buf, 3192), 0);
	KUNIT_EXPECT_TRUE(test, rig_state_same(rig));
	KUNIT_EXPECT_TRUE(test, rig_same(rig));
	KUNIT_EXPECT_TRUE(test, rig_snapshot_same(rig, rig->buf));
}

/* If the second mapping fails, readers skip what the first overwrote. */
static void ring_second_mapping_fails(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct lvbs_ring_state state;
	size_t start, i;
	ssize_t n;

	rig_make(test, CONTIGUOUS, 8, 1000, LVBS_RING_ONDEMAND);
	memset(rig->buf, 'a', 500);
	memset(rig->buf + 500, 'b', 1000);
	KUNIT_ASSERT_EQ(test, rig_write(rig, rig->buf, 400), 0);
	KUNIT_ASSERT_EQ(test, rig_write(rig, rig->buf + 500, 500), 0);
	/* 900 of 1000 bytes: a[0..400) b[400..900), the end is at 100. */
	flaky.fail_at = flaky.vmaps + 2;
	KUNIT_EXPECT_EQ(test, lvbs_ring_write(rig->ring, rig->buf, 300),
			-ENOMEM);

	/* Only free space was overwritten: no byte is lost. */
	state = rig_state(rig);
	KUNIT_EXPECT_EQ(test, state.offset, (size_t)900);
	KUNIT_EXPECT_EQ(test, state.total, 900ULL);
	KUNIT_EXPECT_EQ(test, state.oldest, 0ULL);
	KUNIT_EXPECT_EQ(test, state.failed, 1ULL);

	/* Fill the ring; the next write begins at 0 ... */
	KUNIT_ASSERT_EQ(test, rig_write(rig, rig->buf + 500, 100), 0);
	KUNIT_ASSERT_EQ(test, rig_write(rig, rig->buf + 500, 950), 0);
	/* ... and ends at 950: then 50 bytes are stored before the failure. */
	flaky.fail_at = flaky.vmaps + 2;
	KUNIT_EXPECT_EQ(test, lvbs_ring_write(rig->ring, rig->buf, 300),
			-ENOMEM);
	state = rig_state(rig);
	KUNIT_EXPECT_EQ(test, state.offset, (size_t)950);
	KUNIT_EXPECT_EQ(test, state.total, 1950ULL);
	KUNIT_EXPECT_EQ(test, state.oldest, 1000ULL);
	KUNIT_EXPECT_EQ(test, state.failed, 2ULL);
	n = lvbs_ring_snapshot(rig->ring, rig->buf, &start);
	KUNIT_EXPECT_EQ(test, n, (ssize_t)950);
	for (i = 0; i < 950; i++)
		if (rig->buf[start + i] != 'b')
			break;
	KUNIT_EXPECT_EQ(test, i, (size_t)950);
}

static void ring_copy_faults(struct kunit *test)
{
	struct rig *rig = test->priv;

	if (IS_ENABLED(CONFIG_UML))
		kunit_skip(test, "faults kill UML");

	rig_make(test, CONTIGUOUS, 0, 2 * PAGE_SIZE, LVBS_RING_ONDEMAND);
	KUNIT_ASSERT_EQ(test, rig_write(rig, "before", 6), 0);
	flaky.read_only = true;
	KUNIT_EXPECT_EQ(test, rig_write(rig, "lost", 4), -EFAULT);
	flaky.read_only = false;
	KUNIT_EXPECT_TRUE(test, rig_state_same(rig));
	KUNIT_EXPECT_TRUE(test, rig_same(rig));
	KUNIT_EXPECT_EQ(test, rig_write(rig, "after", 5), 0);
	KUNIT_EXPECT_TRUE(test, rig_snapshot_same(rig, rig->buf));
}

static void ring_copy_faults_persistent(struct kunit *test)
{
	struct rig *rig = test->priv;

	if (IS_ENABLED(CONFIG_UML))
		kunit_skip(test, "faults kill UML");

	flaky.read_only = true;
	rig_make(test, CONTIGUOUS, 0, 2 * PAGE_SIZE, LVBS_RING_PERSISTENT);
	KUNIT_EXPECT_EQ(test, rig_write(rig, "lost", 4), -EFAULT);
	KUNIT_EXPECT_EQ(test, rig_write(rig, rig->buf, 3 * PAGE_SIZE),
			-EFAULT);
	KUNIT_EXPECT_TRUE(test, rig_state_same(rig));
	KUNIT_EXPECT_TRUE(test, rig_same(rig));
	KUNIT_EXPECT_EQ(test, rig_state(rig).failed, 2ULL);
}

/* "Size 0 was accepted and silenced logging for good." */
static void ring_refuses_size_0(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct vmap_manager *mgr = &rig->mgr;
	phys_addr_t pa = rig_pa(rig);

	KUNIT_EXPECT_EQ(test, PTR_ERR(ring_create("t", mgr, 0, ONDEMAND)),
			(long)-EINVAL);
	KUNIT_EXPECT_EQ(test,
			PTR_ERR(ring_create_at("t", mgr, pa, 0, ONDEMAND)),
			(long)-EINVAL);
	KUNIT_EXPECT_EQ(test, lvbs_ring_new("t", 0, PERSISTENT), -EINVAL);
	KUNIT_EXPECT_EQ(test, lvbs_ring_new_at("t", pa, 0, PERSISTENT),
			-EINVAL);
	KUNIT_EXPECT_NULL(test, lvbs_ring_get("t"));
}

/* "A second allocation returned success and kept the old ring." */
static void ring_refuses_second_allocation(struct kunit *test)
{
	struct rig *rig = test->priv;
	phys_addr_t pa = rig_pa(rig);
	struct lvbs_ring *ring;
	size_t start;

	KUNIT_ASSERT_EQ(test, lvbs_ring_new_at("twice", pa, 100, ONDEMAND), 0);
	ring = lvbs_ring_get("twice");
	KUNIT_ASSERT_NOT_NULL(test, ring);
	KUNIT_EXPECT_EQ(test, lvbs_ring_write(ring, "old", 3), 0);

	/* The name is taken; so is the frame, also for other bytes of it. */
	KUNIT_EXPECT_EQ(test, lvbs_ring_new("twice", 1, ONDEMAND), -EEXIST);
	KUNIT_EXPECT_EQ(test, lvbs_ring_new_at("twice", pa + PAGE_SIZE, 100,
					       ONDEMAND), -EEXIST);
	KUNIT_EXPECT_EQ(test, lvbs_ring_new_at("other", pa, 100, ONDEMAND),
			-EEXIST);
	KUNIT_EXPECT_EQ(test, lvbs_ring_new_at("other", pa + 2000, 100,
					       PERSISTENT), -EEXIST);
	KUNIT_EXPECT_NULL(test, lvbs_ring_get("other"));
	KUNIT_EXPECT_EQ(test, lvbs_ring_snapshot(ring, rig->buf, &start),
			(ssize_t)3);

	/* After removal old references fail, and the name is free. */
	KUNIT_EXPECT_EQ(test, lvbs_ring_remove("twice"), 0);
	KUNIT_EXPECT_EQ(test, lvbs_ring_remove("twice"), -ENOENT);
	KUNIT_EXPECT_EQ(test, lvbs_ring_write(ring, "late", 4), -ENOENT);
	KUNIT_EXPECT_EQ(test, lvbs_ring_snapshot(ring, rig->buf, &start),
			(ssize_t)-ENOENT);
	lvbs_ring_put(ring);
	KUNIT_EXPECT_EQ(test, lvbs_ring_new_at("twice", pa, 100, PERSISTENT),
			0);
	KUNIT_EXPECT_EQ(test, lvbs_ring_remove("twice"), 0);
}

/* "Allocation under the lock": a persistent write neither maps nor sleeps. */
static void ring_persistent_write_in_atomic_context(struct kunit *test)
{
	struct rig *rig = test->priv;
	unsigned long flags;
	unsigned int vmaps;

	rig_make(test, SCATTERED, 0, 4 * PAGE_SIZE, LVBS_RING_PERSISTENT);
	vmaps = flaky.vmaps;
	local_irq_save(flags);
	KUNIT_EXPECT_EQ(test, lvbs_ring_write(rig->ring, rig->buf, 100), 0);
	KUNIT_EXPECT_EQ(test, lvbs_ring_write(rig->ring, rig->buf, 16300), 0);
	KUNIT_EXPECT_EQ(test, lvbs_ring_write(rig->ring, rig->buf, 50000), 0);
	local_irq_restore(flags);
	KUNIT_EXPECT_EQ(test, flaky.vmaps, vmaps);
	KUNIT_EXPECT_EQ(test, vmaps, 1U);
}

/* In an NMI or panic, a write that cannot take the lock is lost and counted. */
static void ring_busy_write_is_lost(struct kunit *test)
{
	struct rig *rig = test->priv;
	unsigned long flags;
	u64 lost = 0;

	rig_make(test, CONTIGUOUS, 0, PAGE_SIZE, LVBS_RING_PERSISTENT);
	KUNIT_EXPECT_EQ(test, rig_write(rig, "one", 3), 0);

	raw_spin_lock_irqsave(&rig->ring->write_lock, flags);
	oops_in_progress++;
	/* A writer on another CPU has the lock, but has not set @writing. */
	if (IS_ENABLED(CONFIG_SMP)) {
		KUNIT_EXPECT_EQ(test, rig_write(rig, "two", 3), -EBUSY);
		lost++;
	}
	WRITE_ONCE(rig->ring->writing, true);
	KUNIT_EXPECT_EQ(test, rig_write(rig, "three", 5), -EBUSY);
	lost++;
	oops_in_progress--;
	WRITE_ONCE(rig->ring->writing, false);
	raw_spin_unlock_irqrestore(&rig->ring->write_lock, flags);

	KUNIT_EXPECT_EQ(test, rig_state(rig).lost, lost);
	KUNIT_EXPECT_EQ(test, rig_state(rig).failed, 0ULL);
	KUNIT_EXPECT_TRUE(test, rig_state_same(rig));

	oops_in_progress++;
	KUNIT_EXPECT_EQ(test, rig_write(rig, "four", 4), 0);
	oops_in_progress--;
	KUNIT_EXPECT_TRUE(test, rig_snapshot_same(rig, rig->buf));
}

/*
 * Memory that a ring may and may not use.
 */

static long make_at_err(struct rig *rig, phys_addr_t pa, size_t size)
{
	struct lvbs_ring *ring = ring_create_at("test", &rig->mgr, pa, size,
						LVBS_RING_PERSISTENT);
	long err = PTR_ERR_OR_ZERO(ring);

	if (!err) {
		ring_shutdown(ring);
		lvbs_ring_put(ring);
	}
	return err;
}

static void ring_refuses_kernel_text(struct kunit *test)
{
	struct rig *rig = test->priv;
	phys_addr_t text = __pa_symbol(KERNEL_SECTION(_stext));
	phys_addr_t rodata = __pa_symbol(KERNEL_SECTION(__start_rodata));

	KUNIT_EXPECT_EQ(test, make_at_err(rig, text, PAGE_SIZE), (long)-EROFS);
	KUNIT_EXPECT_EQ(test, make_at_err(rig, text + 100, 1), (long)-EROFS);
	KUNIT_EXPECT_EQ(test, make_at_err(rig, text - PAGE_SIZE, 2 * PAGE_SIZE),
			(long)-EROFS);
	KUNIT_EXPECT_EQ(test, make_at_err(rig, rodata, 8), (long)-EROFS);
}

static void ring_refuses_bad_addresses(struct kunit *test)
{
	struct rig *rig = test->priv;
	phys_addr_t end = PFN_PHYS(rig->mgr.max_pfn) + PAGE_SIZE - 1;
	unsigned int bit;

	KUNIT_EXPECT_EQ(test, make_at_err(rig, end, 2), (long)-EOVERFLOW);
	if (end + 1)	/* 0 if the physical address has full width */
		KUNIT_EXPECT_EQ(test, make_at_err(rig, end + 1, 1),
				(long)-EOVERFLOW);
	KUNIT_EXPECT_EQ(test, make_at_err(rig, ~(phys_addr_t)0, 2),
			(long)-EOVERFLOW);
	KUNIT_EXPECT_EQ(test, make_at_err(rig, 4096, SIZE_MAX),
			(long)-EOVERFLOW);
	KUNIT_EXPECT_EQ(test, make_at_err(rig, end, 1), (long)-ENXIO);
	/* No high bit of an address is lost in the frame number. */
	for (bit = PAGE_SHIFT; bit < BITS_PER_BYTE * sizeof(end); bit++)
		if (BIT_ULL(bit) > end)
			KUNIT_EXPECT_EQ_MSG(test,
					    make_at_err(rig, BIT_ULL(bit), 1),
					    (long)-EOVERFLOW, "bit %u", bit);
	KUNIT_EXPECT_EQ(test, make_at_err(rig, rig_pa(rig), SIZE_MAX),
			(long)-EOVERFLOW);
	KUNIT_EXPECT_EQ(test, lvbs_ring_new("t", ULONG_MAX, ONDEMAND),
			-ENOMEM);
	KUNIT_EXPECT_EQ(test, lvbs_ring_new("t", ULONG_MAX >> PAGE_SHIFT,
					    PERSISTENT), -ENOMEM);
}

static int write_session(struct phys_write_session *s, phys_addr_t pa)
{
	struct phys_ptr ptr;
	int err;

	err = phys_ptr_init(&ptr, lvbs_vmap_manager(), pa, 16, 1);
	return err ?: phys_write_session_begin(s, &ptr);
}

/* A ring's pages can be neither written nor protected by others. */
static void ring_pages_are_protected(struct kunit *test)
{
	struct vmap_manager *ordinary = lvbs_vmap_manager();
	struct phys_protection prot = { .owner = "test" };
	struct rig *rig = test->priv;
	unsigned long pfn = page_to_pfn(rig->block);
	DEFINE_PHYS_WRITE_SESSION(s);
	u32 word = 1;

	/* Refused while mapped writable ... */
	KUNIT_ASSERT_EQ(test, write_session(&s, rig_pa(rig) + 3 * PAGE_SIZE),
			0);
	KUNIT_EXPECT_EQ(test, make_at_err(rig, rig_pa(rig), 4 * PAGE_SIZE),
			(long)-EBUSY);
	phys_write_session_end(&s);
	/* ... and where already protected. */
	KUNIT_ASSERT_EQ(test, phys_protect(ordinary, &prot, pfn + 1, 1), 0);
	KUNIT_EXPECT_EQ(test, make_at_err(rig, rig_pa(rig), 4 * PAGE_SIZE),
			(long)-EROFS);
	phys_unprotect(ordinary, &prot);

	rig_make(test, CONTIGUOUS, 100, 4000, LVBS_RING_ONDEMAND);
	KUNIT_EXPECT_EQ(test, write_session(&s, rig_pa(rig)), -EROFS);
	phys_write_session_end(&s);
	KUNIT_EXPECT_EQ(test, phys_write_obj_at(ordinary, rig_pa(rig) + 200,
						&word), -EROFS);
	KUNIT_EXPECT_EQ(test, phys_read_obj_at(ordinary, rig_pa(rig) + 200,
					       &word), 0);
	KUNIT_EXPECT_EQ(test, phys_protect(ordinary, &prot, pfn, 1), -EBUSY);
	KUNIT_EXPECT_EQ(test, rig_write(rig, "still", 5), 0);

	ring_shutdown(rig->ring);
	KUNIT_EXPECT_EQ(test, phys_write_obj_at(ordinary, rig_pa(rig) + 200,
						&word), 0);
	KUNIT_EXPECT_EQ(test, phys_protect(ordinary, &prot, pfn, 1), 0);
	phys_unprotect(ordinary, &prot);
}

/* Whichever step of creating a ring fails, nothing is left behind. */
static void ring_create_fails(struct kunit *test)
{
	struct phys_protection prot = { .owner = "test" };
	struct rig *rig = test->priv;
	unsigned long pfn = page_to_pfn(rig->block);
	struct phys_const_ptr ptr;
	struct phys_lock lock;

	flaky.fail_at = 1;
	KUNIT_EXPECT_EQ(test, make_at_err(rig, rig_pa(rig), 4 * PAGE_SIZE),
			(long)-ENOMEM);

	KUNIT_ASSERT_EQ(test, phys_const_ptr_init(&ptr, lvbs_vmap_manager(),
						  rig_pa(rig) + PAGE_SIZE, 1,
						  1), 0);
	KUNIT_ASSERT_EQ(test, phys_lock(&lock, &ptr, PHYS_LOCK_SHARED), 0);
	KUNIT_EXPECT_EQ(test, make_at_err(rig, rig_pa(rig), 4 * PAGE_SIZE),
			(long)-EBUSY);
	phys_unlock(&lock);

	/* The last of several extents is refused. */
	rig_scatter(rig);
	KUNIT_ASSERT_EQ(test, phys_protect(&rig->mgr, &prot,
					   rig->pfns[BLOCK_PAGES - 1], 1), 0);
	KUNIT_EXPECT_EQ(test,
			PTR_ERR(create_scattered(rig, BLOCK_PAGES, ONDEMAND)),
			(long)-EROFS);
	phys_unprotect(&rig->mgr, &prot);

	KUNIT_EXPECT_EQ(test, phys_protect_exclusive(&rig->mgr, &prot, pfn,
						     BLOCK_PAGES), 0);
	phys_unprotect(&rig->mgr, &prot);
	KUNIT_EXPECT_EQ(test, phys_lock(&lock, &ptr, PHYS_LOCK_EXCLUSIVE), 0);
	phys_unlock(&lock);
}

/*
 * Protected memory can go offline. Before it is mapped, it must be validated
 * again, under the claim of the mapping.
 */
static void ring_memory_vanishes(struct kunit *test)
{
	struct rig *rig = test->priv;
	unsigned int vmaps = flaky.vmaps;

	flaky.vanish = true;
	KUNIT_EXPECT_EQ(test, make_at_err(rig, rig_pa(rig), 4 * PAGE_SIZE),
			(long)-ENXIO);
	flaky.vanish = false;
	flaky.gone = false;
	KUNIT_EXPECT_EQ(test, flaky.vmaps, vmaps);
}

static void ring_own_pages(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct lvbs_ring *ring;
	unsigned long first, nr, pages = 0, i;

	ring = ring_create("own", &rig->mgr, 70, LVBS_RING_PERSISTENT);
	KUNIT_ASSERT_FALSE(test, IS_ERR(ring));
	for (i = 0; ring_get_extent(ring, i, &first, &nr); i++)
		pages += nr;
	KUNIT_EXPECT_EQ(test, pages, 70UL);
	KUNIT_EXPECT_EQ(test, lvbs_ring_write(ring, rig->buf, 100), 0);
	ring_shutdown(ring);
	KUNIT_EXPECT_FALSE(test, ring_get_extent(ring, 0, &first, &nr));
	lvbs_ring_put(ring);
}

/*
 * Names.
 */

static void ring_names(struct kunit *test)
{
	static const char * const bad[] = {
		"", "new", "remove", ".", "..", "a/b", "a b", "a\n", "\xe4",
		"012345678901234567890123456789012",
	};
	static const char * const good[] = {
		"a", "New", "...", "-", "a_b.c-D9",
		"01234567890123456789012345678901",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ_MSG(test, lvbs_ring_new(bad[i], 1, ONDEMAND),
				    -EINVAL, "name '%s'", bad[i]);
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		KUNIT_EXPECT_EQ_MSG(test, lvbs_ring_new(good[i], 1, ONDEMAND),
				    0, "name '%s'", good[i]);
		KUNIT_EXPECT_EQ(test, lvbs_ring_remove(good[i]), 0);
	}
	KUNIT_EXPECT_EQ(test, lvbs_ring_remove("never"), -ENOENT);
	KUNIT_EXPECT_EQ(test, lvbs_ring_remove("log"), -EBUSY);
	KUNIT_EXPECT_EQ(test, lvbs_ring_new("log", 1, ONDEMAND), -EEXIST);
}

static void ring_log_stores_lines(struct kunit *test)
{
	struct lvbs_ring *ring = lvbs_ring_get("log");
	struct lvbs_ring_state before, after;
	struct rig *rig = test->priv;
	unsigned long flags;
	size_t start;
	ssize_t n;

	KUNIT_ASSERT_NOT_NULL(test, ring);
	lvbs_ring_get_state(ring, &before);
	local_irq_save(flags);
	lvbs_log("said %d", 42);
	local_irq_restore(flags);
	/* A long line is truncated, but keeps its newline. */
	memset(rig->buf, 'x', 1000);
	rig->buf[1000] = '\0';
	lvbs_log("%s", rig->buf);

	lvbs_ring_get_state(ring, &after);
	KUNIT_EXPECT_LE(test, after.total - before.total, 300ULL);
	n = lvbs_ring_snapshot(ring, rig->buf, &start);
	KUNIT_ASSERT_GT(test, n, (ssize_t)0);
	rig->buf[start + n] = '\0';
	KUNIT_EXPECT_NOT_NULL(test, strstr(rig->buf + start,
					   "] said 42\n["));
	KUNIT_EXPECT_EQ(test, rig->buf[start + n - 1], (u8)'\n');
	lvbs_ring_put(ring);
}

/* What a persistent ring stores at once is bounded, however long its records. */
static void ring_store_is_bounded(struct kunit *test)
{
	const size_t max = LVBS_RING_STORE_MAX;
	struct rig *rig = test->priv;
	struct lvbs_ring_state state;
	char *record;

	record = kvzalloc(2 * max, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, record);
	rig->ring = ring_create("long", &rig->mgr,
				DIV_ROUND_UP(max, PAGE_SIZE) + 1,
				LVBS_RING_PERSISTENT);
	if (IS_ERR(rig->ring)) {
		rig->ring = NULL;
		KUNIT_FAIL(test, "no ring");
		goto out;
	}
	KUNIT_EXPECT_EQ(test, 0, lvbs_ring_write(rig->ring, record, max));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			lvbs_ring_write(rig->ring, record, max + 1));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			lvbs_ring_write(rig->ring, record, 2 * max));
	lvbs_ring_get_state(rig->ring, &state);
	KUNIT_EXPECT_EQ(test, state.total, (u64)max);
	KUNIT_EXPECT_EQ(test, state.failed + state.lost, 0ULL);
	ring_shutdown(rig->ring);
	lvbs_ring_put(rig->ring);

	/* A ring of that size takes longer records. */
	rig->ring = ring_create("short", &rig->mgr, max / PAGE_SIZE,
				LVBS_RING_PERSISTENT);
	if (IS_ERR(rig->ring)) {
		rig->ring = NULL;
		KUNIT_FAIL(test, "no ring");
		goto out;
	}
	KUNIT_EXPECT_EQ(test, 0, lvbs_ring_write(rig->ring, record, 2 * max));
	lvbs_ring_get_state(rig->ring, &state);
	KUNIT_EXPECT_EQ(test, state.total, (u64)(2 * max));
out:
	kvfree(record);
}

static struct kunit_case ring_buffer_cases[] = {
	KUNIT_CASE(ring_store_is_bounded),
	KUNIT_CASE_PARAM(ring_random_writes, random_gen_params),
	KUNIT_CASE(ring_failed_write_changes_nothing),
	KUNIT_CASE(ring_second_mapping_fails),
	KUNIT_CASE(ring_copy_faults),
	KUNIT_CASE(ring_copy_faults_persistent),
	KUNIT_CASE(ring_refuses_size_0),
	KUNIT_CASE(ring_refuses_second_allocation),
	KUNIT_CASE(ring_persistent_write_in_atomic_context),
	KUNIT_CASE(ring_busy_write_is_lost),
	KUNIT_CASE(ring_refuses_kernel_text),
	KUNIT_CASE(ring_refuses_bad_addresses),
	KUNIT_CASE(ring_pages_are_protected),
	KUNIT_CASE(ring_create_fails),
	KUNIT_CASE(ring_memory_vanishes),
	KUNIT_CASE(ring_own_pages),
	KUNIT_CASE(ring_names),
	KUNIT_CASE(ring_log_stores_lines),
	{}
};

static struct kunit_suite ring_buffer_suite = {
	.name = "lvbs_ring_buffer",
	.init = rig_init,
	.exit = rig_exit,
	.test_cases = ring_buffer_cases,
};

kunit_test_suite(ring_buffer_suite);
