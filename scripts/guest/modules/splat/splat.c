// SPDX-License-Identifier: GPL-2.0
/* Breaks a rule of the kernel when loaded, to see that the VM's verdict tells. */
#include <linux/init.h>
#include <linux/module.h>

static int __init splat_init(void)
{
	WARN(1, "planted by the splat module\n");
	return 0;
}

static void __exit splat_exit(void)
{
}

module_init(splat_init);
module_exit(splat_exit);
MODULE_DESCRIPTION("plants a kernel warning");
MODULE_LICENSE("GPL");
