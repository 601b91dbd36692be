// SPDX-License-Identifier: GPL-2.0
/*
 * Copies between foreign memory and user memory, through a bounce buffer.
 * Accesses to user memory may wait for ever (userfaultfd, FUSE), so nothing is
 * claimed or mapped meanwhile. Hardened usercopy sees an ordinary heap object.
 */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <lvbs/phys_ptr.h>

#include "phys/phys.h"

static int bounce_to_user(const struct phys_const_ptr *ptr, void *bounce,
			  size_t at, void __user *ubuf, size_t len,
			  size_t *done)
{
	int err;

	err = phys_ptr_copy(ptr, at, bounce, len, false, done);
	/* The bytes before a fault are valid. */
	if (*done) {
		size_t left = copy_to_user(ubuf, bounce, *done);

		*done -= left;
		if (left)
			err = -EFAULT;
	}
	return err;
}

static int bounce_from_user(const struct phys_const_ptr *ptr, void *bounce,
			    size_t at, const void __user *ubuf, size_t len,
			    size_t *done)
{
	if (copy_from_user(bounce, ubuf, len))
		return -EFAULT;
	return phys_ptr_copy(ptr, at, bounce, len, true, done);
}

static int user_copy(const struct phys_const_ptr *ptr, size_t at,
		     void __user *ubuf, size_t len, bool write, size_t *done)
{
	struct phys_const_ptr slice;
	size_t copied = 0;
	void *bounce;
	int err;

	if (done)
		*done = 0;
	err = phys_ptr_slice(&slice, ptr, at, len);
	if (err || !len)
		return err;

	bounce = kmalloc(min_t(size_t, len, PHYS_BOUNCE_BYTES), GFP_KERNEL);
	if (!bounce)
		return -ENOMEM;

	err = phys_ptr_check(&slice, write);
	while (!err && copied < len) {
		size_t n = min_t(size_t, len - copied, PHYS_BOUNCE_BYTES);
		size_t n_done = 0;

		if (write)
			err = bounce_from_user(&slice, bounce, copied,
					       ubuf + copied, n, &n_done);
		else
			err = bounce_to_user(&slice, bounce, copied,
					     ubuf + copied, n, &n_done);
		copied += n_done;
		cond_resched();
	}
	kfree(bounce);
	if (done)
		*done = copied;
	return err;
}

int phys_read_to_user(const struct phys_const_ptr *ptr, size_t at,
		      void __user *ubuf, size_t len, size_t *done)
{
	return user_copy(ptr, at, ubuf, len, false, done);
}
EXPORT_SYMBOL_GPL(phys_read_to_user);

int phys_write_from_user(const struct phys_ptr *ptr, size_t at,
			 const void __user *ubuf, size_t len, size_t *done)
{
	return user_copy(&ptr->ro, at, (void __user *)ubuf, len, true, done);
}
EXPORT_SYMBOL_GPL(phys_write_from_user);
