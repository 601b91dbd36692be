// SPDX-License-Identifier: GPL-2.0
/*
 * Physical pointers: bounds, windows, copies.
 *
 * From the outside in: an operation on elements becomes a range of bytes
 * (elem_range), the range becomes a smaller pointer over just the frames that
 * it touches (phys_narrow), a session maps that pointer a window at a time
 * (session_slide), and session_copy() walks the windows with the fallible
 * memcpy. Everything that knows about real memory is behind the manager.
 */
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <lvbs/phys_ptr.h>

#include "copy_nofault.h"
#include "phys_frames.h"
#include "trace.h"

/* One bounce buffer: large enough to amortise, small enough for the cache. */
#define BOUNCE_BYTES	SZ_16K

/* A refusal is an answer about the request, not about the machine's state. */
static int phys_refused(struct vmap_manager *mgr, unsigned long pfn, int err)
{
	if (!err || err == -EFAULT || err == -ENOMEM)
		return err;

	trace_phys_refuse(pfn, err);
	if (-err < PHYS_REFUSAL_ERRNO_MAX)
		atomic_long_inc(&mgr->stats->refused[-err]);
	return err;
}

static unsigned long frames_spanned(unsigned int offset, size_t bytes)
{
	return bytes ? (((offset + bytes - 1) >> PAGE_SHIFT) + 1) : 0;
}

static int ptr_init(struct phys_const_ptr *ptr, struct vmap_manager *mgr,
		    const struct phys_frames *frames, unsigned int offset,
		    size_t bytes, unsigned int elem_size)
{
	*ptr = (struct phys_const_ptr) {
		.mgr = mgr,
		.frames = *frames,
		.bytes = bytes,
		.offset = offset,
		.elem_size = elem_size,
	};
	/* Frames beyond the bound would be checked and locked for nothing. */
	ptr->frames.nr = frames_spanned(offset, bytes);
	return 0;
}

static int contiguous_in_width(const struct vmap_manager *mgr, phys_addr_t pa,
			       size_t bytes)
{
	phys_addr_t last = pa;

	if (bytes && check_add_overflow(pa, (phys_addr_t)bytes - 1, &last))
		return -EOVERFLOW;
	if (last >> PAGE_SHIFT > mgr->max_pfn)
		return -EOVERFLOW;
	/* In-pointer positions, offset included, are of type size_t. */
	if (bytes > SIZE_MAX - PAGE_SIZE)
		return -EOVERFLOW;
	return 0;
}

int __phys_const_ptr_init(struct phys_const_ptr *ptr, struct vmap_manager *mgr,
			  phys_addr_t pa, size_t bytes, unsigned int elem_size)
{
	struct phys_frames frames = { .first = pa >> PAGE_SHIFT };
	int err;

	*ptr = (struct phys_const_ptr) {};
	if (!mgr || !mgr->ops)
		return -EINVAL;

	err = contiguous_in_width(mgr, pa, bytes);
	if (err)
		return phys_refused(mgr, frames.first, err);
	return ptr_init(ptr, mgr, &frames, offset_in_page(pa), bytes,
			elem_size);
}
EXPORT_SYMBOL_GPL(__phys_const_ptr_init);

static int scattered_in_width(const struct vmap_manager *mgr,
			      const unsigned long *pfns, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++)
		if (pfns[i] > mgr->max_pfn)
			return -EOVERFLOW;
	return 0;
}

int __phys_const_ptr_init_scattered(struct phys_const_ptr *ptr,
				    struct vmap_manager *mgr,
				    const unsigned long *pfns, unsigned long nr,
				    unsigned long offset, size_t bytes,
				    unsigned int elem_size)
{
	struct phys_frames frames = { .pfns = pfns };
	int err;

	*ptr = (struct phys_const_ptr) {};
	if (!mgr || !mgr->ops)
		return -EINVAL;

	if (offset >= PAGE_SIZE)
		err = -EINVAL;
	else if (bytes > SIZE_MAX - PAGE_SIZE ||
		 frames_spanned(offset, bytes) > nr)
		err = -ERANGE;
	else
		err = scattered_in_width(mgr, pfns, nr);
	if (!err && !phys_frames_unique(pfns, nr))
		err = -EEXIST;
	if (err)
		return phys_refused(mgr, nr ? pfns[0] : 0, err);
	return ptr_init(ptr, mgr, &frames, offset, bytes, elem_size);
}
EXPORT_SYMBOL_GPL(__phys_const_ptr_init_scattered);

/* The bytes of @count elements from @index on. */
static int elem_range(const struct phys_const_ptr *ptr, size_t index,
		      size_t count, size_t *at, size_t *len)
{
	size_t nr;

	if (!ptr->mgr)
		return -EINVAL;

	nr = ptr->bytes / ptr->elem_size;
	if (index > nr || count > nr - index)
		return phys_refused(ptr->mgr, 0, -ERANGE);

	*at = index * ptr->elem_size;
	*len = count * ptr->elem_size;
	return 0;
}

static int byte_range(const struct phys_const_ptr *ptr, size_t at, size_t len)
{
	if (!ptr->mgr)
		return -EINVAL;
	if (at > ptr->bytes || len > ptr->bytes - at)
		return phys_refused(ptr->mgr, 0, -ERANGE);
	return 0;
}

/* The pointer to @len of its bytes from @at on; both are in range. */
static struct phys_const_ptr phys_narrow(const struct phys_const_ptr *ptr,
					 size_t at, size_t len)
{
	size_t start = ptr->offset + at;
	unsigned int offset = offset_in_page(start);

	return (struct phys_const_ptr) {
		.mgr = ptr->mgr,
		.under = ptr->under,
		.frames = phys_frames_slice(&ptr->frames, start >> PAGE_SHIFT,
					    frames_spanned(offset, len)),
		.bytes = len,
		.offset = offset,
		.elem_size = 1,
	};
}

static struct phys_frames window_at(const struct phys_frames *frames,
				    unsigned long first)
{
	return phys_frames_slice(frames, first,
				 min_t(unsigned long, frames->nr - first,
				       PHYS_WINDOW_PAGES));
}

static void session_unmap(struct phys_session *s)
{
	struct vmap_manager *mgr = s->ptr.mgr;

	if (!s->map.nr)
		return;

	if (mgr->ops->vunmap(mgr, &s->map))
		phys_stat_add(mgr->stats, PHYS_STAT_LEAKED, 1);
	else
		phys_stat_add(mgr->stats, PHYS_STAT_UNMAPS, 1);
	s->map.nr = 0;
	phys_claim_del(mgr->claims, &s->claim);
}

/* Map the window that starts at position @first. */
static int session_slide(struct phys_session *s, unsigned long first)
{
	struct vmap_manager *mgr = s->ptr.mgr;
	struct phys_frames window = window_at(&s->ptr.frames, first);
	int err;

	session_unmap(s);

	err = mgr->ops->validate_unowned(mgr, &window);
	if (err)
		goto refused;

	err = phys_claim_add(mgr->claims, &s->claim, &window);
	if (err)
		goto refused;

	err = mgr->ops->vmap(mgr, &window, s->writable, &s->map);
	if (err)
		goto unclaim;

	phys_stat_add(mgr->stats, PHYS_STAT_MAPS, 1);
	trace_phys_map(phys_frame(&window, 0), window.nr, s->writable);
	s->first = first;
	return 0;

unclaim:
	phys_claim_del(mgr->claims, &s->claim);
refused:
	s->map.nr = 0;
	return phys_refused(mgr, phys_frame(&window, 0), err);
}

/*
 * A request is refused as a whole or not at all: before the first of several
 * windows is mapped, all of them are asked about.
 */
static int session_check_windows(const struct phys_session *s)
{
	const struct phys_frames *frames = &s->ptr.frames;
	struct vmap_manager *mgr = s->ptr.mgr;
	unsigned long first;

	for (first = 0; first < frames->nr; first += PHYS_WINDOW_PAGES) {
		struct phys_frames window = window_at(frames, first);
		int err;

		err = mgr->ops->validate_unowned(mgr, &window);
		if (!err)
			err = phys_claim_check(mgr->claims, s->claim.kind,
					       s->claim.holder, &window);
		if (err)
			return phys_refused(mgr, phys_frame(&window, 0), err);
		cond_resched();
	}
	return 0;
}

static int session_begin(struct phys_session *s,
			 const struct phys_const_ptr *ptr, bool writable)
{
	int err;

	s->ptr = *ptr;
	s->map.nr = 0;
	if (!ptr->mgr)
		return -EINVAL;

	might_sleep();
	s->writable = writable;
	s->claim.kind = writable ? ptr->mgr->write_kind : PHYS_CLAIM_READ;
	s->claim.holder = ptr->under;

	if (!ptr->frames.nr)
		return 0;
	if (ptr->frames.nr > PHYS_WINDOW_PAGES) {
		err = session_check_windows(s);
		if (err)
			goto not_begun;
	}
	err = session_slide(s, 0);
	if (err)
		goto not_begun;
	return 0;

not_begun:
	s->ptr.mgr = NULL;
	return err;
}

/*
 * Copy @len bytes at position @at, which is in range, between the session's
 * memory and @to (reading) or @from (writing).
 */
static int session_copy(struct phys_session *s, size_t at, void *to,
			const void *from, size_t len, size_t *done)
{
	size_t copied = 0;
	int err = 0;

	while (copied < len) {
		size_t pos = s->ptr.offset + at + copied;
		unsigned long page = pos >> PAGE_SHIFT;
		size_t in_window, n, left;

		if (page < s->first || page >= s->first + s->map.nr) {
			err = session_slide(s, page);
			if (err)
				break;
		}

		in_window = pos - (s->first << PAGE_SHIFT);
		n = min(len - copied,
			((size_t)s->map.nr << PAGE_SHIFT) - in_window);
		if (to)
			left = copy_nofault_from(to + copied,
						 s->map.addr + in_window, n);
		else
			left = copy_nofault_to(s->map.addr + in_window,
					       from + copied, n);
		copied += n - left;
		if (left) {
			phys_stat_add(s->ptr.mgr->stats, PHYS_STAT_FAULTS, 1);
			trace_phys_fault(phys_frame(&s->ptr.frames,
						    (pos + n - left) >>
						    PAGE_SHIFT),
					 offset_in_page(pos + n - left),
					 !to);
			err = -EFAULT;
			break;
		}
	}

	phys_stat_add(s->ptr.mgr->stats, PHYS_STAT_BYTES, copied);
	if (done)
		*done = copied;
	return err;
}

/* One operation: map what it touches, copy, unmap. The range is checked. */
static int phys_copy(const struct phys_const_ptr *ptr, size_t at, void *to,
		     const void *from, size_t len, size_t *done)
{
	struct phys_session s;
	struct phys_const_ptr part;
	int err;

	if (!len)
		return 0;

	part = phys_narrow(ptr, at, len);
	err = session_begin(&s, &part, !to);
	if (err)
		return err;

	err = session_copy(&s, 0, to, from, len, done);
	session_unmap(&s);
	return err;
}

int phys_read(const struct phys_const_ptr *ptr, size_t index, void *buf,
	      size_t count)
{
	size_t at, len;
	int err;

	err = elem_range(ptr, index, count, &at, &len);
	return err ?: phys_copy(ptr, at, buf, NULL, len, NULL);
}
EXPORT_SYMBOL_GPL(phys_read);

int phys_write(const struct phys_ptr *ptr, size_t index, const void *buf,
	       size_t count)
{
	size_t at, len;
	int err;

	err = elem_range(&ptr->ro, index, count, &at, &len);
	return err ?: phys_copy(&ptr->ro, at, NULL, buf, len, NULL);
}
EXPORT_SYMBOL_GPL(phys_write);

int phys_read_bytes(const struct phys_const_ptr *ptr, size_t at, void *buf,
		    size_t len, size_t *done)
{
	int err;

	if (done)
		*done = 0;
	err = byte_range(ptr, at, len);
	return err ?: phys_copy(ptr, at, buf, NULL, len, done);
}
EXPORT_SYMBOL_GPL(phys_read_bytes);

int phys_write_bytes(const struct phys_ptr *ptr, size_t at, const void *buf,
		     size_t len, size_t *done)
{
	int err;

	if (done)
		*done = 0;
	err = byte_range(&ptr->ro, at, len);
	return err ?: phys_copy(&ptr->ro, at, NULL, buf, len, done);
}
EXPORT_SYMBOL_GPL(phys_write_bytes);

int __phys_read_at(struct vmap_manager *mgr, phys_addr_t pa, void *buf,
		   unsigned int size)
{
	struct phys_const_ptr ptr;
	int err;

	err = __phys_const_ptr_init(&ptr, mgr, pa, size, size);
	return err ?: phys_read(&ptr, 0, buf, 1);
}
EXPORT_SYMBOL_GPL(__phys_read_at);

int __phys_write_at(struct vmap_manager *mgr, phys_addr_t pa, const void *buf,
		    unsigned int size)
{
	struct phys_ptr ptr;
	int err;

	err = __phys_const_ptr_init(&ptr.ro, mgr, pa, size, size);
	return err ?: phys_write(&ptr, 0, buf, 1);
}
EXPORT_SYMBOL_GPL(__phys_write_at);

static int bounce_out(struct phys_session *s, void *bounce, size_t at,
		      void __user *ubuf, size_t len, size_t *done)
{
	int err;

	err = session_copy(s, at, bounce, NULL, len, done);
	/* What was read before a fault is good, and the caller's to have. */
	if (*done) {
		size_t left = copy_to_user(ubuf, bounce, *done);

		*done -= left;
		if (left)
			err = -EFAULT;
	}
	return err;
}

static int bounce_in(struct phys_session *s, void *bounce, size_t at,
		     const void __user *ubuf, size_t len, size_t *done)
{
	if (copy_from_user(bounce, ubuf, len))
		return -EFAULT;
	return session_copy(s, at, NULL, bounce, len, done);
}

static int user_copy(const struct phys_const_ptr *ptr, size_t at,
		     void __user *to, const void __user *from, size_t len,
		     size_t *done)
{
	struct phys_const_ptr part;
	struct phys_session s;
	size_t copied = 0;
	void *bounce;
	int err;

	if (done)
		*done = 0;
	err = byte_range(ptr, at, len);
	if (err || !len)
		return err;

	bounce = kmalloc(min_t(size_t, len, BOUNCE_BYTES), GFP_KERNEL);
	if (!bounce)
		return -ENOMEM;

	part = phys_narrow(ptr, at, len);
	err = session_begin(&s, &part, !to);
	while (!err && copied < len) {
		size_t n = min_t(size_t, len - copied, BOUNCE_BYTES);
		size_t part_done = 0;

		if (to)
			err = bounce_out(&s, bounce, copied, to + copied, n,
					 &part_done);
		else
			err = bounce_in(&s, bounce, copied, from + copied, n,
					&part_done);
		copied += part_done;
		cond_resched();
	}
	session_unmap(&s);
	kfree(bounce);
	if (done)
		*done = copied;
	return err;
}

int phys_read_to_user(const struct phys_const_ptr *ptr, size_t at,
		      void __user *ubuf, size_t len, size_t *done)
{
	return user_copy(ptr, at, ubuf, NULL, len, done);
}
EXPORT_SYMBOL_GPL(phys_read_to_user);

int phys_write_from_user(const struct phys_ptr *ptr, size_t at,
			 const void __user *ubuf, size_t len, size_t *done)
{
	return user_copy(&ptr->ro, at, NULL, ubuf, len, done);
}
EXPORT_SYMBOL_GPL(phys_write_from_user);

int phys_session_begin(struct phys_session *s,
		       const struct phys_const_ptr *ptr)
{
	return session_begin(s, ptr, false);
}
EXPORT_SYMBOL_GPL(phys_session_begin);

int phys_write_session_begin(struct phys_write_session *s,
			     const struct phys_ptr *ptr)
{
	return session_begin(&s->ro, &ptr->ro, true);
}
EXPORT_SYMBOL_GPL(phys_write_session_begin);

void phys_session_end(struct phys_session *s)
{
	session_unmap(s);
	s->ptr.mgr = NULL;
}
EXPORT_SYMBOL_GPL(phys_session_end);

int phys_session_read(struct phys_session *s, size_t index, void *buf,
		      size_t count)
{
	size_t at, len;
	int err;

	err = elem_range(&s->ptr, index, count, &at, &len);
	return err ?: session_copy(s, at, buf, NULL, len, NULL);
}
EXPORT_SYMBOL_GPL(phys_session_read);

int phys_session_write(struct phys_write_session *s, size_t index,
		       const void *buf, size_t count)
{
	size_t at, len;
	int err;

	err = elem_range(&s->ro.ptr, index, count, &at, &len);
	return err ?: session_copy(&s->ro, at, NULL, buf, len, NULL);
}
EXPORT_SYMBOL_GPL(phys_session_write);
