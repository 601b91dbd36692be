// SPDX-License-Identifier: GPL-2.0
/* Breaks a rule of the kernel when loaded, to see that the VM's verdict tells. */
#include <linux/init.h>
#include <linux/module.h>
#include <linux/slab.h>

static bool leak;
module_param(leak, bool, 0400);
MODULE_PARM_DESC(leak, "lose some memory instead of a warning");

static int __init splat_init(void)
{
	if (leak)
		return kmalloc(64, GFP_KERNEL) ? 0 : -ENOMEM;
	WARN(1, "planted by the splat module\n");
	return 0;
}

static void __exit splat_exit(void)
{
}

module_init(splat_init);
module_exit(splat_exit);
MODULE_DESCRIPTION("plants a kernel warning, or a leak");
MODULE_LICENSE("GPL");
