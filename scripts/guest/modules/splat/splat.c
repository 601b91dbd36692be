// SPDX-License-Identifier: GPL-2.0
/* Breaks a rule of the kernel when loaded, to see that the VM's verdict tells. */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>

static bool leak;
module_param(leak, bool, 0400);
MODULE_PARM_DESC(leak, "lose some memory instead of a warning");

static bool race;
module_param(race, bool, 0400);
MODULE_PARM_DESC(race, "let two threads count in the same place instead");

static unsigned long counted;

static int count(void *unused)
{
	while (!kthread_should_stop()) {
		counted++;
		cond_resched();
	}
	return 0;
}

static int count_together(void)
{
	struct task_struct *one, *other;

	one = kthread_run(count, NULL, "splat-one");
	if (IS_ERR(one))
		return PTR_ERR(one);
	other = kthread_run(count, NULL, "splat-other");
	if (!IS_ERR(other)) {
		msleep(2000);
		kthread_stop(other);
	}
	kthread_stop(one);
	return PTR_ERR_OR_ZERO(other);
}

static int __init splat_init(void)
{
	if (race)
		return count_together();
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
MODULE_DESCRIPTION("plants a kernel warning, a leak or a data race");
MODULE_LICENSE("GPL");
