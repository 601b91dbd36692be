// SPDX-License-Identifier: GPL-2.0
/* State that the module reports; a command that fails must not change it. */
#include <dirent.h>

#include "fuzz.h"

struct state {
	uint64_t protected;
	uint64_t patches;
	uint64_t rings;
	long mapped;
	size_t bytes;		/* read to get this state */
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
	/* A sum, as the order of entries is undefined. */
	while ((entry = readdir(dir)))
		h += hash(0xcbf29ce484222325, entry->d_name, strlen(entry->d_name));
	closedir(dir);
	return h;
}

static struct state read_state(char **protected)
{
	struct state now = { .bytes = 0 };

	now.protected = hash_file(FILE_PROTECTED, &now.bytes, protected);
	/* Skip the thousands of unchanging lines that live mode adds. */
	now.patches = run.live ? 0 : hash_file(FILE_PATCHES, &now.bytes, NULL);
	now.rings = hash_rings();
	now.mapped = state_stat("live");
	if (state_stat("leaked"))
		fail("a mapping was leaked");
	if (run.live)
		now.mapped = 0;
	return now;
}

/* Set protected and in_ring of the pool's pages from phys/protected. */
static void update_protection(const char *text)
{
	unsigned long long start, end;
	unsigned int i;
	int at;

	pool_resync(true);
	pool_forget_protection();
	for (; *text; text = strchr(text, '\n') + 1) {
		if (sscanf(text, "0x%llx-0x%llx%n", &start, &end, &at) != 2)
			fail("cannot parse this line of phys/protected: %.40s", text);
		for (i = 0; i < pool_pages; i++) {
			uint64_t pa = page_pa(&pool[i]);

			if (pa < start || pa > end)
				continue;
			pool[i].protected = true;
			pool[i].in_ring |= !strncmp(text + at, " ring ", 6);
		}
	}
}

void state_update(void)
{
	char *protected;

	if (run.racing)
		return;
	known = read_state(&protected);
	update_protection(protected);
	free(protected);
}

void state_check(void)
{
	struct state now;

	/* The cheaper a check is, the more often it is done. */
	if (run.racing || run.index % (1 + known.bytes / 1024))
		return;
	now = read_state(NULL);
	if (now.protected != known.protected)
		fail("failed but changed phys/protected");
	if (now.patches != known.patches)
		fail("failed but changed heki/patches");
	if (now.rings != known.rings)
		fail("failed but added or removed a ring");
	if (now.mapped != known.mapped)
		fail("failed but left %ld mappings instead of %ld", now.mapped, known.mapped);
}
