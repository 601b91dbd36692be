// SPDX-License-Identifier: GPL-2.0
/*
 * The structures that HEKI reads from memory: page lists, patch-info blobs and
 * requests. They are built correctly, then single fields are corrupted. All
 * sites are in ZONE_TEXT: live mode would enforce a site in the kernel's text.
 */
#include "fuzz.h"

#define RANGES		127
#define BLOB_MAX	(2 * PAGE)
#define SITES_MAX	512
#define TOKENS_MAX	64

/* Structure layouts in 64-bit words, see include/lvbs/heki_abi.h. */
enum { PAGE_NEXT_PA = 1, PAGE_NRANGES = 2, PAGE_RANGE = 3 };
enum { RANGE_VA, RANGE_PA, RANGE_EPA, RANGE_ATTR, RANGE_WORDS };
enum { INFO_TYPE, INFO_IDX = 4, INFO_MAX, INFO_WORDS };
#define PATCH_BYTES	24

struct list {
	uint64_t range[400][RANGE_WORDS];
	unsigned int nr;
	struct site site[16];
	unsigned int nr_sites;
	uint8_t blob[BLOB_MAX];
	size_t blob_len;
};

static struct site sites[SITES_MAX];
static unsigned int nr_sites;
static struct site candidates[16];
static unsigned int nr_candidates;
static uint64_t tokens[TOKENS_MAX];
static unsigned int nr_tokens;

void heki_reset(void)
{
	nr_sites = nr_candidates = nr_tokens = 0;
}

/* A wrong value for some field; harmless as an address. */
static uint64_t wrong_value(struct rnd *r)
{
	uint64_t value;

	do {
		switch (rnd_below(r, 6)) {
		case 0:
			value = page_pa(pool_random(r, ZONE_TEXT)) + rnd_below(r, PAGE);
			break;
		case 1:
			value = page_pa(pool_random(r, ZONE_WIRE));
			break;
		case 2:
			value = memory_random_pfn(r, false) * PAGE + rnd_below(r, 2) * rnd_below(r, PAGE);
			break;
		case 3:
			value = rnd_below(r, 300);
			break;
		default:
			value = random_boundary(r);
			break;
		}
	} while (memory_class(value / PAGE) == MEM_RAM && value >= 0x100000);
	return value;
}

static void patch_encode(uint8_t *wire, const struct site *site)
{
	memset(wire, 0, PATCH_BYTES);
	memcpy(wire, site->pa, 16);
	wire[16] = site->size;
	memcpy(wire + 17, site->code, sizeof(site->code));
}

static const uint8_t *nop_of(unsigned int size)
{
	static const uint8_t nop2[] = { 0x66, 0x90 };
	static const uint8_t nop5[] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };

	return size == 2 ? nop2 : size == 5 ? nop5 : NULL;
}

/* How many of the @size bytes at @pa are on the first page. */
static unsigned int bytes_on_first_page(uint64_t pa, unsigned int size)
{
	return min((unsigned int)(PAGE - pa % PAGE), size);
}

/* Mostly a jump into the page that the site starts on. */
static void site_jump(struct rnd *r, struct site *site)
{
	int64_t end = site->pa[0] % PAGE + site->size, jump;

	rnd_bytes(r, site->code, site->size);
	if (site->size == 2)
		site->code[0] = 0xeb;
	else if (site->size == 5)
		site->code[0] = 0xe9;
	if ((site->size != 2 && site->size != 5) || rnd_one_in(r, 16))
		return;

	do {
		jump = (int64_t)rnd_below(r, PAGE) - end;
		if (site->size == 2)
			jump = (int64_t)rnd_below(r, 256) - 128;
	} while (end + jump < 0 || end + jump >= (int64_t)PAGE);
	memcpy(site->code + 1, &jump, site->size - 1);
}

static void site_make(struct rnd *r, struct site *site)
{
	struct pool_page *page = pool_random(r, ZONE_TEXT), *other;
	const uint8_t *now;
	unsigned int first;

	memset(site, 0, sizeof(*site));
	site->size = rnd_one_in(r, 2) ? 2 : 5;
	if (rnd_one_in(r, 16))
		site->size = 1 + rnd_below(r, 5);
	site->pa[0] = page_pa(page) + rnd_below(r, PAGE);
	if (rnd_one_in(r, 4))
		site->pa[0] = page_pa(page) + PAGE - 1 - rnd_below(r, site->size);
	site_jump(r, site);
	first = bytes_on_first_page(site->pa[0], site->size);
	if (first < site->size) {
		do {
			other = pool_random(r, ZONE_TEXT);
		} while (other == page);
		site->pa[1] = page_pa(other);
	}

	now = rnd_one_in(r, 2) && nop_of(site->size) ? nop_of(site->size) : site->code;
	pool_write(site->pa[0], now, first);
	if (first < site->size)
		pool_write(site->pa[1], now + first, site->size - first);
}

static void blob_make(struct rnd *r, struct list *list)
{
	unsigned int headers = rnd_one_in(r, 8) ? rnd_below(r, 4) : 1;

	while (headers--) {
		uint64_t info[INFO_WORDS] = { 0 };
		unsigned int nr = rnd_below(r, rnd_one_in(r, 4) ? 5 : 3), i;

		info[INFO_IDX] = nr;
		info[INFO_MAX] = nr + rnd_below(r, 3);
		memcpy(list->blob + list->blob_len, info, sizeof(info));
		list->blob_len += sizeof(info);
		for (i = 0; i < nr; i++) {
			struct site *site = &list->site[list->nr_sites++];

			site_make(r, site);
			patch_encode(list->blob + list->blob_len, site);
			list->blob_len += PATCH_BYTES;
		}
	}
	/* Padding: senders round the length up. */
	if (rnd_one_in(r, 4))
		list->blob_len += 8 * rnd_below(r, 20);
	/* Corruption. */
	while (list->blob_len && rnd_one_in(r, 3)) {
		size_t at = rnd_below(r, list->blob_len / 8) * 8;
		uint64_t value = wrong_value(r);

		if (rnd_one_in(r, 2))
			memcpy(list->blob + at, &value, sizeof(value));
		else if (at >= 48)
			list->blob[48 + (at - 48) / 24 * 24 + 16] = rnd_one_in(r, 2) ? rnd64(r) : rnd_below(r, 8);
	}
}

static void range_add(struct list *list, uint64_t va, uint64_t pa, uint64_t len,
		      uint64_t attr)
{
	uint64_t *range = list->range[list->nr];

	if (list->nr == ARRAY_SIZE(list->range))
		return;
	range[RANGE_VA] = va;
	range[RANGE_PA] = pa;
	range[RANGE_EPA] = pa + len;
	range[RANGE_ATTR] = attr;
	list->nr++;
}

/* Write the blob to memory, and add it to the list in one range or several. */
static void blob_place(struct rnd *r, struct list *list, uint64_t attr)
{
	uint64_t va = 0xffff888000000000 + rnd_below(r, 1000) * PAGE, pa;
	size_t done = 0, n;

	pa = page_pa(pool_random_run(r, ZONE_WIRE, 3)) + rnd_below(r, 2) * rnd_below(r, PAGE);
	pool_write(pa, list->blob, list->blob_len);
	while (done < list->blob_len) {
		n = list->blob_len - done;
		if (rnd_one_in(r, 3))
			n = 1 + rnd_below(r, n);
		range_add(list, va + done, pa + done, n, attr);
		done += n;
	}
}

static bool has_range(const struct list *list, uint64_t pa)
{
	unsigned int i;

	for (i = 0; i < list->nr; i++)
		if (list->range[i][RANGE_PA] == pa)
			return true;
	return false;
}

static void add_text_ranges(struct rnd *r, struct list *list)
{
	unsigned int i, j;
	uint64_t pa;

	for (i = 0; i < list->nr_sites; i++)
		for (j = 0; j < 2; j++) {
			pa = list->site[i].pa[j] & ~(PAGE - 1ULL);
			if (pa && !rnd_one_in(r, 40) && !has_range(list, pa))
				range_add(list, run.direct_map + pa, pa, PAGE, rnd_one_in(r, 3) ? 4 : 0);
		}
}

static void add_ignored_ranges(struct rnd *r, struct list *list, unsigned int attrs,
			       unsigned int except)
{
	unsigned int nr = rnd_one_in(r, 16) ? rnd_below(r, 300) : rnd_below(r, 3);

	while (nr--) {
		unsigned int attr = rnd_below(r, attrs);

		/* Memory of a module must not overlap; its file is not memory. */
		if (attrs == 8 && !rnd_one_in(r, 16))
			attr = 7;
		if (attr != except)
			range_add(list, 0, page_pa(pool_random(r, ZONE_TEXT)), PAGE, attr);
	}
}

static void add_protected_ranges(struct rnd *r, struct list *list)
{
	unsigned int nr = 1 + rnd_below(r, 3), pages;

	while (nr--) {
		pages = 1 + rnd_below(r, 4);
		range_add(list, 0, page_pa(pool_random_run(r, ZONE_TEXT, pages)), pages * PAGE,
			  rnd_below(r, rnd_one_in(r, 8) ? 20 : 16));
	}
}

/* Write the page list to memory; returns the address of its first page. */
static uint64_t list_place(struct rnd *r, struct list *list, uint64_t *nr)
{
	uint64_t words[PAGE / 8], pa, first, next;
	unsigned int done = 0, n, i;

	*nr = list->nr;
	first = pa = page_pa(pool_random(r, ZONE_WIRE));
	do {
		memset(words, 0, sizeof(words));
		n = min(list->nr - done, (unsigned int)RANGES);
		if (n > 1 && rnd_one_in(r, 6))
			n = 1 + rnd_below(r, n - 1);
		next = done + n < list->nr ? page_pa(pool_random(r, ZONE_WIRE)) : 0;
		words[0] = rnd64(r);
		words[PAGE_NEXT_PA] = next;
		words[PAGE_NRANGES] = n;
		for (i = 0; i < n; i++)
			memcpy(&words[PAGE_RANGE + i * RANGE_WORDS], list->range[done + i],
			       sizeof(list->range[0]));
		/* Corruption. */
		while (rnd_one_in(r, 6)) {
			switch (rnd_below(r, 4)) {
			case 0:
				words[PAGE_NEXT_PA] = rnd_one_in(r, 2) ? first : wrong_value(r);
				break;
			case 1:
				words[PAGE_NRANGES] = rnd_one_in(r, 2) ? rnd_below(r, 130) : wrong_value(r);
				break;
			default:
				words[PAGE_RANGE + rnd_below(r, max(n, 1u) * RANGE_WORDS)] = wrong_value(r);
				break;
			}
		}
		pool_write(pa, words, sizeof(words));
		done += n;
		pa = next;
	} while (next);
	if (rnd_one_in(r, 12))
		*nr = rnd_one_in(r, 2) ? *nr + rnd_below(r, 3) - 1 : random_boundary(r);
	if (rnd_one_in(r, 20))
		first = rnd_one_in(r, 2) ? first + rnd_below(r, 16) : memory_random_pfn(r, true) * PAGE;
	return first;
}

void heki_list(struct rnd *r, enum list_kind kind, uint64_t *pa, uint64_t *nr)
{
	static __thread struct list list;

	memset(&list, 0, sizeof(list));
	switch (kind) {
	case LIST_KDATA:
		blob_make(r, &list);
		add_ignored_ranges(r, &list, 5, -1);
		blob_place(r, &list, 5);
		break;
	case LIST_MODULE:
		blob_make(r, &list);
		add_text_ranges(r, &list);
		blob_place(r, &list, 8);
		add_ignored_ranges(r, &list, 8, -1);
		break;
	case LIST_PROTECT:
		add_protected_ranges(r, &list);
		break;
	}
	*pa = list_place(r, &list, nr);
	if (run.racing)
		return;
	nr_candidates = list.nr_sites;
	memcpy(candidates, list.site, sizeof(candidates));
}

void heki_list_accepted(void)
{
	unsigned int i;

	if (run.racing)
		return;
	for (i = 0; i < nr_candidates; i++)
		sites[nr_sites++ % SITES_MAX] = candidates[i];
	nr_candidates = 0;
}

/* The address of the second byte, in the form of a request. */
static void tail_address(const struct site *site, uint64_t *pa0, uint64_t *pa1)
{
	unsigned int first = bytes_on_first_page(site->pa[0], site->size);

	*pa0 = first > 1 ? site->pa[0] + 1 : site->pa[1];
	*pa1 = first > 1 && first < site->size ? site->pa[1] : 0;
}

void heki_step(struct rnd *r, uint64_t *pa0, uint64_t *pa1, uint8_t *code,
	       unsigned int *size)
{
	struct site made, *site = &made;
	const uint8_t *bytes;

	if (nr_sites && !rnd_one_in(r, 16))
		/* A recent site, so that its steps complete. */
		site = &sites[(nr_sites - 1 - rnd_below(r, min(nr_sites, 8u))) % SITES_MAX];
	else
		site_make(r, &made);

	bytes = rnd_one_in(r, 2) && nop_of(site->size) ? nop_of(site->size) : site->code;
	*pa0 = site->pa[0];
	*pa1 = 0;
	*size = 1;
	memset(code, 0, 5);
	code[0] = 0xcc;
	switch (rnd_below(r, 4)) {
	case 0:
		break;
	case 1:
		if (site->size < 2)
			break;
		tail_address(site, pa0, pa1);
		*size = site->size - 1;
		memcpy(code, bytes + 1, *size);
		break;
	case 2:
		code[0] = bytes[0];
		break;
	default:
		*size = site->size;
		*pa1 = site->pa[1];
		memcpy(code, bytes, *size);
		break;
	}
	if (rnd_one_in(r, 4)) {
		switch (rnd_below(r, 5)) {
		case 0:
			*pa0 = wrong_value(r);
			break;
		case 1:
			*pa1 = wrong_value(r);
			break;
		case 2:
			*pa0 += rnd_below(r, 9) - 4;
			break;
		case 3:
			*size = rnd_below(r, 8);
			break;
		default:
			code[rnd_below(r, 5)] ^= 1 << rnd_below(r, 8);
			break;
		}
	}
}

void heki_place_request(struct rnd *r, uint64_t pa0, uint64_t pa1, const uint8_t *code,
			unsigned int size, uint64_t *at0, uint64_t *at1)
{
	struct pool_page *page = pool_random(r, ZONE_WIRE), *other;
	struct site site = { .pa = { pa0, pa1 }, .size = size };
	uint8_t wire[PATCH_BYTES];
	unsigned int first;

	memcpy(site.code, code, sizeof(site.code));
	patch_encode(wire, &site);
	*at0 = page_pa(page) + rnd_below(r, PAGE - PATCH_BYTES);
	*at1 = 0;
	if (rnd_one_in(r, 3))
		*at0 = page_pa(page) + PAGE - 1 - rnd_below(r, 28);
	first = bytes_on_first_page(*at0, PATCH_BYTES);
	pool_write(*at0, wire, first);
	if (first < PATCH_BYTES) {
		other = pool_random(r, ZONE_WIRE);
		*at1 = page_pa(other);
		pool_write(*at1, wire + first, PATCH_BYTES - first);
	}
	if (rnd_one_in(r, 12))
		*at1 = wrong_value(r);
	if (rnd_one_in(r, 12))
		*at0 = rnd_one_in(r, 2) ? *at0 + rnd_below(r, 48) - 24 : wrong_value(r);
}

bool heki_decode(uint64_t at0, uint64_t at1, struct site *request)
{
	unsigned int first = bytes_on_first_page(at0, PATCH_BYTES);
	struct pool_page *page = pool_find(at0 / PAGE), *other;
	uint8_t wire[PATCH_BYTES];

	if (!page)
		return false;
	memcpy(wire, page->va + at0 % PAGE, first);
	if (first < PATCH_BYTES) {
		other = pool_find(at1 / PAGE);
		if (!other || at1 % PAGE)
			return false;
		memcpy(wire + first, other->va, PATCH_BYTES - first);
	}
	memcpy(request->pa, wire, 16);
	request->size = wire[16];
	memcpy(request->code, wire + 17, sizeof(request->code));
	return true;
}

void heki_accepted(const struct site *request)
{
	unsigned int first;

	if (run.racing)
		return;
	if (!request->size || request->size > 5)
		fail("accepted a patch of %u bytes", request->size);
	first = bytes_on_first_page(request->pa[0], request->size);
	if (!pool_find(request->pa[0] / PAGE) ||
	    (first < request->size && !pool_find(request->pa[1] / PAGE)))
		fail("accepted a patch at %#llx", (unsigned long long)request->pa[0]);
	pool_expect(request->pa[0], request->code, first);
	if (first < request->size)
		pool_expect(request->pa[1], request->code + first, request->size - first);
	pool_check_around(request->pa[0], request->size);
	if (first < request->size)
		pool_check_around(request->pa[1], 1);
}

void heki_token_add(long token)
{
	if (!run.racing && nr_tokens < TOKENS_MAX)
		tokens[nr_tokens++] = token;
}

uint64_t heki_random_token(struct rnd *r)
{
	if (run.racing)
		return rnd_below(r, 4000);
	if (!nr_tokens || rnd_one_in(r, 8))
		return random_boundary(r);
	return tokens[rnd_below(r, nr_tokens)];
}

void heki_token_remove(uint64_t token)
{
	unsigned int i;

	for (i = 0; i < nr_tokens; i++)
		if (tokens[i] == token)
			tokens[i--] = tokens[--nr_tokens];
}

unsigned int heki_nr_tokens(void)
{
	return nr_tokens;
}

void heki_corrupt(struct rnd *r)
{
	struct pool_page *page = pool_random(r, ZONE_WIRE);
	volatile uint64_t *words = (volatile uint64_t *)page->va;
	/* Mostly the header of a page list and its first ranges. */
	unsigned int at = rnd_below(r, rnd_one_in(r, 4) ? PAGE / 8 : 16);
	uint64_t old = words[at];

	words[at] = wrong_value(r);
	/* Mostly restore at once: reads before and after this are valid. */
	if (!rnd_one_in(r, 4))
		words[at] = old;
}
