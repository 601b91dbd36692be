// SPDX-License-Identifier: GPL-2.0
/*
 * phys/: physical memory through physical pointers.
 */
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <lvbs/phys_ptr.h>

#include "debugfs/command.h"
#include "debugfs/debugfs.h"
#include "phys/phys.h"

static struct dentry *phys_dir;

/*
 * phys/mem: the file offset is the physical address.
 */

/* How many bytes are copied between checks for fatal signals. */
#define MEM_CHUNK	SZ_1M

/* Move bytes between user memory and the physical address @pa. */
typedef int (*mem_move)(phys_addr_t pa, char __user *ubuf, size_t len,
			size_t *done);

static int mem_move_out(phys_addr_t pa, char __user *ubuf, size_t len,
			size_t *done)
{
	struct phys_const_ptr ptr;
	int err;

	err = phys_const_ptr_init(&ptr, lvbs_vmap_manager(), pa, len, 1);
	return err ?: phys_read_to_user(&ptr, 0, ubuf, len, done);
}

static int mem_move_in(phys_addr_t pa, char __user *ubuf, size_t len,
		       size_t *done)
{
	struct phys_ptr ptr;
	int err;

	err = phys_ptr_init(&ptr, lvbs_vmap_manager(), pa, len, 1);
	return err ?: phys_write_from_user(&ptr, 0, ubuf, len, done);
}

/* Page by page: a pointer is refused as a whole, a file up to the bad page. */
static int mem_move_pages(mem_move move, phys_addr_t pa, char __user *ubuf,
			  size_t len, size_t *done)
{
	int err = 0;

	while (!err && *done < len) {
		phys_addr_t at = pa + *done;
		size_t n = min_t(size_t, len - *done,
				 PAGE_SIZE - offset_in_page(at));
		size_t moved = 0;

		err = move(at, ubuf + *done, n, &moved);
		*done += moved;
	}
	return err;
}

static ssize_t mem_transfer(mem_move move, char __user *ubuf, size_t len,
			    loff_t *ppos)
{
	size_t done = 0;
	int err = 0;

	/* As for a physical address beyond the width. */
	if (*ppos < 0 || (loff_t)(phys_addr_t)*ppos != *ppos)
		return -EOVERFLOW;

	while (!err && done < len) {
		size_t n = min_t(size_t, len - done, MEM_CHUNK);
		size_t moved = 0;

		if (fatal_signal_pending(current)) {
			err = -EINTR;
			break;
		}
		err = move(*ppos + done, ubuf + done, n, &moved);
		if (err && !moved && offset_in_page(*ppos + done) + n > PAGE_SIZE)
			err = mem_move_pages(move, *ppos + done, ubuf + done, n,
					     &moved);
		done += moved;
	}

	*ppos += done;
	return done ?: err;
}

static ssize_t mem_read(struct file *file, char __user *ubuf, size_t len,
			loff_t *ppos)
{
	return mem_transfer(mem_move_out, ubuf, len, ppos);
}

static ssize_t mem_write(struct file *file, const char __user *ubuf, size_t len,
			 loff_t *ppos)
{
	return mem_transfer(mem_move_in, (char __user *)ubuf, len, ppos);
}

/*
 * SEEK_DATA and SEEK_HOLE: usable RAM is data. Beyond the last usable byte there
 * is one more hole, to the end of the file.
 */
static loff_t mem_seek_extent(struct file *file, loff_t pos, int whence)
{
	loff_t size = i_size_read(file_inode(file));
	struct frame_range run;
	unsigned long pfn;
	bool found, in_run;

	if (pos < 0 || pos >= size)
		return -ENXIO;
	pfn = pos >> PAGE_SHIFT;
	found = ram_map_next_usable(pfn, &run);
	in_run = found && run.first <= pfn;

	if (whence == SEEK_DATA && !found)
		return -ENXIO;
	if (whence == SEEK_DATA && !in_run)
		pos = (loff_t)run.first << PAGE_SHIFT;
	if (whence == SEEK_HOLE && in_run)
		pos = ((loff_t)run.last + 1) << PAGE_SHIFT;
	return vfs_setpos(file, min(pos, size), size);
}

static loff_t mem_llseek(struct file *file, loff_t pos, int whence)
{
	loff_t ret;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return default_llseek(file, pos, whence);
	inode_lock_shared(file_inode(file));
	ret = mem_seek_extent(file, pos, whence);
	inode_unlock_shared(file_inode(file));
	return ret;
}

static loff_t mem_size(const struct vmap_manager *mgr)
{
	u64 size = ((u64)mgr->max_pfn + 1) << PAGE_SHIFT;

	return min_t(u64, size, MAX_LFS_FILESIZE);
}

static const struct file_operations mem_fops = {
	.owner = THIS_MODULE,
	.open = debugfs_may_open,
	.read = mem_read,
	.write = mem_write,
	.llseek = mem_llseek,
	.fsync = noop_fsync,
};

/* Debugfs's operations of the file, which are ->setattr() only. */
static const struct inode_operations *mem_debugfs_iops;
static struct dentry *mem;

/*
 * Shells and dd truncate their output file. As with /dev/mem, that succeeds and
 * changes nothing: the size is that of the physical address space.
 */
static int mem_setattr(struct mnt_idmap *idmap, struct dentry *dentry,
		       struct iattr *attr)
{
	if (attr->ia_valid & ATTR_SIZE)
		attr->ia_valid &= ~(ATTR_SIZE | ATTR_MTIME | ATTR_CTIME);
	if (!mem_debugfs_iops->setattr)
		return simple_setattr(idmap, dentry, attr);
	return mem_debugfs_iops->setattr(idmap, dentry, attr);
}

static const struct inode_operations mem_iops = {
	.setattr = mem_setattr,
};

/* As debugfs_mem_init() creates it. */
static const struct debugfs_file mem_entries[] = {
	{ "mem", 0600, "physical memory; the file offset is the address",
	  &mem_fops },
};

const struct debugfs_dir mem_files = {
	"phys", mem_entries, ARRAY_SIZE(mem_entries),
};

/*
 * debugfs passes fsync() on only for files of debugfs_create_file_unsafe(). An
 * open file of these must not outlive its operations. It holds a reference to
 * the module, which does not help if loading fails: so this file is created
 * last.
 */
int debugfs_mem_init(void)
{
	struct inode *inode;

	mem = debugfs_create_file_unsafe(mem_entries[0].name,
					 mem_entries[0].mode, phys_dir, NULL,
					 &mem_fops);
	if (IS_ERR(mem)) {
		int err = PTR_ERR(mem);

		mem = NULL;
		return err;
	}

	inode = d_inode(mem);
	mem_debugfs_iops = inode->i_op;
	inode->i_op = &mem_iops;
	/* od and xxd seek in a regular file only below its size. */
	i_size_write(inode, mem_size(lvbs_vmap_manager()));
	return 0;
}

/* The inode outlives the file if it is open with O_PATH. */
void debugfs_mem_exit(void)
{
	struct inode *inode;

	if (!mem)
		return;
	inode = d_inode(mem);
	/* Held while ->setattr() runs. */
	inode_lock(inode);
	inode->i_op = mem_debugfs_iops;
	inode_unlock(inode);
	/* The others are fetched without the lock, but without sleeping. */
	synchronize_rcu_tasks();
	mem = NULL;
}

/*
 * phys/span: each open file takes one request; read() returns the answer.
 */

/* Room for some 8,000 frame numbers, or 31 KiB to write. */
#define SPAN_COMMAND_MAX	SZ_64K

/* The request of one open file. */
struct span_request {
	struct mutex lock;	/* guards the rest; threads may share the file */
	bool asked;		/* a command was accepted; no second one is */
	u8 *answer;		/* bytes read, or NULL */
	size_t len;		/* of @answer */
};

static int span_open(struct inode *inode, struct file *file)
{
	struct span_request *req;
	int err;

	err = debugfs_may_open(inode, file);
	if (err)
		return err;

	req = kzalloc(sizeof(*req), GFP_KERNEL);
	if (!req)
		return -ENOMEM;
	mutex_init(&req->lock);
	file->private_data = req;
	return 0;
}

static int span_release(struct inode *inode, struct file *file)
{
	struct span_request *req = file->private_data;

	kvfree(req->answer);
	kfree(req);
	return 0;
}

/* The frames of a request, which are its words from the fourth on. */
struct span_frames {
	unsigned long *pfns;	/* freed by kvfree() */
	unsigned long nr;
};

#define SPAN_FIRST_FRAME	3

static int span_take_frame(struct command *cmd, struct span_frames *frames)
{
	u64 pfn;

	if (command_number(cmd, "PFN", &pfn))
		return -EINVAL;
	if (pfn != (unsigned long)pfn)
		return command_blame(cmd, cmd->nr - 1, "a PFN that is too large",
				     -EINVAL);
	frames->pfns[frames->nr++] = pfn;
	return 0;
}

static int span_take_frames(struct command *cmd, struct span_frames *frames)
{
	/* A word and the blank before it take at least two bytes. */
	size_t room = cmd->rest ? strlen(cmd->rest) / 2 + 1 : 1;
	int err;

	frames->nr = 0;
	frames->pfns = kvmalloc_array(room, sizeof(*frames->pfns), GFP_KERNEL);
	if (!frames->pfns)
		return -ENOMEM;
	do {
		err = span_take_frame(cmd, frames);
	} while (!err && command_more(cmd));
	if (err)
		kvfree(frames->pfns);
	return err;
}

/* Blame the length, or the frame for which an access is refused. */
static void span_blame(struct command *cmd, const struct span_frames *frames,
		       bool write, int err)
{
	unsigned int word = 2;

	if (err != -ERANGE)
		word = SPAN_FIRST_FRAME +
		       phys_refused_frame(lvbs_vmap_manager(), frames->pfns,
					  frames->nr, write, err);
	command_blame(cmd, word,
		      err == -EEXIST ? "a frame is named twice" :
				       errno_meaning(-err), err);
}

static int span_read_frames(struct span_request *req,
			    const struct span_frames *frames, u64 offset,
			    size_t len)
{
	struct phys_const_ptr ptr;
	int err;

	err = phys_const_ptr_init_scattered(&ptr, lvbs_vmap_manager(),
					    frames->pfns, frames->nr, offset,
					    len, 1);
	if (err)
		return err;

	req->answer = kvmalloc(max_t(size_t, len, 1), GFP_KERNEL);
	if (!req->answer)
		return -ENOMEM;
	err = phys_read(&ptr, 0, req->answer, len);
	if (err) {
		kvfree(req->answer);
		req->answer = NULL;
		return err;
	}
	req->len = len;
	return 0;
}

static int span_number_offset(struct command *cmd, u64 *offset)
{
	if (command_number(cmd, "OFFSET", offset))
		return -EINVAL;
	if (*offset < PAGE_SIZE)
		return 0;
	return command_blame(cmd, 1, "not an offset in the first frame",
			     -EINVAL);
}

static int span_read_command(struct span_request *req, struct command *cmd)
{
	struct span_frames frames;
	u64 offset, len;
	int err;

	if (span_number_offset(cmd, &offset) ||
	    command_number(cmd, "LEN", &len))
		return -EINVAL;
	err = span_take_frames(cmd, &frames);
	if (err)
		return err;

	if (len > (u64)frames.nr << PAGE_SHIFT)
		err = -ERANGE;
	else
		err = span_read_frames(req, &frames, offset, len);
	if (err)
		span_blame(cmd, &frames, false, err);
	kvfree(frames.pfns);
	return err;
}

static int span_write_command(struct command *cmd)
{
	struct span_frames frames;
	struct phys_ptr ptr;
	size_t len;
	char *bytes;
	u64 offset;
	int err;

	if (span_number_offset(cmd, &offset) ||
	    command_hex(cmd, "HEXBYTES", &bytes, &len))
		return -EINVAL;
	err = span_take_frames(cmd, &frames);
	if (err)
		return err;

	err = phys_ptr_init_scattered(&ptr, lvbs_vmap_manager(), frames.pfns,
				      frames.nr, offset, len, 1);
	err = err ?: phys_write(&ptr, 0, bytes, len);
	if (err)
		span_blame(cmd, &frames, true, err);
	kvfree(frames.pfns);
	return err;
}

static int span_command(struct span_request *req, struct command *cmd)
{
	const char *verb = command_word(cmd, "read or write");

	if (!verb)
		return -EINVAL;
	if (!strcmp(verb, "read"))
		return span_read_command(req, cmd);
	if (!strcmp(verb, "write"))
		return span_write_command(cmd);
	return command_blame(cmd, 0, "neither read nor write", -EINVAL);
}

static long run_span(struct command *cmd)
{
	struct span_request *req = cmd->file->private_data;
	int err;

	mutex_lock(&req->lock);
	err = req->asked ? -EBUSY : span_command(req, cmd);
	if (!err)
		req->asked = true;
	else if (req->asked)
		command_blame(cmd, 0, "an open file takes one request", err);
	mutex_unlock(&req->lock);
	return err;
}

static ssize_t span_read(struct file *file, char __user *ubuf, size_t len,
			 loff_t *ppos)
{
	struct span_request *req = file->private_data;
	char hex[2 * 128];
	ssize_t done = 0;

	mutex_lock(&req->lock);
	if (!req->asked)
		done = debugfs_usage_read(file, ubuf, len, ppos);
	while (req->answer && (size_t)done < len) {
		u64 digit = *ppos;
		size_t byte = digit / 2, n;

		if (byte < req->len) {
			n = min(req->len - byte, sizeof(hex) / 2);
			bin2hex(hex, req->answer + byte, n);
			n = 2 * n - digit % 2;
		} else if (digit == 2 * (u64)req->len) {
			hex[0] = '\n';
			n = 1;
		} else {
			break;
		}

		n = min(n, len - done);
		if (copy_to_user(ubuf + done,
				 hex + (byte < req->len ? digit % 2 : 0), n)) {
			done = done ?: -EFAULT;
			break;
		}
		done += n;
		*ppos += n;
	}
	mutex_unlock(&req->lock);
	return done;
}

static const struct file_operations span_fops = {
	.owner = THIS_MODULE,
	.open = span_open,
	.release = span_release,
	.read = span_read,
	.write = debugfs_command_write,
};

/*
 * The status files.
 */

static void show_frames(struct seq_file *m, struct frame_set *set)
{
	struct frame_range range = {};
	unsigned long from = 0;

	while (frame_set_next(set, from, &range)) {
		seq_printf(m, "0x%llx-0x%llx\n",
			   (u64)range.first << PAGE_SHIFT,
			   ((u64)range.last << PAGE_SHIFT) + PAGE_SIZE - 1);
		from = range.last + 1;
		if (!from)
			break;
	}
}

static int ram_show(struct seq_file *m, void *unused)
{
	show_frames(m, ram_map_online());
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(ram);

static int owned_show(struct seq_file *m, void *unused)
{
	show_frames(m, ram_map_owned());
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(owned);

/*
 * One protection at a time, so that interrupts are not kept off: protections may
 * come and go meanwhile. Several may begin at the same frame.
 */
struct protected_cursor {
	unsigned long start;
	unsigned long skip;	/* how many that begin at @start were shown */
};

struct protected_line {
	unsigned long start;
	unsigned long last;
	char owner[PHYS_OWNER_NAME];
};

/* Get the next protection, and advance the cursor past it. */
static bool protected_next(struct protected_cursor *at,
			   struct protected_line *line)
{
	struct phys_claims *claims = lvbs_vmap_manager()->claims;
	const struct phys_protection *prot;
	struct phys_claim *claim;
	unsigned long flags, skip = at->skip;

	raw_spin_lock_irqsave(&claims->lock, flags);
	claim = phys_claim_from(claims, PHYS_CLAIM_PROTECTED, at->start);
	while (claim && claim->start == at->start && skip--)
		claim = phys_claim_next(claims, PHYS_CLAIM_PROTECTED, claim);
	if (claim) {
		prot = container_of(claim, struct phys_protection, claim);
		line->start = claim->start;
		line->last = claim->last;
		strscpy(line->owner, prot->owner, sizeof(line->owner));
	}
	raw_spin_unlock_irqrestore(&claims->lock, flags);
	if (!claim)
		return false;

	at->skip = line->start == at->start ? at->skip + 1 : 1;
	at->start = line->start;
	return true;
}

static int protected_show(struct seq_file *m, void *unused)
{
	struct protected_cursor at = {};
	struct protected_line line;

	while (protected_next(&at, &line)) {
		seq_printf(m, "0x%llx-0x%llx %s\n",
			   (u64)line.start << PAGE_SHIFT,
			   ((u64)line.last << PAGE_SHIFT) + PAGE_SIZE - 1,
			   line.owner);
		if (seq_has_overflowed(m))
			break;
		cond_resched();
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(protected);

/* The documented errnos of refused pointers. */
static const int refusals[] = {
	EINVAL, ERANGE, EOVERFLOW, ENXIO, EPERM, EROFS, EEXIST, EBUSY,
};

static int stats_show(struct seq_file *m, void *unused)
{
	const struct phys_stats *stats = lvbs_vmap_manager()->stats;
	unsigned long unmaps = phys_stat_get(stats, PHYS_STAT_UNMAPS);
	unsigned long leaked = phys_stat_get(stats, PHYS_STAT_LEAKED);
	unsigned long maps = phys_stat_get(stats, PHYS_STAT_MAPS);
	size_t i;

	seq_printf(m, "maps: %lu\n", maps);
	seq_printf(m, "unmaps: %lu\n", unmaps);
	seq_printf(m, "live: %lu\n", maps - unmaps - leaked);
	seq_printf(m, "copied: %lu\n", phys_stat_get(stats, PHYS_STAT_BYTES));
	seq_printf(m, "faults: %lu\n", phys_stat_get(stats, PHYS_STAT_FAULTS));
	seq_printf(m, "leaked: %lu\n", leaked);
	for (i = 0; i < ARRAY_SIZE(refusals); i++)
		seq_printf(m, "refused_%s: %ld\n", errno_name(refusals[i]),
			   atomic_long_read(&stats->refused[refusals[i]]));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

static const struct debugfs_file phys_entries[] = {
	{ "span", 0600, "read or write across frames in any order; one request per open file",
	  &span_fops,
	  "read OFFSET LEN PFN...\n"
	  "write OFFSET HEXBYTES PFN...\n",
	  run_span, NULL, SPAN_COMMAND_MAX },
	{ "ram", 0400, "ranges of RAM", &ram_fops },
	{ "owned", 0400, "ranges that VTL1 owns", &owned_fops },
	{ "protected", 0400, "ranges that are not written, and who protects them",
	  &protected_fops },
	{ "stats", 0400, "counters of mappings, bytes, faults and refusals",
	  &stats_fops },
};

const struct debugfs_dir phys_files = {
	"phys", phys_entries, ARRAY_SIZE(phys_entries),
};

int debugfs_phys_init(void)
{
	phys_dir = debugfs_create_dir("phys", debugfs_root());
	if (IS_ERR(phys_dir))
		return PTR_ERR(phys_dir);
	return debugfs_add_files(phys_dir, &phys_files, NULL);
}
