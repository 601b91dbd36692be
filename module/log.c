// SPDX-License-Identifier: GPL-2.0
/*
 * The module's own log, in the ring "log", and last words in a panic: the ring
 * is memory that a hypervisor, or whoever reads a dump, can look at.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/moduleparam.h>
#include <linux/notifier.h>
#include <linux/panic_notifier.h>
#include <linux/rcupdate.h>
#include <linux/stdarg.h>
#include <linux/time64.h>
#include <linux/timekeeping.h>

#include <lvbs/ring_buffer.h>

#include "log.h"
#include "parts.h"
#include "ring_registry.h"
#include "trace.h"

static unsigned int log_pages = 4;
module_param(log_pages, uint, 0400);
MODULE_PARM_DESC(log_pages, "size of the ring \"log\" in pages (default 4)");

/* Set while there is a ring; read in any context, so RCU is all there is. */
static struct lvbs_ring __rcu *log_ring;

static size_t log_stamp(char *line, size_t room)
{
	u32 ns;
	u64 s = div_u64_rem(ktime_get_mono_fast_ns(), NSEC_PER_SEC, &ns);

	return scnprintf(line, room, "[%5llu.%06u] ", s, ns / 1000);
}

void lvbs_log(const char *fmt, ...)
{
	struct lvbs_ring *ring;
	char line[256];
	size_t stamp, len;
	va_list args;

	stamp = log_stamp(line, sizeof(line));
	va_start(args, fmt);
	len = stamp + vscnprintf(line + stamp, sizeof(line) - stamp, fmt, args);
	va_end(args);
	trace_log_message(line + stamp);
	/* In place of the terminator, for which there always was room. */
	line[len++] = '\n';

	rcu_read_lock();
	ring = rcu_dereference(log_ring);
	/* What is lost, the ring counts. */
	if (ring)
		lvbs_ring_write(ring, line, len);
	rcu_read_unlock();
}

static int log_last_words(struct notifier_block *nb, unsigned long unused,
			  void *why)
{
	lvbs_log("last words: panic: %s", (const char *)why);
	return NOTIFY_DONE;
}

/* Before others: one of them tells the hypervisor, which may stop us there. */
static struct notifier_block log_panic_nb = {
	.notifier_call = log_last_words,
	.priority = INT_MAX,
};

int log_init(void)
{
	struct lvbs_ring *ring;

	ring = ring_registry_new_fixed("log", log_pages);
	if (IS_ERR(ring))
		return PTR_ERR(ring);

	rcu_assign_pointer(log_ring, ring);
	atomic_notifier_chain_register(&panic_notifier_list, &log_panic_nb);
	lvbs_log("loaded");
	return 0;
}

void log_exit(void)
{
	struct lvbs_ring *ring = rcu_dereference_protected(log_ring, true);

	atomic_notifier_chain_unregister(&panic_notifier_list, &log_panic_nb);
	RCU_INIT_POINTER(log_ring, NULL);
	synchronize_rcu();
	lvbs_ring_put(ring);
}
