/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_H
#define BENCH_H

#include <linux/kernel.h>
#include <linux/types.h>

#define SAMPLES_MAX	1001

/**
 * struct bench_case - an operation to measure
 * @name: name in the results
 * @run: does the operation @batch times; returns 0 or a negative errno
 * @begin: optional; called once before all runs; returns 0 or a negative errno
 * @end: optional; called once after all runs, and if @begin failed
 * @max: skip the case for more bytes than this
 * @atomic: @run does not sleep; call it with interrupts disabled
 * @batch: operations per run; 0 means 1
 */
struct bench_case {
	const char *name;
	int (*run)(void);
	int (*begin)(void);
	void (*end)(void);
	size_t max;
	bool atomic;
	unsigned int batch;
};

/**
 * bench_measure() - run a case and record the median of its samples
 * @group: name of the group in the results
 * @c: the case
 * @x: the independent variable of the group: bytes, or a count
 * @samples: number of runs; odd, at most %SAMPLES_MAX
 *
 * Return: 0, -ENOSPC, or the errno of the case.
 */
int bench_measure(const char *group, const struct bench_case *c, size_t x,
		  unsigned int samples);

/* Add a line to the results; 0 or -ENOSPC. @x as for bench_measure(). */
int bench_result(const char *group, const char *name, size_t x, u64 ns,
		 unsigned int samples);

/* Clear lvbs's parameter windows: map by vmap() only. */
int bench_vmap_begin(void);
void bench_vmap_end(void);

u64 bench_median(u64 *values, unsigned int nr);

/* One function per area of lvbs; each frees all it allocated. */
int bench_phys(unsigned long pages);
int bench_rings(void);
int bench_heki(unsigned long sites);
int bench_cpus(void);

/* Lookups per bench_map_find(). */
#define BENCH_LOOKUPS	1024

/* A copy of lvbs's patch map, with @nr sites @stride bytes apart. */
int bench_map_fill(unsigned long nr, unsigned int stride);
int bench_map_find(void);
void bench_map_empty(void);

#endif
