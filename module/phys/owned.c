// SPDX-License-Identifier: GPL-2.0
/*
 * What VTL1 owns from the start: the module's own image, and the carve-outs
 * that the administrator names. ram_map_exit() forgets them.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/pfn.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "parse.h"
#include "init.h"
#include "phys/ram_map.h"

static char *owned;
module_param(owned, charp, 0400);
MODULE_PARM_DESC(owned,
		 "page-aligned physical ranges that belong to VTL1: START-END[,START-END]..., END inclusive");

#ifdef MODULE
static int own_pages_of(const struct module_memory *mem)
{
	unsigned long nr = PAGE_ALIGN(mem->size) >> PAGE_SHIFT, i;
	struct frame_range *range;
	int err;

	if (!nr)
		return 0;

	range = kmalloc_array(nr, sizeof(*range), GFP_KERNEL);
	if (!range)
		return -ENOMEM;

	for (i = 0; i < nr; i++) {
		void *addr = mem->base + (i << PAGE_SHIFT);

		range[i].first = vmalloc_to_pfn(addr);
		range[i].last = range[i].first;
	}
	err = ram_map_add_owned(range, nr);
	kfree(range);
	return err;
}

static int own_image(void)
{
	enum mod_mem_type type;
	int err = 0;

	for (type = 0; !err && type < MOD_MEM_NUM_TYPES; type++) {
		struct module_memory mem = module_core_memory(THIS_MODULE,
							      type);

		err = own_pages_of(&mem);
	}
	return err;
}
#else
/* Part of the kernel, we have no image of our own: it is protected as text. */
static int own_image(void)
{
	return 0;
}
#endif

static int own_carveout(const char *text)
{
	struct frame_range range;
	u64 start, end;
	int err;

	err = parse_range(text, &start, &end);
	if (err || !PAGE_ALIGNED(start) || !PAGE_ALIGNED(end + 1))
		return -EINVAL;

	range.first = start >> PAGE_SHIFT;
	range.last = end >> PAGE_SHIFT;
	/* A frame number is a long, shorter than what can be written down. */
	if (range.last != end >> PAGE_SHIFT)
		return -EINVAL;
	return ram_map_add_owned(&range, 1);
}

static int own_carveouts(const char *list)
{
	char *copy, *rest, *word;
	int err = 0;

	if (!list || !*list)
		return 0;

	copy = kstrdup(list, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;

	rest = copy;
	while (!err && (word = strsep(&rest, ",")))
		err = own_carveout(word);
	kfree(copy);
	if (err == -EINVAL)
		pr_err("owned=%s: not a list of page-aligned START-END\n",
		       list);
	return err;
}

int owned_init(void)
{
	int err = own_image();

	return err ?: own_carveouts(owned);
}
