/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The jump-label sites of the running kernel and its modules.
 */
#ifndef _LVBS_HEKI_LIVE_SITES_H
#define _LVBS_HEKI_LIVE_SITES_H

#include <linux/types.h>

struct module;

/**
 * heki_live_text_pa() - physical address of a place in the running text
 * @va: virtual address
 *
 * Context: Any.
 * Return: the address, or 0 if nothing is mapped there.
 */
phys_addr_t heki_live_text_pa(unsigned long va);

/**
 * heki_live_in_core() - is an address in the kernel's own text?
 * @va: virtual address
 *
 * Context: Any. heki_live_sites_begin() has succeeded.
 * Return: true if so.
 */
bool heki_live_in_core(unsigned long va);

/**
 * heki_live_sites_begin() - know the sites of the kernel and its modules
 *
 * From here on until heki_live_sites_end(), modules that come are known before
 * their first site is patched, and forgotten when they go.
 *
 * Context: May sleep.
 * Return: 0; -ENOENT if a symbol is missing; -EBUSY, -EINVAL or -EEXIST if a
 * site is in the midst of a patch, strange, or known already; -ENOMEM.
 */
int heki_live_sites_begin(void);

/**
 * heki_live_sites_end() - forget all that again
 *
 * Context: May sleep.
 */
void heki_live_sites_end(void);

#endif /* _LVBS_HEKI_LIVE_SITES_H */
