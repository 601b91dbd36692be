/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Permissions of kernel page table entries, on architectures that a test knows.
 */
#ifndef _LVBS_KUNIT_PTE_BITS_H
#define _LVBS_KUNIT_PTE_BITS_H

#include <linux/pgtable.h>
#include <linux/types.h>

struct pte_bits {
	bool present;
	bool writable;
	bool executable;
};

#if defined(CONFIG_X86) && !defined(CONFIG_UML)
static inline bool pte_bits_known(void)
{
	/* Old 32-bit processors have no NX bit. */
	return __supported_pte_mask & _PAGE_NX;
}

static inline struct pte_bits pte_bits_of(const void *addr)
{
	unsigned int level;
	pte_t *pte = lookup_address((unsigned long)addr, &level);

	if (!pte || !(pte_flags(*pte) & _PAGE_PRESENT))
		return (struct pte_bits) {};
	return (struct pte_bits) {
		.present = true,
		.writable = pte_flags(*pte) & _PAGE_RW,
		.executable = !(pte_flags(*pte) & _PAGE_NX),
	};
}
#else
static inline bool pte_bits_known(void)
{
	return false;
}

static inline struct pte_bits pte_bits_of(const void *addr)
{
	return (struct pte_bits) {};
}
#endif

#endif /* _LVBS_KUNIT_PTE_BITS_H */
