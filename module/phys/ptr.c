// SPDX-License-Identifier: GPL-2.0
/*
 * Physical pointers: how they are made, and operations on demand.
 *
 * From the outside in: an operation on elements becomes a range of bytes
 * (phys_range.h), these the frames that they touch, and copy_frames() walks
 * them, a window at a time (phys_window.h). Sessions are in phys_session.c,
 * user memory is in phys_user.c.
 */
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/overflow.h>

#include <lvbs/phys_ptr.h>

#include "phys/frames.h"
#include "phys/range.h"
#include "phys/refusal.h"
#include "phys/window.h"

/* Frames beyond the bound would be checked and locked for nothing. */
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

static inline struct phys_const_ptr
ptr_contiguous(struct vmap_manager *mgr, phys_addr_t pa, size_t bytes,
	       unsigned int elem_size)
{
	return ptr_make(mgr, NULL, pa >> PAGE_SHIFT, offset_in_page(pa), bytes,
			elem_size);
}

static inline int contiguous_check(struct vmap_manager *mgr, phys_addr_t pa,
				   size_t bytes)
{
	phys_addr_t last = pa;

	if (!mgr || !mgr->ops)
		return -EINVAL;

	/* In-pointer positions, offset included, are of type size_t. */
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
		     ptr_contiguous(mgr, pa, bytes, elem_size);
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

	*ptr = (struct phys_const_ptr) {};
	if (!mgr || !mgr->ops)
		return -EINVAL;

	if (offset >= PAGE_SIZE)
		err = -EINVAL;
	else if (bytes > SIZE_MAX - PAGE_SIZE ||
		 phys_frames_spanned(offset, bytes) > nr)
		err = -ERANGE;
	else
		err = scattered_in_width(mgr, pfns, nr);
	if (!err && !phys_frames_unique(pfns, nr))
		err = -EEXIST;
	if (err)
		return phys_refuse(mgr, nr ? pfns[0] : 0, err);
	*ptr = ptr_make(mgr, pfns, 0, offset, bytes, elem_size);
	return 0;
}
EXPORT_SYMBOL_GPL(__phys_const_ptr_init_scattered);

/* Claimed already: map, copy, unmap. */
static __always_inline int copy_window(struct phys_window *window,
				       struct vmap_manager *mgr, size_t offset,
				       void *to, const void *from, size_t len,
				       size_t *copied)
{
	unsigned int flags = PHYS_MAP_TEMPORARY | (to ? 0 : PHYS_MAP_WRITE);
	int err;

	err = phys_window_map(window, mgr, flags);
	if (err)
		return err;
	err = phys_window_copy(window, mgr, offset, to, from, len, copied);
	phys_window_close(window, mgr);
	return err;
}

/* More than one window: one after the other. */
static noinline int copy_windows(struct phys_window *window,
				 struct vmap_manager *mgr,
				 struct phys_frames rest, size_t offset,
				 void *to, const void *from, size_t len,
				 size_t *copied)
{
	struct phys_frames part = phys_window_frames(&rest, 0);
	int err;

	err = phys_window_claim(window, mgr, &part);
	err = err ?: phys_window_check_rest(window, mgr, &rest);
	while (!err) {
		size_t n = 0;

		err = copy_window(window, mgr, offset, to, from,
				  len - *copied, &n);
		*copied += n;
		if (err || *copied == len)
			break;

		if (to)
			to += n;
		else
			from += n;
		offset = 0;
		rest = phys_frames_slice(&rest, part.nr, rest.nr - part.nr);
		part = phys_window_frames(&rest, 0);
		err = phys_window_claim(window, mgr, &part);
	}
	return err;
}

/*
 * One operation on the bytes from @offset in the first of some frames on, all
 * of which it touches. (That it may sleep, vmap() says.)
 */
static __always_inline int copy_frames(struct vmap_manager *mgr,
				       const void *lock,
				       const struct phys_frames *frames,
				       size_t offset, void *to,
				       const void *from, size_t len,
				       size_t *copied)
{
	struct phys_window window;
	int err;

	phys_window_prepare(&window, mgr, lock, !to);
	if (unlikely(frames->nr > PHYS_WINDOW_PAGES))
		return copy_windows(&window, mgr, *frames, offset, to, from,
				    len, copied);
	err = phys_window_claim(&window, mgr, frames);
	return err ?: copy_window(&window, mgr, offset, to, from, len, copied);
}

/* One operation on bytes that are in range. */
static int phys_copy(const struct phys_const_ptr *ptr, size_t at, void *to,
		     const void *from, size_t len, size_t *done)
{
	struct phys_frames frames = phys_range_frames(ptr, at, len);
	size_t copied = 0;
	int err;

	if (!len)
		return 0;

	err = copy_frames(ptr->mgr, ptr->lock, &frames,
			  offset_in_page(ptr->offset + at), to, from, len,
			  &copied);
	if (done)
		*done = copied;
	return err;
}

int phys_read(const struct phys_const_ptr *ptr, size_t index, void *buf,
	      size_t count)
{
	size_t at, len;
	int err;

	err = phys_elem_range(ptr, index, count, &at, &len);
	return err ?: phys_copy(ptr, at, buf, NULL, len, NULL);
}
EXPORT_SYMBOL_GPL(phys_read);

int phys_write(const struct phys_ptr *ptr, size_t index, const void *buf,
	       size_t count)
{
	size_t at, len;
	int err;

	err = phys_elem_range(&ptr->ro, index, count, &at, &len);
	return err ?: phys_copy(&ptr->ro, at, NULL, buf, len, NULL);
}
EXPORT_SYMBOL_GPL(phys_write);

int phys_read_bytes(const struct phys_const_ptr *ptr, size_t at, void *buf,
		    size_t len, size_t *done)
{
	int err;

	if (done)
		*done = 0;
	err = phys_byte_range(ptr, at, len);
	return err ?: phys_copy(ptr, at, buf, NULL, len, done);
}
EXPORT_SYMBOL_GPL(phys_read_bytes);

int phys_write_bytes(const struct phys_ptr *ptr, size_t at, const void *buf,
		     size_t len, size_t *done)
{
	int err;

	if (done)
		*done = 0;
	err = phys_byte_range(&ptr->ro, at, len);
	return err ?: phys_copy(&ptr->ro, at, NULL, buf, len, done);
}
EXPORT_SYMBOL_GPL(phys_write_bytes);

/* One object where it is: what a pointer to it would come to. */
static int copy_at(struct vmap_manager *mgr, phys_addr_t pa, void *to,
		   const void *from, unsigned int size)
{
	struct phys_frames frames = {
		.first = pa >> PAGE_SHIFT,
		.nr = phys_frames_spanned(offset_in_page(pa), size),
	};
	size_t copied = 0;
	int err;

	err = contiguous_check(mgr, pa, size);
	return err ?: copy_frames(mgr, NULL, &frames, offset_in_page(pa), to,
				  from, size, &copied);
}

int __phys_read_at(struct vmap_manager *mgr, phys_addr_t pa, void *buf,
		   unsigned int size)
{
	return copy_at(mgr, pa, buf, NULL, size);
}
EXPORT_SYMBOL_GPL(__phys_read_at);

int __phys_write_at(struct vmap_manager *mgr, phys_addr_t pa, const void *buf,
		    unsigned int size)
{
	return copy_at(mgr, pa, NULL, buf, size);
}
EXPORT_SYMBOL_GPL(__phys_write_at);
