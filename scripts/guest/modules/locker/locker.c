// SPDX-License-Identifier: GPL-2.0
/*
 * Takes range locks for a suite, as lvbs has no file that does:
 * "PA BYTES shared|exclusive" into /sys/module/locker/parameters/range locks
 * that range, reads its first byte under the lock, and lets it go.
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
	ptr->under = &lock;
	err = phys_read(ptr, 0, &byte, 1);
	phys_unlock(&lock);
	return err;
}

static int range_set(const char *words, const struct kernel_param *param)
{
	enum phys_lock_mode mode = PHYS_LOCK_SHARED;
	struct phys_const_ptr ptr;
	unsigned long bytes;
	char how[16];
	u64 pa;
	int err;

	if (sscanf(words, "%llu %lu %15s", &pa, &bytes, how) != 3)
		return -EINVAL;
	if (!strcmp(how, "exclusive"))
		mode = PHYS_LOCK_EXCLUSIVE;
	else if (strcmp(how, "shared"))
		return -EINVAL;
	err = phys_const_ptr_init(&ptr, lvbs_vmap_manager(), pa, bytes, 1);
	return err ?: read_locked(&ptr, mode);
}

static const struct kernel_param_ops range_ops = { .set = range_set };

module_param_cb(range, &range_ops, NULL, 0200);
MODULE_PARM_DESC(range, "PA BYTES shared|exclusive: lock, read, unlock");

MODULE_DESCRIPTION("takes range locks of lvbs");
MODULE_LICENSE("GPL");
