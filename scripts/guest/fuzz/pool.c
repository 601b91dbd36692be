// SPDX-License-Identifier: GPL-2.0
/*
 * The pool: memory of this process. One huge page, if possible, for contiguous
 * frames, and single pages that are scattered.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

#define HUGE		(2U << 20)
#define SINGLES		64

/* Page index at which each zone of the huge page starts; the last is its end. */
static const unsigned int zone_start[ZONES + 1] = { 0, 256, 384, 512 };

struct pool_page *pool;
unsigned int pool_pages;

/* Hash table from frame to page, with open addressing. */
static struct pool_page *table[2048];

static void table_add(struct pool_page *page)
{
	unsigned int at = page->pfn % ARRAY_SIZE(table);

	while (table[at])
		at = (at + 1) % ARRAY_SIZE(table);
	table[at] = page;
}

struct pool_page *pool_find(uint64_t pfn)
{
	unsigned int at = pfn % ARRAY_SIZE(table);

	for (; table[at]; at = (at + 1) % ARRAY_SIZE(table))
		if (table[at]->pfn == pfn)
			return table[at];
	return NULL;
}

static uint64_t pfn_of(const void *va)
{
	static int fd = -1;
	uint64_t entry;

	if (fd < 0)
		fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (pread(fd, &entry, sizeof(entry), (uintptr_t)va / PAGE * 8) != 8 ||
	    !(entry >> 63) || !(entry & ((1ULL << 55) - 1)))
		die("/proc/self/pagemap has no frame for %p", va);
	return entry & ((1ULL << 55) - 1);
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	/* The kernel may lack the feature. */
	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		die("%s: %m", path);
	close(fd);
}

static uint8_t *map_pages(size_t len, int flags)
{
	uint8_t *va = mmap(NULL, len, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | flags,
			   -1, 0);

	if (va == MAP_FAILED)
		return NULL;
	if (mlock(va, len))
		die("mlock: %m");
	return va;
}

static void pool_add(uint8_t *va, size_t len)
{
	for (; len; len -= PAGE, va += PAGE, pool_pages++) {
		struct pool_page *page = &pool[pool_pages];

		memset(va, 0x5a, PAGE);
		page->va = va;
		page->pfn = pfn_of(va);
		page->shadow = malloc(PAGE);
		memcpy(page->shadow, va, PAGE);
		table_add(page);
	}
}

void pool_init(void)
{
	uint8_t *huge;

	/* Keep the kernel from migrating pages of the pool. */
	put("/proc/sys/vm/compact_unevictable_allowed", "0");
	put("/sys/kernel/mm/transparent_hugepage/enabled", "never");
	put("/proc/sys/vm/nr_hugepages", "1");

	pool = calloc(HUGE / PAGE + SINGLES, sizeof(*pool));
	huge = map_pages(HUGE, MAP_HUGETLB);
	if (!huge)
		huge = map_pages(HUGE, 0);
	if (!huge)
		die("cannot allocate %u bytes", HUGE);
	pool_add(huge, HUGE);
	pool_add(map_pages(SINGLES * PAGE, 0), SINGLES * PAGE);
}

struct pool_page *pool_random(struct rnd *r, enum pool_zone zone)
{
	if (zone == ZONE_DATA && rnd_one_in(r, 4))
		return &pool[zone_start[ZONES] + rnd_below(r, SINGLES)];
	return pool_random_run(r, zone, 1);
}

struct pool_page *pool_random_run(struct rnd *r, enum pool_zone zone, unsigned int nr)
{
	unsigned int room = zone_start[zone + 1] - zone_start[zone];

	return &pool[zone_start[zone] + rnd_below(r, room - nr + 1)];
}

static bool page_is_data(const struct pool_page *page)
{
	unsigned int i = page - pool;

	return i < zone_start[ZONE_DATA + 1] || i >= zone_start[ZONES];
}

bool pool_covers_data(uint64_t pa, uint64_t len)
{
	uint64_t pfn;

	if (!pool_covers(pa, len))
		return false;
	for (pfn = pa / PAGE; pfn <= (pa + len - 1) / PAGE; pfn++)
		if (!page_is_data(pool_find(pfn)))
			return false;
	return true;
}

bool pool_covers(uint64_t pa, uint64_t len)
{
	uint64_t pfn;

	if (!len || pa + len < pa)
		return false;
	if (len > (uint64_t)pool_pages * PAGE)
		return false;
	for (pfn = pa / PAGE; pfn <= (pa + len - 1) / PAGE; pfn++)
		if (!pool_find(pfn))
			return false;
	return true;
}

static void write_pool(uint64_t pa, const uint8_t *buf, size_t len, bool memory)
{
	while (len) {
		struct pool_page *page = pool_find(pa / PAGE);
		size_t n = min(len, PAGE - pa % PAGE);

		if (!page)
			die("%#llx is not in the pool", (unsigned long long)pa);
		if (memory)
			memcpy(page->va + pa % PAGE, buf, n);
		memcpy(page->shadow + pa % PAGE, buf, n);
		pa += n;
		buf += n;
		len -= n;
	}
}

void pool_write(uint64_t pa, const void *buf, size_t len)
{
	write_pool(pa, buf, len, true);
}

void pool_expect(uint64_t pa, const void *buf, size_t len)
{
	write_pool(pa, buf, len, false);
}

void pool_check_page(const struct pool_page *page)
{
	unsigned int i;

	if (page->in_ring || !memcmp(page->va, page->shadow, PAGE))
		return;
	for (i = 0; page->va[i] == page->shadow[i]; i++)
		;
	fail("byte %#x of frame %#llx is %02x, expected %02x", i,
	     (unsigned long long)page->pfn, page->va[i], page->shadow[i]);
}

void pool_check_around(uint64_t pa, uint64_t len)
{
	uint64_t pfn = pa / PAGE, last = (pa + len) / PAGE + 1;

	for (pfn -= !!pfn; pfn <= last; pfn++) {
		const struct pool_page *page = pool_find(pfn);

		if (page)
			pool_check_page(page);
	}
}

void pool_check_all(void)
{
	unsigned int i;

	for (i = 0; i < pool_pages; i++)
		pool_check_page(&pool[i]);
}

void pool_check_frames(void)
{
	unsigned int i;

	for (i = 0; i < pool_pages; i++)
		if (pfn_of(pool[i].va) != pool[i].pfn)
			die("the page of frame %#llx was migrated",
			    (unsigned long long)pool[i].pfn);
}

void pool_resync(bool rings_only)
{
	unsigned int i;

	for (i = 0; i < pool_pages; i++)
		if (!rings_only || pool[i].in_ring)
			memcpy(pool[i].shadow, pool[i].va, PAGE);
}

void pool_forget_protection(void)
{
	unsigned int i;

	for (i = 0; i < pool_pages; i++)
		pool[i].protected = pool[i].in_ring = false;
}
