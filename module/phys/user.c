// SPDX-License-Identifier: GPL-2.0
/*
 * Copying between foreign and user memory: a session on one side, user memory
 * on the other, and a bounce buffer between them.
 */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <lvbs/phys_ptr.h>

#include "phys/range.h"
#include "phys/session.h"

/* One bounce buffer: large enough to amortise, small enough for the cache. */
#define BOUNCE_BYTES	SZ_16K

/* The pointer to @len of its bytes from @at on; both are in range. */
static struct phys_const_ptr phys_narrow(const struct phys_const_ptr *ptr,
					 size_t at, size_t len)
{
	return (struct phys_const_ptr) {
		.mgr = ptr->mgr,
		.lock = ptr->lock,
		.frames = phys_range_frames(ptr, at, len),
		.bytes = len,
		.offset = offset_in_page(ptr->offset + at),
		.elem_size = 1,
	};
}

static int bounce_out(struct phys_session *s, void *bounce, size_t at,
		      void __user *ubuf, size_t len, size_t *done)
{
	int err;

	err = phys_session_copy(s, at, bounce, NULL, len, done);
	/* What was read before a fault is good, and the caller's to have. */
	if (*done) {
		size_t left = copy_to_user(ubuf, bounce, *done);

		*done -= left;
		if (left)
			err = -EFAULT;
	}
	return err;
}

static int bounce_in(struct phys_session *s, void *bounce, size_t at,
		     const void __user *ubuf, size_t len, size_t *done)
{
	if (copy_from_user(bounce, ubuf, len))
		return -EFAULT;
	return phys_session_copy(s, at, NULL, bounce, len, done);
}

static int user_copy(const struct phys_const_ptr *ptr, size_t at,
		     void __user *to, const void __user *from, size_t len,
		     size_t *done)
{
	DEFINE_PHYS_WRITE_SESSION(s);
	struct phys_ptr part;
	size_t copied = 0;
	void *bounce;
	int err;

	if (done)
		*done = 0;
	err = phys_byte_range(ptr, at, len);
	if (err || !len)
		return err;

	bounce = kmalloc(min_t(size_t, len, BOUNCE_BYTES), GFP_KERNEL);
	if (!bounce)
		return -ENOMEM;

	part.ro = phys_narrow(ptr, at, len);
	err = to ? phys_session_begin(&s.ro, &part.ro) :
		   phys_write_session_begin(&s, &part);
	while (!err && copied < len) {
		size_t n = min_t(size_t, len - copied, BOUNCE_BYTES);
		size_t part_done = 0;

		if (to)
			err = bounce_out(&s.ro, bounce, copied, to + copied, n,
					 &part_done);
		else
			err = bounce_in(&s.ro, bounce, copied, from + copied, n,
					&part_done);
		copied += part_done;
		cond_resched();
	}
	phys_write_session_end(&s);
	kfree(bounce);
	if (done)
		*done = copied;
	return err;
}

int phys_read_to_user(const struct phys_const_ptr *ptr, size_t at,
		      void __user *ubuf, size_t len, size_t *done)
{
	return user_copy(ptr, at, ubuf, NULL, len, done);
}
EXPORT_SYMBOL_GPL(phys_read_to_user);

int phys_write_from_user(const struct phys_ptr *ptr, size_t at,
			 const void __user *ubuf, size_t len, size_t *done)
{
	return user_copy(&ptr->ro, at, NULL, ubuf, len, done);
}
EXPORT_SYMBOL_GPL(phys_write_from_user);
