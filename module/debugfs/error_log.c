// SPDX-License-Identifier: GPL-2.0
/*
 * error_log: why the last commands were refused. The format is that of tracefs.
 */
#include <linux/ctype.h>
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/mutex.h>
#include <linux/sched/clock.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/time64.h>

#include "debugfs/command.h"
#include "debugfs/debugfs.h"

#define ERROR_LOG_LINES	8

static struct {
	struct mutex lock;	/* guards the rest */
	struct error_log_line lines[ERROR_LOG_LINES];
	unsigned long added;	/* number of lines ever added */
	unsigned long first;	/* the oldest one that was not cleared */
} error_log = { .lock = __MUTEX_INITIALIZER(error_log.lock) };

/*
 * Copy the command. Of a long one copy the end of what precedes the caret, and
 * what follows. What is not printable becomes a blank, so that the caret is
 * below its word.
 */
void error_log_fill(struct error_log_line *line, const struct command *cmd)
{
	size_t len = strlen(cmd->text), from = 0, i;

	/* Half the line for what follows the caret, if that is as long. */
	if (len >= sizeof(line->text) && cmd->caret > sizeof(line->text) / 2)
		from = min(cmd->caret - sizeof(line->text) / 2,
			   len - sizeof(line->text) + 1);
	line->name = cmd->name;
	line->why = cmd->why;
	line->caret = cmd->caret - from;
	strscpy(line->text, cmd->text + from, sizeof(line->text));
	for (i = 0; line->text[i]; i++)
		if (!isascii(line->text[i]) || !isprint(line->text[i]))
			line->text[i] = ' ';
	while (i && line->text[i - 1] == ' ')
		line->text[--i] = '\0';
}

void error_log_print(struct seq_file *m, const struct error_log_line *line)
{
	const char *errno = errno_name(line->err);
	u32 ns;
	u64 s = div_u64_rem(line->ns, NSEC_PER_SEC, &ns);

	seq_printf(m, "[%5llu.%06u] %s: ", s, ns / 1000, line->path);
	if (errno)
		seq_printf(m, "%s: ", errno);
	else
		seq_printf(m, "error %d: ", line->err);
	if (line->name)
		seq_printf(m, "%s ", line->name);
	seq_printf(m, "%s\n", line->why);
	seq_printf(m, "  Command: %s\n", line->text);
	seq_printf(m, "           %*s^\n", (int)line->caret, "");
}

/* @file is below the root of the directory lvbs. */
static void fill_path(struct error_log_line *line, struct file *file)
{
	struct dentry *dentry = file->f_path.dentry;

	if (dentry->d_parent == debugfs_root())
		snprintf(line->path, sizeof(line->path), "%pd", dentry);
	else
		snprintf(line->path, sizeof(line->path), "%pd2", dentry);
}

/* @err is positive. */
void error_log_add(struct file *file, const struct command *cmd, int err)
{
	struct error_log_line *line;

	mutex_lock(&error_log.lock);
	line = &error_log.lines[error_log.added++ % ERROR_LOG_LINES];
	if (error_log.added - error_log.first > ERROR_LOG_LINES)
		error_log.first = error_log.added - ERROR_LOG_LINES;
	line->ns = local_clock();
	line->err = err;
	fill_path(line, file);
	error_log_fill(line, cmd);
	mutex_unlock(&error_log.lock);
}

static int error_log_show(struct seq_file *m, void *unused)
{
	unsigned long i;

	mutex_lock(&error_log.lock);
	for (i = error_log.first; i != error_log.added; i++)
		error_log_print(m, &error_log.lines[i % ERROR_LOG_LINES]);
	mutex_unlock(&error_log.lock);
	return 0;
}

static void error_log_clear(void)
{
	mutex_lock(&error_log.lock);
	error_log.first = error_log.added;
	mutex_unlock(&error_log.lock);
}

/* As in tracefs, any write clears the log, and so does truncating it. */
static ssize_t error_log_write(struct file *file, const char __user *ubuf,
			       size_t len, loff_t *ppos)
{
	error_log_clear();
	return len;
}

static int error_log_open(struct inode *inode, struct file *file)
{
	int err = debugfs_may_open(inode, file);

	err = err ?: single_open(file, error_log_show, NULL);
	if (!err && file->f_mode & FMODE_WRITE && file->f_flags & O_TRUNC)
		error_log_clear();
	return err;
}

const struct file_operations error_log_fops = {
	.owner = THIS_MODULE,
	.open = error_log_open,
	.read = seq_read,
	.write = error_log_write,
	.llseek = seq_lseek,
	.release = single_release,
};
