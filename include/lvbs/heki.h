/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The front door: what VTL0 may ask of VTL1.
 */
#ifndef _LVBS_HEKI_H
#define _LVBS_HEKI_H

#include <linux/types.h>

#include <lvbs/heki_abi.h>

/**
 * DOC: the front door
 *
 * On a machine with a hypervisor VTL0 would make a hypercall with the number
 * and three arguments in registers. Here it is a function call; everything else
 * is the same: arguments that are addresses are *physical*, what lies there has
 * the layout of heki_abi.h, and it is copied once before it is looked at.
 *
 * A VTL0 that knows its patch sites tells them with %HEKI_VTLCALL_LOAD_KDATA,
 * closes the door with %HEKI_VTLCALL_END_OF_BOOT, and from then on asks for each
 * write to its own text with %HEKI_VTLCALL_PATCH_TEXT::
 *
 *	struct heki_patch *patch = kzalloc(sizeof(*patch), GFP_KERNEL);
 *
 *	patch->pa[0] = cpu_to_le64(site_pa);
 *	patch->size = 1;
 *	patch->code[0] = 0xcc;
 *	err = lvbs_vtlcall(HEKI_VTLCALL_PATCH_TEXT, virt_to_phys(patch), 0, 0);
 *
 * (kzalloc() aligns so that a patch does not straddle a page; where it does,
 * the second page goes into the third argument's place.)
 */

/**
 * lvbs_vtlcall() - call VTL1
 * @id: one of &enum heki_vtlcall
 * @a0: first argument
 * @a1: second argument
 * @a2: third argument
 *
 * ================================ ========================= ===================
 * call                             arguments                 returns
 * ================================ ========================= ===================
 * HEKI_VTLCALL_END_OF_BOOT         none                      0; -EPERM when done
 * HEKI_VTLCALL_PROTECT_MEMORY      list, ranges              0
 * HEKI_VTLCALL_LOAD_KDATA          list, ranges              0
 * HEKI_VTLCALL_VALIDATE_MODULE     list, ranges, flags       token, above 0
 * HEKI_VTLCALL_FREE_MODULE_INIT    token                     0; -ENOENT
 * HEKI_VTLCALL_UNLOAD_MODULE       token                     0; -ENOENT
 * HEKI_VTLCALL_PATCH_TEXT          patch, second page, flags 0; -ENOENT; -EACCES
 * HEKI_VTLCALL_ALLOCATE_RINGBUFFER address, bytes            0; -EEXIST
 * others                                                     -ENOSYS
 * ================================ ========================= ===================
 *
 * @a2 of VALIDATE_MODULE is ignored; that of PATCH_TEXT is 0 or
 * %HEKI_PATCH_VTL0_SYNCS.
 *
 * Every call can also fail with -EINVAL for malformed arguments or data,
 * -EOVERFLOW, -ENXIO and -EPERM for addresses that physical pointers refuse,
 * -EEXIST for what overlaps something known, -EBUSY, -EFAULT and -ENOMEM. A
 * call that fails changes nothing. After end of boot, %HEKI_VTLCALL_LOAD_KDATA,
 * %HEKI_VTLCALL_PROTECT_MEMORY and %HEKI_VTLCALL_ALLOCATE_RINGBUFFER are refused
 * with -EPERM.
 *
 * Context: May sleep. %HEKI_VTLCALL_PATCH_TEXT alone can be called from any
 * context but NMI if the request and the site were mapped beforehand (live
 * mode does so); elsewhere it then returns -EBUSY.
 * Return: as above.
 */
long lvbs_vtlcall(u64 id, u64 a0, u64 a1, u64 a2);

#endif /* _LVBS_HEKI_H */
