/* SPDX-License-Identifier: GPL-2.0 */
/*
 * User memory for a KUnit case, which runs in a kernel thread and has none.
 */
#ifndef _LVBS_KUNIT_FAKE_USER_H
#define _LVBS_KUNIT_FAKE_USER_H

#include <linux/types.h>

struct mm_struct;

/**
 * struct fake_user - some user memory; the page behind it is a hole
 * @mm: the address space that the thread wears
 * @addr: where the memory is
 * @bytes: how much
 */
struct fake_user {
	struct mm_struct *mm;
	unsigned long addr;
	size_t bytes;
};

/**
 * fake_user_begin() - give the calling kernel thread user memory
 * @user: filled
 * @pages: how much; it reads as zeroes
 *
 * Return: 0 or an errno.
 */
int fake_user_begin(struct fake_user *user, unsigned long pages);

/**
 * fake_user_end() - take it away again, in the same thread
 * @user: what fake_user_begin() filled, or failed to
 */
void fake_user_end(struct fake_user *user);

static inline u8 __user *fake_user_ptr(const struct fake_user *user, size_t at)
{
	return (u8 __user *)(user->addr + at);
}

#endif /* _LVBS_KUNIT_FAKE_USER_H */
