// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses of kernel symbols that are not exported.
 */
#include <linux/kprobes.h>

#include "ksym.h"

unsigned long ksym_address(const char *name)
{
	struct kprobe probe = {
		.symbol_name = name,
		.flags = KPROBE_FLAG_DISABLED,
	};

	if (!register_kprobe(&probe))
		unregister_kprobe(&probe);
	return (unsigned long)probe.addr;
}
