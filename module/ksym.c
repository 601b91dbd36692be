// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses of unexported kernel symbols, by kallsyms_lookup_name(), which is
 * itself unexported. A kprobe finds that one.
 */
#include <linux/kprobes.h>
#include <linux/static_call.h>

#include "subsystems.h"
#include "ksym.h"

typedef unsigned long lookup_name_fn(const char *name);

DEFINE_STATIC_CALL_RET0(lvbs_lookup_name, lookup_name_fn);

unsigned long ksym_address(const char *name)
{
	return static_call(lvbs_lookup_name)(name);
}

int ksym_init(void)
{
	struct kprobe probe = {
		.symbol_name = "kallsyms_lookup_name",
		/* Registered disabled: no text is patched. */
		.flags = KPROBE_FLAG_DISABLED,
	};

	/* Without kprobes or kallsyms, ksym_address() finds nothing. */
	if (register_kprobe(&probe))
		return 0;
	/* May point past the landing pad, which a direct call does not need. */
	static_call_update(lvbs_lookup_name, (lookup_name_fn *)probe.addr);
	unregister_kprobe(&probe);
	return 0;
}
