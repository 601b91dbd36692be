// SPDX-License-Identifier: GPL-2.0
/*
 * The fallible memcpy, both directions. See copy_nofault.h for what it
 * promises and copy_nofault_x86.h for how it is kept where speed matters.
 *
 * No function of this file may be probed or traced: arming a kprobe or the
 * function tracer is itself a text write, and those go through here.
 */
#include <linux/instrumented.h>
#include <linux/kprobes.h>
#include <linux/uaccess.h>

#include "phys/copy_nofault.h"

#ifdef CONFIG_X86_64

#include <asm/asm.h>

/*
 * The plain handler, not the one for user accesses: that one warns about the
 * #GP that a non-canonical address raises.
 *
 * Page faults need not be disabled: a fault at an address in the kernel half
 * goes to the exception table without looking at the mm or sleeping.
 *
 * UML has this architecture's instructions, but another table format. And no
 * version looks there, or at anything else, for a fault in the vmalloc area,
 * where foreign memory is mapped: 7.2 repeats the access for ever.
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
 * Not copy_from_kernel_nofault(): it does not tell how far it got, and where it
 * fails it may leave a word of zeros or garbage in the destination.
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
 * Sanitizers do not see what assembly does. The trusted side is checked here;
 * the foreign side is expected to be bad at times.
 */
notrace size_t copy_nofault_from(void *dst, const void *foreign, size_t len)
{
	instrument_write(dst, len);
	return copy_in(dst, foreign, len);
}

notrace size_t copy_nofault_to(void *foreign, const void *src, size_t len)
{
	instrument_read(src, len);
	return copy_out(foreign, src, len);
}

NOKPROBE_SYMBOL(copy_nofault_from);
NOKPROBE_SYMBOL(copy_nofault_to);
