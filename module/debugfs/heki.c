// SPDX-License-Identifier: GPL-2.0
/*
 * heki/ and vtlcall: VTL calls for shells.
 */
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <lvbs/heki.h>

#include "debugfs/debugfs.h"
#include "heki/heki.h"
#include "live/live.h"
#include "parse.h"

/* Exactly @nr numbers. */
static int parse_numbers(char *words, u64 *number, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (parse_next_number(&words, &number[i]))
			return -EINVAL;
	return parse_word(&words) ? -EINVAL : 0;
}

static long run_load_kdata(char *words)
{
	u64 n[2];

	return parse_numbers(words, n, 2) ?:
	       lvbs_vtlcall(HEKI_VTLCALL_LOAD_KDATA, n[0], n[1], 0);
}

static long run_patch_text(char *words)
{
	u64 n[2];

	return parse_numbers(words, n, 2) ?:
	       lvbs_vtlcall(HEKI_VTLCALL_PATCH_TEXT, n[0], n[1], 0);
}

static long run_request(char *words)
{
	struct heki_patch *wire;
	u64 pa0, pa1;
	size_t len;
	char *hex;
	long ret;

	if (parse_next_number(&words, &pa0) ||
	    parse_next_number(&words, &pa1))
		return -EINVAL;
	hex = parse_word(&words);
	if (!hex || parse_hex(hex, &len) || !len || len > HEKI_CODE_MAX ||
	    parse_word(&words))
		return -EINVAL;

	/* Memory of VTL0; a power of two, so that it does not straddle. */
	wire = kzalloc(roundup_pow_of_two(sizeof(*wire)), GFP_KERNEL);
	if (!wire)
		return -ENOMEM;
	heki_patch_encode(wire, pa0, pa1, hex, len);
	ret = lvbs_vtlcall(HEKI_VTLCALL_PATCH_TEXT, virt_to_phys(wire), 0, 0);
	kfree(wire);
	return ret;
}

static long run_end_of_boot(char *words)
{
	u64 n;

	if (parse_numbers(words, &n, 1) || n != 1)
		return -EINVAL;
	return lvbs_vtlcall(HEKI_VTLCALL_END_OF_BOOT, 0, 0, 0);
}

static long run_live(char *words)
{
	const char *mode = parse_word(&words);

	if (!mode || parse_word(&words))
		return -EINVAL;
	return live_set_mode(mode);
}

static ssize_t show_line(char __user *ubuf, size_t len, loff_t *ppos,
			 const char *word)
{
	char line[16];
	int n = scnprintf(line, sizeof(line), "%s\n", word);

	return simple_read_from_buffer(ubuf, len, ppos, line, n);
}

static ssize_t end_of_boot_read(struct file *file, char __user *ubuf,
				size_t len, loff_t *ppos)
{
	return show_line(ubuf, len, ppos, vtlcall_boot_ended() ? "1" : "0");
}

static ssize_t live_read(struct file *file, char __user *ubuf, size_t len,
			 loff_t *ppos)
{
	return show_line(ubuf, len, ppos, live_mode_name());
}

static const struct file_operations end_of_boot_fops = {
	.owner = THIS_MODULE,
	.open = debugfs_may_open,
	.read = end_of_boot_read,
	.write = debugfs_command_write,
};

static const struct file_operations live_fops = {
	.owner = THIS_MODULE,
	.open = debugfs_may_open,
	.read = live_read,
	.write = debugfs_command_write,
};

/*
 * heki/patches: the position is the lowest possible address of the next site.
 */

static void *patches_at(loff_t *pos, struct heki_patch_hit *hit)
{
	if (*pos < 0 || heki_patch_map_next(heki_owner_map(), *pos, hit))
		return NULL;
	*pos = hit->site.pa[0];
	return hit;
}

static void *patches_start(struct seq_file *m, loff_t *pos)
{
	return patches_at(pos, m->private);
}

static void *patches_next(struct seq_file *m, void *v, loff_t *pos)
{
	const struct heki_patch_hit *hit = v;

	*pos = hit->site.pa[0] + 1;
	return patches_at(pos, m->private);
}

static void patches_stop(struct seq_file *m, void *v)
{
}

static int patches_show(struct seq_file *m, void *v)
{
	const struct heki_patch_hit *hit = v;
	char name[HEKI_OWNER_NAME];

	heki_owner_name(hit->owner, name);
	seq_printf(m, "0x%llx 0x%llx %u %*phN %s\n", (u64)hit->site.pa[0],
		   (u64)hit->site.pa[1], hit->site.size, hit->site.size,
		   hit->site.code, name);
	return 0;
}

static const struct seq_operations patches_ops = {
	.start = patches_start,
	.next = patches_next,
	.stop = patches_stop,
	.show = patches_show,
};

static int patches_open(struct inode *inode, struct file *file)
{
	return seq_open_private(file, &patches_ops,
				sizeof(struct heki_patch_hit));
}

static const struct file_operations patches_fops = {
	.owner = THIS_MODULE,
	.open = patches_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = seq_release_private,
};

static int verdicts_show(struct seq_file *m, void *unused)
{
	heki_verdicts_show(m);
	live_show(m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(verdicts);

static long run_policy(char *words)
{
	const char *kind = parse_word(&words);
	const char *policy = parse_word(&words);

	if (!kind || !policy || parse_word(&words))
		return -EINVAL;
	return live_policy_set(kind, policy);
}

static int policy_show(struct seq_file *m, void *unused)
{
	live_policy_show(m);
	return 0;
}

static int policy_open(struct inode *inode, struct file *file)
{
	return debugfs_may_open(inode, file) ?:
	       single_open(file, policy_show, NULL);
}

static const struct file_operations policy_fops = {
	.owner = THIS_MODULE,
	.open = policy_open,
	.read = seq_read,
	.write = debugfs_command_write,
	.release = single_release,
};

static int verify_open(struct inode *inode, struct file *file)
{
	return debugfs_may_open(inode, file) ?: live_verify_open(inode, file);
}

static const struct file_operations verify_fops = {
	.owner = THIS_MODULE,
	.open = verify_open,
	.read = seq_read,
	.release = seq_release_private,
};

/*
 * vtlcall: a write() is one call. A read() returns the result of the last call
 * by this open file or, if it made none, by any: the echo and cat of a shell
 * open the file separately.
 */

struct vtlcall_result {
	long value;
	bool valid;		/* false before the first call */
};

static DEFINE_MUTEX(vtlcall_lock);	/* guards the results below */
static struct vtlcall_result vtlcall_last;	/* of any file */

struct vtlcall_file {
	struct vtlcall_result result;	/* last of this file */
};

static int vtlcall_open(struct inode *inode, struct file *file)
{
	struct vtlcall_file *call;
	int err = debugfs_may_open(inode, file);

	if (err)
		return err;
	call = kzalloc(sizeof(*call), GFP_KERNEL);
	if (!call)
		return -ENOMEM;
	file->private_data = call;
	return 0;
}

static int vtlcall_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

static ssize_t vtlcall_write(struct file *file, const char __user *ubuf,
			     size_t len, loff_t *ppos)
{
	struct vtlcall_file *call = file->private_data;
	char *command = debugfs_command(ubuf, len, DEBUGFS_COMMAND_MAX);
	struct vtlcall_result result = { .valid = true };
	u64 n[4];
	int err;

	if (IS_ERR(command))
		return PTR_ERR(command);
	err = parse_numbers(command, n, 4);
	kvfree(command);
	if (err)
		return err;

	result.value = lvbs_vtlcall(n[0], n[1], n[2], n[3]);
	mutex_lock(&vtlcall_lock);
	call->result = result;
	vtlcall_last = result;
	mutex_unlock(&vtlcall_lock);
	/* The next read() starts at the beginning of the new result. */
	*ppos = 0;
	return result.value < 0 ? result.value : len;
}

static ssize_t vtlcall_read(struct file *file, char __user *ubuf, size_t len,
			    loff_t *ppos)
{
	struct vtlcall_file *call = file->private_data;
	struct vtlcall_result result;
	char line[24];
	int n = 0;

	mutex_lock(&vtlcall_lock);
	result = call->result.valid ? call->result : vtlcall_last;
	mutex_unlock(&vtlcall_lock);
	if (result.valid)
		n = scnprintf(line, sizeof(line), "%ld\n", result.value);
	return simple_read_from_buffer(ubuf, len, ppos, line, n);
}

static const struct file_operations vtlcall_fops = {
	.owner = THIS_MODULE,
	.open = vtlcall_open,
	.release = vtlcall_release,
	.read = vtlcall_read,
	.write = vtlcall_write,
};

static const struct debugfs_file heki_files[] = {
	{ "load_kdata", 0600, .command = run_load_kdata },
	{ "patch_text", 0600, .command = run_patch_text },
	{ "request", 0600, .command = run_request },
	{ "patches", 0400, &patches_fops },
	{ "end_of_boot", 0600, &end_of_boot_fops, run_end_of_boot },
	{ "live", 0600, &live_fops, run_live },
	{ "policy", 0600, &policy_fops, run_policy },
	{ "verdicts", 0400, &verdicts_fops },
	{ "verify", 0400, &verify_fops },
};

static const struct debugfs_file vtlcall_files[] = {
	{ "vtlcall", 0600, &vtlcall_fops },
};

int debugfs_heki_init(void)
{
	struct dentry *dir = debugfs_create_dir("heki", debugfs_root());
	int err;

	if (IS_ERR(dir))
		return PTR_ERR(dir);
	err = debugfs_add_files(dir, heki_files, ARRAY_SIZE(heki_files), NULL);
	return err ?: debugfs_add_files(debugfs_root(), vtlcall_files,
					ARRAY_SIZE(vtlcall_files), NULL);
}
