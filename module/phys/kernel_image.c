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

static int part_protect(struct image_part *part)
{
	unsigned long start = (unsigned long)part->start ?:
			      ksym_address(part->start_name);
	unsigned long end = (unsigned long)part->end ?:
			    ksym_address(part->end_name);
	unsigned long first, last;

	if (!start || end <= start) {
		pr_err("cannot find the %s: %s..%s are not to be had (kprobes off?)\n",
		       part->prot.owner, part->start_name, part->end_name);
		return -ENOENT;
	}

	first = PHYS_PFN(__pa_symbol(start));
	last = PHYS_PFN(__pa_symbol(end - 1));
	return phys_protect(lvbs_vmap_manager(), &part->prot, first,
			    last - first + 1);
}

int kernel_image_init(void)
{
	int err;

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
