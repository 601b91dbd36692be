// SPDX-License-Identifier: GPL-2.0
/*
 * What the mock VTL0 announces: page lists, and the blobs that they lead to.
 * A plan is made as VTL0 should, and may then be changed in one way.
 */
#include <linux/limits.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "kunit/heki/model.h"

/* ---- plans ---- */

void plan_range(struct plan *p, u64 va, u64 pa, u64 bytes, u64 attributes)
{
	p->range[p->nr++] = (struct heki_range) {
		.va = cpu_to_le64(va),
		.pa = cpu_to_le64(pa),
		.epa = cpu_to_le64(pa + bytes),
		.attributes = cpu_to_le64(attributes),
	};
}

void plan_begin(struct model *m, unsigned int module)
{
	memset(&m->plan, 0, sizeof(m->plan));
	m->plan.module = module;
}

/* Memory of the module: text is mapped, the rest may be anywhere. */
void plan_memory(struct model *m, unsigned int which,
		 enum heki_mod_mem type)
{
	struct plan *p = &m->plan;
	unsigned int f = m->frame[p->module][which];
	struct memory *range = &p->owner.range[p->owner.nr_ranges++];
	u64 va = which < TEXT_FRAMES ?
		 (unsigned long)m->text[p->module] + which * P : below(m, P);

	*range = (struct memory) { { f * P, P }, type };
	if (type == HEKI_MOD_DATA || type == HEKI_MOD_INIT_DATA) {
		range->span.at += below(m, P / 2);
		range->span.bytes = 1 + below(m, P / 2);
	}
	plan_range(p, va, model_pa(m, f) + range->span.at % P,
		   range->span.bytes, type);
}

static void make_site(const struct model *m, u64 pos, unsigned int size,
		      u64 target, struct heki_site *site)
{
	unsigned int module = m->plan.module;
	s32 rel = target - (pos + size);

	*site = (struct heki_site) {
		.pa[0] = model_text_pa(m, module, pos),
		.size = size,
		.code[0] = size == 2 ? 0xeb : 0xe9,
	};
	if (pos % HEKI_PAGE_SIZE + size > HEKI_PAGE_SIZE)
		site->pa[1] = model_text_pa(m, module,
					    round_up(pos, HEKI_PAGE_SIZE));
	if (size == 2)
		site->code[1] = rel;
	else
		put_unaligned_le32(rel, site->code + 1);
}

/* Only init text, from @core on, may jump to init text. */
static u64 random_target(struct model *m, u64 pos, unsigned int size, u64 core,
			 u64 all)
{
	u64 limit = pos < core ? core : all, target;

	if (size == 5)
		return below(m, limit);
	do
		target = pos + size + (s8)below(m, 256);
	while (target >= limit);
	return target;
}

static void plan_record(struct plan *p, const struct heki_site *site)
{
	heki_patch_encode(&p->record[p->nr_records++], site->pa[0], site->pa[1],
			  site->code, site->size);
}

/* Sites in every other cell of 64 bytes do not overlap. */
void plan_sites(struct model *m)
{
	unsigned int nr = 1 + below(m, SITES), i, j, cell[SITES], size;
	struct plan *p = &m->plan;
	bool kernel = p->module == MODULES;
	u64 core = kernel ? KERNEL_FRAMES * P : INIT_TEXT * P;
	u64 all = kernel ? core : TEXT_FRAMES * P;
	struct owner *o = &p->owner;

	for (i = 0; i < nr; i++) {
		u64 pos;

		size = one_in(m, 3) ? 2 : 5;
		cell[i] = below(m, all / 64) | (one_in(m, 2) ? 63 : 1);
		for (j = 0; cell[j] != cell[i]; j++)
			;
		if (j < i)
			continue;
		/* The last cell of a page: up to its end, or into the next. */
		pos = cell[i] * 64 + (cell[i] % 64 == 63 ?
				      64 - size + below(m, size) :
				      below(m, 64 - size));
		if (pos + size > all)
			pos = all - size;
		make_site(m, pos, size, random_target(m, pos, size, core, all),
			  &o->site[o->nr_sites]);
		plan_record(p, &o->site[o->nr_sites++]);
	}
	p->info.patch_idx = cpu_to_le64(p->nr_records);
	p->info.max_patch_count = cpu_to_le64(p->nr_records);
}

/* One buffer of VTL0, in one range or in two. */
void plan_blob(struct model *m, u64 attribute)
{
	u8 bytes[sizeof(struct heki_patch_info) +
		 (SITES + 1) * sizeof(struct heki_patch) + 64];
	struct plan *p = &m->plan;
	unsigned long first = BLOB * P + below(m, P / 2);
	unsigned long second = (BLOB + 1) * P + below(m, P / 2);
	size_t records = p->nr_records * sizeof(p->record[0]);
	size_t len = sizeof(p->info) + records + p->tail, cut = len;
	u64 va = below(m, 1000);

	memcpy(bytes, &p->info, sizeof(p->info));
	memcpy(bytes + sizeof(p->info), p->record, records);
	memset(bytes + len - p->tail, p->tail_byte, p->tail);
	if (one_in(m, 2))
		cut = 1 + below(m, len);
	model_put(m, first, bytes, cut);
	model_put(m, second, bytes + cut, len - cut);
	p->reads[BLOB] = true;
	p->reads[BLOB + 1] = cut < len;
	plan_range(p, va, model_pa(m, BLOB) + first % P, cut, attribute);
	plan_range(p, va + cut, model_pa(m, BLOB + 1) + second % P, len - cut,
		   attribute);
}

static void plan_arguments(struct model *m)
{
	struct plan *p = &m->plan;

	p->pa = model_pa(m, LIST);
	p->nranges = p->nr;
	p->in_first = p->nr;
	p->page_nr[0] = p->nr;
	p->reads[LIST] = true;
}

static void plan_split_list(struct model *m)
{
	struct plan *p = &m->plan;

	p->in_first = 1 + below(m, p->nr - 1);
	p->page_nr[0] = p->in_first;
	p->page_nr[1] = p->nr - p->in_first;
	p->next_pa[0] = model_pa(m, LIST + 1);
	p->reads[LIST + 1] = true;
}

static void put_list(struct model *m)
{
	struct plan *p = &m->plan;
	unsigned int i, from = 0, to = p->in_first;

	for (i = 0; i < 2; i++) {
		unsigned long at = (LIST + i) * P;
		__le64 head[] = {
			0, cpu_to_le64(p->next_pa[i]),
			cpu_to_le64(p->page_nr[i]),
		};

		model_put(m, at, head, sizeof(head));
		at += offsetof(struct heki_page, ranges);
		model_put(m, at, p->range + from,
			  (to - from) * sizeof(p->range[0]));
		from = to;
		to = p->nr;
	}
}

/* ---- changes of a plan: each returns the errno that it justifies, or 0 ---- */

static int beyond_le(__le64 *pa)
{
	u64 at = le64_to_cpu(*pa);
	int err = beyond(&at, at);

	*pa = cpu_to_le64(at);
	return err;
}

/* Of the list. */
enum list_change {
	NO_RANGES, COUNT_TOO_SMALL, COUNT_TOO_LARGE, COUNT_HUGE, LIST_AT_0,
	LIST_UNALIGNED, LIST_BEYOND, LIST_IN_HOLE, LIST_OWNED, LIST_CYCLE,
	LIST_GOES_ON, PAGE_EMPTY, PAGE_TOO_FULL, RANGE_INVERTED, RANGE_BEYOND,
	EMPTY_RANGE, SECOND_PAGE, SECOND_MISSING, SECOND_EMPTY, SECOND_CYCLE,
	SECOND_UNALIGNED,
};

static const char * const list_changes[] = {
	[NO_RANGES] = "no ranges",
	[COUNT_TOO_SMALL] = "count too small",
	[COUNT_TOO_LARGE] = "count too large",
	[COUNT_HUGE] = "count huge",
	[LIST_AT_0] = "list at address 0",
	[LIST_UNALIGNED] = "list unaligned",
	[LIST_BEYOND] = "list beyond the width",
	[LIST_IN_HOLE] = "list in a hole",
	[LIST_OWNED] = "list in VTL1's memory",
	[LIST_CYCLE] = "list links to itself",
	[LIST_GOES_ON] = "list goes on after its last page",
	[PAGE_EMPTY] = "page without ranges",
	[PAGE_TOO_FULL] = "page with too many ranges",
	[RANGE_INVERTED] = "range ends before it begins",
	[RANGE_BEYOND] = "range beyond the width",
	[EMPTY_RANGE] = "empty range",
	[SECOND_PAGE] = "second page",
	[SECOND_MISSING] = "second page missing",
	[SECOND_EMPTY] = "second page without ranges",
	[SECOND_CYCLE] = "second page links to the first",
	[SECOND_UNALIGNED] = "second page unaligned",
};

static int change_list(struct model *m, struct plan *p, unsigned int change)
{
	struct heki_range *last = &p->range[p->nr - 1];

	if (change >= EMPTY_RANGE) {
		plan_range(p, 1, below(m, 9), 0, 0xdead);
		plan_arguments(m);
	}
	if (change >= SECOND_PAGE)
		plan_split_list(m);
	switch (change) {
	case NO_RANGES:
		p->nranges = 0;
		return -EINVAL;
	case COUNT_TOO_SMALL:
		p->nranges--;
		return -EINVAL;
	case COUNT_TOO_LARGE:
		p->nranges += 1 + below(m, 3);
		return -EINVAL;
	case COUNT_HUGE:
		p->nranges = U64_MAX - below(m, 3);
		return -EINVAL;
	case LIST_AT_0:
		p->pa = 0;
		return -EINVAL;
	case LIST_UNALIGNED:
		p->pa += 1 + below(m, HEKI_PAGE_SIZE - 1);
		return -EINVAL;
	case LIST_BEYOND:
		return beyond(&p->pa, 0);
	case LIST_IN_HOLE:
		p->pa = hole();
		return -ENXIO;
	case LIST_OWNED:
		p->pa = model_pa(m, OWNED);
		return -EPERM;
	case LIST_CYCLE:
		p->nranges *= 2;
		p->next_pa[0] = p->pa;
		return -EINVAL;
	case LIST_GOES_ON:
		p->next_pa[0] = model_pa(m, LIST + 1);
		return -EINVAL;
	case PAGE_EMPTY:
		p->page_nr[0] = 0;
		return -EINVAL;
	case PAGE_TOO_FULL:
		p->page_nr[0] = HEKI_PAGE_RANGES + 1;
		p->nranges = HEKI_PAGE_RANGES + 1;
		return -EINVAL;
	case RANGE_INVERTED:
		last->epa = last->pa;
		le64_add_cpu(&last->epa, -1);
		return -EINVAL;
	case RANGE_BEYOND:
		return beyond_le(&p->range[below(m, p->nr)].epa);
	case SECOND_MISSING:
		p->next_pa[0] = 0;
		return -EINVAL;
	case SECOND_EMPTY:
		p->page_nr[1] = 0;
		return -EINVAL;
	case SECOND_CYCLE:
		p->next_pa[1] = p->pa;
		p->nranges *= 2;
		return -EINVAL;
	case SECOND_UNALIGNED:
		p->next_pa[0] += 8;
		return -EINVAL;
	default:
		return 0;
	}
}

/* Of the blob. */
enum blob_change {
	HEADER_TYPE, ROOM_SPARE, ROOM_MISSING, RECORD_MISSING, RECORD_LEFT,
	GARBAGE_AFTER, ZEROS_AFTER, SITE_TWICE, SITE_SIZE_0, SITE_SIZE_6,
	SITE_AT_0, SITE_BEYOND, SITE_IS_CALL, SITE_IS_INT3, SITE_UNALIGNED,
	SITE_ONE_PAGE, SITE_ELSEWHERE, TARGET_ELSEWHERE,
};

static const char * const blob_changes[] = {
	[HEADER_TYPE] = "unknown type of blob",
	[ROOM_SPARE] = "room for more sites",
	[ROOM_MISSING] = "more sites than room",
	[RECORD_MISSING] = "a record is missing",
	[RECORD_LEFT] = "a record too many",
	[GARBAGE_AFTER] = "garbage after the blob",
	[ZEROS_AFTER] = "zeros after the blob",
	[SITE_TWICE] = "the same site twice",
	[SITE_SIZE_0] = "site of size 0",
	[SITE_SIZE_6] = "site of size 6",
	[SITE_AT_0] = "site at address 0",
	[SITE_BEYOND] = "site beyond the width",
	[SITE_IS_CALL] = "site is a CALL",
	[SITE_IS_INT3] = "site is INT3",
	[SITE_UNALIGNED] = "second page of a site unaligned",
	[SITE_ONE_PAGE] = "second page of a site is its first",
	[SITE_ELSEWHERE] = "site in other memory",
	[TARGET_ELSEWHERE] = "target out of the text",
};

static int change_blob(struct model *m, struct plan *p, unsigned int change)
{
	struct heki_patch *record = &p->record[below(m, p->nr_records)];
	struct heki_patch_info *info = &p->info;

	switch (change) {
	case HEADER_TYPE:
		info->type = cpu_to_le32(1);
		return -EINVAL;
	case ROOM_SPARE:
		le64_add_cpu(&info->max_patch_count, 3);
		return 0;
	case ROOM_MISSING:
		le64_add_cpu(&info->max_patch_count, -1);
		return -EINVAL;
	case RECORD_MISSING:
		le64_add_cpu(&info->patch_idx, 1);
		le64_add_cpu(&info->max_patch_count, 1);
		return -EINVAL;
	case RECORD_LEFT:
		le64_add_cpu(&info->patch_idx, -1);
		return -EINVAL;
	case GARBAGE_AFTER:
		p->tail = 1 + below(m, 40);
		p->tail_byte = 0xa5;
		return -EINVAL;
	case ZEROS_AFTER:
		p->tail = below(m, 64);
		return 0;
	case SITE_TWICE:
		p->record[p->nr_records++] = *record;
		le64_add_cpu(&info->patch_idx, 1);
		le64_add_cpu(&info->max_patch_count, 1);
		return -EEXIST;
	case SITE_SIZE_0:
		record->size = 0;
		return -EINVAL;
	case SITE_SIZE_6:
		record->size = 6;
		return -EINVAL;
	case SITE_AT_0:
		record->pa[0] = 0;
		return -EINVAL;
	case SITE_BEYOND:
		return beyond_le(&record->pa[0]);
	case SITE_IS_CALL:
		record->code[0] = 0xe8;
		return -EINVAL;
	case SITE_IS_INT3:
		record->code[0] = 0xcc;
		return -EINVAL;
	case SITE_UNALIGNED:
		le64_add_cpu(&record->pa[1], 8);
		return -EINVAL;
	case SITE_ONE_PAGE:
		record->pa[1] = record->pa[0] &
				cpu_to_le64(~(u64)(HEKI_PAGE_SIZE - 1));
		return -EINVAL;
	case SITE_ELSEWHERE:
		record->pa[0] = cpu_to_le64(model_pa(m, SPARE) + 8);
		record->pa[1] = 0;
		return -EINVAL;
	case TARGET_ELSEWHERE:
		if (record->size == 5)
			put_unaligned_le32(SZ_1G, record->code + 1);
		else
			record->code[0] = 0xe9;
		return -EINVAL;
	default:
		return 0;
	}
}

/* Of a module's memory; its text comes first. */
enum module_change {
	NO_SITES, UNKNOWN_MEMORY, TEXT_ELSEWHERE, TEXT_UNMAPPED, TEXT_UNALIGNED,
	MEMORY_OWNED, MEMORY_OF_KERNEL, MEMORY_TWICE, FILE_ANYWHERE,
	SITE_NOT_NEXT, JUMP_TO_INIT, SITE_IN_DATA,
};

static const char * const module_changes[] = {
	[NO_SITES] = "no sites",
	[UNKNOWN_MEMORY] = "unknown type of memory",
	[TEXT_ELSEWHERE] = "text at the address of other text",
	[TEXT_UNMAPPED] = "text not mapped",
	[TEXT_UNALIGNED] = "frozen memory not whole pages",
	[MEMORY_OWNED] = "VTL1's memory",
	[MEMORY_OF_KERNEL] = "the kernel's memory",
	[MEMORY_TWICE] = "the same memory twice",
	[FILE_ANYWHERE] = "module file in any memory",
	[SITE_NOT_NEXT] = "second page of a site not virtually next",
	[JUMP_TO_INIT] = "text jumps to init text",
	[SITE_IN_DATA] = "site in read-only data",
};

/* A site of 5 bytes instead of the others. */
static void replace_sites(struct model *m, struct plan *p, u64 pos, u64 target)
{
	struct heki_site site;

	make_site(m, pos, 5, target, &site);
	p->nr_records = 0;
	plan_record(p, &site);
	p->info.patch_idx = cpu_to_le64(1);
}

static int change_module(struct model *m, struct plan *p, unsigned int change)
{
	const unsigned int *frame = m->frame[p->module];
	u64 pa;

	switch (change) {
	case NO_SITES:
		p->nr_records = 0;
		p->owner.nr_sites = 0;
		p->info.patch_idx = 0;
		return 0;
	case UNKNOWN_MEMORY:
		p->range[0].attributes = cpu_to_le64(HEKI_MOD_PATCH + 1);
		return -EINVAL;
	case TEXT_ELSEWHERE:
		le64_add_cpu(&p->range[0].va, P);
		return -EINVAL;
	case TEXT_UNMAPPED:
		p->range[0].va = cpu_to_le64(P);
		return -EINVAL;
	case TEXT_UNALIGNED:
		le64_add_cpu(&p->range[below(m, RODATA + 1)].epa, -1);
		return -EINVAL;
	case MEMORY_OWNED:
		plan_range(p, 0, model_pa(m, OWNED), 8, HEKI_MOD_DATA);
		return -EPERM;
	case MEMORY_OF_KERNEL:
		plan_range(p, 0, model_pa(m, FRAMES), 8, HEKI_MOD_DATA);
		return -EEXIST;
	case MEMORY_TWICE:
		pa = model_pa(m, frame[below(m, RODATA + 1)]) + below(m, P);
		plan_range(p, 0, pa, 1, HEKI_MOD_INIT_DATA);
		return -EEXIST;
	case FILE_ANYWHERE:
		plan_range(p, 1, model_pa(m, OWNED) + 7, P, HEKI_MOD_ELF);
		return 0;
	case SITE_NOT_NEXT:
		replace_sites(m, p, P - 1 - below(m, 4), 0);
		pa = model_pa(m, frame[INIT_TEXT]);
		p->record[0].pa[1] = cpu_to_le64(pa);
		return -EINVAL;
	case JUMP_TO_INIT:
		replace_sites(m, p, 64, INIT_TEXT * P + below(m, P));
		return -EINVAL;
	case SITE_IN_DATA:
		replace_sites(m, p, 64, 0);
		pa = model_pa(m, frame[RODATA]) + 64;
		p->record[0].pa[0] = cpu_to_le64(pa);
		return -EINVAL;
	default:
		return 0;
	}
}

/* Of the ranges of PROTECT_MEMORY. */
enum protect_change {
	RANGE_UNALIGNED, RANGE_UNKNOWN, RANGE_IN_HOLE, RANGE_OF_KERNEL,
};

static const char * const protect_changes[] = {
	[RANGE_UNALIGNED] = "not whole pages",
	[RANGE_UNKNOWN] = "unknown attribute",
	[RANGE_IN_HOLE] = "in a hole",
	[RANGE_OF_KERNEL] = "the kernel's text, again",
};

static int change_protect(struct model *m, struct plan *p, unsigned int change)
{
	switch (change) {
	case RANGE_UNALIGNED:
		le64_add_cpu(&p->range[0].pa, 8);
		return -EINVAL;
	case RANGE_UNKNOWN:
		p->range[0].attributes = cpu_to_le64(2 * HEKI_MEM_IMMUTABLE);
		return -EINVAL;
	case RANGE_IN_HOLE:
		plan_range(p, 0, hole(), P, HEKI_MEM_READ);
		return -ENXIO;
	default:
		plan_range(p, 0, model_pa(m, FRAMES), P, HEKI_MEM_EXEC);
		return 0;
	}
}

typedef int change_fn(struct model *m, struct plan *p, unsigned int change);

/* Half of the plans stay as they are. Returns the name of the change. */
static const char *change_plan(struct model *m, change_fn *fn,
			       const char * const *names, unsigned int nr,
			       struct outcome *want)
{
	unsigned int change = below(m, nr);
	int err;

	if (one_in(m, 2))
		return "unchanged";
	err = fn(m, &m->plan, change);
	may_fail(want, err, err);
	return names[change];
}

const char *plan_change_blob(struct model *m, struct outcome *want)
{
	return change_plan(m, change_blob, blob_changes,
			   ARRAY_SIZE(blob_changes), want);
}

const char *plan_change_module(struct model *m, struct outcome *want)
{
	return change_plan(m, change_module, module_changes,
			   ARRAY_SIZE(module_changes), want);
}

const char *plan_change_protect(struct model *m, struct outcome *want)
{
	return change_plan(m, change_protect, protect_changes,
			   ARRAY_SIZE(protect_changes), want);
}

/* After the last range was added. */
const char *plan_change_list(struct model *m, struct outcome *want)
{
	plan_arguments(m);
	return change_plan(m, change_list, list_changes,
			   ARRAY_SIZE(list_changes), want);
}

/* Writes the list, and adds what reading it and the blob can meet. */
void plan_end(struct model *m, struct outcome *want)
{
	unsigned int f;

	if (!m->plan.reads[LIST])
		plan_arguments(m);
	put_list(m);
	for (f = LIST; f < REQUEST; f++)
		if (m->plan.reads[f])
			model_read_outcome(m, f, want);
}
