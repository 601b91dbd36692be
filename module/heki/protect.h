/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LVBS_HEKI_PROTECT_H
#define _LVBS_HEKI_PROTECT_H

#include <linux/types.h>

/**
 * heki_protect_list() - protect the ranges of a list
 * @pa: address of the list's first page
 * @nranges: number of ranges in it
 *
 * Each range is a whole number of pages and has a set of &enum heki_mem_attr.
 * Those without %HEKI_MEM_WRITE are protected against ordinary pointers until
 * the module goes; those with it are checked and left as they are, as ordinary
 * pointers may write there anyway. All ranges or none.
 *
 * Context: May sleep.
 * Return: 0; -EINVAL for a malformed list, an unknown attribute or parts of
 * pages; as phys_protect(); -ENOMEM.
 */
int heki_protect_list(u64 pa, u64 nranges);

#endif /* _LVBS_HEKI_PROTECT_H */
