/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Bypasses protection. Only text patches (heki/) and rings (ring/) may include
 * this header; `make lint` checks that.
 */
#ifndef _LVBS_VMAP_MANAGER_PRIVILEGED_H
#define _LVBS_VMAP_MANAGER_PRIVILEGED_H

struct vmap_manager;

/*
 * The manager whose writes may reach protected frames. It shares its memory,
 * claims and counters with lvbs_vmap_manager(): frames must still be usable RAM
 * and not owned, and range locks still apply.
 */
struct vmap_manager *vmap_manager_privileged(void);

#endif /* _LVBS_VMAP_MANAGER_PRIVILEGED_H */
