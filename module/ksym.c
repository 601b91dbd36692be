// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses of kernel symbols that are not exported.
 */
#include <linux/kprobes.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "copy_nofault.h"
#include "ksym.h"

/*
 * A probe goes behind the landing pad that indirect branches need at the start
 * of a function (ENDBR64, Intel SDM 2A), the function begins with it.
 */
static unsigned long before_landing_pad(unsigned long addr)
{
	static const u8 endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	u8 bytes[sizeof(endbr64)];

	if (addr && IS_ENABLED(CONFIG_X86_64) &&
	    !copy_nofault_from(bytes, (void *)(addr - sizeof(bytes)),
			       sizeof(bytes)) &&
	    !memcmp(bytes, endbr64, sizeof(bytes)))
		addr -= sizeof(bytes);
	return addr;
}

static unsigned long address_behind(const char *name, unsigned int offset)
{
	struct kprobe probe = {
		.symbol_name = name,
		.offset = offset,
		.flags = KPROBE_FLAG_DISABLED,
	};

	if (!register_kprobe(&probe))
		unregister_kprobe(&probe);
	return before_landing_pad((unsigned long)probe.addr);
}

/*
 * Kprobes looks at what is there before it says where it is. Where a section
 * ends nothing may be mapped up to the next large page: then a place further on
 * has to serve.
 */
unsigned long ksym_address(const char *name)
{
	unsigned long addr = address_behind(name, 0);
	unsigned int offset;

	for (offset = PAGE_SIZE; !addr && offset <= SZ_4M; offset *= 2) {
		addr = address_behind(name, offset);
		if (addr)
			addr -= offset;
	}
	return addr;
}
