// SPDX-License-Identifier: GPL-2.0
/*
 * HEKI_VTLCALL_PROTECT_MEMORY: protections requested by VTL0.
 */
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include <lvbs/vmap_manager.h>

#include "heki/page_list.h"
#include "heki/protect.h"
#include "heki/vtl0.h"
#include "subsystems.h"
#include "phys/phys.h"

#define MEM_ATTRS	(HEKI_MEM_READ | HEKI_MEM_WRITE | HEKI_MEM_EXEC | \
			 HEKI_MEM_IMMUTABLE)

struct vtl0_protection {
	struct list_head node;
	struct phys_protection prot;
};

static DEFINE_MUTEX(protections_lock);	/* guards protections */
static LIST_HEAD(protections);

static int protect_piece(const struct heki_piece *piece, void *ctx)
{
	struct list_head *list = ctx;
	struct vtl0_protection *item;
	int err;

	if (piece->attributes & ~(u64)MEM_ATTRS ||
	    (piece->pa | piece->bytes) & ~PAGE_MASK)
		return -EINVAL;
	if (piece->attributes & HEKI_MEM_WRITE)
		return 0;

	item = kzalloc(sizeof(*item), GFP_KERNEL);
	if (!item)
		return -ENOMEM;
	item->prot.owner = "protect_memory";
	err = phys_protect(lvbs_vmap_manager(), &item->prot,
			   PHYS_PFN(piece->pa), piece->bytes >> PAGE_SHIFT);
	if (err)
		kfree(item);
	else
		list_add(&item->node, list);
	return err;
}

static void unprotect_list(struct list_head *list)
{
	struct vtl0_protection *item, *next;

	list_for_each_entry_safe(item, next, list, node) {
		phys_unprotect(lvbs_vmap_manager(), &item->prot);
		kfree(item);
	}
}

/*
 * Protects, until unload, the ranges of the list at @pa that lack
 * HEKI_MEM_WRITE; the others are only checked. All ranges or none. Ranges are
 * whole pages; their attributes are a set of enum heki_mem_attr.
 */
int heki_protect_list(u64 pa, u64 nranges)
{
	struct heki_page *page;
	LIST_HEAD(list);
	int err;

	page = kmalloc(sizeof(*page), GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	err = heki_page_list_walk(&vtl0_reader, page, pa, nranges,
				  phys_width_bits(), protect_piece, &list);
	kfree(page);
	if (err) {
		unprotect_list(&list);
		return err;
	}

	mutex_lock(&protections_lock);
	list_splice(&list, &protections);
	mutex_unlock(&protections_lock);
	return 0;
}

void heki_protect_exit(void)
{
	unprotect_list(&protections);
	INIT_LIST_HEAD(&protections);
}
