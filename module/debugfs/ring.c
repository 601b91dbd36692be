// SPDX-License-Identifier: GPL-2.0
/*
 * ring/: create, remove, write and read rings.
 *
 * A ring can be removed while its files are open. Each open file holds a
 * reference to the ring, so debugfs does not have to delay the removal until a
 * blocked read() returns: the files use debugfs_create_file_unsafe().
 */
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/stringify.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "debugfs/command.h"
#include "debugfs/debugfs.h"
#include "parse.h"
#include "ring/ring.h"

/* For copies of a whole ring, which may be large. */
#define RING_COPY_GFP	(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN)

static struct dentry *ring_dir;

/*
 * ring/new, ring/remove.
 */

static int mode_word(struct command *cmd, const char *word,
		     enum lvbs_ring_mode *mode)
{
	if (!word)
		return -EINVAL;
	if (!strcmp(word, "persistent"))
		*mode = LVBS_RING_PERSISTENT;
	else if (!strcmp(word, "ondemand"))
		*mode = LVBS_RING_ONDEMAND;
	else
		return command_blame(cmd, cmd->nr - 1,
				     "neither persistent nor ondemand",
				     -EINVAL);
	return 0;
}

/* Say which word it was that made a new ring impossible. */
static long blame_new(struct command *cmd, long err, bool given, u64 size)
{
	if (err == -EINVAL && !size)
		return command_blame(cmd, given ? 2 : 1,
				     "a ring cannot be empty", err);
	if (err == -EINVAL)
		return command_blame(cmd, 0, "a name has 1 to "
				     __stringify(LVBS_RING_NAME_MAX)
				     " letters, digits, '_', '.', '-'; new and remove are taken",
				     err);
	if (err != -EEXIST)
		return command_blame(cmd, 1, errno_meaning(-err), err);
	return err;
}

static long run_new(struct command *cmd)
{
	const char *name = command_word(cmd, "NAME"), *word;
	u64 first, second = 0;
	enum lvbs_ring_mode mode;
	bool given;
	long err;

	if (!name || command_number(cmd, "PAGES or PA", &first))
		return -EINVAL;
	word = command_word(cmd, "persistent or ondemand");
	given = word && !parse_number(word, &second);
	if (given)
		word = command_word(cmd, "persistent or ondemand");
	if (mode_word(cmd, word, &mode) || command_end(cmd))
		return -EINVAL;

	if (!given)
		err = first == (unsigned long)first ?
			      lvbs_ring_new(name, first, mode) : -ENOMEM;
	else if (first != (phys_addr_t)first || second != (size_t)second)
		err = -EOVERFLOW;
	else
		err = lvbs_ring_new_at(name, first, second, mode);
	return err ? blame_new(cmd, err, given, given ? second : first) : 0;
}

static const struct command_refusal new_refusals[] = {
	{ EEXIST, 0, "the name is taken, or a frame belongs to another ring" },
	{}
};

static long run_remove(struct command *cmd)
{
	const char *name = command_word(cmd, "NAME");

	if (!name || command_end(cmd))
		return -EINVAL;
	return lvbs_ring_remove(name);
}

static const struct command_refusal remove_refusals[] = {
	{ ENOENT, 0, "no such ring" },
	{ EBUSY, 0, "this is the module's own ring" },
	{}
};

/*
 * Files of one ring.
 */

/*
 * Take a reference in ->open(). debugfs waits for ->open() before it removes a
 * file, and only then does the registry drop its own reference.
 */
static struct lvbs_ring *file_get_ring(struct inode *inode)
{
	struct lvbs_ring *ring = inode->i_private;

	if (ring_is_dead(ring))
		return ERR_PTR(-ENOENT);
	kref_get(&ring->ref);
	return ring;
}

/*
 * ring/NAME/write: each write() is one record.
 */

static int write_open(struct inode *inode, struct file *file)
{
	struct lvbs_ring *ring;
	int err;

	err = debugfs_may_open(inode, file);
	if (err)
		return err;
	ring = file_get_ring(inode);
	if (IS_ERR(ring))
		return PTR_ERR(ring);
	file->private_data = ring;
	return 0;
}

static int write_release(struct inode *inode, struct file *file)
{
	lvbs_ring_put(file->private_data);
	return 0;
}

static ssize_t write_write(struct file *file, const char __user *ubuf,
			   size_t len, loff_t *ppos)
{
	struct lvbs_ring *ring = file->private_data;
	size_t stored = min(len, ring->mem.shape.size);
	void *tail;
	int err;

	/* Of a record longer than the ring only the tail is stored. */
	tail = kvmalloc(max_t(size_t, stored, 1), RING_COPY_GFP);
	if (!tail)
		return -ENOMEM;
	if (copy_from_user(tail, ubuf + (len - stored), stored))
		err = -EFAULT;
	else
		err = ring_write_tail(ring, tail, len);
	kvfree(tail);
	return err ?: len;
}

static const struct file_operations write_fops = {
	.owner = THIS_MODULE,
	.open = write_open,
	.release = write_release,
	.write = write_write,
};

/*
 * ring/NAME/snapshot: taken by open().
 */

struct snapshot {
	void *buf;
	size_t start;	/* of the valid bytes in @buf */
	size_t len;	/* number of valid bytes */
};

static int snapshot_take(struct snapshot *snap, struct lvbs_ring *ring)
{
	ssize_t len;

	snap->buf = __vmalloc(ring->mem.shape.size, RING_COPY_GFP);
	if (!snap->buf)
		return -ENOMEM;
	len = lvbs_ring_snapshot(ring, snap->buf, &snap->start);
	if (len < 0) {
		vfree(snap->buf);
		return len;
	}
	snap->len = len;
	return 0;
}

static int snapshot_open(struct inode *inode, struct file *file)
{
	struct snapshot *snap;
	int err;

	err = debugfs_may_open(inode, file);
	if (err)
		return err;

	snap = kzalloc(sizeof(*snap), GFP_KERNEL);
	if (!snap)
		return -ENOMEM;
	err = snapshot_take(snap, inode->i_private);
	if (err) {
		kfree(snap);
		return err;
	}
	file->private_data = snap;
	return 0;
}

static int snapshot_release(struct inode *inode, struct file *file)
{
	struct snapshot *snap = file->private_data;

	vfree(snap->buf);
	kfree(snap);
	return 0;
}

static ssize_t snapshot_read(struct file *file, char __user *ubuf, size_t len,
			     loff_t *ppos)
{
	struct snapshot *snap = file->private_data;

	return simple_read_from_buffer(ubuf, len, ppos, snap->buf + snap->start,
				       snap->len);
}

static const struct file_operations snapshot_fops = {
	.owner = THIS_MODULE,
	.open = snapshot_open,
	.release = snapshot_release,
	.read = snapshot_read,
	.llseek = default_llseek,
};

/*
 * ring/NAME/stream: see "DOC: ring streams" in lvbs/ring_buffer.h.
 */

#define STREAM_BYTES	SZ_16K

/* One open file. */
struct stream {
	struct mutex lock;	/* guards the fields below */
	struct lvbs_ring_follower f;
	char notice[LVBS_RING_NOTICE_MAX + 1];
	size_t notice_at;	/* first unread byte of @notice */
	size_t notice_len;
	u8 buf[STREAM_BYTES];	/* bounce buffer for user memory */
};

static int stream_file_open(struct inode *inode, struct file *file)
{
	struct lvbs_ring *ring;
	struct stream *stream;
	int err;

	err = debugfs_may_open(inode, file);
	if (err)
		return err;
	stream = kvzalloc(sizeof(*stream), GFP_KERNEL);
	if (!stream)
		return -ENOMEM;
	ring = file_get_ring(inode);
	if (IS_ERR(ring)) {
		kvfree(stream);
		return PTR_ERR(ring);
	}
	mutex_init(&stream->lock);
	lvbs_ring_follow(&stream->f, ring);
	file->private_data = stream;
	return stream_open(inode, file);
}

static int stream_release(struct inode *inode, struct file *file)
{
	struct stream *stream = file->private_data;

	lvbs_ring_put(stream->f.ring);
	kvfree(stream);
	return 0;
}

static bool stream_ready(const struct stream *stream)
{
	return stream->notice_at < stream->notice_len ||
	       lvbs_ring_follow_ready(&stream->f);
}

static ssize_t stream_read_notice(struct stream *stream, char __user *ubuf,
				  size_t len)
{
	size_t n = min(len, stream->notice_len - stream->notice_at);

	if (copy_to_user(ubuf, stream->notice + stream->notice_at, n))
		return -EFAULT;
	stream->notice_at += n;
	return n;
}

static ssize_t stream_read_bytes(struct stream *stream, char __user *ubuf,
				 size_t len)
{
	u64 lost;
	ssize_t n;

	n = lvbs_ring_follow_read(&stream->f, stream->buf,
				  min_t(size_t, len, STREAM_BYTES), &lost);
	if (lost) {
		stream->notice_at = 0;
		stream->notice_len = scnprintf(stream->notice,
					       sizeof(stream->notice),
					       "lvbs: lost %llu bytes\n", lost);
		return stream_read_notice(stream, ubuf, len);
	}
	if (n > 0 && copy_to_user(ubuf, stream->buf, n)) {
		atomic64_sub(n, &stream->f.pos);
		return -EFAULT;
	}
	return n == -ENOENT ? 0 : n;
}

static ssize_t stream_read(struct file *file, char __user *ubuf, size_t len,
			   loff_t *ppos)
{
	struct stream *stream = file->private_data;
	ssize_t n;

	if (!len)
		return 0;

	for (;;) {
		mutex_lock(&stream->lock);
		if (stream->notice_at < stream->notice_len)
			n = stream_read_notice(stream, ubuf, len);
		else
			n = stream_read_bytes(stream, ubuf, len);
		mutex_unlock(&stream->lock);

		if (n != -EAGAIN || file->f_flags & O_NONBLOCK)
			return n;
		n = lvbs_ring_follow_wait(&stream->f);
		if (n)
			return n;
	}
}

static __poll_t stream_poll(struct file *file, struct poll_table_struct *wait)
{
	struct stream *stream = file->private_data;
	__poll_t events = 0;

	poll_wait(file, &stream->f.ring->wait, wait);
	mutex_lock(&stream->lock);
	if (stream_ready(stream))
		events |= EPOLLIN | EPOLLRDNORM;
	mutex_unlock(&stream->lock);
	if (ring_is_dead(stream->f.ring))
		events |= EPOLLHUP;
	return events;
}

static void stream_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct stream *stream = file->private_data;

	mutex_lock(&stream->lock);
	seq_printf(m, "lvbs_pos:\t%llu\n",
		   (u64)atomic64_read(&stream->f.pos));
	seq_printf(m, "lvbs_lost:\t%llu\n", stream->f.lost);
	mutex_unlock(&stream->lock);
}

static const struct file_operations stream_fops = {
	.owner = THIS_MODULE,
	.open = stream_file_open,
	.release = stream_release,
	.read = stream_read,
	.poll = stream_poll,
	.show_fdinfo = stream_show_fdinfo,
};

/*
 * ring/NAME/state.
 */

static void show_pages(struct seq_file *m, struct lvbs_ring *ring)
{
	unsigned long first, nr, i;

	seq_puts(m, "pages:");
	for (i = 0; ring_get_extent(ring, i, &first, &nr); i++)
		seq_printf(m, " 0x%lx-0x%lx", first, first + nr - 1);
	seq_putc(m, '\n');
}

static int state_show(struct seq_file *m, void *unused)
{
	struct lvbs_ring *ring = m->private;
	struct lvbs_ring_state state;

	lvbs_ring_get_state(ring, &state);
	seq_printf(m, "size: %zu\n", state.size);
	seq_printf(m, "offset: %zu\n", state.offset);
	seq_printf(m, "total: %llu\n", state.total);
	seq_printf(m, "oldest: %llu\n", state.oldest);
	seq_printf(m, "wraps: %llu\n", state.wraps);
	seq_printf(m, "failed: %llu\n", state.failed);
	seq_printf(m, "lost: %llu\n", state.lost);
	seq_printf(m, "mode: %s\n", state.mode == LVBS_RING_PERSISTENT ?
					    "persistent" : "ondemand");
	seq_printf(m, "base: 0x%llx\n", (u64)ring_base(ring));
	show_pages(m, ring);
	return 0;
}

static int state_open(struct inode *inode, struct file *file)
{
	struct lvbs_ring *ring = file_get_ring(inode);
	int err;

	if (IS_ERR(ring))
		return PTR_ERR(ring);
	err = single_open(file, state_show, ring);
	if (err)
		lvbs_ring_put(ring);
	return err;
}

static int state_release(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;

	lvbs_ring_put(m->private);
	return single_release(inode, file);
}

static const struct file_operations state_fops = {
	.owner = THIS_MODULE,
	.open = state_open,
	.release = state_release,
	.read = seq_read,
	.llseek = seq_lseek,
};

static const struct debugfs_file one_ring_entries[] = {
	{ "write", 0600, "each write() is one record", &write_fops },
	{ "snapshot", 0400, "all bytes, oldest first", &snapshot_fops },
	{ "stream", 0400, "all bytes, then waits for more", &stream_fops },
	{ "state", 0400, "offset, counters, pages", &state_fops },
};

const struct debugfs_dir one_ring_files = {
	"ring/NAME", one_ring_entries, ARRAY_SIZE(one_ring_entries),
};

static int ring_dir_add(const char *name, struct lvbs_ring *ring)
{
	struct dentry *dir = debugfs_create_dir(name, ring_dir);
	int err;

	if (IS_ERR(dir))
		return PTR_ERR(dir);
	err = debugfs_add_files(dir, &one_ring_files, ring);
	if (err)
		debugfs_remove(dir);
	return err;
}

static void ring_dir_remove(const char *name)
{
	struct dentry *dir = debugfs_lookup(name, ring_dir);

	if (!dir)
		return;
	debugfs_remove(dir);
	dput(dir);
}

static const struct ring_watcher ring_watcher = {
	.added = ring_dir_add,
	.removed = ring_dir_remove,
};

static const struct debugfs_file ring_entries[] = {
	{ "new", 0600, "make a ring of new pages, or in given memory",
	  .usage = "NAME PAGES persistent|ondemand\n"
		   "NAME PA SIZE persistent|ondemand\n",
	  .command = run_new, .refusals = new_refusals },
	{ "remove", 0600, "remove a ring",
	  .usage = "NAME\n", .command = run_remove,
	  .refusals = remove_refusals },
};

const struct debugfs_dir ring_files = {
	"ring", ring_entries, ARRAY_SIZE(ring_entries),
};

int debugfs_ring_init(void)
{
	int err;

	ring_dir = debugfs_create_dir("ring", debugfs_root());
	if (IS_ERR(ring_dir))
		return PTR_ERR(ring_dir);

	err = debugfs_add_files(ring_dir, &ring_files, NULL);
	return err ?: ring_registry_watch(&ring_watcher);
}

void debugfs_ring_exit(void)
{
	ring_registry_watch(NULL);
}
