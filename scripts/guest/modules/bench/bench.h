/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Cases, and how they are measured.
 */
#ifndef BENCH_H
#define BENCH_H

#include <linux/kernel.h>
#include <linux/types.h>

#define SAMPLES_MAX	1001

/**
 * struct bench_case - something to measure
 * @name: its name in the results
 * @run: does it once, or @batch times; returns 0
 * @begin: before the first of many runs, or NULL; returns 0
 * @end: after the last, or NULL; also if @begin failed
 * @max: the largest number of bytes that it is good for
 * @atomic: does not sleep, and is to run with interrupts off
 * @batch: how often @run does it; 0 is once
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
 * bench_measure() - the median of many runs of a case, as a line of the results
 * @group: what it belongs to
 * @c: the case
 * @x: what grows within the group: bytes, or a number of something
 * @samples: how many runs; odd, at most %SAMPLES_MAX
 *
 * Return: 0, or what the case returned.
 */
int bench_measure(const char *group, const struct bench_case *c, size_t x,
		  unsigned int samples);

/**
 * bench_result() - a line of the results
 * @group: what it belongs to
 * @name: what was measured
 * @x: as for bench_measure()
 * @ns: the figure
 * @samples: how many runs it stands for
 *
 * Return: 0, or -ENOSPC.
 */
int bench_result(const char *group, const char *name, size_t x, u64 ns,
		 unsigned int samples);

/* For a case that is to map by vmap() always, with a guard page behind. */
int bench_guard_begin(void);
void bench_guard_end(void);

u64 bench_median(u64 *values, unsigned int nr);

/* The parts. Each leaves nothing behind but its results. */
int bench_phys(unsigned long pages);
int bench_rings(void);
int bench_heki(unsigned long sites);
int bench_cpus(void);

/* How many searches bench_map_find() makes. */
#define BENCH_SEARCHES	1024

/* A patch map of our own: the module's very code, but not its sites. */
int bench_map_fill(unsigned long nr, unsigned int stride);
int bench_map_find(void);
void bench_map_empty(void);

#endif
