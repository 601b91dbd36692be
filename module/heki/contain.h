/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Containment: a site and the target of its jump lie in its owner's own text.
 */
#ifndef _LVBS_HEKI_CONTAIN_H
#define _LVBS_HEKI_CONTAIN_H

#include <linux/types.h>

#include "heki/wire.h"

/**
 * struct heki_mem_range - memory of an owner
 * @va: where VTL0 has it mapped; only that of text matters
 * @pa: physical address
 * @bytes: length, not 0
 * @text: is executed
 * @init: is freed after initialisation
 */
struct heki_mem_range {
	u64 va;
	u64 pa;
	u64 bytes;
	bool text;
	bool init;
};

/**
 * struct heki_mem_map - the memory of an owner
 * @by_pa: its ranges, ascending by physical address, without overlap
 * @nr: number of ranges
 * @by_va: its text, ascending by virtual address, without overlap
 * @nr_text: number of ranges of text
 */
struct heki_mem_map {
	struct heki_mem_range *by_pa;
	size_t nr;
	struct heki_mem_range *by_va;
	size_t nr_text;
};

/*
 * All of these are pure. Any context.
 */

/*
 * Sorts @by_pa, and fills @by_va, which has room for @nr ranges.
 *
 * Return: 0; -EINVAL if a range wraps; -EEXIST if two overlap.
 */
int heki_mem_map_sort(struct heki_mem_map *map);

/* Removes the ranges that are freed after initialisation. */
void heki_mem_map_drop_init(struct heki_mem_map *map);

/* Do the owners share physical memory, or virtual addresses of text? */
bool heki_mem_maps_overlap(const struct heki_mem_map *a,
			   const struct heki_mem_map *b);

/*
 * Return: 0 if @site is a jump that lies, with its target, in the text of @map;
 * otherwise -EINVAL. Only text that is freed may jump to text that is freed.
 */
int heki_contain_site(const struct heki_mem_map *map,
		      const struct heki_site *site);

#endif /* _LVBS_HEKI_CONTAIN_H */
