// SPDX-License-Identifier: GPL-2.0
/*
 * One page of memory that is logically offline, as a balloon or a memory device
 * would have it: /sys/module/offline/parameters/pfn says which.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/page-flags.h>

static unsigned long pfn;
module_param(pfn, ulong, 0444);
MODULE_PARM_DESC(pfn, "out: the page's frame number");

static struct page *page;

static int __init offline_init(void)
{
	page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!page)
		return -ENOMEM;
	__SetPageOffline(page);
	pfn = page_to_pfn(page);
	return 0;
}

static void __exit offline_exit(void)
{
	__ClearPageOffline(page);
	__free_page(page);
}

module_init(offline_init);
module_exit(offline_exit);

MODULE_DESCRIPTION("A page that is logically offline");
MODULE_LICENSE("GPL");
