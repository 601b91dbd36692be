// SPDX-License-Identifier: GPL-2.0
/*
 * Takes range locks, which no debugfs file of lvbs does. Writing
 * "PA BYTES shared|exclusive" to /sys/module/locker/parameters/range locks that
 * range, reads its first byte under the lock, and unlocks it. Writing the same
 * to .../hold keeps the lock until "none" is written or the module is unloaded.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/string.h>

#include <lvbs/phys_ptr.h>

static int read_locked(struct phys_const_ptr *ptr, enum phys_lock_mode mode)
{
	struct phys_lock lock;
	u8 byte;
	int err;

	err = phys_lock(&lock, ptr, mode);
	if (err)
		return err;
	ptr->lock = &lock;
	err = phys_read(ptr, 0, &byte, 1);
	phys_unlock(&lock);
	return err;
}

static int parse(const char *words, struct phys_const_ptr *ptr,
		 enum phys_lock_mode *mode)
{
	unsigned long bytes;
	char how[16];
	u64 pa;

	if (sscanf(words, "%llu %lu %15s", &pa, &bytes, how) != 3)
		return -EINVAL;
	*mode = PHYS_LOCK_SHARED;
	if (!strcmp(how, "exclusive"))
		*mode = PHYS_LOCK_EXCLUSIVE;
	else if (strcmp(how, "shared"))
		return -EINVAL;
	return phys_const_ptr_init(ptr, lvbs_vmap_manager(), pa, bytes, 1);
}

static int range_set(const char *words, const struct kernel_param *param)
{
	enum phys_lock_mode mode;
	struct phys_const_ptr ptr;
	int err = parse(words, &ptr, &mode);

	return err ?: read_locked(&ptr, mode);
}

/* A lock taken through hold; guarded by kernel_param_lock(). */
static struct phys_lock held_lock;
static bool held;

static void unlock_held(void)
{
	if (held)
		phys_unlock(&held_lock);
	held = false;
}

static int hold_set(const char *words, const struct kernel_param *param)
{
	enum phys_lock_mode mode;
	struct phys_const_ptr ptr;
	int err;

	if (sysfs_streq(words, "none")) {
		unlock_held();
		return 0;
	}
	if (held)
		return -EBUSY;
	err = parse(words, &ptr, &mode);
	err = err ?: phys_lock(&held_lock, &ptr, mode);
	held = !err;
	return err;
}

static void __exit locker_exit(void)
{
	unlock_held();
}
module_exit(locker_exit);

static const struct kernel_param_ops range_ops = { .set = range_set };
static const struct kernel_param_ops hold_ops = { .set = hold_set };

module_param_cb(range, &range_ops, NULL, 0200);
MODULE_PARM_DESC(range, "PA BYTES shared|exclusive: lock, read, unlock");

module_param_cb(hold, &hold_ops, NULL, 0200);
MODULE_PARM_DESC(hold, "PA BYTES shared|exclusive: lock; none: unlock");

MODULE_DESCRIPTION("lvbs test: range locks");
MODULE_LICENSE("GPL");
