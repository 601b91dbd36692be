// SPDX-License-Identifier: GPL-2.0
/*
 * Allocates a page and marks it PageOffline, as balloon and virtio-mem drivers
 * do. /sys/module/offline/parameters/pfn is its frame number.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/page-flags.h>

static unsigned long pfn;
module_param(pfn, ulong, 0444);
MODULE_PARM_DESC(pfn, "frame number of the page (output)");

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

MODULE_DESCRIPTION("lvbs test: a page marked PageOffline");
MODULE_LICENSE("GPL");
