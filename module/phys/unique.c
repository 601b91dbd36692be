// SPDX-License-Identifier: GPL-2.0
/*
 * Does a list of frames name a frame twice? Checked for every scattered
 * pointer, in any context, so it may not allocate a copy or a hash table.
 *
 * Lists that ascend need one pass. Others get one pass for each window of the
 * frame number space that they touch, with a bitmap on the stack: one bit for
 * each frame or, in a sparse list, for several adjacent frame numbers. Only
 * when a bit is hit again is the list before it searched. If that happens too
 * often, frames are denser in this window than on average, and the window is
 * scanned again with one bit for each frame.
 */
#include <linux/bitmap.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/minmax.h>

#include "phys/phys.h"

#define SEEN_BITS	4096UL

/* Evenly spread frames cause about eight searches in a window. */
#define SEARCHES_MAX	32

static bool list_contains(const unsigned long *pfns, unsigned long nr,
			  unsigned long pfn)
{
	unsigned long i;

	for (i = 0; i < nr; i++)
		if (pfns[i] == pfn)
			return true;
	return false;
}

static bool list_ascends(const unsigned long *pfns, unsigned long nr)
{
	unsigned long i;

	for (i = 1; i < nr; i++)
		if (pfns[i] <= pfns[i - 1])
			return false;
	return true;
}

/*
 * log2 of the number of adjacent frame numbers that share a bit. Evenly spread
 * frames get 16 bits each, so that one frame in 16 causes a search.
 */
static unsigned int seen_shift(unsigned long extent, unsigned long nr)
{
	unsigned long share = extent / nr / 16;

	return share > 1 ? ilog2(share) : 0;
}

enum scan_result {
	SCAN_UNIQUE,
	SCAN_DUPLICATE,
	SCAN_TOO_DENSE,
};

/*
 * Scan the window that starts at frame @low. Sets @next to the lowest frame
 * after the window.
 */
static enum scan_result scan_window(unsigned long *seen,
				    const unsigned long *pfns,
				    unsigned long nr, unsigned long low,
				    unsigned int shift, unsigned long *next)
{
	unsigned int searches = 0;
	unsigned long i;

	*next = ULONG_MAX;
	bitmap_zero(seen, SEEN_BITS);
	for (i = 0; i < nr; i++) {
		unsigned long bit;

		if (pfns[i] < low)
			continue;
		bit = (pfns[i] - low) >> shift;
		if (bit >= SEEN_BITS) {
			*next = min(*next, pfns[i]);
		} else if (__test_and_set_bit(bit, seen)) {
			if (shift && ++searches > SEARCHES_MAX)
				return SCAN_TOO_DENSE;
			if (!shift || list_contains(pfns, i, pfns[i]))
				return SCAN_DUPLICATE;
		}
	}
	return SCAN_UNIQUE;
}

/* Out of line: most lists need no bitmap, and some kernels zero the stack. */
static noinline_for_stack bool unordered_unique(const unsigned long *pfns,
						unsigned long nr)
{
	DECLARE_BITMAP(seen, SEEN_BITS);
	unsigned long low = ULONG_MAX, high = 0, i, next;
	unsigned int shift;

	for (i = 0; i < nr; i++) {
		low = min(low, pfns[i]);
		high = max(high, pfns[i]);
	}
	shift = seen_shift(high - low, nr);

	for (;;) {
		unsigned int fine = shift;
		enum scan_result result = scan_window(seen, pfns, nr, low,
						      fine, &next);

		if (result == SCAN_TOO_DENSE) {
			fine = 0;
			result = scan_window(seen, pfns, nr, low, fine, &next);
		}
		if (result == SCAN_DUPLICATE)
			return false;
		if ((high - low) >> fine < SEEN_BITS)
			return true;
		low = next;
	}
}

/*
 * Linear for lists that ascend or are short. Otherwise @nr times the number of
 * windows touched; at worst quadratic, for dense clusters far apart.
 */
bool phys_frames_unique(const unsigned long *pfns, unsigned long nr)
{
	return list_ascends(pfns, nr) || unordered_unique(pfns, nr);
}
