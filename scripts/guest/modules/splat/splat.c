// SPDX-License-Identifier: GPL-2.0
/*
 * Triggers a kernel warning, a memory leak or a data race when loaded, to test
 * that scripts/vm.sh reports it.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>

static bool leak;
module_param(leak, bool, 0400);
MODULE_PARM_DESC(leak, "leak memory instead of triggering a warning");

static bool race;
module_param(race, bool, 0400);
MODULE_PARM_DESC(race,
		 "race two threads on a counter instead of triggering a warning");

static unsigned long counter;

static int count(void *unused)
{
	while (!kthread_should_stop()) {
		counter++;
		cond_resched();
	}
	return 0;
}

static int race_on_counter(void)
{
	struct task_struct *first, *second;

	first = kthread_run(count, NULL, "splat-first");
	if (IS_ERR(first))
		return PTR_ERR(first);
	second = kthread_run(count, NULL, "splat-second");
	if (!IS_ERR(second)) {
		msleep(2000);
		kthread_stop(second);
	}
	kthread_stop(first);
	return PTR_ERR_OR_ZERO(second);
}

/* Several objects: a stale pointer to one, on a stack, hides that one. */
static int leak_memory(void)
{
	int i;

	for (i = 0; i < 16; i++)
		if (!kmalloc(64, GFP_KERNEL))
			return -ENOMEM;
	return 0;
}

static int __init splat_init(void)
{
	if (race)
		return race_on_counter();
	if (leak)
		return leak_memory();
	WARN(1, "triggered by the splat module\n");
	return 0;
}

static void __exit splat_exit(void)
{
}

module_init(splat_init);
module_exit(splat_exit);
MODULE_DESCRIPTION("lvbs test: a kernel warning, a leak or a data race");
MODULE_LICENSE("GPL");
