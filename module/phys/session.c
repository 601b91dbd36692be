// SPDX-License-Identifier: GPL-2.0
/*
 * Sessions: a window that stays over several copies, and slides to where the
 * next one is.
 */
#include <linux/export.h>
#include <linux/kernel.h>

#include <lvbs/phys_ptr.h>

#include "phys/range.h"
#include "phys/session.h"
#include "phys/window.h"

static bool session_is_open(const struct phys_session *s)
{
	return s->ptr.mgr;
}

static int session_map(struct phys_session *s, unsigned long first)
{
	s->first = first;
	return phys_window_map(&s->window, s->ptr.mgr, s->flags);
}

static void session_unmap(struct phys_session *s)
{
	if (s->window.map.nr)
		phys_window_close(&s->window, s->ptr.mgr);
}

/* Map the window that starts at position @first. */
static int session_slide(struct phys_session *s, unsigned long first)
{
	struct phys_frames frames = phys_window_frames(&s->ptr.frames, first);
	int err;

	session_unmap(s);
	err = phys_window_claim(&s->window, s->ptr.mgr, &frames);
	return err ?: session_map(s, first);
}

static int session_begin(struct phys_session *s,
			 const struct phys_const_ptr *ptr, unsigned int flags)
{
	struct phys_frames frames = phys_window_frames(&ptr->frames, 0);
	int err;

	if (session_is_open(s))
		return -EBUSY;
	if (!ptr->mgr)
		return -EINVAL;

	might_sleep();
	s->ptr = *ptr;
	s->flags = flags;
	s->window.map.nr = 0;
	if (!ptr->frames.nr)
		return 0;

	phys_window_prepare(&s->window, ptr->mgr, ptr->lock,
			    flags & PHYS_MAP_WRITE);
	err = phys_window_claim(&s->window, ptr->mgr, &frames);
	err = err ?: phys_window_check_rest(&s->window, ptr->mgr, &ptr->frames);
	err = err ?: session_map(s, 0);
	if (err)
		s->ptr.mgr = NULL;
	return err;
}

int phys_session_begin(struct phys_session *s,
		       const struct phys_const_ptr *ptr)
{
	return session_begin(s, ptr, 0);
}
EXPORT_SYMBOL_GPL(phys_session_begin);

int phys_write_session_begin(struct phys_write_session *s,
			     const struct phys_ptr *ptr)
{
	return session_begin(&s->ro, &ptr->ro, PHYS_MAP_WRITE);
}
EXPORT_SYMBOL_GPL(phys_write_session_begin);

int phys_write_session_begin_temporary(struct phys_write_session *s,
				       const struct phys_ptr *ptr)
{
	return session_begin(&s->ro, &ptr->ro, PHYS_MAP_WRITE | PHYS_MAP_TEMPORARY);
}

void phys_session_end(struct phys_session *s)
{
	if (!session_is_open(s))
		return;
	session_unmap(s);
	s->ptr.mgr = NULL;
}
EXPORT_SYMBOL_GPL(phys_session_end);

int phys_session_copy(struct phys_session *s, size_t at, void *to,
		      const void *from, size_t len, size_t *copied)
{
	size_t pos = s->ptr.offset + at, end = pos + len;
	int err = 0;

	while (!err && pos < end) {
		unsigned long page = pos >> PAGE_SHIFT;
		size_t done = 0;

		if (page - s->first >= s->window.map.nr)
			err = session_slide(s, page);
		if (err)
			break;
		err = phys_window_copy(&s->window, s->ptr.mgr,
				       pos - (s->first << PAGE_SHIFT),
				       to, from, end - pos, &done);
		pos += done;
		*copied += done;
		if (to)
			to += done;
		else
			from += done;
	}
	return err;
}

/* Most copies are within what is mapped. */
static __always_inline int session_copy(struct phys_session *s, size_t at,
					void *to, const void *from, size_t len)
{
	size_t mapped = (size_t)s->window.map.nr << PAGE_SHIFT;
	size_t pos = s->ptr.offset + at - (s->first << PAGE_SHIFT);
	size_t copied = 0;

	if (pos < mapped && len <= mapped - pos)
		return phys_window_copy(&s->window, s->ptr.mgr, pos, to, from,
					len, &copied);
	return phys_session_copy(s, at, to, from, len, &copied);
}

int phys_session_read(struct phys_session *s, size_t index, void *buf,
		      size_t count)
{
	size_t at, len;
	int err;

	err = phys_elem_range(&s->ptr, index, count, &at, &len);
	return err ?: session_copy(s, at, buf, NULL, len);
}
EXPORT_SYMBOL_GPL(phys_session_read);

int phys_session_write(struct phys_write_session *s, size_t index,
		       const void *buf, size_t count)
{
	size_t at, len;
	int err;

	err = phys_elem_range(&s->ro.ptr, index, count, &at, &len);
	return err ?: session_copy(&s->ro, at, NULL, buf, len);
}
EXPORT_SYMBOL_GPL(phys_session_write);
