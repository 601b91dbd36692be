// SPDX-License-Identifier: GPL-2.0
/*
 * Local windows: where x86-64 maps foreign frames for a single access.
 *
 * Each CPU has one window for each context that can be interrupted by the next:
 * task, softirq, hardirq. vmap() reserves their address space, and its page
 * tables, when the module is loaded; then the entries are cleared, and from
 * then on written here only:
 *
 *	| guard | task | guard | softirq | guard | hardirq | guard |
 *
 * Why no CPU can use a stale translation: a window is used by its own CPU only,
 * with preemption disabled from the first entry written to the last translation
 * flushed. The entries are global, also with page table isolation: INVLPG drops
 * global translations whatever the current PCID (Intel SDM 3A, 4.10.4.1), which
 * can change meanwhile, as an interrupt can take a CPU out of lazy TLB mode.
 * User mode, which must not see them, is not entered before the flush. After it
 * the entry is clear, and clear entries are not cached (4.10.2.3). Another CPU
 * may have loaded a translation of the window speculatively, but never uses the
 * address.
 *
 * Interrupts use another window than what they interrupted. NMIs may not use
 * any. Xen PV guests must not write page tables: there are no windows.
 */
#include <linux/cpumask.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/pgtable.h>
#include <linux/smp.h>
#include <linux/vmalloc.h>

#include <asm/cpufeature.h>

#include "subsystems.h"
#include "phys/phys.h"

#define WINDOW_STRIDE	(PHYS_WINDOW_PAGES + 1)
#define AREA_PAGES	(PHYS_CONTEXT_NR * WINDOW_STRIDE + 1)

struct local_window {
	unsigned long addr;
	/* Page tables need not be adjacent. */
	pte_t *pte[PHYS_WINDOW_PAGES];
};

struct cpu_windows {
	void *area;
	struct local_window window[PHYS_CONTEXT_NR];
};

static struct cpu_windows __percpu *windows;

/* Of frame 0; constant after initialisation. See above why they are global. */
static pteval_t entry_ro, entry_rw;

bool local_windows_exist(void)
{
	return windows;
}

/* Of this CPU and context. */
static inline const struct local_window *current_window(void)
{
	return &this_cpu_ptr(windows)->window[phys_context()];
}

static inline void entry_set(pte_t *pte, pteval_t val)
{
	WRITE_ONCE(*pte, __pte(val));
}

static inline void flush_page(unsigned long addr)
{
	asm volatile("invlpg (%0)" : : "r" (addr) : "memory");
}

/*
 * Map 1 to PHYS_WINDOW_PAGES frames. Preemption is disabled until they are
 * unmapped, and nothing else is mapped in this context. Any context except NMI.
 */
void local_window_map(const struct phys_frames *frames, bool write,
		      struct phys_map *map)
{
	const struct local_window *window = current_window();
	pteval_t entry = write ? entry_rw : entry_ro;
	unsigned long i;

	if (frames->pfns)
		for (i = 0; i < frames->nr; i++)
			entry_set(window->pte[i],
				  entry | (pteval_t)frames->pfns[i] << PAGE_SHIFT);
	else
		for (i = 0; i < frames->nr; i++)
			entry_set(window->pte[i],
				  entry | (pteval_t)(frames->first + i) << PAGE_SHIFT);

	*map = (struct phys_map) {
		.addr = (void *)window->addr,
		.nr = frames->nr,
		.writable = write,
		.local = true,
		.private = window,
	};
	/* Keeps the copy after the entries; x86 needs no more. */
	barrier();
}

/*
 * May the kernel write a frame by its direct mapping? It takes that permission away
 * from code and read-only data of modules, and from generated code. Any context.
 */
bool direct_map_writable(unsigned long pfn)
{
	unsigned int level;
	pte_t *pte = lookup_address((unsigned long)pfn_to_kaddr(pfn), &level);

	/* The write bit is the same one at all levels. */
	return pte && pte_val(*pte) & _PAGE_PRESENT && pte_write(*pte);
}

void local_window_unmap(const struct phys_map *map)
{
	const struct local_window *window = map->private;
	unsigned long addr = window->addr;
	unsigned int i;

	for (i = 0; i < map->nr; i++, addr += PAGE_SIZE) {
		entry_set(window->pte[i], 0);
		flush_page(addr);
	}
}

static pte_t *pte_of(unsigned long addr)
{
	unsigned int level;
	pte_t *pte = lookup_address(addr, &level);

	return pte && level == PG_LEVEL_4K ? pte : NULL;
}

/* Clear the entries of the whole area, guards included. */
static int area_clear(void *area)
{
	unsigned int i;

	for (i = 0; i < AREA_PAGES; i++) {
		pte_t *pte = pte_of((unsigned long)area + i * PAGE_SIZE);

		if (WARN_ON_ONCE(!pte))
			return -ENOMEM;
		entry_set(pte, 0);
	}
	return 0;
}

static void windows_place(struct cpu_windows *cpu)
{
	unsigned int context, i;

	for (context = 0; context < PHYS_CONTEXT_NR; context++) {
		struct local_window *window = &cpu->window[context];

		window->addr = (unsigned long)cpu->area +
			       (1 + context * WINDOW_STRIDE) * PAGE_SIZE;
		for (i = 0; i < PHYS_WINDOW_PAGES; i++)
			window->pte[i] = pte_of(window->addr + i * PAGE_SIZE);
	}
}

/* @page stands in for the frames while vmap() makes the page tables. */
static int cpu_windows_init(struct cpu_windows *cpu, struct page *page)
{
	struct page **pages;
	unsigned int i;
	int err;

	pages = kmalloc_array(AREA_PAGES, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return -ENOMEM;
	for (i = 0; i < AREA_PAGES; i++)
		pages[i] = page;
	cpu->area = vmap(pages, AREA_PAGES, VM_MAP, PAGE_KERNEL_RO);
	kfree(pages);
	if (!cpu->area)
		return -ENOMEM;

	err = area_clear(cpu->area);
	if (!err)
		windows_place(cpu);
	return err;
}

/* A CPU may have loaded translations before the entries were cleared. */
static void flush_this_cpu(void *unused)
{
	unsigned long addr = (unsigned long)this_cpu_ptr(windows)->area;
	unsigned int i;

	for (i = 0; i < AREA_PAGES; i++)
		flush_page(addr + i * PAGE_SIZE);
}

int local_windows_init(void)
{
	struct page *page;
	int err = 0, cpu;

	if (boot_cpu_has(X86_FEATURE_XENPV))
		return 0;

	page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!page)
		return -ENOMEM;
	windows = alloc_percpu(struct cpu_windows);
	if (!windows) {
		__free_page(page);
		return -ENOMEM;
	}

	for_each_possible_cpu(cpu) {
		err = cpu_windows_init(per_cpu_ptr(windows, cpu), page);
		if (err)
			break;
	}
	if (err) {
		local_windows_exit();
		__free_page(page);
		return err;
	}

	entry_ro = pte_val(pfn_pte(0, PAGE_KERNEL_RO)) | _PAGE_GLOBAL;
	entry_rw = pte_val(pfn_pte(0, PAGE_KERNEL)) | _PAGE_GLOBAL;
	/* CPUs that come online later flush everything. */
	on_each_cpu(flush_this_cpu, NULL, 1);
	/* No translation of @page is left. */
	__free_page(page);
	return 0;
}

void local_windows_exit(void)
{
	int cpu;

	if (!windows)
		return;
	for_each_possible_cpu(cpu)
		vunmap(per_cpu_ptr(windows, cpu)->area);
	free_percpu(windows);
	windows = NULL;
}
