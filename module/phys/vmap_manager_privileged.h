/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The way around protection, for those two parts whose business it is: text
 * patches (heki_*.c) and log rings (ring_*.c). `make lint` holds others off.
 */
#ifndef _LVBS_VMAP_MANAGER_PRIVILEGED_H
#define _LVBS_VMAP_MANAGER_PRIVILEGED_H

struct vmap_manager;

/**
 * vmap_manager_privileged() - the manager whose writes reach protected frames
 *
 * Context: Any.
 * Return: the manager. Its memory, claims and counters are those of
 * lvbs_vmap_manager(): frames must be usable RAM and unowned all the same, and
 * range locks hold.
 */
struct vmap_manager *vmap_manager_privileged(void);

#endif /* _LVBS_VMAP_MANAGER_PRIVILEGED_H */
