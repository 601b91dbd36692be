// SPDX-License-Identifier: GPL-2.0
/* Physical memory, as phys/ram, phys/owned and /proc/cpuinfo report it. */
#include "fuzz.h"

struct range {
	uint64_t first, last;
};

struct ranges {
	struct range range[4096];
	unsigned int nr;
};

static struct ranges ram, owned;
static unsigned int width;

static void ranges_read(struct ranges *ranges, enum file file)
{
	char *text = file_text(file, NULL), *line = text;
	unsigned long long start, end;

	ranges->nr = 0;
	while (line && sscanf(line, "0x%llx-0x%llx", &start, &end) == 2) {
		if (ranges->nr == ARRAY_SIZE(ranges->range))
			die("%s has more than 4096 ranges", file_name(file));
		ranges->range[ranges->nr++] = (struct range) {
			start / PAGE, end / PAGE,
		};
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (!ranges->nr)
		die("%s is empty", file_name(file));
	free(text);
}

static bool ranges_contain(const struct ranges *ranges, uint64_t pfn)
{
	unsigned int i;

	for (i = 0; i < ranges->nr; i++)
		if (pfn >= ranges->range[i].first &&
		    pfn <= ranges->range[i].last)
			return true;
	return false;
}

void memory_init(void)
{
	char *text = file_slurp("/proc/cpuinfo", NULL);
	char *line = strstr(text, "address sizes");

	if (!line || sscanf(line, "address sizes : %u bits physical", &width) != 1)
		die("/proc/cpuinfo has no address sizes");
	free(text);
	ranges_read(&ram, FILE_RAM);
	ranges_read(&owned, FILE_OWNED);
}

unsigned int memory_width(void)
{
	return width;
}

enum memory_class memory_class(uint64_t pfn)
{
	if (pfn >> (width - 12))
		return MEM_BEYOND;
	if (pool_find(pfn))
		return MEM_POOL;
	if (ranges_contain(&owned, pfn))
		return MEM_OWNED;
	return ranges_contain(&ram, pfn) ? MEM_RAM : MEM_HOLE;
}

/* The first or last frame of a range, or the frame before or after it. */
static uint64_t range_edge(struct rnd *r, const struct ranges *ranges)
{
	const struct range *range = &ranges->range[rnd_below(r, ranges->nr)];

	switch (rnd_below(r, 4)) {
	case 0:
		return range->first;
	case 1:
		return range->first ? range->first - 1 : 0;
	case 2:
		return range->last;
	default:
		return range->last + 1;
	}
}

static uint64_t random_pfn(struct rnd *r)
{
	switch (rnd_below(r, 8)) {
	case 0:
		return range_edge(r, &ram);
	case 1:
		return range_edge(r, &owned);
	case 2:
		return 0xa0 + rnd_below(r, 0x60);
	case 3:
		return (1ULL << (width - 12)) - 2 + rnd_below(r, 4);
	case 4:
		return random_boundary(r);
	case 5:
		return rnd_below(r, ram.range[ram.nr - 1].last + 2);
	default:
		return pool_random(r, ZONE_DATA)->pfn;
	}
}

uint64_t memory_random_pfn(struct rnd *r, bool any_ram)
{
	uint64_t pfn;

	do {
		/* Keep the address of the frame from wrapping into RAM. */
		pfn = random_pfn(r) & (UINT64_MAX / PAGE);
	} while (!any_ram && memory_class(pfn) == MEM_RAM);
	return pfn;
}
