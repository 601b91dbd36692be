/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LVBS_KSYM_H
#define _LVBS_KSYM_H

/**
 * ksym_address() - address of an unexported kernel symbol
 * @name: symbol name
 *
 * The address is the one in kallsyms: that of a function includes its landing
 * pad. Call such a function by static_call() only. A stock kernel seals the
 * landing pads of functions whose address it never takes, and an indirect call
 * of one of them is fatal on a machine with IBT.
 *
 * Context: Process context; may sleep.
 * Return: the address, or 0 if the kernel has no such symbol, or no kprobes.
 */
unsigned long ksym_address(const char *name);

#endif /* _LVBS_KSYM_H */
