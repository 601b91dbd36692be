/* SPDX-License-Identifier: GPL-2.0 */
/*
 * VTL0's modules, as it tells of them through the front door.
 */
#ifndef _LVBS_HEKI_MODULE_H
#define _LVBS_HEKI_MODULE_H

#include <linux/types.h>

/**
 * heki_module_add() - take a module's sites
 * @pa: address of the first page of the list of its ranges
 * @nranges: number of ranges
 *
 * The ranges have attributes of &enum heki_mod_mem. Its sites come from those
 * of %HEKI_MOD_PATCH; each must lie in a range of %HEKI_MOD_TEXT or
 * %HEKI_MOD_INIT_TEXT, of which there may be any number, in whole pages.
 * Signatures are outside this project: nothing else is looked at.
 *
 * Context: May sleep.
 * Return: the module's token, greater than 0; as heki_blob_read(); -EINVAL for
 * text that is not whole pages, or a site outside it; as phys_protect().
 */
long heki_module_add(u64 pa, u64 nranges);

/**
 * heki_module_free_init() - forget the sites in a module's init text
 * @token: of the module
 *
 * Context: May sleep.
 * Return: 0, also if there are none left; -ENOENT for no such module.
 */
int heki_module_free_init(u64 token);

/**
 * heki_module_drop() - forget a module
 * @token: of the module
 *
 * Context: May sleep.
 * Return: 0; -ENOENT for no such module.
 */
int heki_module_drop(u64 token);

#endif /* _LVBS_HEKI_MODULE_H */
