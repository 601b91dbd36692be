/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random numbers that can be had again: a test prints its seed, and
 * lvbs.kunit_seed= on the kernel command line repeats it.
 */
#ifndef _LVBS_KUNIT_RANDOM_H
#define _LVBS_KUNIT_RANDOM_H

#include <linux/kconfig.h>
#include <linux/prandom.h>
#include <linux/types.h>

struct kunit;

/**
 * random_start() - seed a generator and print the seed
 * @test: whose log the seed goes to
 * @rnd: the generator
 *
 * Return: the seed, for the messages of failures.
 */
u32 random_start(struct kunit *test, struct rnd_state *rnd);

/*
 * Of @n rounds of a test, as many as are worth their time. UML runs natively,
 * and does them all. Elsewhere an emulator runs a kernel that checks itself: a
 * fifth there is what takes long enough, and each run has its own seed.
 */
#define RANDOM_ROUNDS(n)	(IS_ENABLED(CONFIG_UML) ? (n) : (n) / 5)

/* 0 to @n - 1; the bias of the remainder does not matter here. */
static inline u32 random_below(struct rnd_state *rnd, u32 n)
{
	return prandom_u32_state(rnd) % n;
}

/* True once in @n times. */
static inline bool random_one_in(struct rnd_state *rnd, u32 n)
{
	return !random_below(rnd, n);
}

void random_shuffle(struct rnd_state *rnd, unsigned long *array,
		    unsigned long nr);

#endif /* _LVBS_KUNIT_RANDOM_H */
