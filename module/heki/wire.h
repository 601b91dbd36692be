/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From a patch as it lies in VTL0 memory to one that can be reasoned about.
 */
#ifndef _LVBS_HEKI_WIRE_H
#define _LVBS_HEKI_WIRE_H

#include <linux/bits.h>
#include <linux/minmax.h>
#include <linux/types.h>
#include <asm/page.h>

#include <lvbs/heki_abi.h>

/**
 * struct heki_site - a place in the kernel's text that may be patched
 * @pa: address of the first byte; then the start of the second page iff the
 *	instruction straddles a page boundary, else 0
 * @size: length of the instruction, 1 to %HEKI_CODE_MAX
 * @code: the instruction that the site may hold, besides the NOP of its
 *	length; zero from @size on
 */
struct heki_site {
	phys_addr_t pa[2];
	u8 size;
	u8 code[HEKI_CODE_MAX];
};

/**
 * struct heki_request - a write that VTL0 asks for
 * @pa: address of the first byte; then the start of the second page iff the
 *	bytes straddle a page boundary, else 0
 * @size: number of bytes, 1 to %HEKI_CODE_MAX
 * @bytes: the bytes; zero from @size on
 *
 * The same shape as a site but another type: nothing that VTL0 merely asks for
 * can be taken for something known.
 */
struct heki_request {
	phys_addr_t pa[2];
	u8 size;
	u8 bytes[HEKI_CODE_MAX];
};

/**
 * heki_frame() - the number of the page that an address lies in
 * @pa: address
 *
 * Return: the page frame number, pages being %HEKI_PAGE_SIZE.
 */
static inline unsigned long heki_frame(phys_addr_t pa)
{
	return pa >> HEKI_PAGE_SHIFT;
}

/*
 * The kernel's own pages may be larger (arm64): a frame of its own is then a
 * run of those.
 */
#define HEKI_FRAMES_SHIFT	(PAGE_SHIFT - HEKI_PAGE_SHIFT)

/**
 * heki_frame_pfn() - the kernel's frame that a page of the wire format lies in
 * @frame: from heki_frame()
 *
 * Return: the page frame number, pages being PAGE_SIZE.
 */
static inline unsigned long heki_frame_pfn(unsigned long frame)
{
	return frame >> HEKI_FRAMES_SHIFT;
}

/**
 * heki_pfn_frame() - the first page of the wire format in a kernel's frame
 * @pfn: page frame number, pages being PAGE_SIZE
 *
 * Return: as heki_frame().
 */
static inline unsigned long heki_pfn_frame(unsigned long pfn)
{
	return pfn << HEKI_FRAMES_SHIFT;
}

/**
 * heki_page_offset() - where in its page an address lies
 * @pa: address
 *
 * Return: the offset, less than %HEKI_PAGE_SIZE.
 */
static inline unsigned int heki_page_offset(phys_addr_t pa)
{
	return pa & (HEKI_PAGE_SIZE - 1);
}

/**
 * heki_width() - how wide an address may be that the kernel can work with
 * @pa_bits: physical address width
 *
 * A CPU in 32-bit mode can have wider addresses than the kernel's types, or
 * than a page frame number times the page size (PAE).
 *
 * Return: @pa_bits, or fewer bits.
 */
static inline unsigned int heki_width(unsigned int pa_bits)
{
	return min3(pa_bits, BITS_PER_BYTE * (unsigned int)sizeof(phys_addr_t),
		    (unsigned int)BITS_PER_LONG + HEKI_PAGE_SHIFT);
}

/**
 * heki_first_part() - how many of some bytes lie in the page of the first one
 * @pa: address of the first byte
 * @size: number of bytes
 *
 * Return: 1 to @size for a @size that is not 0; less than @size iff the bytes
 * straddle a page boundary.
 */
static inline unsigned int heki_first_part(phys_addr_t pa, unsigned int size)
{
	return min_t(unsigned int, size, HEKI_PAGE_SIZE - heki_page_offset(pa));
}

int heki_place_check(u64 pa0, u64 pa1, unsigned int pa_bits);
int heki_site_check(const struct heki_site *site, unsigned int pa_bits);
int heki_site_decode(struct heki_site *site, const struct heki_patch *wire,
		     unsigned int pa_bits);
int heki_request_decode(struct heki_request *request,
			const struct heki_patch *wire, unsigned int pa_bits);
void heki_patch_encode(struct heki_patch *wire, u64 pa0, u64 pa1,
		       const u8 *code, unsigned int size);

#endif
