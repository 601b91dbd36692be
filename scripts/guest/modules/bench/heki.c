// SPDX-License-Identifier: GPL-2.0
/*
 * HEKI, by the number of known sites: a lookup, a switch of a jump label by
 * lvbs_vtlcall(), and the copies and mappings that a switch needs at least.
 *
 * The sites are NOPs, 16 bytes apart, in pages that are never executed. This
 * module announces them as those of a module.
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/math.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include <lvbs/heki.h>
#include <lvbs/phys_ptr.h>

#include "bench.h"

#define INT3		0xcc
#define SITE_BYTES	5
#define STRIDE		16
#define STRIDE_SPARSE	2048	/* about as in a kernel image */

/* Large physically contiguous chunks keep the page list short. */
#define CHUNK_ORDER	9
#define CHUNK_BYTES	(PAGE_SIZE << CHUNK_ORDER)
#define CHUNK_SITES	(CHUNK_BYTES / STRIDE)
#define CHUNKS_MAX	32

static const u8 code[SITE_BYTES] = { 0xe9, 0x03, 0x00, 0x00, 0x00 };
static const u8 nop[SITE_BYTES] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };

struct chunks {
	u8 *at[CHUNKS_MAX];
	unsigned int nr;
};

static struct {
	struct chunks text;
	struct chunks blob;
	struct heki_page *list;
	struct heki_patch *request;
	unsigned long sites;
	unsigned long next;
	long token;
} h;

static void chunks_free(struct chunks *p)
{
	while (p->nr)
		free_pages((unsigned long)p->at[--p->nr], CHUNK_ORDER);
}

static int chunks_alloc(struct chunks *p, size_t bytes)
{
	unsigned int nr = DIV_ROUND_UP(bytes, CHUNK_BYTES);

	if (nr > CHUNKS_MAX)
		return -E2BIG;
	while (p->nr < nr) {
		p->at[p->nr] = (u8 *)__get_free_pages(GFP_KERNEL | __GFP_ZERO,
						      CHUNK_ORDER);
		if (!p->at[p->nr])
			return -ENOMEM;
		p->nr++;
	}
	return 0;
}

static void chunks_write(struct chunks *p, size_t at, const void *from,
			 size_t len)
{
	while (len) {
		size_t part = min_t(size_t, len,
				    CHUNK_BYTES - at % CHUNK_BYTES);

		memcpy(p->at[at / CHUNK_BYTES] + at % CHUNK_BYTES, from, part);
		at += part;
		from += part;
		len -= part;
	}
}

static u8 *site_text(unsigned long i)
{
	return h.text.at[i / CHUNK_SITES] + i % CHUNK_SITES * STRIDE;
}

static void write_blob(void)
{
	struct heki_patch_info info = {
		.patch_idx = cpu_to_le64(h.sites),
		.max_patch_count = cpu_to_le64(h.sites),
	};
	struct heki_patch patch = { .size = SITE_BYTES };
	size_t at = sizeof(info);
	unsigned long i;

	memcpy(patch.code, code, sizeof(code));
	chunks_write(&h.blob, 0, &info, sizeof(info));
	for (i = 0; i < h.sites; i++) {
		memcpy(site_text(i), nop, sizeof(nop));
		patch.pa[0] = cpu_to_le64(virt_to_phys(site_text(i)));
		chunks_write(&h.blob, at, &patch, sizeof(patch));
		at += sizeof(patch);
		cond_resched();
	}
}

static void announce(const struct chunks *p, size_t bytes, u64 attributes)
{
	unsigned int i;

	for (i = 0; i < p->nr; i++) {
		u64 nr = le64_to_cpu(h.list->nranges);
		phys_addr_t pa = virt_to_phys(p->at[i]);

		h.list->ranges[nr] = (struct heki_range) {
			.va = cpu_to_le64((unsigned long)p->at[i]),
			.pa = cpu_to_le64(pa),
			.epa = cpu_to_le64(pa + min(bytes, CHUNK_BYTES)),
			.attributes = cpu_to_le64(attributes),
		};
		h.list->nranges = cpu_to_le64(nr + 1);
		bytes -= min(bytes, CHUNK_BYTES);
	}
}

static int sites_load(unsigned long nr)
{
	size_t blob = sizeof(struct heki_patch_info) +
		      nr * sizeof(struct heki_patch);
	size_t text = round_up(nr * STRIDE, PAGE_SIZE);
	int err;

	h.sites = nr;
	h.next = 0;
	err = chunks_alloc(&h.text, text);
	err = err ?: chunks_alloc(&h.blob, blob);
	if (err)
		return err;
	write_blob();
	memset(h.list, 0, sizeof(*h.list));
	announce(&h.text, text, HEKI_MOD_TEXT);
	announce(&h.blob, blob, HEKI_MOD_PATCH);
	h.token = lvbs_vtlcall(HEKI_VTLCALL_VALIDATE_MODULE,
			       virt_to_phys(h.list),
			       le64_to_cpu(h.list->nranges), 0);
	return h.token < 0 ? h.token : 0;
}

static void sites_unload(void)
{
	if (h.token > 0)
		lvbs_vtlcall(HEKI_VTLCALL_UNLOAD_MODULE, h.token, 0, 0);
	h.token = 0;
	chunks_free(&h.text);
	chunks_free(&h.blob);
}

static long patch_text(phys_addr_t pa, const u8 *bytes, unsigned int size)
{
	h.request->pa[0] = cpu_to_le64(pa);
	h.request->size = size;
	memcpy(h.request->code, bytes, size);
	return lvbs_vtlcall(HEKI_VTLCALL_PATCH_TEXT, virt_to_phys(h.request),
			    0, 0);
}

/* Switches another site on each call, in pseudorandom order. */
static int switch_site(void)
{
	u8 *text = site_text(h.next);
	const u8 *to = text[0] == nop[0] ? code : nop;
	phys_addr_t pa = virt_to_phys(text);
	const u8 int3 = INT3;
	long err;

	err = patch_text(pa, &int3, 1);
	err = err ?: patch_text(pa + 1, to + 1, SITE_BYTES - 1);
	err = err ?: patch_text(pa, to, 1);
	if (err)
		return err;
	h.next = (h.next + 7919) % h.sites;
	return memcmp(text, to, SITE_BYTES) ? -EIO : 0;
}

static int mapped_write(unsigned int bytes)
{
	struct page *page = virt_to_page(h.text.at[0]);
	void *map = vmap(&page, 1, VM_MAP, PAGE_KERNEL);

	if (!map)
		return -ENOMEM;
	memcpy(map, nop, bytes);
	vunmap(map);
	return 0;
}

static int mapped_write_1(void)
{
	return mapped_write(1);
}

static int mapped_write_4(void)
{
	return mapped_write(4);
}

static int fill(void)
{
	return bench_map_fill(h.sites, STRIDE);
}

static int fill_sparse(void)
{
	return bench_map_fill(h.sites, STRIDE_SPARSE);
}

static const struct bench_case cases[] = {
	{ "switch", switch_site },
	{ "mapped_write_1", mapped_write_1 },
	{ "mapped_write_4", mapped_write_4 },
	{ "find", bench_map_find, fill, bench_map_empty, .atomic = true,
	  .batch = BENCH_LOOKUPS },
	{ "find_sparse", bench_map_find, fill_sparse, bench_map_empty,
	  .atomic = true, .batch = BENCH_LOOKUPS },
};

static int measure(unsigned long nr)
{
	unsigned int c;
	int err = sites_load(nr);

	for (c = 0; !err && c < ARRAY_SIZE(cases); c++)
		err = bench_measure("sites", &cases[c], nr, 301);
	sites_unload();
	return err;
}

int bench_heki(unsigned long sites)
{
	unsigned long nr;
	int err = -ENOMEM;

	h.list = (void *)get_zeroed_page(GFP_KERNEL);
	/* Aligned so that it does not straddle a page. */
	h.request = kzalloc(roundup_pow_of_two(sizeof(*h.request)), GFP_KERNEL);
	if (h.list && h.request)
		for (nr = 10, err = 0; !err && nr <= sites; nr *= 10)
			err = measure(nr);
	kfree(h.request);
	free_page((unsigned long)h.list);
	return err;
}
