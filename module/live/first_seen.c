// SPDX-License-Identifier: GPL-2.0
/*
 * First-seen text: a copy of the text of the kernel and of each module, taken when
 * this module is loaded, or when a module is, before it is first patched. The
 * copies are in pages that VTL1 owns.
 */
#include <linux/gfp.h>
#include <linux/jump_label.h>
#include <linux/kprobes.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/maple_tree.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/static_call.h>
#include <linux/string.h>
#include <linux/xarray.h>

#include "ksym.h"
#include "live/forms.h"
#include "live/live.h"
#include "phys/phys.h"

/* Pages are taken from the kernel in blocks: each makes a new RAM map. */
#define BLOCK_ORDER	8

/* kernel/kprobes.c */
#define KPROBE_TABLE_SIZE	64

/* Guards what follows. Taken before the kernel's ftrace_lock and static_call_mutex. */
static DEFINE_MUTEX(first_seen_lock);
static LIST_HEAD(regions);
static bool required;			/* a module that cannot be copied is not loaded */
static LIST_HEAD(unused_pages);		/* owned, by their lru */
static unsigned long owned_pages;
static u64 last_id;

/*
 * Modules being loaded or unloaded whose notification was missed, or may have been:
 * their text was not copied. Those that are new here come to the notifiers. An entry
 * may outlive its module, and is asked for by those that exist.
 */
static DEFINE_XARRAY(missed);

/*
 * The regions by address. Changed with first_seen_lock and text_mutex held: either
 * keeps a region that was found here.
 */
static DEFINE_MTREE(regions_by_va);
static const struct text_region *kernel_region;	/* one of them */

/* arch/x86/kernel/alternative.c: whose lock prefixes the kernel switches. */
struct smp_alt_module {
	const struct module *mod;
	const char *name;
	const s32 *locks;
	const s32 *locks_end;
	const u8 *text;
	const u8 *text_end;
	struct list_head next;
};

/* Constant once found; without text_mutex nothing is first seen. */
static struct mutex *text_mutex;
static struct mutex *static_call_mutex;
static struct mutex *ftrace_mutex;	/* the kernel's ftrace_lock; NULL if it has none */
static const struct jump_entry *core_jumps, *core_jumps_end;
static const struct static_call_site *core_calls, *core_calls_end;
static const struct static_call_tramp_key *tramp_keys, *tramp_keys_end;
static const s32 *core_locks, *core_locks_end;
static const struct list_head *alt_modules;	/* guarded by text_mutex */
static const struct hlist_head *probes;		/* RCU */

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

/* Memory used for the copies, in bytes. */
unsigned long first_seen_memory(void)
{
	lockdep_assert_held(&first_seen_lock);

	return owned_pages << PAGE_SHIFT;
}

/* ---- the copies ---- */

static void *copy_at(const struct text_region *region, unsigned long va)
{
	size_t at = va - region->start;

	return region->pages[at >> PAGE_SHIFT] + offset_in_page(at);
}

/* The text as it was; false if it is not all in the region. */
bool first_seen_bytes(const struct text_region *region, unsigned long va, u8 *to,
		      size_t len)
{
	if (va < region->start || va - region->start > region->bytes ||
	    len > region->bytes - (va - region->start))
		return false;
	while (len--)
		*to++ = *(u8 *)copy_at(region, va++);
	return true;
}

/* ---- the places where the text is patched ---- */

static u8 size_at(const struct text_region *region, const struct form_ref *ref)
{
	size_t left = region->bytes - ref->at;
	u8 then[INSN_BYTES] = {};
	u8 size = 1;

	/* A short one may be the last instruction. */
	first_seen_bytes(region, region->start + ref->at, then,
			 min_t(size_t, left, INSN_BYTES));
	if (ref->table == FORM_JUMP_LABEL)
		size = form_jump_label_size(then);
	else if (ref->table == FORM_STATIC_CALL)
		size = ref->flag && form_is_conditional(then) ? INSN_BYTES :
								FORM_BYTES;
	return size <= left ? size : 0;
}

static void index_add(struct text_region *region, unsigned long va,
		      struct form_ref ref)
{
	struct form_index *index = &region->index;

	/* Others are in another region of the owner. */
	if (va - region->start >= region->bytes)
		return;
	ref.at = va - region->start;
	ref.size = size_at(region, &ref);
	index->refs[index->nr++] = ref;
}

static void add_jump_label(struct text_region *region,
			   const struct jump_entry *entry)
{
	index_add(region, jump_entry_code(entry), (struct form_ref) {
		.table = FORM_JUMP_LABEL,
		.flag = jump_entry_is_branch(entry),
		.target = jump_entry_target(entry) - region->start,
		.key = jump_entry_key(entry),
	});
}

/*
 * A module may not know the key of a call, only its trampoline, until
 * static_call_add_module() looks it up.
 */
static unsigned long key_of_tramp(unsigned long tramp)
{
	const struct kernel_range text = kernel_image_text();
	const struct static_call_tramp_key *pair;

	if (tramp - text.va >= text.bytes)
		return 0;
	for (pair = tramp_keys; pair < tramp_keys_end; pair++)
		if ((long)&pair->tramp + pair->tramp == tramp)
			return (long)&pair->key + pair->key;
	return 0;
}

static void add_static_call(struct text_region *region,
			    const struct static_call_site *site)
{
	unsigned long key_flags = (long)&site->key + site->key;
	unsigned long key = key_flags & ~3UL;

	index_add(region, (unsigned long)&site->addr + site->addr,
		  (struct form_ref) {
		.table = FORM_STATIC_CALL,
		/* Bit 0 (include/linux/static_call_types.h). */
		.flag = key_flags & 1,
		.key = (void *)(key_of_tramp(key) ?: key),
	});
}

static int index_make(struct text_region *region)
{
	const struct module *mod = region->mod;
	const struct jump_entry *jump = mod ? mod->jump_entries : core_jumps;
	const struct static_call_site *call = mod ? mod->static_call_sites :
						    core_calls;
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
		add_jump_label(region, jump + i);
	for (i = 0; i < calls; i++)
		add_static_call(region, call + i);
	for (i = 0; i < locks; i++)
		index_add(region, (unsigned long)&core_locks[i] + core_locks[i],
			  (struct form_ref) { .table = FORM_LOCK });
	form_index_sort(&region->index);
	return 0;
}

/* Is @va a lock prefix of a module that the kernel may switch? */
bool first_seen_is_module_lock(unsigned long va)
{
	const struct smp_alt_module *alt;
	const s32 *lock;

	lockdep_assert_held(text_mutex);

	if (!alt_modules)
		return false;
	list_for_each_entry(alt, alt_modules, next) {
		if (!alt->mod || va < (unsigned long)alt->text ||
		    va >= (unsigned long)alt->text_end)
			continue;
		for (lock = alt->locks; lock < alt->locks_end; lock++)
			if ((unsigned long)lock + *lock == va)
				return true;
	}
	return false;
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

/* What a probe that was there before replaced is what was first seen. */
static void undo_probe(struct text_region *region, unsigned long va)
{
	struct live_probe probe;
	u8 insn[FORM_BYTES];
	unsigned int i;

	if (va - region->start >= region->bytes || !live_probe_at(va, &probe) ||
	    !first_seen_bytes(region, va, insn, 1))
		return;
	/* An INT3 may stand over the jump. */
	if (insn[0] == INT3)
		*(u8 *)copy_at(region, va) = probe.opcode;
	if (!probe.slot || !first_seen_bytes(region, va, insn, FORM_BYTES))
		return;
	insn[0] = FORM_JMP;
	if (form_jump_target(insn, va) != probe.slot)
		return;
	*(u8 *)copy_at(region, va) = probe.opcode;
	for (i = 0; i < sizeof(probe.tail); i++)
		*(u8 *)copy_at(region, va + 1 + i) = probe.tail[i];
}

static void undo_probes(struct text_region *region)
{
	const struct kprobe *p;
	unsigned int i;

	preempt_disable();
	for (i = 0; probes && i < KPROBE_TABLE_SIZE; i++)
		hlist_for_each_entry_rcu(p, &probes[i], hlist)
			undo_probe(region, (unsigned long)p->addr);
	preempt_enable();
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
	if (!err)
		undo_probes(region);
	mutex_unlock(text_mutex);
	return err;
}

static void region_drop(struct text_region *region)
{
	unsigned int flags;

	lockdep_assert_held(&first_seen_lock);

	/* The tree allocates; who patches may hold locks that writeback needs. */
	flags = memalloc_noio_save();
	mutex_lock(text_mutex);
	mtree_erase(&regions_by_va, region->start);
	mutex_unlock(text_mutex);
	memalloc_noio_restore(flags);
	list_del(&region->node);
	region_free(region);
}

/*
 * Regions whose memory has become another's: init text, which is not told when it
 * goes, and the text of modules that failed to load.
 */
static void drop_from(unsigned long start, size_t bytes)
{
	struct text_region *region, *next;

	list_for_each_entry_safe(region, next, &regions, node)
		if (region->start < start + bytes &&
		    start < region->start + region->bytes)
			region_drop(region);
}

static int region_publish(struct text_region *region)
{
	unsigned int flags;
	int err;

	flags = memalloc_noio_save();
	mutex_lock(text_mutex);
	err = mtree_insert_range(&regions_by_va, region->start,
				 region->start + region->bytes - 1, region,
				 GFP_KERNEL);
	mutex_unlock(text_mutex);
	memalloc_noio_restore(flags);
	return err;
}

static int region_add(const struct module *mod, bool init, unsigned long start,
		      size_t bytes)
{
	struct text_region *region;
	int err;

	lockdep_assert_held(&first_seen_lock);

	if (!bytes)
		return 0;
	drop_from(start, bytes);
	region = kzalloc(sizeof(*region), GFP_KERNEL);
	if (!region)
		return -ENOMEM;
	region->mod = mod;
	region->init = init;
	region->start = start;
	region->bytes = bytes;
	err = region_copy(region);
	err = err ?: index_make(region);
	err = err ?: region_publish(region);
	if (err) {
		region_free(region);
		return err;
	}
	region->id = ++last_id;
	list_add_tail(&region->node, &regions);
	if (!mod)
		WRITE_ONCE(kernel_region, region);
	return 0;
}

/* Any context. */
static int miss(const struct module *mod)
{
	return xa_err(xa_store(&missed, (unsigned long)mod, (void *)mod,
			       GFP_ATOMIC));
}

/* What patches the text of such a module cannot be checked. Any context. */
bool first_seen_missed(const struct module *mod)
{
	return xa_load(&missed, (unsigned long)mod);
}

static bool miss_if_in_transit(const struct module *mod)
{
	return mod != THIS_MODULE &&
	       (mod->state == MODULE_STATE_COMING ||
		mod->state == MODULE_STATE_GOING) && miss(mod);
}

/* The notifiers see those that are being loaded. */
static bool module_is_missing(const struct module *mod)
{
	const struct text_region *region;

	list_for_each_entry(region, &regions, node)
		if (region->mod == mod && !region->init && !region->going)
			return false;
	return mod->state == MODULE_STATE_LIVE &&
	       module_text_memory(mod, false).size;
}

static int module_add(const struct module *mod, bool init)
{
	struct module_memory text = module_text_memory(mod, init);
	int err;

	err = region_add(mod, init, (unsigned long)text.base, text.size);
	if (!err && !init)
		xa_erase(&missed, (unsigned long)mod);
	return err;
}

static void module_drop(const struct module *mod, bool going)
{
	struct text_region *region, *next;

	list_for_each_entry_safe(region, next, &regions, node) {
		if (region->mod != mod)
			continue;
		if (going)
			region->going = true;
		else
			region_drop(region);
	}
}

static int module_event(struct notifier_block *nb, unsigned long event,
			void *arg)
{
	const struct module *mod = arg;
	int err = 0;

	mutex_lock(&first_seen_lock);
	switch (event) {
	case MODULE_STATE_COMING:
		err = module_add(mod, false) ?: module_add(mod, true);
		/* If this fails, it is done later. */
		if (err && (required || miss(mod)))
			pr_err("live mode: cannot copy the text of module %s: error %d\n",
			       mod->name, err);
		else
			err = 0;
		break;
	case MODULE_STATE_LIVE:
		/* If this fails, first_seen_complete() does it. */
		if (first_seen_missed(mod))
			module_add(mod, false);
		break;
	case MODULE_STATE_GOING:
		module_drop(mod, true);
		break;
	}
	mutex_unlock(&first_seen_lock);
	return notifier_from_errno(err);
}

/* The text of a module is patched until all others know that it is unloaded. */
static int module_gone_event(struct notifier_block *nb, unsigned long event,
			     void *arg)
{
	if (event == MODULE_STATE_GOING) {
		mutex_lock(&first_seen_lock);
		xa_erase(&missed, (unsigned long)arg);
		module_drop(arg, false);
		mutex_unlock(&first_seen_lock);
	}
	return NOTIFY_OK;
}

static struct notifier_block module_nb = {
	.notifier_call = module_event,
	/* Before those that patch. */
	.priority = INT_MAX,
};

static struct notifier_block module_gone_nb = {
	.notifier_call = module_gone_event,
	/* After those that patch. */
	.priority = INT_MIN,
};

/*
 * Takes the text of loaded modules that was not seen before. May sleep. Returns 0;
 * -ENOENT if this kernel lacks a symbol; -ENOMEM or -EFAULT.
 */
int first_seen_complete(void)
{
	struct module *mod;
	int err = 0;

	if (!text_mutex)
		return -ENOENT;
	mutex_lock(&first_seen_lock);
	while (!err && (mod = live_module_get(module_is_missing))) {
		err = module_add(mod, false);
		module_put(mod);
	}
	mutex_unlock(&first_seen_lock);
	return err;
}

/* Memory used for the copies and the indexes, in bytes. May sleep. */
unsigned long first_seen_memory_all(void)
{
	const struct text_region *region;
	unsigned long bytes;

	mutex_lock(&first_seen_lock);
	bytes = first_seen_memory();
	list_for_each_entry(region, &regions, node)
		bytes += region->index.nr * sizeof(*region->index.refs);
	mutex_unlock(&first_seen_lock);
	return bytes;
}

/* While @yes, no module is loaded whose text could not be copied. May sleep. */
void first_seen_require(bool yes)
{
	mutex_lock(&first_seen_lock);
	required = yes;
	mutex_unlock(&first_seen_lock);
}

/*
 * Keeps the regions, and the text and what tells which of its forms are legal, as
 * they are: no instruction is half patched, no static call has been given another
 * function and not been patched yet, no call leads to a tracer that is no longer
 * listed. May sleep.
 */
void first_seen_lock_text(void)
{
	mutex_lock(&first_seen_lock);
	if (ftrace_mutex)
		mutex_lock(ftrace_mutex);
	mutex_lock(static_call_mutex);
	mutex_lock(text_mutex);
}

void first_seen_unlock_text(void)
{
	mutex_unlock(text_mutex);
	mutex_unlock(static_call_mutex);
	if (ftrace_mutex)
		mutex_unlock(ftrace_mutex);
	mutex_unlock(&first_seen_lock);
}

/*
 * The first region whose id is at least @id, or NULL. Not init text, and no modules
 * that are being unloaded.
 */
const struct text_region *first_seen_from(u64 id)
{
	const struct text_region *region;

	lockdep_assert_held(&first_seen_lock);

	list_for_each_entry(region, &regions, node)
		if (region->id >= id && !region->init && !region->going)
			return region;
	return NULL;
}

/*
 * The region that has @va, or NULL. Its memory may have become another's only if it
 * is init text, or its module failed to load. Any context; text_mutex is held.
 */
const struct text_region *first_seen_at(unsigned long va)
{
	const struct text_region *region = READ_ONCE(kernel_region);
	bool valid;

	if (region && va - region->start < region->bytes)
		return region;
	region = mtree_load(&regions_by_va, va);
	valid = region;

	if (region && (region->init || region->going)) {
		preempt_disable();
		valid = live_module_at(va) == region->mod;
		preempt_enable();
	}
	return valid ? region : NULL;
}

static bool find_symbols(void)
{
	static_call_mutex = (void *)ksym_address("static_call_mutex");
	ftrace_mutex = (void *)ksym_address("ftrace_lock");
	core_jumps = (void *)ksym_address("__start___jump_table");
	core_jumps_end = (void *)ksym_address("__stop___jump_table");
	core_calls = (void *)ksym_address("__start_static_call_sites");
	core_calls_end = (void *)ksym_address("__stop_static_call_sites");
	if (!static_call_mutex || !core_jumps_end || !core_calls_end)
		return false;
	tramp_keys = (void *)ksym_address("__start_static_call_tramp_key");
	tramp_keys_end = (void *)ksym_address("__stop_static_call_tramp_key");
	probes = (void *)ksym_address("kprobe_table");
	/*
	 * The kernel lists whose lock prefixes it switches. If it booted with more
	 * than one CPU it switches none, and has freed its own table.
	 */
	alt_modules = (void *)ksym_address("smp_alt_modules");
	if (alt_modules && !list_empty(alt_modules)) {
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
	err = register_module_notifier(&module_gone_nb);
	if (err) {
		unregister_module_notifier(&module_nb);
		return err;
	}
	/* They may be past the notifiers. Those that are not will be copied there. */
	if (live_module_any(miss_if_in_transit))
		err = -ENOMEM;
	mutex_lock(&first_seen_lock);
	err = err ?: region_add(NULL, false, text.va, text.bytes);
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
	unregister_module_notifier(&module_gone_nb);
	mutex_lock(&first_seen_lock);
	WRITE_ONCE(kernel_region, NULL);
	list_for_each_entry_safe(region, next, &regions, node)
		region_drop(region);
	pages_put_all(&unused_pages);
	owned_pages = 0;
	mutex_unlock(&first_seen_lock);
	xa_destroy(&missed);
}
