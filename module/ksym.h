/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LVBS_KSYM_H
#define _LVBS_KSYM_H

/**
 * ksym_address() - where a symbol of the kernel is that is not exported
 * @name: its name
 *
 * The kernel refuses to put a probe on data or on forbidden text, but only
 * after it has looked the name up (register_kprobe(), kernel/kprobes.c); the
 * probe asked for here is a disabled one, so that nothing is ever patched.
 *
 * Context: May sleep.
 * Return: the address, or 0 if there is none of that name, or no kprobes.
 */
unsigned long ksym_address(const char *name);

#endif /* _LVBS_KSYM_H */
