/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the module has to say: to the ring "log", and to tracepoint log_message.
 */
#ifndef _LVBS_LOG_H
#define _LVBS_LOG_H

#include <linux/compiler_attributes.h>
#include <linux/types.h>

/**
 * lvbs_log() - say something
 * @fmt: as for printk(), without a level; one line, without its newline. More
 *	than some 200 bytes are cut off
 *
 * In the ring, the line begins with the time since boot, as in the kernel's own
 * log. Before there is a ring, and after, only the tracepoint hears it.
 *
 * Context: Any, NMI and panic included.
 */
__printf(1, 2) void lvbs_log(const char *fmt, ...);

/**
 * log_to_vtl0() - say it in VTL0's memory, too
 * @pa: physical address of the memory
 * @size: bytes
 *
 * Makes the ring "vtl0" there, persistent; lines go to it as they go to "log".
 *
 * Context: May sleep.
 * Return: as lvbs_ring_new_at(): -EEXIST while there is such a ring.
 */
int log_to_vtl0(phys_addr_t pa, size_t size);

#endif /* _LVBS_LOG_H */
