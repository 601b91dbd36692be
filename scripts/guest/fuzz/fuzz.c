// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz --seed N --epoch N --count N --direct-map VA [--dir D] [--coverage FILE] [--trace]
 *
 * Runs one epoch, in three parts: alone, with each result checked; racing with
 * threads that send commands of their own and change lists and requests while
 * the module reads them; and alone after the end of boot. For the same seed,
 * epoch and count, the first and the last part are reproducible.
 *
 * Prints "epoch N: ..." at the end. Exit status: 1 for a bug of the module, 2
 * for an error of the fuzzer.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <unistd.h>

#include "fuzz.h"

#define THREADS		2	/* that send commands; one more corrupts lists */

struct run run = { .dir = "/sys/kernel/debug/lvbs" };

static __thread char current_command[600];
static int kernel_log = -1;
static volatile bool stop;

void write_kernel_log(const char *line)
{
	if (kernel_log < 0)
		kernel_log = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	if (write(kernel_log, line, strlen(line)) < 0)
		return;		/* losing a log line is harmless */
}

void set_command(const char *fmt, ...)
{
	va_list args;
	char line[700], *at;

	va_start(args, fmt);
	vsnprintf(current_command, sizeof(current_command), fmt, args);
	va_end(args);
	if (!run.trace)
		return;
	snprintf(line, sizeof(line), "fuzz: %u.%lu: %s", run.epoch, run.index,
		 current_command);
	for (at = line; *at; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	write_kernel_log(line);
}

void fail(const char *fmt, ...)
{
	va_list args;

	printf("FAILED: seed %llu, epoch %u, command %lu%s: %s\n", (unsigned long long)run.seed,
	       run.epoch, run.index, run.racing ? " (racing)" : "", current_command);
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
	fprintf(stderr, "\nepoch %u, command %lu: %s\n", run.epoch, run.index, current_command);
	_exit(2);
}

/* Seeded per command, so that a command does not depend on those before it. */
static struct rnd rnd_of(uint64_t stream, unsigned long index)
{
	struct rnd r = { run.seed };

	r.state = rnd64(&r) ^ ((uint64_t)run.epoch << 40) ^ (stream << 60) ^ index;
	rnd64(&r);
	return r;
}

static void *corrupter(void *unused)
{
	struct rnd r = rnd_of(15, 0);

	while (!stop)
		heki_corrupt(&r);
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
			write_kernel_log(line);
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

	write_kernel_log("fuzz: racing");
	run.racing = true;
	stop = false;
	for (i = 0; i <= THREADS; i++)
		if (pthread_create(&thread[i], NULL, i ? commander : corrupter, (void *)i))
			die("cannot create a thread");
	commands(from, to);
	stop = true;
	for (i = 0; i <= THREADS; i++)
		pthread_join(thread[i], NULL);
	write_kernel_log("fuzz: racing done");
	run.racing = false;
}

/* Racing leaves unknown state: take the current one as the new baseline. */
static void settle(void)
{
	int fd = file_open(FILE_LIVE, true);

	set_command("settle: heki/live: off");
	/* After the end of boot a mode that is on stays. */
	if (write(fd, "off", 3) == 3)
		run.live = false;
	else if (!run.boot_ended || errno != EPERM)
		fail("cannot switch live mode off: %m");
	close(fd);
	heki_reset();
	state_update();
	pool_resync(false);
}

/* By directory entry: the racing threads made up names. */
static void remove_rings(void)
{
	int fd = file_open(FILE_RING_REMOVE, true);
	struct dirent *entry;
	char path[256];
	DIR *dir;

	set_command("remove all rings");
	snprintf(path, sizeof(path), "%s/ring", run.dir);
	dir = opendir(path);
	if (!dir)
		fail("cannot open %s: %m", path);
	while ((entry = readdir(dir)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.' &&
		    strcmp(entry->d_name, "log") &&
		    write(fd, entry->d_name, strlen(entry->d_name)) < 0)
			fail("cannot remove ring %s: %m", entry->d_name);
	closedir(dir);
	close(fd);
}

static void end_boot(void)
{
	int fd = file_open(FILE_END_OF_BOOT, true);

	set_command("heki/end_of_boot: 1");
	if (write(fd, "1", 1) != 1)
		fail("cannot end boot: %m");
	close(fd);
	run.boot_ended = true;
}

static void usage(void)
{
	die("usage: fuzz --seed N --epoch N --count N --direct-map VA [--dir D] [--coverage FILE] [--trace]");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "epoch", required_argument, NULL, 'e' },
		{ "count", required_argument, NULL, 'n' },
		{ "dir", required_argument, NULL, 'd' },
		{ "direct-map", required_argument, NULL, 'm' },
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
		case 'm': run.direct_map = strtoull(optarg, NULL, 0); break;
		case 'c': coverage = optarg; break;
		case 't': run.trace = true; break;
		default: usage();
		}
	}
	if (!count || !run.direct_map || optind != argc)
		usage();

	pool_init();
	memory_init();
	for (file = 0; file < FILES; file++)
		file_open(file, false);
	kcov_begin(coverage);
	kcov_reset();
	state_update();

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
	printf("epoch %u: %lu commands, %u code locations reached\n", run.epoch, count, kcov_reached());
	return 0;
}
