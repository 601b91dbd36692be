/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Copying between trusted kernel memory and a foreign mapping that may vanish
 * or be read-only: a fault ends the copy, it never ends the kernel.
 */
#ifndef LVBS_COPY_NOFAULT_H
#define LVBS_COPY_NOFAULT_H

#include <linux/types.h>

/**
 * copy_nofault_from() - copy out of a foreign mapping into trusted memory
 * @dst: where the bytes go, in trusted kernel memory
 * @foreign: where they come from, in the kernel half of the address space
 * @len: number of bytes; 0 is fine and touches nothing
 *
 * The count is exact to the byte: every byte before the first that could not
 * be copied has been copied, and nothing behind it, nor around @dst, has been
 * written. Nothing is zeroed. The two areas must not overlap.
 *
 * An access may be repeated and be of any width: whoever copies from memory
 * that others write to must copy once and judge the copy.
 *
 * On x86-64 a fault at either side is caught, elsewhere one at @foreign. UML
 * catches none. User addresses are not supported: what a fault there does is
 * undefined (SMAP makes it an oops).
 *
 * Context: any, NMI included. Never sleeps, takes no lock, allocates nothing.
 * Return: the number of bytes that were *not* copied, 0 if all were.
 */
size_t __must_check copy_nofault_from(void *dst, const void *foreign,
				      size_t len);

/**
 * copy_nofault_to() - copy from trusted memory into a foreign mapping
 * @foreign: where the bytes go, in the kernel half of the address space
 * @src: where they come from, in trusted kernel memory
 * @len: number of bytes; 0 is fine and touches nothing
 *
 * The opposite of copy_nofault_from(), and exact in the same way. A read-only
 * mapping at @foreign is a fault like any other. Each byte may be written more
 * than once, always with its final value.
 *
 * Context: any, NMI included. Never sleeps, takes no lock, allocates nothing.
 * Return: the number of bytes that were *not* copied, 0 if all were.
 */
size_t __must_check copy_nofault_to(void *foreign, const void *src, size_t len);

#endif /* LVBS_COPY_NOFAULT_H */
