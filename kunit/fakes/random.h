/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Repeatable random numbers: a test prints its seed, and lvbs.kunit_seed= on
 * the kernel command line repeats the run.
 */
#ifndef _LVBS_KUNIT_RANDOM_H
#define _LVBS_KUNIT_RANDOM_H

#include <linux/kconfig.h>
#include <linux/prandom.h>
#include <linux/types.h>

struct kunit;

/**
 * random_start() - seed a generator and print the seed
 * @test: the test whose log gets the seed
 * @rnd: the generator
 *
 * Return: the seed, for failure messages.
 */
u32 random_start(struct kunit *test, struct rnd_state *rnd);

/*
 * The number of rounds that are worth their time. UML runs natively and does
 * all of them. Other architectures run in an emulator with debugging options,
 * and do a fifth; each run has another seed.
 */
#define RANDOM_ROUNDS(n)	(IS_ENABLED(CONFIG_UML) ? (n) : (n) / 5)

/**
 * random_rounds() - get the number of rounds of a test that has a long run
 * @n: the number of rounds that are worth their time
 *
 * Return: RANDOM_ROUNDS(@n) times lvbs.kunit_times.
 */
unsigned long random_rounds(unsigned long n);

/* From 0 to @n - 1. The modulo bias does not matter here. */
static inline u32 random_below(struct rnd_state *rnd, u32 n)
{
	return prandom_u32_state(rnd) % n;
}

/* True with probability 1 / @n. */
static inline bool random_one_in(struct rnd_state *rnd, u32 n)
{
	return !random_below(rnd, n);
}

void random_shuffle(struct rnd_state *rnd, unsigned long *array,
		    unsigned long nr);

#endif /* _LVBS_KUNIT_RANDOM_H */
