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
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/static_call.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include <lvbs/vmap_manager.h>

#include "heki/heki.h"
#include "ksym.h"
#include "phys/phys.h"
#include "subsystems.h"

/* A list of ranges in VTL0's memory. */
struct announcement {
	u64 pa;
	u64 nranges;
	struct heki_mem_map *mem;	/* of a module */
	u64 text;			/* bytes of its text so far */
};

/* Bounds the cost of a module's text; the kernel maps no more for all of them. */
#define MODULE_TEXT_MAX		SZ_1G

static DEFINE_MUTEX(protections_lock);	/* serialises protecting */
static LIST_HEAD(protections);		/* guarded by protections_lock */
/* The frames that VTL0 asked to protect. */
static struct frame_set protected = FRAME_SET_INIT(protected);

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
	const struct announcement *list = ctx;
	struct heki_blob_source source = {
		.reader = &vtl0_reader,
		.pa = list->pa,
		.nranges = list->nranges,
		.attribute = HEKI_KDATA_PATCH_INFO,
		.pa_bits = phys_width_bits(),
	};
	int err;

	err = heki_blob_read(&source, batch);
	/* Without a site it does not own the text. */
	return err || !batch->nr ? err : heki_mem_add(mem, &range);
}

/*
 * HEKI_VTLCALL_LOAD_KDATA: adds the sites in the ranges of HEKI_KDATA_PATCH_INFO;
 * the other ranges of the list at @pa are only checked. May sleep. Returns the
 * owner's id, or the error of heki_owner_add() or heki_blob_read().
 */
long heki_kernel_add(u64 pa, u64 nranges)
{
	struct announcement list = { .pa = pa, .nranges = nranges };

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

typedef unsigned long module_text_address_fn(unsigned long addr);

/* Pointers are passed as numbers; without modules it keeps returning 0. */
DEFINE_STATIC_CALL_RET0(lvbs_module_text_address, module_text_address_fn);

/*
 * What the kernel itself may not write by its direct mapping is code, of a module
 * or generated, or read-only data of one. It is a module's text only at the address
 * where it is executed.
 */
static bool page_may_be_text(u64 va, u64 pa)
{
	bool module;

	if (direct_map_writable(PHYS_PFN(pa)))
		return true;
	preempt_disable();	/* keeps the module in the kernel's list */
	module = static_call(lvbs_module_text_address)(va);
	preempt_enable();
	return module;
}

/*
 * Is text where VTL0 says that it executes it? A jump is relative: with another
 * address, a target that looks contained would be anywhere.
 */
static int text_check(const struct heki_mem_range *range)
{
	u64 at;

	for (at = 0; at < range->bytes; at += PAGE_SIZE) {
		if (!page_is_mapped(range->va + at, range->pa + at))
			return -EINVAL;
		if (!page_may_be_text(range->va + at, range->pa + at))
			return -EEXIST;
		cond_resched();
	}
	return 0;
}

static int note_range(const struct heki_piece *piece, void *ctx)
{
	struct announcement *list = ctx;
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
	unsigned long first = PHYS_PFN(range.pa);
	unsigned long last = PHYS_PFN(range.pa + (range.bytes - 1));
	int err;

	if (piece->attributes > HEKI_MOD_PATCH)
		return -EINVAL;
	/* The module file is a buffer of VTL0, not memory of the module. */
	if (type == HEKI_MOD_ELF || type == HEKI_MOD_PATCH)
		return 0;
	/* Protections are of whole pages. */
	if ((range.frozen || range.ro_after_init) &&
	    (range.pa | range.bytes) & ~PAGE_MASK)
		return -EINVAL;
	if (range.text) {
		if (range.bytes > MODULE_TEXT_MAX - list->text)
			return -ENOMEM;
		list->text += range.bytes;
		err = range.va & ~PAGE_MASK ? -EINVAL : text_check(&range);
		if (err)
			return err;
	}
	if (frame_set_intersects(ram_map_owned(), first, last))
		return -EPERM;
	/* Patches could change what protect_memory protects. */
	if (range.text && frame_set_intersects(&protected, first, last))
		return -EEXIST;
	return heki_mem_add(list->mem, &range);
}

static int fill_module(struct heki_patch_batch *batch, struct heki_mem_map *mem,
		       void *ctx)
{
	struct announcement *list = ctx;
	struct heki_blob_source source = {
		.reader = &vtl0_reader,
		.pa = list->pa,
		.nranges = list->nranges,
		.attribute = HEKI_MOD_PATCH,
		.pa_bits = phys_width_bits(),
		.other = note_range,
		.other_ctx = list,
	};

	list->mem = mem;
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
 * -EPERM if memory is VTL1's own; -EEXIST also if it was protected by
 * heki_protect_list(), or text is other code of the kernel; or the error of
 * heki_owner_add() or heki_blob_read().
 */
long heki_module_add(u64 pa, u64 nranges)
{
	struct announcement list = { .pa = pa, .nranges = nranges };

	return heki_owner_add(HEKI_OWNER_MODULE, NULL, fill_module, &list);
}

/* ---- protections ---- */

#define MEM_ATTRS	(HEKI_MEM_READ | HEKI_MEM_WRITE | HEKI_MEM_EXEC | \
			 HEKI_MEM_IMMUTABLE)

struct vtl0_protection {
	struct list_head node;
	struct phys_protection prot;
};

static int note_run(const struct heki_piece *piece, void *ctx)
{
	if (piece->attributes & ~(u64)MEM_ATTRS ||
	    (piece->pa | piece->bytes) & ~PAGE_MASK)
		return -EINVAL;
	if (piece->attributes & HEKI_MEM_WRITE)
		return 0;
	return frame_range_list_add(ctx, PHYS_PFN(piece->pa),
				    PHYS_PFN(piece->pa + (piece->bytes - 1)));
}

static int protect_run(struct list_head *list, struct frame_range run)
{
	struct vtl0_protection *item;
	int err;

	item = kzalloc(sizeof(*item), GFP_KERNEL);
	if (!item)
		return -ENOMEM;
	item->prot.owner = "protect_memory";
	err = phys_protect(lvbs_vmap_manager(), &item->prot, run.first,
			   run.last - run.first + 1);
	if (err)
		kfree(item);
	else
		list_add(&item->node, list);
	return err;
}

/*
 * What of @run, from @first on, is to be protected: not what VTL1 owns, nor what
 * has been protected before. False if nothing is left.
 */
static bool next_gap(const struct frame_range *run, unsigned long first,
		     struct frame_range *gap)
{
	struct frame_set *sets[] = { ram_map_owned(), &protected };
	struct frame_range done;
	unsigned int i;

	*gap = (struct frame_range) { first, run->last };
	for (i = 0; i < ARRAY_SIZE(sets); i++) {
		if (!frame_set_next(sets[i], gap->first, &done) ||
		    done.first > gap->last)
			continue;
		if (done.first > gap->first) {
			gap->last = done.first - 1;
			continue;
		}
		if (done.last >= run->last)
			return false;
		/* Look at both sets again. */
		*gap = (struct frame_range) { done.last + 1, run->last };
		i = -1;
	}
	return true;
}

/* The pages of VTL1's rings are protected from everyone else: skips them, too. */
static int protect_gap(struct list_head *list, struct frame_range gap)
{
	struct frame_range ring;
	int err;

	while ((err = protect_run(list, gap)) == -EBUSY &&
	       phys_own_range(lvbs_vmap_manager(), gap, &ring)) {
		err = 0;
		if (ring.first > gap.first)
			err = protect_run(list, (struct frame_range) {
						gap.first, ring.first - 1 });
		if (err || ring.last == gap.last)
			break;
		gap.first = ring.last + 1;
	}
	return err;
}

static int protect_all(struct list_head *list, const struct frame_range *run)
{
	unsigned long first = run->first;
	struct frame_range gap;
	int err;

	while (next_gap(run, first, &gap)) {
		err = protect_gap(list, gap);
		if (err)
			return err;
		if (gap.last == run->last)
			break;
		first = gap.last + 1;
		cond_resched();
	}
	return 0;
}

static void unprotect_list(struct list_head *list)
{
	struct vtl0_protection *item, *next;

	list_for_each_entry_safe(item, next, list, node) {
		phys_unprotect(lvbs_vmap_manager(), &item->prot);
		kfree(item);
		cond_resched();
	}
}

/* Adds the frames of a list of protections to those that VTL0 asked for. */
static int note_protected(const struct list_head *list)
{
	struct frame_range_list done = {};
	const struct vtl0_protection *item;
	int err = 0;

	list_for_each_entry(item, list, node) {
		const struct phys_frames *frames = &item->prot.claim.frames;

		err = err ?: frame_range_list_add(&done, frames->first,
						  frames->first +
						  frames->nr - 1);
	}
	if (!err && done.nr)
		err = frame_set_add(&protected, done.range, done.nr);
	kvfree(done.range);
	return err;
}

static int protect_runs(struct frame_range_list *runs)
{
	LIST_HEAD(list);
	unsigned long i;
	int err = 0;

	runs->nr = frame_ranges_merge(runs->range, runs->nr);
	mutex_lock(&protections_lock);
	for (i = 0; !err && i < runs->nr; i++)
		err = protect_all(&list, &runs->range[i]);
	err = err ?: note_protected(&list);
	if (err)
		unprotect_list(&list);
	else
		list_splice(&list, &protections);
	mutex_unlock(&protections_lock);
	return err;
}

/*
 * HEKI_VTLCALL_PROTECT_MEMORY: protects, until this module is unloaded, the
 * ranges of the list at @pa that lack HEKI_MEM_WRITE; the others are only
 * checked. All ranges or none, but for what is VTL1's. Ranges are whole pages;
 * their attributes are a set of enum heki_mem_attr. May sleep. Returns 0, -EINVAL,
 * -ENOMEM, or the error of heki_page_list_walk() or phys_protect().
 */
int heki_protect_list(u64 pa, u64 nranges)
{
	struct frame_range_list runs = {};
	struct heki_page *page;
	int err;

	page = kmalloc(sizeof(*page), GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	err = heki_page_list_walk(&vtl0_reader, page, pa, nranges,
				  phys_width_bits(), note_run, &runs);
	kfree(page);
	if (!err && runs.nr)
		err = protect_runs(&runs);
	kvfree(runs.range);
	return err;
}

int heki_announce_init(void)
{
	unsigned long found = ksym_address("__module_text_address");

	if (found)
		static_call_update(lvbs_module_text_address,
				   (module_text_address_fn *)found);
	return 0;
}

void heki_protect_exit(void)
{
	unprotect_list(&protections);
	INIT_LIST_HEAD(&protections);
	frame_set_destroy(&protected);
}
