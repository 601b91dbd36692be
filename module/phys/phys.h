/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Internal interface of the physical layer. Contracts are at the definitions.
 */
#ifndef _LVBS_PHYS_H
#define _LVBS_PHYS_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/compiler.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

#include <lvbs/phys_ptr.h>
#include <lvbs/vmap_manager.h>

/* A run of frames, both ends included. */
struct frame_range {
	unsigned long first;
	unsigned long last;
};

#define FRAME_RANGE_EMPTY	((struct frame_range) { 1, 0 })

static inline bool frame_range_contains(struct frame_range range,
					unsigned long first, unsigned long last)
{
	return range.first <= first && last <= range.last;
}

/* copy_nofault.c */
size_t __must_check copy_nofault_from(void *dst, const void *foreign,
				      size_t len);
size_t __must_check copy_nofault_to(void *foreign, const void *src, size_t len);

/* ptr.c */
int phys_ptr_slice(struct phys_const_ptr *slice,
		   const struct phys_const_ptr *ptr, size_t at, size_t len);
int phys_ptr_check(const struct phys_const_ptr *ptr, bool write);
int phys_ptr_copy(const struct phys_const_ptr *ptr, size_t at, void *buf,
		  size_t len, bool write, size_t *done);

unsigned long phys_refused_frame(struct vmap_manager *mgr,
				 const unsigned long *pfns, unsigned long nr,
				 bool write, int err);

/* unique.c */
int phys_frames_unique(const unsigned long *pfns, unsigned long nr);

/* vmap_manager.c; see also vmap_manager_privileged.h */
int vmap_manager_init(struct vmap_manager *mgr,
		      const struct vmap_manager_ops *ops,
		      unsigned long max_pfn, struct phys_claims *claims,
		      struct phys_stats *stats);
int phys_protect_patched(struct vmap_manager *mgr,
			 struct phys_protection *prot, unsigned long first,
			 unsigned long nr);
unsigned int phys_width_bits(void);

static inline void phys_stat_add(struct phys_stats *stats, enum phys_stat stat,
				 unsigned long n)
{
	atomic_long_add(n, &stats->count[stat]);
}

static inline unsigned long phys_stat_get(const struct phys_stats *stats,
					  enum phys_stat stat)
{
	return atomic_long_read(&stats->count[stat]);
}

/* How to map for a single access. */
static inline unsigned int phys_access_flags(const struct vmap_manager *mgr,
					     bool write)
{
	return (write ? PHYS_MAP_WRITE : 0) |
	       (READ_ONCE(mgr->local) ? PHYS_MAP_LOCAL : 0);
}

int phys_window_begin(struct phys_window *window, struct vmap_manager *mgr,
		      const struct phys_frames *frames, unsigned int flags);
void phys_window_end(struct phys_window *window);
int phys_window_faulted(const struct phys_window *window, size_t at, bool write);

/*
 * Copy @n bytes from, or to, position @at, which are all in the window; returns how
 * many were copied.
 */
static __always_inline size_t
phys_window_copied(const struct phys_window *window, size_t at, void *buf,
		   size_t n, bool write)
{
	void *foreign = window->map.addr + at;
	size_t left;

	if (write)
		left = copy_nofault_to(foreign, buf, n);
	else
		left = copy_nofault_from(buf, foreign, n);
	phys_stat_add(window->mgr->stats, PHYS_STAT_BYTES, n - left);
	return n - left;
}

/* The same; returns 0 or -EFAULT. Any context except NMI. */
static __always_inline int phys_window_access(const struct phys_window *window,
					      size_t at, void *buf, size_t n,
					      bool write)
{
	size_t done = phys_window_copied(window, at, buf, n, write);

	return done < n ? phys_window_faulted(window, at + done, write) : 0;
}

/*
 * May this context sleep? Without CONFIG_PREEMPT_COUNT, disabled preemption is
 * not visible, and only interrupt context can be ruled out.
 */
static inline bool phys_may_sleep(void)
{
	if (IS_ENABLED(CONFIG_PREEMPT_COUNT))
		return preemptible();
	return !irqs_disabled() && !in_interrupt();
}

/* The contexts that can interrupt each other on a CPU, apart from NMIs. */
enum phys_context {
	PHYS_CONTEXT_TASK,
	PHYS_CONTEXT_SOFTIRQ,
	PHYS_CONTEXT_HARDIRQ,
	PHYS_CONTEXT_NR
};

static inline enum phys_context phys_context(void)
{
	if (in_hardirq())
		return PHYS_CONTEXT_HARDIRQ;
	return in_serving_softirq() ? PHYS_CONTEXT_SOFTIRQ : PHYS_CONTEXT_TASK;
}

/* windows.c */
#ifdef LVBS_LOCAL_WINDOWS
bool local_windows_exist(void);
void local_window_map(const struct phys_frames *frames, bool write,
		      struct phys_map *map);
void local_window_unmap(const struct phys_map *map);
bool direct_map_writable(unsigned long pfn);
#else
static inline bool local_windows_exist(void)
{
	return false;
}

static inline void local_window_map(const struct phys_frames *frames,
				    bool write, struct phys_map *map)
{
}

static inline void local_window_unmap(const struct phys_map *map)
{
}

static inline bool direct_map_writable(unsigned long pfn)
{
	return true;
}
#endif

/* Room for &phys_protection.owner when it is shown; longer names are cut. */
#define PHYS_OWNER_NAME		64

/* claim.c */
void phys_claims_init(struct phys_claims *claims);
int phys_claim_add(struct phys_claims *claims, struct phys_claim *claim,
		   const struct phys_frames *frames);
void phys_claim_del(struct phys_claims *claims, struct phys_claim *claim);
int phys_claim_check(struct phys_claims *claims, enum phys_claim_kind kind,
		     const void *holder, const struct phys_frames *frames);
struct phys_claim *phys_claim_from(struct phys_claims *claims,
				   enum phys_claim_kind kind,
				   unsigned long start)
	__must_hold(&claims->lock);
bool phys_own_range(struct vmap_manager *mgr, struct frame_range within,
		    struct frame_range *found);
struct phys_claim *phys_claim_next(struct phys_claims *claims,
				   enum phys_claim_kind kind,
				   struct phys_claim *prev)
	__must_hold(&claims->lock);

/* A mapping in a local window; see claim.c. */
struct phys_local_claim {
	unsigned int seq;	/* odd while the rest is valid */
	const struct phys_claims *claims;
	struct phys_claim claim;
};

int phys_claim_add_local(struct phys_claims *claims, enum phys_claim_kind kind,
			 const void *holder, const struct phys_frames *frames,
			 struct phys_local_claim **held);

/* The frames have been unmapped. */
static inline void phys_claim_del_local(struct phys_local_claim *local)
{
	/* Pairs with the acquire in local_conflict(). */
	smp_store_release(&local->seq, local->seq + 1);
}

/**
 * struct frame_ranges - one version of a set of frames
 * @rcu: for freeing
 * @nr: number of ranges
 * @range: ascending, with a gap between neighbours
 */
struct frame_ranges {
	struct rcu_head rcu;
	unsigned long nr;
	struct frame_range range[];
};

/* A set of frames: read often and in any context, written rarely. */
struct frame_set {
	struct mutex lock;	/* serialises writers of @ranges; they may sleep */
	struct frame_ranges __rcu *ranges;	/* NULL is the empty set */
};

/* Static initialiser only (lockdep). */
#define FRAME_SET_INIT(name) { .lock = __MUTEX_INITIALIZER((name).lock) }

/* A growing list of ranges, in any order. */
struct frame_range_list {
	struct frame_range *range;
	unsigned long nr;
	unsigned long room;
};

/* frame_set.c */
int frame_range_list_add(struct frame_range_list *list, unsigned long first,
			 unsigned long last);
unsigned long frame_ranges_merge(struct frame_range *range, unsigned long nr);
int frame_set_replace(struct frame_set *set, struct frame_range *range,
		      unsigned long nr);
int frame_set_add(struct frame_set *set, const struct frame_range *range,
		  unsigned long nr);
void frame_set_destroy(struct frame_set *set);
bool frame_set_intersects(struct frame_set *set, unsigned long first,
			  unsigned long last);
struct frame_range frame_set_find(struct frame_set *set, unsigned long pfn);
struct frame_range frame_set_gap(struct frame_set *set, unsigned long pfn);
bool frame_set_next(struct frame_set *set, unsigned long from,
		    struct frame_range *range);

/**
 * struct usable_map - which frames are usable
 * @nr: number of chunks
 * @chunk: a bit for each of %USABLE_CHUNK frames, from frame 0 on; NULL if none
 *	of them is usable. Chunks of which all are share one bitmap
 */
struct usable_map {
	unsigned long nr;
	unsigned long *chunk[];
};

/* A page of bits. */
#define USABLE_CHUNK	(BITS_PER_BYTE * PAGE_SIZE)

/* Called for each access. */
static __always_inline bool usable_map_has(const struct usable_map *map,
					   unsigned long pfn)
{
	unsigned long i = pfn / USABLE_CHUNK;
	const unsigned long *chunk = i < map->nr ? map->chunk[i] : NULL;

	return chunk && test_bit(pfn % USABLE_CHUNK, chunk);
}

/* ram_map.c */
extern struct usable_map __rcu *ram_map_frames;
struct frame_range ram_map_usable(unsigned long pfn);
bool ram_map_next_usable(unsigned long from, struct frame_range *range);
int ram_map_refusal(unsigned long first, unsigned long nr);
int ram_map_refresh(void);
int ram_map_add_owned(const struct frame_range *range, unsigned long nr);
struct frame_set *ram_map_online(void);
struct frame_set *ram_map_owned(void);

/* A section of the kernel image; contiguous in physical memory, too. */
struct kernel_range {
	unsigned long va;
	phys_addr_t pa;
	unsigned long bytes;
};

/* kernel_image.c */
struct kernel_range kernel_image_text(void);
bool kernel_image_overlaps(u64 pa, u64 bytes);
bool kernel_image_overlaps_va(u64 va, u64 bytes);

#endif /* _LVBS_PHYS_H */
