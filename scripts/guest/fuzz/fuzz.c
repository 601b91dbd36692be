// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz --seed N --epoch N --count N [--dir D] [--coverage FILE] [--trace]
 *
 * One epoch: the first part alone, where each outcome is checked; then with
 * threads that change lists and requests while they are read, and give commands
 * of their own; then after the end of boot. All but the second part is the same
 * each time for the same numbers.
 *
 * Says "epoch N: ..." in the end; status 1 for a broken contract, 2 for trouble
 * of its own.
 */
#include <dirent.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <unistd.h>

#include "fuzz.h"

#define THREADS		2	/* beside the one that disturbs */

struct run run = { .dir = "/sys/kernel/debug/lvbs" };

static __thread char now[600];
static int kernel_log = -1;
static volatile bool stop;

void to_kernel_log(const char *line)
{
	if (kernel_log < 0)
		kernel_log = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	if (write(kernel_log, line, strlen(line)) < 0)
		return;		/* a full log is no reason to end */
}

void about(const char *fmt, ...)
{
	va_list args;
	char line[700], *at;

	va_start(args, fmt);
	vsnprintf(now, sizeof(now), fmt, args);
	va_end(args);
	if (!run.trace)
		return;
	snprintf(line, sizeof(line), "fuzz: %u.%lu: %s", run.epoch, run.index, now);
	for (at = line; *at; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	to_kernel_log(line);
}

void fail(const char *fmt, ...)
{
	va_list args;

	printf("FAILED: seed %llu, epoch %u, command %lu%s: %s\n", (unsigned long long)run.seed,
	       run.epoch, run.index, run.racing ? " (racing)" : "", now);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	_exit(1);
}

void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\nin epoch %u, command %lu: %s\n", run.epoch, run.index, now);
	_exit(2);
}

/* Each command has a start of its own, whatever those before it drew. */
static struct rnd rnd_of(uint64_t stream, unsigned long index)
{
	struct rnd r = { run.seed };

	r.state = rnd64(&r) ^ ((uint64_t)run.epoch << 40) ^ (stream << 60) ^ index;
	rnd64(&r);
	return r;
}

static void *disturber(void *unused)
{
	struct rnd r = rnd_of(15, 0);

	while (!stop)
		heki_disturb(&r);
	return unused;
}

static void *commander(void *number)
{
	unsigned long i;

	for (i = 0; !stop; i++) {
		struct rnd r = rnd_of((uintptr_t)number, i);

		command(&r);
	}
	return NULL;
}

static void commands(unsigned long from, unsigned long to)
{
	char line[100];

	for (run.index = from; run.index < to; run.index++) {
		struct rnd r = rnd_of(0, run.index);

		if (run.index % 5000 == 0) {
			snprintf(line, sizeof(line), "fuzz: seed %llu epoch %u command %lu",
				 (unsigned long long)run.seed, run.epoch, run.index);
			to_kernel_log(line);
		}
		command(&r);
		if (run.index % 128 == 0 && !run.racing)
			pool_check_all();
	}
	if (!run.racing)
		pool_check_all();
}

static void race(unsigned long from, unsigned long to)
{
	pthread_t thread[THREADS + 1];
	uintptr_t i;

	to_kernel_log("fuzz: racing");
	run.racing = true;
	stop = false;
	for (i = 0; i <= THREADS; i++)
		if (pthread_create(&thread[i], NULL, i ? commander : disturber, (void *)i))
			die("no threads");
	commands(from, to);
	stop = true;
	for (i = 0; i <= THREADS; i++)
		pthread_join(thread[i], NULL);
	to_kernel_log("fuzz: raced");
	run.racing = false;
}

/* What the racing left is unknown: start again from what is there. */
static void settle(void)
{
	int fd = file_open(FILE_LIVE, true);

	about("settling");
	if (write(fd, "off", 3) != 3)
		fail("live mode cannot be left: %m");
	close(fd);
	run.live = false;
	heki_reset();
	state_changed();
	pool_resync(false);
}

/* Whatever their names have become. */
static void remove_rings(void)
{
	int fd = file_open(FILE_RING_REMOVE, true);
	struct dirent *entry;
	char path[256];
	DIR *dir;

	about("removing all rings");
	snprintf(path, sizeof(path), "%s/ring", run.dir);
	dir = opendir(path);
	if (!dir)
		fail("cannot open %s: %m", path);
	while ((entry = readdir(dir)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.' &&
		    strcmp(entry->d_name, "log") &&
		    write(fd, entry->d_name, strlen(entry->d_name)) < 0)
			fail("ring %s cannot be removed: %m", entry->d_name);
	closedir(dir);
	close(fd);
}

static void end_boot(void)
{
	int fd = file_open(FILE_END_OF_BOOT, true);

	about("heki/end_of_boot: 1");
	if (write(fd, "1", 1) != 1)
		fail("%m");
	close(fd);
	run.boot_ended = true;
}

static void usage(void)
{
	die("usage: fuzz --seed N --epoch N --count N [--dir D] [--coverage FILE] [--trace]");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "epoch", required_argument, NULL, 'e' },
		{ "count", required_argument, NULL, 'n' },
		{ "dir", required_argument, NULL, 'd' },
		{ "coverage", required_argument, NULL, 'c' },
		{ "trace", no_argument, NULL, 't' },
		{ }
	};
	const char *coverage = "/tmp/coverage";
	unsigned long count = 0, alone, raced;
	unsigned int file;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's': run.seed = strtoull(optarg, NULL, 0); break;
		case 'e': run.epoch = strtoul(optarg, NULL, 0); break;
		case 'n': count = strtoul(optarg, NULL, 0); break;
		case 'd': run.dir = optarg; break;
		case 'c': coverage = optarg; break;
		case 't': run.trace = true; break;
		default: usage();
		}
	}
	if (!count || optind != argc)
		usage();

	pool_make();
	memory_learn();
	for (file = 0; file < FILES; file++)
		file_open(file, false);
	kcov_begin(coverage);
	kcov_reset();
	state_learn();

	alone = count * 8 / 10;
	raced = count * 15 / 100;
	commands(0, alone);
	rings_remove_all();
	race(alone, alone + raced);
	remove_rings();
	settle();
	end_boot();
	commands(alone + raced, count);
	settle();
	pool_check_frames();

	kcov_end(coverage);
	files_report(stdout);
	printf("epoch %u: %lu commands, %u places reached\n", run.epoch, count, kcov_places());
	return 0;
}
