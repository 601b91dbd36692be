// SPDX-License-Identifier: GPL-2.0
/*
 * Measures the module's copy routine in user space, where a timing is not
 * blurred by an emulator: the very instructions of module/phys/copy_nofault_x86.h
 * against glibc's memcpy (SIMD, which a kernel has not), what the kernel's own
 * memcpy does, and the 8-byte loop of copy_from_kernel_nofault.
 *
 * Checks each length and alignment against memcpy first.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define noinline	__attribute__((__noinline__))
#define __noclone	__attribute__((__noclone__))
#define notrace
#define COPY_EXTABLE(from, to)
#include "phys/copy_nofault_x86.h"

#define AREA		(2u << 20)
#define ROUNDS		15
#define OFFSETS	16
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

typedef size_t (*copy_fn)(void *dst, const void *src, size_t len);

static noinline size_t copy_libc(void *dst, const void *src, size_t len)
{
	memcpy(dst, src, len);
	return 0;
}

/* The kernel's memcpy where the CPU has ERMS (6.1) or FSRM (later ones). */
static noinline size_t copy_rep_movsb(void *dst, const void *src, size_t len)
{
	asm volatile("rep movsb"
		     : "+D" (dst), "+S" (src), "+c" (len) : : "memory");
	return len;
}

/* The kernel's memcpy where the CPU has only REP_GOOD. */
static noinline size_t copy_rep_movsq(void *dst, const void *src, size_t len)
{
	size_t left = len / 8;

	asm volatile("rep movsq\n"
		     "	movl	%[tail], %%ecx\n"
		     "	rep movsb"
		     : "+D" (dst), "+S" (src), "+c" (left)
		     : [tail] "r" ((uint32_t)len % 8) : "memory");
	return left;
}

#define LOOP(type)							\
	while (len >= sizeof(type)) {					\
		*(type *)dst = *(const type *)src;			\
		asm volatile("" : : : "memory");			\
		dst = (char *)dst + sizeof(type);			\
		src = (const char *)src + sizeof(type);			\
		len -= sizeof(type);					\
	}

static noinline size_t copy_loop(void *dst, const void *src, size_t len)
{
	LOOP(uint64_t);
	LOOP(uint32_t);
	LOOP(uint16_t);
	LOOP(uint8_t);
	return len;
}

static const struct {
	const char *name;
	copy_fn copy;
} rivals[] = {
	{ "ours", copy_x86 },
	{ "memcpy", copy_libc },
	{ "rep-movsb", copy_rep_movsb },
	{ "rep-movsq", copy_rep_movsq },
	{ "8-byte-loop", copy_loop },
};

/*
 * Offsets within a page. Not only multiples of 8; and whether one side is a bit
 * ahead of the other decides, on some CPUs, over an order of magnitude.
 */
static const struct {
	const char *name;
	unsigned short src[OFFSETS];
	unsigned short dst[OFFSETS];
} tables[] = {
	{ "both at the start of a page", {}, {} },
	{ "misaligned, far apart", {
		0, 1, 5, 8, 3, 13, 24, 32, 7, 2, 40, 63, 9, 11, 0, 17
	}, {
		128, 200, 331, 472, 513, 640, 735, 801,
		129, 205, 332, 475, 518, 647, 736, 802
	} },
	{ "misaligned, destination 1 to 32 bytes ahead", {
		0, 1, 5, 8, 3, 13, 24, 32, 7, 2, 40, 63, 9, 11, 0, 17
	}, {
		1, 3, 8, 12, 11, 19, 32, 48, 24, 33, 48, 64, 14, 43, 13, 26
	} },
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static double seconds(copy_fn copy, char *dst, const char *src, size_t len,
		      size_t count, size_t table)
{
	double start = now();
	size_t i;

	for (i = 0; i < count; i++) {
		size_t k = i % OFFSETS;

		copy(dst + tables[table].dst[k], src + tables[table].src[k],
		     len);
	}
	return now() - start;
}

static void measure(char *dst, const char *src, size_t table)
{
	static const size_t lengths[] = {
		8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 511, 512, 768, 1024,
		2048, 4096, 16384, 65536, 262144, 1048576
	};
	double best[ARRAY_SIZE(rivals)], t;
	size_t i, r, count;
	int round;

	printf("\n%s, GB/s\n%8s", tables[table].name, "bytes");
	for (r = 0; r < ARRAY_SIZE(rivals); r++)
		printf("%12s", rivals[r].name);
	printf("%12s%12s%12s\n", "/memcpy", "/rep-movsb", "/loop");

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		count = AREA / (lengths[i] + 64) / OFFSETS * OFFSETS;
		if (!count)
			count = OFFSETS;
		for (r = 0; r < ARRAY_SIZE(rivals); r++)
			best[r] = 1e9;
		/* In turns, so that a slow phase of the machine hits all. */
		for (round = 0; round < ROUNDS; round++) {
			for (r = 0; r < ARRAY_SIZE(rivals); r++) {
				t = seconds(rivals[r].copy, dst, src,
					    lengths[i], count, table);
				if (t < best[r])
					best[r] = t;
			}
		}
		printf("%8zu", lengths[i]);
		for (r = 0; r < ARRAY_SIZE(rivals); r++)
			printf("%12.1f", lengths[i] * count / best[r] / 1e9);
		printf("%12.2f%12.2f%12.2f\n", best[1] / best[0],
		       best[2] / best[0], best[4] / best[0]);
	}
}

static int check(void)
{
	unsigned char src[700], dst[700], model[700];
	size_t len, s, d, i;

	for (i = 0; i < sizeof(src); i++)
		src[i] = i * 7 + i / 251;
	for (len = 0; len <= 600; len++) {
		for (s = 0; s < 16; s++) {
			for (d = 0; d < 16; d++) {
				memset(dst, 0xa5, sizeof(dst));
				memset(model, 0xa5, sizeof(model));
				memcpy(model + 32 + d, src + s, len);
				if (copy_x86(dst + 32 + d, src + s, len) ||
				    memcmp(dst, model, sizeof(dst))) {
					fprintf(stderr, "wrong: %zu bytes, +%zu to +%zu\n",
						len, s, d);
					return -1;
				}
			}
		}
	}
	return 0;
}

int main(void)
{
	char *src, *dst;
	size_t table;

	if (check())
		return 1;
	src = aligned_alloc(4096, AREA);
	dst = aligned_alloc(4096, AREA);
	if (!src || !dst) {
		fprintf(stderr, "no memory\n");
		return 1;
	}
	memset(src, 1, AREA);
	memset(dst, 2, AREA);
	for (table = 0; table < ARRAY_SIZE(tables); table++)
		measure(dst, src, table);
	free(src);
	free(dst);
	return 0;
}
