// SPDX-License-Identifier: GPL-2.0
/*
 * Does a list of frames name a frame twice? Checked for every scattered pointer.
 *
 * Lists that ascend need one pass. The frames of others go into a hash table, on
 * the stack if they are few: that is linear in any order. The frame numbers come
 * from VTL0, so the hash has a secret key, and long probe sequences cannot be
 * made up.
 */
#include <linux/bitops.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/random.h>

#include "phys/phys.h"

#define SLOTS_ON_STACK	(2 * PHYS_WINDOW_PAGES)

static bool list_ascends(const unsigned long *pfns, unsigned long nr)
{
	unsigned long i;

	for (i = 1; i < nr; i++)
		if (pfns[i] <= pfns[i - 1])
			return false;
	return true;
}

/* An odd multiplier; different ones at the same time do no harm. */
static unsigned long hash_key(void)
{
	static unsigned long key;

	if (!READ_ONCE(key))
		WRITE_ONCE(key, get_random_long() | 1);
	return READ_ONCE(key);
}

/*
 * @slot has 2^@bits slots, at least twice as many as there are frames. All are
 * 0, which means free; others hold a position in the list, plus 1.
 */
static int insert_all(u32 *slot, unsigned int bits, const unsigned long *pfns,
		      unsigned long nr)
{
	const unsigned long key = hash_key(), mask = BIT(bits) - 1;
	unsigned long i;

	for (i = 0; i < nr; i++) {
		unsigned long pfn = pfns[i];
		unsigned long at = pfn * key >> (BITS_PER_LONG - bits);

		while (slot[at]) {
			if (pfns[slot[at] - 1] == pfn)
				return -EEXIST;
			at = (at + 1) & mask;
		}
		slot[at] = i + 1;
	}
	return 0;
}

/* Out of line: most lists ascend. */
static noinline_for_stack int check_few(const unsigned long *pfns,
					unsigned long nr)
{
	u32 slot[SLOTS_ON_STACK] = {};

	return insert_all(slot, ilog2(SLOTS_ON_STACK), pfns, nr);
}

static int check_many(const unsigned long *pfns, unsigned long nr)
{
	unsigned int bits = fls_long(2 * nr - 1);
	u32 *slot;
	int err;

	if (nr >= U32_MAX)
		return -ENOMEM;
	slot = kvcalloc(BIT(bits), sizeof(*slot), GFP_KERNEL);
	if (!slot)
		return -ENOMEM;
	err = insert_all(slot, bits, pfns, nr);
	kvfree(slot);
	return err;
}

/*
 * Returns 0; -EEXIST if a frame is named twice; -ENOMEM. May sleep if there are
 * more than PHYS_WINDOW_PAGES frames.
 */
int phys_frames_unique(const unsigned long *pfns, unsigned long nr)
{
	if (list_ascends(pfns, nr))
		return 0;
	return nr <= PHYS_WINDOW_PAGES ? check_few(pfns, nr) :
					 check_many(pfns, nr);
}
