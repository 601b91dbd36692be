// SPDX-License-Identifier: GPL-2.0
/*
 * In place of live mode, on kernels that it does not know or cannot probe.
 */
#include <linux/errno.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "live/live.h"
#include "init.h"

const char *heki_live_get(void)
{
	return "off";
}

int heki_live_set(const char *mode)
{
	if (!strcmp(mode, "off"))
		return 0;
	if (strcmp(mode, "audit") && strcmp(mode, "mediate"))
		return -EINVAL;
	pr_err("live mode: not on this kernel (x86-64 with kprobes and modules only)\n");
	return -ENOENT;
}

unsigned long heki_live_missed(void)
{
	return 0;
}

int heki_live_init(void)
{
	return 0;
}

void heki_live_exit(void)
{
}
