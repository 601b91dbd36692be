/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What VTL0 and VTL1 say to each other about memory ranges and text patches.
 */
#ifndef _LVBS_HEKI_ABI_H
#define _LVBS_HEKI_ABI_H

#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/types.h>

/**
 * DOC: HEKI wire format
 *
 * These layouts are not ours: they are what a Linux kernel written for LVBS
 * puts into its memory, and what its secure kernel (Microsoft LiteBox) reads.
 * All fields are little endian, all addresses physical unless said otherwise.
 * They hold nothing but layout; the rules for their contents are applied in
 * one place each, heki_wire.h (patches), heki_page_list.h and heki_blob.h.
 *
 * "Page" means 4096 bytes here whatever the page size of the kernel.
 */

#define HEKI_PAGE_SHIFT		12
#define HEKI_PAGE_SIZE		4096

/* The longest instruction that a jump label or static call is made of. */
#define HEKI_CODE_MAX		5

/**
 * struct heki_patch - a patch: an instruction, and where it may be written
 * @pa: address of the first byte; then the address of the second page, page
 *	aligned, iff the bytes straddle a page boundary, else 0
 * @size: number of bytes, 1 to %HEKI_CODE_MAX
 * @code: the bytes
 * @pad: ignored
 *
 * As a record of a patch-info blob it says what a site may hold; as the
 * argument of %HEKI_VTLCALL_PATCH_TEXT it asks for a write.
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
 * enum heki_patch_type - what the records after a header are for
 * @HEKI_PATCH_JUMP_LABEL: jump labels, the only type there is
 */
enum heki_patch_type {
	HEKI_PATCH_JUMP_LABEL	= 0,
};

/**
 * struct heki_patch_info - header in front of a run of patches
 * @type: of enum heki_patch_type
 * @pad: ignored
 * @list: the sender's list pointers (virtual), ignored
 * @mod: the sender's module pointer (virtual), ignored
 * @patch_idx: number of records in use, which follow the header
 * @max_patch_count: number of records that the sender had room for
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
 * struct heki_range - a physically contiguous piece of the sender's memory
 * @va: where the sender sees it (virtual)
 * @pa: address of the first byte
 * @epa: address after the last byte
 * @attributes: one of enum heki_kdata or enum heki_mod_mem, or a set of
 *	enum heki_mem_attr, as the call has it
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

#define HEKI_PAGE_RANGES	127

/**
 * struct heki_page - one page of a list of ranges
 * @next: the next page as the sender sees it (virtual), ignored
 * @next_pa: the next page, 0 at the list's end
 * @nranges: number of ranges in use, 1 to %HEKI_PAGE_RANGES
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
 * enum heki_kdata - what a range of %HEKI_VTLCALL_LOAD_KDATA holds
 * @HEKI_KDATA_SYSTEM_CERTS: built-in certificates
 * @HEKI_KDATA_REVOCATION_CERTS: revoked certificates
 * @HEKI_KDATA_BLOCKLIST_HASHES: refused hashes
 * @HEKI_KDATA_KERNEL_INFO: kernel symbols
 * @HEKI_KDATA_KERNEL_DATA: other kernel data
 * @HEKI_KDATA_PATCH_INFO: patch-info headers and patches
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
 * enum heki_mod_mem - what a range of %HEKI_VTLCALL_VALIDATE_MODULE holds
 * @HEKI_MOD_TEXT: code
 * @HEKI_MOD_DATA: data
 * @HEKI_MOD_RODATA: read-only data
 * @HEKI_MOD_RO_AFTER_INIT: data that is read-only once initialised
 * @HEKI_MOD_INIT_TEXT: code that is freed after initialisation
 * @HEKI_MOD_INIT_DATA: data that is freed after initialisation
 * @HEKI_MOD_INIT_RODATA: read-only data that is freed after initialisation
 * @HEKI_MOD_ELF: the module file
 * @HEKI_MOD_PATCH: patch-info headers and patches
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
 * enum heki_mem_attr - what %HEKI_VTLCALL_PROTECT_MEMORY lets VTL0 do, a set
 * @HEKI_MEM_READ: read
 * @HEKI_MEM_WRITE: write
 * @HEKI_MEM_EXEC: execute
 * @HEKI_MEM_IMMUTABLE: nothing may be changed about it any more
 */
enum heki_mem_attr {
	HEKI_MEM_READ			= 1,
	HEKI_MEM_WRITE			= 2,
	HEKI_MEM_EXEC			= 4,
	HEKI_MEM_IMMUTABLE		= 8,
};

/**
 * enum heki_vtlcall - numbers of the calls from VTL0
 * @HEKI_VTLCALL_END_OF_BOOT: trust nothing more from here on
 * @HEKI_VTLCALL_PROTECT_MEMORY: page list address, number of ranges
 * @HEKI_VTLCALL_LOAD_KDATA: page list address, number of ranges
 * @HEKI_VTLCALL_VALIDATE_MODULE: page list address, number of ranges, flags;
 *	answers with the module's token
 * @HEKI_VTLCALL_FREE_MODULE_INIT: token
 * @HEKI_VTLCALL_UNLOAD_MODULE: token
 * @HEKI_VTLCALL_COPY_SECONDARY_KEY: not supported
 * @HEKI_VTLCALL_KEXEC_VALIDATE: not supported
 * @HEKI_VTLCALL_PATCH_TEXT: address of a struct heki_patch, address of its
 *	second page or 0
 * @HEKI_VTLCALL_ALLOCATE_RINGBUFFER: address, size in bytes
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

/*
 * Third argument of %HEKI_VTLCALL_PATCH_TEXT, a bit that the reference system
 * does not know: VTL0 serialises its cores itself (text_poke_sync()), so that
 * VTL1 need not.
 */
#define HEKI_PATCH_VTL0_SYNCS	1

#endif
