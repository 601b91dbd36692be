/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A set of page frames, as sorted ranges: read often, in any context; written
 * rarely.
 */
#ifndef _LVBS_FRAME_SET_H
#define _LVBS_FRAME_SET_H

#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

/**
 * struct frame_range - a run of frames
 * @first: first frame
 * @last: last frame
 */
struct frame_range {
	unsigned long first;
	unsigned long last;
};

/* No frame at all. */
#define FRAME_RANGE_EMPTY	((struct frame_range) { 1, 0 })

/**
 * frame_range_contains() - is a run of frames inside a range?
 * @range: the range
 * @first: first frame of the run
 * @last: last frame of the run
 *
 * Return: true if it is.
 */
static inline bool frame_range_contains(struct frame_range range,
					unsigned long first, unsigned long last)
{
	return range.first <= first && last <= range.last;
}

/**
 * struct frame_ranges - one version of a set
 * @rcu: for freeing it
 * @largest: the range that is looked at first; %FRAME_RANGE_EMPTY if empty
 * @nr: number of ranges
 * @range: the ranges; ascending, with a gap between neighbours
 */
struct frame_ranges {
	struct rcu_head rcu;
	struct frame_range largest;
	unsigned long nr;
	struct frame_range range[];
};

/**
 * struct frame_set - a set of page frames
 * @lock: serialises writers; they may sleep under it
 * @ranges: the current version; NULL is the empty set
 */
struct frame_set {
	struct mutex lock;	/* see above */
	struct frame_ranges __rcu *ranges;
};

/* Of a static variable, as lockdep wants it of what is not initialised in code. */
#define FRAME_SET_INIT(name) { .lock = __MUTEX_INITIALIZER((name).lock) }

/**
 * frame_set_replace() - make a set hold just these ranges
 * @set: the set
 * @range: ranges in any order, overlapping or not; sorted in place
 * @nr: number of ranges
 *
 * Context: May sleep.
 * Return: 0; -EINVAL if a range ends before it starts; -ENOMEM. On error the
 * set is as it was.
 */
int frame_set_replace(struct frame_set *set, struct frame_range *range,
		      unsigned long nr);

/**
 * frame_set_add() - add ranges to a set
 * @set: the set
 * @range: ranges in any order, overlapping or not
 * @nr: number of ranges
 *
 * Context: May sleep.
 * Return: as frame_set_replace().
 */
int frame_set_add(struct frame_set *set, const struct frame_range *range,
		  unsigned long nr);

/**
 * frame_set_difference() - make a set hold what one has and another has not
 * @set: the set
 * @from: what it may hold; may be @set itself
 * @without: what it may not hold
 *
 * Changes of the other two that go on meanwhile, the caller keeps off.
 *
 * Context: May sleep.
 * Return: 0; -ENOMEM, and @set is as it was.
 */
int frame_set_difference(struct frame_set *set, struct frame_set *from,
			 struct frame_set *without);

/**
 * frame_set_destroy() - empty a set
 * @set: the set; readers that look at it meanwhile see the old one or none
 *
 * Context: May sleep.
 */
void frame_set_destroy(struct frame_set *set);

/**
 * frame_set_contains() - does a set hold every frame of a run?
 * @set: the set
 * @first: first frame of the run
 * @last: last frame of the run
 *
 * Context: Any.
 * Return: true if it does.
 */
bool frame_set_contains(struct frame_set *set, unsigned long first,
			unsigned long last);

/**
 * frame_set_intersects() - does a set hold any frame of a run?
 * @set: the set
 * @first: first frame of the run
 * @last: last frame of the run
 *
 * Context: Any.
 * Return: true if it does.
 */
bool frame_set_intersects(struct frame_set *set, unsigned long first,
			  unsigned long last);

/**
 * frame_set_find() - the range of a set that a frame is in
 * @set: the set
 * @pfn: the frame
 *
 * Context: Any.
 * Return: the range; %FRAME_RANGE_EMPTY if the frame is not in the set.
 */
struct frame_range frame_set_find(struct frame_set *set, unsigned long pfn);

/**
 * frame_set_next() - the first range of a set that ends at or after a frame
 * @set: the set
 * @from: the frame
 * @range: filled with the range
 *
 * Context: Any.
 * Return: true if there is one.
 */
bool frame_set_next(struct frame_set *set, unsigned long from,
		    struct frame_range *range);

#endif /* _LVBS_FRAME_SET_H */
