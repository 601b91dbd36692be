// SPDX-License-Identifier: GPL-2.0
/*
 * What VTL0 announces: the sites of its kernel, modules, and protections.
 *
 * The memory that a module declares is its own while it is loaded. What it does
 * not write is frozen: protected, for as long as it is the module's.
 */
#include <linux/io.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <lvbs/vmap_manager.h>

#include "heki/heki.h"
#include "phys/phys.h"
#include "subsystems.h"

/* A list of ranges in VTL0's memory, as announced. */
struct range_list {
	u64 pa;
	u64 nranges;
};

/* ---- the kernel ---- */

static int fill_kernel(struct heki_patch_batch *batch, struct heki_mem_map *mem,
		       void *ctx)
{
	const struct kernel_range text = kernel_image_text();
	const struct heki_mem_range range = {
		.va = text.va,
		.pa = text.pa,
		.bytes = text.bytes,
		.text = true,
	};
	const struct range_list *list = ctx;
	struct heki_blob_source source = {
		.reader = &vtl0_reader,
		.pa = list->pa,
		.nranges = list->nranges,
		.attribute = HEKI_KDATA_PATCH_INFO,
		.pa_bits = phys_width_bits(),
	};
	int err;

	err = heki_blob_read(&source, batch);
	/* Who announces no site claims no text. */
	return err || !batch->nr ? err : heki_mem_add(mem, &range);
}

/*
 * HEKI_VTLCALL_LOAD_KDATA: adds the sites in the ranges of HEKI_KDATA_PATCH_INFO;
 * the other ranges of the list at @pa are only checked. May sleep. Returns the
 * owner's id, or the error of heki_owner_add() or heki_blob_read().
 */
long heki_kernel_add(u64 pa, u64 nranges)
{
	struct range_list list = { .pa = pa, .nranges = nranges };

	return heki_owner_add(HEKI_OWNER_KERNEL, "kernel", fill_kernel, &list);
}

/* ---- modules ---- */

static bool is_text(enum heki_mod_mem type)
{
	return type == HEKI_MOD_TEXT || type == HEKI_MOD_INIT_TEXT;
}

static bool is_init(enum heki_mod_mem type)
{
	return type == HEKI_MOD_INIT_TEXT || type == HEKI_MOD_INIT_DATA ||
	       type == HEKI_MOD_INIT_RODATA;
}

static bool is_read_only(enum heki_mod_mem type)
{
	return is_text(type) || type == HEKI_MOD_RODATA ||
	       type == HEKI_MOD_INIT_RODATA;
}

static bool in_module_space(unsigned long va)
{
#ifdef MODULES_VADDR
	return va >= MODULES_VADDR && va < MODULES_END;
#else
	return false;
#endif
}

static bool page_is_mapped(u64 va, u64 pa)
{
	void *at = (void *)(unsigned long)va;
	struct page *page;

	if ((unsigned long)va != va)
		return false;
	if (virt_addr_valid(at))
		return virt_to_phys(at) == pa;
	if (!is_vmalloc_addr(at) && !in_module_space(va))
		return false;
	page = vmalloc_to_page(at);
	return page && page_to_phys(page) == pa;
}

/*
 * Is text where VTL0 says that it executes it? A jump is relative: with another
 * address, a target that looks contained would be anywhere.
 */
static bool text_is_mapped(const struct heki_mem_range *range)
{
	u64 at;

	for (at = 0; at < range->bytes; at += PAGE_SIZE) {
		if (!page_is_mapped(range->va + at, range->pa + at))
			return false;
		cond_resched();
	}
	return true;
}

static int note_range(const struct heki_piece *piece, void *ctx)
{
	enum heki_mod_mem type = piece->attributes;
	struct heki_mem_range range = {
		.va = piece->va,
		.pa = piece->pa,
		.bytes = piece->bytes,
		.text = is_text(type),
		.init = is_init(type),
		.frozen = is_read_only(type),
		.ro_after_init = type == HEKI_MOD_RO_AFTER_INIT,
	};

	if (piece->attributes > HEKI_MOD_PATCH)
		return -EINVAL;
	/* The module file is a buffer of VTL0, not memory of the module. */
	if (type == HEKI_MOD_ELF || type == HEKI_MOD_PATCH)
		return 0;
	/* Protections are of whole pages. */
	if ((range.frozen || range.ro_after_init) &&
	    (range.pa | range.bytes) & ~PAGE_MASK)
		return -EINVAL;
	if (range.text && (range.va & ~PAGE_MASK || !text_is_mapped(&range)))
		return -EINVAL;
	if (frame_set_intersects(ram_map_owned(), PHYS_PFN(range.pa),
				 PHYS_PFN(range.pa + (range.bytes - 1))))
		return -EPERM;
	return heki_mem_add(ctx, &range);
}

static int fill_module(struct heki_patch_batch *batch, struct heki_mem_map *mem,
		       void *ctx)
{
	const struct range_list *list = ctx;
	struct heki_blob_source source = {
		.reader = &vtl0_reader,
		.pa = list->pa,
		.nranges = list->nranges,
		.attribute = HEKI_MOD_PATCH,
		.pa_bits = phys_width_bits(),
		.other = note_range,
		.other_ctx = mem,
	};

	return heki_blob_read(&source, batch);
}

/*
 * HEKI_VTLCALL_VALIDATE_MODULE. The ranges of the list at @pa have attributes
 * of enum heki_mod_mem. Those of HEKI_MOD_PATCH hold the sites, each of which
 * lies in text; there may be any number of ranges of each type. Text, read-only
 * data and what becomes that are whole pages. Signatures are outside this project.
 *
 * May sleep. Returns the token, which is greater than 0; -EINVAL if memory is of
 * an unknown type or not in whole pages, or text is not mapped where VTL0 says;
 * -EPERM if memory is VTL1's own; or the error of heki_owner_add() or
 * heki_blob_read().
 */
long heki_module_add(u64 pa, u64 nranges)
{
	struct range_list list = { .pa = pa, .nranges = nranges };

	return heki_owner_add(HEKI_OWNER_MODULE, NULL, fill_module, &list);
}

/* ---- protections ---- */

#define MEM_ATTRS	(HEKI_MEM_READ | HEKI_MEM_WRITE | HEKI_MEM_EXEC | \
			 HEKI_MEM_IMMUTABLE)

struct vtl0_protection {
	struct list_head node;	/* in protections; guarded by protections_lock */
	struct phys_protection prot;
};

static DEFINE_MUTEX(protections_lock);	/* guards protections */
static LIST_HEAD(protections);

static int protect_run(struct list_head *list, unsigned long first,
		       unsigned long last)
{
	struct vtl0_protection *item;
	int err;

	item = kzalloc(sizeof(*item), GFP_KERNEL);
	if (!item)
		return -ENOMEM;
	item->prot.owner = "protect_memory";
	err = phys_protect(lvbs_vmap_manager(), &item->prot, first,
			   last - first + 1);
	if (err)
		kfree(item);
	else
		list_add(&item->node, list);
	return err;
}

/* VTL1's own frames need no protection, and are skipped. */
static int protect_frames(struct list_head *list, unsigned long first,
			  unsigned long last)
{
	struct frame_range own;
	unsigned long end;
	int err;

	for (;;) {
		end = last;
		if (frame_set_next(ram_map_owned(), first, &own) &&
		    own.first <= last) {
			if (own.first <= first) {
				if (own.last >= last)
					return 0;
				first = own.last + 1;
				continue;
			}
			end = own.first - 1;
		}
		err = protect_run(list, first, end);
		if (err == -EPERM)
			continue;	/* some became VTL1's meanwhile */
		if (err || end == last)
			return err;
		first = end + 1;
	}
}

static int protect_piece(const struct heki_piece *piece, void *ctx)
{
	if (piece->attributes & ~(u64)MEM_ATTRS ||
	    (piece->pa | piece->bytes) & ~PAGE_MASK)
		return -EINVAL;
	if (piece->attributes & HEKI_MEM_WRITE)
		return 0;
	return protect_frames(ctx, PHYS_PFN(piece->pa),
			      PHYS_PFN(piece->pa + (piece->bytes - 1)));
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
 * HEKI_VTLCALL_PROTECT_MEMORY: protects, until this module is unloaded, the
 * ranges of the list at @pa that lack HEKI_MEM_WRITE; the others are only
 * checked. All ranges or none, but for VTL1's own frames. Ranges are whole pages;
 * their attributes are a set of enum heki_mem_attr. May sleep. Returns 0, -EINVAL,
 * or the error of heki_page_list_walk() or phys_protect().
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
