// SPDX-License-Identifier: GPL-2.0
/*
 * Scaling with the number of CPUs. CPUs emulated by one thread take turns and
 * share one clock, so a result is the work of all CPUs per operation: it shows
 * work that grows with the number of CPUs, such as spinning, but not the time
 * that CPUs running in parallel would wait.
 */
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/ring_buffer.h>
#include <linux/sched.h>
#include <linux/sizes.h>

#include <lvbs/phys_ptr.h>
#include <lvbs/ring_buffer.h>

#include "bench.h"

#define CPUS_MAX	8
#define OPS		5000
#define ROUNDS		5

struct cpu_case {
	const char *name;
	int (*run)(unsigned int cpu);
};

static struct lvbs_ring *persistent, *on_demand;
static struct trace_buffer *trace;
static struct page *frames[CPUS_MAX];
static u8 records[CPUS_MAX][64];

static int read_frame(unsigned int cpu)
{
	u8 buf[24];

	return phys_read_obj_at(lvbs_vmap_manager(), page_to_phys(frames[cpu]),
				&buf);
}

static int write_persistent(unsigned int cpu)
{
	return lvbs_ring_write(persistent, records[cpu], sizeof(records[cpu]));
}

static int write_on_demand(unsigned int cpu)
{
	return lvbs_ring_write(on_demand, records[cpu], sizeof(records[cpu]));
}

/* The kernel's ring buffer is per CPU: no contention. */
static int write_trace(unsigned int cpu)
{
	return ring_buffer_write(trace, sizeof(records[cpu]), records[cpu]);
}

static const struct cpu_case cases[] = {
	{ "lvbs_read_obj", read_frame },
	{ "persistent", write_persistent },
	{ "on_demand", write_on_demand },
	{ "trace_ring", write_trace },
};

static struct {
	const struct cpu_case *c;
	struct completion ready;
	struct completion done;
	bool go;
	struct worker {
		unsigned int cpu;
		u64 end;
		int err;
	} workers[CPUS_MAX];
} race;

static int work(void *data)
{
	struct worker *w = data;
	unsigned int i;

	complete(&race.ready);
	while (!READ_ONCE(race.go)) {
		cpu_relax();
		cond_resched();
	}
	for (i = 0; i < OPS && !w->err; i++)
		w->err = race.c->run(w->cpu);
	w->end = ktime_get_ns();
	complete(&race.done);
	return 0;
}

static int race_once(const struct cpu_case *c, unsigned int nr, u64 *ns)
{
	struct task_struct *task;
	unsigned int i, started;
	u64 start, end = 0;
	int err = 0;

	race.c = c;
	WRITE_ONCE(race.go, false);
	init_completion(&race.ready);
	init_completion(&race.done);
	for (started = 0; started < nr; started++) {
		race.workers[started] = (struct worker) { .cpu = started };
		task = kthread_create(work, &race.workers[started], "bench/%u",
				      started);
		if (IS_ERR(task)) {
			err = PTR_ERR(task);
			break;
		}
		kthread_bind(task, started);
		wake_up_process(task);
		wait_for_completion(&race.ready);
	}
	start = ktime_get_ns();
	WRITE_ONCE(race.go, true);
	for (i = 0; i < started; i++)
		wait_for_completion(&race.done);
	for (i = 0; i < started; i++) {
		err = err ?: race.workers[i].err;
		end = max(end, race.workers[i].end);
	}
	*ns = div_u64(end - start, nr * OPS);
	return err;
}

static int measure(const struct cpu_case *c, unsigned int nr)
{
	u64 ns[ROUNDS];
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < ROUNDS; i++)
		err = race_once(c, nr, &ns[i]);
	return err ?: bench_result("cpus", c->name, nr,
				   bench_median(ns, ROUNDS), ROUNDS);
}

static int cpus_alloc(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < CPUS_MAX; i++) {
		frames[i] = alloc_page(GFP_KERNEL);
		if (!frames[i])
			return -ENOMEM;
	}
	err = lvbs_ring_new("bench.persistent", 16, LVBS_RING_PERSISTENT);
	err = err ?: lvbs_ring_new("bench.on_demand", 16, LVBS_RING_ONDEMAND);
	if (err)
		return err;
	persistent = lvbs_ring_get("bench.persistent");
	on_demand = lvbs_ring_get("bench.on_demand");
	trace = ring_buffer_alloc(SZ_64K, RB_FL_OVERWRITE);
	return trace ? 0 : -ENOMEM;
}

static void cpus_free(void)
{
	unsigned int i;

	if (trace)
		ring_buffer_free(trace);
	if (on_demand)
		lvbs_ring_put(on_demand);
	if (persistent)
		lvbs_ring_put(persistent);
	lvbs_ring_remove("bench.on_demand");
	lvbs_ring_remove("bench.persistent");
	for (i = 0; i < CPUS_MAX && frames[i]; i++)
		__free_page(frames[i]);
}

int bench_cpus(void)
{
	unsigned int cpus = min(num_online_cpus(), CPUS_MAX);
	unsigned int c, nr;
	int err = cpus_alloc();

	for (c = 0; c < ARRAY_SIZE(cases); c++)
		for (nr = 1; !err && nr <= cpus; nr++)
			err = measure(&cases[c], nr);
	cpus_free();
	return err;
}
