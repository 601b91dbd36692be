// SPDX-License-Identifier: GPL-2.0
/*
 * race SECONDS LOOP...
 *
 * Runs each LOOP in its own thread for SECONDS, all in parallel, and prints
 * counts. A LOOP is a list of actions, separated by " ; ":
 *
 *   write FILE WORD...		one write() of the words and a newline
 *   refused FILE WORD...	the same; must always fail
 *   ask FILE WORD...		the same, then read the answer from the open file
 *   read FILE			read to end-of-file
 *   readat FILE OFFSET LEN	one pread()
 *   writeat FILE OFFSET LEN	one pwrite() of a pattern
 *   follow FILE		read a stream for 100 ms
 *   share FILE			one read() of an open file shared by all threads
 *   insmod FILE
 *   rmmod NAME
 *   pause MILLISECONDS
 *
 * An action may fail because of other threads, but only with an errno of
 * expected_errnos[], and it must succeed at least once.
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
#define ACTIONS_MAX	8
#define BUFFER_BYTES	65536

static const int expected_errnos[] = {
	EACCES, EAGAIN, EBUSY, EEXIST, ENOENT, EROFS,
};

#define NR_ERRNOS	(sizeof(expected_errnos) / sizeof(*expected_errnos))

struct action {
	const char *verb;
	const char *path;
	const char *rest;
	int shared_fd;
	unsigned long done;
	unsigned long failed[NR_ERRNOS];
};

struct loop {
	pthread_t thread;
	struct action actions[ACTIONS_MAX];
	unsigned int nr_actions;
	unsigned long rounds;
	char buffer[BUFFER_BYTES];
};

static struct loop loops[LOOPS_MAX];
static atomic_bool stop;

static ssize_t read_all(int fd, char *buffer)
{
	ssize_t n;

	do
		n = read(fd, buffer, BUFFER_BYTES);
	while (n > 0);
	return n;
}

static ssize_t ask(int fd, const struct action *action, char *buffer)
{
	int len = snprintf(buffer, BUFFER_BYTES, "%s\n", action->rest);
	ssize_t n = write(fd, buffer, len);

	return n < 0 || strcmp(action->verb, "ask") ? n : read_all(fd, buffer);
}

static ssize_t copy(int fd, const struct action *action, char *buffer)
{
	unsigned long long offset, len;

	if (sscanf(action->rest, "%lli %lli", &offset, &len) != 2 ||
	    len > BUFFER_BYTES)
		die("bad range '%s': want OFFSET LEN", action->rest);
	if (!strcmp(action->verb, "readat"))
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

static ssize_t action_on_file(const struct action *action, char *buffer)
{
	int mode, fd, err;
	ssize_t n;

	if (!strcmp(action->verb, "ask"))
		mode = O_RDWR;
	else if (!strncmp(action->verb, "write", 5) ||
		 !strcmp(action->verb, "refused"))
		mode = O_WRONLY;
	else
		mode = O_RDONLY;
	fd = open(action->path, mode | O_NONBLOCK);
	if (fd < 0)
		return -1;
	if (!strcmp(action->verb, "read"))
		n = read_all(fd, buffer);
	else if (!strcmp(action->verb, "follow"))
		n = follow(fd, buffer);
	else if (!strcmp(action->verb, "insmod"))
		n = syscall(SYS_finit_module, fd, "", 0);
	else if (!strcmp(action->verb, "readat") || !strcmp(action->verb, "writeat"))
		n = copy(fd, action, buffer);
	else
		n = ask(fd, action, buffer);
	err = errno;
	close(fd);
	errno = err;
	return n;
}

static void do_action(struct action *action, char *buffer)
{
	bool refused = !strcmp(action->verb, "refused");
	unsigned int i;
	ssize_t n;

	if (!strcmp(action->verb, "rmmod"))
		n = syscall(SYS_delete_module, action->path, O_NONBLOCK);
	else if (!strcmp(action->verb, "pause"))
		n = usleep(atoi(action->path) * 1000);
	else if (!strcmp(action->verb, "share"))
		n = read(action->shared_fd, buffer, BUFFER_BYTES);
	else
		n = action_on_file(action, buffer);
	action->done += (n < 0) == refused;
	if (n >= 0 && !refused)
		return;
	if (n < 0 && stop && errno == EINTR)
		return;
	for (i = 0; n < 0 && i < NR_ERRNOS; i++) {
		if (errno != expected_errnos[i])
			continue;
		action->failed[i]++;
		return;
	}
	die("%s %s %s: %s", action->verb, action->path, action->rest,
	    n < 0 ? strerror(errno) : "not refused");
}

static void *run_loop(void *arg)
{
	struct loop *loop = arg;
	unsigned int i;

	for (; !stop; loop->rounds++)
		for (i = 0; i < loop->nr_actions; i++)
			do_action(&loop->actions[i], loop->buffer);
	return NULL;
}

/* The fd already open for @path, or a new one. */
static int open_shared(const char *path)
{
	struct action *action;
	struct loop *loop;
	int fd;

	for (loop = loops; loop < loops + LOOPS_MAX; loop++)
		for (action = loop->actions; action < loop->actions + loop->nr_actions; action++)
			if (action->shared_fd && !strcmp(action->path, path))
				return action->shared_fd;
	fd = open(path, O_RDONLY);
	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	return fd;
}

static void parse_action(struct action *action, char *words)
{
	static const char * const verbs[] = {
		"write", "refused", "ask", "read", "readat", "writeat",
		"follow", "share", "insmod", "rmmod", "pause",
	};
	unsigned int i;
	char *rest;

	action->verb = strtok_r(words, " ", &rest);
	action->path = strtok_r(NULL, " ", &rest);
	action->rest = rest;
	if (action->path && !strcmp(action->verb, "share"))
		action->shared_fd = open_shared(action->path);
	for (i = 0; action->verb && i < sizeof(verbs) / sizeof(*verbs); i++)
		if (!strcmp(verbs[i], action->verb) && action->path)
			return;
	die("unknown action or missing argument: '%s'", words);
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
		if (loop->nr_actions == ACTIONS_MAX)
			die("more than %d actions in a loop", ACTIONS_MAX);
		parse_action(&loop->actions[loop->nr_actions], words);
		loop->nr_actions++;
	}
}

static bool report(const struct loop *loop)
{
	bool good = true;
	unsigned int i, j;

	for (i = 0; i < loop->nr_actions; i++) {
		const struct action *action = &loop->actions[i];

		printf("%lu of %lu: %s %s %.60s\n", action->done, loop->rounds,
		       action->verb, action->path, action->rest);
		for (j = 0; j < NR_ERRNOS; j++)
			if (action->failed[j])
				printf("\t%lu %s\n", action->failed[j],
				       strerrorname_np(expected_errnos[j]));
		good = good && action->done;
	}
	return good;
}

static void ignore(int signal)
{
	(void)signal;
}

/* Signals interrupt a blocking read() of a shared file. */
static void join_loop(struct loop *loop)
{
	while (pthread_tryjoin_np(loop->thread, NULL)) {
		pthread_kill(loop->thread, SIGUSR1);
		usleep(10000);
	}
}

int main(int argc, char **argv)
{
	struct sigaction wakeup = { .sa_handler = ignore };
	int nr_loops = argc - 2, i;
	bool good = true;

	if (nr_loops < 1 || nr_loops > LOOPS_MAX)
		die("usage: race SECONDS LOOP... (1 to %d loops)", LOOPS_MAX);
	sigaction(SIGUSR1, &wakeup, NULL);
	for (i = 0; i < nr_loops; i++)
		parse_loop(&loops[i], argv[i + 2]);
	for (i = 0; i < nr_loops; i++)
		if (pthread_create(&loops[i].thread, NULL, run_loop, &loops[i]))
			die("cannot create a thread");
	sleep(atoi(argv[1]));
	stop = true;
	for (i = 0; i < nr_loops; i++) {
		join_loop(&loops[i]);
		good = report(&loops[i]) && good;
	}
	if (!good)
		die("an action never succeeded");
	return 0;
}
