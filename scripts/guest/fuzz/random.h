/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random numbers that are the same for the same seed, anywhere (SplitMix64).
 */
#ifndef FUZZ_RANDOM_H
#define FUZZ_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rnd {
	uint64_t state;
};

static inline uint64_t rnd64(struct rnd *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* 0 to @n - 1. */
static inline uint64_t rnd_below(struct rnd *r, uint64_t n)
{
	return rnd64(r) % n;
}

static inline bool rnd_one_in(struct rnd *r, unsigned int n)
{
	return !rnd_below(r, n);
}

static inline void rnd_bytes(struct rnd *r, void *buf, size_t len)
{
	uint8_t *byte = buf;

	while (len--)
		*byte++ = rnd64(r);
}

#endif
