// SPDX-License-Identifier: GPL-2.0
/*
 * A conformance client: makes the calls that a VTL0 kernel written for LVBS
 * makes (CBL-Mariner 6.6, virt/heki and drivers/hv/hv_vsm.c), with its data, in
 * its order and contexts. Uses only the public headers of lvbs.
 *
 * With the parameter "boot", module init makes the calls of a boot. It then
 * validates this module while it is COMING, and patches a site in its init text.
 * When the module is LIVE, its init sections are dropped. Module exit unloads
 * it.
 *
 * /sys/kernel/debug/vtl0:
 *
 * status	"KEY: VALUE" lines: results of calls, and counters
 * ranges	"CALL PA EPA ATTRIBUTES" for each range sent
 * sites	"PA0 PA1 SIZE CODE INIT" for each site of this module; INIT is 1 if
 *		it is in init text
 * command	flip ROUNDS	patch the sites to jumps and back to NOPs, and
 *				check the branches that they take
 *		miss		patch what is not a site: succeeds if lvbs
 *				does not know it
 *		unload		unload the module, for lvbs only
 *		go		end the wait of the parameter "wait"
 *
 * The static key of the sites is never switched: the kernel expects NOPs, and
 * finds them except within a command.
 */
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/irqflags.h>
#include <linux/jump_label.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/pgtable.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/stringify.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include <asm/nops.h>
#include <asm/sync_core.h>
#include <asm/text-patching.h>

#include <lvbs/heki.h>
#include <lvbs/heki_abi.h>

static bool boot;
module_param(boot, bool, 0);
MODULE_PARM_DESC(boot, "make the calls of a boot");

static unsigned long memory[8];
static unsigned int nr_memory;
module_param_array(memory, ulong, &nr_memory, 0);
MODULE_PARM_DESC(memory, "PA,BYTES,...: more memory to protect in a boot");

static bool wait;
module_param(wait, bool, 0);
MODULE_PARM_DESC(wait, "wait at the end of module init for the command \"go\"");

/* Guards the following, and the text of the sites. */
static DEFINE_MUTEX(vtl0_lock);
static DECLARE_COMPLETION(go);
static struct dentry *dir;

static struct heki_patch_info *module_info;	/* of this module */
static u64 token;				/* of this module, or 0 */
static u64 kernel_sites;
static int init_branch_on = -1, init_branch_off = -1;

static unsigned long requests;
static unsigned long straddling;	/* requests in two pages */
static unsigned long apart;		/* of these: in frames that are not adjacent */
static unsigned long fallbacks;		/* requests that got -ENOENT */

/* ---- branches ---- */

static DEFINE_STATIC_KEY_FALSE(vtl0_key);

static noinline bool branch_short(void)
{
	if (static_branch_unlikely(&vtl0_key))
		return true;
	return false;
}

static noinline bool branch_long(void)
{
	if (static_branch_unlikely(&vtl0_key))
		return true;
	/* Out of range for a two-byte jump. */
	asm volatile(".skip 300, 0x90");
	return false;
}

static noinline bool __init branch_init(void)
{
	if (static_branch_unlikely(&vtl0_key))
		return true;
	return false;
}

/* JUMP_TABLE_ENTRY has parameters where ARCH_STATIC_BRANCH_ASM exists. */
#ifdef ARCH_STATIC_BRANCH_ASM
#define TABLE_ENTRY JUMP_TABLE_ENTRY("%c0 + %c1", "%l[l_yes]")
#else
#define TABLE_ENTRY JUMP_TABLE_ENTRY
#endif

/* A branch whose site has @first bytes at the end of a page. */
#define STRADDLING_BRANCH(name, first, nop)				\
static noinline bool branch_##name(void)				\
{									\
	asm goto(".balign 4096, 0x90\n\t"				\
		 ".skip 4096 - " #first ", 0x90\n"			\
		 "1:\t.byte " __stringify(nop) "\n\t"			\
		 TABLE_ENTRY						\
		 : : "i" (&vtl0_key.key), "i" (0) : : l_yes);		\
	return false;							\
l_yes:									\
	return true;							\
}

STRADDLING_BRANCH(short_1, 1, BYTES_NOP2)
STRADDLING_BRANCH(long_1, 1, BYTES_NOP5)
STRADDLING_BRANCH(long_2, 2, BYTES_NOP5)
STRADDLING_BRANCH(long_4, 4, BYTES_NOP5)

static bool (* const branches[])(void) = {
	branch_short, branch_long, branch_short_1, branch_long_1,
	branch_long_2, branch_long_4,
};

static const u8 nop2[] = { BYTES_NOP2 };
static const u8 nop5[] = { BYTES_NOP5 };

/* ---- calls ---- */

#define CALL_INDEX(id)	(HEKI_VTLCALL_##id - HEKI_VTLCALL_END_OF_BOOT)
#define CALLS		(CALL_INDEX(ALLOCATE_RINGBUFFER) + 1)

static const char * const call_names[CALLS] = {
	[CALL_INDEX(END_OF_BOOT)] = "end_of_boot",
	[CALL_INDEX(PROTECT_MEMORY)] = "protect_memory",
	[CALL_INDEX(LOAD_KDATA)] = "load_kdata",
	[CALL_INDEX(VALIDATE_MODULE)] = "validate_module",
	[CALL_INDEX(FREE_MODULE_INIT)] = "free_module_init",
	[CALL_INDEX(UNLOAD_MODULE)] = "unload_module",
	[CALL_INDEX(ALLOCATE_RINGBUFFER)] = "allocate_ringbuffer",
};

/* The last results; for the file "status". */
static long results[CALLS];
static bool called[CALLS];

static long call(enum heki_vtlcall id, u64 a0, u64 a1)
{
	unsigned int i = id - HEKI_VTLCALL_END_OF_BOOT;

	results[i] = lvbs_vtlcall(id, a0, a1, 0);
	called[i] = true;
	return results[i];
}

/* ---- page lists ---- */

#define LIST_PAGES	4
#define LIST_RANGES	(LIST_PAGES * HEKI_PAGE_RANGES)

struct page_list {
	struct heki_page pages[LIST_PAGES];
	u64 nr;			/* ranges */
} __aligned(HEKI_PAGE_SIZE);

static struct page_list memory_list, kdata_list, module_list;

static struct heki_range *list_range(struct page_list *list, u64 i)
{
	return &list->pages[i / HEKI_PAGE_RANGES].ranges[i % HEKI_PAGE_RANGES];
}

/* Does the range continue the last one in both address spaces? */
static bool range_merge(struct page_list *list, unsigned long va,
			phys_addr_t pa, size_t bytes, u64 attributes)
{
	struct heki_range *last;
	u64 epa;

	if (!list->nr)
		return false;
	last = list_range(list, list->nr - 1);
	epa = le64_to_cpu(last->epa);
	if (epa != pa || le64_to_cpu(last->attributes) != attributes ||
	    le64_to_cpu(last->va) + epa - le64_to_cpu(last->pa) != va)
		return false;
	last->epa = cpu_to_le64(pa + bytes);
	return true;
}

static void range_add(struct page_list *list, unsigned long va, phys_addr_t pa,
		      size_t bytes, u64 attributes)
{
	struct heki_page *page = &list->pages[list->nr / HEKI_PAGE_RANGES];

	if (range_merge(list, va, pa, bytes, attributes) ||
	    WARN_ON(list->nr == LIST_RANGES))
		return;
	*list_range(list, list->nr) = (struct heki_range) {
		.va = cpu_to_le64(va),
		.pa = cpu_to_le64(pa),
		.epa = cpu_to_le64(pa + bytes),
		.attributes = cpu_to_le64(attributes),
	};
	if (list->nr && !page->nranges) {
		page[-1].next = cpu_to_le64((unsigned long)page);
		page[-1].next_pa = cpu_to_le64(slow_virt_to_phys(page));
	}
	le64_add_cpu(&page->nranges, 1);
	list->nr++;
}

/* Memory at any address; an empty range if @bytes is 0. */
static void list_add_memory(struct page_list *list, const void *start,
			    size_t bytes, u64 attributes)
{
	unsigned long va = (unsigned long)start;
	size_t part;

	do {
		part = min_t(size_t, bytes, PAGE_SIZE - offset_in_page(va));
		range_add(list, va, slow_virt_to_phys((void *)va), part,
			  attributes);
		va += part;
		bytes -= part;
	} while (bytes);
}

static long list_send(struct page_list *list, enum heki_vtlcall id)
{
	return call(id, slow_virt_to_phys(list->pages), list->nr);
}

/* ---- patch info ---- */

static void patch_place(struct heki_patch *patch, unsigned long va,
			unsigned int size)
{
	unsigned long last = (va + size - 1) & PAGE_MASK;

	memset(patch, 0, sizeof(*patch));
	patch->pa[0] = cpu_to_le64(slow_virt_to_phys((void *)va));
	if (last != (va & PAGE_MASK))
		patch->pa[1] = cpu_to_le64(slow_virt_to_phys((void *)last));
	patch->size = size;
}

/* By the instruction there; waits until the kernel has patched it. */
static unsigned int site_size(unsigned long va)
{
	u8 head;

	while ((head = READ_ONCE(*(u8 *)va)) == INT3_INSN_OPCODE)
		cond_resched();
	return head == nop5[0] || head == JMP32_INSN_OPCODE ? JMP32_INSN_SIZE :
							      JMP8_INSN_SIZE;
}

static void patch_from_entry(struct heki_patch *patch,
			     const struct jump_entry *entry)
{
	unsigned long va = jump_entry_code(entry);
	unsigned int size = site_size(va);
	s32 jump = jump_entry_target(entry) - va - size;

	patch_place(patch, va, size);
	patch->code[0] = size == JMP32_INSN_SIZE ? JMP32_INSN_OPCODE :
						   JMP8_INSN_OPCODE;
	memcpy(patch->code + 1, &jump, size - 1);
}

/* Room for patches that are never used. */
#define SPARE	16

static struct heki_patch_info *info_new(const struct jump_entry *entry,
					const struct jump_entry *end,
					struct module *mod)
{
	u64 max = end - entry + SPARE, nr = 0;
	struct heki_patch_info *info;
	struct heki_patch *patches;

	info = vzalloc(sizeof(*info) + max * sizeof(*patches));
	if (!info)
		return NULL;
	patches = (void *)(info + 1);
	for (; entry < end; entry++)
		/* The kernel's init text has been freed. */
		if (mod || !jump_entry_is_init(entry))
			patch_from_entry(&patches[nr++], entry);

	info->type = cpu_to_le32(HEKI_PATCH_JUMP_LABEL);
	info->list[0] = cpu_to_le64((unsigned long)info->list);
	info->list[1] = info->list[0];
	info->mod = cpu_to_le64((unsigned long)mod);
	info->patch_idx = cpu_to_le64(nr);
	info->max_patch_count = cpu_to_le64(max);
	return info;
}

static void list_add_info(struct page_list *list,
			  const struct heki_patch_info *info, u64 attributes)
{
	size_t bytes = sizeof(*info) +
		       le64_to_cpu(info->patch_idx) * sizeof(struct heki_patch);

	list_add_memory(list, info, bytes, attributes);
}

/* ---- boot ---- */

#define MEMORY_PAGES	300

/* The pages are never freed: VTL1 protects them as long as it is loaded. */
static void __init boot_protect_memory(void)
{
	void *page = NULL;
	u64 attributes;
	unsigned int i;

	for (i = 0; i < MEMORY_PAGES; i++) {
		page = (void *)get_zeroed_page(GFP_KERNEL);
		if (!page)
			return;
		attributes = HEKI_MEM_READ |
			     (i & 1 ? HEKI_MEM_WRITE : HEKI_MEM_IMMUTABLE);
		list_add_memory(&memory_list, page, PAGE_SIZE, attributes);
	}
	list_add_memory(&memory_list, page, 0, HEKI_MEM_READ);
	/* VTL0 sends what it has mapped, and does not know what is VTL1's. */
	for (i = 0; i + 1 < nr_memory; i += 2)
		range_add(&memory_list, (unsigned long)__va(memory[i]),
			  memory[i], memory[i + 1],
			  HEKI_MEM_READ | HEKI_MEM_EXEC);
	list_send(&memory_list, HEKI_VTLCALL_PROTECT_MEMORY);
}

/* A kprobe finds an address after the type of the function (kernel CFI). */
static void *__init __nocfi address_of(const char *name)
{
	struct kprobe probe = { .symbol_name = "kallsyms_lookup_name" };
	unsigned long (*lookup)(const char *name);

	if (register_kprobe(&probe))
		return NULL;
	lookup = (void *)probe.addr;
	unregister_kprobe(&probe);
	return (void *)lookup(name);
}

#define KDATA_BYTES	(4 * PAGE_SIZE)
/* Not an attribute: VTL1 ignores such ranges. */
#define KDATA_UNKNOWN	77

static void __init boot_load_kdata(void)
{
	struct jump_entry *start = address_of("__start___jump_table");
	struct jump_entry *stop = address_of("__stop___jump_table");
	struct heki_patch_info *info = NULL;
	u8 *data = vzalloc(KDATA_BYTES);

	if (start && stop)
		info = info_new(start, stop, NULL);
	if (info && data) {
		list_add_memory(&kdata_list, data + 100, 5000,
				HEKI_KDATA_SYSTEM_CERTS);
		list_add_memory(&kdata_list, data + 5200, 0,
				HEKI_KDATA_REVOCATION_CERTS);
		list_add_memory(&kdata_list, data + 6001, 3,
				HEKI_KDATA_BLOCKLIST_HASHES);
		list_add_memory(&kdata_list, data + 7001, 2000,
				HEKI_KDATA_KERNEL_INFO);
		list_add_memory(&kdata_list, start, (void *)stop - (void *)start,
				HEKI_KDATA_KERNEL_DATA);
		list_add_info(&kdata_list, info, HEKI_KDATA_PATCH_INFO);
		list_add_memory(&kdata_list, data + 10000, 77, KDATA_UNKNOWN);
		list_send(&kdata_list, HEKI_VTLCALL_LOAD_KDATA);
		kernel_sites = le64_to_cpu(info->patch_idx);
	}
	vfree(info);
	vfree(data);
}

#define RING_ORDER	2

/* The ring is never freed: it is VTL1's as long as that is loaded. */
static void __init boot_allocate_ringbuffer(void)
{
	void *ring = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO,
					      RING_ORDER);

	if (ring)
		call(HEKI_VTLCALL_ALLOCATE_RINGBUFFER, slow_virt_to_phys(ring),
		     PAGE_SIZE << RING_ORDER);
}

/* ---- this module ---- */

#ifdef mod_mem_type_is_init
static_assert((int)MOD_TEXT == HEKI_MOD_TEXT);
static_assert((int)MOD_INIT_RODATA == HEKI_MOD_INIT_RODATA);

static void __init list_add_sections(struct page_list *list,
				     const struct module *mod)
{
	for_each_mod_mem_type(type)
		if (mod->mem[type].size)
			list_add_memory(list, mod->mem[type].base,
					PAGE_ALIGN(mod->mem[type].size), type);
}
#else
static void __init list_add_part(struct page_list *list,
				 const struct module_layout *layout,
				 unsigned int start, unsigned int end, u64 type)
{
	if (end > start)
		list_add_memory(list, layout->base + start, end - start, type);
}

static void __init list_add_sections(struct page_list *list,
				     const struct module *mod)
{
	const struct module_layout *core = &mod->core_layout;
	const struct module_layout *init = &mod->init_layout;

	list_add_part(list, core, 0, core->text_size, HEKI_MOD_TEXT);
	list_add_part(list, core, core->ro_after_init_size, core->size,
		      HEKI_MOD_DATA);
	list_add_part(list, core, core->text_size, core->ro_size,
		      HEKI_MOD_RODATA);
	list_add_part(list, core, core->ro_size, core->ro_after_init_size,
		      HEKI_MOD_RO_AFTER_INIT);
	list_add_part(list, init, 0, init->text_size, HEKI_MOD_INIT_TEXT);
	list_add_part(list, init, init->ro_size, init->size,
		      HEKI_MOD_INIT_DATA);
	list_add_part(list, init, init->text_size, init->ro_size,
		      HEKI_MOD_INIT_RODATA);
}
#endif

#define ELF_BYTES	12345

static void __init validate_this_module(void)
{
	const struct module *mod = THIS_MODULE;
	void *elf = vmalloc(ELF_BYTES);

	module_info = info_new(mod->jump_entries,
			       mod->jump_entries + mod->num_jump_entries,
			       THIS_MODULE);
	if (elf && module_info) {
		list_add_memory(&module_list, elf, ELF_BYTES, HEKI_MOD_ELF);
		list_add_sections(&module_list, mod);
		list_add_info(&module_list, module_info, HEKI_MOD_PATCH);
		token = max(list_send(&module_list, HEKI_VTLCALL_VALIDATE_MODULE), 0L);
	}
	vfree(elf);
}

static long unload_this_module(void)
{
	long err = token ? call(HEKI_VTLCALL_UNLOAD_MODULE, token, 0) : -ENOENT;

	token = 0;
	return err;
}

/* ---- patches ---- */

static long patch_send(const struct heki_patch *patch)
{
	unsigned long next = PAGE_ALIGN((unsigned long)patch);
	phys_addr_t pa0 = slow_virt_to_phys((void *)patch), pa1 = 0;

	requests++;
	if (offset_in_page(patch) > PAGE_SIZE - sizeof(*patch)) {
		pa1 = slow_virt_to_phys((void *)next);
		straddling++;
		if (pa1 != PAGE_ALIGN(pa0))
			apart++;
	}
	return lvbs_vtlcall(HEKI_VTLCALL_PATCH_TEXT, pa0, pa1, 0);
}

/*
 * Where a request lies: on the stack, its first @before bytes at the end of a
 * page unless that is 0. Frames of a stack may be adjacent by chance; in
 * reversed_frames, which are mapped like a stack, they never are.
 */
static const struct place {
	unsigned int before;
	bool reversed;
} places[] = {
	{ 0 }, { 8 }, { 16 }, { 8, true }, { 16, true },
};

static struct page *frames;
static u8 *reversed_frames;

static int __init map_reversed_frames(void)
{
	struct page *pages[2];

	frames = alloc_pages(GFP_KERNEL, 1);
	if (!frames)
		return -ENOMEM;
	pages[0] = frames + 1;
	pages[1] = frames;
	reversed_frames = vmap(pages, 2, VM_MAP, PAGE_KERNEL);
	if (reversed_frames)
		return 0;
	__free_pages(frames, 1);
	return -ENOMEM;
}

static void unmap_reversed_frames(void)
{
	vunmap(reversed_frames);
	__free_pages(frames, 1);
}

/* Returns 0 or -ENOENT: any other result stops VTL0. */
static noinline long patch_text(unsigned long va, const u8 *bytes,
				unsigned int size, const struct place *place)
{
	struct heki_patch local, *patch = &local;
	unsigned int before = place->before;
	unsigned long flags;
	long err;

	if (place->reversed) {
		patch = (void *)(reversed_frames + PAGE_SIZE - before);
	} else if (before) {
		/* Long enough for a page boundary anywhere. */
		void *room = __builtin_alloca(PAGE_SIZE + sizeof(local));

		patch = (void *)(PAGE_ALIGN((unsigned long)room + before) -
				 before);
	}
	preempt_disable();
	patch_place(patch, va, size);
	memcpy(patch->code, bytes, size);
	local_irq_save(flags);
	err = patch_send(patch);
	local_irq_restore(flags);
	preempt_enable();
	if (err == -ENOENT)
		fallbacks++;
	else if (err)
		panic("vtl0: patch of %u bytes at %pS: %ld\n", size,
		      (void *)va, err);
	return err;
}

static void sync_this_core(void *unused)
{
	sync_core();
}

static const u8 int3 = INT3_INSN_OPCODE;

/* The sites that this module patches: of its key, in init text or elsewhere. */
static bool is_own(unsigned int i, bool init)
{
	const struct jump_entry *entry = &THIS_MODULE->jump_entries[i];

	return jump_entry_key(entry) == &vtl0_key.key &&
	       jump_entry_is_init(entry) == init;
}

enum step { GUARD, TAIL, HEAD, STEPS };

static void patch_site(enum step step, unsigned int i, bool on,
		       const struct place *place)
{
	const struct heki_patch *patch = (void *)(module_info + 1);
	unsigned long va = jump_entry_code(&THIS_MODULE->jump_entries[i]);
	unsigned int size = patch[i].size;
	const u8 *code = on ? patch[i].code : size == sizeof(nop5) ? nop5 : nop2;

	if (step == GUARD)
		patch_text(va, &int3, 1, place);
	else if (step == TAIL)
		patch_text(va + 1, code + 1, size - 1, place);
	else
		patch_text(va, code, 1, place);
}

/* Patch own sites as the kernel does: each step of all sites, then the next. */
static void patch_sites(bool init, bool on, const struct place *place)
{
	unsigned int step, i;

	for (step = GUARD; step < STEPS; step++) {
		for (i = 0; i < THIS_MODULE->num_jump_entries; i++)
			if (is_own(i, init))
				patch_site(step, i, on, place);
		on_each_cpu(sync_this_core, NULL, 1);
	}
}

/* Has no own site an INT3? The kernel would not handle it. */
static bool may_run(bool init)
{
	const struct jump_entry *entries = THIS_MODULE->jump_entries;
	unsigned int i;

	for (i = 0; i < THIS_MODULE->num_jump_entries; i++)
		if (is_own(i, init) && *(u8 *)jump_entry_code(&entries[i]) == int3)
			return false;
	return true;
}

static bool branches_take(bool on)
{
	bool ok = may_run(false);
	unsigned int i;

	for (i = 0; ok && i < ARRAY_SIZE(branches); i++)
		ok = branches[i]() == on;
	return ok;
}

static void __init patch_init_site(void)
{
	patch_sites(true, true, &places[0]);
	init_branch_on = may_run(true) ? branch_init() : -1;
	patch_sites(true, false, &places[1]);
	init_branch_off = may_run(true) ? branch_init() : -1;
}

/* ---- commands ---- */

static long run_flip(unsigned long rounds)
{
	unsigned int i;

	if (!token)
		return -ENOENT;
	for (i = 0; i < rounds; i++) {
		patch_sites(false, true, &places[i % ARRAY_SIZE(places)]);
		if (!branches_take(true))
			return -EILSEQ;
		patch_sites(false, false,
			    &places[(i + 1) % ARRAY_SIZE(places)]);
		if (!branches_take(false))
			return -EILSEQ;
		cond_resched();
	}
	return 0;
}

/* What is not a site: code, data, and the bytes next to a site. */
static long run_miss(void)
{
	const struct jump_entry *entry = THIS_MODULE->jump_entries;
	const u8 tail[4] = {};
	unsigned long vas[] = {
		(unsigned long)branch_short,
		(unsigned long)run_miss,
		(unsigned long)&requests,
		(unsigned long)nop5,
		jump_entry_code(entry) - 1,
	};
	unsigned int i;

	BUILD_BUG_ON(ARRAY_SIZE(vas) > ARRAY_SIZE(places));
	for (i = 0; i < ARRAY_SIZE(vas); i++)
		if (patch_text(vas[i], &int3, 1, &places[i]) != -ENOENT ||
		    patch_text(vas[i], tail, 4, &places[i]) != -ENOENT)
			return -EILSEQ;
	return 0;
}

static long run_locked(const char *words)
{
	unsigned int rounds;

	if (sscanf(words, "flip %u", &rounds) == 1)
		return run_flip(rounds);
	if (sysfs_streq(words, "miss"))
		return run_miss();
	if (sysfs_streq(words, "unload"))
		return unload_this_module();
	return -EINVAL;
}

static ssize_t command_write(struct file *file, const char __user *ubuf,
			     size_t len, loff_t *ppos)
{
	char words[32];
	long err = 0;

	if (len >= sizeof(words))
		return -EINVAL;
	if (copy_from_user(words, ubuf, len))
		return -EFAULT;
	words[len] = '\0';
	if (sysfs_streq(words, "go")) {
		complete(&go);
		return len;
	}
	mutex_lock(&vtl0_lock);
	err = run_locked(words);
	mutex_unlock(&vtl0_lock);
	return err ?: len;
}

static const struct file_operations command_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = command_write,
};

/* ---- status ---- */

static int status_show(struct seq_file *m, void *unused)
{
	unsigned int i;

	mutex_lock(&vtl0_lock);
	for (i = 0; i < CALLS; i++)
		if (called[i])
			seq_printf(m, "%s: %ld\n", call_names[i], results[i]);
	seq_printf(m, "init_branch: %d %d\n", init_branch_on, init_branch_off);
	seq_printf(m, "kernel_sites: %llu\n", kernel_sites);
	seq_printf(m, "requests: %lu\nstraddling: %lu\napart: %lu\nfallbacks: %lu\n",
		   requests, straddling, apart, fallbacks);
	mutex_unlock(&vtl0_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(status);

static void list_show(struct seq_file *m, const char *name,
		      struct page_list *list)
{
	u64 i;

	for (i = 0; i < list->nr; i++) {
		const struct heki_range *range = list_range(list, i);

		seq_printf(m, "%s 0x%llx 0x%llx %llu\n", name,
			   le64_to_cpu(range->pa), le64_to_cpu(range->epa),
			   le64_to_cpu(range->attributes));
	}
}

static int ranges_show(struct seq_file *m, void *unused)
{
	list_show(m, "protect_memory", &memory_list);
	list_show(m, "load_kdata", &kdata_list);
	list_show(m, "validate_module", &module_list);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(ranges);

static int sites_show(struct seq_file *m, void *unused)
{
	const struct jump_entry *entries = THIS_MODULE->jump_entries;
	const struct heki_patch *patch = (void *)(module_info + 1);
	unsigned int i;

	for (i = 0; module_info && i < THIS_MODULE->num_jump_entries; i++)
		seq_printf(m, "0x%llx 0x%llx %u %*phN %d\n",
			   le64_to_cpu(patch[i].pa[0]),
			   le64_to_cpu(patch[i].pa[1]), patch[i].size,
			   patch[i].size, patch[i].code,
			   jump_entry_is_init(&entries[i]));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(sites);

/* ---- load and unload ---- */

/* VTL0 drops the init sections of a module before it frees them. */
static int vtl0_notify(struct notifier_block *nb, unsigned long action,
		       void *mod)
{
	if (mod != THIS_MODULE || action != MODULE_STATE_LIVE)
		return NOTIFY_DONE;
	mutex_lock(&vtl0_lock);
	if (token)
		call(HEKI_VTLCALL_FREE_MODULE_INIT, token, 0);
	mutex_unlock(&vtl0_lock);
	return NOTIFY_OK;
}

static struct notifier_block vtl0_notifier = { .notifier_call = vtl0_notify };

static int __init vtl0_init(void)
{
	int err = map_reversed_frames();

	if (err)
		return err;
	err = register_module_notifier(&vtl0_notifier);
	if (err) {
		unmap_reversed_frames();
		return err;
	}
	mutex_lock(&vtl0_lock);
	if (boot) {
		boot_protect_memory();
		boot_load_kdata();
		boot_allocate_ringbuffer();
		call(HEKI_VTLCALL_END_OF_BOOT, 0, 0);
	}
	validate_this_module();
	if (token)
		patch_init_site();
	mutex_unlock(&vtl0_lock);

	dir = debugfs_create_dir("vtl0", NULL);
	debugfs_create_file("command", 0200, dir, NULL, &command_fops);
	debugfs_create_file("ranges", 0400, dir, NULL, &ranges_fops);
	debugfs_create_file("sites", 0400, dir, NULL, &sites_fops);
	debugfs_create_file("status", 0400, dir, NULL, &status_fops);
	if (wait)
		wait_for_completion_killable_timeout(&go, 120 * HZ);
	return 0;
}

static void __exit vtl0_exit(void)
{
	debugfs_remove(dir);
	unregister_module_notifier(&vtl0_notifier);
	unload_this_module();
	vfree(module_info);
	unmap_reversed_frames();
}

module_init(vtl0_init);
module_exit(vtl0_exit);
MODULE_DESCRIPTION("lvbs test: a VTL0 kernel written for LVBS");
MODULE_LICENSE("GPL");
