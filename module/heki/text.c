// SPDX-License-Identifier: GPL-2.0
/*
 * The bytes of one site: through a physical pointer of its own, or where
 * nothing can be mapped, through what its owner had mapped to stay.
 */
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/pfn.h>

#include "heki/vtl0.h"
#include "heki/owner.h"
#include "heki/text.h"
#include "phys/phys.h"
#include "phys/vmap_manager_privileged.h"

static int text_open_mapped(struct heki_text *text, const struct heki_site *site)
{
	struct heki_ptr_pair *parts = &text->parts;
	int err;

	err = heki_ptr_pair_init(parts, vmap_manager_privileged(), site->pa[0],
				 site->pa[1], site->size);
	if (err)
		return err;

	text->first = parts->first;
	err = phys_write_session_begin_temporary(&text->session[0], &parts->ptr[0]);
	if (err || parts->first == site->size)
		return err;
	err = phys_write_session_begin_temporary(&text->session[1], &parts->ptr[1]);
	if (err)
		phys_write_session_end(&text->session[0]);
	return err;
}

static int text_open_alias(struct heki_text *text, const struct heki_site *site)
{
	unsigned long pfns[] = {
		PHYS_PFN(site->pa[0]),
		PHYS_PFN(site->pa[1]),
	};
	unsigned int nr = site->pa[1] ? 2 : 1, i;
	struct phys_frames frames = { .pfns = pfns, .nr = nr };
	int err;

	/* No claim is made that lasts: the caller holds the site's lock. */
	err = phys_claim_check(vmap_manager_privileged()->claims,
			       PHYS_CLAIM_PRIVILEGED, NULL, &frames);
	if (err)
		return err;

	text->first = heki_len_in_page(site->pa[0], site->size);
	for (i = 0; i < nr; i++) {
		u8 *page = heki_owner_alias(pfns[i]);

		if (!page) {
			text->alias[0] = NULL;
			return -EBUSY;
		}
		text->alias[i] = page + offset_in_page(site->pa[i]);
	}
	return 0;
}

int heki_text_open(struct heki_text *text, const struct heki_site *site)
{
	*text = (struct heki_text) {};
	if (heki_may_sleep())
		return text_open_mapped(text, site);
	return text_open_alias(text, site);
}

void heki_text_close(struct heki_text *text)
{
	if (text->alias[0])
		return;
	phys_write_session_end(&text->session[0]);
	phys_write_session_end(&text->session[1]);
}

/* Where the piece at @at is that one copy can do, and how long it is. */
struct text_piece {
	unsigned int part;
	unsigned int at;
	unsigned int len;
};

static struct text_piece piece_at(const struct heki_text *text, unsigned int at,
				  unsigned int len)
{
	if (at >= text->first)
		return (struct text_piece) { 1, at - text->first, len };
	return (struct text_piece) { 0, at, min(len, text->first - at) };
}

static int piece_read(struct heki_text *text, struct text_piece piece, u8 *buf)
{
	const u8 *page = text->alias[piece.part];

	if (!page)
		return phys_session_read(&text->session[piece.part].ro,
					 piece.at, buf, piece.len);
	return copy_nofault_from(buf, page + piece.at, piece.len) ? -EFAULT : 0;
}

static int piece_write(struct heki_text *text, struct text_piece piece,
		       const u8 *buf)
{
	u8 *page = text->alias[piece.part];

	if (!page)
		return phys_session_write(&text->session[piece.part], piece.at,
					  buf, piece.len);
	return copy_nofault_to(page + piece.at, buf, piece.len) ? -EFAULT : 0;
}

int heki_text_read(struct heki_text *text, unsigned int at, u8 *buf,
		   unsigned int len)
{
	unsigned int done = 0;
	int err = 0;

	while (!err && done < len) {
		struct text_piece piece = piece_at(text, at + done, len - done);

		err = piece_read(text, piece, buf + done);
		done += piece.len;
	}
	return err;
}

int heki_text_write(struct heki_text *text, unsigned int at, const u8 *buf,
		    unsigned int len)
{
	unsigned int done = 0;
	int err = 0;

	while (!err && done < len) {
		struct text_piece piece = piece_at(text, at + done, len - done);

		err = piece_write(text, piece, buf + done);
		done += piece.len;
	}
	return err;
}
