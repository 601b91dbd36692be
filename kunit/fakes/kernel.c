// SPDX-License-Identifier: GPL-2.0
/*
 * Kernel functions that are not exported. See kunit/fakes/kernel.h.
 */
#include <linux/resource.h>
#include <linux/sched/mm.h>
#include <linux/static_call.h>
#include <linux/vmalloc.h>

#include "kunit/fakes/kernel.h"

#ifdef MODULE
/* Called directly: see ksym_address(). A function that is not found does nothing. */
DEFINE_STATIC_CALL_RET0(lvbs_kunit_mm_alloc, mm_alloc);
DEFINE_STATIC_CALL_NULL(lvbs_kunit_arch_pick_mmap_layout,
			arch_pick_mmap_layout);
DEFINE_STATIC_CALL_NULL(lvbs_kunit_vunmap_range, vunmap_range);

#define FIND(func)							\
do {									\
	typeof(func) *__found = (void *)ksym_address(#func);		\
									\
	if (__found && static_call_query(lvbs_kunit_##func) != __found)	\
		static_call_update(lvbs_kunit_##func, __found);		\
} while (0)
#define CALL(func)		static_call(lvbs_kunit_##func)
#define CALL_VOID(func)		static_call_cond(lvbs_kunit_##func)
#else
#define FIND(func)		do { } while (0)
#define CALL(func)		func
#define CALL_VOID(func)		func
#endif

struct mm_struct *kernel_mm_alloc(void)
{
	FIND(mm_alloc);
	return CALL(mm_alloc)();
}

void kernel_pick_mmap_layout(struct mm_struct *mm, struct rlimit *stack)
{
	FIND(arch_pick_mmap_layout);
	CALL_VOID(arch_pick_mmap_layout)(mm, stack);
}

void kernel_vunmap_range(unsigned long start, unsigned long end)
{
	FIND(vunmap_range);
	CALL_VOID(vunmap_range)(start, end);
}
