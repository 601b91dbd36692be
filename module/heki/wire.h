/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checking and decoding of struct heki_patch, and arithmetic on wire pages.
 */
#ifndef _LVBS_HEKI_WIRE_H
#define _LVBS_HEKI_WIRE_H

#include <linux/bits.h>
#include <linux/minmax.h>
#include <linux/types.h>
#include <asm/page.h>

#include <lvbs/heki_abi.h>

/* An instruction in VTL0 text that may be patched. */
struct heki_site {
	phys_addr_t pa[2];	/* first byte; second page iff it straddles */
	u8 size;		/* 1 to HEKI_CODE_MAX */
	u8 code[HEKI_CODE_MAX];	/* the instruction, zero from @size on */
};

/*
 * A text write requested by VTL0. The layout is that of struct heki_site; the
 * type is distinct, so that a request cannot pass for a known site.
 */
struct heki_request {
	phys_addr_t pa[2];	/* first byte; second page iff it straddles */
	u8 size;		/* 1 to HEKI_CODE_MAX */
	u8 bytes[HEKI_CODE_MAX];	/* zero from @size on */
};

/* The number of the wire page that contains @pa. */
static inline unsigned long heki_frame(phys_addr_t pa)
{
	return pa >> HEKI_PAGE_SHIFT;
}

/* Kernel pages may be larger than wire pages (arm64), never smaller. */
#define HEKI_FRAMES_SHIFT	(PAGE_SHIFT - HEKI_PAGE_SHIFT)

/* The PFN of the kernel page that contains wire page @frame. */
static inline unsigned long heki_frame_pfn(unsigned long frame)
{
	return frame >> HEKI_FRAMES_SHIFT;
}

/* The first wire page of kernel page @pfn. */
static inline unsigned long heki_pfn_frame(unsigned long pfn)
{
	return pfn << HEKI_FRAMES_SHIFT;
}

static inline unsigned int heki_page_offset(phys_addr_t pa)
{
	return pa & (HEKI_PAGE_SIZE - 1);
}

/*
 * Clamps the physical address width to what the kernel's types can hold: a CPU
 * in 32-bit mode may support wider addresses than phys_addr_t, or than an
 * unsigned long of page frame number (PAE).
 */
static inline unsigned int heki_clamp_pa_bits(unsigned int pa_bits)
{
	return min3(pa_bits, BITS_PER_BYTE * (unsigned int)sizeof(phys_addr_t),
		    (unsigned int)BITS_PER_LONG + HEKI_PAGE_SHIFT);
}

/* How many of the @size bytes at @pa precede the next page boundary. */
static inline unsigned int heki_len_in_page(phys_addr_t pa, unsigned int size)
{
	return min_t(unsigned int, size, HEKI_PAGE_SIZE - heki_page_offset(pa));
}

int heki_request_addr_check(u64 pa0, u64 pa1, unsigned int pa_bits);
int heki_site_check(const struct heki_site *site, unsigned int pa_bits);
int heki_site_decode(struct heki_site *site, const struct heki_patch *wire,
		     unsigned int pa_bits);
int heki_request_decode(struct heki_request *request,
			const struct heki_patch *wire, unsigned int pa_bits);
void heki_patch_encode(struct heki_patch *wire, u64 pa0, u64 pa1,
		       const u8 *code, unsigned int size);

#endif /* _LVBS_HEKI_WIRE_H */
