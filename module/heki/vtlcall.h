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

#endif /* _LVBS_VTLCALL_H */
