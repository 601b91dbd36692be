// SPDX-License-Identifier: GPL-2.0
/*
 * A fake vmap manager that checks its callers. See kunit/fakes/vmap.h.
 */
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "kunit/fakes/vmap.h"

#define GUARD_BYTES	256
#define GUARD		0xc7
#define POISON		0xd9

static struct fake_vmap *fake_of(struct vmap_manager *mgr)
{
	return container_of(mgr->claims, struct fake_vmap, claims);
}

static u8 *window_addr(const struct fake_window *window)
{
	return window->area + GUARD_BYTES;
}

/* Counts a call, and returns an errno if it is the call that fails. */
static int fake_call(struct fake_vmap *fake, enum fake_op op)
{
	fake->calls[op]++;
	if (!fake->fail_at[op] || --fake->fail_at[op])
		return 0;
	return fake->fail_err[op];
}

void fake_fail(struct fake_vmap *fake, enum fake_op op, unsigned long nth,
	       int err)
{
	fake->fail_at[op] = nth;
	fake->fail_err[op] = err;
}

bool fake_did_fail(struct fake_vmap *fake, enum fake_op op)
{
	bool did = !fake->fail_at[op];

	fake->fail_at[op] = 0;
	return did;
}

static int fake_validate_frame(struct fake_vmap *fake, unsigned long pfn)
{
	static const int errs[] = {
		[FAKE_RAM]	= 0,
		[FAKE_HOLE]	= -ENXIO,
		[FAKE_OWNED]	= -EPERM,
		[FAKE_POISONED]	= -ENXIO,
	};

	return pfn > fake->mgr.max_pfn ? -EOVERFLOW : errs[fake->state[pfn]];
}

/*
 * Only the claim prevents a conflicting protection or lock. Claims in a CPU's
 * record cannot be listed, but a conflict shows them.
 */
static bool is_claimed(struct vmap_manager *mgr, unsigned long pfn,
		       bool writable)
{
	struct phys_frames frames = { .first = pfn, .nr = 1 };

	if (!writable)
		return phys_claim_check(mgr->claims, PHYS_CLAIM_EXCLUSIVE, NULL,
					&frames) == -EBUSY;
	if (mgr->write_kind == PHYS_CLAIM_WRITE)
		return phys_claim_check(mgr->claims, PHYS_CLAIM_PROTECTED, NULL,
					&frames) == -EBUSY;
	return phys_claim_check(mgr->claims, PHYS_CLAIM_SHARED, NULL, &frames) ==
	       -EBUSY;
}

static int fake_validate_unowned(struct vmap_manager *mgr,
				 const struct phys_frames *frames)
{
	struct fake_vmap *fake = fake_of(mgr);
	unsigned long i;
	int err;

	KUNIT_EXPECT_GT(fake->test, frames->nr, 0UL);
	err = fake_call(fake, FAKE_VALIDATE);
	for (i = 0; !err && i < frames->nr; i++)
		err = fake_validate_frame(fake, phys_frame(frames, i));
	if (err)
		return err;

	/* A frame that is not claimed can change at once. */
	for (i = 0; i < frames->nr; i++)
		if (is_claimed(mgr, phys_frame(frames, i), false))
			fake->validated[phys_frame(frames, i)] = fake->epoch;
	return 0;
}

static void check_vmap(struct vmap_manager *mgr,
		       const struct phys_frames *frames, bool writable)
{
	struct fake_vmap *fake = fake_of(mgr);
	unsigned long i;

	for (i = 0; i < frames->nr; i++) {
		unsigned long pfn = phys_frame(frames, i);

		KUNIT_ASSERT_LE(fake->test, pfn, fake->mgr.max_pfn);
		KUNIT_EXPECT_EQ_MSG(fake->test, fake->state[pfn], FAKE_RAM,
				    "frame %lu, which is not RAM, is mapped", pfn);
		KUNIT_EXPECT_EQ_MSG(fake->test, fake->validated[pfn],
				    fake->epoch,
				    "frame %lu is mapped, but not validated under the claim",
				    pfn);
		KUNIT_EXPECT_TRUE_MSG(fake->test, is_claimed(mgr, pfn, writable),
				      "frame %lu is mapped without a claim", pfn);
	}
	KUNIT_EXPECT_LT_MSG(fake->test, fake->live, fake->max_live,
			    "too many windows are mapped");
}

static struct fake_window *free_window(struct fake_vmap *fake)
{
	size_t i;

	for (i = 0; i < FAKE_WINDOWS; i++)
		if (!fake->window[i].nr)
			return &fake->window[i];
	return NULL;
}

static bool is_poison(const struct fake_window *window, unsigned int nr)
{
	return !memchr_inv(window_addr(window), POISON, (size_t)nr * PAGE_SIZE);
}

static int fake_vmap(struct vmap_manager *mgr, const struct phys_frames *frames,
		     unsigned int flags, struct phys_map *map)
{
	struct fake_vmap *fake = fake_of(mgr);
	bool writable = flags & PHYS_MAP_WRITE;
	struct fake_window *window = free_window(fake);
	unsigned int i;
	int err;

	KUNIT_ASSERT_NOT_NULL(fake->test, window);
	KUNIT_ASSERT_GT(fake->test, frames->nr, 0UL);
	KUNIT_ASSERT_LE(fake->test, frames->nr,
			(unsigned long)PHYS_WINDOW_PAGES);
	KUNIT_EXPECT_EQ(fake->test, flags & ~(PHYS_MAP_WRITE | PHYS_MAP_LOCAL),
			0U);
	check_vmap(mgr, frames, writable);
	fake->epoch++;

	/* A failed vmap may change any member of @map except @nr. */
	map->addr = window->area;
	map->writable = true;
	err = fake_call(fake, FAKE_VMAP);
	if (err)
		return err;

	KUNIT_EXPECT_TRUE_MSG(fake->test, is_poison(window, frames->nr),
			      "window was written after vunmap");
	window->nr = frames->nr;
	window->writable = writable;
	window->writes = fake->writes;
	for (i = 0; i < window->nr; i++) {
		window->pfns[i] = phys_frame(frames, i);
		memcpy(window_addr(window) + i * PAGE_SIZE,
		       fake_frame(fake, window->pfns[i]), PAGE_SIZE);
	}
	memset(window_addr(window) + i * PAGE_SIZE, GUARD, GUARD_BYTES);

	fake->live++;
	fake->maps[writable]++;
	fake->last_nr = window->nr;
	fake->last_local = flags & PHYS_MAP_LOCAL;
	*map = (struct phys_map) {
		.addr = window_addr(window),
		.nr = window->nr,
		.writable = writable,
		.local = flags & PHYS_MAP_LOCAL,
	};
	return 0;
}

static struct fake_window *mapped_window(struct fake_vmap *fake,
					 const struct phys_map *map)
{
	size_t i;

	for (i = 0; i < FAKE_WINDOWS; i++) {
		struct fake_window *window = &fake->window[i];

		if (window->nr && !window->leaked &&
		    window_addr(window) == map->addr &&
		    window->nr == map->nr && window->writable == map->writable)
			return window;
	}
	return NULL;
}

static void check_vunmap(struct fake_vmap *fake, struct fake_window *window)
{
	u8 *addr = window_addr(window);
	unsigned int i;

	KUNIT_EXPECT_NULL_MSG(fake->test,
			      memchr_inv(window->area, GUARD, GUARD_BYTES),
			      "memory before the window was written");
	KUNIT_EXPECT_NULL_MSG(fake->test,
			      memchr_inv(addr + window->nr * PAGE_SIZE, GUARD,
					 GUARD_BYTES),
			      "memory after the window was written");
	/* Only if no other window has written these frames since. */
	for (i = 0; window->writes == fake->writes && i < window->nr; i++)
		if (!window->writable &&
		    memcmp(addr + i * PAGE_SIZE,
			   fake_frame(fake, window->pfns[i]), PAGE_SIZE))
			KUNIT_FAIL(fake->test,
				   "frame %lu was written through a read-only window",
				   window->pfns[i]);
}

static int fake_vunmap(struct vmap_manager *mgr, struct phys_map *map)
{
	struct fake_vmap *fake = fake_of(mgr);
	struct fake_window *window = mapped_window(fake, map);
	u8 *addr;
	unsigned int i;
	int err;

	if (!window) {
		KUNIT_FAIL(fake->test, "vunmap of a window that is not mapped");
		return 0;
	}
	addr = window_addr(window);
	check_vunmap(fake, window);
	for (i = 0; window->writable && i < window->nr; i++)
		memcpy(fake_frame(fake, window->pfns[i]), addr + i * PAGE_SIZE,
		       PAGE_SIZE);
	fake->writes += window->writable;
	memset(addr, POISON, window->nr * PAGE_SIZE + GUARD_BYTES);
	fake->live--;

	err = fake_call(fake, FAKE_VUNMAP);
	if (err) {
		window->leaked = true;
		fake->leaked++;
		return err;
	}
	window->nr = 0;
	return 0;
}

static int fake_protect(struct vmap_manager *mgr, struct phys_protection *prot,
			bool on)
{
	struct fake_vmap *fake = fake_of(mgr);
	struct phys_frames frames = prot->claim.frames;
	int err;

	if (!on) {
		KUNIT_EXPECT_GT_MSG(fake->test, fake->protections, 0U,
				    "more protections lifted than made");
		fake->protections--;
		phys_claim_del(mgr->claims, &prot->claim);
		return 0;
	}

	err = fake_call(fake, FAKE_PROTECT);
	if (!err)
		err = phys_claim_add(mgr->claims, &prot->claim, &frames);
	if (err)
		return err;
	err = mgr->ops->validate_unowned(mgr, &frames);
	if (err)
		phys_claim_del(mgr->claims, &prot->claim);
	else
		fake->protections++;
	return err;
}

static const struct vmap_manager_ops fake_ops = {
	.validate_unowned = fake_validate_unowned,
	.vmap = fake_vmap,
	.vunmap = fake_vunmap,
	.protect = fake_protect,
};

void fake_fill(struct fake_vmap *fake)
{
	size_t pa;

	for (pa = 0; pa < FAKE_BYTES; pa++)
		fake->memory[pa] = fake_pattern(pa);
}

void fake_reuse_leaked(struct fake_vmap *fake)
{
	size_t i;

	for (i = 0; i < FAKE_WINDOWS; i++) {
		struct fake_window *window = &fake->window[i];

		if (!window->leaked)
			continue;
		KUNIT_EXPECT_TRUE_MSG(fake->test,
				      is_poison(window, window->nr),
				      "leaked window was written");
		window->leaked = false;
		window->nr = 0;
	}
}

void fake_expect_idle(struct fake_vmap *fake)
{
	size_t i;

	KUNIT_EXPECT_EQ(fake->test, fake->live, 0U);
	KUNIT_EXPECT_EQ(fake->test, fake->protections, 0U);
	KUNIT_EXPECT_TRUE_MSG(fake->test, fake_claims_empty(&fake->claims),
			      "claims are left");
	KUNIT_EXPECT_EQ(fake->test, fake_stat(fake, PHYS_STAT_MAPS),
			fake->maps[false] + fake->maps[true]);
	KUNIT_EXPECT_EQ(fake->test, fake_stat(fake, PHYS_STAT_LEAKED),
			(unsigned long)fake->leaked);
	KUNIT_EXPECT_EQ(fake->test, fake_stat(fake, PHYS_STAT_MAPS),
			fake_stat(fake, PHYS_STAT_UNMAPS) +
			fake_stat(fake, PHYS_STAT_LEAKED));
	for (i = 0; i < FAKE_WINDOWS; i++)
		KUNIT_EXPECT_TRUE_MSG(fake->test,
				      is_poison(&fake->window[i],
						PHYS_WINDOW_PAGES),
				      "window %zu was written while unmapped", i);
}

static int fake_alloc(struct fake_vmap *fake)
{
	const size_t window_bytes = (size_t)PHYS_WINDOW_PAGES << PAGE_SHIFT;
	size_t i;

	fake->memory = vzalloc(FAKE_BYTES);
	if (!fake->memory)
		return -ENOMEM;
	for (i = 0; i < FAKE_WINDOWS; i++) {
		u8 *area = vmalloc(window_bytes + 2 * GUARD_BYTES);

		if (!area)
			return -ENOMEM;
		memset(area, GUARD, GUARD_BYTES);
		memset(area + GUARD_BYTES, POISON, window_bytes + GUARD_BYTES);
		fake->window[i].area = area;
	}
	return 0;
}

static void fake_free(struct fake_vmap *fake)
{
	size_t i;

	for (i = 0; i < FAKE_WINDOWS; i++)
		vfree(fake->window[i].area);
	vfree(fake->memory);
}

int fake_vmap_init(struct kunit *test)
{
	struct fake_vmap *fake;
	int err;

	fake = kunit_kzalloc(test, sizeof(*fake), GFP_KERNEL);
	if (!fake)
		return -ENOMEM;
	fake->test = test;
	fake->max_live = 1;
	fake->epoch = 1;
	phys_claims_init(&fake->claims);
	err = vmap_manager_init(&fake->mgr, &fake_ops, FAKE_FRAMES - 1,
				&fake->claims, &fake->stats);
	if (err)
		return err;
	fake->privileged = fake->mgr;
	fake->privileged.write_kind = PHYS_CLAIM_PRIVILEGED;

	err = fake_alloc(fake);
	if (err) {
		fake_free(fake);
		return err;
	}
	fake_fill(fake);
	test->priv = fake;
	return 0;
}

int fake_local_vmap_init(struct kunit *test)
{
	int err = fake_vmap_init(test);
	struct fake_vmap *fake = test->priv;

	if (err)
		return err;
	fake->mgr.local = true;
	fake->privileged.local = true;
	return 0;
}

void fake_vmap_exit(struct kunit *test)
{
	struct fake_vmap *fake = test->priv;

	if (!fake)
		return;
	fake_reuse_leaked(fake);
	fake_expect_idle(fake);
	fake_free(fake);
}
