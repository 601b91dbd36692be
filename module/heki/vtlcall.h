/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LVBS_VTLCALL_H
#define _LVBS_VTLCALL_H

#include <linux/types.h>

/**
 * vtlcall_boot_ended() - has VTL0 said that it trusts nothing more?
 *
 * Context: Any.
 * Return: true once %HEKI_VTLCALL_END_OF_BOOT was called.
 */
bool vtlcall_boot_ended(void);

/**
 * heki_patch_text() - %HEKI_VTLCALL_PATCH_TEXT, also for live mode
 * @pa0: physical address of the request
 * @pa1: its second page, or 0
 * @flags: %HEKI_PATCH_VTL0_SYNCS or 0
 * @live: made by live mode, which alone may patch the running kernel's sites.
 *	Only its accepted and illegal requests are counted as verdicts: what
 *	else fails, the kernel writes itself
 *
 * Context: Any context except NMI.
 * Return: as lvbs_vtlcall().
 */
long heki_patch_text(u64 pa0, u64 pa1, u64 flags, bool live);

#endif /* _LVBS_VTLCALL_H */
