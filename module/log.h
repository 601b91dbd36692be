/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the module has to say: to the ring "log", and to tracepoint log_message.
 */
#ifndef _LVBS_LOG_H
#define _LVBS_LOG_H

#include <linux/compiler_attributes.h>

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

#endif /* _LVBS_LOG_H */
