/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LVBS_PHYS_KERNEL_IMAGE_H
#define _LVBS_PHYS_KERNEL_IMAGE_H

#include <linux/types.h>

/* A piece of the kernel image, contiguous in physical memory, too. */
struct kernel_range {
	unsigned long va;
	phys_addr_t pa;
	unsigned long bytes;
};

/* The kernel's text. Any context. */
struct kernel_range kernel_image_text(void);

/* Does a range have a byte in common with the image, data included? Any context. */
bool kernel_image_meets(u64 pa, u64 bytes);
bool kernel_image_meets_va(u64 va, u64 bytes);

#endif /* _LVBS_PHYS_KERNEL_IMAGE_H */
