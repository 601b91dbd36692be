/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LVBS_HEKI_CONTEXT_H
#define _LVBS_HEKI_CONTEXT_H

#include <linux/irqflags.h>
#include <linux/preempt.h>

/**
 * heki_may_sleep() - can something be mapped here?
 *
 * Text is patched from many places. Where the kernel does not count what
 * disables preemption, being outside interrupts is all there is to ask.
 *
 * Return: true if so.
 */
static inline bool heki_may_sleep(void)
{
	if (IS_ENABLED(CONFIG_PREEMPT_COUNT))
		return preemptible();
	return !irqs_disabled() && !in_interrupt();
}

#endif /* _LVBS_HEKI_CONTEXT_H */
