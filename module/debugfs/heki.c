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

#include "debugfs/command.h"
#include "debugfs/debugfs.h"
#include "heki/heki.h"
#include "live/live.h"

/* A command whose two numbers are the arguments of a VTL call. */
static long run_call(struct command *cmd, const char *name0, const char *name1,
		     u64 id)
{
	u64 a0, a1;

	if (command_number(cmd, name0, &a0) ||
	    command_number(cmd, name1, &a1) || command_end(cmd))
		return -EINVAL;
	return lvbs_vtlcall(id, a0, a1, 0);
}

static long run_load_kdata(struct command *cmd)
{
	return run_call(cmd, "PA", "NRANGES", HEKI_VTLCALL_LOAD_KDATA);
}

static const struct command_refusal load_kdata_refusals[] = {
	{ EINVAL, 0, "the page list there, or a patch record, is malformed" },
	{ EPERM, 0, "VTL1 owns a frame of the list, or boot has ended" },
	{ EEXIST, 0, "a site overlaps a known one" },
	{ EBUSY, 0, "a frame of the list or of a site is locked" },
	{}
};

static long run_patch_text(struct command *cmd)
{
	return run_call(cmd, "PA0", "PA1", HEKI_VTLCALL_PATCH_TEXT);
}

static const struct command_refusal patch_text_refusals[] = {
	{ EINVAL, 0, "no request lies there, or it is malformed" },
	{ EPERM, 0, "VTL1 owns a frame of the request" },
	{ ENOENT, 0, "the request names no known site" },
	{ EBUSY, 0, "the request is locked, or live mode patches its site" },
	{}
};

static long run_request(struct command *cmd)
{
	struct heki_patch *wire;
	u64 pa0, pa1;
	size_t len;
	char *code;
	long ret;

	if (command_number(cmd, "PA0", &pa0) ||
	    command_number(cmd, "PA1", &pa1) ||
	    command_hex(cmd, "HEXBYTES", &code, &len) || command_end(cmd))
		return -EINVAL;
	if (!len || len > HEKI_CODE_MAX)
		return command_blame(cmd, 2, "not 1 to 5 bytes", -EINVAL);

	/* Memory of VTL0; a power of two, so that it does not straddle. */
	wire = kzalloc(roundup_pow_of_two(sizeof(*wire)), GFP_KERNEL);
	if (!wire)
		return -ENOMEM;
	heki_patch_encode(wire, pa0, pa1, code, len);
	ret = lvbs_vtlcall(HEKI_VTLCALL_PATCH_TEXT, virt_to_phys(wire), 0, 0);
	kfree(wire);
	return ret;
}

static const struct command_refusal request_refusals[] = {
	{ EINVAL, 1, "not the second page of this site" },
	{ ENOENT, 0, "no site is known there" },
	{ EACCES, 2, "not what may be written to this site now" },
	{ EBUSY, 0, "live mode patches this site" },
	{}
};

static long run_end_of_boot(struct command *cmd)
{
	u64 n;

	if (command_number(cmd, "1", &n) || command_end(cmd))
		return -EINVAL;
	if (n != 1)
		return command_blame(cmd, 0, "only 1 can be written", -EINVAL);
	return lvbs_vtlcall(HEKI_VTLCALL_END_OF_BOOT, 0, 0, 0);
}

static const struct command_refusal end_of_boot_refusals[] = {
	{ EPERM, 0, "boot has ended already" },
	{}
};

static long run_live(struct command *cmd)
{
	const char *mode = command_word(cmd, "MODE");

	if (!mode || command_end(cmd))
		return -EINVAL;
	return live_set_mode(mode);
}

static const struct command_refusal live_refusals[] = {
	{ EINVAL, 0, "no mode, or one that a module forbids (see the kernel log)" },
	{ EPERM, 0, "boot has ended: the mode can only be tightened" },
	{ ENOENT, 0, "this kernel lacks what live mode needs (see the kernel log)" },
	{ EBUSY, 0, "the kernel's text writes cannot be seen now (see the kernel log)" },
	{ EEXIST, 0, "VTL0 has announced sites in the same text" },
	{}
};

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

static long run_policy(struct command *cmd)
{
	const char *kind = command_word(cmd, "KIND");
	const char *policy = command_word(cmd, "POLICY");

	if (!kind || !policy || command_end(cmd))
		return -EINVAL;
	return live_policy_set(kind, policy);
}

static const struct command_refusal policy_refusals[] = {
	{ EINVAL, 0, "no such kind, or no policy of it (see the kernel log)" },
	{ EPERM, 1, "boot has ended: a policy can only be tightened" },
	{ EBUSY, 0, "the functions to deny cannot be hooked (see the kernel log)" },
	{}
};

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

static long run_vtlcall(struct command *cmd)
{
	struct vtlcall_file *call = cmd->file->private_data;
	struct vtlcall_result result = { .valid = true };
	u64 id, a0, a1, a2;

	if (command_number(cmd, "ID", &id) || command_number(cmd, "A0", &a0) ||
	    command_number(cmd, "A1", &a1) || command_number(cmd, "A2", &a2) ||
	    command_end(cmd))
		return -EINVAL;

	result.value = lvbs_vtlcall(id, a0, a1, a2);
	mutex_lock(&vtlcall_lock);
	call->result = result;
	vtlcall_last = result;
	mutex_unlock(&vtlcall_lock);
	return result.value;
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
	.write = debugfs_command_write,
};

static const struct debugfs_file heki_entries[] = {
	{ "load_kdata", 0600, "announce the kernel's patch sites",
	  .usage = "PA NRANGES\n", .command = run_load_kdata,
	  .refusals = load_kdata_refusals },
	{ "patch_text", 0600, "submit the patch request at an address",
	  .usage = "PA0 PA1\n", .command = run_patch_text,
	  .refusals = patch_text_refusals },
	{ "request", 0600, "build a patch request and submit it",
	  .usage = "PA0 PA1 HEXBYTES\n", .command = run_request,
	  .refusals = request_refusals },
	{ "patches", 0400, "known sites: PA0 PA1 SIZE CODE OWNER",
	  &patches_fops },
	{ "end_of_boot", 0600, "whether VTL1 trusts nothing new any more",
	  &end_of_boot_fops, "1\n", run_end_of_boot, end_of_boot_refusals },
	{ "live", 0600, "whether the kernel's own text writes are checked",
	  &live_fops, "off|audit|mediate\n", run_live, live_refusals },
	{ "policy", 0600, "what happens with text writes, by kind",
	  &policy_fops, "KIND count|check|deny\n", run_policy,
	  policy_refusals },
	{ "verdicts", 0400, "counters of patch requests and text writes",
	  &verdicts_fops },
	{ "verify", 0400, "compare all text with first-seen text",
	  &verify_fops },
};

const struct debugfs_dir heki_files = {
	"heki", heki_entries, ARRAY_SIZE(heki_entries),
};

static const struct debugfs_file vtlcall_entries[] = {
	{ "vtlcall", 0600, "call VTL1; reading gives the last call's result",
	  &vtlcall_fops, "ID A0 A1 A2\n", run_vtlcall },
};

const struct debugfs_dir vtlcall_files = {
	NULL, vtlcall_entries, ARRAY_SIZE(vtlcall_entries),
};

int debugfs_heki_init(void)
{
	struct dentry *dir = debugfs_create_dir("heki", debugfs_root());

	if (IS_ERR(dir))
		return PTR_ERR(dir);
	return debugfs_add_files(dir, &heki_files, NULL) ?:
	       debugfs_add_files(debugfs_root(), &vtlcall_files, NULL);
}
