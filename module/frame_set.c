// SPDX-License-Identifier: GPL-2.0
/*
 * A set of page frames: a sorted array, looked up by bisection under RCU and
 * replaced as a whole. Sets are small (a machine has a handful of RAM ranges)
 * and change with memory hotplug only, so that an array beats any tree.
 */
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "frame_set.h"

static int range_cmp(const void *a, const void *b)
{
	const struct frame_range *ra = a, *rb = b;

	return ra->first < rb->first ? -1 : ra->first > rb->first;
}

/* Sort, and join what touches; returns how many are left. */
static unsigned long ranges_normalise(struct frame_range *range,
				      unsigned long nr)
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

static void set_publish(struct frame_set *set, struct frame_ranges *new)
{
	struct frame_ranges *old;

	lockdep_assert_held(&set->lock);

	old = rcu_replace_pointer(set->ranges, new,
				  lockdep_is_held(&set->lock));
	if (old)
		kfree_rcu(old, rcu);
}

static int set_replace_locked(struct frame_set *set, struct frame_range *range,
			      unsigned long nr)
{
	struct frame_ranges *new;
	unsigned long i;

	for (i = 0; i < nr; i++)
		if (range[i].last < range[i].first)
			return -EINVAL;

	nr = ranges_normalise(range, nr);
	new = kzalloc(struct_size(new, range, nr), GFP_KERNEL);
	if (!new)
		return -ENOMEM;

	new->nr = nr;
	memcpy(new->range, range, flex_array_size(new, range, nr));
	set_publish(set, new);
	return 0;
}

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

	all = kmalloc_array(nr_old + nr, sizeof(*all), GFP_KERNEL);
	if (all) {
		if (old)
			memcpy(all, old->range,
			       flex_array_size(old, range, nr_old));
		memcpy(all + nr_old, range, array_size(nr, sizeof(*range)));
		err = set_replace_locked(set, all, nr_old + nr);
		kfree(all);
	}
	mutex_unlock(&set->lock);
	return err;
}

void frame_set_destroy(struct frame_set *set)
{
	mutex_lock(&set->lock);
	set_publish(set, NULL);
	mutex_unlock(&set->lock);
}

bool frame_set_next(struct frame_set *set, unsigned long from,
		    struct frame_range *range)
{
	const struct frame_ranges *ranges;
	unsigned long low = 0, high;
	bool found = false;

	rcu_read_lock();
	ranges = rcu_dereference(set->ranges);
	high = ranges ? ranges->nr : 0;
	while (low < high) {
		unsigned long mid = low + (high - low) / 2;

		if (ranges->range[mid].last < from)
			low = mid + 1;
		else
			high = mid;
	}
	if (ranges && low < ranges->nr) {
		*range = ranges->range[low];
		found = true;
	}
	rcu_read_unlock();
	return found;
}

bool frame_set_covers(struct frame_set *set, unsigned long first,
		      unsigned long last)
{
	struct frame_range range;

	return frame_set_next(set, first, &range) &&
	       range.first <= first && last <= range.last;
}

bool frame_set_meets(struct frame_set *set, unsigned long first,
		     unsigned long last)
{
	struct frame_range range;

	return frame_set_next(set, first, &range) && range.first <= last;
}
