// SPDX-License-Identifier: GPL-2.0
/*
 * Toggles a static key and a static call of its own until it is unloaded, also
 * while its init text, which has a site of that key, is freed.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/jump_label.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/static_call.h>

static DEFINE_STATIC_KEY_FALSE(flipper_key);

static int one(void)
{
	return 1;
}

static int two(void)
{
	return 2;
}

/* The module targets has one of that name, too. */
DEFINE_STATIC_CALL(targets_call, one);

static noinline bool branch(void)
{
	return static_branch_unlikely(&flipper_key);
}

static noinline __init bool init_branch(void)
{
	return static_branch_unlikely(&flipper_key);
}

static unsigned long flips;
module_param(flips, ulong, 0400);
MODULE_PARM_DESC(flips, "number of times the key was toggled (output)");

static unsigned int init_ms;
module_param(init_ms, uint, 0);
MODULE_PARM_DESC(init_ms, "sleep that long while initialising");

static unsigned int exit_ms;
module_param(exit_ms, uint, 0);
MODULE_PARM_DESC(exit_ms, "go on for that long while being unloaded");

static struct task_struct *thread;

static bool flip_once(void)
{
	bool on, off;

	static_branch_enable(&flipper_key);
	static_call_update(targets_call, two);
	on = branch() && static_call(targets_call)() == 2;
	static_branch_disable(&flipper_key);
	static_call_update(targets_call, one);
	off = !branch() && static_call(targets_call)() == 1;
	return on && off;
}

static int flip(void *unused)
{
	int wrong = 0;

	while (!kthread_should_stop()) {
		wrong |= !flip_once();
		flips++;
		cond_resched_tasks_rcu_qs();
	}
	return wrong;
}

static int __init flipper_init(void)
{
	msleep(init_ms);
	thread = kthread_run(flip, NULL, "flipper");
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	/* The thread must be toggling when init text is freed. */
	while (!READ_ONCE(flips) && !init_branch())
		schedule_timeout_uninterruptible(1);
	return 0;
}

static void __exit flipper_exit(void)
{
	msleep(exit_ms);
	if (kthread_stop(thread))
		pr_err("flipper: code does not match the key or the static call\n");
}

module_init(flipper_init);
module_exit(flipper_exit);
MODULE_DESCRIPTION("toggles a static key and a static call in a loop");
MODULE_LICENSE("GPL");
