// SPDX-License-Identifier: GPL-2.0
/*
 * Copies between foreign memory and user memory.
 *
 * Accesses to user memory may wait for ever (userfaultfd, FUSE), so nothing is
 * claimed or mapped meanwhile, nor pinned: a pinned page cannot be migrated, and
 * its block could not go offline. So the user's pages are pinned one at a time,
 * and copied to or from like any kernel memory. Less than a page, and memory
 * without pages, goes through a bounce buffer.
 */
#include <linux/export.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <lvbs/phys_ptr.h>

#include "phys/phys.h"

/*
 * Copy what fits into the user page at @ubuf. On error nothing may have been
 * copied because the page could not be pinned: then @pinned is false.
 */
static int pinned_copy(const struct phys_const_ptr *ptr, size_t at,
		       void __user *ubuf, size_t len, bool write, size_t *done,
		       bool *pinned)
{
	unsigned long start = (unsigned long)untagged_addr(ubuf);
	size_t offset = offset_in_page(start);
	struct page *page;
	void *addr;
	int err;

	*pinned = pin_user_pages_fast(start & PAGE_MASK, 1,
				      write ? 0 : FOLL_WRITE, &page) == 1;
	if (!*pinned)
		return 0;
	addr = kmap_local_page(page);
	err = phys_ptr_copy(ptr, at, addr + offset, min(len, PAGE_SIZE - offset),
			    write, done);
	kunmap_local(addr);
	if (!write)
		flush_dcache_page(page);
	unpin_user_pages_dirty_lock(&page, 1, !write);
	return err;
}

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

static int bounce_copy(const struct phys_const_ptr *ptr, size_t at,
		       void __user *ubuf, size_t len, bool write, size_t *done)
{
	void *bounce = kmalloc(len, GFP_KERNEL);
	int err;

	if (!bounce)
		return -ENOMEM;
	if (write)
		err = bounce_from_user(ptr, bounce, at, ubuf, len, done);
	else
		err = bounce_to_user(ptr, bounce, at, ubuf, len, done);
	kfree(bounce);
	return err;
}

static int user_copy(const struct phys_const_ptr *ptr, size_t at,
		     void __user *ubuf, size_t len, bool write, size_t *done)
{
	struct phys_const_ptr slice;
	size_t copied = 0;
	int err;

	if (done)
		*done = 0;
	err = phys_ptr_slice(&slice, ptr, at, len);
	if (err || !len)
		return err;

	/* Before user memory is touched, which may take long. */
	err = phys_ptr_check(&slice, write);
	while (!err && copied < len) {
		void __user *to = ubuf + copied;
		size_t left = len - copied, n = 0;
		bool pinned = false;

		/* Kernel threads have no user memory: the copy faults. */
		if (left >= PAGE_SIZE && current->mm)
			err = pinned_copy(&slice, copied, to, left, write, &n,
					  &pinned);
		if (!pinned)
			err = bounce_copy(&slice, copied, to,
					  min_t(size_t, left, PAGE_SIZE), write,
					  &n);
		copied += n;
		cond_resched();
	}
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
