// SPDX-License-Identifier: GPL-2.0
/*
 * Read-only mappings from vm_map_ram(), which itself knows writable ones only.
 */
#include <linux/align.h>
#include <linux/bug.h>
#include <linux/mm.h>
#include <linux/pgtable.h>

#include "phys/map_readonly.h"

static pte_t *pte_of(unsigned long addr)
{
	unsigned int level;
	pte_t *pte = lookup_address(addr, &level);

	return pte && level == PG_LEVEL_4K ? pte : NULL;
}

bool map_make_readonly(void *addr, unsigned long nr)
{
	unsigned long at = (unsigned long)addr, end = at + (nr << PAGE_SHIFT);
	pte_t *pte = NULL;

	for (; at < end; at += PAGE_SIZE, pte++) {
		/* One table holds the entries of neighbours, up to its end. */
		if (!pte || IS_ALIGNED(at, PMD_SIZE))
			pte = pte_of(at);
		if (WARN_ON_ONCE(!pte))
			return false;
		set_pte(pte, pte_wrprotect(ptep_get(pte)));
	}
	return true;
}
