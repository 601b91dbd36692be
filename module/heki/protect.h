/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LVBS_HEKI_PROTECT_H
#define _LVBS_HEKI_PROTECT_H

#include <linux/types.h>

int heki_protect_list(u64 pa, u64 nranges);

#endif /* _LVBS_HEKI_PROTECT_H */
