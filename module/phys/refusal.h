/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LVBS_PHYS_REFUSAL_H
#define _LVBS_PHYS_REFUSAL_H

struct vmap_manager;

/**
 * phys_refuse() - count and trace that a request is refused
 * @mgr: by whom
 * @pfn: the first frame of the request, or 0
 * @err: why
 *
 * A refusal is an answer about the request, not about the machine's state: 0,
 * -EFAULT and -ENOMEM are none.
 *
 * Context: Any.
 * Return: @err.
 */
int phys_refuse(struct vmap_manager *mgr, unsigned long pfn, int err);

#endif /* _LVBS_PHYS_REFUSAL_H */
