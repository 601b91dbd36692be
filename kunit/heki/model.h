/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A naive model of VTL1, and a mock VTL0; see model_test.c.
 *
 *	model.c		what the model knows: bytes, frames, sites
 *	model_plan.c	what VTL0 announces, and how that can be wrong
 *	model_test.c	the calls, with their results and effects
 */
#ifndef _LVBS_KUNIT_HEKI_MODEL_H
#define _LVBS_KUNIT_HEKI_MODEL_H

#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/types.h>

#include <lvbs/phys_ptr.h>

#include "heki/heki.h"
#include "kunit/fakes/random.h"
#include "kunit/heki/sites.h"
#include "phys/phys.h"

#define P		PAGE_SIZE

/* Frames of the mock memory. */
#define POOL		0U	/* of modules */
#define SPARE		27U
#define OWNED		31U	/* VTL1's, among the spare ones */
#define LIST		35U
#define BLOB		37U
#define REQUEST		39U
#define FRAMES		42U
/* After these, the first ones of the kernel's text. They are never written. */
#define KERNEL_FRAMES	2U
#define ALL_FRAMES	(FRAMES + KERNEL_FRAMES)

/* Modules, of which the last one shares frames with the others. */
#define MODULES		4U
#define KERNELS		3U	/* owners of sites in the kernel's text */
#define OWNERS		(MODULES + KERNELS)

/* Frames of a module; its text is mapped in this order. */
enum {
	TEXT, TEXT_2, INIT_TEXT, RODATA, RO_AFTER_INIT, RO_AFTER_INIT_2, DATA,
	INIT_DATA, INIT_RODATA, MODULE_FRAMES
};

#define TEXT_FRAMES	3U
#define SITES		8U
#define RANGES		16U
#define HOLDS		3U
#define SPANS		12U

/* Calls by number from END_OF_BOOT on; the last one is for unknown numbers. */
#define CALLS		11U

/* Bytes of the mock memory. */
struct span {
	unsigned long at;
	unsigned long bytes;	/* 0: nothing */
};

struct memory {
	struct span span;
	enum heki_mod_mem type;
};

struct owner {
	bool live;
	long token;
	bool initialised;	/* FREE_MODULE_INIT has succeeded */
	struct memory range[RANGES];
	unsigned int nr_ranges;
	struct heki_site site[SITES];
	bool sane[SITES];	/* held a legal state when it became known */
	unsigned int nr_sites;
};

/* The errnos that a call may return; if there are none it succeeds. */
struct outcome {
	DECLARE_BITMAP(errnos, 128);
};

/* Frames in use by others: mapped, or range locked. */
enum hold_kind { NOBODY, READER, WRITER, SHARED, EXCLUSIVE };

struct hold {
	enum hold_kind kind;
	unsigned int frame;
	unsigned int nr;
	struct phys_session reader;
	struct phys_write_session writer;
	struct phys_lock lock;
};

/* An announcement: lists of ranges, and a blob that some of them hold. */
struct plan {
	unsigned int module;	/* MODULES: the kernel */
	struct heki_range range[RANGES + 4];
	unsigned int nr;
	unsigned int in_first;	/* ranges in the first page of the list */
	u64 page_nr[2];
	u64 next_pa[2];
	u64 pa;
	u64 nranges;
	bool reads[FRAMES];	/* frames of list and blob */
	struct heki_patch_info info;
	struct heki_patch record[SITES + 1];
	unsigned int nr_records;
	unsigned int tail;	/* bytes after the last record */
	u8 tail_byte;
	/* What succeeds if nothing is changed. */
	struct owner owner;
	struct span protect[4];
	unsigned int nr_protect;
};

struct model {
	struct kunit *test;
	struct rnd_state rnd;
	u32 seed;		/* of the epoch */
	unsigned long calls;	/* in the epoch */
	bool failed;
	u8 *mem;
	u8 *expect;		/* the contents of @mem */
	u8 *kernel;		/* contents of the kernel's frames */
	struct page *page[TEXT_FRAMES];
	u8 *text[MODULES];	/* as VTL0 maps it */
	unsigned int frame[MODULES][MODULE_FRAMES];
	bool boot_ended;
	struct owner owner[OWNERS];
	struct span protect[SPANS];
	unsigned int nr_protect;
	struct span ring;
	struct hold hold[HOLDS];
	u64 stale;		/* a token that was valid */
	struct plan plan;
	struct frame_range owned[8];	/* before the test */
	unsigned long nr_owned;
	/* Statistics, by call. */
	unsigned long total;
	unsigned long done[CALLS];
	unsigned long succeeded[CALLS];
	unsigned long ambiguous;	/* several errnos were possible */
};

/* The first failure ends the test. */
#define MODEL_EXPECT(m, condition, fmt, ...) do {			\
	struct model *__m = (m);					\
									\
	if (!__m->failed && !(condition)) {				\
		KUNIT_FAIL(__m->test, "seed %#x, call %lu: " fmt,	\
			   __m->seed, __m->calls, ##__VA_ARGS__);	\
		__m->failed = true;					\
	}								\
} while (0)

static inline u32 below(struct model *m, u32 n)
{
	return random_below(&m->rnd, n);
}

static inline bool one_in(struct model *m, u32 n)
{
	return random_one_in(&m->rnd, n);
}

static inline void may_fail(struct outcome *want, bool condition, int err)
{
	if (condition && err)
		__set_bit(-err, want->errnos);
}

static inline bool must_succeed(const struct outcome *want)
{
	return bitmap_empty(want->errnos, 128);
}

static inline bool is_right(const struct outcome *want, long ret)
{
	if (ret >= 0)
		return must_succeed(want);
	return ret > -128 && test_bit(-ret, want->errnos);
}

static inline bool overlap(const struct span *a, const struct span *b)
{
	return a->at < b->at + b->bytes && b->at < a->at + a->bytes;
}

static inline bool in_frame(const struct span *span, unsigned int f)
{
	struct span frame = { f * P, P };

	return overlap(span, &frame);
}

static inline bool is_text(enum heki_mod_mem type)
{
	return type == HEKI_MOD_TEXT || type == HEKI_MOD_INIT_TEXT;
}

static inline bool is_init(enum heki_mod_mem type)
{
	return type == HEKI_MOD_INIT_TEXT || type == HEKI_MOD_INIT_DATA ||
	       type == HEKI_MOD_INIT_RODATA;
}

static inline bool is_frozen(enum heki_mod_mem type, bool initialised)
{
	return is_text(type) || type == HEKI_MOD_RODATA ||
	       type == HEKI_MOD_INIT_RODATA ||
	       (type == HEKI_MOD_RO_AFTER_INIT && initialised);
}

static inline unsigned int width(void)
{
	return heki_clamp_pa_bits(phys_width_bits());
}

static inline u64 hole(void)
{
	return 1ULL << (width() - 1);
}

/* An address that phys_addr_t can hold need not be beyond the width. */
static inline int beyond(u64 *pa, u64 add)
{
	if (width() >= 64)
		return 0;
	*pa = (1ULL << width()) + add;
	return -EOVERFLOW;
}

/* model.c */
unsigned long model_pfn(const struct model *m, unsigned int f);
u64 model_pa(const struct model *m, unsigned int f);
unsigned int model_frame(const struct model *m, u64 pa);
u64 model_text_pa(const struct model *m, unsigned int module, u64 pos);
u8 *model_byte(struct model *m, u64 pa);
u8 model_current(const struct model *m, u64 pa);
void model_put(struct model *m, unsigned long at, const void *bytes,
	       size_t len);
bool model_is_protected(const struct model *m, unsigned int f);
bool model_site_in_frame(const struct model *m, const struct heki_site *site,
			 unsigned int f);
bool model_is_held(const struct model *m, unsigned int f, enum hold_kind kind);
bool model_is_locked(const struct model *m, unsigned int f);
void model_read_outcome(const struct model *m, unsigned int f,
			struct outcome *want);
void model_write_outcome(const struct model *m, unsigned int f,
			 struct outcome *want);
void model_protect_outcome(const struct model *m, unsigned int f,
			   bool for_sites, struct outcome *want);
void model_lock_outcome(const struct model *m, unsigned int f, bool shared,
			struct outcome *want);
const u8 *model_nop(const struct heki_site *site);
bool model_is_state(const struct heki_site *site, const u8 *cur);
void model_read_site(const struct model *m, const struct heki_site *site,
		     u8 *cur);
const struct heki_site *model_find_site(const struct model *m, u64 pa,
					unsigned int *at);
bool model_site_is_known(const struct model *m, const struct heki_site *site);
int model_step(const struct model *m, const struct heki_site *site,
	       unsigned int at, const struct heki_site *request, u8 *next);
void model_check_frame(struct model *m, unsigned int f);
void model_check_write(struct model *m, unsigned int f);
void model_check_claims(struct model *m);
void model_check_all(struct model *m);

/* model_plan.c */
void plan_range(struct plan *p, u64 va, u64 pa, u64 bytes, u64 attributes);
void plan_begin(struct model *m, unsigned int module);
void plan_memory(struct model *m, unsigned int which,
		 enum heki_mod_mem type);
void plan_sites(struct model *m);
void plan_blob(struct model *m, u64 attribute);
const char *plan_change_blob(struct model *m, struct outcome *want);
const char *plan_change_module(struct model *m, struct outcome *want);
const char *plan_change_protect(struct model *m, struct outcome *want);
const char *plan_change_list(struct model *m, struct outcome *want);
void plan_end(struct model *m, struct outcome *want);

#endif /* _LVBS_KUNIT_HEKI_MODEL_H */
