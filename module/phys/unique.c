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
#include <linux/string.h>

#include "phys/phys.h"

/* A slot is free. Frame ULONG_MAX itself is not stored but counted. */
#define FREE	ULONG_MAX

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

/* @slot has 2^@bits slots, at least twice as many as there are frames. */
static int insert_all(unsigned long *slot, unsigned int bits,
		      const unsigned long *pfns, unsigned long nr)
{
	const unsigned long key = hash_key(), mask = BIT(bits) - 1;
	unsigned long met_free = 0, i;

	memset(slot, 0xff, sizeof(*slot) << bits);
	for (i = 0; i < nr; i++) {
		unsigned long pfn = pfns[i];
		unsigned long at = pfn * key >> (BITS_PER_LONG - bits);

		if (pfn == FREE && met_free++)
			return -EEXIST;
		if (pfn == FREE)
			continue;
		while (slot[at] != FREE) {
			if (slot[at] == pfn)
				return -EEXIST;
			at = (at + 1) & mask;
		}
		slot[at] = pfn;
	}
	return 0;
}

/* Out of line: most lists ascend, and some kernels zero the stack. */
static noinline_for_stack int check_few(const unsigned long *pfns,
					unsigned long nr)
{
	unsigned long slot[SLOTS_ON_STACK];

	return insert_all(slot, ilog2(SLOTS_ON_STACK), pfns, nr);
}

static int check_many(const unsigned long *pfns, unsigned long nr)
{
	unsigned int bits = fls_long(2 * nr - 1);
	unsigned long *slot;
	int err;

	slot = kvmalloc_array(BIT(bits), sizeof(*slot), GFP_KERNEL);
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
