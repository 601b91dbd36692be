// SPDX-License-Identifier: GPL-2.0
/*
 * Containment: a site and the target of its jump lie in its owner's own text.
 * All functions are pure.
 */
#include <linux/errno.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "heki/heki.h"

#define JMP_LONG	0xe9
#define JMP_SHORT	0xeb

typedef u64 range_key(const struct heki_mem_range *range);

static u64 key_pa(const struct heki_mem_range *range)
{
	return range->pa;
}

static u64 key_va(const struct heki_mem_range *range)
{
	return range->va;
}

static int compare_pa(const void *a, const void *b)
{
	u64 x = key_pa(a), y = key_pa(b);

	return x < y ? -1 : x > y;
}

static int compare_va(const void *a, const void *b)
{
	u64 x = key_va(a), y = key_va(b);

	return x < y ? -1 : x > y;
}

/* The last range that starts at or before @at, or NULL. */
static const struct heki_mem_range *
range_before(const struct heki_mem_range *ranges, size_t nr, range_key *key,
	     u64 at)
{
	size_t low = 0, high = nr;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (key(&ranges[mid]) <= at)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? &ranges[low - 1] : NULL;
}

/* The range that contains @at, or NULL. */
static const struct heki_mem_range *
range_at(const struct heki_mem_range *ranges, size_t nr, range_key *key,
	 u64 at)
{
	const struct heki_mem_range *range = range_before(ranges, nr, key, at);

	return range && at - key(range) < range->bytes ? range : NULL;
}

/* Does one of the sorted @ranges overlap [@start, @start + @bytes)? */
static bool ranges_overlap(const struct heki_mem_range *ranges, size_t nr,
			   range_key *key, u64 start, u64 bytes)
{
	const struct heki_mem_range *range;

	if (!bytes)
		return false;
	range = range_before(ranges, nr, key, start + (bytes - 1));
	return range && (key(range) >= start ||
			 start - key(range) < range->bytes);
}

static bool neighbours_overlap(const struct heki_mem_range *ranges, size_t nr,
			       range_key *key)
{
	size_t i;

	for (i = 1; i < nr; i++)
		if (key(&ranges[i]) - key(&ranges[i - 1]) <
		    ranges[i - 1].bytes)
			return true;
	return false;
}

static bool wraps(u64 start, u64 bytes)
{
	return start + (bytes - 1) < start;
}

/*
 * Sorts @by_pa, and fills @by_va, which has room for @nr ranges. Returns
 * -EINVAL if a range wraps, -EEXIST if two overlap.
 */
int heki_mem_map_sort(struct heki_mem_map *map)
{
	size_t i;

	map->nr_text = 0;
	for (i = 0; i < map->nr; i++) {
		const struct heki_mem_range *range = &map->by_pa[i];

		if (wraps(range->pa, range->bytes))
			return -EINVAL;
		if (!range->text)
			continue;
		if (wraps(range->va, range->bytes))
			return -EINVAL;
		map->by_va[map->nr_text++] = *range;
	}
	sort(map->by_pa, map->nr, sizeof(*map->by_pa), compare_pa, NULL);
	sort(map->by_va, map->nr_text, sizeof(*map->by_va), compare_va, NULL);
	return neighbours_overlap(map->by_pa, map->nr, key_pa) ||
	       neighbours_overlap(map->by_va, map->nr_text, key_va) ?
	       -EEXIST : 0;
}

/* Returns the number of remaining ranges. */
static size_t drop_init(struct heki_mem_range *ranges, size_t nr)
{
	size_t i, kept = 0;

	for (i = 0; i < nr; i++)
		if (!ranges[i].init)
			ranges[kept++] = ranges[i];
	return kept;
}

/* Removes the ranges that are freed after initialisation. */
void heki_mem_map_drop_init(struct heki_mem_map *map)
{
	map->nr = drop_init(map->by_pa, map->nr);
	map->nr_text = drop_init(map->by_va, map->nr_text);
}

static bool sets_overlap(const struct heki_mem_range *a, size_t nr_a,
			 const struct heki_mem_range *b, size_t nr_b,
			 range_key *key)
{
	size_t i;

	/* Of the fewer each is searched for. */
	if (nr_a < nr_b)
		return sets_overlap(b, nr_b, a, nr_a, key);
	for (i = 0; i < nr_b; i++)
		if (ranges_overlap(a, nr_a, key, key(&b[i]), b[i].bytes))
			return true;
	return false;
}

/* Do the owners share physical memory, or virtual addresses of text? */
bool heki_mem_maps_overlap(const struct heki_mem_map *a,
			   const struct heki_mem_map *b)
{
	return sets_overlap(a->by_pa, a->nr, b->by_pa, b->nr, key_pa) ||
	       sets_overlap(a->by_va, a->nr_text, b->by_va, b->nr_text, key_va);
}

/* Are all @bytes at @pa text? */
static bool is_text(const struct heki_mem_map *map, u64 pa, u64 bytes)
{
	while (bytes) {
		const struct heki_mem_range *range;
		u64 here;

		range = range_at(map->by_pa, map->nr, key_pa, pa);
		if (!range || !range->text)
			return false;
		here = range->bytes - (pa - range->pa);
		if (here >= bytes)
			break;
		pa += here;
		bytes -= here;
	}
	return true;
}

/* Is text at virtual address @va the byte at @pa? */
static bool text_maps(const struct heki_mem_map *map, u64 va, u64 pa)
{
	const struct heki_mem_range *range;

	range = range_at(map->by_va, map->nr_text, key_va, va);
	return range && range->pa + (va - range->va) == pa;
}

/* Sets @jump to the offset of the jump from the end of the site. */
static bool site_jump(const struct heki_site *site, s64 *jump)
{
	s32 offset;

	if (site->size == 2 && site->code[0] == JMP_SHORT) {
		*jump = (s8)site->code[1];
		return true;
	}
	if (site->size != 5 || site->code[0] != JMP_LONG)
		return false;
	memcpy(&offset, &site->code[1], sizeof(offset));
	*jump = (s32)le32_to_cpu((__force __le32)offset);
	return true;
}

/*
 * Returns 0 if @site is a jump that lies, with its target, in the text of @map;
 * otherwise -EINVAL. The second page of a site that straddles is the one that
 * the text has next in virtual memory. Only init text may jump to init text.
 */
int heki_contain_site(const struct heki_mem_map *map,
		      const struct heki_site *site)
{
	unsigned int first = heki_len_in_page(site->pa[0], site->size);
	const struct heki_mem_range *from, *to;
	s64 jump;
	u64 va;

	if (!site_jump(site, &jump) || !is_text(map, site->pa[0], first) ||
	    !is_text(map, site->pa[1], site->size - first))
		return -EINVAL;

	from = range_at(map->by_pa, map->nr, key_pa, site->pa[0]);
	va = from->va + (site->pa[0] - from->pa);
	if (first < site->size && !text_maps(map, va + first, site->pa[1]))
		return -EINVAL;
	to = range_at(map->by_va, map->nr_text, key_va, va + site->size + jump);
	return to && (from->init || !to->init) ? 0 : -EINVAL;
}
