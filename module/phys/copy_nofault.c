// SPDX-License-Identifier: GPL-2.0
/*
 * A memcpy between trusted kernel memory and a foreign mapping that may vanish
 * or be read-only. A fault ends the copy, not the kernel.
 *
 * No function of this file may be probed or traced: arming a kprobe or the
 * function tracer is itself a text write, and text writes use these functions.
 */
#include <linux/instrumented.h>
#include <linux/kmsan-checks.h>
#include <linux/kprobes.h>
#include <linux/uaccess.h>

#include "phys/phys.h"

#ifdef CONFIG_X86_64

#include <asm/asm.h>

/*
 * Use the plain handler: the one for user accesses warns about the #GP that a
 * non-canonical address raises.
 *
 * Page faults stay enabled: a fault at an address in the kernel half goes to
 * the exception table without looking at the mm or sleeping.
 *
 * UML runs the same instructions but has another table format, and no version
 * of it consults the table for a fault in the vmalloc area, where foreign
 * memory is mapped (7.2 repeats the access forever). Faults are fatal there.
 */
#ifdef CONFIG_UML
#define COPY_EXTABLE(from, to)
#else
#define COPY_EXTABLE(from, to)	_ASM_EXTABLE(from, to)
#endif

#include "phys/copy_nofault_x86.h"

NOKPROBE_SYMBOL(copy_x86);

#define copy_in		copy_x86
#define copy_out	copy_x86

#else /* !CONFIG_X86_64 */

static __always_inline bool words_allowed(const void *dst, const void *src)
{
	return IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS) ||
	       IS_ALIGNED((unsigned long)dst | (unsigned long)src,
			  sizeof(unsigned long));
}

/*
 * copy_from_kernel_nofault() does not fit: it does not report how far it got,
 * and on failure it may leave a word of zeros or garbage in the destination.
 *
 * Page faults are disabled because some architectures look at the mm even for
 * a kernel address.
 */
static notrace size_t copy_in(void *dst, const void *src, size_t len)
{
	const bool words = words_allowed(dst, src);
	unsigned long word;
	u8 byte;

	pagefault_disable();
	while (words && len >= sizeof(word)) {
		__get_kernel_nofault(&word, src, unsigned long, bytes);
		*(unsigned long *)dst = word;
		dst += sizeof(word);
		src += sizeof(word);
		len -= sizeof(word);
	}
bytes:
	while (len) {
		__get_kernel_nofault(&byte, src, u8, out);
		*(u8 *)dst = byte;
		dst++;
		src++;
		len--;
	}
out:
	pagefault_enable();
	return len;
}

static notrace size_t copy_out(void *dst, const void *src, size_t len)
{
	const bool words = words_allowed(dst, src);

	pagefault_disable();
	while (words && len >= sizeof(unsigned long)) {
		__put_kernel_nofault(dst, src, unsigned long, bytes);
		dst += sizeof(unsigned long);
		src += sizeof(unsigned long);
		len -= sizeof(unsigned long);
	}
bytes:
	while (len) {
		__put_kernel_nofault(dst, src, u8, out);
		dst++;
		src++;
		len--;
	}
out:
	pagefault_enable();
	return len;
}

NOKPROBE_SYMBOL(copy_in);
NOKPROBE_SYMBOL(copy_out);

#endif /* CONFIG_X86_64 */

/*
 * The contract of both functions:
 *
 * They return the number of bytes that were not copied. The count is exact: all
 * bytes before the first that faulted have been copied, and no byte after it,
 * or outside the trusted buffer, has been written. Nothing is zeroed.
 *
 * An access may have any width and may be repeated, always with the final value
 * when writing. When others may write to the memory, copy once and check the
 * copy. The areas must not overlap.
 *
 * x86-64 catches faults on both sides, other architectures on the foreign side,
 * UML none. User addresses are not supported (SMAP turns the fault into an
 * oops).
 *
 * Any context, NMI included: they never sleep, lock or allocate.
 *
 * The trusted side is checked for the sanitizers, which do not see assembly;
 * the foreign side is expected to be invalid at times. KMSAN is told that what
 * was copied in is initialised, and checks what goes out.
 */
notrace size_t copy_nofault_from(void *dst, const void *foreign, size_t len)
{
	size_t left;

	instrument_write(dst, len);
	left = copy_in(dst, foreign, len);
	kmsan_unpoison_memory(dst, len - left);
	return left;
}

notrace size_t copy_nofault_to(void *foreign, const void *src, size_t len)
{
	instrument_read(src, len);
	kmsan_check_memory(src, len);
	return copy_out(foreign, src, len);
}

NOKPROBE_SYMBOL(copy_nofault_from);
NOKPROBE_SYMBOL(copy_nofault_to);
