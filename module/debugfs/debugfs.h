/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Our corner of debugfs. The files parse, print and call public functions;
 * they decide nothing.
 */
#ifndef _LVBS_DEBUGFS_H
#define _LVBS_DEBUGFS_H

#include <linux/fs.h>
#include <linux/seq_file.h>

/**
 * debugfs_root() - the folder that everything of ours hangs below
 *
 * Return: the folder.
 */
struct dentry *debugfs_root(void);

/**
 * debugfs_may_open() - may this file, which is about memory, be opened?
 * @inode: as ->open() gets it
 * @file: as ->open() gets it; its mode says what is wanted
 *
 * debugfs itself lets 0400 files through under lockdown, and knows nothing of
 * capabilities.
 *
 * Context: Process context.
 * Return: 0; -EPERM without CAP_SYS_RAWIO, or where lockdown forbids it.
 */
int debugfs_may_open(struct inode *inode, struct file *file);

/**
 * debugfs_command() - the one command that a write() is
 * @ubuf: what was written
 * @len: its length
 * @max: longest command that makes sense, in bytes
 *
 * Context: Process context; may sleep.
 * Return: the command, terminated, for kvfree(); or ERR_PTR: -EINVAL if it is
 * too long, empty or contains a NUL, -EFAULT, -ENOMEM.
 */
char *debugfs_command(const char __user *ubuf, size_t len, size_t max);

/**
 * debugfs_run() - a write() that is one command, and nothing else
 * @ubuf: what was written
 * @len: its length
 * @max: longest command that makes sense, in bytes
 * @run: does it; may change the words that it is given. Returns a negative
 *	errno, or anything else for success
 *
 * Context: Process context; may sleep.
 * Return: @len; or a negative errno, of debugfs_command() or of @run.
 */
ssize_t debugfs_run(const char __user *ubuf, size_t len, size_t max,
		    long (*run)(char *words));

/**
 * struct debugfs_file - a file in one of our folders
 * @name: its name
 * @mode: its permissions
 * @fops: what it does
 */
struct debugfs_file {
	const char *name;
	umode_t mode;
	const struct file_operations *fops;
};

/**
 * debugfs_add_files() - make files, all or an error
 * @dir: the folder, whoever removes it removes the files
 * @files: the files
 * @nr: how many
 * @data: what they are about, for &inode.i_private; @fops then look after its
 *	lifetime themselves, as debugfs_create_file_unsafe() asks for. NULL for
 *	files that are about the module
 *
 * There is no other way to us: a file that is missing is no detail.
 *
 * Context: May sleep.
 * Return: 0; or a negative errno of debugfs_create_file(); some are there then.
 */
int debugfs_add_files(struct dentry *dir, const struct debugfs_file *files,
		      size_t nr, void *data);

int debugfs_phys_init(void);
int debugfs_mem_init(void);
void debugfs_mem_exit(void);
int debugfs_heki_init(void);

int debugfs_ring_init(void);
void debugfs_ring_exit(void);

#endif /* _LVBS_DEBUGFS_H */
