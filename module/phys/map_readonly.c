// SPDX-License-Identifier: GPL-2.0
/*
 * Read-only mappings from vm_map_ram(), which only makes writable ones.
 */
#include <linux/align.h>
#include <linux/bug.h>
#include <linux/mm.h>
#include <linux/pgtable.h>

#include "phys/phys.h"

static pte_t *pte_of(unsigned long addr)
{
	unsigned int level;
	pte_t *pte = lookup_address(addr, &level);

	return pte && level == PG_LEVEL_4K ? pte : NULL;
}

/*
 * Remove write permission from a new mapping; on false, some pages may still
 * have it. Needs no TLB flush: only the caller knows the address, and it has
 * not been used. (A CPU may have prefetched a writable translation, so until
 * that is evicted, a stray write would succeed. Users of the address do not
 * write.)
 */
bool map_make_readonly(void *addr, unsigned long nr)
{
	unsigned long at = (unsigned long)addr, end = at + (nr << PAGE_SHIFT);
	pte_t *pte = NULL;

	for (; at < end; at += PAGE_SIZE, pte++) {
		/* Entries are adjacent up to the end of a page table. */
		if (!pte || IS_ALIGNED(at, PMD_SIZE))
			pte = pte_of(at);
		if (WARN_ON_ONCE(!pte))
			return false;
		set_pte(pte, pte_wrprotect(ptep_get(pte)));
	}
	return true;
}
