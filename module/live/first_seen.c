// SPDX-License-Identifier: GPL-2.0
/*
 * First-seen text: a copy of the text of the kernel and of each module, taken when
 * this module is loaded, or when a module is, before it is first patched. The
 * copies are in pages that VTL1 owns.
 */
#include <linux/gfp.h>
#include <linux/jump_label.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/slab.h>
#include <linux/static_call.h>
#include <linux/string.h>

#include "ksym.h"
#include "live/forms.h"
#include "live/live.h"
#include "phys/phys.h"

/* Pages are taken from the kernel in blocks: each makes a new RAM map. */
#define BLOCK_ORDER	8

/* Guards what follows. Taken before the kernel's static_call_mutex. */
static DEFINE_MUTEX(first_seen_lock);
static LIST_HEAD(regions);
static LIST_HEAD(unused_pages);		/* owned, by their lru */
static unsigned long owned_pages;
static u64 last_id;

/* Constant once found; without text_mutex nothing is first seen. */
static struct mutex *text_mutex;
static struct mutex *static_call_mutex;
static const struct jump_entry *core_jumps, *core_jumps_end;
static const struct static_call_site *core_calls, *core_calls_end;
static const s32 *core_locks, *core_locks_end;

/* ---- pages ---- */

static void pages_put_all(struct list_head *pages)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, pages, lru) {
		list_del(&page->lru);
		__free_page(page);
	}
}

/* As large as there is; the caller splits it. */
static struct page *block_alloc(unsigned int *order)
{
	struct page *page;

	for (*order = BLOCK_ORDER; *order; (*order)--) {
		page = alloc_pages(GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY,
				   *order);
		if (page)
			return page;
	}
	return alloc_page(GFP_KERNEL);
}

static int blocks_alloc(struct list_head *pages, struct frame_range *range,
			unsigned long *nr_ranges, unsigned long want)
{
	unsigned long got = 0, i;
	unsigned int order;
	struct page *page;

	for (*nr_ranges = 0; got < want; (*nr_ranges)++) {
		page = block_alloc(&order);
		if (!page)
			return -ENOMEM;
		if (order)
			split_page(page, order);
		range[*nr_ranges].first = page_to_pfn(page);
		range[*nr_ranges].last = page_to_pfn(page) + (1UL << order) - 1;
		for (i = 0; i < 1UL << order; i++)
			list_add(&page[i].lru, pages);
		got += 1UL << order;
	}
	return 0;
}

/* Owns at least @want more pages. */
static int pages_grow(unsigned long want)
{
	unsigned long nr, i;
	struct frame_range *range;
	LIST_HEAD(pages);
	int err = -ENOMEM;

	lockdep_assert_held(&first_seen_lock);

	range = kvmalloc_array(want, sizeof(*range), GFP_KERNEL);
	if (!range)
		return -ENOMEM;
	err = blocks_alloc(&pages, range, &nr, want);
	err = err ?: ram_map_add_owned(range, nr);
	if (err) {
		pages_put_all(&pages);
	} else {
		for (i = 0; i < nr; i++)
			owned_pages += range[i].last - range[i].first + 1;
		list_splice(&pages, &unused_pages);
	}
	kvfree(range);
	return err;
}

static void *page_get(void)
{
	struct page *page;

	page = list_first_entry_or_null(&unused_pages, struct page, lru);
	if (!page)
		return NULL;
	list_del(&page->lru);
	return page_address(page);
}

static int pages_get(void **pages, unsigned long nr)
{
	unsigned long i;
	int err = 0;

	for (i = 0; i < nr && !err; i++) {
		pages[i] = page_get();
		if (pages[i])
			continue;
		err = pages_grow(nr - i);
		pages[i] = err ? NULL : page_get();
	}
	return err;
}

static void pages_put(void **pages, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr && pages[i]; i++)
		list_add(&virt_to_page(pages[i])->lru, &unused_pages);
}

/* Memory used, in bytes. */
unsigned long first_seen_memory(void)
{
	lockdep_assert_held(&first_seen_lock);

	return owned_pages << PAGE_SHIFT;
}

/* ---- the places where the text is patched ---- */

const struct jump_entry *first_seen_jump_entry(const struct text_region *region,
					       u32 entry)
{
	return (region->mod ? region->mod->jump_entries : core_jumps) + entry;
}

const struct static_call_site *
first_seen_static_call(const struct text_region *region, u32 entry)
{
	return (region->mod ? region->mod->static_call_sites : core_calls) +
	       entry;
}

static void index_add(struct text_region *region, unsigned long va, u32 entry,
		      enum form_table table)
{
	struct form_index *index = &region->index;

	/* Others are in init text. */
	if (va - region->start < region->bytes)
		index->refs[index->nr++] = (struct form_ref) {
			.at = va - region->start,
			.entry = entry,
			.table = table,
		};
}

/*
 * The kernel sorts the tables of a module, and completes them, after the module's
 * text was first seen: not before the module is LIVE.
 */
static int index_make(struct text_region *region)
{
	const struct module *mod = region->mod;
	size_t jumps = mod ? mod->num_jump_entries : core_jumps_end - core_jumps;
	size_t calls = mod ? mod->num_static_call_sites :
			     core_calls_end - core_calls;
	size_t locks = mod ? 0 : core_locks_end - core_locks;
	size_t i;

	region->index.refs = kvmalloc_array(max(jumps + calls + locks, 1UL),
					    sizeof(*region->index.refs),
					    GFP_KERNEL);
	if (!region->index.refs)
		return -ENOMEM;
	for (i = 0; i < jumps; i++)
		index_add(region,
			  jump_entry_code(first_seen_jump_entry(region, i)), i,
			  FORM_JUMP_LABEL);
	for (i = 0; i < calls; i++) {
		const struct static_call_site *site =
			first_seen_static_call(region, i);

		index_add(region, (unsigned long)&site->addr + site->addr, i,
			  FORM_STATIC_CALL);
	}
	for (i = 0; i < locks; i++)
		index_add(region, (unsigned long)&core_locks[i] + core_locks[i],
			  i, FORM_LOCK);
	form_index_sort(&region->index);
	return 0;
}

/* Does the kernel switch lock prefixes when the number of CPUs changes? */
bool first_seen_locks_switch(void)
{
	return core_locks_end;
}

/* ---- regions ---- */

static void region_free(struct text_region *region)
{
	if (region->pages)
		pages_put(region->pages, DIV_ROUND_UP(region->bytes, PAGE_SIZE));
	kvfree(region->pages);
	kvfree(region->index.refs);
	kfree(region);
}

static int region_copy(struct text_region *region)
{
	unsigned long nr = DIV_ROUND_UP(region->bytes, PAGE_SIZE), i;
	int err;

	region->pages = kvcalloc(nr, sizeof(*region->pages), GFP_KERNEL);
	if (!region->pages)
		return -ENOMEM;
	err = pages_get(region->pages, nr);

	/* No instruction is half patched meanwhile. */
	mutex_lock(text_mutex);
	for (i = 0; !err && i < nr; i++) {
		size_t at = i << PAGE_SHIFT;

		if (copy_nofault_from(region->pages[i],
				      (void *)region->start + at,
				      min(region->bytes - at, PAGE_SIZE)))
			err = -EFAULT;
	}
	mutex_unlock(text_mutex);
	return err;
}

static int region_add(const struct module *mod, unsigned long start,
		      size_t bytes)
{
	struct text_region *region;
	int err;

	lockdep_assert_held(&first_seen_lock);

	if (!bytes)
		return 0;
	region = kzalloc(sizeof(*region), GFP_KERNEL);
	if (!region)
		return -ENOMEM;
	region->mod = mod;
	region->start = start;
	region->bytes = bytes;
	err = region_copy(region);
	if (err) {
		region_free(region);
		return err;
	}
	region->id = ++last_id;
	list_add_tail(&region->node, &regions);
	return 0;
}

static bool module_is_known(const struct module *mod)
{
	const struct text_region *region;

	list_for_each_entry(region, &regions, node)
		if (region->mod == mod)
			return true;
	return !module_text_memory(mod, false).size;
}

static int module_add(const struct module *mod)
{
	struct module_memory text = module_text_memory(mod, false);

	return region_add(mod, (unsigned long)text.base, text.size);
}

static void module_drop(const struct module *mod)
{
	struct text_region *region, *next;

	list_for_each_entry_safe(region, next, &regions, node) {
		if (region->mod != mod)
			continue;
		list_del(&region->node);
		region_free(region);
	}
}

static int module_event(struct notifier_block *nb, unsigned long event,
			void *arg)
{
	mutex_lock(&first_seen_lock);
	/* If this fails, first_seen_complete() does it later. */
	if (event == MODULE_STATE_COMING)
		module_add(arg);
	else if (event == MODULE_STATE_GOING)
		module_drop(arg);
	mutex_unlock(&first_seen_lock);
	return NOTIFY_OK;
}

static struct notifier_block module_nb = {
	.notifier_call = module_event,
	/* Before those that patch. */
	.priority = INT_MAX,
};

static int indexes_make(void)
{
	struct text_region *region;
	int err = 0;

	list_for_each_entry(region, &regions, node) {
		if (!region->index.refs &&
		    (!region->mod || region->mod->state == MODULE_STATE_LIVE))
			err = index_make(region);
		if (err)
			break;
	}
	return err;
}

/*
 * Takes the text of loaded modules that was not seen before, and lists where text
 * may be patched. May sleep. Returns 0; -ENOENT if this kernel lacks a symbol;
 * -ENOMEM or -EFAULT.
 */
int first_seen_complete(void)
{
	struct module *mod;
	int err = 0;

	if (!text_mutex)
		return -ENOENT;
	mutex_lock(&first_seen_lock);
	while (!err && (mod = live_module_get(module_is_known))) {
		err = module_add(mod);
		module_put(mod);
	}
	err = err ?: indexes_make();
	mutex_unlock(&first_seen_lock);
	return err;
}

/*
 * Keeps the regions, and the text and what tells which of its forms are legal, as
 * they are: no instruction is half patched, no static call has been given another
 * function and not been patched yet. May sleep.
 */
void first_seen_lock_text(void)
{
	mutex_lock(&first_seen_lock);
	mutex_lock(static_call_mutex);
	mutex_lock(text_mutex);
}

void first_seen_unlock_text(void)
{
	mutex_unlock(text_mutex);
	mutex_unlock(static_call_mutex);
	mutex_unlock(&first_seen_lock);
}

/*
 * The first region whose id is at least @id, or NULL. Modules that were being
 * loaded when first_seen_complete() was called are left out.
 */
const struct text_region *first_seen_from(u64 id)
{
	const struct text_region *region;

	lockdep_assert_held(&first_seen_lock);

	list_for_each_entry(region, &regions, node)
		if (region->id >= id && region->index.refs)
			return region;
	return NULL;
}

static bool find_symbols(void)
{
	const struct list_head *switched;

	static_call_mutex = (void *)ksym_address("static_call_mutex");
	core_jumps = (void *)ksym_address("__start___jump_table");
	core_jumps_end = (void *)ksym_address("__stop___jump_table");
	core_calls = (void *)ksym_address("__start_static_call_sites");
	core_calls_end = (void *)ksym_address("__stop_static_call_sites");
	if (!static_call_mutex || !core_jumps_end || !core_calls_end)
		return false;
	/*
	 * The kernel lists whose lock prefixes it switches. If it booted with more
	 * than one CPU it switches none, and has freed its own table.
	 */
	switched = (void *)ksym_address("smp_alt_modules");
	if (switched && !list_empty(switched)) {
		core_locks = (void *)ksym_address("__smp_locks");
		core_locks_end = (void *)ksym_address("__smp_locks_end");
	}
	text_mutex = (void *)ksym_address("text_mutex");
	return text_mutex;
}

int first_seen_init(void)
{
	const struct kernel_range text = kernel_image_text();
	int err;

	if (!find_symbols())
		return 0;
	err = register_module_notifier(&module_nb);
	if (err)
		return err;
	mutex_lock(&first_seen_lock);
	err = region_add(NULL, text.va, text.bytes);
	mutex_unlock(&first_seen_lock);
	err = err ?: first_seen_complete();
	if (err)
		first_seen_exit();
	return err;
}

void first_seen_exit(void)
{
	struct text_region *region, *next;

	if (!text_mutex)
		return;
	unregister_module_notifier(&module_nb);
	mutex_lock(&first_seen_lock);
	list_for_each_entry_safe(region, next, &regions, node) {
		list_del(&region->node);
		region_free(region);
	}
	pages_put_all(&unused_pages);
	owned_pages = 0;
	mutex_unlock(&first_seen_lock);
}
