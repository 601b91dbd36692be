/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kernel symbols that tests use and that are not exported: the tests may be a
 * module.
 */
#ifndef _LVBS_KUNIT_FAKE_KERNEL_H
#define _LVBS_KUNIT_FAKE_KERNEL_H

#include <asm/sections.h>

#include "ksym.h"

struct mm_struct;
struct rlimit;

/* The start or end of a section. */
#ifdef MODULE
#define KERNEL_SECTION(name)	((const char *)ksym_address(#name))
#else
#define KERNEL_SECTION(name)	((const char *)(name))
#endif

/* The functions mm_alloc(), arch_pick_mmap_layout() and vunmap_range(). */
struct mm_struct *kernel_mm_alloc(void);
void kernel_pick_mmap_layout(struct mm_struct *mm, struct rlimit *stack);
void kernel_vunmap_range(unsigned long start, unsigned long end);

#endif /* _LVBS_KUNIT_FAKE_KERNEL_H */
