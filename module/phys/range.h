/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which bytes, and which frames, of a pointer an access is about: arithmetic
 * only.
 */
#ifndef _LVBS_PHYS_RANGE_H
#define _LVBS_PHYS_RANGE_H

#include <linux/mm.h>

#include <lvbs/phys_ptr.h>

#include "phys/refusal.h"

/**
 * phys_frames_spanned() - how many frames do some bytes touch?
 * @offset: where they begin in the first frame
 * @bytes: how many
 *
 * Return: the number of frames; 0 for no bytes.
 */
static inline unsigned long phys_frames_spanned(unsigned int offset,
						size_t bytes)
{
	return bytes ? (((offset + bytes - 1) >> PAGE_SHIFT) + 1) : 0;
}

/**
 * phys_elem_range() - the bytes of some elements
 * @ptr: the pointer
 * @index: first element
 * @count: number of elements
 * @at: the first byte
 * @len: number of bytes
 *
 * Return: 0; -EINVAL for a pointer whose making was refused; -ERANGE.
 */
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

/**
 * phys_byte_range() - are these bytes in range?
 * @ptr: the pointer
 * @at: the first byte
 * @len: number of bytes
 *
 * Return: as phys_elem_range().
 */
static inline int phys_byte_range(const struct phys_const_ptr *ptr, size_t at,
				  size_t len)
{
	if (!ptr->mgr)
		return -EINVAL;
	if (at > ptr->bytes || len > ptr->bytes - at)
		return phys_refuse(ptr->mgr, 0, -ERANGE);
	return 0;
}

/**
 * phys_range_frames() - the frames that some bytes touch
 * @ptr: the pointer
 * @at: the first byte
 * @len: number of bytes; they are in range
 *
 * Return: the frames; they borrow what @ptr borrows.
 */
static inline struct phys_frames
phys_range_frames(const struct phys_const_ptr *ptr, size_t at, size_t len)
{
	size_t start = ptr->offset + at;

	return phys_frames_slice(&ptr->frames, start >> PAGE_SHIFT,
				 phys_frames_spanned(offset_in_page(start),
						     len));
}

#endif /* _LVBS_PHYS_RANGE_H */
