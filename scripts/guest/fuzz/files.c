// SPDX-License-Identifier: GPL-2.0
/* The files, and the errnos that reads and writes of each may return. */
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "fuzz.h"

/* A bit per errno: EOVERFLOW is 75. */
typedef unsigned __int128 errnos_t;

#define E(err)	((errnos_t)1 << (err))
/* Any file: invalid command, user memory fault, out of memory. */
#define ANY	(E(EINVAL) | E(EFAULT) | E(ENOMEM))
#define FRAMES	(E(EOVERFLOW) | E(ENXIO) | E(EPERM) | E(EBUSY))

static const struct {
	const char *name;
	errnos_t write_errnos;
	errnos_t read_errnos;
} files[FILES_AND_RINGS] = {
	[FILE_MEM] = { "phys/mem", ANY | E(EROFS) | FRAMES, ANY | FRAMES },
	[FILE_SPAN] = { "phys/span", ANY | E(ERANGE) | E(EEXIST) | E(EROFS) | FRAMES,
			 ANY },
	[FILE_LOAD_KDATA] = { "heki/load_kdata", ANY | E(EEXIST) | FRAMES, ANY },
	[FILE_PATCH_TEXT] = { "heki/patch_text", ANY | E(ENOENT) | E(EACCES) |
			      E(EEXIST) | FRAMES, ANY },
	[FILE_REQUEST] = { "heki/request", ANY | E(ENOENT) | E(EACCES) | FRAMES,
			   ANY },
	[FILE_END_OF_BOOT] = { "heki/end_of_boot", ANY | E(EPERM), ANY },
	[FILE_LIVE] = { "heki/live", ANY | E(EEXIST) | E(EBUSY) | E(EPERM), ANY },
	[FILE_RING_NEW] = { "ring/new", ANY | E(EEXIST) | E(EROFS) | FRAMES, ANY },
	[FILE_RING_REMOVE] = { "ring/remove", ANY | E(ENOENT) | E(EBUSY), ANY },
	[FILE_VTLCALL] = { "vtlcall", ANY | E(ENOENT) | E(EACCES) | E(EEXIST) |
			   E(EROFS) | E(ENOSYS) | FRAMES, ANY },
	[FILE_RAM] = { "phys/ram", ANY | E(EBADF), ANY },
	[FILE_OWNED] = { "phys/owned", ANY | E(EBADF), ANY },
	[FILE_PROTECTED] = { "phys/protected", ANY | E(EBADF), ANY },
	[FILE_STATS] = { "phys/stats", ANY | E(EBADF), ANY },
	[FILE_PATCHES] = { "heki/patches", ANY | E(EBADF), ANY },
	[FILE_VERDICTS] = { "heki/verdicts", ANY | E(EBADF), ANY },
	[FILE_RING_WRITE] = { "write", ANY | FRAMES | E(ENOENT), ANY },
	[FILE_RING_SNAPSHOT] = { "snapshot", ANY | E(EBADF), ANY | E(ENOENT) | FRAMES },
	[FILE_RING_STREAM] = { "stream", ANY | E(EBADF), ANY | E(EAGAIN) |
			       E(ESPIPE) | FRAMES },
	[FILE_RING_STATE] = { "state", ANY | E(EBADF), ANY | E(ENOENT) },
};

static int kept_fds[FILES];
static bool kept_fds_valid;

/* By file, direction and errno. Unlocked: concurrent updates may be lost. */
#define ERRNOS	128
static unsigned long tally[FILES_AND_RINGS][2][ERRNOS + 1];

const char *file_name(enum file file)
{
	return files[file].name;
}

static int open_at(enum file file)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", run.dir, files[file].name);
	fd = open(path, (file < FILES_WITH_COMMANDS ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (fd < 0)
		fail("cannot open %s: %m", path);
	return fd;
}

int file_open(enum file file, bool fresh)
{
	if (fresh)
		return open_at(file);
	if (!kept_fds_valid) {
		memset(kept_fds, -1, sizeof(kept_fds));
		kept_fds_valid = true;
	}
	if (kept_fds[file] < 0)
		kept_fds[file] = open_at(file);
	return kept_fds[file];
}

int ring_open(const char *ring, enum file file, int flags)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/ring/%s/%s", run.dir, ring, files[file].name);
	return open(path, flags | O_CLOEXEC);
}

void file_close(int fd, bool fresh)
{
	if (fresh)
		close(fd);
}

void file_outcome(enum file file, bool writing, int err)
{
	errnos_t allowed = writing ? files[file].write_errnos : files[file].read_errnos;

	tally[file][writing][err < ERRNOS ? err : ERRNOS]++;
	if (err && (err >= ERRNOS || !(allowed & E(err))))
		fail("%s of %s returned %s, which is not in its contract",
		     writing ? "write" : "read", files[file].name, strerror(err));
}

void files_report(FILE *out)
{
	unsigned int file, writing, err;

	for (file = 0; file < FILES_AND_RINGS; file++) {
		for (writing = 0; writing < 2; writing++) {
			const unsigned long *count = tally[file][writing];
			bool any = false;

			for (err = 0; err <= ERRNOS; err++) {
				if (!count[err])
					continue;
				if (!any)
					fprintf(out, "tally %s %s", writing ? "write" : "read",
						files[file].name);
				any = true;
				if (err == ERRNOS)
					fprintf(out, " other %lu", count[err]);
				else
					fprintf(out, " %s %lu", err ? strerrorname_np(err) : "done",
						count[err]);
			}
			if (any)
				fprintf(out, "\n");
		}
	}
}

char *file_slurp(const char *path, size_t *len)
{
	size_t room = 65536, have = 0;
	char *text = malloc(room);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		fail("cannot open %s: %m", path);
	while ((n = read(fd, text + have, room - have - 1)) > 0) {
		have += n;
		if (room - have < 4096) {
			room *= 2;
			text = realloc(text, room);
		}
	}
	if (n < 0)
		fail("cannot read %s: %m", path);
	close(fd);
	text[have] = '\0';
	if (len)
		*len = have;
	return text;
}

char *file_text(enum file file, size_t *len)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", run.dir, files[file].name);
	return file_slurp(path, len);
}
