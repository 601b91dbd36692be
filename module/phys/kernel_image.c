// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's own image. Its text and read-only data are protected while the
 * module is loaded: ordinary physical pointers may read but not write them.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/pfn.h>

#include <asm/sections.h>

#include <lvbs/vmap_manager.h>

#include "subsystems.h"
#include "ksym.h"
#include "phys/phys.h"

struct image_section {
	const char *start_name;
	const char *end_name;
	/* NULL in a module, where the linker does not know the symbols. */
	const char *start;
	const char *end;
	const char *protected_as;	/* NULL: writable */
	struct phys_protection prot;
	struct kernel_range range;
};

#ifdef MODULE
#define IMAGE_SYMBOL(name)	NULL
#else
#define IMAGE_SYMBOL(name)	(name)
#endif

#define IMAGE_SECTION(what, from, to) {					\
	.start_name = #from,						\
	.end_name = #to,						\
	.start = IMAGE_SYMBOL(from),					\
	.end = IMAGE_SYMBOL(to),					\
	.protected_as = what,						\
}

/*
 * The sections that are never freed; init sections and gaps are. Text is first:
 * see kernel_image_text().
 */
static struct image_section sections[] = {
	IMAGE_SECTION("kernel text", _stext, _etext),
	IMAGE_SECTION("kernel rodata", __start_rodata, __end_rodata),
	IMAGE_SECTION(NULL, _sdata, _edata),
	IMAGE_SECTION(NULL, __bss_start, __bss_stop),
};

static unsigned int nr_ready;

static bool ranges_overlap(u64 a, u64 a_bytes, u64 b, u64 b_bytes)
{
	return a_bytes && b_bytes && a <= b + (b_bytes - 1) &&
	       b <= a + (a_bytes - 1);
}

struct kernel_range kernel_image_text(void)
{
	return sections[0].range;
}

/* Does the range share a byte with the image, data included? Any context. */
bool kernel_image_overlaps(u64 pa, u64 bytes)
{
	const struct kernel_range *range;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sections); i++) {
		range = &sections[i].range;
		if (ranges_overlap(range->pa, range->bytes, pa, bytes))
			return true;
	}
	return false;
}

bool kernel_image_overlaps_va(u64 va, u64 bytes)
{
	const struct kernel_range *range;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sections); i++) {
		range = &sections[i].range;
		if (ranges_overlap(range->va, range->bytes, va, bytes))
			return true;
	}
	return false;
}

static int section_find(struct image_section *section)
{
	unsigned long start = (unsigned long)section->start ?:
			      ksym_address(section->start_name);
	unsigned long end = (unsigned long)section->end ?:
			    ksym_address(section->end_name);

	if (!start || end <= start) {
		pr_err("cannot find the kernel image: symbols %s and %s not found (kprobes disabled?)\n",
		       section->start_name, section->end_name);
		return -ENOENT;
	}
	section->range = (struct kernel_range) {
		.va = start,
		.pa = __pa_symbol(start),
		.bytes = end - start,
	};
	return 0;
}

static int section_protect(struct image_section *section)
{
	phys_addr_t pa = section->range.pa;
	unsigned long first = PHYS_PFN(pa);
	unsigned long last = PHYS_PFN(pa + section->range.bytes - 1);

	if (!section->protected_as)
		return 0;
	section->prot.owner = section->protected_as;
	return phys_protect(lvbs_vmap_manager(), &section->prot, first,
			    last - first + 1);
}

int kernel_image_init(void)
{
	int err;

	for (nr_ready = 0; nr_ready < ARRAY_SIZE(sections); nr_ready++) {
		err = section_find(&sections[nr_ready]);
		err = err ?: section_protect(&sections[nr_ready]);
		if (err) {
			kernel_image_exit();
			return err;
		}
	}
	return 0;
}

void kernel_image_exit(void)
{
	while (nr_ready--)
		if (sections[nr_ready].protected_as)
			phys_unprotect(lvbs_vmap_manager(),
				       &sections[nr_ready].prot);
	nr_ready = 0;
}
