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

#include "debugfs/command.h"
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

static long run_command(const struct debugfs_file *entry, struct file *file,
			const char *text, char *words)
{
	struct command cmd;
	long ret;

	command_init(&cmd, text, words);
	cmd.file = file;
	ret = entry->command(&cmd);
	if (ret < 0) {
		command_explain(&cmd, -ret, entry->refusals);
		error_log_add(file, &cmd, -ret);
	}
	return ret;
}

/* A command that is not even a line of words. */
static void log_unreadable(struct file *file, const char *text, const char *why)
{
	struct command cmd;

	command_init(&cmd, text, NULL);
	command_blame(&cmd, 0, why, -EINVAL);
	error_log_add(file, &cmd, EINVAL);
}

/* ->write() of a file with a @command. */
ssize_t debugfs_command_write(struct file *file, const char __user *ubuf,
			      size_t len, loff_t *ppos)
{
	const struct debugfs_file *entry = file_inode(file)->i_private;
	char *text;
	long ret;

	/* The next read() starts at the beginning of what the command changes. */
	*ppos = 0;
	if (!len || len > (entry->max ?: DEBUGFS_COMMAND_MAX)) {
		log_unreadable(file, "", len ? "too long" : "empty");
		return -EINVAL;
	}

	/* The line as it was written, and a copy that is taken apart. */
	text = kvmalloc(2 * (len + 1), GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	if (copy_from_user(text, ubuf, len)) {
		ret = -EFAULT;
		goto free;
	}
	text[len] = '\0';
	if (strlen(text) != len) {
		log_unreadable(file, text, "contains a NUL");
		ret = -EINVAL;
		goto free;
	}
	ret = run_command(entry, file, text,
			  memcpy(text + len + 1, text, len + 1));
free:
	kvfree(text);
	return ret < 0 ? ret : len;
}

/* Prints how a file with a @command is used. */
ssize_t debugfs_usage_read(struct file *file, char __user *ubuf, size_t len,
			   loff_t *ppos)
{
	const struct debugfs_file *entry = file_inode(file)->i_private;
	size_t usage = strlen(entry->usage);

	return simple_read_from_buffer(ubuf, len, ppos, entry->usage, usage);
}

static const struct file_operations command_fops = {
	.owner = THIS_MODULE,
	.open = debugfs_may_open,
	.read = debugfs_usage_read,
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
int debugfs_add_files(struct dentry *dir, const struct debugfs_dir *files,
		      void *data)
{
	struct dentry *file;
	size_t i;

	for (i = 0; i < files->nr; i++) {
		file = add_file(dir, &files->files[i], data);
		if (IS_ERR(file))
			return PTR_ERR(file);
	}
	return 0;
}

static const struct debugfs_dir root_files;

/* All files, in the order of the README. */
static const struct debugfs_dir *const all_files[] = {
	&mem_files, &phys_files, &ring_files, &one_ring_files, &heki_files,
	&vtlcall_files, &root_files,
};

static void readme_show_file(struct seq_file *m, const char *dir,
			     const struct debugfs_file *file)
{
	const char *usage = file->usage;
	char path[32];

	snprintf(path, sizeof(path), "%s%s%s", dir ?: "", dir ? "/" : "",
		 file->name);
	seq_printf(m, "%-20s  %s\n", path, file->about);
	while (usage && *usage) {
		int len = strchrnul(usage, '\n') - usage;

		seq_printf(m, "%-20s    %.*s\n", "", len, usage);
		usage += len + 1;
	}
}

static int readme_show(struct seq_file *m, void *unused)
{
	size_t i, j;

	seq_puts(m, "lvbs: the secure side (VTL1) of virtualization-based security, as a module.\n"
		 "\n"
		 "One write() is one command. Reading a file that takes only commands prints\n"
		 "its usage. error_log says why commands were refused. Numbers are decimal, or\n"
		 "hex with 0x. Addresses are physical. Search this directory with\n"
		 "grep -r --exclude=mem --exclude=stream: mem is as large as the physical\n"
		 "address space, and a read of stream waits for what will be written.\n"
		 "\n");
	for (i = 0; i < ARRAY_SIZE(all_files); i++)
		for (j = 0; j < all_files[i]->nr; j++)
			readme_show_file(m, all_files[i]->name,
					 &all_files[i]->files[j]);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(readme);

static const struct debugfs_file root_entries[] = {
	{ "error_log", 0600, "why the last commands were refused; writing clears it",
	  &error_log_fops },
	{ "README", 0400, "this list", &readme_fops },
};

static const struct debugfs_dir root_files = {
	NULL, root_entries, ARRAY_SIZE(root_entries),
};

int debugfs_init(void)
{
	int err;

	root = debugfs_create_dir("lvbs", NULL);
	if (IS_ERR(root))
		return PTR_ERR(root);

	err = debugfs_add_files(root, &root_files, NULL);
	err = err ?: debugfs_phys_init();
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
