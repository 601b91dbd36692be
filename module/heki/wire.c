// SPDX-License-Identifier: GPL-2.0
/*
 * Rules for the shape of patches and of the place that a request lies at.
 *
 * The rules are those of the wire format's owner (the LVBS secure kernel's
 * check of a patch), with its holes closed: it let the second page be the first
 * one again, and failed on addresses in the last page below the address width.
 * Nothing here adds to an address, so nothing can wrap: whatever starts below
 * the width and does not leave its page ends below the width.
 */

#include <linux/errno.h>
#include <linux/string.h>
#include <asm/byteorder.h>

#include "heki/wire.h"

static bool below_width(u64 pa, unsigned int pa_bits)
{
	pa_bits = heki_width(pa_bits);
	return pa_bits >= 64 || !(pa >> pa_bits);
}

/* Everything but "the second page is another one", whose errno differs. */
static int span_check(u64 pa0, u64 pa1, unsigned int size, unsigned int pa_bits)
{
	bool straddles;

	if (!pa0 || (pa1 & (HEKI_PAGE_SIZE - 1)))
		return -EINVAL;
	straddles = (pa0 & (HEKI_PAGE_SIZE - 1)) > HEKI_PAGE_SIZE - size;
	if (straddles != !!pa1)
		return -EINVAL;
	if (!below_width(pa0, pa_bits) || !below_width(pa1, pa_bits))
		return -EOVERFLOW;
	return 0;
}

static bool same_page(u64 pa0, u64 pa1)
{
	return pa0 >> HEKI_PAGE_SHIFT == pa1 >> HEKI_PAGE_SHIFT;
}

static int patch_check(u64 pa0, u64 pa1, unsigned int size,
		       unsigned int pa_bits)
{
	int err;

	if (!size || size > HEKI_CODE_MAX)
		return -EINVAL;
	err = span_check(pa0, pa1, size, pa_bits);
	if (err)
		return err;
	return pa1 && same_page(pa0, pa1) ? -EINVAL : 0;
}

/**
 * heki_place_check() - may a request lie here?
 * @pa0: address of the struct heki_patch in VTL0 memory
 * @pa1: start of the page that its end lies in, iff that is not the page of
 *	its beginning; else 0
 * @pa_bits: physical address width, 13 to 64
 *
 * Context: any; pure.
 * Return: 0, -EINVAL if @pa0 is 0, @pa1 is not page aligned, or there are more
 * or fewer pages than the request takes; -EOVERFLOW if an address is beyond the
 * width; -EEXIST if both pages are the same one (what a physical pointer over
 * them says).
 */
int heki_place_check(u64 pa0, u64 pa1, unsigned int pa_bits)
{
	int err = span_check(pa0, pa1, sizeof(struct heki_patch), pa_bits);

	if (err)
		return err;
	return pa1 && same_page(pa0, pa1) ? -EEXIST : 0;
}

/**
 * heki_site_check() - is a site well formed?
 * @site: the site, from wherever
 * @pa_bits: physical address width, 13 to 64
 *
 * Context: any; pure.
 * Return: as heki_site_decode().
 */
int heki_site_check(const struct heki_site *site, unsigned int pa_bits)
{
	return patch_check(site->pa[0], site->pa[1], site->size, pa_bits);
}

/**
 * heki_site_decode() - take a record of a patch-info blob
 * @site: where to, unchanged on failure
 * @wire: the record, already in memory that VTL0 does not reach
 * @pa_bits: physical address width, 13 to 64
 *
 * Context: any; pure.
 * Return: 0, -EINVAL if the record is malformed: no address, size not 1 to
 * %HEKI_CODE_MAX, second page not page aligned, given without need, missing or
 * the same as the first; -EOVERFLOW if an address is beyond the width. A record
 * that is wrong in both ways is malformed.
 */
int heki_site_decode(struct heki_site *site, const struct heki_patch *wire,
		     unsigned int pa_bits)
{
	u64 pa0 = le64_to_cpu(wire->pa[0]), pa1 = le64_to_cpu(wire->pa[1]);
	int err = patch_check(pa0, pa1, wire->size, pa_bits);

	if (err)
		return err;
	*site = (struct heki_site) { .pa = { pa0, pa1 }, .size = wire->size };
	memcpy(site->code, wire->code, wire->size);
	return 0;
}

/**
 * heki_request_decode() - take a request
 * @request: where to, unchanged on failure
 * @wire: the request, already in memory that VTL0 does not reach
 * @pa_bits: physical address width, 13 to 64
 *
 * Context: any; pure.
 * Return: as heki_site_decode().
 */
int heki_request_decode(struct heki_request *request,
			const struct heki_patch *wire, unsigned int pa_bits)
{
	u64 pa0 = le64_to_cpu(wire->pa[0]), pa1 = le64_to_cpu(wire->pa[1]);
	int err = patch_check(pa0, pa1, wire->size, pa_bits);

	if (err)
		return err;
	*request = (struct heki_request) {
		.pa = { pa0, pa1 }, .size = wire->size,
	};
	memcpy(request->bytes, wire->code, wire->size);
	return 0;
}

/**
 * heki_patch_encode() - what VTL0 would write to ask for, or announce, a patch
 * @wire: where to
 * @pa0: address of the first byte
 * @pa1: second page, or 0
 * @code: @size bytes
 * @size: number of bytes; what is beyond %HEKI_CODE_MAX is not copied, but
 *	@wire says the size as it is (modulo 256), for VTL1 to refuse
 *
 * Nothing is checked: a mock VTL0 must be able to say wrong things.
 *
 * Context: any; pure.
 */
void heki_patch_encode(struct heki_patch *wire, u64 pa0, u64 pa1,
		       const u8 *code, unsigned int size)
{
	*wire = (struct heki_patch) {
		.pa = { cpu_to_le64(pa0), cpu_to_le64(pa1) }, .size = size,
	};
	memcpy(wire->code, code, min_t(unsigned int, size, HEKI_CODE_MAX));
}
