// SPDX-License-Identifier: GPL-2.0
/*
 * The module's own log: the ring "log", optionally also a ring in VTL0 memory.
 * The last line before a crash is the panic message; a hypervisor or a crash
 * dump still has the ring's memory then.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/panic_notifier.h>
#include <linux/rcupdate.h>
#include <linux/stdarg.h>
#include <linux/time64.h>
#include <linux/timekeeping.h>

#include <lvbs/ring_buffer.h>

#include "subsystems.h"
#include "ring/ring.h"
#include "trace.h"

static unsigned int log_pages = 4;
module_param(log_pages, uint, 0400);
MODULE_PARM_DESC(log_pages, "size of the ring \"log\" in pages (1 or more, default 4)");

enum log_target {
	LOG_OWN,	/* the ring "log" */
	LOG_VTL0,	/* the ring "vtl0", in memory that VTL0 provides */
	LOG_NR_TARGETS
};

/* RCU, because lvbs_log() is called in any context. NULL: no such target. */
static struct lvbs_ring __rcu *log_rings[LOG_NR_TARGETS];

/* Guards log_rings[LOG_VTL0] against concurrent updates. */
static DEFINE_MUTEX(log_vtl0_lock);

static size_t log_stamp(char *line, size_t size)
{
	u32 ns;
	u64 s = div_u64_rem(ktime_get_mono_fast_ns(), NSEC_PER_SEC, &ns);

	return scnprintf(line, size, "[%5llu.%06u] ", s, ns / 1000);
}

/*
 * Log one line; @fmt has neither a level nor a newline. The line starts with
 * the time since boot, like one of printk(), and is truncated to 256 bytes,
 * newline included. If there is no ring, only the tracepoint gets it. Works in
 * any context, NMI and panic included.
 */
void lvbs_log(const char *fmt, ...)
{
	struct lvbs_ring *ring;
	char line[256];
	size_t stamp, len;
	va_list args;
	int target;

	stamp = log_stamp(line, sizeof(line));
	va_start(args, fmt);
	len = stamp + vscnprintf(line + stamp, sizeof(line) - stamp, fmt, args);
	va_end(args);
	trace_log_message(line + stamp);
	/* Replaces the terminator, for which there always is room. */
	line[len++] = '\n';

	rcu_read_lock();
	for (target = 0; target < LOG_NR_TARGETS; target++) {
		ring = rcu_dereference(log_rings[target]);
		/* The ring counts lost records. */
		if (ring)
			lvbs_ring_write(ring, line, len);
	}
	rcu_read_unlock();
}

static void log_set_ring(enum log_target target, struct lvbs_ring *ring)
{
	struct lvbs_ring *old;

	old = rcu_replace_pointer(log_rings[target], ring, true);
	if (!old)
		return;
	synchronize_rcu();
	lvbs_ring_put(old);
}

/*
 * Also log to VTL0 memory: create the persistent ring "vtl0" there. Errors as
 * lvbs_ring_new_at(); -EEXIST if that ring exists.
 */
int log_to_vtl0(phys_addr_t pa, size_t size)
{
	struct lvbs_ring *ring;

	mutex_lock(&log_vtl0_lock);
	ring = ring_registry_new_at("vtl0", pa, size, LVBS_RING_PERSISTENT);
	if (!IS_ERR(ring))
		log_set_ring(LOG_VTL0, ring);
	mutex_unlock(&log_vtl0_lock);
	return PTR_ERR_OR_ZERO(ring);
}

static int log_panic(struct notifier_block *nb, unsigned long unused,
		     void *why)
{
	lvbs_log("last words: panic: %s", (const char *)why);
	return NOTIFY_DONE;
}

/* First, because a notifier that tells the hypervisor may not return. */
static struct notifier_block log_panic_nb = {
	.notifier_call = log_panic,
	.priority = INT_MAX,
};

int log_init(void)
{
	struct lvbs_ring *ring;

	if (!log_pages) {
		pr_err("parameter log_pages: 0 is too small, the ring has 1 page at least\n");
		return -EINVAL;
	}
	ring = ring_registry_new_fixed("log", log_pages);
	if (IS_ERR(ring)) {
		pr_err("parameter log_pages: no ring of %u pages: error %ld\n",
		       log_pages, PTR_ERR(ring));
		return PTR_ERR(ring);
	}

	log_set_ring(LOG_OWN, ring);
	atomic_notifier_chain_register(&panic_notifier_list, &log_panic_nb);
	lvbs_log("loaded");
	return 0;
}

void log_exit(void)
{
	atomic_notifier_chain_unregister(&panic_notifier_list, &log_panic_nb);
	log_set_ring(LOG_VTL0, NULL);
	log_set_ring(LOG_OWN, NULL);
}
