// SPDX-License-Identifier: GPL-2.0
/*
 * Jump labels of the running kernel, written by HEKI: each write is a request that is
 * put into VTL0's memory, and read there by its physical address.
 */
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/sched/mm.h>
#include <linux/spinlock.h>

#include "heki/heki.h"
#include "live/live.h"
#include "phys/phys.h"

/* Where requests lie in VTL0's memory: the first bytes of a page. */
static struct heki_patch *slot;		/* guarded by slot_lock */
static DEFINE_RAW_SPINLOCK(slot_lock);

/* That page, as VTL1 has it mapped while live mode is on. */
static struct phys_window slot_window;

/* Put a request into VTL0's memory, and read it from there. */
static int pass_request(const struct heki_patch *made,
			struct heki_request *request)
{
	unsigned long flags;
	int err;

	raw_spin_lock_irqsave(&slot_lock, flags);
	*slot = *made;
	err = heki_request_receive(&slot_window, made, request);
	raw_spin_unlock_irqrestore(&slot_lock, flags);
	return err;
}

static long submit_sleeping(const struct heki_request *request)
{
	unsigned int flags;
	long err;

	/* The patching task may hold locks that writeback needs. */
	flags = memalloc_noio_save();
	err = heki_patch_live(request);
	memalloc_noio_restore(flags);
	return err;
}

int live_carry(unsigned long va, const u8 *bytes, size_t len)
{
	struct heki_request request;
	struct heki_patch made;
	phys_addr_t second = 0;
	int err;

	if (!len || len > HEKI_CODE_MAX)
		return -EINVAL;
	if (offset_in_page(va) + len > PAGE_SIZE)
		second = live_text_pa(PAGE_ALIGN(va));
	heki_patch_encode(&made, live_text_pa(va), second, bytes, len);
	err = pass_request(&made, &request);
	if (err)
		return err;
	/* In local windows, which need neither memory nor sleep. */
	if (READ_ONCE(lvbs_vmap_manager()->local))
		return heki_patch_live(&request);
	return phys_may_sleep() ? submit_sleeping(&request) : -EBUSY;
}

int live_carry_init(void)
{
	struct phys_frames frame = { .nr = 1 };
	int err;

	slot = (void *)get_zeroed_page(GFP_KERNEL);
	if (!slot)
		return -ENOMEM;
	frame.first = PHYS_PFN(virt_to_phys(slot));
	err = phys_window_begin(&slot_window, lvbs_vmap_manager(), &frame, 0);
	if (err)
		free_page((unsigned long)slot);
	return err;
}

void live_carry_exit(void)
{
	phys_window_end(&slot_window);
	free_page((unsigned long)slot);
}
