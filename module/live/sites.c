// SPDX-License-Identifier: GPL-2.0
/*
 * The jump-label sites of the running kernel and its modules, as they come and
 * go.
 *
 * A site's instruction is computed from the table, never taken from the text:
 * what stands there now is only asked whether it is long or short.
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

#include "phys/copy_nofault.h"
#include "live/sites.h"
#include "heki/owner.h"
#include "heki/validate.h"
#include "ksym.h"
#include "init.h"

#define INT3	0xcc
#define JMP_LONG	0xe9
#define JMP_SHORT	0xeb

/* A batch of the kernel's takes a few milliseconds. */
#define PATCHED_MEANWHILE_TRIES	50
#define PATCHED_MEANWHILE_MS	20

/* A table of sites, of the kernel or of a module; its init text or the rest. */
struct site_table {
	const char *owner;
	const struct jump_entry *start;
	const struct jump_entry *end;
	const struct module *mod;
	bool init;
};

/* A module whose sites are known; those in its init text until that is freed. */
struct live_module {
	struct list_head node;
	const struct module *mod;
	u32 id;
	u32 init_id;		/* or 0 */
};

/* Serialises modules coming and going with the mode; and guards what follows. */
static DEFINE_MUTEX(sites_lock);
static LIST_HEAD(live_modules);
static bool active;
static u32 kernel_id;

/* Constant once found. */
static unsigned long core_start, core_end;
static struct list_head *all_modules;

bool heki_live_in_core(unsigned long va)
{
	return va >= core_start && va < core_end;
}

phys_addr_t heki_live_text_pa(unsigned long va)
{
	struct page *page;

	if (heki_live_in_core(va))
		return __pa_symbol(va);
	page = vmalloc_to_page((void *)va);
	return page ? page_to_phys(page) + offset_in_page(va) : 0;
}

/* The length of the instruction at a site; 0 while it is being patched. */
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
		.pa[0] = heki_live_text_pa(va),
		.size = size,
	};
	if (heki_first_part(site->pa[0], size) < size)
		site->pa[1] = heki_live_text_pa(PAGE_ALIGN(va));
	return site_code(site, jump_entry_target(entry) - va);
}

/*
 * Entries of init text stay in the table when that has been freed, marked. A
 * module's are marked only after the notifier here has run; until then the bit
 * has another meaning (objtool's, arch/x86/include/asm/jump_label.h).
 */
static bool entry_is_init(const struct site_table *table,
			  const struct jump_entry *entry)
{
	if (table->mod && table->mod->state != MODULE_STATE_LIVE)
		return within_module_init(jump_entry_code(entry), table->mod);
	return jump_entry_is_init(entry);
}

static int fill_from_table(struct heki_patch_batch *batch, void *ctx)
{
	const struct site_table *table = ctx;
	const struct jump_entry *entry;
	struct heki_site site;
	int err;

	for (entry = table->start; entry < table->end; entry++) {
		if (entry_is_init(table, entry) != table->init)
			continue;
		err = site_from_entry(&site, entry);
		if (err == -EINVAL)
			pr_err("strange jump label at %pS\n",
			       (void *)jump_entry_code(entry));
		err = err ?: heki_patch_batch_add(batch, &site);
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}

static long table_add(struct site_table *table)
{
	int tries = PATCHED_MEANWHILE_TRIES;
	long id;

	for (;;) {
		id = heki_owner_add(table->owner, fill_from_table, table, true);
		if (id != -EBUSY || !tries--)
			return id;
		msleep(PATCHED_MEANWHILE_MS);
	}
}

static int kernel_add(void)
{
	struct site_table table = {
		.owner = "kernel",
		.start = (void *)ksym_address("__start___jump_table"),
		.end = (void *)ksym_address("__stop___jump_table"),
	};
	long id;

	core_start = ksym_address("_stext");
	core_end = ksym_address("_etext");
	all_modules = (void *)ksym_address("modules");
	if (!table.start || !table.end || !core_start || !core_end ||
	    !all_modules) {
		pr_err("live mode: this kernel does not tell where its jump labels are\n");
		return -ENOENT;
	}

	id = table_add(&table);
	if (id < 0) {
		pr_err("live mode: sites of the kernel: error %ld\n", id);
		return id;
	}
	kernel_id = id;
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

static long module_table_add(const struct module *mod, bool init)
{
	struct site_table table = {
		.owner = mod->name,
		.start = mod->jump_entries,
		.end = mod->jump_entries + mod->num_jump_entries,
		.mod = mod,
		.init = init,
	};

	return table_add(&table);
}

static void module_drop_init(struct live_module *live)
{
	if (live->init_id)
		heki_owner_drop(live->init_id);
	live->init_id = 0;
}

static void module_drop(struct live_module *live)
{
	module_drop_init(live);
	if (live->id)
		heki_owner_drop(live->id);
	list_del(&live->node);
	kfree(live);
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

	id = module_table_add(mod, false);
	if (id < 0)
		goto fail;
	live->id = id;

	/* By then what was init text is about to be freed, or is somebody's. */
	if (mod->state == MODULE_STATE_LIVE)
		return 0;
	id = module_table_add(mod, true);
	if (id < 0)
		goto fail;
	live->init_id = id;
	return 0;

fail:
	pr_err("live mode: sites of %s: error %ld\n", mod->name, id);
	module_drop(live);
	return id;
}

/* A module that nobody knows yet, held; NULL if there is none. */
static struct module *module_unknown(void)
{
	struct module *mod, *found = NULL;

	lockdep_assert_held(&sites_lock);

	preempt_disable();
	list_for_each_entry_rcu(mod, all_modules, list) {
		/*
		 * Those that are coming, the notifier tells of. Ourselves are
		 * VTL1: not for VTL0 to have patched through us.
		 */
		if (mod != THIS_MODULE && mod->state == MODULE_STATE_LIVE &&
		    !module_known(mod) &&
		    try_module_get(mod)) {
			found = mod;
			break;
		}
	}
	preempt_enable();
	return found;
}

static int modules_add(void)
{
	struct module *mod;
	int err = 0;

	while (!err && (mod = module_unknown())) {
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
		else if (active)
			module_add(mod);
		break;
	case MODULE_STATE_GOING:
		if (live)
			module_drop(live);
		break;
	}
	mutex_unlock(&sites_lock);
	/* A module whose sites are not known must not come. */
	return notifier_from_errno(err);
}

static struct notifier_block module_nb = {
	.notifier_call = module_event,
	/* Before the kernel's own, which patches sites (kernel/jump_label.c). */
	.priority = INT_MAX,
};

static void sites_end(void)
{
	struct live_module *live, *next;

	lockdep_assert_held(&sites_lock);

	active = false;
	list_for_each_entry_safe(live, next, &live_modules, node)
		module_drop(live);
	if (kernel_id)
		heki_owner_drop(kernel_id);
	kernel_id = 0;
}

int heki_live_sites_begin(void)
{
	int err;

	mutex_lock(&sites_lock);
	active = true;
	err = kernel_add();
	err = err ?: modules_add();
	if (err)
		sites_end();
	mutex_unlock(&sites_lock);
	return err;
}

void heki_live_sites_end(void)
{
	mutex_lock(&sites_lock);
	sites_end();
	mutex_unlock(&sites_lock);
}

int heki_live_sites_init(void)
{
	return register_module_notifier(&module_nb);
}

void heki_live_sites_exit(void)
{
	unregister_module_notifier(&module_nb);
}
