// SPDX-License-Identifier: GPL-2.0
/*
 * Jump labels of the running kernel, written by HEKI: a request in VTL0 memory, made
 * through the front door.
 */
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "heki/heki.h"
#include "live/live.h"
#include "phys/phys.h"

/*
 * The requests, in a page that stays mapped for VTL1. The first one serves
 * process context, under request_lock; the second one any other context, under
 * atomic_request_lock.
 */
static struct live_requests {
	struct heki_patch sleeping;
	struct heki_patch atomic;
} *requests;
static DEFINE_MUTEX(request_lock);
static DEFINE_RAW_SPINLOCK(atomic_request_lock);

static void encode_request(struct heki_request *request, unsigned long va,
			   const u8 *bytes, size_t len)
{
	*request = (struct heki_request) {
		.pa[0] = live_text_pa(va),
		.size = len,
	};
	if (offset_in_page(va) + len > PAGE_SIZE)
		request->pa[1] = live_text_pa((va & PAGE_MASK) + PAGE_SIZE);
	memcpy(request->bytes, bytes, len);
}

static long submit(struct heki_patch *wire, const struct heki_request *request)
{
	heki_patch_encode(wire, request->pa[0], request->pa[1], request->bytes,
			  request->size);
	return heki_patch_text(virt_to_phys(wire), 0, HEKI_PATCH_VTL0_SYNCS,
			       request);
}

static long submit_sleeping(const struct heki_request *request)
{
	unsigned int flags;
	long err;

	/* The patching task may hold locks that writeback needs. */
	flags = memalloc_noio_save();
	mutex_lock(&request_lock);
	err = submit(&requests->sleeping, request);
	mutex_unlock(&request_lock);
	memalloc_noio_restore(flags);
	return err;
}

static long submit_atomic(const struct heki_request *request)
{
	unsigned long flags;
	long err;

	raw_spin_lock_irqsave(&atomic_request_lock, flags);
	err = submit(&requests->atomic, request);
	raw_spin_unlock_irqrestore(&atomic_request_lock, flags);
	return err;
}

int live_carry(unsigned long va, const u8 *bytes, size_t len)
{
	struct heki_request request;

	if (!len || len > HEKI_CODE_MAX)
		return -EINVAL;
	encode_request(&request, va, bytes, len);
	/* In local windows, which need neither memory nor sleep. */
	if (READ_ONCE(lvbs_vmap_manager()->local))
		return submit_atomic(&request);
	return heki_may_sleep() ? submit_sleeping(&request) : -EBUSY;
}

int live_carry_init(void)
{
	requests = (void *)get_zeroed_page(GFP_KERNEL);
	return requests ? 0 : -ENOMEM;
}

void live_carry_exit(void)
{
	free_page((unsigned long)requests);
	requests = NULL;
}
