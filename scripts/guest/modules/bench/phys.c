// SPDX-License-Identifier: GPL-2.0
/*
 * Physical pointers, compared with the kernel's other ways to access memory by
 * its frame numbers.
 */
#include <linux/highmem.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include <lvbs/phys_ptr.h>

#include "bench.h"

/* lvbs does not export its copy routine: build a copy of it. */
#ifdef CONFIG_X86_64
#include <asm/asm.h>
#define COPY_EXTABLE(from, to)	_ASM_EXTABLE(from, to)
#include "phys/copy_nofault_x86.h"
#define copy_same	copy_x86
#else
static size_t copy_same(void *dst, const void *src, size_t len)
{
	memcpy(dst, src, len);
	return 0;
}
#endif

/* The cases copy @len bytes between @nr scattered frames and @buf. */
static struct bench {
	struct vmap_manager *mgr;
	unsigned long nr_frames;
	unsigned long *pfns;
	struct page **pages;
	void *buf;
	/* current case */
	size_t len;
	unsigned long nr;
	void *map;
	struct phys_const_ptr ptr;
	struct phys_session session;
	struct phys_write_session write_session;
} b;

struct object {
	u8 bytes[24];
};

/* The lower bound for a checked access: vmap(), copy, vunmap(). */
static int map_copy_floor(bool write)
{
	void *map;
	int err = 0;

	map = vmap(b.pages, b.nr, VM_MAP, write ? PAGE_KERNEL : PAGE_KERNEL_RO);
	if (!map)
		return -ENOMEM;
	if (write)
		memcpy(map, b.buf, b.len);
	else
		err = copy_from_kernel_nofault(b.buf, map, b.len);
	vunmap(map);
	return err;
}

static int floor_read(void)
{
	return map_copy_floor(false);
}

static int floor_write(void)
{
	return map_copy_floor(true);
}

/* The mapping part of the lower bound. */
static int floor_map(void)
{
	void *map = vmap(b.pages, b.nr, VM_MAP, PAGE_KERNEL_RO);

	vunmap(map);
	return map ? 0 : -ENOMEM;
}

static int lvbs_read(void)
{
	struct phys_const_ptr ptr;
	int err;

	err = phys_const_ptr_init_scattered(&ptr, b.mgr, b.pfns, b.nr, 0, b.len,
					    1);
	return err ?: phys_read(&ptr, 0, b.buf, b.len);
}

static int lvbs_write(void)
{
	struct phys_ptr ptr;
	int err;

	err = phys_ptr_init_scattered(&ptr, b.mgr, b.pfns, b.nr, 0, b.len, 1);
	return err ?: phys_write(&ptr, 0, b.buf, b.len);
}

static int lvbs_read_obj(void)
{
	return phys_read_obj_at(b.mgr, PFN_PHYS(b.pfns[0]),
				(struct object *)b.buf);
}

static int lvbs_write_obj(void)
{
	return phys_write_obj_at(b.mgr, PFN_PHYS(b.pfns[0]),
				 (struct object *)b.buf);
}

static int session_begin(void)
{
	struct phys_ptr ptr;
	int err;

	err = phys_ptr_init(&ptr, b.mgr, PFN_PHYS(b.pfns[0]), b.len, 1);
	err = err ?: phys_session_begin(&b.session, &ptr.ro);
	return err ?: phys_write_session_begin(&b.write_session, &ptr);
}

static void session_end(void)
{
	phys_session_end(&b.session);
	phys_write_session_end(&b.write_session);
}

static int session_read(void)
{
	return phys_session_read(&b.session, 0, b.buf, b.len);
}

static int session_write(void)
{
	return phys_session_write(&b.write_session, 0, b.buf, b.len);
}

static int map_begin(void)
{
	b.map = vmap(b.pages, b.nr, VM_MAP, PAGE_KERNEL_RO);
	return b.map ? 0 : -ENOMEM;
}

static void map_end(void)
{
	vunmap(b.map);
}

static int nofault(void)
{
	return copy_from_kernel_nofault(b.buf, b.map, b.len);
}

static int same_copy(void)
{
	return copy_same(b.buf, b.map, b.len) ? -EFAULT : 0;
}

static int kernel_memcpy(void)
{
	memcpy(b.buf, b.map, b.len);
	return 0;
}

static int map_ram(void)
{
	void *map = vm_map_ram(b.pages, b.nr, NUMA_NO_NODE);
	int err;

	if (!map)
		return -ENOMEM;
	err = copy_from_kernel_nofault(b.buf, map, b.len);
	vm_unmap_ram(map, b.nr);
	return err;
}

/* One frame, as memremap() takes contiguous memory; uses the direct map. */
static int remap(void)
{
	void *map = memremap(PFN_PHYS(b.pfns[0]), PAGE_SIZE, MEMREMAP_WB);
	int err;

	if (!map)
		return -ENOMEM;
	err = copy_from_kernel_nofault(b.buf, map, b.len);
	memunmap(map);
	return err;
}

/* kmap_local_page() maps single pages. */

static size_t bytes_in_page(unsigned long i)
{
	return min_t(size_t, b.len - (i << PAGE_SHIFT), PAGE_SIZE);
}

static int kmap_memcpy(void)
{
	unsigned long i;

	for (i = 0; i < b.nr; i++) {
		void *map = kmap_local_page(b.pages[i]);

		memcpy(b.buf + (i << PAGE_SHIFT), map, bytes_in_page(i));
		kunmap_local(map);
	}
	return 0;
}

static int kmap_same_copy(void)
{
	unsigned long i;

	for (i = 0; i < b.nr; i++) {
		void *map = kmap_local_page(b.pages[i]);
		size_t left = copy_same(b.buf + (i << PAGE_SHIFT), map,
					bytes_in_page(i));

		kunmap_local(map);
		if (left)
			return -EFAULT;
	}
	return 0;
}

/* Steps of lvbs_read that can be measured alone. */

static int part_init(void)
{
	struct phys_const_ptr ptr;

	return phys_const_ptr_init_scattered(&ptr, b.mgr, b.pfns, b.nr, 0,
					     b.len, 1);
}

static int part_validate(void)
{
	struct phys_frames frames = { .pfns = b.pfns, .nr = b.nr };

	return b.mgr->ops->validate_unowned(b.mgr, &frames);
}

static int part_map_unmap(unsigned int flags)
{
	unsigned int nr = min_t(unsigned long, b.nr, PHYS_WINDOW_PAGES);
	struct phys_frames frames = { .pfns = b.pfns, .nr = nr };
	struct phys_map map;
	int err;

	preempt_disable();
	err = b.mgr->ops->vmap(b.mgr, &frames, flags, &map);
	err = err ?: b.mgr->ops->vunmap(b.mgr, &map);
	preempt_enable();
	return err;
}

static int part_map_ro(void)
{
	return part_map_unmap(PHYS_MAP_LOCAL);
}

static int part_map_rw(void)
{
	return part_map_unmap(PHYS_MAP_WRITE | PHYS_MAP_LOCAL);
}

static int ptr_begin(void)
{
	return phys_const_ptr_init(&b.ptr, b.mgr, PFN_PHYS(b.pfns[0]), b.len,
				   1);
}

/* Add and remove a claim. */
static int part_claim(void)
{
	struct phys_lock lock;
	int err;

	err = phys_lock(&lock, &b.ptr, PHYS_LOCK_SHARED);
	if (!err)
		phys_unlock(&lock);
	return err;
}

/* Values of bench_case.max. */
#define ANY	SIZE_MAX
#define OBJ	sizeof(struct object)

static const struct bench_case ops[] = {
	{ "floor_read", floor_read, .max = ANY },
	{ "floor_write", floor_write, .max = ANY },
	{ "lvbs_read", lvbs_read, .max = ANY },
	{ "lvbs_write", lvbs_write, .max = ANY },
	{ "lvbs_read_obj", lvbs_read_obj, .max = OBJ },
	{ "lvbs_write_obj", lvbs_write_obj, .max = OBJ },
	{ "lvbs_read_vmapped", lvbs_read, bench_vmap_begin,
	  bench_vmap_end, .max = ANY },
	{ "lvbs_write_vmapped", lvbs_write, bench_vmap_begin,
	  bench_vmap_end, .max = ANY },
	{ "lvbs_read_obj_vmapped", lvbs_read_obj, bench_vmap_begin,
	  bench_vmap_end, .max = OBJ },
	{ "lvbs_write_obj_vmapped", lvbs_write_obj, bench_vmap_begin,
	  bench_vmap_end, .max = OBJ },
	{ "session_read", session_read, session_begin, session_end,
	  PAGE_SIZE, true },
	{ "session_write", session_write, session_begin, session_end,
	  PAGE_SIZE, true },
	{ "vm_map_ram", map_ram, .max = ANY },
	{ "memremap", remap, .max = PAGE_SIZE },
	{ "kmap_local", kmap_memcpy, .max = ANY, .atomic = true },
	{ "kmap_local_same_copy", kmap_same_copy, .max = ANY, .atomic = true },
	{ "nofault", nofault, map_begin, map_end, PAGE_SIZE, true },
	{ "same_copy", same_copy, map_begin, map_end, PAGE_SIZE, true },
	{ "memcpy", kernel_memcpy, map_begin, map_end, PAGE_SIZE, true },
};

static const struct bench_case parts[] = {
	{ "floor_map", floor_map, .max = ANY },
	{ "init", part_init, .max = ANY, .atomic = true },
	{ "validate", part_validate, .max = ANY, .atomic = true },
	{ "claim", part_claim, ptr_begin, .max = ANY, .atomic = true },
	{ "map_ro", part_map_ro, .max = PHYS_WINDOW_PAGES * PAGE_SIZE },
	{ "map_rw", part_map_rw, .max = PHYS_WINDOW_PAGES * PAGE_SIZE },
};

static const struct bench_case growth[] = {
	{ "lvbs_read", lvbs_read, .max = ANY },
	{ "kmap_local_same_copy", kmap_same_copy, .max = ANY },
	{ "init", part_init, .max = ANY },
};

/* Independent variables of the groups. */
static const size_t op_bytes[] = { 24, 256, SZ_4K, SZ_64K, SZ_1M };
static const size_t part_bytes[] = { 24, SZ_64K, SZ_256K };
static const size_t growth_pages[] = { 1, 4, 16, 64, 256, 1024, 4096, 16384,
				       65536 };

struct bench_group {
	const char *name;
	const struct bench_case *cases;
	unsigned int nr_cases;
	const size_t *sizes;
	unsigned int nr_sizes;
	size_t unit;
};

static const struct bench_group groups[] = {
	{ "op", ops, ARRAY_SIZE(ops), op_bytes, ARRAY_SIZE(op_bytes), 1 },
	{ "part", parts, ARRAY_SIZE(parts), part_bytes,
	  ARRAY_SIZE(part_bytes), 1 },
	{ "growth", growth, ARRAY_SIZE(growth), growth_pages,
	  ARRAY_SIZE(growth_pages), PAGE_SIZE },
};

/* About the same work for each length; odd, for the median. */
static unsigned int samples_of(size_t bytes)
{
	return clamp_t(size_t, SZ_16M / bytes, 3, SAMPLES_MAX) | 1;
}

static int measure_group(const struct bench_group *g)
{
	unsigned int s, c;
	int err = 0;

	for (s = 0; s < g->nr_sizes; s++) {
		b.len = g->sizes[s] * g->unit;
		b.nr = DIV_ROUND_UP(b.len, PAGE_SIZE);
		if (b.nr > b.nr_frames)
			break;
		for (c = 0; !err && c < g->nr_cases; c++)
			if (b.len <= g->cases[c].max)
				err = bench_measure(g->name, &g->cases[c],
						    b.len, samples_of(b.len));
	}
	return err;
}

/* Shuffle the frames. */
static void scatter(void)
{
	unsigned long i;
	u32 state = 1;

	for (i = b.nr_frames - 1; i > 0; i--) {
		unsigned long k;

		state = state * 1664525u + 1013904223u;
		k = (state >> 8) % (i + 1);
		swap(b.pages[i], b.pages[k]);
	}
	for (i = 0; i < b.nr_frames; i++)
		b.pfns[i] = page_to_pfn(b.pages[i]);
}

static void bench_free(void)
{
	while (b.nr_frames)
		__free_page(b.pages[--b.nr_frames]);
	vfree(b.buf);
	kvfree(b.pfns);
	kvfree(b.pages);
}

static int bench_alloc(unsigned long pages_max)
{
	b.pages = kvcalloc(pages_max, sizeof(*b.pages), GFP_KERNEL);
	b.pfns = kvcalloc(pages_max, sizeof(*b.pfns), GFP_KERNEL);
	b.buf = vzalloc(pages_max << PAGE_SHIFT);
	if (!b.pages || !b.pfns || !b.buf)
		goto fail;

	while (b.nr_frames < pages_max) {
		struct page *page = alloc_page(GFP_KERNEL);

		if (!page)
			goto fail;
		b.pages[b.nr_frames++] = page;
		cond_resched();
	}
	scatter();
	return 0;
fail:
	bench_free();
	return -ENOMEM;
}

int bench_phys(unsigned long pages)
{
	unsigned int i;
	int err;

	b.mgr = lvbs_vmap_manager();
	err = bench_alloc(pages);
	if (err)
		return err;
	for (i = 0; !err && i < ARRAY_SIZE(groups); i++)
		err = measure_group(&groups[i]);
	bench_free();
	return err;
}
