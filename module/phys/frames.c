// SPDX-License-Identifier: GPL-2.0
/*
 * Is a frame named twice? Asked for each scattered pointer that is made, in
 * any context, so there is no memory for a copy or a hash table.
 *
 * The frame numbers are looked through once for each window of the address
 * space that they touch. A bitmap on the stack notes who was there: a bit
 * stands for one frame or, where the numbers are few and far between, for a
 * few neighbours, and only a bit that is hit twice costs a look back through
 * the list. Where that happens too often, the frames stand closer here than
 * elsewhere: the window is looked at again with a bit for each frame.
 */
#include <linux/bitmap.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/minmax.h>

#include "phys/frames.h"

#define SEEN_BITS	4096UL

/* Frames spread evenly come to some eight in a window. */
#define LOOKS_BACK_MAX	32

static bool frame_stands_before(const unsigned long *pfns, unsigned long nr,
				unsigned long pfn)
{
	unsigned long i;

	for (i = 0; i < nr; i++)
		if (pfns[i] == pfn)
			return true;
	return false;
}

/* Length of the strictly ascending run at the start. */
static unsigned long ascending(const unsigned long *pfns, unsigned long nr)
{
	unsigned long i;

	for (i = 1; i < nr; i++)
		if (pfns[i] <= pfns[i - 1])
			return i;
	return nr;
}

/*
 * How many neighbours share a bit: as many as leave sixteen bits to a frame
 * when all are spread evenly, so that one in sixteen makes us look back.
 */
static unsigned int seen_shift(unsigned long extent, unsigned long nr)
{
	unsigned long share = extent / nr / 16;

	return share > 1 ? ilog2(share) : 0;
}

enum seen {
	SEEN_UNIQUE,
	SEEN_TWICE,
	SEEN_CROWD,
};

/*
 * Looks at the window of the frames from @low on; @next becomes the lowest
 * frame behind it.
 */
static enum seen look_at_window(unsigned long *seen, const unsigned long *pfns,
				unsigned long nr, unsigned long low,
				unsigned int shift, unsigned long *next)
{
	unsigned int looks_back = 0;
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
			if (shift && ++looks_back > LOOKS_BACK_MAX)
				return SEEN_CROWD;
			if (!shift || frame_stands_before(pfns, i, pfns[i]))
				return SEEN_TWICE;
		}
	}
	return SEEN_UNIQUE;
}

/* Apart, as most lists need no bitmap, and it costs a kernel that clears it. */
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
		enum seen verdict = look_at_window(seen, pfns, nr, low, fine,
						   &next);

		if (verdict == SEEN_CROWD) {
			fine = 0;
			verdict = look_at_window(seen, pfns, nr, low, fine,
						 &next);
		}
		if (verdict == SEEN_TWICE)
			return false;
		if ((high - low) >> fine < SEEN_BITS)
			return true;
		low = next;
	}
}

bool phys_frames_unique(const unsigned long *pfns, unsigned long nr)
{
	return ascending(pfns, nr) == nr || unordered_unique(pfns, nr);
}
