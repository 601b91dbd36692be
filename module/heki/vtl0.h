/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Access to VTL0 memory by addresses of the wire format.
 */
#ifndef _LVBS_HEKI_VTL0_H
#define _LVBS_HEKI_VTL0_H

#include <linux/irqflags.h>
#include <linux/preempt.h>

#include <lvbs/phys_ptr.h>

#include "heki/page_list.h"

/*
 * A run of bytes that lies in one wire page or in two unrelated ones, as one
 * physical pointer or two.
 *
 * A single pointer suffices where wire pages are kernel pages. Where kernel
 * pages are larger, the first wire page need not end its kernel page, and both
 * wire pages may lie in the same kernel page.
 */
struct heki_ptr_pair {
	struct phys_ptr ptr[2];	/* [1] continues [0] */
	unsigned long pfns[2];	/* borrowed by @ptr: do not copy the pair */
	unsigned int first;	/* bytes in ptr[0]; if all, ptr[1] is unused */
};

int heki_ptr_pair_init(struct heki_ptr_pair *pair, struct vmap_manager *mgr,
		       phys_addr_t pa0, phys_addr_t pa1, unsigned int size);

/* Reads VTL0 memory through physical pointers. Process context; may sleep. */
extern const struct heki_reader vtl0_reader;

/*
 * Can memory be mapped in this context? Without CONFIG_PREEMPT_COUNT, disabled
 * preemption is not visible, and only interrupt context can be ruled out.
 */
static inline bool heki_may_sleep(void)
{
	if (IS_ENABLED(CONFIG_PREEMPT_COUNT))
		return preemptible();
	return !irqs_disabled() && !in_interrupt();
}

#endif /* _LVBS_HEKI_VTL0_H */
