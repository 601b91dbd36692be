/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /sys/kernel/debug/lvbs. Its files parse commands, call internal or public
 * functions and print results; they make no decisions.
 */
#ifndef _LVBS_DEBUGFS_H
#define _LVBS_DEBUGFS_H

#include <linux/fs.h>
#include <linux/seq_file.h>

/* Longest command unless a file sets its own limit: a name and some numbers. */
#define DEBUGFS_COMMAND_MAX	256

/*
 * A file with a @command and no @fops is write-only: a write() is one command,
 * and @command runs it. @words is a modifiable string; a negative return value
 * becomes the error of the write(). A file that can also be read has both, and
 * @fops->write is debugfs_command_write().
 */
struct debugfs_file {
	const char *name;
	umode_t mode;
	const struct file_operations *fops;
	long (*command)(char *words);
};

struct dentry *debugfs_root(void);
int debugfs_may_open(struct inode *inode, struct file *file);
char *debugfs_command(const char __user *ubuf, size_t len, size_t max);
ssize_t debugfs_run(const char __user *ubuf, size_t len, size_t max,
		    long (*run)(char *words));
ssize_t debugfs_command_write(struct file *file, const char __user *ubuf,
			      size_t len, loff_t *ppos);
int debugfs_add_files(struct dentry *dir, const struct debugfs_file *files,
		      size_t nr, void *data);

int debugfs_phys_init(void);
int debugfs_mem_init(void);
void debugfs_mem_exit(void);
int debugfs_heki_init(void);

int debugfs_ring_init(void);
void debugfs_ring_exit(void);

#endif /* _LVBS_DEBUGFS_H */
