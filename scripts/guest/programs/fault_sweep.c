// SPDX-License-Identifier: GPL-2.0
/*
 * fault_sweep [--undo ACT]... [--after ACT] [--watch FILE:OFFSET:LEN]... ACT
 *
 * Does ACT over and over while the kernel lets its first, second, third...
 * allocation (or copy from and to user memory) fail, until there is none left
 * to fail. Where these are a great many, not all but a sample of those in the
 * middle, see next_to_fail(). An ACT that failed must have said ENOMEM or EFAULT
 * and left everything as it was; one that got by without what it was refused
 * must have done the same as always. ACTs:
 *
 *   write FILE WORD...       one write() of the words and a newline
 *   ask FILE WORD...         the same, and what is then read from the open file,
 *                            once more where reading fails
 *   read FILE
 *   take FILE                one read()
 *   copyout FILE OFFSET LEN  one pread(), one pwrite() of a pattern
 *   copyin FILE OFFSET LEN
 *   insmod FILE [PARAMETERS]
 *   rmmod NAME
 *
 * "As it was" is what lvbs tells of itself, see take_state(), and the ranges of
 * --watch. Each --undo in turn takes a success back. --after begins behind as
 * many allocations as another act makes, which may fail by itself.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "die.h"

#define LVBS		"/sys/kernel/debug/lvbs"
#define ATTEMPTS_MAX	20000
#define DENSE_FIRST	60
#define DENSE_LAST	150
#define SAMPLE_STRIDE	37
#define WATCHES_MAX	8
#define UNDO_MAX	4
#define OWNERS_MAX	64

struct text {
	char *bytes;
	size_t len;
	size_t room;
};

/* Room for @more bytes; touched, so that no page fault comes of using it. */
static char *text_room(struct text *text, size_t more)
{
	if (text->room - text->len < more) {
		text->room = 2 * text->room + more;
		text->bytes = realloc(text->bytes, text->room);
		if (!text->bytes)
			die("out of memory");
		memset(text->bytes + text->len, 0, text->room - text->len);
	}
	return text->bytes + text->len;
}

static void text_add(struct text *text, const void *bytes, size_t len)
{
	memcpy(text_room(text, len + 1), bytes, len);
	text->len += len;
	text->bytes[text->len] = '\0';
}

/*
 * How many things there are. Which frames they are on differs from time to
 * time, and so the number of runs that phys/owned and phys/protected list.
 */
static size_t things_in(const struct text *text)
{
	static const char of_owned[] = LVBS "/phys/owned ";
	static const char of_protected[] = LVBS "/phys/protected ";
	const char *owners[OWNERS_MAX];
	size_t things = 0, nr_owners = 0, len, i;
	const char *line, *end, *owner;

	for (line = text->bytes; line < text->bytes + text->len;
	     line = end + 1) {
		end = memchr(line, '\n', text->bytes + text->len - line);
		if (!end)
			break;
		if (!strncmp(line, of_owned, strlen(of_owned)))
			continue;
		if (strncmp(line, of_protected, strlen(of_protected))) {
			things++;
			continue;
		}
		owner = strchr(line + strlen(of_protected), ' ');
		len = end - owner;
		for (i = 0; i < nr_owners; i++)
			if (!strncmp(owners[i], owner, len + 1))
				break;
		if (i < nr_owners)
			continue;
		if (nr_owners == OWNERS_MAX)
			die("too many owners");
		owners[nr_owners++] = owner;
		things++;
	}
	return things;
}

static bool same(const struct text *a, const struct text *b)
{
	return a->len == b->len && !memcmp(a->bytes, b->bytes, a->len);
}

static int fail_nth_fd;

static void fail_nth_set(unsigned int n)
{
	char word[16];
	int len = snprintf(word, sizeof(word), "%u", n);

	/* Setting it may itself be what fails next, which leaves 0. */
	while (pwrite(fail_nth_fd, word, len, 0) != len)
		if (errno != EFAULT || n)
			die("fail-nth: %s", strerror(errno));
}

/* Whether it has come to failing since it was set. */
static bool fail_nth_clear(void)
{
	char word[16] = "";
	ssize_t n = pread(fail_nth_fd, word, sizeof(word) - 1, 0);

	/* Where reading fails, what was left has just been used up. */
	if (n < 0)
		return false;
	fail_nth_set(0);
	return !strcmp(word, "0\n");
}

/*
 * The state: a line for each thing that must not change by a failure.
 */

static struct {
	char *path;
	off_t offset;
	size_t len;
} watches[WATCHES_MAX];
static unsigned int nr_watches;

/* The lines of a file that begin with one of @keys, or all. */
static void add_file(struct text *state, const char *path,
		     const char *const *keys)
{
	size_t i, room = 256, len;
	char *line = NULL;
	FILE *file = fopen(path, "r");

	if (!file)
		return;
	while (getline(&line, &room, file) > 0) {
		for (i = 0; keys && keys[i]; i++)
			if (!strncmp(line, keys[i], strlen(keys[i])))
				break;
		if (keys && !keys[i])
			continue;
		len = strlen(path);
		text_add(state, path, len);
		text_add(state, " ", 1);
		text_add(state, line, strlen(line));
	}
	free(line);
	fclose(file);
}

static void add_rings(struct text *state)
{
	/* The log goes on whatever else fails. */
	static const char *const of_logs[] = {
		"size:", "mode:", "base:", "pages:", NULL
	};
	static const char *const of_others[] = {
		"size:", "mode:", "base:", "pages:", "offset:", "total:", "oldest:",
		NULL
	};
	DIR *dir = opendir(LVBS "/ring");
	struct dirent *entry;
	char path[512];

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		bool log = !strcmp(entry->d_name, "log") ||
			   !strcmp(entry->d_name, "vtl0");

		snprintf(path, sizeof(path), LVBS "/ring/%s/state",
			 entry->d_name);
		add_file(state, path, log ? of_logs : of_others);
	}
	closedir(dir);
}

static void add_watches(struct text *state)
{
	unsigned int i;

	for (i = 0; i < nr_watches; i++) {
		int fd = open(watches[i].path, O_RDONLY);
		char *to = text_room(state, watches[i].len + 1);

		if (pread(fd, to, watches[i].len, watches[i].offset) !=
		    (ssize_t)watches[i].len)
			die("%s: %s", watches[i].path, strerror(errno));
		state->len += watches[i].len;
		close(fd);
	}
}

static void take_state(struct text *state)
{
	static const char *const of_stats[] = { "live:", "leaked:", NULL };
	static const char *const of_modules[] = { "lvbs ", "heki_client ", NULL };

	state->len = 0;
	add_file(state, "/proc/modules", of_modules);
	add_file(state, LVBS "/phys/stats", of_stats);
	add_file(state, LVBS "/phys/owned", NULL);
	add_file(state, LVBS "/phys/protected", NULL);
	add_file(state, LVBS "/heki/patches", NULL);
	add_file(state, LVBS "/heki/live", NULL);
	add_file(state, LVBS "/heki/end_of_boot", NULL);
	add_rings(state);
	add_watches(state);
}

static void show_difference(const struct text *before, const struct text *after)
{
	size_t i = 0, from;

	while (i < before->len && i < after->len &&
	       before->bytes[i] == after->bytes[i])
		i++;
	for (from = i; from && before->bytes[from - 1] != '\n'; from--)
		;
	fprintf(stderr, "before: %.120s\nafter: %.120s\n",
		before->len ? before->bytes + from : "",
		after->len ? after->bytes + from : "");
}

/*
 * The acts: 0 or a negative errno. What they read is in answer.
 */

static struct text answer;

/* What was asked for is done, whatever fails of its answer: that still waits. */
static ssize_t read_answer(int fd)
{
	char *to = text_room(&answer, 4096);
	ssize_t n = read(fd, to, 4096);

	return n < 0 && (errno == EFAULT || errno == ENOMEM) ?
	       read(fd, to, 4096) : n;
}

static int act_write(const char *path, const char *words, bool ask)
{
	int fd = open(path, ask ? O_RDWR : O_WRONLY), err = 0;
	size_t len = strlen(words);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, words, len);
	if (n < 0)
		err = -errno;
	else if ((size_t)n != len)
		die("%s: a short write", path);
	while (!err && ask) {
		n = read_answer(fd);
		if (n < 0)
			err = -errno;
		if (n <= 0)
			break;
		answer.len += n;
	}
	close(fd);
	return err;
}

static int act_read(const char *path, bool once)
{
	int fd = open(path, O_RDONLY), err = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		n = read(fd, text_room(&answer, 65536), 65536);
		if (n < 0)
			err = -errno;
		else
			answer.len += n;
	} while (n > 0 && !once);
	close(fd);
	return err;
}

static int act_copy(const char *path, const char *range, bool out)
{
	int fd = open(path, out ? O_RDONLY : O_WRONLY), err = 0;
	unsigned long long offset, len;
	ssize_t n;

	if (fd < 0)
		return -errno;
	if (sscanf(range, "%lli %lli", &offset, &len) != 2)
		die("'%s' is no range", range);
	text_room(&answer, len);
	if (out)
		n = pread(fd, answer.bytes, len, offset);
	else
		n = pwrite(fd, memset(answer.bytes, 'w', len), len, offset);
	if (n < 0)
		err = -errno;
	else if ((size_t)n != len)
		/* It stops short where it cannot go on. */
		err = -ENOMEM;
	answer.len = err ? 0 : len;
	close(fd);
	return err;
}

static int act_insmod(const char *path, const char *parameters)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, parameters, 0))
		err = -errno;
	close(fd);
	return err;
}

static int do_act(const char *what)
{
	static char copy[65536];
	char *verb = copy, *path, *rest;

	answer.len = 0;
	if (strlen(what) + 2 > sizeof(copy))
		die("too long a command");
	strcat(strcpy(copy, what), "\n");
	path = strchr(copy, ' ');
	if (!path)
		die("what is '%s'?", what);
	*path++ = '\0';
	rest = path + strcspn(path, " \n");
	if (*rest)
		*rest++ = '\0';

	if (!strcmp(verb, "write") || !strcmp(verb, "ask"))
		return act_write(path, rest, !strcmp(verb, "ask"));
	if (!strcmp(verb, "read") || !strcmp(verb, "take"))
		return act_read(path, !strcmp(verb, "take"));
	if (!strcmp(verb, "copyout") || !strcmp(verb, "copyin"))
		return act_copy(path, rest, !strcmp(verb, "copyout"));
	rest[strcspn(rest, "\n")] = '\0';
	if (!strcmp(verb, "insmod"))
		return act_insmod(path, rest);
	if (!strcmp(verb, "rmmod"))
		return syscall(SYS_delete_module, path, O_NONBLOCK) ? -errno : 0;
	die("what is '%s'?", what);
}

static int do_act_counting(const char *what, unsigned int *allocations)
{
	char word[16] = "";
	int err;

	fail_nth_set(ATTEMPTS_MAX);
	err = do_act(what);
	if (pread(fail_nth_fd, word, sizeof(word) - 1, 0) <= 0)
		die("fail-nth: %s", strerror(errno));
	fail_nth_set(0);
	*allocations = ATTEMPTS_MAX - atoi(word);
	return err;
}

static const char *undo[UNDO_MAX];
static unsigned int nr_undo;
static struct text before, after;
static size_t things_before, things_after;
static struct text usual_answer;
static bool answer_is_constant;

/* An act succeeded: it must have done what it usually does. */
static void check_success(unsigned int n)
{
	unsigned int i;
	int err;

	take_state(&after);
	if (things_in(&after) != things_after) {
		show_difference(&before, &after);
		die("%u: succeeded, but %zu things of state are %zu", n,
		    things_after, things_in(&after));
	}
	if (answer_is_constant && !same(&answer, &usual_answer))
		die("%u: succeeded with another answer", n);
	if (!nr_undo)
		return;
	for (i = 0; i < nr_undo; i++) {
		err = do_act(undo[i]);
		if (err)
			die("%u: '%s': %s", n, undo[i], strerror(-err));
	}
	take_state(&after);
	if (things_in(&after) != things_before) {
		show_difference(&before, &after);
		die("%u: undone, but %zu things of state are %zu", n,
		    things_before, things_in(&after));
	}
}

static void check_failure(unsigned int n, int err)
{
	if (err != -ENOMEM && err != -EFAULT)
		die("%u: failed with '%s'", n, strerror(-err));
	take_state(&after);
	if (!same(&before, &after)) {
		show_difference(&before, &after);
		die("%u: failed with '%s', and changed something", n,
		    strerror(-err));
	}
}

/* What an act does when nothing fails; returns its number of allocations. */
static unsigned int see_the_usual(const char *what)
{
	unsigned int allocations;
	int err;

	take_state(&before);
	things_before = things_in(&before);
	err = do_act_counting(what, &allocations);
	if (err)
		die("fails by itself: %s", strerror(-err));
	text_add(&usual_answer, answer.len ? answer.bytes : "", answer.len);
	answer_is_constant = strncmp(what, "read ", 5);
	take_state(&after);
	things_after = things_in(&after);
	check_success(0);
	return allocations;
}

static unsigned int allocations_of(const char *what)
{
	unsigned int allocations;

	do_act_counting(what, &allocations);
	return allocations;
}

/*
 * To begin anew thousands of times takes hours, and what makes so many
 * allocations is loops. So of @all those near both ends are let fail one by one,
 * as each of them is for something else, and in between every
 * SAMPLE_STRIDE-th. A loop over tables is followed by more than precedes it;
 * and the first time, which was counted, makes up to a tenth more than others.
 */
static unsigned int next_to_fail(unsigned int n, unsigned int all)
{
	if (n < DENSE_FIRST || n + SAMPLE_STRIDE + DENSE_LAST + all / 10 > all)
		return n + 1;
	return n + SAMPLE_STRIDE;
}

static void watch(char *argument)
{
	char *end = strrchr(argument, ':');

	if (!end || nr_watches == WATCHES_MAX)
		die("'%s' cannot be watched", argument);
	*end = '\0';
	watches[nr_watches].len = strtoull(end + 1, NULL, 0);
	end = strrchr(argument, ':');
	if (!end)
		die("'%s' cannot be watched", argument);
	*end = '\0';
	watches[nr_watches].offset = strtoull(end + 1, NULL, 0);
	watches[nr_watches++].path = argument;
}

int main(int argc, char **argv)
{
	unsigned int n, all, first = 1, tried = 0, failed = 0, tolerated = 0;
	const char *after_act = NULL;
	bool injected = false;
	int err;

	for (argv++; argc > 2 && !strncmp(*argv, "--", 2); argv++, argc--) {
		if (!strcmp(*argv, "--undo") && nr_undo < UNDO_MAX)
			undo[nr_undo++] = argv[1];
		else if (!strcmp(*argv, "--after"))
			after_act = argv[1];
		else if (!strcmp(*argv, "--watch"))
			watch(argv[1]);
		else
			die("unknown option %s", *argv);
		argv++, argc--;
	}
	if (argc != 2)
		die("usage: see the head of fault_sweep.c");

	/* A page fault of ours would be a failure of no interest. */
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		die("mlockall: %s", strerror(errno));
	fail_nth_fd = open("/proc/thread-self/fail-nth", O_RDWR);
	if (fail_nth_fd < 0)
		die("this kernel has no /proc/PID/fail-nth");

	all = see_the_usual(*argv);
	if (after_act)
		first = allocations_of(after_act) + 1;
	for (n = first; n < ATTEMPTS_MAX;
	     n = first + next_to_fail(n - first, all - first)) {
		take_state(&before);
		text_room(&answer, 1 << 20);
		fail_nth_set(n);
		err = do_act(*argv);
		injected = fail_nth_clear();

		if (!err)
			check_success(n);
		else if (injected)
			check_failure(n, err);
		else
			die("%u: failed with nothing to fail: %s", n,
			    strerror(-err));
		failed += !!err;
		tolerated += !err && injected;
		if (!injected)
			break;
		tried++;
	}
	printf("%u failed, %u tolerated, of %u tried among %u\n", failed,
	       tolerated, tried, n - first);
	if (!failed)
		die("no failure was seen: nothing was tested");
	return injected;
}
