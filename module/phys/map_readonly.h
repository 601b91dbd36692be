/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Taking write permission away from a mapping that has just been made.
 */
#ifndef _LVBS_MAP_READONLY_H
#define _LVBS_MAP_READONLY_H

#include <linux/kconfig.h>
#include <linux/types.h>

/*
 * Of the architectures on which vm_map_ram() serves us, this one lets a module
 * get at the page table entries of a kernel address (lookup_address()). UML,
 * which defines CONFIG_X86_64, is another.
 */
#define MAP_READONLY_POSSIBLE \
	(IS_ENABLED(CONFIG_X86_64) && !IS_ENABLED(CONFIG_UML))

/**
 * map_make_readonly() - take write permission away from a new mapping
 * @addr: where it starts; mapped by vm_map_ram() for the caller alone
 * @nr: number of pages
 *
 * No TLB is flushed: nobody has used an address that nobody but the caller
 * knows, so none holds a translation of it. (A CPU may have fetched one without
 * being asked, while the entry was writable. That would let a stray write pass
 * until the translation is gone; whoever goes by the address we give him does
 * not write.)
 *
 * Built only where %MAP_READONLY_POSSIBLE.
 *
 * Context: Any.
 * Return: true if every page is read-only now. Otherwise some may be.
 */
bool map_make_readonly(void *addr, unsigned long nr);

#endif /* _LVBS_MAP_READONLY_H */
