// SPDX-License-Identifier: GPL-2.0
/*
 * A copy of lvbs's patch map, which is not exported: the cost of a lookup
 * through lvbs_vtlcall() would be lost in that of mapping the request.
 */
#include "heki/wire.c"
#include "heki/patch_map.c"

#include "bench.h"

#define FIRST		0x10000000ULL	/* never accessed */

static struct heki_patch_map map;
static phys_addr_t lookups[BENCH_LOOKUPS];

static phys_addr_t site_pa(unsigned long i, unsigned int stride)
{
	unsigned long per_page = HEKI_PAGE_SIZE / stride;

	return FIRST + i / per_page * HEKI_PAGE_SIZE + i % per_page * stride;
}

int bench_map_fill(unsigned long nr, unsigned int stride)
{
	struct heki_site site = { .size = 5, .code = { 0xe9, 1, 2, 3, 4 } };
	struct heki_patch_batch batch;
	u32 state = 1;
	unsigned long i;

	heki_patch_map_init(&map);
	heki_patch_batch_begin(&batch, &map, 1);
	for (i = 0; i < nr; i++) {
		site.pa[0] = site_pa(i, stride);
		if (heki_patch_batch_add(&batch, &site))
			break;
		cond_resched();
	}
	for (i = 0; i < BENCH_LOOKUPS; i++) {
		state = state * 1664525u + 1013904223u;
		lookups[i] = site_pa((state >> 8) % nr, stride);
	}
	return heki_patch_batch_commit(&batch);
}

int bench_map_find(void)
{
	struct heki_patch_hit hit;
	unsigned int i;
	int err = 0;

	for (i = 0; i < BENCH_LOOKUPS && !err; i++)
		err = heki_patch_map_find(&map, lookups[i], &hit);
	return err;
}

void bench_map_empty(void)
{
	heki_patch_map_destroy(&map);
}
