/* SPDX-License-Identifier: GPL-2.0 */
/*
 * HEKI, internal interface. Contracts are at the definitions.
 *
 *	wire.c		patches as VTL0 encodes them; pure
 *	validate.c	may this patch be applied to this site now? pure
 *	patch_map.c	the known sites by address
 *	contain.c	do a site and its target lie in its owner's text? pure
 *	owner.c		owners of sites and of memory, and its protection
 *	blob.c		lists of ranges and patch-info blobs in VTL0 memory
 *	announce.c	what VTL0 announces: sites, modules, protections
 *	apply.c		a text patch, from the request to the bytes
 *	verdicts.c	counters
 *	vtlcall.c	VTL0's calls by number
 */
#ifndef _LVBS_HEKI_INTERNAL_H
#define _LVBS_HEKI_INTERNAL_H

#include <linux/bits.h>
#include <linux/irqflags.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/xarray.h>
#include <asm/page.h>

#include <lvbs/heki_abi.h>
#include <lvbs/phys_ptr.h>

struct seq_file;

/*
 * wire.c
 */

/* An instruction in VTL0 text that may be patched. */
struct heki_site {
	phys_addr_t pa[2];	/* first byte; second page iff it straddles */
	u8 size;		/* 1 to HEKI_CODE_MAX */
	u8 code[HEKI_CODE_MAX];	/* the instruction, zero from @size on */
};

/*
 * A text write requested by VTL0. The layout is that of struct heki_site; the
 * type is distinct, so that a request cannot pass for a known site.
 */
struct heki_request {
	phys_addr_t pa[2];	/* first byte; second page iff it straddles */
	u8 size;		/* 1 to HEKI_CODE_MAX */
	u8 bytes[HEKI_CODE_MAX];	/* zero from @size on */
};

/* The number of the wire page that contains @pa. */
static inline unsigned long heki_frame(phys_addr_t pa)
{
	return pa >> HEKI_PAGE_SHIFT;
}

/* Kernel pages may be larger than wire pages (arm64), never smaller. */
#define HEKI_FRAMES_SHIFT	(PAGE_SHIFT - HEKI_PAGE_SHIFT)

/* The PFN of the kernel page that contains wire page @frame. */
static inline unsigned long heki_frame_pfn(unsigned long frame)
{
	return frame >> HEKI_FRAMES_SHIFT;
}

/* The first wire page of kernel page @pfn. */
static inline unsigned long heki_pfn_frame(unsigned long pfn)
{
	return pfn << HEKI_FRAMES_SHIFT;
}

static inline unsigned int heki_page_offset(phys_addr_t pa)
{
	return pa & (HEKI_PAGE_SIZE - 1);
}

/*
 * Clamps the physical address width to what the kernel's types can hold: a CPU
 * in 32-bit mode may support wider addresses than phys_addr_t, or than an
 * unsigned long of page frame number (PAE).
 */
static inline unsigned int heki_clamp_pa_bits(unsigned int pa_bits)
{
	return min3(pa_bits, BITS_PER_BYTE * (unsigned int)sizeof(phys_addr_t),
		    (unsigned int)BITS_PER_LONG + HEKI_PAGE_SHIFT);
}

/* How many of the @size bytes at @pa precede the next page boundary. */
static inline unsigned int heki_len_in_page(phys_addr_t pa, unsigned int size)
{
	return min_t(unsigned int, size, HEKI_PAGE_SIZE - heki_page_offset(pa));
}

int heki_request_addr_check(u64 pa0, u64 pa1, unsigned int pa_bits);
int heki_site_check(const struct heki_site *site, unsigned int pa_bits);
int heki_site_decode(struct heki_site *site, const struct heki_patch *wire,
		     unsigned int pa_bits);
int heki_request_decode(struct heki_request *request,
			const struct heki_patch *wire, unsigned int pa_bits);
void heki_patch_encode(struct heki_patch *wire, u64 pa0, u64 pa1,
		       const u8 *code, unsigned int size);

/*
 * validate.c
 */

/* The step that a request is. */
enum heki_step {
	HEKI_STEP_NONE,		/* not recognisable as a step */
	HEKI_STEP_GUARD,	/* step 1: INT3 at the first byte */
	HEKI_STEP_TAIL,		/* step 2: all bytes but the first */
	HEKI_STEP_HEAD,		/* step 3: the first byte */
	HEKI_STEP_NR
};

/**
 * enum heki_reason - why a request was accepted or refused
 * @HEKI_REASON_FITS: accepted
 * @HEKI_REASON_RETRY: accepted; the site already holds the requested byte, and
 *	nothing is written (step 1 only)
 * @HEKI_REASON_MALFORMED: the request is malformed or cannot be read; used in
 *	statistics only
 * @HEKI_REASON_NO_SITE: no known site at the address
 * @HEKI_REASON_ADDRESS: starts inside the site, after its second byte
 * @HEKI_REASON_SIZE: wrong size for the step
 * @HEKI_REASON_PAGE: names a second page other than the site's, or names one
 *	without straddling
 * @HEKI_REASON_BYTES: bytes of neither C nor N
 * @HEKI_REASON_MIX: first byte of one of C and N, current tail of the other
 * @HEKI_REASON_UNGUARDED: step 2 or 3 without INT3 at the first byte
 * @HEKI_REASON_FOREIGN: current contents are not a state of the site
 * @HEKI_REASON_UNREACHABLE: the site could not be mapped, read or written;
 *	used in statistics only
 * @HEKI_REASON_LIVE: the site belongs to live mode, the request does not; used
 *	in statistics only
 * @HEKI_REASON_NR: number of values
 */
enum heki_reason {
	HEKI_REASON_FITS,
	HEKI_REASON_RETRY,
	HEKI_REASON_MALFORMED,
	HEKI_REASON_NO_SITE,
	HEKI_REASON_ADDRESS,
	HEKI_REASON_SIZE,
	HEKI_REASON_PAGE,
	HEKI_REASON_BYTES,
	HEKI_REASON_MIX,
	HEKI_REASON_UNGUARDED,
	HEKI_REASON_FOREIGN,
	HEKI_REASON_UNREACHABLE,
	HEKI_REASON_LIVE,
	HEKI_REASON_NR
};

struct heki_verdict {
	enum heki_step step;	/* of refused requests too, if recognised */
	enum heki_reason reason;
	bool nothing_to_write;	/* accepted, and the site holds it already */
};

/*
 * An accepted request. The type is opaque and only validate.c creates values of
 * it: code that writes text takes this type, so an unvalidated write does not
 * compile.
 */
struct heki_checked_patch;

/* Applies @patch, which is valid only until the function returns. */
typedef int heki_apply_fn(const struct heki_checked_patch *patch, void *ctx);

int heki_check_patch(const struct heki_site *site, const u8 *cur,
		     const struct heki_request *request,
		     struct heki_verdict *verdict,
		     heki_apply_fn *apply, void *ctx);
const struct heki_request *
heki_checked_request(const struct heki_checked_patch *patch);

phys_addr_t heki_site_tail(const struct heki_site *site);
const u8 *heki_nop(unsigned int size);
const char *heki_step_name(enum heki_step step);
const char *heki_reason_name(enum heki_reason reason);

/*
 * patch_map.c
 */

/* The site locks are hashed by the address of the site's first byte. */
#define HEKI_SITE_LOCK_BITS	6

/* A set of sites that do not overlap. */
struct heki_patch_map {
	struct xarray frames;	/* of struct heki_frame_table, by wire page */
	struct mutex update;	/* serialises changes; guards @nr and @bytes */
	size_t nr;		/* sites */
	size_t bytes;		/* memory used by tables */
	/* Each serialises requests for the sites that hash to it. */
	raw_spinlock_t site_locks[1 << HEKI_SITE_LOCK_BITS];
#ifdef LVBS_KUNIT
	bool (*alloc_fails)(void *ctx);	/* fault injection; may be NULL */
	void *alloc_ctx;
#endif
};

/* The result of a lookup: a copy of the site. */
struct heki_patch_hit {
	struct heki_site site;
	u32 owner;
	unsigned int at;	/* offset of the address in the site */
};

/* Sites to be added to a map, all or none. */
struct heki_patch_batch {
	struct heki_patch_map *map;
	u32 owner;
	struct xarray staged;	/* replacements for tables in map->frames */
	size_t nr;		/* sites so far */
	int err;		/* first failure; only abort is left then */
};

typedef int heki_site_fn(const struct heki_patch_hit *hit, void *ctx);

void heki_patch_map_init(struct heki_patch_map *map);
void heki_patch_map_destroy(struct heki_patch_map *map);
void *heki_patch_map_alloc(struct heki_patch_map *map, size_t bytes);

int heki_patch_map_find(struct heki_patch_map *map, phys_addr_t pa,
			struct heki_patch_hit *hit);
int heki_patch_map_next(struct heki_patch_map *map, phys_addr_t from,
			struct heki_patch_hit *hit);
int heki_patch_map_locked(struct heki_patch_map *map, phys_addr_t pa,
			  phys_addr_t guess, heki_site_fn *fn, void *ctx);

void heki_patch_batch_begin(struct heki_patch_batch *batch,
			    struct heki_patch_map *map, u32 owner);
int heki_patch_batch_add(struct heki_patch_batch *batch,
			 const struct heki_site *site);
int heki_patch_batch_frames(struct heki_patch_batch *batch,
			    int (*fn)(unsigned long frame, void *ctx),
			    void *ctx);
int heki_patch_batch_sites(struct heki_patch_batch *batch,
			   int (*fn)(const struct heki_site *site, void *ctx),
			   void *ctx);
int heki_patch_batch_commit(struct heki_patch_batch *batch);
void heki_patch_batch_abort(struct heki_patch_batch *batch);

size_t heki_patch_map_drop_frames(struct heki_patch_map *map, u32 owner,
				  unsigned long first, unsigned long last);

/*
 * contain.c
 */

/* Memory of an owner. */
struct heki_mem_range {
	u64 va;			/* where VTL0 maps it; used for text only */
	u64 pa;
	u64 bytes;		/* not 0 */
	bool text;		/* executable */
	bool init;		/* freed after initialisation */
	bool frozen;		/* protected as long as it is the owner's */
	bool ro_after_init;	/* frozen once initialisation has ended */
	size_t prot;		/* if it is or becomes frozen; see owner.c */
};

/* All memory of an owner; ranges do not overlap. */
struct heki_mem_map {
	struct heki_mem_range *by_pa;	/* all, by physical address */
	size_t nr;
	size_t room;			/* for so many; see heki_mem_add() */
	struct heki_mem_range *by_va;	/* text, by virtual address */
	size_t nr_text;
};

int heki_mem_map_sort(struct heki_mem_map *map);
void heki_mem_map_drop_init(struct heki_mem_map *map);
bool heki_mem_maps_overlap(const struct heki_mem_map *a,
			   const struct heki_mem_map *b);
int heki_contain_site(const struct heki_mem_map *map,
		      const struct heki_site *site);

/*
 * owner.c
 */

#define HEKI_OWNER_NAME		64

/* Who may announce sites. */
enum heki_owner_kind {
	HEKI_OWNER_KERNEL,	/* VTL0, for its kernel */
	HEKI_OWNER_MODULE,	/* VTL0, for one of its modules */
	HEKI_OWNER_LIVE,	/* live mode, for the running kernel or a module */
};

/* Set in the ids of owners whose sites only live mode may patch. */
#define HEKI_OWNER_LIVE_BIT	BIT(30)

static inline bool heki_owner_is_live(u32 id)
{
	return id & HEKI_OWNER_LIVE_BIT;
}

/*
 * Adds an owner's sites to @batch, and its memory to @mem by heki_mem_add(). May
 * sleep. On failure nothing is added.
 */
typedef int heki_owner_fill(struct heki_patch_batch *batch,
			    struct heki_mem_map *mem, void *ctx);

struct heki_patch_map *heki_owner_map(void);
int heki_mem_add(struct heki_mem_map *mem, const struct heki_mem_range *range);
long heki_owner_add(enum heki_owner_kind kind, const char *name,
		    heki_owner_fill *fill, void *ctx);
int heki_owner_drop(enum heki_owner_kind kind, u64 id);
void heki_owners_drop(enum heki_owner_kind kind);
void heki_modules_evict(u64 pa, u64 bytes);
int heki_owner_free_init(u64 id);
void heki_owner_name(u32 id, char *name);

/*
 * blob.c
 */

/*
 * How VTL0 memory is read. ->read copies @len bytes, at least 1, at @pa, all
 * within one wire page. It may sleep. On failure @dst is undefined.
 */
struct heki_reader {
	int (*read)(void *ctx, phys_addr_t pa, void *dst, size_t len);
	void *ctx;
};

/* Reads VTL0 memory through physical pointers. Process context; may sleep. */
extern const struct heki_reader vtl0_reader;

/* A checked struct heki_range: not empty, and below the address width. */
struct heki_piece {
	u64 va;			/* as claimed by VTL0 */
	phys_addr_t pa;
	u64 bytes;
	u64 attributes;		/* not checked */
};

typedef int heki_piece_fn(const struct heki_piece *piece, void *ctx);

/* A list of ranges, some of which hold a patch-info blob. */
struct heki_blob_source {
	const struct heki_reader *reader;
	u64 pa;			/* first page of the list */
	u64 nranges;		/* as announced by VTL0 */
	u64 attribute;		/* of the ranges that hold the blob */
	unsigned int pa_bits;	/* physical address width, 13 to 64 */
	heki_piece_fn *other;	/* called for the other ranges; may be NULL */
	void *other_ctx;
#ifdef LVBS_KUNIT
	u64 headers;		/* number of headers read */
#endif
};

int heki_page_list_walk(const struct heki_reader *reader,
			struct heki_page *page, u64 pa, u64 nranges,
			unsigned int pa_bits, heki_piece_fn *fn, void *ctx);
int heki_blob_read(struct heki_blob_source *source,
		   struct heki_patch_batch *batch);

/*
 * apply.c
 */

void heki_sync_cores(void);
long heki_patch_text(u64 pa0, u64 pa1, u64 flags);
int heki_request_receive(const struct phys_window *slot,
			 const struct heki_patch *made,
			 struct heki_request *request);
long heki_patch_live(const struct heki_request *request);

/* Bytes in one wire page or in two, while they are mapped. Do not copy it. */
struct heki_span {
	struct heki_span_part {
		struct phys_window window;
		unsigned int offset;	/* of its first byte in the window */
	} part[2];
	unsigned long pfns[2];	/* of part[0], if that has both pages */
	unsigned int size;
	unsigned int first;	/* bytes in part[0]; if all, part[1] is unused */
};

/* Used by apply.c and its tests. */
int heki_span_open(struct heki_span *span, struct vmap_manager *mgr,
		   phys_addr_t pa0, phys_addr_t pa1, unsigned int size,
		   bool write);
void heki_span_close(struct heki_span *span);
int heki_span_copy(const struct heki_span *span, unsigned int at, void *buf,
		   unsigned int len, bool write);

/* What a test does at some points of a patch; all zero otherwise. */
#ifdef LVBS_KUNIT
struct heki_apply_hooks {
	/* The bytes are written and not yet read back; under the site's lock. */
	void (*written)(void *ctx);
	/* This core is serialised; in an interrupt, or with interrupts on. */
	void (*synced)(void *ctx);
	void *ctx;
};

extern struct heki_apply_hooks heki_apply_hooks;

#define HEKI_APPLY_HOOK(point)						\
do {									\
	if (heki_apply_hooks.point)					\
		heki_apply_hooks.point(heki_apply_hooks.ctx);		\
} while (0)
#else
#define HEKI_APPLY_HOOK(point)	do { } while (0)
#endif

/*
 * announce.c
 */
long heki_kernel_add(u64 pa, u64 nranges);
long heki_module_add(u64 pa, u64 nranges);
int heki_protect_list(u64 pa, u64 nranges);

/*
 * verdicts.c
 */
void heki_verdict_count(const struct heki_verdict *verdict);
void heki_verdicts_show(struct seq_file *m);

/*
 * vtlcall.c
 */
bool vtlcall_boot_ended(void);
int vtlcall_widen_begin(void);
void vtlcall_widen_end(void);
#ifdef LVBS_KUNIT
void vtlcall_boot_restart(void);
#endif

#endif /* _LVBS_HEKI_INTERNAL_H */
