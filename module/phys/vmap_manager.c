// SPDX-License-Identifier: GPL-2.0
/*
 * The vmap manager of the machine's memory. It and windows.c are the only callers
 * of vmap() and vunmap().
 */
#include <linux/export.h>
#include <linux/limits.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/numa.h>
#include <linux/page-flags.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#if defined(CONFIG_X86) && !defined(CONFIG_UML)
#include <asm/processor.h>
#endif

#include <lvbs/vmap_manager.h>

#include "subsystems.h"
#include "phys/phys.h"
#include "phys/vmap_manager_privileged.h"

/* Single accesses use local windows, if there are any. */
static bool windows = true;

static int windows_set(const char *val, const struct kernel_param *kp);

static const struct kernel_param_ops windows_ops = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = windows_set,
	.get = param_get_bool,
};

module_param_cb(windows, &windows_ops, &windows, 0600);
MODULE_PARM_DESC(windows,
		 "map single accesses in local windows, not by vmap() (default 1; x86-64)");

static struct phys_claims real_claims;
static struct phys_stats real_stats;
static struct vmap_manager ordinary;
static struct vmap_manager privileged;

/* The width of physical addresses in bits. */
unsigned int phys_width_bits(void)
{
#if defined(CONFIG_X86) && !defined(CONFIG_UML)
	/* CPUID 0x80000008, as found by the kernel (Intel SDM 3A, 4.1.4). */
	return boot_cpu_data.x86_phys_bits;
#elif defined(MAX_PHYSMEM_BITS)
	return MAX_PHYSMEM_BITS;
#else
	return BITS_PER_BYTE * sizeof(phys_addr_t);
#endif
}

static unsigned long highest_pfn(void)
{
	/* A CPU in 32-bit mode may have wider addresses than phys_addr_t. */
	unsigned int bits = min_t(unsigned int, phys_width_bits(),
				  BITS_PER_BYTE * sizeof(phys_addr_t)) -
			    PAGE_SHIFT;

	return bits >= BITS_PER_LONG ? ULONG_MAX : (1UL << bits) - 1;
}

/*
 * All four operations are mandatory. On -EINVAL, @mgr is unusable and refuses
 * every pointer.
 */
int vmap_manager_init(struct vmap_manager *mgr,
		      const struct vmap_manager_ops *ops,
		      unsigned long max_pfn, struct phys_claims *claims,
		      struct phys_stats *stats)
{
	*mgr = (struct vmap_manager) {};
	if (!ops || !ops->validate_unowned || !ops->vmap || !ops->vunmap ||
	    !ops->protect)
		return -EINVAL;

	mgr->ops = ops;
	mgr->max_pfn = max_pfn;
	mgr->claims = claims;
	mgr->stats = stats;
	mgr->write_kind = PHYS_CLAIM_WRITE;
	return 0;
}

/* For usable frames only. HWPoison is per page, except for hugetlb. */
static inline bool frame_is_healthy(unsigned long pfn)
{
	struct page *page = pfn_to_page(pfn);

	if (PageOffline(page) || PageUnaccepted(page))
		return false;
	if (!IS_ENABLED(CONFIG_MEMORY_FAILURE))
		return true;
	return !PageHWPoison(page) &&
	       !(PageCompound(page) && is_page_hwpoison(page));
}

/* The position of the first frame from @i on that is not usable, or @end. */
static __always_inline unsigned long
skip_usable(const struct phys_frames *frames, unsigned long i,
	    unsigned long end)
{
	const struct usable_map *map;

	/* RCU-sched costs no more than a preemption count. */
	rcu_read_lock_sched();
	map = rcu_dereference_sched(ram_map_frames);
	if (likely(map))
		while (i < end) {
			unsigned long pfn = phys_frame(frames, i);

			if (!usable_map_has(map, pfn) || !frame_is_healthy(pfn))
				break;
			i++;
		}
	rcu_read_unlock_sched();
	return i;
}

/* Protections have any length: do not disable preemption for all of it. */
static noinline unsigned long skip_usable_long(const struct phys_frames *frames)
{
	unsigned long i = 0, end;

	do {
		end = i + min_t(unsigned long, frames->nr - i,
				16 * PHYS_WINDOW_PAGES);
		i = skip_usable(frames, i, end);
	} while (i == end && i < frames->nr);
	return i;
}

/* The number of frames before the first that is not usable. */
static __always_inline unsigned long
count_usable(const struct phys_frames *frames)
{
	return likely(frames->nr <= PHYS_WINDOW_PAGES) ?
	       skip_usable(frames, 0, frames->nr) : skip_usable_long(frames);
}

/* A list is refused for its first bad frame, a run for any. */
static noinline int frames_refusal(struct vmap_manager *mgr,
				   const struct phys_frames *frames,
				   unsigned long usable)
{
	unsigned long first = frames->pfns ? frames->pfns[usable] : frames->first;
	unsigned long nr = frames->pfns ? 1 : frames->nr;

	if (first > mgr->max_pfn || nr - 1 > mgr->max_pfn - first)
		return -EOVERFLOW;
	return ram_map_refusal(first, nr);
}

static int real_validate_unowned(struct vmap_manager *mgr,
				 const struct phys_frames *frames)
{
	unsigned long usable = count_usable(frames);

	return likely(usable == frames->nr) ?
	       0 : frames_refusal(mgr, frames, usable);
}

static int map_pages(struct page **pages, unsigned long nr, unsigned int flags,
		     struct phys_map *map)
{
	bool writable = flags & PHYS_MAP_WRITE;

	/* vmap() removes execute permission. */
	map->addr = vmap(pages, nr, VM_MAP,
			 writable ? PAGE_KERNEL : PAGE_KERNEL_RO);
	if (unlikely(!map->addr))
		return -ENOMEM;

	map->nr = nr;
	map->writable = writable;
	map->local = false;
	return 0;
}

static void pages_of(const struct phys_frames *frames, struct page **pages)
{
	unsigned long i;

	for (i = 0; i < frames->nr; i++)
		pages[i] = pfn_to_page(phys_frame(frames, i));
}

/* Persistent mappings only: the page array does not fit on the stack. */
static noinline int map_long(const struct phys_frames *frames,
			     unsigned int flags, struct phys_map *map)
{
	struct page **pages;
	int err;

	if (frames->nr > INT_MAX / sizeof(*pages))
		return -ENOMEM;
	pages = kvmalloc_array(frames->nr, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return -ENOMEM;
	pages_of(frames, pages);
	err = map_pages(pages, frames->nr, flags, map);
	kvfree(pages);
	return err;
}

static noinline int map_window(const struct phys_frames *frames,
			       unsigned int flags, struct phys_map *map)
{
	struct page *pages[PHYS_WINDOW_PAGES];

	pages_of(frames, pages);
	return map_pages(pages, frames->nr, flags, map);
}

/* Most accesses touch one page, and some kernels zero arrays on the stack. */
static noinline int map_page(unsigned long pfn, unsigned int flags,
			     struct phys_map *map)
{
	struct page *page = pfn_to_page(pfn);

	return map_pages(&page, 1, flags, map);
}

static int real_vmap(struct vmap_manager *mgr, const struct phys_frames *frames,
		     unsigned int flags, struct phys_map *map)
{
	if (flags & PHYS_MAP_LOCAL) {
		local_window_map(frames, flags & PHYS_MAP_WRITE, map);
		return 0;
	}
	if (frames->nr == 1)
		return map_page(phys_frame(frames, 0), flags, map);
	if (!frames->nr)
		return -EINVAL;
	if (frames->nr <= PHYS_WINDOW_PAGES)
		return map_window(frames, flags, map);
	return map_long(frames, flags, map);
}

static int real_vunmap(struct vmap_manager *mgr, struct phys_map *map)
{
	if (map->local) {
		local_window_unmap(map);
		return 0;
	}

	/* vunmap() would BUG; leaking the mapping is better. */
	if (WARN_ON_ONCE(in_interrupt()))
		return -EBUSY;

	vunmap(map->addr);
	return 0;
}

static int real_protect(struct vmap_manager *mgr, struct phys_protection *prot,
			bool on)
{
	struct phys_frames frames = prot->claim.frames;
	int err;

	if (!on) {
		phys_claim_del(mgr->claims, &prot->claim);
		return 0;
	}

	err = phys_claim_add(mgr->claims, &prot->claim, &frames);
	if (err)	/* That memory is unusable says more. */
		return mgr->ops->validate_unowned(mgr, &frames) ?: err;
	err = mgr->ops->validate_unowned(mgr, &frames);
	if (err)
		phys_claim_del(mgr->claims, &prot->claim);
	return err;
}

static const struct vmap_manager_ops real_ops = {
	.validate_unowned = real_validate_unowned,
	.vmap = real_vmap,
	.vunmap = real_vunmap,
	.protect = real_protect,
};

/* What is special about a protection. */
enum protection {
	PROTECTION_PLAIN,
	PROTECTION_EXCLUSIVE,
	PROTECTION_PATCHED,
};

static int protect(struct vmap_manager *mgr, struct phys_protection *prot,
		   unsigned long first, unsigned long nr, enum protection what)
{
	if (!mgr || !mgr->ops || !nr)
		return -EINVAL;
	if (first + nr - 1 < first)
		return -EOVERFLOW;

	prot->claim.kind = PHYS_CLAIM_PROTECTED;
	prot->claim.exclusive = what == PROTECTION_EXCLUSIVE;
	prot->claim.patched = what == PROTECTION_PATCHED;
	prot->claim.holder = NULL;
	prot->claim.frames = (struct phys_frames) { .first = first, .nr = nr };
	return mgr->ops->protect(mgr, prot, true);
}

int phys_protect(struct vmap_manager *mgr, struct phys_protection *prot,
		 unsigned long first, unsigned long nr)
{
	return protect(mgr, prot, first, nr, PROTECTION_PLAIN);
}
EXPORT_SYMBOL_GPL(phys_protect);

int phys_protect_exclusive(struct vmap_manager *mgr,
			   struct phys_protection *prot, unsigned long first,
			   unsigned long nr)
{
	return protect(mgr, prot, first, nr, PROTECTION_EXCLUSIVE);
}
EXPORT_SYMBOL_GPL(phys_protect_exclusive);

/*
 * phys_protect() of frames with patch sites: also -EBUSY if a frame is range
 * locked, and until phys_unprotect() none can be.
 */
int phys_protect_patched(struct vmap_manager *mgr,
			 struct phys_protection *prot, unsigned long first,
			 unsigned long nr)
{
	return protect(mgr, prot, first, nr, PROTECTION_PATCHED);
}

void phys_unprotect(struct vmap_manager *mgr, struct phys_protection *prot)
{
	mgr->ops->protect(mgr, prot, false);
}
EXPORT_SYMBOL_GPL(phys_unprotect);

struct vmap_manager *lvbs_vmap_manager(void)
{
	return &ordinary;
}
EXPORT_SYMBOL_GPL(lvbs_vmap_manager);

struct vmap_manager *vmap_manager_privileged(void)
{
	return &privileged;
}

static void windows_use(void)
{
	bool local = windows && local_windows_exist();

	WRITE_ONCE(ordinary.local, local);
	WRITE_ONCE(privileged.local, local);
}

/* Accesses in progress go on as they began. */
static int windows_set(const char *val, const struct kernel_param *kp)
{
	int err = param_set_bool(val, kp);

	if (!err)
		windows_use();
	return err;
}

int vmap_managers_init(void)
{
	unsigned long max_pfn = highest_pfn();
	int err;

	phys_claims_init(&real_claims);
	err = vmap_manager_init(&ordinary, &real_ops, max_pfn, &real_claims,
				&real_stats);
	if (err)
		return err;

	privileged = ordinary;
	privileged.write_kind = PHYS_CLAIM_PRIVILEGED;
	windows_use();
	return 0;
}

void vmap_managers_exit(void)
{
	/* Flush the translations of foreign frames in lazily freed areas. */
	vm_unmap_aliases();
}
