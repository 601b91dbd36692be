// SPDX-License-Identifier: GPL-2.0
/*
 * User memory for a kernel thread. Newer kernels have kunit_attach_mm().
 */
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

#include "kunit/fakes/kernel.h"
#include "kunit/fakes/user.h"

int fake_user_begin(struct fake_user *user, unsigned long pages)
{
	unsigned long addr;
	int err;

	*user = (struct fake_user) { .bytes = pages << PAGE_SHIFT };
	user->mm = kernel_mm_alloc();
	if (!user->mm)
		return -ENOMEM;
	user->mm->task_size = TASK_SIZE;
	kernel_pick_mmap_layout(user->mm, &current->signal->rlim[RLIMIT_STACK]);
	kthread_use_mm(user->mm);

	addr = vm_mmap(NULL, 0, user->bytes + PAGE_SIZE, PROT_READ | PROT_WRITE,
		       MAP_ANONYMOUS | MAP_PRIVATE, 0);
	err = IS_ERR_VALUE(addr) ? (int)addr :
				   vm_munmap(addr + user->bytes, PAGE_SIZE);
	if (err) {
		fake_user_end(user);
		return err;
	}
	user->addr = addr;
	return 0;
}

void fake_user_end(struct fake_user *user)
{
	if (!user->mm)
		return;
	kthread_unuse_mm(user->mm);
	mmput(user->mm);
	user->mm = NULL;
}
