/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The binary interface between VTL0 and VTL1: memory ranges, patches and calls.
 */
#ifndef _LVBS_HEKI_ABI_H
#define _LVBS_HEKI_ABI_H

#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/types.h>

/**
 * DOC: HEKI wire format
 *
 * These layouts are defined by Linux kernels written for LVBS and by their
 * secure kernel (Microsoft LiteBox), not by this module. All fields are little
 * endian; all addresses are physical unless stated otherwise. A "page" is a
 * wire page of %HEKI_PAGE_SIZE bytes, whatever the page size of the kernel.
 *
 * Every structure lies in memory that VTL0 can change at any time. VTL1 reads
 * it once and validates its copy.
 */

/**
 * define HEKI_PAGE_SHIFT - log2 of the size of a wire page
 */
#define HEKI_PAGE_SHIFT		12

/**
 * define HEKI_PAGE_SIZE - size of a wire page in bytes
 */
#define HEKI_PAGE_SIZE		4096

/**
 * define HEKI_CODE_MAX - length in bytes of the longest patchable instruction
 */
#define HEKI_CODE_MAX		5

/**
 * struct heki_patch - bytes of an instruction and their location
 * @pa: address of the first byte, not 0; address of the second page, page
 *	aligned, iff the bytes straddle a page boundary, else 0
 * @size: number of bytes, 1 to %HEKI_CODE_MAX
 * @code: the bytes; those after @size are ignored
 * @pad: ignored
 *
 * In a patch-info blob: a site and the instruction that it may hold. As the
 * argument of %HEKI_VTLCALL_PATCH_TEXT: a request to write the bytes.
 */
struct heki_patch {
	__le64 pa[2];
	__u8 size;
	__u8 code[HEKI_CODE_MAX];
	__u8 pad[2];
};

static_assert(sizeof(struct heki_patch) == 24);
static_assert(offsetof(struct heki_patch, pa) == 0);
static_assert(offsetof(struct heki_patch, size) == 16);
static_assert(offsetof(struct heki_patch, code) == 17);
static_assert(offsetof(struct heki_patch, pad) == 22);

/**
 * enum heki_patch_type - type of the patches that follow a header
 * @HEKI_PATCH_JUMP_LABEL: jump labels; no other type is defined
 */
enum heki_patch_type {
	HEKI_PATCH_JUMP_LABEL	= 0,
};

/**
 * struct heki_patch_info - header of an array of patches in a patch-info blob
 * @type: one of &enum heki_patch_type
 * @pad: ignored
 * @list: list pointers of VTL0 (virtual), ignored
 * @mod: module pointer of VTL0 (virtual), ignored
 * @patch_idx: number of patches that follow the header
 * @max_patch_count: number of patches that VTL0 had allocated, at least
 *	@patch_idx
 */
struct heki_patch_info {
	__le32 type;
	__le32 pad;
	__le64 list[2];
	__le64 mod;
	__le64 patch_idx;
	__le64 max_patch_count;
};

static_assert(sizeof(struct heki_patch_info) == 48);
static_assert(offsetof(struct heki_patch_info, type) == 0);
static_assert(offsetof(struct heki_patch_info, list) == 8);
static_assert(offsetof(struct heki_patch_info, mod) == 24);
static_assert(offsetof(struct heki_patch_info, patch_idx) == 32);
static_assert(offsetof(struct heki_patch_info, max_patch_count) == 40);

/**
 * struct heki_range - a physically contiguous range of VTL0 memory
 * @va: address in VTL0 (virtual)
 * @pa: address of the first byte
 * @epa: address after the last byte; if equal to @pa the range is skipped
 * @attributes: depending on the call, one of &enum heki_kdata, one of
 *	&enum heki_mod_mem, or a set of &enum heki_mem_attr
 */
struct heki_range {
	__le64 va;
	__le64 pa;
	__le64 epa;
	__le64 attributes;
};

static_assert(sizeof(struct heki_range) == 32);
static_assert(offsetof(struct heki_range, va) == 0);
static_assert(offsetof(struct heki_range, pa) == 8);
static_assert(offsetof(struct heki_range, epa) == 16);
static_assert(offsetof(struct heki_range, attributes) == 24);

/**
 * define HEKI_PAGE_RANGES - number of ranges that a &struct heki_page can hold
 */
#define HEKI_PAGE_RANGES	127

/**
 * struct heki_page - one page of a list of ranges ("page list")
 * @next: address of the next page in VTL0 (virtual), ignored
 * @next_pa: address of the next page, 0 at the end of the list
 * @nranges: number of ranges in this page, 1 to %HEKI_PAGE_RANGES
 * @ranges: the ranges
 * @pad: ignored
 */
struct heki_page {
	__le64 next;
	__le64 next_pa;
	__le64 nranges;
	struct heki_range ranges[HEKI_PAGE_RANGES];
	__le64 pad;
};

static_assert(sizeof(struct heki_page) == HEKI_PAGE_SIZE);
static_assert(offsetof(struct heki_page, next) == 0);
static_assert(offsetof(struct heki_page, next_pa) == 8);
static_assert(offsetof(struct heki_page, nranges) == 16);
static_assert(offsetof(struct heki_page, ranges) == 24);
static_assert(offsetof(struct heki_page, pad) == 4088);

/**
 * enum heki_kdata - contents of a range of %HEKI_VTLCALL_LOAD_KDATA
 * @HEKI_KDATA_SYSTEM_CERTS: built-in certificates
 * @HEKI_KDATA_REVOCATION_CERTS: revoked certificates
 * @HEKI_KDATA_BLOCKLIST_HASHES: hashes of blocked binaries
 * @HEKI_KDATA_KERNEL_INFO: kernel symbols
 * @HEKI_KDATA_KERNEL_DATA: other kernel data
 * @HEKI_KDATA_PATCH_INFO: part of a patch-info blob
 *
 * Only %HEKI_KDATA_PATCH_INFO is used; the others are checked and ignored.
 */
enum heki_kdata {
	HEKI_KDATA_SYSTEM_CERTS		= 0,
	HEKI_KDATA_REVOCATION_CERTS	= 1,
	HEKI_KDATA_BLOCKLIST_HASHES	= 2,
	HEKI_KDATA_KERNEL_INFO		= 3,
	HEKI_KDATA_KERNEL_DATA		= 4,
	HEKI_KDATA_PATCH_INFO		= 5,
};

/**
 * enum heki_mod_mem - contents of a range of %HEKI_VTLCALL_VALIDATE_MODULE
 * @HEKI_MOD_TEXT: code
 * @HEKI_MOD_DATA: data
 * @HEKI_MOD_RODATA: read-only data
 * @HEKI_MOD_RO_AFTER_INIT: data that is read-only after initialisation
 * @HEKI_MOD_INIT_TEXT: code that is freed after initialisation
 * @HEKI_MOD_INIT_DATA: data that is freed after initialisation
 * @HEKI_MOD_INIT_RODATA: read-only data that is freed after initialisation
 * @HEKI_MOD_ELF: the module's ELF file
 * @HEKI_MOD_PATCH: part of a patch-info blob
 */
enum heki_mod_mem {
	HEKI_MOD_TEXT			= 0,
	HEKI_MOD_DATA			= 1,
	HEKI_MOD_RODATA			= 2,
	HEKI_MOD_RO_AFTER_INIT		= 3,
	HEKI_MOD_INIT_TEXT		= 4,
	HEKI_MOD_INIT_DATA		= 5,
	HEKI_MOD_INIT_RODATA		= 6,
	HEKI_MOD_ELF			= 7,
	HEKI_MOD_PATCH			= 8,
};

/**
 * enum heki_mem_attr - flags of a range of %HEKI_VTLCALL_PROTECT_MEMORY
 * @HEKI_MEM_READ: VTL0 may read
 * @HEKI_MEM_WRITE: VTL0 may write: the range is not protected
 * @HEKI_MEM_EXEC: VTL0 may execute
 * @HEKI_MEM_IMMUTABLE: the flags are final
 */
enum heki_mem_attr {
	HEKI_MEM_READ			= 1,
	HEKI_MEM_WRITE			= 2,
	HEKI_MEM_EXEC			= 4,
	HEKI_MEM_IMMUTABLE		= 8,
};

/**
 * enum heki_vtlcall - call numbers
 * @HEKI_VTLCALL_END_OF_BOOT: end the phase in which VTL0 is trusted
 * @HEKI_VTLCALL_PROTECT_MEMORY: protect ranges against writes; page list
 *	address, number of ranges
 * @HEKI_VTLCALL_LOAD_KDATA: load patch info of the kernel; page list address,
 *	number of ranges
 * @HEKI_VTLCALL_VALIDATE_MODULE: load patch info of a module, and freeze what
 *	it does not write to; page list address, number of ranges, flags; returns
 *	the module's token
 * @HEKI_VTLCALL_FREE_MODULE_INIT: drop a module's init sections, and freeze what
 *	is read-only after initialisation; token
 * @HEKI_VTLCALL_UNLOAD_MODULE: drop a module; token
 * @HEKI_VTLCALL_COPY_SECONDARY_KEY: not supported
 * @HEKI_VTLCALL_KEXEC_VALIDATE: not supported
 * @HEKI_VTLCALL_PATCH_TEXT: write text; address of a &struct heki_patch,
 *	address of its second page or 0, %HEKI_PATCH_VTL0_SYNCS or 0
 * @HEKI_VTLCALL_ALLOCATE_RINGBUFFER: log to a ring in VTL0 memory; address,
 *	size in bytes
 */
enum heki_vtlcall {
	HEKI_VTLCALL_END_OF_BOOT		= 0x1ffe3,
	HEKI_VTLCALL_PROTECT_MEMORY		= 0x1ffe4,
	HEKI_VTLCALL_LOAD_KDATA			= 0x1ffe5,
	HEKI_VTLCALL_VALIDATE_MODULE		= 0x1ffe6,
	HEKI_VTLCALL_FREE_MODULE_INIT		= 0x1ffe7,
	HEKI_VTLCALL_UNLOAD_MODULE		= 0x1ffe8,
	HEKI_VTLCALL_COPY_SECONDARY_KEY		= 0x1ffe9,
	HEKI_VTLCALL_KEXEC_VALIDATE		= 0x1ffea,
	HEKI_VTLCALL_PATCH_TEXT			= 0x1ffeb,
	HEKI_VTLCALL_ALLOCATE_RINGBUFFER	= 0x1ffec,
};

/**
 * define HEKI_PATCH_VTL0_SYNCS - flag for %HEKI_VTLCALL_PATCH_TEXT
 *
 * Third argument; an extension of the reference system's interface. VTL0
 * serialises its cores itself after the write (text_poke_sync()), so VTL1 need
 * not.
 */
#define HEKI_PATCH_VTL0_SYNCS	1

#endif /* _LVBS_HEKI_ABI_H */
