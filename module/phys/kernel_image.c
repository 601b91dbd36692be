// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's own code and read-only data are protected while the module is
 * loaded: ordinary physical pointers may read but not write them.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/pfn.h>

#include <asm/sections.h>

#include <lvbs/vmap_manager.h>

#include "ksym.h"
#include "init.h"
#include "phys/kernel_image.h"

struct image_part {
	const char *start_name;
	const char *end_name;
	/* Known to the linker where we are part of the kernel, else NULL. */
	const char *start;
	const char *end;
	struct phys_protection prot;
};

#ifdef MODULE
#define IMAGE_SYMBOL(name)	NULL
#else
#define IMAGE_SYMBOL(name)	(name)
#endif

#define IMAGE_PART(what, from, to) {					\
	.start_name = #from,						\
	.end_name = #to,						\
	.start = IMAGE_SYMBOL(from),					\
	.end = IMAGE_SYMBOL(to),					\
	.prot.owner = what,						\
}

static struct image_part parts[] = {
	IMAGE_PART("kernel text", _stext, _etext),
	IMAGE_PART("kernel rodata", __start_rodata, __end_rodata),
};

static unsigned int nr_protected;

/*
 * Where the image is mapped, and the pieces of it that stay the kernel's: init
 * sections and the gaps between sections become free memory.
 */
static struct kernel_range image;
static struct kernel_range text, rodata, data, bss;

static int range_find(struct kernel_range *range, const char *start_name,
		      const char *start, const char *end_name, const char *end)
{
	unsigned long first = (unsigned long)start ?: ksym_address(start_name);
	unsigned long past = (unsigned long)end ?: ksym_address(end_name);

	if (!first || past <= first) {
		pr_err("cannot find the kernel's symbols %s and %s (kprobes disabled?)\n",
		       start_name, end_name);
		return -ENOENT;
	}
	*range = (struct kernel_range) {
		.va = first,
		.pa = __pa_symbol(first),
		.bytes = past - first,
	};
	return 0;
}

#define RANGE_FIND(range, from, to)					\
	range_find(range, #from, IMAGE_SYMBOL(from), #to, IMAGE_SYMBOL(to))

struct kernel_range kernel_image_text(void)
{
	return text;
}

static bool ranges_meet(u64 a, u64 a_bytes, u64 b, u64 b_bytes)
{
	return a_bytes && b_bytes && a <= b + (b_bytes - 1) &&
	       b <= a + (a_bytes - 1);
}

bool kernel_image_meets(u64 pa, u64 bytes)
{
	return ranges_meet(text.pa, text.bytes, pa, bytes) ||
	       ranges_meet(rodata.pa, rodata.bytes, pa, bytes) ||
	       ranges_meet(data.pa, data.bytes, pa, bytes) ||
	       ranges_meet(bss.pa, bss.bytes, pa, bytes);
}

bool kernel_image_meets_va(u64 va, u64 bytes)
{
	return ranges_meet(image.va, image.bytes, va, bytes);
}

static int part_protect(struct image_part *part)
{
	struct kernel_range range;
	unsigned long first, last;
	int err;

	err = range_find(&range, part->start_name, part->start, part->end_name,
			 part->end);
	if (err)
		return err;
	first = PHYS_PFN(range.pa);
	last = PHYS_PFN(range.pa + range.bytes - 1);
	return phys_protect(lvbs_vmap_manager(), &part->prot, first,
			    last - first + 1);
}

int kernel_image_init(void)
{
	int err;

	err = RANGE_FIND(&image, _text, _end);
	err = err ?: RANGE_FIND(&text, _stext, _etext);
	err = err ?: RANGE_FIND(&rodata, __start_rodata, __end_rodata);
	err = err ?: RANGE_FIND(&data, _sdata, _edata);
	err = err ?: RANGE_FIND(&bss, __bss_start, __bss_stop);
	if (err)
		return err;

	for (nr_protected = 0; nr_protected < ARRAY_SIZE(parts);
	     nr_protected++) {
		err = part_protect(&parts[nr_protected]);
		if (err) {
			kernel_image_exit();
			return err;
		}
	}
	return 0;
}

void kernel_image_exit(void)
{
	while (nr_protected)
		phys_unprotect(lvbs_vmap_manager(),
			       &parts[--nr_protected].prot);
}
