// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses of kernel symbols that are not exported.
 */
#include <linux/kprobes.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "phys/copy_nofault.h"
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

static int address_behind(const char *name, unsigned int offset,
			  unsigned long *addr)
{
	struct kprobe probe = {
		.symbol_name = name,
		.offset = offset,
		.flags = KPROBE_FLAG_DISABLED,
	};
	int err = register_kprobe(&probe);

	if (!err)
		unregister_kprobe(&probe);
	*addr = before_landing_pad((unsigned long)probe.addr);
	return err;
}

/*
 * Kprobes looks at what is there before it says where it is. Where a section
 * ends nothing may be mapped up to the next large page: then a place further on
 * has to serve. (A symbol that does not exist is sought once: it takes long.)
 */
unsigned long ksym_address(const char *name)
{
	unsigned int offset;
	unsigned long addr;
	int err;

	err = address_behind(name, 0, &addr);
	for (offset = PAGE_SIZE; !addr && err != -ENOENT && offset <= SZ_4M;
	     offset *= 2) {
		err = address_behind(name, offset, &addr);
		if (addr)
			addr -= offset;
	}
	return addr;
}
