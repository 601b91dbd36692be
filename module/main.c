// SPDX-License-Identifier: GPL-2.0
/*
 * lvbs: the machinery of virtualization-based security's secure side, as a
 * module. Its parts, in the order in which they need each other.
 */
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>

#include "init.h"

static const struct part {
	const char *name;
	int (*init)(void);
	void (*exit)(void);	/* NULL: nothing to undo */
} parts[] = {
	{ "kernel symbols", ksym_init, NULL },
	{ "RAM map", ram_map_init, ram_map_exit },
	{ "owned memory", owned_init, NULL },
	{ "vmap managers", vmap_managers_init, vmap_managers_exit },
	{ "memory offlining", phys_offline_init, phys_offline_exit },
	{ "kernel image", kernel_image_init, kernel_image_exit },
	{ "rings", rings_init, rings_exit },
	{ "log", log_init, log_exit },
	{ "HEKI owners", heki_owners_init, heki_owners_exit },
	{ "HEKI protections", heki_protect_init, heki_protect_exit },
	{ "HEKI modules", heki_modules_init, heki_modules_exit },
	{ "HEKI live mode", live_init, live_exit },
	{ "debugfs", debugfs_init, debugfs_exit },
};

static void parts_exit(size_t nr)
{
	while (nr--)
		if (parts[nr].exit)
			parts[nr].exit();
}

static int __init lvbs_init(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		int err = parts[i].init();

		if (err) {
			pr_err("%s: error %d\n", parts[i].name, err);
			parts_exit(i);
			return err;
		}
	}
	return 0;
}

static void __exit lvbs_exit(void)
{
	parts_exit(ARRAY_SIZE(parts));
}

module_init(lvbs_init);
module_exit(lvbs_exit);

MODULE_DESCRIPTION("Linux virtualization-based security: the secure side as a module");
MODULE_VERSION("0.1");
MODULE_LICENSE("GPL");
