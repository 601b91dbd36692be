/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LVBS_PHYS_FRAMES_H
#define _LVBS_PHYS_FRAMES_H

#include <linux/types.h>

/**
 * phys_frames_unique() - is no frame named twice?
 * @pfns: frame numbers, in any order
 * @nr: how many
 *
 * Allocates nothing. Linear where the list ascends or is short; otherwise in
 * proportion to @nr times the number of windows of the address space that it
 * touches, and at the very worst to the square of @nr: where frames are crowded
 * in many places that are far apart.
 *
 * Context: Any.
 * Return: true if each frame stands there once.
 */
bool phys_frames_unique(const unsigned long *pfns, unsigned long nr);

#endif /* _LVBS_PHYS_FRAMES_H */
