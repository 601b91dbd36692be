// SPDX-License-Identifier: GPL-2.0
/*
 * hugepage   has a huge page of 2 MiB, which is contiguous memory, filled with 'Z'
 *
 * Prints its address and sleeps until it is killed.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "die.h"

#define HUGE	(2UL << 20)

int main(void)
{
	char *area = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *page = (char *)(((uintptr_t)area + HUGE - 1) & ~(HUGE - 1));

	if (area == MAP_FAILED || madvise(page, HUGE, MADV_HUGEPAGE))
		die("huge page: %m");
	memset(page, 'Z', HUGE);
	printf("%#lx\n", (unsigned long)page);
	fflush(stdout);
	for (;;)
		pause();
}
