// SPDX-License-Identifier: GPL-2.0
/*
 * Repeatable random numbers.
 */
#include <kunit/test.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <linux/random.h>

#include "kunit/fakes/random.h"

static unsigned int kunit_seed;
module_param(kunit_seed, uint, 0400);
MODULE_PARM_DESC(kunit_seed, "seed of all random KUnit tests; 0 picks a random seed");

static unsigned int kunit_times = 1;
module_param(kunit_times, uint, 0400);
MODULE_PARM_DESC(kunit_times, "how many times as many rounds the longest random KUnit tests do (default 1)");

unsigned long random_rounds(unsigned long n)
{
	return RANDOM_ROUNDS(n) * max(kunit_times, 1U);
}

u32 random_start(struct kunit *test, struct rnd_state *rnd)
{
	u32 seed = kunit_seed ?: get_random_u32();

	prandom_seed_state(rnd, seed);
	kunit_info(test, "seed %#x\n", seed);
	return seed;
}

void random_shuffle(struct rnd_state *rnd, unsigned long *array,
		    unsigned long nr)
{
	unsigned long i;

	for (i = nr; i > 1; i--) {
		unsigned long j = random_below(rnd, i);

		swap(array[i - 1], array[j]);
	}
}
