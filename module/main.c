// SPDX-License-Identifier: GPL-2.0
/*
 * lvbs: the secure side (VTL1) of Linux virtualization-based security, as a
 * module. Each subsystem depends on earlier entries of the table only.
 */
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>

#include "subsystems.h"

static const struct subsystem {
	const char *name;
	int (*init)(void);	/* or NULL */
	void (*exit)(void);	/* or NULL */
} subsystems[] = {
	{ "kernel symbols", ksym_init, NULL },
	{ "RAM map", ram_map_init, ram_map_exit },
	{ "local windows", local_windows_init, local_windows_exit },
	{ "vmap managers", vmap_managers_init, vmap_managers_exit },
	{ "memory hotplug", hotplug_init, hotplug_exit },
	{ "kernel image", kernel_image_init, kernel_image_exit },
	{ "rings", rings_init, rings_exit },
	{ "log", log_init, log_exit },
	{ "HEKI owners", heki_owners_init, heki_owners_exit },
	{ "HEKI announcements", heki_announce_init, heki_protect_exit },
	{ "HEKI live mode", live_init, live_exit },
	{ "debugfs", debugfs_init, debugfs_exit },
#ifdef LVBS_RUN_SUITES
	{ "unit tests", unit_tests_init, unit_tests_exit },
#endif
};

static void exit_subsystems(size_t nr)
{
	while (nr--)
		if (subsystems[nr].exit)
			subsystems[nr].exit();
}

static int __init lvbs_init(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(subsystems); i++) {
		const struct subsystem *s = &subsystems[i];
		int err = s->init ? s->init() : 0;

		if (err) {
			pr_err("cannot initialise %s: error %d\n", s->name,
			       err);
			exit_subsystems(i);
			return err;
		}
	}
	return 0;
}

static void __exit lvbs_exit(void)
{
	exit_subsystems(ARRAY_SIZE(subsystems));
}

module_init(lvbs_init);
module_exit(lvbs_exit);

MODULE_DESCRIPTION("Secure side of Linux virtualization-based security, as a module");
MODULE_AUTHOR("The lvbs project");
MODULE_VERSION(LVBS_VERSION);
MODULE_LICENSE("GPL");
