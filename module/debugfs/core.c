// SPDX-License-Identifier: GPL-2.0
/*
 * The debugfs directory lvbs: permissions, commands and creation of files.
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
#include "subsystems.h"

static struct dentry *root;

struct dentry *debugfs_root(void)
{
	return root;
}

/*
 * ->open() of files that access memory or change state: -EPERM without
 * CAP_SYS_RAWIO or if lockdown forbids it. debugfs itself permits 0400 files
 * under lockdown and checks no capabilities.
 */
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

/*
 * Copy a command of at most @max bytes from user memory. The result is
 * terminated and freed by kvfree(). -EINVAL if it is empty, too long or
 * contains a NUL.
 */
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

/* Returns @len, or the error of debugfs_command() or @run. */
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

/* ->write() of a file with a @command. */
ssize_t debugfs_command_write(struct file *file, const char __user *ubuf,
			      size_t len, loff_t *ppos)
{
	const struct debugfs_file *entry = file_inode(file)->i_private;

	return debugfs_run(ubuf, len, DEBUGFS_COMMAND_MAX, entry->command);
}

static const struct file_operations command_fops = {
	.owner = THIS_MODULE,
	.open = debugfs_may_open,
	.write = debugfs_command_write,
};

static struct dentry *add_file(struct dentry *dir,
			       const struct debugfs_file *entry, void *data)
{
	if (data)
		return debugfs_create_file_unsafe(entry->name, entry->mode, dir,
						  data, entry->fops);
	if (entry->command)
		data = (void *)entry;
	return debugfs_create_file(entry->name, entry->mode, dir, data,
				   entry->fops ?: &command_fops);
}

/*
 * Create files in @dir; removing it removes them. @data is what the files are
 * about and becomes &inode.i_private. Such files have @fops that guard its
 * lifetime, and no commands (debugfs_create_file_unsafe()). It is NULL for
 * files about the module; then @files is static.
 *
 * Failing to create a file is fatal: debugfs is the only interface for users.
 * The caller removes those created so far.
 */
int debugfs_add_files(struct dentry *dir, const struct debugfs_file *files,
		      size_t nr, void *data)
{
	struct dentry *file;
	size_t i;

	for (i = 0; i < nr; i++) {
		file = add_file(dir, &files[i], data);
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
