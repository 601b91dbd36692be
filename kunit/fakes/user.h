/* SPDX-License-Identifier: GPL-2.0 */
/*
 * User memory for a KUnit test, which runs in a kernel thread and has none.
 */
#ifndef _LVBS_KUNIT_FAKE_USER_H
#define _LVBS_KUNIT_FAKE_USER_H

#include <linux/types.h>

struct mm_struct;

/**
 * struct fake_user - user memory, followed by an unmapped page
 * @mm: the address space that the thread uses
 * @addr: user address
 * @bytes: length
 */
struct fake_user {
	struct mm_struct *mm;
	unsigned long addr;
	size_t bytes;
};

/**
 * fake_user_begin() - give user memory to the calling kernel thread
 * @user: filled in
 * @pages: number of pages, which are zeroed
 *
 * Return: 0 or an errno.
 */
int fake_user_begin(struct fake_user *user, unsigned long pages);

/**
 * fake_user_end() - release the user memory, in the same thread
 * @user: passed to fake_user_begin(), which may have failed
 */
void fake_user_end(struct fake_user *user);

static inline u8 __user *fake_user_ptr(const struct fake_user *user, size_t at)
{
	return (u8 __user *)(user->addr + at);
}

#endif /* _LVBS_KUNIT_FAKE_USER_H */
