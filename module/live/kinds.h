/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LVBS_HEKI_LIVE_KIND_H
#define _LVBS_HEKI_LIVE_KIND_H

#include "heki/verdicts.h"

/**
 * heki_live_kinds_find() - learn how to tell writes apart
 *
 * What this kernel does not have is not asked, and its writes count as "other".
 *
 * Context: May sleep.
 */
void heki_live_kinds_find(void);

/**
 * heki_live_kind_of() - whose a text write is that meets no known site
 * @addr: where
 * @src: the bytes
 * @len: how many
 * @fill: whether it fills @len bytes with the one at @src
 *
 * Context: Any but NMI.
 * Return: the kind.
 */
enum heki_live_kind heki_live_kind_of(const void *addr, const u8 *src,
				      size_t len, bool fill);

#endif /* _LVBS_HEKI_LIVE_KIND_H */
