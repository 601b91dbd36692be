// SPDX-License-Identifier: GPL-2.0
/*
 * Checking and decoding of patches. All functions are pure and may be called in
 * any context.
 *
 * The rules are those of the LVBS secure kernel, with two holes closed: its
 * check accepted a second page equal to the first, and panicked on addresses in
 * the last page below the physical address width.
 *
 * The checks do no address arithmetic, so none can wrap: bytes that start below
 * the width and do not leave their page end below the width.
 */

#include <linux/errno.h>
#include <linux/string.h>
#include <asm/byteorder.h>

#include "heki/heki.h"

static bool below_width(u64 pa, unsigned int pa_bits)
{
	pa_bits = heki_clamp_pa_bits(pa_bits);
	return pa_bits >= 64 || !(pa >> pa_bits);
}

/* Callers check that the two pages differ: the errno depends on the caller. */
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

/* A patch that is both malformed and beyond the width is malformed. */
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

/*
 * May a struct heki_patch lie at @pa0, with its end in the page at @pa1 iff it
 * straddles? Returns -EEXIST if both pages are the same, as a physical pointer
 * over them would.
 */
int heki_request_addr_check(u64 pa0, u64 pa1, unsigned int pa_bits)
{
	int err = span_check(pa0, pa1, sizeof(struct heki_patch), pa_bits);

	if (err)
		return err;
	return pa1 && same_page(pa0, pa1) ? -EEXIST : 0;
}

int heki_site_check(const struct heki_site *site, unsigned int pa_bits)
{
	return patch_check(site->pa[0], site->pa[1], site->size, pa_bits);
}

/*
 * @wire must be a private copy that VTL0 cannot change. @site is not changed on
 * failure: -EINVAL if @wire is malformed, -EOVERFLOW if an address is beyond
 * the width.
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

/* As heki_site_decode(). */
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

/*
 * Encodes a patch as VTL0 would, without any check: the mock VTL0 must be able
 * to send malformed patches. Bytes after HEKI_CODE_MAX are not copied.
 */
void heki_patch_encode(struct heki_patch *wire, u64 pa0, u64 pa1,
		       const u8 *code, unsigned int size)
{
	*wire = (struct heki_patch) {
		.pa = { cpu_to_le64(pa0), cpu_to_le64(pa1) }, .size = size,
	};
	memcpy(wire->code, code, min_t(unsigned int, size, HEKI_CODE_MAX));
}
