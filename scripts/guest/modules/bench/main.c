// SPDX-License-Identifier: GPL-2.0
/*
 * Benchmarks of lvbs and of the kernel's alternatives, in guest time: under
 * `-icount shift=0` one nanosecond is one instruction.
 *
 * The cases run at module load. debugfs lvbs_bench/results then has a line for
 * each; lvbs_bench/now is the guest's time in nanoseconds.
 *
 * A result is the median of many samples minus that of an empty case. Cases
 * that cannot sleep run with interrupts disabled; in the others, the median
 * hides samples with a timer tick or a purge of lazily freed mappings.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/irqflags.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/sort.h>
#include <linux/vmalloc.h>

#include "bench.h"

static unsigned long pages = 65536;
module_param(pages, ulong, 0400);
MODULE_PARM_DESC(pages, "maximum number of frames");

static unsigned long sites = 1000000;
module_param(sites, ulong, 0400);
MODULE_PARM_DESC(sites, "maximum number of patch sites");

static bool cpus;
module_param(cpus, bool, 0400);
MODULE_PARM_DESC(cpus, "measure only scaling with the number of CPUs");

#define RESULTS_MAX	512

struct result {
	const char *group;
	const char *name;
	size_t x;
	u64 ns;
	unsigned int samples;
};

static struct result results[RESULTS_MAX];
static unsigned int nr_results;

static int u64_cmp(const void *x, const void *y)
{
	u64 a = *(const u64 *)x, b = *(const u64 *)y;

	return a < b ? -1 : a > b;
}

u64 bench_median(u64 *values, unsigned int nr)
{
	sort(values, nr, sizeof(*values), u64_cmp, NULL);
	return values[nr / 2];
}

static int sample(int (*run)(void), bool atomic, u64 *ns)
{
	unsigned long flags = 0;
	u64 start;
	int err;

	if (atomic)
		local_irq_save(flags);
	start = ktime_get_ns();
	err = run();
	*ns = ktime_get_ns() - start;
	if (atomic)
		local_irq_restore(flags);
	return err;
}

static int median(int (*run)(void), bool atomic, unsigned int samples, u64 *ns)
{
	static u64 samples_ns[SAMPLES_MAX];
	unsigned int i;
	int err;

	/* Warm up; not counted. */
	err = sample(run, atomic, &samples_ns[0]);
	for (i = 0; !err && i < samples; i++)
		err = sample(run, atomic, &samples_ns[i]);
	if (!err)
		*ns = bench_median(samples_ns, samples);
	return err;
}

static int empty(void)
{
	return 0;
}

int bench_result(const char *group, const char *name, size_t x, u64 ns,
		 unsigned int samples)
{
	if (nr_results == RESULTS_MAX)
		return -ENOSPC;
	results[nr_results++] = (struct result) {
		.group = group,
		.name = name,
		.x = x,
		.ns = ns,
		.samples = samples,
	};
	return 0;
}

int bench_measure(const char *group, const struct bench_case *c, size_t x,
		  unsigned int samples)
{
	u64 ns = 0, overhead = 0;
	int err = 0;

	/* Purge the lazily freed mappings of the previous case. */
	vm_unmap_aliases();
	if (c->begin)
		err = c->begin();
	err = err ?: median(empty, c->atomic, SAMPLES_MAX, &overhead);
	err = err ?: median(c->run, c->atomic, samples, &ns);
	if (c->end)
		c->end();
	if (err) {
		pr_err("lvbs_bench: %s %s, %zu: error %d\n", group, c->name, x,
		       err);
		return err;
	}
	cond_resched();
	ns = ns > overhead ? ns - overhead : 0;
	return bench_result(group, c->name, x, div_u64(ns, c->batch ?: 1),
			    samples);
}

static int set_windows(const char *value)
{
	struct file *file = filp_open("/sys/module/lvbs/parameters/windows",
				      O_WRONLY, 0);
	loff_t pos = 0;
	ssize_t len;

	if (IS_ERR(file))
		return PTR_ERR(file);
	len = kernel_write(file, value, 1, &pos);
	filp_close(file, NULL);
	return len == 1 ? 0 : -EIO;
}

int bench_vmap_begin(void)
{
	return set_windows("0");
}

void bench_vmap_end(void)
{
	if (set_windows("1"))
		pr_err("lvbs_bench: cannot set lvbs.windows\n");
}

static int results_show(struct seq_file *m, void *unused)
{
	unsigned int i;

	for (i = 0; i < nr_results; i++)
		seq_printf(m, "%s,%s,%zu,%llu,%u\n", results[i].group,
			   results[i].name, results[i].x, results[i].ns,
			   results[i].samples);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(results);

static int now_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "%llu\n", ktime_get_ns());
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(now);

static struct dentry *dir;

static int measure_all(void)
{
	int err;

	if (cpus)
		return bench_cpus();
	err = bench_phys(pages);
	err = err ?: bench_rings();
	return err ?: bench_heki(sites);
}

static int __init bench_init(void)
{
	int err;

	if (!pages || sites < 10)
		return -EINVAL;
	err = measure_all();
	if (err)
		return err;

	dir = debugfs_create_dir("lvbs_bench", NULL);
	debugfs_create_file("results", 0400, dir, NULL, &results_fops);
	debugfs_create_file("now", 0400, dir, NULL, &now_fops);
	return 0;
}

static void __exit bench_exit(void)
{
	debugfs_remove_recursive(dir);
}

module_init(bench_init);
module_exit(bench_exit);
MODULE_DESCRIPTION("lvbs benchmarks");
MODULE_LICENSE("GPL");
