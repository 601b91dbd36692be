// SPDX-License-Identifier: GPL-2.0
/*
 * Code locations of the module reached by this thread, as offsets in its text.
 * Does nothing on kernels without KCOV.
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

#define KCOV_INIT_TRACE	_IOR('c', 1, unsigned long)
#define KCOV_ENABLE	_IO('c', 100)
#define KCOV_TRACE_PC	0
#define WORDS		(1UL << 16)
#define TEXT_MAX	(1UL << 20)

static unsigned long *trace;
static uint64_t text;
static bool reached[TEXT_MAX];		/* since kcov_reset() */
static bool reached_ever[TEXT_MAX];	/* in all epochs */
static unsigned int nr_reached;

static void load(const char *path)
{
	FILE *in = fopen(path, "r");
	unsigned long at;

	while (in && fscanf(in, "%lx", &at) == 1)
		if (at < TEXT_MAX)
			reached_ever[at] = true;
	if (in)
		fclose(in);
}

void kcov_begin(const char *path)
{
	int fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);
	char *address;

	if (fd < 0)
		return;
	if (ioctl(fd, KCOV_INIT_TRACE, WORDS))
		die("KCOV_INIT_TRACE: %m");
	trace = mmap(NULL, WORDS * sizeof(*trace), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (trace == MAP_FAILED)
		die("kcov: %m");
	if (ioctl(fd, KCOV_ENABLE, KCOV_TRACE_PC))
		die("KCOV_ENABLE: %m");
	address = file_slurp("/sys/module/lvbs/sections/.text", NULL);
	text = strtoull(address, NULL, 16);
	free(address);
	load(path);
}

void kcov_reset(void)
{
	memset(reached, 0, sizeof(reached));
	if (trace)
		__atomic_store_n(&trace[0], 0, __ATOMIC_RELAXED);
}

unsigned int kcov_collect(void)
{
	unsigned long nr, i;
	unsigned int fresh = 0;

	if (!trace)
		return 0;
	nr = __atomic_load_n(&trace[0], __ATOMIC_RELAXED);
	for (i = 1; i <= nr && i < WORDS; i++) {
		uint64_t at = trace[i] - text;

		if (at >= TEXT_MAX || reached[at])
			continue;
		reached[at] = true;
		reached_ever[at] = true;
		fresh++;
	}
	nr_reached += fresh;
	__atomic_store_n(&trace[0], 0, __ATOMIC_RELAXED);
	return fresh;
}

unsigned int kcov_reached(void)
{
	return nr_reached;
}

void kcov_end(const char *path)
{
	FILE *out;
	unsigned long at;

	if (!trace)
		return;
	out = fopen(path, "w");
	if (!out)
		die("%s: %m", path);
	for (at = 0; at < TEXT_MAX; at++)
		if (reached_ever[at])
			fprintf(out, "%lx\n", at);
	if (fclose(out))
		die("%s: %m", path);
}
