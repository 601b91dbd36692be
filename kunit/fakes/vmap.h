/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A vmap manager over a small physical memory of its own, which checks its
 * caller and fails when told to.
 *
 * A window is a bounce copy: vmap copies the frames in, vunmap copies them
 * back out. That allows every check on any architecture, UML included, without
 * a single real fault:
 *
 * * a write through a read-only window shows as a difference at vunmap;
 * * a write past a window hits the guards around it;
 * * an access after vunmap reads, or spoils, the poison that is left there.
 *
 * What it does not allow: two windows on one frame do not see each other's
 * writes before vunmap. vmap_manager_test.c sees to that, with real mappings.
 *
 * Checked besides: every frame was validated since the last vmap, is RAM, and
 * lies under a claim of the kind that fits the permission; at most a window's
 * worth of frames; at most @max_live windows at a time; vunmap of what was
 * mapped, once; at the end nothing mapped, claimed, protected, and the counters
 * in balance.
 */
#ifndef _LVBS_KUNIT_FAKE_VMAP_H
#define _LVBS_KUNIT_FAKE_VMAP_H

#include <lvbs/phys_ptr.h>

struct kunit;

/* Three windows and some. Frame 0 is the first, the last ends the width. */
#define FAKE_FRAMES	(3 * PHYS_WINDOW_PAGES + 8)
#define FAKE_BYTES	((size_t)FAKE_FRAMES << PAGE_SHIFT)
#define FAKE_WINDOWS	4

/* What is behind a frame number. */
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
 * struct fake_window - a place where frames can be mapped
 * @area: guard, window, guard
 * @pfns: the frames that are mapped
 * @nr: how many; 0: free
 * @writable: how
 * @leaked: vunmap failed: poisoned, and never used again
 * @writes: value of &fake_vmap.writes when it was mapped
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
 * struct fake_vmap - the fake
 * @mgr: the ordinary manager
 * @privileged: the one that bypasses protection
 * @claims: shared by both
 * @stats: shared by both
 * @test: who hears about misuse
 * @memory: the frames' bytes
 * @state: what each frame is
 * @validated: value of @epoch when the frame was last accepted
 * @epoch: counts vmaps
 * @writes: counts writable windows that were unmapped
 * @window: the windows
 * @max_live: how many may be mapped at a time
 * @live: how many are
 * @leaked: how many could not be unmapped
 * @protections: how many are in force
 * @calls: calls of each operation
 * @maps: windows mapped, by permission
 * @last_nr: frames of the last window
 * @last_temporary: whether it was to be mapped for one copy only
 * @fail_at: which call of an operation from now on fails; 0: none
 * @fail_err: how
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
	bool last_temporary;
	unsigned long fail_at[FAKE_NR_OPS];
	int fail_err[FAKE_NR_OPS];
};

/* The suite's init and exit; test->priv is the fake. */
int fake_vmap_init(struct kunit *test);
void fake_vmap_exit(struct kunit *test);

/**
 * fake_fill() - give every byte the value that fake_pattern() says
 * @fake: the fake
 */
void fake_fill(struct fake_vmap *fake);

static inline u8 fake_pattern(size_t pa)
{
	return pa * 7 + pa / 251 + (pa >> PAGE_SHIFT) * 13;
}

/**
 * fake_fail() - make an operation fail
 * @fake: the fake
 * @op: which one
 * @nth: at which call from now on, from 1 on; once
 * @err: how
 */
void fake_fail(struct fake_vmap *fake, enum fake_op op, unsigned long nth,
	       int err);

/**
 * fake_did_fail() - has a failure happened that fake_fail() asked for?
 * @fake: the fake
 * @op: which one
 *
 * Return: true if so; otherwise the failure is called off.
 */
bool fake_did_fail(struct fake_vmap *fake, enum fake_op op);

/**
 * fake_expect_idle() - expect that nothing is going on
 * @fake: the fake
 *
 * Nothing mapped, claimed or protected, counters in balance, and no window
 * touched since it was unmapped.
 */
void fake_expect_idle(struct fake_vmap *fake);

/**
 * fake_reuse_leaked() - take leaked windows back, once they are looked at
 * @fake: the fake
 */
void fake_reuse_leaked(struct fake_vmap *fake);

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
