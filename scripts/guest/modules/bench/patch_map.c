// SPDX-License-Identifier: GPL-2.0
/*
 * The module's patch map, built in here: it is not exported, and a search in it
 * by way of lvbs_vtlcall() would drown in the mapping of the request. These are
 * the same instructions, in a map of their own.
 */
#include "heki/wire.c"
#include "heki/patch_map.c"

#include "bench.h"

#define FIRST		0x10000000ULL	/* some place in memory; nothing is read there */

static struct heki_patch_map map;
static phys_addr_t searched[BENCH_SEARCHES];

static phys_addr_t nth(unsigned long i, unsigned int stride)
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
		site.pa[0] = nth(i, stride);
		if (heki_patch_batch_add(&batch, &site))
			break;
		cond_resched();
	}
	for (i = 0; i < BENCH_SEARCHES; i++) {
		state = state * 1664525u + 1013904223u;
		searched[i] = nth((state >> 8) % nr, stride);
	}
	return heki_patch_batch_commit(&batch);
}

int bench_map_find(void)
{
	struct heki_patch_hit hit;
	unsigned int i;
	int err = 0;

	for (i = 0; i < BENCH_SEARCHES && !err; i++)
		err = heki_patch_map_find(&map, searched[i], &hit);
	return err;
}

void bench_map_empty(void)
{
	heki_patch_map_destroy(&map);
}
