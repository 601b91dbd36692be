// SPDX-License-Identifier: GPL-2.0
/*
 * Physical pointers: making them, copying on demand, and sessions.
 *
 * An operation checks its range and then handles the frames it touches, one
 * window at a time. A window is opened (its frames are claimed, validated under
 * the claim, and mapped), copied from or to, and closed. A copy on demand opens
 * it for one copy, a session for several. All knowledge of real memory is in the
 * vmap manager. Copies from and to user memory are in user.c.
 *
 * A local window (%PHYS_MAP_LOCAL) is open with preemption disabled.
 */
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/preempt.h>
#include <linux/sched.h>

#include <lvbs/phys_ptr.h>

#include "phys/phys.h"
#include "trace.h"

/*
 * Count and trace a refusal; returns @err. A refusal is a statement about the
 * request, not about the state of the machine: 0, -EFAULT and -ENOMEM do not
 * count. @pfn is the first frame of the request, or 0.
 */
static noinline int phys_refuse(struct vmap_manager *mgr, unsigned long pfn,
				int err)
{
	if (!err || err == -EFAULT || err == -ENOMEM)
		return err;

	trace_phys_refuse(pfn, err);
	if (-err < PHYS_REFUSAL_ERRNO_MAX)
		atomic_long_inc(&mgr->stats->refused[-err]);
	return err;
}

/* ---- making pointers ---- */

/* Number of frames touched by @bytes bytes from @offset in the first frame. */
static inline unsigned long phys_frames_spanned(unsigned int offset,
						size_t bytes)
{
	return bytes ? (((offset + bytes - 1) >> PAGE_SHIFT) + 1) : 0;
}

/* Excess frames are dropped, so that they are neither validated nor locked. */
static inline struct phys_const_ptr
ptr_make(struct vmap_manager *mgr, const unsigned long *pfns,
	 unsigned long first, unsigned int offset, size_t bytes,
	 unsigned int elem_size)
{
	return (struct phys_const_ptr) {
		.mgr = mgr,
		.frames.pfns = pfns,
		.frames.first = first,
		.frames.nr = phys_frames_spanned(offset, bytes),
		.bytes = bytes,
		.offset = offset,
		.elem_size = elem_size,
	};
}

static inline int contiguous_check(struct vmap_manager *mgr, phys_addr_t pa,
				   size_t bytes)
{
	phys_addr_t last = pa;

	if (!mgr || !mgr->ops)
		return -EINVAL;

	/* Offset plus position must fit in a size_t. */
	if ((bytes && check_add_overflow(pa, (phys_addr_t)bytes - 1, &last)) ||
	    last >> PAGE_SHIFT > mgr->max_pfn || bytes > SIZE_MAX - PAGE_SIZE)
		return phys_refuse(mgr, pa >> PAGE_SHIFT, -EOVERFLOW);
	return 0;
}

int __phys_const_ptr_init(struct phys_const_ptr *ptr, struct vmap_manager *mgr,
			  phys_addr_t pa, size_t bytes, unsigned int elem_size)
{
	int err = contiguous_check(mgr, pa, bytes);

	*ptr = err ? (struct phys_const_ptr) {} :
		     ptr_make(mgr, NULL, pa >> PAGE_SHIFT, offset_in_page(pa),
			      bytes, elem_size);
	return err;
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
	int err;

	if (!mgr || !mgr->ops) {
		*ptr = (struct phys_const_ptr) {};
		return -EINVAL;
	}
	if (offset >= PAGE_SIZE)
		err = -EINVAL;
	else if (bytes > SIZE_MAX - PAGE_SIZE ||
		 phys_frames_spanned(offset, bytes) > nr)
		err = -ERANGE;
	else
		err = scattered_in_width(mgr, pfns, nr);
	err = err ?: phys_frames_unique(pfns, nr);
	if (err) {
		*ptr = (struct phys_const_ptr) {};
		return phys_refuse(mgr, nr ? pfns[0] : 0, err);
	}
	*ptr = ptr_make(mgr, pfns, 0, offset, bytes, elem_size);
	return 0;
}
EXPORT_SYMBOL_GPL(__phys_const_ptr_init_scattered);

/* ---- ranges ---- */

/* Convert a range of elements to a range of bytes. */
static inline int phys_elem_range(const struct phys_const_ptr *ptr,
				  size_t index, size_t count, size_t *at,
				  size_t *len)
{
	size_t nr;

	if (!ptr->mgr)
		return -EINVAL;

	nr = ptr->bytes / ptr->elem_size;
	if (index > nr || count > nr - index)
		return phys_refuse(ptr->mgr, 0, -ERANGE);

	*at = index * ptr->elem_size;
	*len = count * ptr->elem_size;
	return 0;
}

static inline int phys_byte_range(const struct phys_const_ptr *ptr, size_t at,
				  size_t len)
{
	if (!ptr->mgr)
		return -EINVAL;
	if (at > ptr->bytes || len > ptr->bytes - at)
		return phys_refuse(ptr->mgr, 0, -ERANGE);
	return 0;
}

/* The frames that a valid range of bytes touches. */
static inline struct phys_frames
phys_range_frames(const struct phys_const_ptr *ptr, size_t at, size_t len)
{
	size_t start = ptr->offset + at;

	return phys_frames_slice(&ptr->frames, start >> PAGE_SHIFT,
				 phys_frames_spanned(offset_in_page(start),
						     len));
}

/* Point @slice to @len bytes of @ptr, in elements of one byte. */
int phys_ptr_slice(struct phys_const_ptr *slice,
		   const struct phys_const_ptr *ptr, size_t at, size_t len)
{
	int err = phys_byte_range(ptr, at, len);

	if (err)
		return err;

	*slice = (struct phys_const_ptr) {
		.mgr = ptr->mgr,
		.lock = ptr->lock,
		.frames = phys_range_frames(ptr, at, len),
		.bytes = len,
		.offset = offset_in_page(ptr->offset + at),
		.elem_size = 1,
	};
	return 0;
}

/* ---- windows ---- */

/* Most accesses take one window: inline, as a call would cost as much again. */

/* The frames of the window that starts at position @first of @frames. */
static inline struct phys_frames
phys_window_frames(const struct phys_frames *frames, unsigned long first)
{
	return phys_frames_slice(frames, first,
				 min_t(unsigned long, frames->nr - first,
				       PHYS_WINDOW_PAGES));
}

static inline enum phys_claim_kind claim_kind(const struct vmap_manager *mgr,
					      bool write)
{
	return write ? mgr->write_kind : PHYS_CLAIM_READ;
}

/* Why an access to frames of one window would be refused now, or 0. */
static int frames_error(struct vmap_manager *mgr, enum phys_claim_kind kind,
			const void *lock, const struct phys_frames *frames)
{
	return mgr->ops->validate_unowned(mgr, frames) ?:
	       phys_claim_check(mgr->claims, kind, lock, frames);
}

/* Would all windows be accepted? Checked before the first of several is mapped. */
static noinline int phys_frames_check(struct vmap_manager *mgr,
				      enum phys_claim_kind kind,
				      const void *lock,
				      const struct phys_frames *frames)
{
	unsigned long at;

	for (at = 0; at < frames->nr; at += PHYS_WINDOW_PAGES) {
		struct phys_frames next = phys_window_frames(frames, at);
		int err = frames_error(mgr, kind, lock, &next);

		if (err)
			return phys_refuse(mgr, phys_frame(&next, 0), err);
		cond_resched();
	}
	return 0;
}

/* The second mention of a frame, if one is named twice. */
static unsigned long second_mention(const unsigned long *pfns, unsigned long nr)
{
	unsigned long unique = 1, found = nr;

	while (found - unique > 1) {
		unsigned long half = unique + (found - unique) / 2;

		if (phys_frames_unique(pfns, half))
			found = half;
		else
			unique = half;
	}
	return found - 1;
}

static int single_frame_error(struct vmap_manager *mgr, unsigned long pfn,
			      bool write)
{
	struct phys_frames frame = { .first = pfn, .nr = 1 };

	if (pfn > mgr->max_pfn)
		return -EOVERFLOW;
	return frames_error(mgr, claim_kind(mgr, write), NULL, &frame);
}

/*
 * For messages: the position of the frame because of which an access to frames
 * was refused with @err. 0 if that is not known, because a frame's state has
 * changed since. May sleep.
 */
unsigned long phys_refused_frame(struct vmap_manager *mgr,
				 const unsigned long *pfns, unsigned long nr,
				 bool write, int err)
{
	unsigned long i;

	if (err == -EEXIST)
		return second_mention(pfns, nr);
	for (i = 0; i < nr; i++) {
		if (single_frame_error(mgr, pfns[i], write) == err)
			return i;
		cond_resched();
	}
	return 0;
}

static inline int window_claim(struct phys_window *window, const void *lock,
			       const struct phys_frames *frames,
			       unsigned int flags)
{
	struct vmap_manager *mgr = window->mgr;
	enum phys_claim_kind kind = claim_kind(mgr, flags & PHYS_MAP_WRITE);

	if (flags & PHYS_MAP_LOCAL)
		return phys_claim_add_local(mgr->claims, kind, lock, frames,
					    &window->local_claim);
	window->claim.kind = kind;
	window->claim.holder = lock;
	return phys_claim_add(mgr->claims, &window->claim, frames);
}

static inline void window_unclaim(struct phys_window *window, bool local)
{
	if (local)
		phys_claim_del_local(window->local_claim);
	else
		phys_claim_del(window->mgr->claims, &window->claim);
}

/*
 * Claim frames, validate them, and map them. On error nothing is claimed. If the
 * window is local, preemption is disabled until it is closed.
 */
static __always_inline int phys_window_open(struct phys_window *window,
					    struct vmap_manager *mgr,
					    const void *lock,
					    const struct phys_frames *frames,
					    unsigned int flags)
{
	bool local = flags & PHYS_MAP_LOCAL;
	int err;

	window->mgr = mgr;
	if (local)
		preempt_disable();
	else if (!phys_may_sleep())
		return phys_refuse(mgr, phys_frame(frames, 0), -EBUSY);

	err = window_claim(window, lock, frames, flags);
	if (unlikely(err))
		goto refuse;
	err = mgr->ops->validate_unowned(mgr, frames);
	if (likely(!err))
		err = mgr->ops->vmap(mgr, frames, flags, &window->map);
	if (unlikely(err))
		goto unclaim;
	phys_stat_add(mgr->stats, PHYS_STAT_MAPS, 1);
	trace_phys_map(frames, flags & PHYS_MAP_WRITE);
	return 0;

unclaim:
	window_unclaim(window, local);
	goto out;
refuse:
	/* That memory is unusable says more than who claims it. */
	err = mgr->ops->validate_unowned(mgr, frames) ?: err;
out:
	if (local)
		preempt_enable();
	return phys_refuse(mgr, phys_frame(frames, 0), err);
}

/* Unmap a window and release its claim. */
static inline void phys_window_close(struct phys_window *window)
{
	struct vmap_manager *mgr = window->mgr;
	bool local = window->map.local;

	if (unlikely(mgr->ops->vunmap(mgr, &window->map)))
		phys_stat_add(mgr->stats, PHYS_STAT_LEAKED, 1);
	else
		phys_stat_add(mgr->stats, PHYS_STAT_UNMAPS, 1);
	window_unclaim(window, local);
	if (local)
		preempt_enable();
}

/* Count and trace a fault at position @at of a window; returns -EFAULT. */
noinline int phys_window_faulted(const struct phys_window *window, size_t at,
				 bool write)
{
	const struct phys_claim *claim = window->map.local ?
		&window->local_claim->claim : &window->claim;

	phys_stat_add(window->mgr->stats, PHYS_STAT_FAULTS, 1);
	trace_phys_fault(phys_frame(&claim->frames, at >> PAGE_SHIFT),
			 offset_in_page(at), write);
	return -EFAULT;
}

/*
 * Copy from or to position @at of an open window; @at is inside the window and
 * @len is clamped to it. Adds the number of bytes copied to @copied, exact even
 * after a fault.
 */
static inline int phys_window_copy(const struct phys_window *window, size_t at,
				   void *buf, size_t len, bool write,
				   size_t *copied)
{
	size_t n = min(len, ((size_t)window->map.nr << PAGE_SHIFT) - at);
	size_t done = phys_window_copied(window, at, buf, n, write);

	*copied += done;
	return done < n ? phys_window_faulted(window, at + done, write) : 0;
}

/*
 * Map at most PHYS_WINDOW_PAGES frames for several copies until phys_window_end().
 * @flags are those of phys_access_flags() for a few copies: if there are local
 * windows, in any context except NMI, which then has this window and no other, with
 * preemption disabled; or PHYS_MAP_WRITE or 0: process context. Returns 0, or fails
 * as phys_read() or phys_write() does.
 */
int phys_window_begin(struct phys_window *window, struct vmap_manager *mgr,
		      const struct phys_frames *frames, unsigned int flags)
{
	return phys_window_open(window, mgr, NULL, frames, flags);
}

void phys_window_end(struct phys_window *window)
{
	phys_window_close(window);
}

/* ---- copies on demand ---- */

static __always_inline int copy_window(struct vmap_manager *mgr,
				       const void *lock,
				       const struct phys_frames *frames,
				       size_t offset, void *buf, size_t len,
				       bool write, size_t *copied)
{
	struct phys_window window __uninitialized;
	int err;

	err = phys_window_open(&window, mgr, lock, frames,
			       phys_access_flags(mgr, write));
	if (err)
		return err;
	err = phys_window_copy(&window, offset, buf, len, write, copied);
	phys_window_close(&window);
	return err;
}

static noinline int copy_windows(struct vmap_manager *mgr, const void *lock,
				 const struct phys_frames *all, size_t offset,
				 void *buf, size_t len, bool write,
				 size_t *copied)
{
	unsigned long at;
	int err = 0;

	might_sleep();
	/* Nothing is written unless all windows would be accepted. */
	if (write)
		err = phys_frames_check(mgr, mgr->write_kind, lock, all);
	for (at = 0; !err && at < all->nr; at += PHYS_WINDOW_PAGES) {
		struct phys_frames frames = phys_window_frames(all, at);
		size_t n = 0;

		err = copy_window(mgr, lock, &frames, offset, buf,
				  len - *copied, write, &n);
		*copied += n;
		buf += n;
		offset = 0;
		cond_resched();
	}
	return err;
}

/*
 * Copy @len bytes that start at @offset in the first of @frames and touch all
 * of them.
 */
static __always_inline int copy_frames(struct vmap_manager *mgr,
				       const void *lock,
				       const struct phys_frames *frames,
				       size_t offset, void *buf, size_t len,
				       bool write, size_t *copied)
{
	if (unlikely(frames->nr > PHYS_WINDOW_PAGES))
		return copy_windows(mgr, lock, frames, offset, buf, len, write,
				    copied);
	return copy_window(mgr, lock, frames, offset, buf, len, write, copied);
}

/* Copy a valid range of bytes; @done may be NULL. */
int phys_ptr_copy(const struct phys_const_ptr *ptr, size_t at, void *buf,
		  size_t len, bool write, size_t *done)
{
	struct phys_frames frames = phys_range_frames(ptr, at, len);
	size_t copied = 0;
	int err;

	if (!len)
		return 0;

	err = copy_frames(ptr->mgr, ptr->lock, &frames,
			  offset_in_page(ptr->offset + at), buf, len, write,
			  &copied);
	if (done)
		*done = copied;
	return err;
}

/* Would an access to all bytes of a valid pointer be refused? */
int phys_ptr_check(const struct phys_const_ptr *ptr, bool write)
{
	return phys_frames_check(ptr->mgr, claim_kind(ptr->mgr, write),
				 ptr->lock, &ptr->frames);
}

int phys_read(const struct phys_const_ptr *ptr, size_t index, void *buf,
	      size_t count)
{
	size_t at, len;
	int err;

	err = phys_elem_range(ptr, index, count, &at, &len);
	return err ?: phys_ptr_copy(ptr, at, buf, len, false, NULL);
}
EXPORT_SYMBOL_GPL(phys_read);

int phys_write(const struct phys_ptr *ptr, size_t index, const void *buf,
	       size_t count)
{
	size_t at, len;
	int err;

	err = phys_elem_range(&ptr->ro, index, count, &at, &len);
	return err ?: phys_ptr_copy(&ptr->ro, at, (void *)buf, len, true, NULL);
}
EXPORT_SYMBOL_GPL(phys_write);

int phys_read_bytes(const struct phys_const_ptr *ptr, size_t at, void *buf,
		    size_t len, size_t *done)
{
	int err;

	if (done)
		*done = 0;
	err = phys_byte_range(ptr, at, len);
	return err ?: phys_ptr_copy(ptr, at, buf, len, false, done);
}
EXPORT_SYMBOL_GPL(phys_read_bytes);

int phys_write_bytes(const struct phys_ptr *ptr, size_t at, const void *buf,
		     size_t len, size_t *done)
{
	int err;

	if (done)
		*done = 0;
	err = phys_byte_range(&ptr->ro, at, len);
	return err ?: phys_ptr_copy(&ptr->ro, at, (void *)buf, len, true, done);
}
EXPORT_SYMBOL_GPL(phys_write_bytes);

/* Copy one object; the same as through a pointer to it. */
static int copy_at(struct vmap_manager *mgr, phys_addr_t pa, void *buf,
		   unsigned int size, bool write)
{
	struct phys_frames frames = {
		.first = pa >> PAGE_SHIFT,
		.nr = phys_frames_spanned(offset_in_page(pa), size),
	};
	size_t copied = 0;
	int err;

	err = contiguous_check(mgr, pa, size);
	return err ?: copy_frames(mgr, NULL, &frames, offset_in_page(pa), buf,
				  size, write, &copied);
}

int __phys_read_at(struct vmap_manager *mgr, phys_addr_t pa, void *buf,
		   unsigned int size)
{
	return copy_at(mgr, pa, buf, size, false);
}
EXPORT_SYMBOL_GPL(__phys_read_at);

int __phys_write_at(struct vmap_manager *mgr, phys_addr_t pa, const void *buf,
		    unsigned int size)
{
	return copy_at(mgr, pa, (void *)buf, size, true);
}
EXPORT_SYMBOL_GPL(__phys_write_at);

/* ---- sessions: a window that stays mapped, and moves when needed ---- */

static bool session_is_open(const struct phys_session *s)
{
	return s->ptr.mgr;
}

static void session_unmap(struct phys_session *s)
{
	if (s->mapped)
		phys_window_close(&s->window);
	s->mapped = 0;
}

/* Move the window to position @first. */
static int session_slide(struct phys_session *s, unsigned long first)
{
	struct phys_frames frames = phys_window_frames(&s->ptr.frames, first);
	int err;

	session_unmap(s);
	err = phys_window_open(&s->window, s->ptr.mgr, s->ptr.lock, &frames,
			       s->flags);
	if (err)
		return err;
	s->bias = s->ptr.offset - (first << PAGE_SHIFT);
	s->mapped = frames.nr << PAGE_SHIFT;
	return 0;
}

static int session_begin(struct phys_session *s,
			 const struct phys_const_ptr *ptr, unsigned int flags)
{
	int err = 0;

	if (session_is_open(s))
		return -EBUSY;
	if (!ptr->mgr)
		return -EINVAL;

	s->ptr = *ptr;
	s->flags = flags;
	s->mapped = 0;
	if (!ptr->frames.nr)
		return 0;

	if (ptr->frames.nr > PHYS_WINDOW_PAGES)
		err = phys_ptr_check(ptr, flags & PHYS_MAP_WRITE);
	err = err ?: session_slide(s, 0);
	if (err)
		s->ptr.mgr = NULL;
	return err;
}

int phys_session_begin(struct phys_session *s,
		       const struct phys_const_ptr *ptr)
{
	might_sleep();
	return session_begin(s, ptr, 0);
}
EXPORT_SYMBOL_GPL(phys_session_begin);

int phys_write_session_begin(struct phys_write_session *s,
			     const struct phys_ptr *ptr)
{
	might_sleep();
	return session_begin(&s->ro, &ptr->ro, PHYS_MAP_WRITE);
}
EXPORT_SYMBOL_GPL(phys_write_session_begin);

void phys_session_end(struct phys_session *s)
{
	if (!session_is_open(s))
		return;
	session_unmap(s);
	s->ptr.mgr = NULL;
}
EXPORT_SYMBOL_GPL(phys_session_end);

/* Copy a valid range of bytes, of which some may be outside of the window. */
static noinline int session_copy_slow(struct phys_session *s, size_t at,
				      void *buf, size_t len, bool write)
{
	int err = 0;

	while (!err && len) {
		size_t done = 0;

		if (at + s->bias >= s->mapped)
			err = session_slide(s, (s->ptr.offset + at) >>
					       PAGE_SHIFT);
		if (err)
			break;
		err = phys_window_copy(&s->window, at + s->bias, buf, len,
				       write, &done);
		at += done;
		buf += done;
		len -= done;
	}
	return err;
}

/* Most copies lie inside the window. */
static __always_inline int session_copy(struct phys_session *s, size_t at,
					void *buf, size_t len, bool write)
{
	size_t pos = at + s->bias, copied = 0;

	if (pos < s->mapped && len <= s->mapped - pos)
		return phys_window_copy(&s->window, pos, buf, len, write,
					&copied);
	return session_copy_slow(s, at, buf, len, write);
}

int phys_session_read(struct phys_session *s, size_t index, void *buf,
		      size_t count)
{
	size_t at, len;
	int err;

	err = phys_elem_range(&s->ptr, index, count, &at, &len);
	return err ?: session_copy(s, at, buf, len, false);
}
EXPORT_SYMBOL_GPL(phys_session_read);

int phys_session_write(struct phys_write_session *s, size_t index,
		       const void *buf, size_t count)
{
	size_t at, len;
	int err;

	err = phys_elem_range(&s->ro.ptr, index, count, &at, &len);
	return err ?: session_copy(&s->ro, at, (void *)buf, len, true);
}
EXPORT_SYMBOL_GPL(phys_session_write);
