/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The bytes of one site, to be read and written under its lock.
 */
#ifndef _LVBS_HEKI_TEXT_H
#define _LVBS_HEKI_TEXT_H

#include <lvbs/phys_ptr.h>

#include "heki/vtl0.h"
#include "heki/wire.h"

/**
 * struct heki_text - a site that is within reach
 * @parts: its pointers; the claims of @session name their frames
 * @session: its mappings, where it could be mapped
 * @alias: where its first byte and its second page are, where they had been
 *	mapped beforehand; both NULL otherwise
 * @first: how many of its bytes are in the first of these
 */
struct heki_text {
	struct heki_ptr_pair parts;
	struct phys_write_session session[2];
	u8 *alias[2];
	unsigned int first;
};

/**
 * heki_text_open() - get a site within reach
 * @text: to be ended by heki_text_close()
 * @site: the site
 *
 * In a context that can sleep the site's page or pages are mapped through a
 * physical pointer. In others a mapping serves that was made beforehand.
 *
 * Context: Any but NMI; where it may not sleep, the caller holds
 * rcu_read_lock() until heki_text_close().
 * Return: 0; as phys_write_session_begin(); -EBUSY if it may not sleep and
 * nothing was mapped beforehand, or somebody holds a range lock on the site.
 */
int heki_text_open(struct heki_text *text, const struct heki_site *site);

/**
 * heki_text_close() - let go of a site
 * @text: what heki_text_open() accepted
 *
 * Context: As heki_text_open().
 */
void heki_text_close(struct heki_text *text);

/**
 * heki_text_read() - read bytes of a site
 * @text: the site
 * @at: first byte
 * @buf: to where
 * @len: number of bytes; @at + @len is at most the site's size
 *
 * Context: Any but NMI. Does not sleep.
 * Return: 0; -EFAULT.
 */
int heki_text_read(struct heki_text *text, unsigned int at, u8 *buf,
		   unsigned int len);

/**
 * heki_text_write() - write bytes of a site
 * @text: the site
 * @at: first byte
 * @buf: from where
 * @len: number of bytes; @at + @len is at most the site's size
 *
 * Context: Any but NMI. Does not sleep.
 * Return: 0; -EFAULT.
 */
int heki_text_write(struct heki_text *text, unsigned int at, const u8 *buf,
		    unsigned int len);

#endif /* _LVBS_HEKI_TEXT_H */
