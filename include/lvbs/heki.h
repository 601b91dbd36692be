/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Calls from VTL0 to VTL1.
 */
#ifndef _LVBS_HEKI_H
#define _LVBS_HEKI_H

#include <linux/types.h>

#include <lvbs/heki_abi.h>

/**
 * DOC: VTL calls
 *
 * With a hypervisor, VTL0 calls VTL1 by a hypercall with a call number and
 * three arguments in registers. Here it calls a function. The rest is the same:
 * addresses are *physical*, the data there has the layout of heki_abi.h, and
 * VTL1 copies it once before validating it.
 *
 * VTL0 announces its patch sites with %HEKI_VTLCALL_LOAD_KDATA, ends the
 * trusted phase with %HEKI_VTLCALL_END_OF_BOOT, and from then on requests each
 * write to its own text with %HEKI_VTLCALL_PATCH_TEXT::
 *
 *	struct heki_patch *patch = kzalloc(sizeof(*patch), GFP_KERNEL);
 *
 *	patch->pa[0] = cpu_to_le64(site_pa);
 *	patch->size = 1;
 *	patch->code[0] = 0xcc;
 *	err = lvbs_vtlcall(HEKI_VTLCALL_PATCH_TEXT, virt_to_phys(patch), 0, 0);
 *
 * Memory from kzalloc() is aligned so that a &struct heki_patch does not
 * straddle a page boundary. For one that does, the second argument is the
 * address of the second page.
 */

/**
 * lvbs_vtlcall() - call VTL1
 * @id: one of &enum heki_vtlcall
 * @a0: first argument
 * @a1: second argument
 * @a2: third argument
 *
 * Call numbers are shown without their prefix HEKI_VTLCALL.
 *
 * =================== =========================== =====================
 * call                arguments                   returns
 * =================== =========================== =====================
 * END_OF_BOOT         none                        0; -EPERM if repeated
 * PROTECT_MEMORY      page list, ranges           0
 * LOAD_KDATA          page list, ranges           0
 * VALIDATE_MODULE     page list, ranges, flags    token, at least 1
 * FREE_MODULE_INIT    token                       0; -ENOENT
 * UNLOAD_MODULE       token                       0; -ENOENT
 * PATCH_TEXT          request, second page, flags 0; -ENOENT; -EACCES
 * ALLOCATE_RINGBUFFER address, bytes              0; -EEXIST
 * others              any                         -ENOSYS
 * =================== =========================== =====================
 *
 * "Page list, ranges" is the address of the first &struct heki_page and the
 * total number of ranges in the list. The request is a &struct heki_patch; its
 * second page is 0 unless it straddles a page boundary. The flags are 0 or
 * %HEKI_PATCH_VTL0_SYNCS for PATCH_TEXT, and ignored for VALIDATE_MODULE.
 *
 * Each call can also fail with -EINVAL (malformed arguments or data), -EEXIST
 * (overlap with something known), -EBUSY, -EFAULT, -ENOMEM, and -EOVERFLOW,
 * -ENXIO or -EPERM (addresses that physical pointers refuse). A failed call
 * changes nothing. After end of boot, %HEKI_VTLCALL_LOAD_KDATA,
 * %HEKI_VTLCALL_PROTECT_MEMORY and %HEKI_VTLCALL_ALLOCATE_RINGBUFFER fail with
 * -EPERM; %HEKI_VTLCALL_END_OF_BOOT returns once those that began earlier have.
 *
 * %HEKI_VTLCALL_PATCH_TEXT, and only that, may also be called with preemption or
 * interrupts disabled, and in interrupt context, though not in NMI. With local
 * windows (x86-64) it is carried out there as anywhere else: the legal step of a
 * known site is never refused with -EBUSY or -ENOMEM, unless the memory of the
 * request is range locked. Without, it fails with -EBUSY there.
 *
 * Where it can, VTL1 serialises all cores after it wrote text. It cannot with
 * interrupts disabled or in interrupt context: then VTL0 must do that before a core
 * may execute the text, as Linux does around its own patches. With
 * %HEKI_PATCH_VTL0_SYNCS VTL1 leaves it to VTL0 in every context.
 *
 * Context: Process context; may sleep. PATCH_TEXT: any context except NMI.
 * Return: as in the table.
 */
long lvbs_vtlcall(u64 id, u64 a0, u64 a1, u64 a2);

#endif /* _LVBS_HEKI_H */
