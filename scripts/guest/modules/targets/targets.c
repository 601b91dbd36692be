// SPDX-License-Identifier: GPL-2.0
/*
 * Places where the kernel patches text, in functions that nothing calls.
 *
 * /sys/kernel/debug/targets:
 *
 * sites	one line per place, "NAME VA":
 *		call	static call of targets_one(), or targets_two(); two of them
 *		tail	the same as a tail call
 *		zero	static call that returns 0
 *		null	static call of no function
 *		data	4 bytes of data that are not 0
 * func		"one" or "two": what the static call calls
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/static_call.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/alternative.h>

static int targets_one(int n)
{
	return n + 1;
}

static int targets_two(int n)
{
	return n + 2;
}

DEFINE_STATIC_CALL(targets_call, targets_one);
DEFINE_STATIC_CALL_RET0(targets_zero, targets_one);
DEFINE_STATIC_CALL_NULL(targets_null, targets_one);

static noinline int targets_call_first(int n)
{
	return static_call(targets_call)(n) + 3;
}

static noinline int targets_call_second(int n)
{
	return static_call(targets_call)(n) + 4;
}

static noinline int targets_tail(int n)
{
	return static_call(targets_call)(n);
}

static noinline int targets_call_zero(int n)
{
	return static_call(targets_zero)(n) + 5;
}

static noinline int targets_call_null(int n)
{
	static_call_cond(targets_null)(n);
	return n + 6;
}

static u32 data = 0x12345678;

/* Its one byte f0 is a lock prefix. */
static noinline void targets_take_lock(void)
{
	asm volatile(LOCK_PREFIX "incl %0" : "+m" (data));
}

static int (*const idle[])(int n) __used = {
	targets_call_first, targets_call_second, targets_tail,
	targets_call_zero, targets_call_null,
};

static void (*const idle_lock)(void) __used = targets_take_lock;

static struct dentry *dir;

static const char *site_name(const struct static_call_site *site)
{
	unsigned long key = (unsigned long)&site->key + site->key;
	bool tail = key & STATIC_CALL_SITE_TAIL;

	key &= ~STATIC_CALL_SITE_FLAGS;
	if (key == (unsigned long)&STATIC_CALL_KEY(targets_call))
		return tail ? "tail" : "call";
	if (key == (unsigned long)&STATIC_CALL_KEY(targets_zero))
		return "zero";
	if (key == (unsigned long)&STATIC_CALL_KEY(targets_null))
		return "null";
	return "other";
}

static int sites_show(struct seq_file *m, void *unused)
{
	const struct static_call_site *site = THIS_MODULE->static_call_sites;
	int i;

	for (i = 0; i < THIS_MODULE->num_static_call_sites; i++, site++)
		seq_printf(m, "%s 0x%lx\n", site_name(site),
			   (unsigned long)&site->addr + site->addr);
	seq_printf(m, "data 0x%lx\n", (unsigned long)&data);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(sites);

static ssize_t func_write(struct file *file, const char __user *ubuf,
			  size_t len, loff_t *ppos)
{
	char word[8] = {};

	if (len >= sizeof(word))
		return -EINVAL;
	if (copy_from_user(word, ubuf, len))
		return -EFAULT;
	if (sysfs_streq(word, "one"))
		static_call_update(targets_call, targets_one);
	else if (sysfs_streq(word, "two"))
		static_call_update(targets_call, targets_two);
	else
		return -EINVAL;
	return len;
}

static const struct file_operations func_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = func_write,
};

static int __init targets_init(void)
{
	dir = debugfs_create_dir("targets", NULL);
	debugfs_create_file("sites", 0400, dir, NULL, &sites_fops);
	debugfs_create_file("func", 0200, dir, NULL, &func_fops);
	return 0;
}

static void __exit targets_exit(void)
{
	debugfs_remove(dir);
}

module_init(targets_init);
module_exit(targets_exit);
MODULE_DESCRIPTION("lvbs test: places where the kernel patches text");
MODULE_LICENSE("GPL");
