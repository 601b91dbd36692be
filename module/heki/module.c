// SPDX-License-Identifier: GPL-2.0
/*
 * VTL0's modules: where their text is, and which of it is freed after
 * initialisation.
 */
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "heki/blob.h"
#include "heki/module.h"
#include "heki/owner.h"
#include "heki/wire.h"
#include "init.h"
#include "phys/width.h"
#include "heki/vtl0_reader.h"

struct text_range {
	struct list_head node;
	unsigned long first;
	unsigned long last;
	bool init;
};

/* Between heki_module_add() and heki_module_drop() of its token. */
struct heki_module {
	struct list_head node;
	struct list_head text;		/* struct text_range */
	u32 token;
};

static DEFINE_MUTEX(modules_lock);	/* of the list below, and all in it */
static LIST_HEAD(modules);

struct module_list {
	u64 pa;
	u64 nranges;
	struct heki_module *mod;
};

static int note_range(const struct heki_piece *piece, void *ctx)
{
	struct heki_module *mod = ctx;
	struct text_range *range;

	if (piece->attributes > HEKI_MOD_PATCH)
		return -EINVAL;
	if (piece->attributes != HEKI_MOD_TEXT &&
	    piece->attributes != HEKI_MOD_INIT_TEXT)
		return 0;
	if ((piece->pa | piece->bytes) & ~PAGE_MASK)
		return -EINVAL;

	range = kmalloc(sizeof(*range), GFP_KERNEL);
	if (!range)
		return -ENOMEM;
	range->first = PHYS_PFN(piece->pa);
	range->last = PHYS_PFN(piece->pa + piece->bytes - 1);
	range->init = piece->attributes == HEKI_MOD_INIT_TEXT;
	list_add_tail(&range->node, &mod->text);
	return 0;
}

static int frame_is_text(unsigned long frame, void *ctx)
{
	unsigned long pfn = heki_frame_pfn(frame);
	const struct heki_module *mod = ctx;
	const struct text_range *range;

	list_for_each_entry(range, &mod->text, node)
		if (pfn >= range->first && pfn <= range->last)
			return 0;
	return -EINVAL;
}

static int fill_from_list(struct heki_patch_batch *batch, void *ctx)
{
	struct heki_blob_counts counts;
	struct module_list *list = ctx;
	int err;

	err = heki_blob_read_other(&vtl0_reader, list->pa, list->nranges,
				   HEKI_MOD_PATCH, phys_width_bits(), batch,
				   &counts, note_range, list->mod);
	return err ?: heki_patch_batch_frames(batch, frame_is_text, list->mod);
}

static void module_free(struct heki_module *mod)
{
	struct text_range *range, *next;

	list_for_each_entry_safe(range, next, &mod->text, node)
		kfree(range);
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
	INIT_LIST_HEAD(&mod->text);

	list.mod = mod;
	token = heki_owner_add(NULL, fill_from_list, &list, false);
	if (token < 0) {
		module_free(mod);
		return token;
	}

	mod->token = token;
	mutex_lock(&modules_lock);
	list_add(&mod->node, &modules);
	mutex_unlock(&modules_lock);
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
	struct text_range *range, *next;
	int err = 0;

	list_for_each_entry_safe(range, next, &mod->text, node) {
		if (!range->init)
			continue;
		err = heki_owner_drop_frames(mod->token, range->first,
					     range->last) ?: err;
		list_del(&range->node);
		kfree(range);
	}
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

int heki_modules_init(void)
{
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
