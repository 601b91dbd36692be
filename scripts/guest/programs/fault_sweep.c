// SPDX-License-Identifier: GPL-2.0
/*
 * fault_sweep [--undo ACTION]... [--after ACTION] [--watch FILE:OFFSET:LEN]...
 *             ACTION
 *
 * Repeats ACTION while the kernel fails its first, second, third... allocation
 * or user copy, until none is left to fail. With many allocations, those in the
 * middle are sampled, see next_to_fail(). An ACTION that fails must return
 * ENOMEM or EFAULT and change no state; one that succeeds despite the failed
 * allocation must have its usual effect. ACTIONs:
 *
 *   write FILE WORD...       one write() of the words and a newline
 *   ask FILE WORD...         the same, then read the answer from the open file;
 *                            retries a read that fails
 *   read FILE                read to end-of-file
 *   take FILE                one read()
 *   copyout FILE OFFSET LEN  one pread()
 *   copyin FILE OFFSET LEN   one pwrite() of a pattern
 *   insmod FILE [PARAMETERS]
 *   rmmod NAME
 *
 * The state is what take_state() reads from lvbs's files, and the --watch
 * ranges. After a success the --undo actions, in order, restore it. --after
 * skips as many allocations as another action makes; that one may fail.
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

/* Make room for @more bytes, and touch it: later page faults would be failed. */
static char *text_reserve(struct text *text, size_t more)
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
	memcpy(text_reserve(text, len + 1), bytes, len);
	text->len += len;
	text->bytes[text->len] = '\0';
}

/*
 * Count the objects in a state. Ranges of phys/protected count once per owner,
 * those of phys/owned not at all: how many there are depends on the frames that
 * were allocated.
 */
static size_t count_objects(const struct text *text)
{
	static const char owned_prefix[] = LVBS "/phys/owned ";
	static const char protected_prefix[] = LVBS "/phys/protected ";
	const char *owners[OWNERS_MAX];
	size_t objects = 0, nr_owners = 0, len, i;
	const char *line, *end, *owner;

	for (line = text->bytes; line < text->bytes + text->len;
	     line = end + 1) {
		end = memchr(line, '\n', text->bytes + text->len - line);
		if (!end)
			break;
		if (!strncmp(line, owned_prefix, strlen(owned_prefix)))
			continue;
		if (strncmp(line, protected_prefix, strlen(protected_prefix))) {
			objects++;
			continue;
		}
		owner = strchr(line + strlen(protected_prefix), ' ');
		len = end - owner;
		for (i = 0; i < nr_owners; i++)
			if (!strncmp(owners[i], owner, len + 1))
				break;
		if (i < nr_owners)
			continue;
		if (nr_owners == OWNERS_MAX)
			die("more than %d owners in phys/protected", OWNERS_MAX);
		owners[nr_owners++] = owner;
		objects++;
	}
	return objects;
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

	/* This user copy may itself be failed, which resets fail-nth to 0. */
	while (pwrite(fail_nth_fd, word, len, 0) != len)
		if (errno != EFAULT || n)
			die("/proc/thread-self/fail-nth: %s", strerror(errno));
}

/* Disable injection. Was a failure injected since fail_nth_set()? */
static bool fail_nth_clear(void)
{
	char word[16] = "";
	ssize_t n = pread(fail_nth_fd, word, sizeof(word) - 1, 0);

	/* The pending failure hit this read: it was still unused until now. */
	if (n < 0)
		return false;
	fail_nth_set(0);
	return !strcmp(word, "0\n");
}

/*
 * State: what a failed action must not change.
 */

static struct {
	char *path;
	off_t offset;
	size_t len;
} watches[WATCHES_MAX];
static unsigned int nr_watches;

/* Add the lines of a file that begin with one of @keys; all if @keys is NULL. */
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
	/* Logs are written during the sweep: compare their shape only. */
	static const char *const log_keys[] = {
		"size:", "mode:", "base:", "pages:", NULL
	};
	static const char *const ring_keys[] = {
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
		add_file(state, path, log ? log_keys : ring_keys);
	}
	closedir(dir);
}

static void add_watches(struct text *state)
{
	unsigned int i;

	for (i = 0; i < nr_watches; i++) {
		int fd = open(watches[i].path, O_RDONLY);
		char *to = text_reserve(state, watches[i].len + 1);

		if (pread(fd, to, watches[i].len, watches[i].offset) !=
		    (ssize_t)watches[i].len)
			die("%s: %s", watches[i].path, strerror(errno));
		state->len += watches[i].len;
		close(fd);
	}
}

static void take_state(struct text *state)
{
	static const char *const stats_keys[] = { "live:", "leaked:", NULL };
	static const char *const module_keys[] = { "lvbs ", "heki_client ", NULL };

	state->len = 0;
	add_file(state, "/proc/modules", module_keys);
	add_file(state, LVBS "/phys/stats", stats_keys);
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
 * Actions: each returns 0 or a negative errno; data that it read is in answer.
 */

static struct text answer;

/* The command is done already; a failed read can be repeated. */
static ssize_t read_answer(int fd)
{
	char *to = text_reserve(&answer, 4096);
	ssize_t n = read(fd, to, 4096);

	return n < 0 && (errno == EFAULT || errno == ENOMEM) ?
	       read(fd, to, 4096) : n;
}

static int action_write(const char *path, const char *words, bool ask)
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
		die("%s: short write", path);
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

static int action_read(const char *path, bool once)
{
	int fd = open(path, O_RDONLY), err = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		n = read(fd, text_reserve(&answer, 65536), 65536);
		if (n < 0)
			err = -errno;
		else
			answer.len += n;
	} while (n > 0 && !once);
	close(fd);
	return err;
}

static int action_copy(const char *path, const char *range, bool out)
{
	int fd = open(path, out ? O_RDONLY : O_WRONLY), err = 0;
	unsigned long long offset, len;
	ssize_t n;

	if (fd < 0)
		return -errno;
	if (sscanf(range, "%lli %lli", &offset, &len) != 2)
		die("bad range '%s': want OFFSET LEN", range);
	text_reserve(&answer, len);
	if (out)
		n = pread(fd, answer.bytes, len, offset);
	else
		n = pwrite(fd, memset(answer.bytes, 'w', len), len, offset);
	if (n < 0)
		err = -errno;
	else if ((size_t)n != len)
		/* A short copy: the failure hit a later chunk. */
		err = -ENOMEM;
	answer.len = err ? 0 : len;
	close(fd);
	return err;
}

static int action_insmod(const char *path, const char *parameters)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, parameters, 0))
		err = -errno;
	close(fd);
	return err;
}

static int do_action(const char *what)
{
	static char copy[65536];
	char *verb = copy, *path, *rest;

	answer.len = 0;
	if (strlen(what) + 2 > sizeof(copy))
		die("action too long");
	strcat(strcpy(copy, what), "\n");
	path = strchr(copy, ' ');
	if (!path)
		die("missing argument: '%s'", what);
	*path++ = '\0';
	rest = path + strcspn(path, " \n");
	if (*rest)
		*rest++ = '\0';

	if (!strcmp(verb, "write") || !strcmp(verb, "ask"))
		return action_write(path, rest, !strcmp(verb, "ask"));
	if (!strcmp(verb, "read") || !strcmp(verb, "take"))
		return action_read(path, !strcmp(verb, "take"));
	if (!strcmp(verb, "copyout") || !strcmp(verb, "copyin"))
		return action_copy(path, rest, !strcmp(verb, "copyout"));
	rest[strcspn(rest, "\n")] = '\0';
	if (!strcmp(verb, "insmod"))
		return action_insmod(path, rest);
	if (!strcmp(verb, "rmmod"))
		return syscall(SYS_delete_module, path, O_NONBLOCK) ? -errno : 0;
	die("unknown action '%s'", what);
}

static int do_action_counting(const char *what, unsigned int *allocations)
{
	char word[16] = "";
	int err;

	fail_nth_set(ATTEMPTS_MAX);
	err = do_action(what);
	if (pread(fail_nth_fd, word, sizeof(word) - 1, 0) <= 0)
		die("/proc/thread-self/fail-nth: %s", strerror(errno));
	fail_nth_set(0);
	*allocations = ATTEMPTS_MAX - atoi(word);
	return err;
}

static const char *undo[UNDO_MAX];
static unsigned int nr_undo;
static struct text before, after;
static size_t objects_before, objects_after;
static struct text usual_answer;
static bool answer_is_constant;

/* Action @n succeeded: it must have had its usual effect. */
static void check_success(unsigned int n)
{
	unsigned int i;
	int err;

	take_state(&after);
	if (count_objects(&after) != objects_after) {
		show_difference(&before, &after);
		die("%u: succeeded, but left %zu objects, want %zu", n,
		    count_objects(&after), objects_after);
	}
	if (answer_is_constant && !same(&answer, &usual_answer))
		die("%u: succeeded with a different answer", n);
	if (!nr_undo)
		return;
	for (i = 0; i < nr_undo; i++) {
		err = do_action(undo[i]);
		if (err)
			die("%u: undo '%s' failed: %s", n, undo[i], strerror(-err));
	}
	take_state(&after);
	if (count_objects(&after) != objects_before) {
		show_difference(&before, &after);
		die("%u: undo left %zu objects, want %zu", n,
		    count_objects(&after), objects_before);
	}
}

static void check_failure(unsigned int n, int err)
{
	if (err != -ENOMEM && err != -EFAULT)
		die("%u: failed with '%s', want ENOMEM or EFAULT", n,
		    strerror(-err));
	take_state(&after);
	if (!same(&before, &after)) {
		show_difference(&before, &after);
		die("%u: failed with '%s' and changed state", n,
		    strerror(-err));
	}
}

/* Run the action without failures; returns its number of allocations. */
static unsigned int learn_usual_effect(const char *what)
{
	unsigned int allocations;
	int err;

	take_state(&before);
	objects_before = count_objects(&before);
	err = do_action_counting(what, &allocations);
	if (err)
		die("fails without fault injection: %s", strerror(-err));
	text_add(&usual_answer, answer.len ? answer.bytes : "", answer.len);
	answer_is_constant = strncmp(what, "read ", 5);
	take_state(&after);
	objects_after = count_objects(&after);
	check_success(0);
	return allocations;
}

static unsigned int allocations_of(const char *what)
{
	unsigned int allocations;

	do_action_counting(what, &allocations);
	return allocations;
}

/*
 * Failing each of thousands of allocations takes hours, and most of them are
 * made by loops. So each one near both ends is failed, and in the middle every
 * SAMPLE_STRIDE-th. More distinct allocations follow a loop than precede it; and
 * the counted first run makes up to a tenth more allocations than later ones.
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
		die("bad or too many --watch '%s'", argument);
	*end = '\0';
	watches[nr_watches].len = strtoull(end + 1, NULL, 0);
	end = strrchr(argument, ':');
	if (!end)
		die("bad or too many --watch '%s'", argument);
	*end = '\0';
	watches[nr_watches].offset = strtoull(end + 1, NULL, 0);
	watches[nr_watches++].path = argument;
}

int main(int argc, char **argv)
{
	unsigned int n, all, first = 1, tried = 0, failed = 0, tolerated = 0;
	const char *after_action = NULL;
	bool injected = false;
	int err;

	for (argv++; argc > 2 && !strncmp(*argv, "--", 2); argv++, argc--) {
		if (!strcmp(*argv, "--undo") && nr_undo < UNDO_MAX)
			undo[nr_undo++] = argv[1];
		else if (!strcmp(*argv, "--after"))
			after_action = argv[1];
		else if (!strcmp(*argv, "--watch"))
			watch(argv[1]);
		else
			die("unknown option %s", *argv);
		argv++, argc--;
	}
	if (argc != 2)
		die("usage: fault_sweep [--undo ACTION]... [--after ACTION] [--watch FILE:OFFSET:LEN]... ACTION");

	/* Page faults of this process must not use up the failure. */
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		die("mlockall: %s", strerror(errno));
	fail_nth_fd = open("/proc/thread-self/fail-nth", O_RDWR);
	if (fail_nth_fd < 0)
		die("no /proc/thread-self/fail-nth: needs CONFIG_FAULT_INJECTION (6.1-debug)");

	all = learn_usual_effect(*argv);
	if (after_action)
		first = allocations_of(after_action) + 1;
	for (n = first; n < ATTEMPTS_MAX;
	     n = first + next_to_fail(n - first, all - first)) {
		take_state(&before);
		text_reserve(&answer, 1 << 20);
		fail_nth_set(n);
		err = do_action(*argv);
		injected = fail_nth_clear();

		if (!err)
			check_success(n);
		else if (injected)
			check_failure(n, err);
		else
			die("%u: failed without an injected failure: %s", n,
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
		die("the action never failed: nothing was tested");
	return injected;
}
