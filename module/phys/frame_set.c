// SPDX-License-Identifier: GPL-2.0
/*
 * A set of page frames: a sorted array of ranges, searched under RCU and
 * replaced as a whole. Sets are small (a machine has a handful of RAM ranges)
 * and change only with memory hotplug, so an array beats a tree. Lookups are
 * allowed in any context; changes may sleep.
 */
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "phys/phys.h"

static int range_cmp(const void *a, const void *b)
{
	const struct frame_range *ra = a, *rb = b;

	return ra->first < rb->first ? -1 : ra->first > rb->first;
}

/* Sorts ranges, and merges those that overlap or adjoin. Returns how many are left. */
unsigned long frame_ranges_merge(struct frame_range *range, unsigned long nr)
{
	unsigned long i, out = 0;

	sort(range, nr, sizeof(*range), range_cmp, NULL);

	for (i = 0; i < nr; i++) {
		struct frame_range *prev = out ? &range[out - 1] : NULL;

		if (prev && (prev->last == ULONG_MAX ||
			     range[i].first <= prev->last + 1))
			prev->last = max(prev->last, range[i].last);
		else
			range[out++] = range[i];
	}
	return out;
}

/*
 * Adds a range at the end of a list that begins empty, and whose ranges the caller
 * frees by kvfree(). May sleep. Returns 0 or -ENOMEM.
 */
int frame_range_list_add(struct frame_range_list *list, unsigned long first,
			 unsigned long last)
{
	unsigned long room = list->room ? 2 * list->room : 16;
	struct frame_range *more;

	if (list->nr == list->room) {
		more = kvmalloc_array(room, sizeof(*more), GFP_KERNEL);
		if (!more)
			return -ENOMEM;
		if (list->nr)
			memcpy(more, list->range, list->nr * sizeof(*more));
		kvfree(list->range);
		list->range = more;
		list->room = room;
	}
	list->range[list->nr++] = (struct frame_range) { first, last };
	return 0;
}

static void set_publish(struct frame_set *set, struct frame_ranges *new)
{
	struct frame_ranges *old;

	lockdep_assert_held(&set->lock);

	old = rcu_replace_pointer(set->ranges, new,
				  lockdep_is_held(&set->lock));
	if (old)
		kvfree_rcu(old, rcu);
}

static int set_replace_locked(struct frame_set *set, struct frame_range *range,
			      unsigned long nr)
{
	struct frame_ranges *new;
	unsigned long i;

	for (i = 0; i < nr; i++)
		if (range[i].last < range[i].first)
			return -EINVAL;

	nr = frame_ranges_merge(range, nr);
	new = kvzalloc(struct_size(new, range, nr), GFP_KERNEL);
	if (!new)
		return -ENOMEM;

	new->nr = nr;
	memcpy(new->range, range, flex_array_size(new, range, nr));
	set_publish(set, new);
	return 0;
}

/*
 * Make @set hold exactly these ranges, which are in any order, may overlap, and
 * are sorted in place. Returns 0, -EINVAL if a range ends before it starts, or
 * -ENOMEM; on error the set is unchanged.
 */
int frame_set_replace(struct frame_set *set, struct frame_range *range,
		      unsigned long nr)
{
	int err;

	mutex_lock(&set->lock);
	err = set_replace_locked(set, range, nr);
	mutex_unlock(&set->lock);
	return err;
}

int frame_set_add(struct frame_set *set, const struct frame_range *range,
		  unsigned long nr)
{
	struct frame_range *all;
	struct frame_ranges *old;
	unsigned long nr_old;
	int err = -ENOMEM;

	mutex_lock(&set->lock);
	old = rcu_dereference_protected(set->ranges,
					lockdep_is_held(&set->lock));
	nr_old = old ? old->nr : 0;

	all = kvmalloc_array(nr_old + nr, sizeof(*all), GFP_KERNEL);
	if (all) {
		if (old)
			memcpy(all, old->range,
			       flex_array_size(old, range, nr_old));
		memcpy(all + nr_old, range, array_size(nr, sizeof(*range)));
		err = set_replace_locked(set, all, nr_old + nr);
		kvfree(all);
	}
	mutex_unlock(&set->lock);
	return err;
}

/* The first range that ends at or after a frame, or NULL. */
static const struct frame_range *
ranges_next(const struct frame_ranges *ranges, unsigned long from)
{
	unsigned long low = 0, high;

	if (!ranges)
		return NULL;

	high = ranges->nr;
	while (low < high) {
		unsigned long mid = low + (high - low) / 2;

		if (ranges->range[mid].last < from)
			low = mid + 1;
		else
			high = mid;
	}
	return low < ranges->nr ? &ranges->range[low] : NULL;
}

void frame_set_destroy(struct frame_set *set)
{
	mutex_lock(&set->lock);
	set_publish(set, NULL);
	mutex_unlock(&set->lock);
}

/* The range that contains a frame, or FRAME_RANGE_EMPTY. */
struct frame_range frame_set_find(struct frame_set *set, unsigned long pfn)
{
	struct frame_range range;

	if (!frame_set_next(set, pfn, &range) || range.first > pfn)
		return FRAME_RANGE_EMPTY;
	return range;
}

/* The range of frames around @pfn that the set lacks, or FRAME_RANGE_EMPTY. */
struct frame_range frame_set_gap(struct frame_set *set, unsigned long pfn)
{
	struct frame_range gap = { 0, ULONG_MAX };
	const struct frame_ranges *ranges;
	const struct frame_range *next;

	rcu_read_lock();
	ranges = rcu_dereference(set->ranges);
	next = ranges_next(ranges, pfn);
	if (next && next->first <= pfn) {
		gap = FRAME_RANGE_EMPTY;
	} else if (ranges && ranges->nr) {
		if (next)
			gap.last = next->first - 1;
		else
			next = ranges->range + ranges->nr;
		if (next != ranges->range)
			gap.first = next[-1].last + 1;
	}
	rcu_read_unlock();
	return gap;
}

/* Get the first range that ends at or after @from; false if there is none. */
bool frame_set_next(struct frame_set *set, unsigned long from,
		    struct frame_range *range)
{
	const struct frame_range *found;

	rcu_read_lock();
	found = ranges_next(rcu_dereference(set->ranges), from);
	if (found)
		*range = *found;
	rcu_read_unlock();
	return found;
}

bool frame_set_intersects(struct frame_set *set, unsigned long first,
			  unsigned long last)
{
	struct frame_range range;

	return frame_set_next(set, first, &range) && range.first <= last;
}
