// SPDX-License-Identifier: GPL-2.0
/*
 * The bytes of one site: through a physical pointer of its own, or where
 * nothing can be mapped, through what its owner had mapped to stay.
 */
#include <linux/minmax.h>

#include "copy_nofault.h"
#include "heki_context.h"
#include "heki_owner.h"
#include "heki_text.h"
#include "vmap_manager_privileged.h"

static int text_open_mapped(struct heki_text *text, unsigned int nr,
			    const struct heki_site *site)
{
	struct phys_ptr ptr;
	int err;

	err = phys_ptr_init_scattered(&ptr, vmap_manager_privileged(),
				      text->pfns, nr,
				      heki_page_offset(site->pa[0]),
				      site->size, 1);
	return err ?: phys_write_session_begin(&text->session, &ptr);
}

static int text_open_alias(struct heki_text *text, unsigned int nr,
			   const struct heki_site *site)
{
	struct phys_frames frames = { .pfns = text->pfns, .nr = nr };
	int err;

	/* No claim is made that lasts: the caller holds the site's lock. */
	err = phys_claim_check(vmap_manager_privileged()->claims,
			       PHYS_CLAIM_PATCH, NULL, &frames);
	if (err)
		return err;

	text->alias[0] = heki_owner_alias(text->pfns[0]);
	text->alias[1] = nr > 1 ? heki_owner_alias(text->pfns[1]) : NULL;
	if (!text->alias[0] || (nr > 1 && !text->alias[1]))
		return -EBUSY;
	text->alias[0] += heki_page_offset(site->pa[0]);
	return 0;
}

int heki_text_open(struct heki_text *text, const struct heki_site *site)
{
	unsigned int nr = site->pa[1] ? 2 : 1;

	text->pfns[0] = heki_frame(site->pa[0]);
	text->pfns[1] = heki_frame(site->pa[1]);
	text->alias[0] = NULL;
	text->alias[1] = NULL;
	text->first = heki_first_part(site->pa[0], site->size);
	if (heki_may_sleep())
		return text_open_mapped(text, nr, site);
	return text_open_alias(text, nr, site);
}

void heki_text_close(struct heki_text *text)
{
	if (!text->alias[0])
		phys_write_session_end(&text->session);
}

/* The piece at @at that is in one page, and where it is mapped beforehand. */
static unsigned int alias_piece(const struct heki_text *text, unsigned int at,
				unsigned int len, u8 **addr)
{
	if (at >= text->first) {
		*addr = text->alias[1] + (at - text->first);
		return len;
	}
	*addr = text->alias[0] + at;
	return min(len, text->first - at);
}

int heki_text_read(struct heki_text *text, unsigned int at, u8 *buf,
		   unsigned int len)
{
	if (!text->alias[0])
		return phys_session_read(&text->session.ro, at, buf, len);

	while (len) {
		u8 *addr;
		unsigned int n = alias_piece(text, at, len, &addr);

		if (copy_nofault_from(buf, addr, n))
			return -EFAULT;
		at += n;
		buf += n;
		len -= n;
	}
	return 0;
}

int heki_text_write(struct heki_text *text, unsigned int at, const u8 *buf,
		    unsigned int len)
{
	if (!text->alias[0])
		return phys_session_write(&text->session, at, buf, len);

	while (len) {
		u8 *addr;
		unsigned int n = alias_piece(text, at, len, &addr);

		if (copy_nofault_to(addr, buf, n))
			return -EFAULT;
		at += n;
		buf += n;
		len -= n;
	}
	return 0;
}
