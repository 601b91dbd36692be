// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's own image. Its text and read-only data are protected while the
 * module is loaded: ordinary physical pointers may read but not write them.
 */
#include <linux/ioport.h>
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
	const char *name;
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
	.name = what,							\
}

/* The text comes first, then read-only data. */
static struct image_section sections[] = {
	IMAGE_SECTION("kernel text", _stext, _etext),
	IMAGE_SECTION("kernel rodata", __start_rodata, __end_rodata),
};

/* All of it, data included. */
static struct image_section image = IMAGE_SECTION("kernel image", _text, _end);

static unsigned int nr_ready;

struct kernel_range kernel_image_text(void)
{
	return sections[0].range;
}

/*
 * Init sections, gaps between sections and unused parts of bss become free
 * memory. What stays the kernel's is reserved.
 */
bool kernel_image_overlaps(u64 pa, u64 bytes)
{
	u64 start = max_t(u64, pa, image.range.pa);
	u64 last = min_t(u64, pa + (bytes - 1),
			 image.range.pa + (image.range.bytes - 1));
	unsigned long pfn;

	if (!bytes || last < start)
		return false;
	for (pfn = PHYS_PFN(start); pfn <= PHYS_PFN(last); pfn++)
		if (PageReserved(pfn_to_page(pfn)))
			return true;
	return false;
}

bool kernel_image_overlaps_va(u64 va, u64 bytes)
{
	return bytes && va <= image.range.va + (image.range.bytes - 1) &&
	       image.range.va <= va + (bytes - 1);
}

static int section_find(struct image_section *section)
{
	unsigned long start = (unsigned long)section->start ?:
			      ksym_address(section->start_name);
	unsigned long end = (unsigned long)section->end ?:
			    ksym_address(section->end_name);

	if (!start || end <= start) {
		pr_err("cannot find the %s: symbols %s and %s not found (kprobes disabled?)\n",
		       section->name, section->start_name, section->end_name);
		return -ENOENT;
	}
	section->range = (struct kernel_range) {
		.va = start,
		.pa = __pa_symbol(start),
		.bytes = end - start,
	};
	return 0;
}

static const struct resource *resource_at(const struct resource *parent,
					  resource_size_t start)
{
	const struct resource *res = parent->child;

	while (res && res->end < start)
		res = res->sibling;
	return res && res->start <= start ? res : NULL;
}

/*
 * Without CONFIG_KALLSYMS_ALL, only symbols of text are known. On arm64 the
 * resource "Kernel code" goes from there to the end of the read-only data, and
 * "Kernel data", the next one, to the end of the image. No exported function
 * finds them: they are in one that is found first. None of the three is ever
 * removed.
 */
static void sections_from_resources(void)
{
	const char *text = (char *)ksym_address("_stext");
	const char *rodata = (char *)ksym_address("_etext");
	const struct resource *ram, *code = NULL;
	phys_addr_t pa;

	if (!text || !rodata || ksym_address(image.end_name))
		return;
	pa = __pa_symbol((unsigned long)text);
	ram = resource_at(&iomem_resource, pa);
	if (ram)
		code = resource_at(ram, pa);
	if (!code || code->start != pa || !code->sibling)
		return;
	image.start = text;
	image.end = text + (code->sibling->end + 1 - pa);
	sections[1].start = rodata;
	sections[1].end = text + (code->end + 1 - pa);
}

static int section_protect(struct image_section *section)
{
	phys_addr_t pa = section->range.pa;
	unsigned long first = PHYS_PFN(pa);
	unsigned long last = PHYS_PFN(pa + section->range.bytes - 1);

	section->prot.owner = section->name;
	return phys_protect(lvbs_vmap_manager(), &section->prot, first,
			    last - first + 1);
}

int kernel_image_init(void)
{
	int err;

	sections_from_resources();
	err = section_find(&image);
	if (err)
		return err;
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
		phys_unprotect(lvbs_vmap_manager(), &sections[nr_ready].prot);
	nr_ready = 0;
}
