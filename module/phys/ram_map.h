/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The RAM map: which page frames are System RAM, and which of them are ours.
 */
#ifndef _LVBS_RAM_MAP_H
#define _LVBS_RAM_MAP_H

#include "phys/frame_set.h"

/**
 * ram_map_usable() - the run of usable frames around one
 * @pfn: the frame
 *
 * Usable is what is System RAM, online, and not ours.
 *
 * Context: Any.
 * Return: the run; %FRAME_RANGE_EMPTY if @pfn itself is not usable.
 */
struct frame_range ram_map_usable(unsigned long pfn);

/**
 * ram_map_refusal() - why a run of frames is not usable
 * @first: first frame
 * @nr: number of frames, at least 1; the run does not wrap
 *
 * Context: Any.
 * Return: -EPERM if one is owned by VTL1; else -ENXIO.
 */
int ram_map_refusal(unsigned long first, unsigned long nr);

/**
 * ram_map_refresh() - look again at what is RAM, online and owned
 *
 * Context: May sleep.
 * Return: 0; -ENOMEM, and frames that became usable may be refused.
 */
int ram_map_refresh(void);

/**
 * ram_map_add_owned() - make frames ours until the module goes
 * @range: ranges in any order; frames owned already are fine, and so are
 *	frames that are not RAM: a carve-out that was kept from the kernel
 * @nr: number of ranges
 *
 * Context: May sleep.
 * Return: 0; -EINVAL if a range ends before it starts; -ENOMEM.
 */
int ram_map_add_owned(const struct frame_range *range, unsigned long nr);

/**
 * ram_map_ram() - the set of all System RAM, online or not
 *
 * What is taken out of the machine stays in it until memory next goes on- or
 * offline.
 *
 * Return: the set.
 */
struct frame_set *ram_map_ram(void);

/**
 * ram_map_online() - the set of all System RAM that is online, for showing it
 *
 * Return: the set.
 */
struct frame_set *ram_map_online(void);

/**
 * ram_map_owned() - the set of all owned frames, for showing it
 *
 * Return: the set.
 */
struct frame_set *ram_map_owned(void);

#endif /* _LVBS_RAM_MAP_H */
