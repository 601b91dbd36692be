/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /sys/kernel/debug/lvbs. Its files parse commands, call internal or public
 * functions and print results; they make no decisions.
 */
#ifndef _LVBS_DEBUGFS_H
#define _LVBS_DEBUGFS_H

#include <linux/fs.h>
#include <linux/seq_file.h>

struct command;
struct command_refusal;

/* Longest command unless a file sets its own limit: a name and some numbers. */
#define DEBUGFS_COMMAND_MAX	256

/**
 * struct debugfs_file - a file
 * @name: its name
 * @mode: 0600 or 0400
 * @about: what it is for, in half a line
 * @fops: operations; NULL for a file that takes commands and cannot be read
 * @usage: words of a command, a line for each form
 * @command: runs a command; a negative return value becomes the error of the
 *	write(). If @fops are given, their write is debugfs_command_write().
 * @refusals: what errnos of @command mean; NULL, or ends with an empty entry
 * @max: longest command, if not %DEBUGFS_COMMAND_MAX
 */
struct debugfs_file {
	const char *name;
	umode_t mode;
	const char *about;
	const struct file_operations *fops;
	const char *usage;
	long (*command)(struct command *cmd);
	const struct command_refusal *refusals;
	size_t max;
};

/**
 * struct debugfs_dir - files of one directory
 * @name: name of the directory, or NULL for the root; as the README shows it
 * @files: the files
 * @nr: their number
 */
struct debugfs_dir {
	const char *name;
	const struct debugfs_file *files;
	size_t nr;
};

extern const struct debugfs_dir phys_files, mem_files, ring_files,
				one_ring_files, heki_files, vtlcall_files;

struct dentry *debugfs_root(void);
int debugfs_may_open(struct inode *inode, struct file *file);
ssize_t debugfs_command_write(struct file *file, const char __user *ubuf,
			      size_t len, loff_t *ppos);
ssize_t debugfs_usage_read(struct file *file, char __user *ubuf, size_t len,
			   loff_t *ppos);
int debugfs_add_files(struct dentry *dir, const struct debugfs_dir *files,
		      void *data);

int debugfs_phys_init(void);
int debugfs_mem_init(void);
void debugfs_mem_exit(void);
int debugfs_heki_init(void);

int debugfs_ring_init(void);
void debugfs_ring_exit(void);

#endif /* _LVBS_DEBUGFS_H */
