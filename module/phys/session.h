/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LVBS_PHYS_SESSION_H
#define _LVBS_PHYS_SESSION_H

#include <lvbs/phys_ptr.h>

/**
 * phys_write_session_begin_temporary() - begin a session of a few copies in a row
 * @s: zeroed, or ended
 * @ptr: as for phys_write_session_begin()
 *
 * For who copies right away and then ends it, and does nothing else meanwhile:
 * see "how a window is mapped" in vmap_manager.h.
 *
 * Context: May sleep.
 * Return: as phys_write_session_begin().
 */
int phys_write_session_begin_temporary(struct phys_write_session *s,
				       const struct phys_ptr *ptr);

/**
 * phys_session_copy() - copy bytes between a session's memory and trusted memory
 * @s: the session; begun for writing if @to is NULL
 * @at: the first byte, counted from the pointer's start; in range
 * @to: to where, or NULL to write
 * @from: from where, to write
 * @len: number of bytes; in range
 * @copied: increased by the number of bytes copied, whatever the outcome
 *
 * Context: May sleep if the session is longer than a window, else any.
 * Return: as phys_read() or phys_write().
 */
int phys_session_copy(struct phys_session *s, size_t at, void *to,
		      const void *from, size_t len, size_t *copied);

#endif /* _LVBS_PHYS_SESSION_H */
