// SPDX-License-Identifier: GPL-2.0
/*
 * A sample VTL0: a module that announces the patch sites of its static key to
 * VTL1 and requests patches. Uses only the public headers of lvbs.
 *
 * /sys/kernel/debug/heki_client:
 *
 * sites	one line per site:
 *		NAME PA0 PA1 TAIL0 TAIL1 SIZE CODE NOP NOW BRANCH VA
 *		TAIL0 and TAIL1 address the second byte, in the form of a
 *		request. NOW is the current code; BRANCH is the branch that the
 *		code takes when called.
 * command	load SHAPE		announce the sites by LOAD_KDATA
 *		validate SHAPE		announce the sites by VALIDATE_MODULE
 *		free_init, unload	for the module validated last
 *		patch NAME code|nop	send the three requests of a patch
 *		atomic NAME		send the first of these with interrupts
 *					disabled
 *		end_of_boot		send END_OF_BOOT
 *		key 0|1			switch the static key
 *
 * SHAPE is an entry of shapes[]: "good", or a malformed announcement.
 */
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/irqflags.h>
#include <linux/jump_label.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>

/* <linux/unaligned.h> was <asm/unaligned.h> before 6.12. */
#if __has_include("linux/unaligned.h")
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

#include <lvbs/heki.h>
#include <lvbs/heki_abi.h>

#define INT3 0xcc

static DEFINE_STATIC_KEY_FALSE(client_key);

static noinline bool branch_short(void)
{
	if (static_branch_unlikely(&client_key))
		return true;
	return false;
}

static noinline bool branch_long(void)
{
	if (static_branch_unlikely(&client_key))
		return true;
	/* Out of range for a two-byte jump. */
	asm volatile(".skip 300, 0x90");
	return false;
}

#define NOP2_BYTES "0x66, 0x90"
#define NOP5_BYTES "0x0f, 0x1f, 0x44, 0x00, 0x00"

/* JUMP_TABLE_ENTRY has parameters where ARCH_STATIC_BRANCH_ASM exists. */
#ifdef ARCH_STATIC_BRANCH_ASM
#define TABLE_ENTRY JUMP_TABLE_ENTRY("%c0 + %c1", "%l[l_yes]")
#else
#define TABLE_ENTRY JUMP_TABLE_ENTRY
#endif

/* A site with @first bytes at the end of a page and the rest on the next one. */
#define STRADDLE(first, nop)						\
	".balign 4096, 0x90\n\t"					\
	".skip 4096 - " #first ", 0x90\n"				\
	"1:\t.byte " nop "\n\t"						\
	TABLE_ENTRY

static noinline bool branch_short_1(void)
{
	asm goto(STRADDLE(1, NOP2_BYTES) : : "i" (&client_key.key), "i" (0) : : l_yes);
	return false;
l_yes:
	return true;
}

static noinline bool branch_long_1(void)
{
	asm goto(STRADDLE(1, NOP5_BYTES) : : "i" (&client_key.key), "i" (0) : : l_yes);
	return false;
l_yes:
	return true;
}

static noinline bool branch_long_2(void)
{
	asm goto(STRADDLE(2, NOP5_BYTES) : : "i" (&client_key.key), "i" (0) : : l_yes);
	return false;
l_yes:
	return true;
}

static noinline bool branch_long_3(void)
{
	asm goto(STRADDLE(3, NOP5_BYTES) : : "i" (&client_key.key), "i" (0) : : l_yes);
	return false;
l_yes:
	return true;
}

static noinline bool branch_long_4(void)
{
	asm goto(STRADDLE(4, NOP5_BYTES) : : "i" (&client_key.key), "i" (0) : : l_yes);
	return false;
l_yes:
	return true;
}

/* A site in init text, which is freed after module init. */
static noinline bool __init branch_init(void)
{
	if (static_branch_unlikely(&client_key))
		return true;
	return false;
}

static bool early;
module_param(early, bool, 0);
MODULE_PARM_DESC(early, "switch the static key on during module init");

static bool fail;
module_param(fail, bool, 0);
MODULE_PARM_DESC(fail, "fail module init");

static unsigned int jump_sites;
module_param(jump_sites, uint, 0400);
MODULE_PARM_DESC(jump_sites,
		 "number of jump labels outside init text (output)");

static const struct {
	const char *name;
	bool (*run)(void);
} branches[] = {
	{ "short", branch_short },
	{ "long", branch_long },
	{ "short_1", branch_short_1 },
	{ "long_1", branch_long_1 },
	{ "long_2", branch_long_2 },
	{ "long_3", branch_long_3 },
	{ "long_4", branch_long_4 },
};

static const u8 nop2[] = { 0x66, 0x90 };
static const u8 nop5[] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };

/*
 * piece[] are the virtual addresses of its parts; two if it straddles pages.
 * target is where it jumps to.
 */
struct client_site {
	char name[16];
	struct heki_patch patch;
	const u8 *nop;
	u8 *piece[2];
	unsigned int first;
	u8 *target;
	bool (*run)(void);
};

#define SITES_MAX	16
static struct client_site sites[SITES_MAX];
static unsigned int nr_sites;

/*
 * Pages with the sites "apart_N", whose second page is not physically adjacent
 * to the first. The adjacent page is part of the buffer and holds a decoy. In
 * text_map each second page follows its first, and then the decoy.
 */
#define TEXT_PAGES_ORDER	4
#define TEXT_PAGES		BIT(TEXT_PAGES_ORDER)
static u8 *text_pages;
static u8 *text_map;

/* The announcement: a page list of two pages, and the blob in two halves. */
static struct heki_page *list[2];
static u8 *blob[2];
static u64 nranges;

static struct heki_patch *request;
static u64 token;
static struct dentry *dir;
static DEFINE_MUTEX(client_lock);

/* A kprobe finds an address after the type of the function (kernel CFI). */
static unsigned long __nocfi address_of(const char *name)
{
	static unsigned long (*lookup)(const char *name);
	struct kprobe probe = { .symbol_name = "kallsyms_lookup_name" };

	if (!lookup && !register_kprobe(&probe)) {
		lookup = (void *)probe.addr;
		unregister_kprobe(&probe);
	}
	return lookup ? lookup(name) : 0;
}

static phys_addr_t text_pa(unsigned long va)
{
	struct page *page = vmalloc_to_page((void *)va);

	return page_to_phys(page) + offset_in_page(va);
}

static struct client_site *site_new(const char *name, unsigned int size)
{
	struct client_site *site;

	if (nr_sites == SITES_MAX)
		return NULL;
	site = &sites[nr_sites++];
	strscpy(site->name, name, sizeof(site->name));
	site->patch.size = size;
	site->nop = size == 2 ? nop2 : size == 5 ? nop5 : NULL;
	return site;
}

static void site_place(struct client_site *site, u8 *at, phys_addr_t pa0,
		       u8 *second, phys_addr_t pa1)
{
	site->first = min_t(unsigned int, site->patch.size,
			    PAGE_SIZE - offset_in_page(pa0));
	site->piece[0] = at;
	site->patch.pa[0] = cpu_to_le64(pa0);
	if (site->first < site->patch.size) {
		site->piece[1] = second;
		site->patch.pa[1] = cpu_to_le64(pa1);
	}
}

static int site_from_entry(const struct jump_entry *entry)
{
	unsigned long va = jump_entry_code(entry);
	unsigned long next = PAGE_ALIGN(va + 1);
	struct client_site *site;
	u8 *text = (u8 *)va;
	unsigned int i, nearest = 0;
	s32 jump;

	/* Find the function that contains the site: the closest start below. */
	for (i = 0; i < ARRAY_SIZE(branches); i++)
		if (va - (unsigned long)branches[i].run <
		    va - (unsigned long)branches[nearest].run)
			nearest = i;
	site = site_new(branches[nearest].name, text[0] == 0x0f || text[0] == 0xe9 ? 5 : 2);
	if (!site)
		return -E2BIG;
	site->run = branches[nearest].run;
	site->target = (u8 *)jump_entry_target(entry);
	site_place(site, text, text_pa(va), (u8 *)next, text_pa(next));

	jump = jump_entry_target(entry) - va - site->patch.size;
	site->patch.code[0] = site->patch.size == 5 ? 0xe9 : 0xeb;
	memcpy(site->patch.code + 1, &jump, site->patch.size - 1);
	return 0;
}

static int sites_from_table(void)
{
	const struct module *mod = THIS_MODULE;
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < mod->num_jump_entries; i++) {
		if (jump_entry_is_init(&mod->jump_entries[i]))
			continue;
		jump_sites++;
		if (jump_entry_key(&mod->jump_entries[i]) == &client_key.key)
			err = site_from_entry(&mod->jump_entries[i]);
	}
	return err;
}

/* Code that nothing runs: to 32 bytes before the site. */
static const u8 idle_code[] = { 0xe9, 0xdb, 0xff, 0xff, 0xff };

static int text_map_make(void)
{
	struct page *pages[TEXT_PAGES];
	unsigned int i;

	for (i = 0; i < TEXT_PAGES; i++)
		pages[i] = virt_to_page(text_pages + i * PAGE_SIZE);
	for (i = 0; i < 4; i++)
		swap(pages[3 * i + 1], pages[3 * i + 2]);
	text_map = vmap(pages, TEXT_PAGES, VM_MAP, PAGE_KERNEL);
	return text_map ? 0 : -ENOMEM;
}

static int site_idle(const char *name, u8 *at)
{
	struct client_site *site = site_new(name, sizeof(idle_code));
	u8 *second = (u8 *)PAGE_ALIGN((unsigned long)at + 1);

	if (!site)
		return -E2BIG;
	memcpy(site->patch.code, idle_code, sizeof(idle_code));
	site->target = at - 32;
	site_place(site, at, text_pa((unsigned long)at), second,
		   text_pa((unsigned long)second));
	memcpy(at, nop5, sizeof(nop5));
	return 0;
}

/* The first @first bytes in page @page, the rest in the page after the next. */
static int site_apart(unsigned int first, unsigned int page)
{
	size_t at = (page + 1) * PAGE_SIZE - first;
	char name[16];

	snprintf(name, sizeof(name), "apart_%u", first);
	/* Decoy: the same bytes on the physically adjacent page. */
	memcpy(text_pages + at + first, nop5 + first, sizeof(nop5) - first);
	return site_idle(name, text_map + at);
}

static int site_inside(void)
{
	return site_idle("inside", text_map + 15 * PAGE_SIZE + 0x100);
}

static int create_sites(void)
{
	unsigned int first;
	int err = text_map_make();

	err = err ?: sites_from_table();
	for (first = 1; !err && first <= 4; first++)
		err = site_apart(first, 3 * (first - 1));
	return err ?: site_inside();
}

static struct client_site *site_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < nr_sites; i++)
		if (!strcmp(sites[i].name, name))
			return &sites[i];
	return NULL;
}

/* The address of the second byte, in the form of a request. */
static void site_tail(const struct client_site *site, u64 pa[2])
{
	pa[0] = le64_to_cpu(site->patch.pa[0]) + 1;
	pa[1] = le64_to_cpu(site->patch.pa[1]);
	if (site->first == 1) {
		pa[0] = pa[1];
		pa[1] = 0;
	}
}

static void range_add(const void *va, phys_addr_t pa, size_t len, u64 attributes)
{
	struct heki_page *page = list[nranges / HEKI_PAGE_RANGES];
	struct heki_range *range = &page->ranges[nranges % HEKI_PAGE_RANGES];

	range->va = cpu_to_le64((unsigned long)va);
	range->pa = cpu_to_le64(pa);
	range->epa = cpu_to_le64(pa + len);
	range->attributes = cpu_to_le64(attributes);
	le64_add_cpu(&page->nranges, 1);
	if (++nranges == HEKI_PAGE_RANGES + 1)
		list[0]->next_pa = cpu_to_le64(virt_to_phys(list[1]));
}

/* Split the blob at @cut into two ranges that are physically apart. */
static void blob_ranges(size_t len, size_t cut, u64 attributes)
{
	range_add(blob[0], virt_to_phys(blob[0]), cut, attributes);
	if (cut == len)
		return;
	memcpy(blob[1] + 7, blob[0] + cut, len - cut);
	/* Virtually contiguous, like a vmalloc() buffer. */
	range_add(blob[0] + cut, virt_to_phys(blob[1] + 7), len - cut,
		  attributes);
}

static bool streq(const char *a, const char *b)
{
	return !strcmp(a, b);
}

/* Only the last record is bad: the valid ones before it must not be kept. */
static void corrupt_record(const char *shape, struct heki_patch *last)
{
	u64 width = 1ULL << boot_cpu_data.x86_phys_bits;
	u64 pa0 = le64_to_cpu(last->pa[0]);

	if (streq(shape, "size_0"))
		last->size = 0;
	else if (streq(shape, "size_6"))
		last->size = 6;
	else if (streq(shape, "no_address"))
		last->pa[0] = 0;
	else if (streq(shape, "second_needless"))
		last->pa[1] = cpu_to_le64(virt_to_phys(text_pages));
	else if (streq(shape, "second_missing"))
		last->pa[0] = cpu_to_le64((pa0 & PAGE_MASK) + PAGE_SIZE - 1);
	else if (streq(shape, "beyond_width"))
		last->pa[0] = cpu_to_le64(width);
	else if (streq(shape, "last_page"))
		last->pa[0] = cpu_to_le64(width - last->size);
	else if (streq(shape, "overlap"))
		last->pa[0] = cpu_to_le64(le64_to_cpu(site_find("long")->patch.pa[0]) + 1);

	/* A call, another size, and jumps to what is not the client's. */
	if (streq(shape, "not_a_jump"))
		last->code[0] = 0xe8;
	else if (streq(shape, "short_jump_of_5"))
		last->code[0] = 0xeb;
	else if (streq(shape, "target_far"))
		put_unaligned_le32(SZ_1G, &last->code[1]);
	else if (streq(shape, "target_before"))
		put_unaligned_le32((u32)-SZ_8K, &last->code[1]);

	if (streq(shape, "second_unaligned") || streq(shape, "second_is_first")) {
		pa0 = (pa0 & PAGE_MASK) + PAGE_SIZE - 1;
		last->pa[0] = cpu_to_le64(pa0);
		last->pa[1] = cpu_to_le64(streq(shape, "second_is_first") ?
					  pa0 & PAGE_MASK : pa0 + 1 + 8);
	}
}

static void corrupt_header(const char *shape, struct heki_patch_info *info)
{
	if (streq(shape, "type"))
		info->type = cpu_to_le32(1);
	else if (streq(shape, "over_max"))
		le64_add_cpu(&info->max_patch_count, -1);
	else if (streq(shape, "cut_short"))
		le64_add_cpu(&info->patch_idx, 1);
	else if (streq(shape, "endless"))
		info->patch_idx = cpu_to_le64(U64_MAX);
	if (streq(shape, "cut_short") || streq(shape, "endless"))
		info->max_patch_count = info->patch_idx;
}

static void corrupt_list(const char *shape)
{
	struct heki_range *range = &list[0]->ranges[0];

	if (streq(shape, "cycle") || streq(shape, "empty_cycle")) {
		list[0]->next_pa = cpu_to_le64(virt_to_phys(list[0]));
		nranges += HEKI_PAGE_RANGES;
	}
	if (streq(shape, "empty_cycle")) {
		list[0]->nranges = 0;
	} else if (streq(shape, "too_many")) {
		list[0]->nranges = cpu_to_le64(HEKI_PAGE_RANGES + 1);
	} else if (streq(shape, "count_more")) {
		nranges++;
	} else if (streq(shape, "count_less")) {
		nranges--;
	} else if (streq(shape, "count_huge")) {
		nranges = U64_MAX;
	} else if (streq(shape, "end_before_start")) {
		le64_add_cpu(&range->pa, 1);
		range->epa = range->pa;
		le64_add_cpu(&range->epa, -1);
	} else if (streq(shape, "hole")) {
		range->pa = cpu_to_le64(0xa0000);
		range->epa = cpu_to_le64(0xa0100);
	}
}

static const char * const shapes[] = {
	/* Valid. */
	"good", "cut", "two_headers", "long_list", "text_only", "kernel_sites",
	"empty_ranges",
	/* Invalid records, headers, lists. */
	"size_0", "size_6", "no_address", "second_needless", "second_missing",
	"second_unaligned", "second_is_first", "beyond_width", "last_page",
	"overlap", "type", "over_max", "cut_short", "endless", "cycle",
	"empty_cycle", "too_many", "count_more", "count_less", "count_huge",
	"end_before_start", "hole",
	/* Sites, targets and text that are not the module's. */
	"text_missing", "target_kernel", "not_a_jump", "short_jump_of_5",
	"target_far", "target_before", "kernel_text", "kernel_data",
	"kernel_va", "text_twice", "data_twice", "va_twice", "va_unaligned",
};

static void record_add(u8 **at, struct heki_patch_info *info,
		       const struct heki_patch *patch)
{
	memcpy(*at, patch, sizeof(*patch));
	*at += sizeof(*patch);
	le64_add_cpu(&info->patch_idx, 1);
	le64_add_cpu(&info->max_patch_count, 1);
}

static bool kernel_record(struct heki_patch *patch,
			  const struct jump_entry *entry)
{
	unsigned long va = jump_entry_code(entry);
	const u8 *text = (const u8 *)va;
	bool is_long = text[0] == 0x0f || text[0] == 0xe9;
	s32 jump = jump_entry_target(entry) - va - (is_long ? 5 : 2);

	if (jump_entry_is_init(entry) || text[0] == INT3 ||
	    offset_in_page(va) > PAGE_SIZE - 5)
		return false;
	*patch = (struct heki_patch) {
		.pa[0] = cpu_to_le64(__pa_symbol(va)),
		.size = is_long ? 5 : 2,
		.code[0] = is_long ? 0xe9 : 0xeb,
	};
	memcpy(patch->code + 1, &jump, patch->size - 1);
	return true;
}

/* As many of the kernel's own sites as the client has. */
static void kernel_records(u8 **at, struct heki_patch_info *info)
{
	const struct jump_entry *entry =
		(void *)address_of("__start___jump_table");
	const struct jump_entry *end =
		(void *)address_of("__stop___jump_table");
	struct heki_patch patch;
	unsigned int nr = 0;

	for (; nr < nr_sites && entry < end; entry++) {
		if (!kernel_record(&patch, entry))
			continue;
		record_add(at, info, &patch);
		nr++;
	}
}

static size_t blob_write(const char *shape)
{
	unsigned int split = streq(shape, "two_headers") ? 3 : 0;
	struct heki_patch_info *info = (void *)blob[0];
	u8 *at = blob[0] + sizeof(*info);
	unsigned int i;

	memset(blob[0], 0, PAGE_SIZE);
	memset(blob[1], 0, PAGE_SIZE);
	if (streq(shape, "text_only"))
		return at - blob[0];
	if (streq(shape, "kernel_sites")) {
		kernel_records(&at, info);
		return at - blob[0];
	}
	for (i = 0; i < nr_sites; i++) {
		struct heki_patch patch = sites[i].patch;

		if (i && i == split) {
			info = (void *)at;
			at += sizeof(*info);
		}
		/* Within reach of a jump: the module's text is near the kernel's. */
		if (sites[i].run == branch_long && streq(shape, "target_kernel"))
			put_unaligned_le32((u32)(address_of("vfs_fsync") -
						 (unsigned long)sites[i].piece[0] - 5),
					   &patch.code[1]);
		record_add(&at, info, &patch);
	}
	corrupt_record(shape, (struct heki_patch *)at - 1);
	corrupt_header(shape, info);
	return at - blob[0];
}

/* The page that is left out; 0: none. */
static phys_addr_t missing_page;

/* A range for the page of @va, unless there is one. */
static void page_range(const u8 *va, phys_addr_t pa, u64 type)
{
	u64 i;

	pa &= PAGE_MASK;
	if (missing_page && pa == missing_page)
		return;
	for (i = 0; i < nranges; i++) {
		const struct heki_page *page = list[i / HEKI_PAGE_RANGES];
		const struct heki_range *range =
			&page->ranges[i % HEKI_PAGE_RANGES];

		if (le64_to_cpu(range->pa) == pa &&
		    le64_to_cpu(range->attributes) == type)
			return;
	}
	range_add((void *)((unsigned long)va & PAGE_MASK), pa, PAGE_SIZE, type);
}

/* The pages of sites, in their order, and of what they jump to. */
static void text_ranges(const char *shape)
{
	unsigned int i, j;

	missing_page = 0;
	if (streq(shape, "text_missing"))
		missing_page = le64_to_cpu(sites[0].patch.pa[0]) & PAGE_MASK;
	for (i = 0; i < nr_sites; i++) {
		const struct client_site *site = &sites[i];
		u64 type = site->run ? HEKI_MOD_TEXT : HEKI_MOD_INIT_TEXT;

		for (j = 0; j < 2; j++) {
			u64 pa = le64_to_cpu(site->patch.pa[j]);

			if (pa)
				page_range(site->piece[j], pa, type);
		}
		page_range(site->target, text_pa((unsigned long)site->target),
			   type);
	}
}

/* Ranges that a module must not declare. */
static void foreign_ranges(const char *shape)
{
	unsigned long kernel = address_of("vfs_fsync") & PAGE_MASK;
	unsigned long data = address_of("init_task") & PAGE_MASK;
	u8 *own = text_pages + 2 * PAGE_SIZE;

	if (streq(shape, "kernel_text"))
		range_add((void *)kernel, __pa_symbol(kernel), PAGE_SIZE,
			  HEKI_MOD_TEXT);
	else if (streq(shape, "kernel_data"))
		range_add((void *)data, __pa_symbol(data), PAGE_SIZE,
			  HEKI_MOD_DATA);
	else if (streq(shape, "kernel_va"))
		range_add((void *)kernel, virt_to_phys(own), PAGE_SIZE,
			  HEKI_MOD_TEXT);
	else if (streq(shape, "text_twice") || streq(shape, "data_twice"))
		range_add(text_pages, virt_to_phys(text_pages), PAGE_SIZE,
			  streq(shape, "text_twice") ? HEKI_MOD_TEXT :
						       HEKI_MOD_DATA);
	else if (streq(shape, "va_twice"))
		range_add(text_pages, virt_to_phys(own), PAGE_SIZE,
			  HEKI_MOD_TEXT);
	else if (streq(shape, "va_unaligned"))
		range_add(own + 8, virt_to_phys(own), PAGE_SIZE,
			  HEKI_MOD_TEXT);
}

static int announce(const char *shape, u64 patches, u64 other, bool text)
{
	size_t len;

	if (match_string(shapes, ARRAY_SIZE(shapes), shape) < 0)
		return -ENOTTY;
	memset(list[0], 0, PAGE_SIZE);
	memset(list[1], 0, PAGE_SIZE);
	nranges = 0;
	while (streq(shape, "long_list") && nranges < HEKI_PAGE_RANGES - 1) {
		u8 *at = blob[0] + nranges * 32;

		range_add(at, virt_to_phys(at), 32, other);
	}
	if (streq(shape, "empty_ranges")) {
		range_add(blob[0], virt_to_phys(blob[0]), 0, other);
		range_add(blob[1], virt_to_phys(blob[1]), 0, patches);
		range_add(NULL, 0, 0, patches);
	}
	len = blob_write(shape);
	blob_ranges(len, streq(shape, "cut") ? 61 : len, patches);
	if (text) {
		text_ranges(shape);
		foreign_ranges(shape);
	} else {
		range_add(blob[1], virt_to_phys(blob[1]), PAGE_SIZE, other);
	}
	corrupt_list(shape);
	return 0;
}

static long run_load(const char *shape)
{
	int err = announce(shape, HEKI_KDATA_PATCH_INFO,
			   HEKI_KDATA_KERNEL_DATA, false);

	return err ?: lvbs_vtlcall(HEKI_VTLCALL_LOAD_KDATA,
				   virt_to_phys(list[0]), nranges, 0);
}

static long run_validate(const char *shape)
{
	long ret = announce(shape, HEKI_MOD_PATCH, HEKI_MOD_DATA, true);

	if (!ret)
		ret = lvbs_vtlcall(HEKI_VTLCALL_VALIDATE_MODULE,
				   virt_to_phys(list[0]), nranges, 0);
	if (ret > 0)
		token = ret;
	return ret;
}

static long patch_text(u64 pa0, u64 pa1, const u8 *bytes, unsigned int size)
{
	*request = (struct heki_patch) {
		.pa = { cpu_to_le64(pa0), cpu_to_le64(pa1) }, .size = size,
	};
	memcpy(request->code, bytes, size);
	return lvbs_vtlcall(HEKI_VTLCALL_PATCH_TEXT, virt_to_phys(request), 0,
			    0);
}

static long run_patch(const char *name, const char *what)
{
	const struct client_site *site = site_find(name);
	const u8 int3 = INT3, *bytes;
	u64 pa0, tail[2];
	long err;

	if (!site || !what)
		return -ENOTTY;
	bytes = streq(what, "nop") ? site->nop : site->patch.code;
	pa0 = le64_to_cpu(site->patch.pa[0]);
	site_tail(site, tail);
	err = patch_text(pa0, 0, &int3, 1);
	err = err ?: patch_text(tail[0], tail[1], bytes + 1, site->patch.size - 1);
	return err ?: patch_text(pa0, 0, bytes, 1);
}

static long run_atomic(const char *name)
{
	const struct client_site *site = site_find(name);
	const u8 int3 = INT3;
	unsigned long flags;
	long err;

	if (!site)
		return -ENOTTY;
	local_irq_save(flags);
	err = patch_text(le64_to_cpu(site->patch.pa[0]), 0, &int3, 1);
	local_irq_restore(flags);
	return err;
}

static long run_key(const char *on)
{
	if (streq(on, "1"))
		static_branch_enable(&client_key);
	else
		static_branch_disable(&client_key);
	return 0;
}

static long run(char *words)
{
	char *verb = strsep(&words, " "), *arg = strsep(&words, " ");

	if (streq(verb, "end_of_boot"))
		return lvbs_vtlcall(HEKI_VTLCALL_END_OF_BOOT, 0, 0, 0);
	if (streq(verb, "free_init"))
		return lvbs_vtlcall(HEKI_VTLCALL_FREE_MODULE_INIT, token, 0, 0);
	if (streq(verb, "unload"))
		return lvbs_vtlcall(HEKI_VTLCALL_UNLOAD_MODULE, token, 0, 0);
	if (arg && streq(verb, "load"))
		return run_load(arg);
	if (arg && streq(verb, "validate"))
		return run_validate(arg);
	if (arg && streq(verb, "patch"))
		return run_patch(arg, strsep(&words, " "));
	if (arg && streq(verb, "atomic"))
		return run_atomic(arg);
	if (arg && streq(verb, "key"))
		return run_key(arg);
	return -ENOTTY;
}

static ssize_t command_write(struct file *file, const char __user *ubuf,
			     size_t len, loff_t *ppos)
{
	char words[64];
	long ret;

	if (!len || len >= sizeof(words))
		return -EINVAL;
	if (copy_from_user(words, ubuf, len))
		return -EFAULT;
	words[len] = '\0';
	mutex_lock(&client_lock);
	ret = run(strim(words));
	mutex_unlock(&client_lock);
	return ret < 0 ? ret : len;
}

static const struct file_operations command_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = command_write,
};

static void site_show(struct seq_file *m, const struct client_site *site)
{
	unsigned int size = site->patch.size;
	u64 tail[2];

	site_tail(site, tail);
	seq_printf(m, "%s 0x%llx 0x%llx 0x%llx 0x%llx %u %*phN %*phN ",
		   site->name, le64_to_cpu(site->patch.pa[0]),
		   le64_to_cpu(site->patch.pa[1]), tail[0], tail[1], size,
		   size, site->patch.code, size,
		   site->nop ?: site->patch.code);
	seq_printf(m, "%*phN", site->first, site->piece[0]);
	if (site->first < size)
		seq_printf(m, "%*phN", size - site->first, site->piece[1]);
	/* Do not run a guarded site: only the kernel's own INT3s are handled. */
	if (site->run && site->piece[0][0] != INT3)
		seq_printf(m, " %d", site->run());
	else
		seq_puts(m, " -");
	seq_printf(m, " 0x%lx\n", (unsigned long)site->piece[0]);
}

static int sites_show(struct seq_file *m, void *unused)
{
	unsigned int i;

	mutex_lock(&client_lock);
	for (i = 0; i < nr_sites; i++)
		site_show(m, &sites[i]);
	mutex_unlock(&client_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(sites);

static void client_free(void)
{
	free_page((unsigned long)list[0]);
	free_page((unsigned long)list[1]);
	free_page((unsigned long)blob[0]);
	free_page((unsigned long)blob[1]);
	vunmap(text_map);
	free_pages((unsigned long)text_pages, TEXT_PAGES_ORDER);
	kfree(request);
}

/* Switch the key while init text exists, and check its effect there. */
static int __init init_key(void)
{
	if (early)
		static_branch_enable(&client_key);
	if (branch_init() != early)
		return -EILSEQ;
	return fail ? -ENODATA : 0;
}

static int __init client_init(void)
{
	int err = init_key();

	if (err)
		return err;
	list[0] = (void *)get_zeroed_page(GFP_KERNEL);
	list[1] = (void *)get_zeroed_page(GFP_KERNEL);
	blob[0] = (void *)get_zeroed_page(GFP_KERNEL);
	blob[1] = (void *)get_zeroed_page(GFP_KERNEL);
	text_pages = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, TEXT_PAGES_ORDER);
	/* Aligned so that it does not straddle a page. */
	request = kzalloc(roundup_pow_of_two(sizeof(*request)), GFP_KERNEL);
	err = list[0] && list[1] && blob[0] && blob[1] && text_pages && request ?
	      create_sites() : -ENOMEM;
	if (err) {
		client_free();
		return err;
	}

	dir = debugfs_create_dir("heki_client", NULL);
	debugfs_create_file("sites", 0400, dir, NULL, &sites_fops);
	debugfs_create_file("command", 0200, dir, NULL, &command_fops);
	return 0;
}

static void __exit client_exit(void)
{
	debugfs_remove(dir);
	if (token)
		lvbs_vtlcall(HEKI_VTLCALL_UNLOAD_MODULE, token, 0, 0);
	client_free();
}

module_init(client_init);
module_exit(client_exit);
MODULE_DESCRIPTION("lvbs test: sample VTL0 client");
MODULE_LICENSE("GPL");
