// SPDX-License-Identifier: GPL-2.0
/*
 * Rings that this process created, with the expected contents of each: the last
 * bytes of everything written to it.
 */
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "fuzz.h"

#define RINGS_MAX	16
#define RECORD_MAX	300000

struct ring {
	char name[40];
	size_t size;
	uint64_t total;
	uint8_t *tail;		/* the last @size bytes written, newest last */
};

static struct ring rings[RINGS_MAX];
static unsigned int nr_rings;
/* While other threads create and remove rings, use these names blindly. */
static const char * const racing_names[] = { "r0", "r1", "r2", "vtl0", "log" };

void rings_remove_all(void)
{
	int fd = file_open(FILE_RING_REMOVE, true);

	while (nr_rings) {
		const struct ring *ring = &rings[--nr_rings];

		set_command("ring/remove: %s", ring->name);
		if (write(fd, ring->name, strlen(ring->name)) < 0)
			fail("cannot remove ring %s: %m", ring->name);
		free(ring->tail);
	}
	close(fd);
}

unsigned int rings_nr(void)
{
	return run.racing ? 0 : nr_rings;
}

const char *rings_random(struct rnd *r)
{
	if (run.racing || !nr_rings)
		return racing_names[rnd_below(r, ARRAY_SIZE(racing_names))];
	return rings[rnd_below(r, nr_rings)].name;
}

static bool first_word(const char *text, char *word)
{
	return sscanf(text, "%39[^ \t\n]", word) == 1 ||
	       sscanf(text, " %39[^ \t\n]", word) == 1;
}

void rings_added(const char *text)
{
	struct ring *ring = &rings[nr_rings];
	char path[128], *state;

	if (run.racing)
		return;
	if (nr_rings == RINGS_MAX)
		die("too many rings");
	while (strchr(" \t\n", *text))
		text++;
	if (!first_word(text, ring->name))
		fail("created a ring without a name");
	snprintf(path, sizeof(path), "%s/ring/%s/state", run.dir, ring->name);
	state = file_slurp(path, NULL);
	if (sscanf(state, "size: %zu\n", &ring->size) != 1)
		fail("cannot parse %s", path);
	free(state);
	ring->total = 0;
	ring->tail = calloc(1, ring->size);
	nr_rings++;
}

void rings_removed(const char *text)
{
	char name[40];
	unsigned int i;

	if (run.racing)
		return;
	while (strchr(" \t\n", *text))
		text++;
	if (!first_word(text, name))
		fail("removed a ring without a name");
	for (i = 0; i < nr_rings; i++) {
		if (strcmp(rings[i].name, name))
			continue;
		free(rings[i].tail);
		rings[i] = rings[--nr_rings];
		return;
	}
	if (strcmp(name, "vtl0"))
		fail("removed ring %s, which was never created", name);
}

static struct ring *find(const char *name)
{
	unsigned int i;

	for (i = 0; !run.racing && i < nr_rings; i++)
		if (!strcmp(rings[i].name, name))
			return &rings[i];
	return NULL;
}

static void expect_record(struct ring *ring, const uint8_t *data, size_t len)
{
	ring->total += len;
	if (len >= ring->size) {
		memcpy(ring->tail, data + len - ring->size, ring->size);
		return;
	}
	memmove(ring->tail, ring->tail + len, ring->size - len);
	memcpy(ring->tail + ring->size - len, data, len);
}

static size_t record_len(struct rnd *r, size_t size)
{
	switch (rnd_below(r, 8)) {
	case 0:
		return size - 1 + rnd_below(r, 3);
	case 1:
		return rnd_below(r, 2 * size + 2);
	case 2:
		return PAGE * (1 + rnd_below(r, 20)) - 1 + rnd_below(r, 3);
	case 3:
		return rnd_below(r, size + 1);
	default:
		return rnd_below(r, 200);
	}
}

void rings_write(struct rnd *r)
{
	static __thread uint8_t data[RECORD_MAX];
	const char *name = rings_random(r);
	struct ring *ring = find(name);
	size_t len = min(record_len(r, ring ? ring->size : 4096), sizeof(data));
	uint64_t pattern = rnd64(r);
	ssize_t n;
	size_t i;
	int fd;

	for (i = 0; i + 8 <= len; i += 8, pattern = pattern * 5 + 1)
		memcpy(data + i, &pattern, 8);
	set_command("ring/%s/write: %zu bytes", name, len);
	fd = ring_open(name, FILE_RING_WRITE, O_WRONLY);
	if (fd < 0) {
		if (ring)
			fail("cannot open ring %s: %m", name);
		return;
	}
	n = write(fd, data, len);
	file_outcome(FILE_RING_WRITE, true, n < 0 ? errno : 0);
	close(fd);
	if (!ring)
		return;
	if (n != (ssize_t)len)
		fail("wrote %zd of %zu bytes", n, len);
	expect_record(ring, data, len);
}

static void check_bytes(const struct ring *ring, const uint8_t *buf, size_t len)
{
	size_t have = min((uint64_t)ring->size, ring->total);

	if (len > have || memcmp(buf, ring->tail + ring->size - have, len))
		fail("%zu bytes of ring %s (size %zu, total %llu) are not the oldest ones",
		     len, ring->name, ring->size, (unsigned long long)ring->total);
}

void rings_read(struct rnd *r)
{
	static const enum file readers[] = {
		FILE_RING_SNAPSHOT, FILE_RING_STREAM, FILE_RING_STATE,
	};
	enum file reader = readers[rnd_below(r, ARRAY_SIZE(readers))];
	static __thread uint8_t buf[RECORD_MAX];
	const char *name = rings_random(r);
	struct ring *ring = find(name);
	size_t len = rnd_one_in(r, 2) ? sizeof(buf) : rnd_below(r, 5000);
	struct pollfd poll_fd = { .events = POLLIN };
	size_t have;
	ssize_t n;
	int fd;

	set_command("ring/%s/%s: read of %zu bytes", name, file_name(reader), len);
	fd = ring_open(name, reader, O_RDONLY | O_NONBLOCK);
	if (fd < 0) {
		if (ring)
			fail("cannot open ring %s: %m", name);
		return;
	}
	poll_fd.fd = fd;
	if (rnd_one_in(r, 4) && poll(&poll_fd, 1, 0) < 0)
		fail("poll: %m");
	n = read(fd, buf, len);
	file_outcome(reader, false, n < 0 ? errno : 0);
	if (ring && reader != FILE_RING_STATE) {
		have = min((uint64_t)ring->size, ring->total);
		if (n > 0)
			check_bytes(ring, buf, n);
		else if (len && have && n <= 0)
			fail("read %zd bytes, with %zu available", n, have);
		/* A snapshot can also be read at any offset. */
		if (reader == FILE_RING_SNAPSHOT && have) {
			off_t at = rnd_below(r, have);

			n = pread(fd, buf, have - at, at);
			if (n != (ssize_t)(have - at) ||
			    memcmp(buf, ring->tail + ring->size - have + at, n))
				fail("pread at %lld returned %zd or wrong bytes", (long long)at, n);
		}
	}
	close(fd);
}
