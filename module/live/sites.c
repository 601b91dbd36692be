// SPDX-License-Identifier: GPL-2.0
/*
 * The jump-label sites of the running kernel and of its modules.
 *
 * A site's instruction is computed from the jump table, not read from the text:
 * the text only tells whether it is the long or the short form.
 *
 * Sites are added and dropped under the kernel's text_mutex. The kernel holds it
 * from the first INT3 of a batch to the last byte, so no site is read, added or
 * dropped half patched.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/io.h>
#include <linux/jump_label.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/pfn.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "heki/heki.h"
#include "ksym.h"
#include "live/forms.h"
#include "live/live.h"
#include "phys/phys.h"
#include "subsystems.h"

#define JMP_LONG	0xe9
#define JMP_SHORT	0xeb

/* How long switching on waits for a module that was missed. */
#define MISSED_TRIES	100
#define MISSED_MS	10

/* Jump-table entries of the kernel or of a module: init text, or the rest. */
struct site_table {
	const char *owner;
	const struct jump_entry *start;
	const struct jump_entry *end;
	const struct module *mod;	/* NULL: the kernel */
	bool init;
	unsigned int foreign;		/* entries outside of the owner's text */
};

/* A module whose sites are known. */
struct live_module {
	struct list_head node;		/* in live_modules; guarded by sites_lock */
	const struct module *mod;
	u32 id;				/* owner of the sites, or 0 */
	u32 init_id;			/* owner of those in init text, or 0 */
	bool foreign;			/* has entries outside of its text */
};

/* Guards what follows. Taken before text_mutex. */
static DEFINE_MUTEX(sites_lock);
static LIST_HEAD(live_modules);
static bool active;
static bool mediating;
static bool kernel_known;

/* Constant once found. */
static unsigned long core_start, core_end;
static struct mutex *text_mutex;	/* serialises the kernel's text writes */
static struct mutex *key_mutex;		/* the kernel's jump_label_mutex */

bool live_in_core_text(unsigned long va)
{
	return va >= core_start && va < core_end;
}

phys_addr_t live_text_pa(unsigned long va)
{
	struct page *page;

	if (live_in_core_text(va))
		return __pa_symbol(va);
	page = vmalloc_to_page((void *)va);
	return page ? page_to_phys(page) + offset_in_page(va) : 0;
}

/* The length of the instruction at a site; 0 if an INT3 hides it. */
static int site_size(const u8 *text)
{
	if (text[0] == INT3)
		return 0;
	if (text[0] == JMP_LONG || !memcmp(text, heki_nop(5), 5))
		return 5;
	if (text[0] == JMP_SHORT || !memcmp(text, heki_nop(2), 2))
		return 2;
	return -EINVAL;
}

static int site_code(struct heki_site *site, long jump)
{
	jump -= site->size;
	if (site->size == 5) {
		if (jump != (s32)jump)
			return -EINVAL;
		site->code[0] = JMP_LONG;
		put_unaligned_le32(jump, &site->code[1]);
		return 0;
	}
	if (jump != (s8)jump)
		return -EINVAL;
	site->code[0] = JMP_SHORT;
	site->code[1] = jump;
	return 0;
}

static int site_from_entry(struct heki_site *site,
			   const struct jump_entry *entry)
{
	unsigned long va = jump_entry_code(entry);
	u8 text[HEKI_CODE_MAX];
	int size;

	if (copy_nofault_from(text, (void *)va, 2) ||
	    (text[0] != JMP_SHORT && text[0] != 0x66 &&
	     copy_nofault_from(text, (void *)va, sizeof(text))))
		return -EFAULT;

	size = site_size(text);
	if (size <= 0)
		return size ?: -EBUSY;

	*site = (struct heki_site) {
		.pa[0] = live_text_pa(va),
		.size = size,
	};
	if (heki_len_in_page(site->pa[0], size) < size)
		site->pa[1] = live_text_pa((va & PAGE_MASK) + PAGE_SIZE);
	return site_code(site, jump_entry_target(entry) - va);
}

/*
 * Entries of init text stay in the table after it was freed, marked. A module's
 * are marked only after module_event() ran; until then the bit has another
 * meaning (objtool's, arch/x86/include/asm/jump_label.h).
 */
static bool entry_is_init(const struct site_table *table,
			  const struct jump_entry *entry)
{
	if (table->mod && table->mod->state != MODULE_STATE_LIVE)
		return within_module_init(jump_entry_code(entry), table->mod);
	return jump_entry_is_init(entry);
}

/* The text that the table's entries may name. */
static struct module_memory text_of(const struct site_table *table)
{
	if (table->mod)
		return module_text_memory(table->mod, table->init);
	return (struct module_memory) {
		.base = (void *)core_start,
		.size = core_end - core_start,
	};
}

/* Do @len bytes at @va lie in that text? */
static bool in_text_of(const struct site_table *table, unsigned long va,
		       size_t len)
{
	struct module_memory text = text_of(table);
	unsigned long start = (unsigned long)text.base;

	return va >= start && va - start < text.size &&
	       len <= text.size - (va - start);
}

static int add_entry(struct heki_patch_batch *batch,
		     const struct site_table *table,
		     const struct jump_entry *entry)
{
	struct heki_site site;
	int err;

	if (!in_text_of(table, jump_entry_code(entry), 1) ||
	    !in_text_of(table, jump_entry_target(entry), 1))
		return -EACCES;
	err = site_from_entry(&site, entry);
	if (err) {
		pr_err("live mode: no jump label's instruction at %pS: error %d\n",
		       (void *)jump_entry_code(entry), err);
		return err;
	}
	if (!in_text_of(table, jump_entry_code(entry), site.size))
		return -EACCES;
	return heki_patch_batch_add(batch, &site);
}

/* The text as memory of the owner, page by page. */
static int memory_add(struct heki_mem_map *mem, const struct site_table *table)
{
	struct module_memory text = text_of(table);
	unsigned long va = (unsigned long)text.base, end = va + text.size;
	struct heki_mem_range range = { .text = true, .init = table->init };
	int err = 0;

	for (; !err && va < end; va += range.bytes) {
		range.va = va;
		range.pa = live_text_pa(va);
		range.bytes = min(end, PAGE_ALIGN(va + 1)) - va;
		err = range.pa ? heki_mem_add(mem, &range) : -EFAULT;
	}
	return err;
}

static int fill_from_table(struct heki_patch_batch *batch,
			   struct heki_mem_map *mem, void *ctx)
{
	struct site_table *table = ctx;
	const struct jump_entry *entry;
	int err;

	err = memory_add(mem, table);
	if (err)
		return err;
	for (entry = table->start; entry < table->end; entry++) {
		if (entry_is_init(table, entry) != table->init)
			continue;
		err = add_entry(batch, table, entry);
		if (err == -EACCES) {
			pr_warn_ratelimited("live mode: a jump label of %s names foreign text: %pS to %pS\n",
					    table->owner,
					    (void *)jump_entry_code(entry),
					    (void *)jump_entry_target(entry));
			live_count_refused();
			table->foreign++;
			err = mediating ? -EINVAL : 0;
		}
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}

static long table_add(struct site_table *table)
{
	long id;

	lockdep_assert_held(&sites_lock);

	mutex_lock(text_mutex);
	id = heki_owner_add(HEKI_OWNER_LIVE, table->owner, fill_from_table,
			    table);
	mutex_unlock(text_mutex);
	return id;
}

/*
 * A writer that began a legal patch and did not finish it left an INT3 without a
 * handler. Restore the instruction that the key selects, which the kernel expects
 * at the next switch. The kernel's own writer does it: a range lock must not
 * prevent this.
 */
static void entry_restore(const struct site_table *table,
			  const struct jump_entry *entry)
{
	unsigned long va = jump_entry_code(entry);
	struct heki_patch_hit hit;
	const u8 *insn;
	u8 first;

	/* The key of an init entry may be gone. */
	if (entry_is_init(table, entry) != table->init ||
	    copy_nofault_from(&first, (void *)va, 1) || first != INT3 ||
	    heki_patch_map_find(heki_owner_map(), live_text_pa(va), &hit) ||
	    hit.at || hit.site.code[0] == INT3)
		return;

	insn = heki_nop(hit.site.size);
	if (static_key_enabled(jump_entry_key(entry)) ^
	    jump_entry_is_branch(entry))
		insn = hit.site.code;
	live_write_text(va + 1, insn + 1, hit.site.size - 1);
	heki_sync_cores();
	live_write_text(va, insn, 1);
	heki_sync_cores();
	pr_warn("live mode: removed the INT3 left at %pS\n", (void *)va);
}

static void table_restore(const struct site_table *table)
{
	const struct jump_entry *entry;

	lockdep_assert_held(text_mutex);

	for (entry = table->start; entry < table->end; entry++)
		entry_restore(table, entry);
}

static void owner_drop(u32 id)
{
	mutex_lock(text_mutex);
	heki_owner_drop(HEKI_OWNER_LIVE, id);
	mutex_unlock(text_mutex);
}

/*
 * The kernel queues jump labels under key_mutex and drops text_mutex between them;
 * all others queue and write under text_mutex.
 */
void live_text_lock(void)
{
	mutex_lock(key_mutex);
	mutex_lock(text_mutex);
}

void live_text_unlock(void)
{
	mutex_unlock(text_mutex);
	mutex_unlock(key_mutex);
}

static struct site_table kernel_table(void)
{
	return (struct site_table) {
		.owner = "kernel",
		.start = (void *)ksym_address("__start___jump_table"),
		.end = (void *)ksym_address("__stop___jump_table"),
	};
}

static int kernel_add(void)
{
	struct site_table table = kernel_table();
	long id;

	core_start = ksym_address("_stext");
	core_end = ksym_address("_etext");
	text_mutex = (void *)ksym_address("text_mutex");
	key_mutex = (void *)ksym_address("jump_label_mutex");
	if (!table.start || !table.end || !core_start || !core_end ||
	    !text_mutex || !key_mutex) {
		pr_err("live mode: cannot find the kernel's jump table, text or mutexes\n");
		return -ENOENT;
	}

	id = table_add(&table);
	if (id < 0) {
		pr_err("live mode: cannot add the sites of the kernel: error %ld\n",
		       id);
		return id;
	}
	kernel_known = true;
	return 0;
}

static struct live_module *module_known(const struct module *mod)
{
	struct live_module *live;

	lockdep_assert_held(&sites_lock);

	list_for_each_entry(live, &live_modules, node)
		if (live->mod == mod)
			return live;
	return NULL;
}

static struct site_table module_table(const struct module *mod, bool init)
{
	return (struct site_table) {
		.owner = mod->name,
		.start = mod->jump_entries,
		.end = mod->jump_entries + mod->num_jump_entries,
		.mod = mod,
		.init = init,
	};
}

static long module_table_add(struct live_module *live, bool init)
{
	struct site_table table = module_table(live->mod, init);
	long id = table_add(&table);

	live->foreign |= table.foreign;
	return id;
}

static void module_drop_init(struct live_module *live)
{
	if (live->init_id)
		owner_drop(live->init_id);
	live->init_id = 0;
}

static void module_drop(struct live_module *live)
{
	module_drop_init(live);
	if (live->id)
		owner_drop(live->id);
	list_del(&live->node);
	kfree(live);
}

/* VTL0 may have announced, and not taken back, a module that was here before. */
static void evict_from(const struct module *mod, bool init)
{
	struct module_memory text = module_text_memory(mod, init);
	unsigned long at;

	for (at = 0; at < text.size; at += PAGE_SIZE)
		heki_modules_evict(live_text_pa((unsigned long)text.base + at),
				   PAGE_SIZE);
}

static int module_add(const struct module *mod)
{
	struct live_module *live;
	long id;

	if (module_known(mod))
		return 0;
	live = kzalloc(sizeof(*live), GFP_KERNEL);
	if (!live)
		return -ENOMEM;
	live->mod = mod;
	list_add(&live->node, &live_modules);
	if (mod->state != MODULE_STATE_LIVE) {
		evict_from(mod, false);
		evict_from(mod, true);
	}

	id = module_table_add(live, false);
	if (id < 0)
		goto fail;
	live->id = id;

	/* Its init text is about to be freed, or is used otherwise by now. */
	if (mod->state == MODULE_STATE_LIVE)
		return 0;
	id = module_table_add(live, true);
	if (id < 0)
		goto fail;
	live->init_id = id;
	return 0;

fail:
	pr_err("live mode: cannot add the sites of module %s: error %ld\n",
	       mod->name, id);
	module_drop(live);
	return id;
}

/* Was the text of a module first seen? text_mutex is held. */
static bool is_seen(const struct module *mod)
{
	struct module_memory text = module_text_memory(mod, false);

	return !text.size || first_seen_at((unsigned long)text.base);
}

/* This module is VTL1: its text is not for VTL0 to patch. */
static bool needs_sites(const struct module *mod)
{
	if (mod == THIS_MODULE || module_known(mod))
		return false;
	return mod->state == MODULE_STATE_LIVE ||
	       (mod->state == MODULE_STATE_COMING && is_seen(mod));
}

/*
 * Waits for modules whose text was not copied when they came to the notifiers, until
 * they are loaded or gone. Others are being loaded all the time; the notifier adds those.
 */
static int wait_for_missed(void)
{
	unsigned int tries;

	lockdep_assert_held(&sites_lock);

	for (tries = 0; live_module_any(first_seen_missed); tries++) {
		if (tries == MISSED_TRIES) {
			pr_err("live mode: a module is being loaded or unloaded, and was before lvbs\n");
			return -EBUSY;
		}
		mutex_unlock(&sites_lock);
		msleep(MISSED_MS);
		mutex_lock(&sites_lock);
	}
	return 0;
}

static struct module *next_module(void)
{
	struct module *mod;

	mutex_lock(text_mutex);
	mod = live_module_get(needs_sites);
	mutex_unlock(text_mutex);
	return mod;
}

/* Those that are being unloaded are left out: the kernel writes what it queued. */
static int modules_add(void)
{
	struct module *mod;
	int err;

	err = wait_for_missed();
	while (!err && (mod = next_module())) {
		err = module_add(mod);
		module_put(mod);
	}
	return err;
}

static int module_event(struct notifier_block *nb, unsigned long event,
			void *arg)
{
	const struct module *mod = arg;
	struct live_module *live;
	int err = 0;

	if (mod == THIS_MODULE)
		return NOTIFY_OK;

	mutex_lock(&sites_lock);
	live = module_known(mod);
	switch (event) {
	case MODULE_STATE_COMING:
		if (active)
			err = module_add(mod);
		break;
	case MODULE_STATE_LIVE:
		if (live)
			module_drop_init(live);
		break;
	case MODULE_STATE_GOING:
		if (live)
			module_drop(live);
		break;
	}
	mutex_unlock(&sites_lock);
	/* A module whose sites are not known is not loaded. */
	return notifier_from_errno(err);
}

static struct notifier_block module_nb = {
	.notifier_call = module_event,
	/* Before kernel/jump_label.c's, which patches sites. */
	.priority = INT_MAX,
};

static void sites_restore(void)
{
	struct site_table table = kernel_table();
	struct live_module *live;

	/* No key changes while its instructions are chosen. */
	live_text_lock();
	if (kernel_known)
		table_restore(&table);
	list_for_each_entry(live, &live_modules, node) {
		table = module_table(live->mod, false);
		table_restore(&table);
	}
	live_text_unlock();
}

static void sites_end(void)
{
	struct live_module *live, *next;

	lockdep_assert_held(&sites_lock);

	active = false;
	if (!text_mutex || !key_mutex)
		return;
	sites_restore();
	list_for_each_entry_safe(live, next, &live_modules, node) {
		list_del(&live->node);
		kfree(live);
	}
	mutex_lock(text_mutex);
	heki_owners_drop(HEKI_OWNER_LIVE);
	mutex_unlock(text_mutex);
	kernel_known = false;
}

int live_sites_begin(bool mediate)
{
	int err;

	mutex_lock(&sites_lock);
	active = true;
	mediating = mediate;
	err = kernel_add();
	err = err ?: modules_add();
	if (err)
		sites_end();
	mutex_unlock(&sites_lock);
	return err;
}

int live_sites_set_mediate(bool mediate)
{
	struct live_module *live;
	int err = 0;

	mutex_lock(&sites_lock);
	list_for_each_entry(live, &live_modules, node) {
		if (!mediate || !live->foreign)
			continue;
		pr_err("live mode: module %s has jump labels that name foreign text\n",
		       live->mod->name);
		err = -EINVAL;
	}
	if (!err)
		mediating = mediate;
	mutex_unlock(&sites_lock);
	return err;
}

void live_sites_end(void)
{
	mutex_lock(&sites_lock);
	sites_end();
	mutex_unlock(&sites_lock);
}

int live_sites_init(void)
{
	return register_module_notifier(&module_nb);
}

void live_sites_exit(void)
{
	unregister_module_notifier(&module_nb);
}
