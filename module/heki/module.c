// SPDX-License-Identifier: GPL-2.0
/*
 * What VTL0 announces of its memory: modules, and protections.
 *
 * The memory that a module declares belongs to it alone while it is loaded: it
 * overlaps neither the kernel nor another module. Its sites and their targets
 * lie in its text.
 */
#include <linux/io.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include <lvbs/vmap_manager.h>

#include "heki/heki.h"
#include "phys/phys.h"
#include "subsystems.h"

/* A loaded module; guarded by modules_lock once it is in the list. */
struct heki_module {
	struct list_head node;
	struct heki_mem_map mem;
	size_t room;		/* for ranges in @mem */
	u32 token;		/* id of the owner of its sites */
};

static DEFINE_MUTEX(modules_lock);	/* guards modules, and each of them */
static LIST_HEAD(modules);

struct module_list {
	u64 pa;
	u64 nranges;
	struct heki_module *mod;
};

static bool is_init(enum heki_mod_mem type)
{
	return type == HEKI_MOD_INIT_TEXT || type == HEKI_MOD_INIT_DATA ||
	       type == HEKI_MOD_INIT_RODATA;
}

static int mem_add(struct heki_module *mod, const struct heki_mem_range *range)
{
	size_t room = max_t(size_t, 2 * mod->room, 16);
	struct heki_mem_range *ranges;

	if (mod->mem.nr == mod->room) {
		ranges = kvmalloc_array(room, sizeof(*ranges), GFP_KERNEL);
		if (!ranges)
			return -ENOMEM;
		if (mod->mem.nr)
			memcpy(ranges, mod->mem.by_pa,
			       mod->mem.nr * sizeof(*ranges));
		kvfree(mod->mem.by_pa);
		mod->mem.by_pa = ranges;
		mod->room = room;
	}
	mod->mem.by_pa[mod->mem.nr++] = *range;
	return 0;
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
	struct heki_mem_range range = {
		.va = piece->va,
		.pa = piece->pa,
		.bytes = piece->bytes,
		.text = piece->attributes == HEKI_MOD_TEXT ||
			piece->attributes == HEKI_MOD_INIT_TEXT,
		.init = is_init(piece->attributes),
	};

	if (piece->attributes > HEKI_MOD_PATCH)
		return -EINVAL;
	/* The module file is a buffer of VTL0, not memory of the module. */
	if (piece->attributes == HEKI_MOD_ELF ||
	    piece->attributes == HEKI_MOD_PATCH)
		return 0;
	if (range.text && ((piece->pa | piece->bytes | piece->va) & ~PAGE_MASK ||
			   !text_is_mapped(&range)))
		return -EINVAL;
	return mem_add(ctx, &range);
}

static int mem_sort(struct heki_module *mod)
{
	mod->mem.by_va = kvmalloc_array(max_t(size_t, mod->mem.nr, 1),
					sizeof(*mod->mem.by_va), GFP_KERNEL);
	return mod->mem.by_va ? heki_mem_map_sort(&mod->mem) : -ENOMEM;
}

/* Does the module declare memory of another owner? Under owners_lock. */
static bool mem_is_taken(const struct heki_module *mod)
{
	const struct heki_mem_map *mem = &mod->mem;
	const struct heki_module *other;
	size_t i;

	lockdep_assert_held(&modules_lock);

	for (i = 0; i < mem->nr; i++) {
		const struct heki_mem_range *range = &mem->by_pa[i];

		if (kernel_image_overlaps(range->pa, range->bytes) ||
		    heki_owner_has_frames(PHYS_PFN(range->pa),
					  PHYS_PFN(range->pa +
						   (range->bytes - 1))))
			return true;
	}
	for (i = 0; i < mem->nr_text; i++)
		if (kernel_image_overlaps_va(mem->by_va[i].va,
					     mem->by_va[i].bytes))
			return true;
	list_for_each_entry(other, &modules, node)
		if (heki_mem_maps_overlap(&other->mem, mem))
			return true;
	return false;
}

static int check_site(const struct heki_site *site, void *ctx)
{
	const struct heki_module *mod = ctx;

	return heki_contain_site(&mod->mem, site);
}

static int fill_from_list(struct heki_patch_batch *batch, void *ctx)
{
	struct module_list *list = ctx;
	struct heki_blob_source source = {
		.reader = &vtl0_reader,
		.pa = list->pa,
		.nranges = list->nranges,
		.attribute = HEKI_MOD_PATCH,
		.pa_bits = phys_width_bits(),
		.other = note_range,
		.other_ctx = list->mod,
	};
	int err;

	err = heki_blob_read(&source, batch);
	err = err ?: mem_sort(list->mod);
	if (!err && mem_is_taken(list->mod))
		err = -EEXIST;
	return err ?: heki_patch_batch_sites(batch, check_site, list->mod);
}

static void module_free(struct heki_module *mod)
{
	kvfree(mod->mem.by_pa);
	kvfree(mod->mem.by_va);
	kfree(mod);
}

/*
 * HEKI_VTLCALL_VALIDATE_MODULE. The ranges of the list at @pa have attributes
 * of enum heki_mod_mem. Those of HEKI_MOD_PATCH hold the sites, each of which
 * lies in text; there may be any number of ranges of text, in whole pages.
 * Signatures are outside this project.
 *
 * May sleep. Returns the token, which is greater than 0; -EINVAL if text is not
 * in whole pages, or a site or its target is outside it; -EEXIST if the memory
 * belongs to another owner; or the error of heki_blob_read() or phys_protect().
 */
long heki_module_add(u64 pa, u64 nranges)
{
	struct module_list list = { .pa = pa, .nranges = nranges };
	struct heki_module *mod;
	long token;

	mod = kzalloc(sizeof(*mod), GFP_KERNEL);
	if (!mod)
		return -ENOMEM;

	list.mod = mod;
	mutex_lock(&modules_lock);
	token = heki_owner_add(NULL, fill_from_list, &list, false);
	if (token >= 0) {
		mod->token = token;
		list_add(&mod->node, &modules);
	}
	mutex_unlock(&modules_lock);
	if (token < 0)
		module_free(mod);
	return token;
}

static struct heki_module *module_find(u64 token)
{
	struct heki_module *mod;

	lockdep_assert_held(&modules_lock);

	list_for_each_entry(mod, &modules, node)
		if (mod->token == token)
			return mod;
	return NULL;
}

static int module_drop_init(struct heki_module *mod)
{
	const struct heki_mem_range *range;
	int err = 0;
	size_t i;

	lockdep_assert_held(&modules_lock);

	for (i = 0; i < mod->mem.nr_text; i++) {
		range = &mod->mem.by_va[i];
		if (!range->init)
			continue;
		err = heki_owner_drop_frames(mod->token, PHYS_PFN(range->pa),
					     PHYS_PFN(range->pa +
						      (range->bytes - 1))) ?: err;
	}
	heki_mem_map_drop_init(&mod->mem);
	return err;
}

/*
 * Drops the sites in a module's init text; 0 also if there are none, -ENOENT if
 * there is no such module. May sleep.
 */
int heki_module_free_init(u64 token)
{
	struct heki_module *mod;
	int err;

	mutex_lock(&modules_lock);
	mod = module_find(token);
	err = mod ? module_drop_init(mod) : -ENOENT;
	mutex_unlock(&modules_lock);
	return err;
}

/* Returns -ENOENT if there is no such module. May sleep. */
int heki_module_drop(u64 token)
{
	struct heki_module *mod;

	mutex_lock(&modules_lock);
	mod = module_find(token);
	if (mod)
		list_del(&mod->node);
	mutex_unlock(&modules_lock);
	if (!mod)
		return -ENOENT;

	heki_owner_drop(mod->token);
	module_free(mod);
	return 0;
}

void heki_modules_exit(void)
{
	struct heki_module *mod, *next;

	list_for_each_entry_safe(mod, next, &modules, node) {
		heki_owner_drop(mod->token);
		module_free(mod);
	}
	INIT_LIST_HEAD(&modules);
}

/*
 * Protections requested by VTL0.
 */

#define MEM_ATTRS	(HEKI_MEM_READ | HEKI_MEM_WRITE | HEKI_MEM_EXEC | \
			 HEKI_MEM_IMMUTABLE)

struct vtl0_protection {
	struct list_head node;	/* in protections; guarded by protections_lock */
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
 * HEKI_VTLCALL_PROTECT_MEMORY: protects, until this module is unloaded, the
 * ranges of the list at @pa that lack HEKI_MEM_WRITE; the others are only
 * checked. All ranges or none. Ranges are whole pages; their attributes are a
 * set of enum heki_mem_attr. May sleep.
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
