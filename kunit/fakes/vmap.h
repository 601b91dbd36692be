/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A vmap manager of a small simulated physical memory. It checks its callers
 * and injects failures.
 *
 * A window is a bounce buffer: vmap copies the frames into it, vunmap copies
 * them back. So all checks work on any architecture, including UML, and without
 * real faults:
 *
 * * a write through a read-only window shows as a difference at vunmap;
 * * a write outside a window hits the guards around it;
 * * an access after vunmap reads or overwrites poison.
 *
 * Two windows on a frame do not see each other's writes before vunmap;
 * vmap_manager_test.c tests that with real mappings.
 *
 * The fake also checks that each mapped frame is RAM, is claimed with the kind
 * that matches the permission, and was validated under a claim since the last
 * vmap; that a window has at most PHYS_WINDOW_PAGES frames; that at most @max_live windows
 * exist at a time; that vunmap is called once for each mapping; and that at the
 * end nothing is mapped, claimed or protected, and the counters balance.
 */
#ifndef _LVBS_KUNIT_FAKE_VMAP_H
#define _LVBS_KUNIT_FAKE_VMAP_H

#include <lvbs/phys_ptr.h>

#include "phys/phys.h"

struct kunit;

/* More than three windows. The last frame is the last within the width. */
#define FAKE_FRAMES	(3 * PHYS_WINDOW_PAGES + 8)
#define FAKE_BYTES	((size_t)FAKE_FRAMES << PAGE_SHIFT)
#define FAKE_WINDOWS	4

/* What a frame is. */
enum fake_state {
	FAKE_RAM,
	FAKE_HOLE,
	FAKE_OWNED,
	FAKE_POISONED,
};

enum fake_op {
	FAKE_VALIDATE,
	FAKE_VMAP,
	FAKE_VUNMAP,
	FAKE_PROTECT,
	FAKE_NR_OPS
};

/**
 * struct fake_window - a window for mapping frames
 * @area: guard, window, guard
 * @pfns: the mapped frames
 * @nr: number of mapped frames; 0 if the window is free
 * @writable: mapped for writing
 * @leaked: vunmap failed: poisoned and not used again
 * @writes: value of &fake_vmap.writes at vmap
 */
struct fake_window {
	u8 *area;
	unsigned long pfns[PHYS_WINDOW_PAGES];
	unsigned int nr;
	bool writable;
	bool leaked;
	unsigned long writes;
};

/**
 * struct fake_vmap - a fake vmap manager and its memory
 * @mgr: the ordinary manager
 * @privileged: the manager that bypasses protection
 * @claims: claims, shared by both managers
 * @stats: statistics, shared by both managers
 * @test: the test that fails on misuse
 * @memory: contents of the frames
 * @state: state of each frame
 * @validated: value of @epoch when the frame was last validated while claimed
 * @epoch: number of vmap calls
 * @writes: number of writable windows unmapped
 * @window: the windows
 * @max_live: number of windows that may be mapped at a time
 * @live: number of mapped windows
 * @leaked: number of windows that could not be unmapped
 * @protections: number of protections in force
 * @calls: number of calls, by operation
 * @maps: number of windows mapped, by permission
 * @last_nr: number of frames of the last mapped window
 * @last_local: the last window was mapped with %PHYS_MAP_LOCAL
 * @fail_at: calls until an operation fails; 0 if it does not
 * @fail_err: the error it fails with
 */
struct fake_vmap {
	struct vmap_manager mgr;
	struct vmap_manager privileged;
	struct phys_claims claims;
	struct phys_stats stats;
	struct kunit *test;
	u8 *memory;
	enum fake_state state[FAKE_FRAMES];
	unsigned long validated[FAKE_FRAMES];
	unsigned long epoch;
	unsigned long writes;
	struct fake_window window[FAKE_WINDOWS];
	unsigned int max_live;
	unsigned int live;
	unsigned int leaked;
	unsigned int protections;
	unsigned long calls[FAKE_NR_OPS];
	unsigned long maps[2];
	unsigned int last_nr;
	bool last_local;
	unsigned long fail_at[FAKE_NR_OPS];
	int fail_err[FAKE_NR_OPS];
};

/* Init and exit functions of a suite; test->priv is the fake. */
int fake_vmap_init(struct kunit *test);
/* As fake_vmap_init(), for managers that map single accesses locally. */
int fake_local_vmap_init(struct kunit *test);
void fake_vmap_exit(struct kunit *test);

/**
 * fake_fill() - fill the memory with fake_pattern()
 * @fake: the fake
 */
void fake_fill(struct fake_vmap *fake);

static inline u8 fake_pattern(size_t pa)
{
	return pa * 7 + pa / 251 + (pa >> PAGE_SHIFT) * 13;
}

/**
 * fake_fail() - make an operation fail once
 * @fake: the fake
 * @op: the operation
 * @nth: the call that fails, counted from now; 1 is the next one
 * @err: the error
 */
void fake_fail(struct fake_vmap *fake, enum fake_op op, unsigned long nth,
	       int err);

/**
 * fake_did_fail() - did an operation fail as requested by fake_fail()?
 * @fake: the fake
 * @op: the operation
 *
 * Return: true if it did; otherwise the request is cancelled.
 */
bool fake_did_fail(struct fake_vmap *fake, enum fake_op op);

/**
 * fake_expect_idle() - expect that the fake is not in use
 * @fake: the fake
 *
 * Nothing is mapped, claimed or protected, the counters balance, and no window
 * was written after it was unmapped.
 */
void fake_expect_idle(struct fake_vmap *fake);

/**
 * fake_reuse_leaked() - check leaked windows, and make them available again
 * @fake: the fake
 */
void fake_reuse_leaked(struct fake_vmap *fake);

static inline bool fake_claims_empty(struct phys_claims *claims)
{
	unsigned long flags;
	bool empty;

	raw_spin_lock_irqsave(&claims->lock, flags);
	empty = !claims->present;
	raw_spin_unlock_irqrestore(&claims->lock, flags);
	return empty;
}

static inline u8 *fake_frame(struct fake_vmap *fake, unsigned long pfn)
{
	return fake->memory + (pfn << PAGE_SHIFT);
}

static inline unsigned long fake_stat(const struct fake_vmap *fake,
				      enum phys_stat stat)
{
	return phys_stat_get(&fake->stats, stat);
}

static inline unsigned long fake_refused(const struct fake_vmap *fake, int err)
{
	return atomic_long_read(&fake->stats.refused[-err]);
}

#endif /* _LVBS_KUNIT_FAKE_VMAP_H */
