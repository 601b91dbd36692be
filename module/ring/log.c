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
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/panic_notifier.h>
#include <linux/rcupdate.h>
#include <linux/stdarg.h>
#include <linux/time64.h>
#include <linux/timekeeping.h>

#include <lvbs/ring_buffer.h>

#include "ring/log.h"
#include "init.h"
#include "ring/registry.h"
#include "trace.h"

static unsigned int log_pages = 4;
module_param(log_pages, uint, 0400);
MODULE_PARM_DESC(log_pages, "size of the ring \"log\" in pages (default 4)");

/* Where lines go. Read in any context, so RCU is all there is. */
enum log_place {
	LOG_OWN,	/* the ring "log" */
	LOG_VTL0,	/* the ring "vtl0", in memory that VTL0 gave for it */
	LOG_PLACES
};

static struct lvbs_ring __rcu *log_rings[LOG_PLACES];
static DEFINE_MUTEX(log_vtl0_lock);	/* serialises changes of LOG_VTL0 */

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
	int place;

	stamp = log_stamp(line, sizeof(line));
	va_start(args, fmt);
	len = stamp + vscnprintf(line + stamp, sizeof(line) - stamp, fmt, args);
	va_end(args);
	trace_log_message(line + stamp);
	/* In place of the terminator, for which there always was room. */
	line[len++] = '\n';

	rcu_read_lock();
	for (place = 0; place < LOG_PLACES; place++) {
		ring = rcu_dereference(log_rings[place]);
		/* What is lost, the ring counts. */
		if (ring)
			lvbs_ring_write(ring, line, len);
	}
	rcu_read_unlock();
}

static void log_set_ring(enum log_place place, struct lvbs_ring *ring)
{
	struct lvbs_ring *old;

	old = rcu_replace_pointer(log_rings[place], ring, true);
	if (!old)
		return;
	synchronize_rcu();
	lvbs_ring_put(old);
}

int log_to_vtl0(phys_addr_t pa, size_t size)
{
	struct lvbs_ring *ring;
	int err;

	mutex_lock(&log_vtl0_lock);
	err = lvbs_ring_new_at("vtl0", pa, size, LVBS_RING_PERSISTENT);
	if (!err) {
		/* NULL if somebody has removed it already. */
		ring = lvbs_ring_get("vtl0");
		log_set_ring(LOG_VTL0, ring);
	}
	mutex_unlock(&log_vtl0_lock);
	return err;
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
