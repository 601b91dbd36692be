// SPDX-License-Identifier: GPL-2.0
/*
 * What the module says of itself in its status files; a command that failed has
 * changed none of it.
 */
#include <dirent.h>

#include "fuzz.h"

struct state {
	uint64_t protected;
	uint64_t patches;
	uint64_t rings;
	long mapped;
	size_t bytes;		/* that had to be read for it */
};

static struct state known;

/* FNV-1a. */
static uint64_t hash(uint64_t h, const char *text, size_t len)
{
	while (len--)
		h = (h ^ (uint8_t)*text++) * 0x100000001b3;
	return h;
}

long state_stat(const char *key)
{
	char *text = file_text(FILE_STATS, NULL), *at = strstr(text, key);
	long value;

	if (!at || sscanf(at + strlen(key), ": %ld", &value) != 1)
		fail("phys/stats has no %s", key);
	free(text);
	return value;
}

static uint64_t hash_file(enum file file, size_t *bytes, char **keep)
{
	size_t len;
	char *text = file_text(file, &len);
	uint64_t h = hash(0xcbf29ce484222325, text, len);

	*bytes += len;
	if (keep)
		*keep = text;
	else
		free(text);
	return h;
}

static uint64_t hash_rings(void)
{
	struct dirent *entry;
	uint64_t h = 0;
	char path[256];
	DIR *dir;

	snprintf(path, sizeof(path), "%s/ring", run.dir);
	dir = opendir(path);
	if (!dir)
		fail("cannot open %s: %m", path);
	/* A sum: the order means nothing. */
	while ((entry = readdir(dir)))
		h += hash(0xcbf29ce484222325, entry->d_name, strlen(entry->d_name));
	closedir(dir);
	return h;
}

static struct state look(char **protected)
{
	struct state now = { .bytes = 0 };

	now.protected = hash_file(FILE_PROTECTED, &now.bytes, protected);
	/* In live mode some thousand lines, and the same ones always. */
	now.patches = run.live ? 0 : hash_file(FILE_PATCHES, &now.bytes, NULL);
	now.rings = hash_rings();
	now.mapped = state_stat("live");
	if (state_stat("leaked"))
		fail("a mapping was leaked");
	if (run.live)
		now.mapped = 0;
	return now;
}

/* Which of our pages are protected, and which of these by a ring. */
static void learn_protection(const char *text)
{
	unsigned long long start, end;
	unsigned int i;
	int at;

	pool_resync(true);
	pool_forget_protection();
	for (; *text; text = strchr(text, '\n') + 1) {
		if (sscanf(text, "0x%llx-0x%llx%n", &start, &end, &at) != 2)
			fail("phys/protected has a strange line: %.40s", text);
		for (i = 0; i < pool_pages; i++) {
			uint64_t pa = page_pa(&pool[i]);

			if (pa < start || pa > end)
				continue;
			pool[i].protected = true;
			pool[i].in_ring |= !strncmp(text + at, " ring ", 6);
		}
	}
}

void state_changed(void)
{
	char *protected;

	if (run.racing)
		return;
	known = look(&protected);
	learn_protection(protected);
	free(protected);
}

void state_learn(void)
{
	state_changed();
}

void state_check(void)
{
	struct state now;

	/* Often while it is cheap. */
	if (run.racing || run.index % (1 + known.bytes / 1024))
		return;
	now = look(NULL);
	if (now.protected != known.protected)
		fail("failed, and changed phys/protected");
	if (now.patches != known.patches)
		fail("failed, and changed heki/patches");
	if (now.rings != known.rings)
		fail("failed, and changed which rings there are");
	if (now.mapped != known.mapped)
		fail("failed, and left %ld mappings instead of %ld", now.mapped, known.mapped);
}
