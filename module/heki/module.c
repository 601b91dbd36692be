// SPDX-License-Identifier: GPL-2.0
/*
 * Modules of VTL0: their text, and which of it is freed after initialisation.
 *
 * The memory that a module declares belongs to it: not to the kernel, not to
 * another module, as long as it is loaded. Its sites and their targets lie in
 * its text.
 */
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "heki/blob.h"
#include "heki/contain.h"
#include "heki/module.h"
#include "heki/owner.h"
#include "heki/vtl0.h"
#include "heki/wire.h"
#include "subsystems.h"
#include "phys/phys.h"

/* Between heki_module_add() and heki_module_drop() of its token. */
struct heki_module {
	struct list_head node;
	struct heki_mem_map mem;
	size_t room;		/* for ranges in @mem */
	u32 token;
};

/* Guards the list and all in it. Taken before owners_lock. */
static DEFINE_MUTEX(modules_lock);
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
	/* The module file is a buffer of VTL0's, not the module's memory. */
	if (piece->attributes == HEKI_MOD_ELF ||
	    piece->attributes == HEKI_MOD_PATCH)
		return 0;
	if (range.text && (piece->pa | piece->bytes | piece->va) & ~PAGE_MASK)
		return -EINVAL;
	return mem_add(ctx, &range);
}

static int mem_sort(struct heki_module *mod)
{
	mod->mem.by_va = kvmalloc_array(max_t(size_t, mod->mem.nr, 1),
					sizeof(*mod->mem.by_va), GFP_KERNEL);
	return mod->mem.by_va ? heki_mem_map_sort(&mod->mem) : -ENOMEM;
}

/* Is memory that the module declares another's? Owners are locked. */
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
	struct heki_blob_counts counts;
	struct module_list *list = ctx;
	int err;

	err = heki_blob_read_other(&vtl0_reader, list->pa, list->nranges,
				   HEKI_MOD_PATCH, phys_width_bits(), batch,
				   &counts, note_range, list->mod);
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
