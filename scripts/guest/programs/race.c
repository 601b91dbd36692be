// SPDX-License-Identifier: GPL-2.0
/*
 * race SECONDS LOOP...
 *
 * Goes round each LOOP in a thread of its own, all at once, until the time is
 * up, and prints how often. A LOOP is acts with " ; " between them:
 *
 *   write FILE WORD...	one write() of the words and a newline
 *   refused FILE WORD...	the same, and it is always turned away
 *   ask FILE WORD...		the same, and read the answer from the open file
 *   read FILE			to its end
 *   readat FILE OFFSET LEN	one pread()
 *   writeat FILE OFFSET LEN	one pwrite() of a pattern
 *   follow FILE		what comes of a stream within a tenth of a second
 *   share FILE			one read() of a file that all who do so share
 *   insmod FILE
 *   rmmod NAME
 *   pause MILLISECONDS
 *
 * As others are at work, an act may be turned away, but only with one of the
 * errnos below, and not each time.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "die.h"

#define LOOPS_MAX	32
#define ACTS_MAX	8
#define BUFFER_BYTES	65536

static const int turned_away[] = {
	EACCES, EAGAIN, EBUSY, EEXIST, ENOENT, EROFS,
};

#define NR_ERRNOS	(sizeof(turned_away) / sizeof(*turned_away))

struct act {
	const char *verb;
	const char *path;
	const char *rest;
	int shared;
	unsigned long done;
	unsigned long away[NR_ERRNOS];
};

struct loop {
	pthread_t thread;
	struct act acts[ACTS_MAX];
	unsigned int nr_acts;
	unsigned long rounds;
	char buffer[BUFFER_BYTES];
};

static struct loop loops[LOOPS_MAX];
static atomic_bool over;

static ssize_t read_all(int fd, char *buffer)
{
	ssize_t n;

	do
		n = read(fd, buffer, BUFFER_BYTES);
	while (n > 0);
	return n;
}

static ssize_t ask(int fd, const struct act *act, char *buffer)
{
	int len = snprintf(buffer, BUFFER_BYTES, "%s\n", act->rest);
	ssize_t n = write(fd, buffer, len);

	return n < 0 || strcmp(act->verb, "ask") ? n : read_all(fd, buffer);
}

static ssize_t copy(int fd, const struct act *act, char *buffer)
{
	unsigned long long offset, len;

	if (sscanf(act->rest, "%lli %lli", &offset, &len) != 2 ||
	    len > BUFFER_BYTES)
		die("'%s' is no range", act->rest);
	if (!strcmp(act->verb, "readat"))
		return pread(fd, buffer, len, offset);
	return pwrite(fd, memset(buffer, 'w', len), len, offset);
}

static long ms_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static ssize_t follow(int fd, char *buffer)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };
	long end = ms_now() + 100;
	ssize_t n;

	do {
		poll(&poller, 1, 10);
		n = read(fd, buffer, BUFFER_BYTES);
	} while ((n > 0 || (n < 0 && errno == EAGAIN)) && ms_now() < end);
	return n < 0 && errno == EAGAIN ? 0 : n;
}

static ssize_t act_on_file(const struct act *act, char *buffer)
{
	int mode, fd, err;
	ssize_t n;

	if (!strcmp(act->verb, "ask"))
		mode = O_RDWR;
	else if (!strncmp(act->verb, "write", 5) ||
		 !strcmp(act->verb, "refused"))
		mode = O_WRONLY;
	else
		mode = O_RDONLY;
	fd = open(act->path, mode | O_NONBLOCK);
	if (fd < 0)
		return -1;
	if (!strcmp(act->verb, "read"))
		n = read_all(fd, buffer);
	else if (!strcmp(act->verb, "follow"))
		n = follow(fd, buffer);
	else if (!strcmp(act->verb, "insmod"))
		n = syscall(SYS_finit_module, fd, "", 0);
	else if (!strcmp(act->verb, "readat") || !strcmp(act->verb, "writeat"))
		n = copy(fd, act, buffer);
	else
		n = ask(fd, act, buffer);
	err = errno;
	close(fd);
	errno = err;
	return n;
}

static void do_act(struct act *act, char *buffer)
{
	bool refused = !strcmp(act->verb, "refused");
	unsigned int i;
	ssize_t n;

	if (!strcmp(act->verb, "rmmod"))
		n = syscall(SYS_delete_module, act->path, O_NONBLOCK);
	else if (!strcmp(act->verb, "pause"))
		n = usleep(atoi(act->path) * 1000);
	else if (!strcmp(act->verb, "share"))
		n = read(act->shared, buffer, BUFFER_BYTES);
	else
		n = act_on_file(act, buffer);
	act->done += (n < 0) == refused;
	if (n >= 0 && !refused)
		return;
	if (n < 0 && over && errno == EINTR)
		return;
	for (i = 0; n < 0 && i < NR_ERRNOS; i++) {
		if (errno != turned_away[i])
			continue;
		act->away[i]++;
		return;
	}
	die("%s %s %s: %s", act->verb, act->path, act->rest,
	    n < 0 ? strerror(errno) : "not refused");
}

static void *go_round(void *arg)
{
	struct loop *loop = arg;
	unsigned int i;

	for (; !over; loop->rounds++)
		for (i = 0; i < loop->nr_acts; i++)
			do_act(&loop->acts[i], loop->buffer);
	return NULL;
}

/* The open file of whoever shares @path already; else a new one. */
static int open_shared(const char *path)
{
	struct act *act;
	struct loop *loop;
	int fd;

	for (loop = loops; loop < loops + LOOPS_MAX; loop++)
		for (act = loop->acts; act < loop->acts + loop->nr_acts; act++)
			if (act->shared && !strcmp(act->path, path))
				return act->shared;
	fd = open(path, O_RDONLY);
	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	return fd;
}

static void parse_act(struct act *act, char *words)
{
	static const char * const verbs[] = {
		"write", "refused", "ask", "read", "readat", "writeat",
		"follow", "share", "insmod", "rmmod", "pause",
	};
	unsigned int i;
	char *rest;

	act->verb = strtok_r(words, " ", &rest);
	act->path = strtok_r(NULL, " ", &rest);
	act->rest = rest;
	if (act->path && !strcmp(act->verb, "share"))
		act->shared = open_shared(act->path);
	for (i = 0; act->verb && i < sizeof(verbs) / sizeof(*verbs); i++)
		if (!strcmp(verbs[i], act->verb) && act->path)
			return;
	die("what is '%s'?", words);
}

static void parse_loop(struct loop *loop, char *words)
{
	char *next;

	for (; words; words = next) {
		next = strstr(words, " ; ");
		if (next) {
			*next = '\0';
			next += 3;
		}
		if (loop->nr_acts == ACTS_MAX)
			die("too many acts");
		parse_act(&loop->acts[loop->nr_acts], words);
		loop->nr_acts++;
	}
}

static bool report(const struct loop *loop)
{
	bool good = true;
	unsigned int i, j;

	for (i = 0; i < loop->nr_acts; i++) {
		const struct act *act = &loop->acts[i];

		printf("%lu of %lu: %s %s %.60s\n", act->done, loop->rounds,
		       act->verb, act->path, act->rest);
		for (j = 0; j < NR_ERRNOS; j++)
			if (act->away[j])
				printf("\t%lu %s\n", act->away[j],
				       strerrorname_np(turned_away[j]));
		good = good && act->done;
	}
	return good;
}

static void wake(int signal)
{
	(void)signal;
}

/* Whoever waits for more of a shared file is to wait no longer. */
static void end_loop(struct loop *loop)
{
	while (pthread_tryjoin_np(loop->thread, NULL)) {
		pthread_kill(loop->thread, SIGUSR1);
		usleep(10000);
	}
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = wake };
	int nr_loops = argc - 2, i;
	bool good = true;

	if (nr_loops < 1 || nr_loops > LOOPS_MAX)
		die("usage: see the head of race.c");
	sigaction(SIGUSR1, &action, NULL);
	for (i = 0; i < nr_loops; i++)
		parse_loop(&loops[i], argv[i + 2]);
	for (i = 0; i < nr_loops; i++)
		if (pthread_create(&loops[i].thread, NULL, go_round, &loops[i]))
			die("cannot make a thread");
	sleep(atoi(argv[1]));
	over = true;
	for (i = 0; i < nr_loops; i++) {
		end_loop(&loops[i]);
		good = report(&loops[i]) && good;
	}
	if (!good)
		die("something was never done");
	return 0;
}
