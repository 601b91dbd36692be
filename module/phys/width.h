/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LVBS_PHYS_WIDTH_H
#define _LVBS_PHYS_WIDTH_H

#include <linux/limits.h>
#include <linux/mm.h>

#if defined(CONFIG_X86) && !defined(CONFIG_UML)
#include <asm/processor.h>

/* CPUID 0x80000008, as the kernel found it (Intel SDM 3A, 4.1.4). */
static inline unsigned int phys_width_bits(void)
{
	return boot_cpu_data.x86_phys_bits;
}
#elif defined(MAX_PHYSMEM_BITS)
static inline unsigned int phys_width_bits(void)
{
	return MAX_PHYSMEM_BITS;
}
#else
static inline unsigned int phys_width_bits(void)
{
	return BITS_PER_BYTE * sizeof(phys_addr_t);
}
#endif

/**
 * phys_width_max_pfn() - highest frame number the physical width allows
 *
 * Context: Any.
 * Return: the frame number.
 */
static inline unsigned long phys_width_max_pfn(void)
{
	/* A CPU in 32-bit mode may have wider addresses than our type. */
	unsigned int bits = min_t(unsigned int, phys_width_bits(),
				  BITS_PER_BYTE * sizeof(phys_addr_t)) -
			    PAGE_SHIFT;

	return bits >= BITS_PER_LONG ? ULONG_MAX : (1UL << bits) - 1;
}

#endif /* _LVBS_PHYS_WIDTH_H */
