/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which rings there are, by name.
 */
#ifndef _LVBS_RING_REGISTRY_H
#define _LVBS_RING_REGISTRY_H

#include <lvbs/ring_buffer.h>

/**
 * struct ring_watcher - somebody who wants to know which rings there are
 * @added: there is a ring of this name now. Returns 0; or a negative errno, and
 *	the ring does not come to be
 * @removed: there is not any more. Its memory is gone already
 *
 * Called one at a time; may sleep, but not make or remove rings.
 */
struct ring_watcher {
	int (*added)(const char *name, struct lvbs_ring *ring);
	void (*removed)(const char *name);
};

/**
 * ring_registry_watch() - watch rings come and go
 * @watcher: who; told at once of the rings that are there. NULL ends it
 *
 * Context: May sleep.
 * Return: 0; or what ->added() returned: then nobody watches.
 */
int ring_registry_watch(const struct ring_watcher *watcher);

/**
 * ring_registry_new_fixed() - make a ring that is the module's own
 * @name: its name, a good one
 * @pages: number of pages, not 0
 *
 * It is persistent, and lvbs_ring_remove() refuses to remove it.
 *
 * Context: May sleep.
 * Return: the ring, held for the caller; or ERR_PTR as lvbs_ring_new().
 */
struct lvbs_ring *ring_registry_new_fixed(const char *name,
					  unsigned long pages);

#endif /* _LVBS_RING_REGISTRY_H */
