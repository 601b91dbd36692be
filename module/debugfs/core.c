// SPDX-License-Identifier: GPL-2.0
/*
 * Our corner of debugfs: its root, and what all its files have in common.
 */
#include <linux/capability.h>
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "debugfs/debugfs.h"
#include "init.h"

static struct dentry *root;

struct dentry *debugfs_root(void)
{
	return root;
}

int debugfs_may_open(struct inode *inode, struct file *file)
{
	int err = 0;

	if (!capable(CAP_SYS_RAWIO))
		return -EPERM;
	if (file->f_mode & FMODE_READ)
		err = security_locked_down(LOCKDOWN_KCORE);
	if (!err && file->f_mode & FMODE_WRITE)
		err = security_locked_down(LOCKDOWN_DEV_MEM);
	return err;
}

char *debugfs_command(const char __user *ubuf, size_t len, size_t max)
{
	char *command;

	if (!len || len > max)
		return ERR_PTR(-EINVAL);

	command = kvmalloc(len + 1, GFP_KERNEL);
	if (!command)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(command, ubuf, len)) {
		kvfree(command);
		return ERR_PTR(-EFAULT);
	}
	command[len] = '\0';
	if (strlen(command) != len) {
		kvfree(command);
		return ERR_PTR(-EINVAL);
	}
	return command;
}

ssize_t debugfs_run(const char __user *ubuf, size_t len, size_t max,
		    long (*run)(char *words))
{
	char *command = debugfs_command(ubuf, len, max);
	long ret;

	if (IS_ERR(command))
		return PTR_ERR(command);
	ret = run(command);
	kvfree(command);
	return ret < 0 ? ret : len;
}

int debugfs_add_files(struct dentry *dir, const struct debugfs_file *files,
		      size_t nr, void *data)
{
	struct dentry *file;
	size_t i;

	for (i = 0; i < nr; i++) {
		if (data)
			file = debugfs_create_file_unsafe(files[i].name,
							  files[i].mode, dir,
							  data, files[i].fops);
		else
			file = debugfs_create_file(files[i].name, files[i].mode,
						   dir, NULL, files[i].fops);
		if (IS_ERR(file))
			return PTR_ERR(file);
	}
	return 0;
}

int debugfs_init(void)
{
	int err;

	root = debugfs_create_dir("lvbs", NULL);
	if (IS_ERR(root))
		return PTR_ERR(root);

	err = debugfs_phys_init();
	err = err ?: debugfs_ring_init();
	err = err ?: debugfs_heki_init();
	err = err ?: debugfs_mem_init();
	if (err)
		debugfs_exit();
	return err;
}

void debugfs_exit(void)
{
	debugfs_mem_exit();
	debugfs_ring_exit();
	debugfs_remove(root);
}
