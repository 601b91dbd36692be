// SPDX-License-Identifier: GPL-2.0
#include <lvbs/vmap_manager.h>

#include "phys/refusal.h"
#include "trace.h"

int phys_refuse(struct vmap_manager *mgr, unsigned long pfn, int err)
{
	if (!err || err == -EFAULT || err == -ENOMEM)
		return err;

	trace_phys_refuse(pfn, err);
	if (-err < PHYS_REFUSAL_ERRNO_MAX)
		atomic_long_inc(&mgr->stats->refused[-err]);
	return err;
}
