// SPDX-License-Identifier: GPL-2.0
/*
 * Requests as VTL0 makes them: copied in once, then decoded from the copy.
 */
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>

#include <lvbs/phys_ptr.h>

#include "heki/vtl0.h"
#include "heki/request.h"
#include "phys/phys.h"

/*
 * The page of heki_request_keep(). Live mode, which changes it, is not all there
 * is to read it: any module may call the front door where it cannot sleep.
 */
static struct phys_session kept_session;
static unsigned long kept_pfn;
static struct phys_session __rcu *kept;	/* &kept_session, or NULL */

static int copy_in(u64 pa0, u64 pa1, struct heki_patch *wire)
{
	struct heki_ptr_pair parts;
	int err;

	err = heki_ptr_pair_init(&parts, lvbs_vmap_manager(), pa0, pa1,
				 sizeof(*wire));
	if (!err)
		err = phys_read(&parts.ptr[0].ro, 0, wire, parts.first);
	if (!err && parts.first < sizeof(*wire))
		err = phys_read(&parts.ptr[1].ro, 0,
				(u8 *)wire + parts.first,
				sizeof(*wire) - parts.first);
	return err;
}

/* Also between two kernels' page sizes: the kept page is one of the kernel. */
static int copy_in_kept(u64 pa0, u64 pa1, struct heki_patch *wire)
{
	struct phys_session *session;
	int err = -EBUSY;

	rcu_read_lock();
	session = rcu_dereference(kept);
	if (session && !pa1 && PHYS_PFN(pa0) == kept_pfn)
		err = phys_session_read(session, offset_in_page(pa0), wire,
					sizeof(*wire));
	rcu_read_unlock();
	return err;
}

int heki_request_read(u64 pa0, u64 pa1, struct heki_request *request)
{
	struct heki_patch wire;
	int err;

	err = heki_request_addr_check(pa0, pa1, phys_width_bits());
	if (err)
		return err;
	if (heki_may_sleep())
		err = copy_in(pa0, pa1, &wire);
	else
		err = copy_in_kept(pa0, pa1, &wire);
	return err ?: heki_request_decode(request, &wire, phys_width_bits());
}

int heki_request_keep(unsigned long pfn)
{
	struct phys_const_ptr ptr;
	int err;

	err = phys_const_ptr_init(&ptr, lvbs_vmap_manager(), PFN_PHYS(pfn),
				  PAGE_SIZE, 1);
	err = err ?: phys_session_begin(&kept_session, &ptr);
	if (err)
		return err;
	kept_pfn = pfn;
	rcu_assign_pointer(kept, &kept_session);
	return 0;
}

void heki_request_unkeep(void)
{
	RCU_INIT_POINTER(kept, NULL);
	synchronize_rcu();
	phys_session_end(&kept_session);
}
