// SPDX-License-Identifier: GPL-2.0
/*
 * Which commands may be sent: those that cannot damage the kernel if the module
 * carries them out. Commands that cannot be parsed here pass: the module must
 * refuse them as malformed, and damage by one that it accepts is a bug.
 */
#include <ctype.h>

#include "fuzz.h"

#define NUMBERS_MAX	9000

struct parsed {
	const char *word[4];
	size_t word_len[4];
	unsigned int nr;		/* of words */
	bool is_number[NUMBERS_MAX];
	uint64_t number[NUMBERS_MAX];
};

static bool parse_number(const char *word, size_t len, uint64_t *value)
{
	char copy[80], *end;
	bool hex;

	if (!len || len >= sizeof(copy))
		return false;
	memcpy(copy, word, len);
	copy[len] = '\0';
	hex = copy[0] == '0' && tolower((unsigned char)copy[1]) == 'x';
	if (!isxdigit((unsigned char)copy[hex ? 2 : 0]))
		return false;
	errno = 0;
	*value = strtoull(copy, &end, hex ? 16 : 10);
	return !errno && !*end;
}

static void parse(struct parsed *p, const struct words *w)
{
	size_t at = 0, end;

	for (p->nr = 0; p->nr < NUMBERS_MAX; p->nr++) {
		while (at < w->len && strchr(" \t\n", w->text[at]) && w->text[at])
			at++;
		for (end = at; end < w->len && !(strchr(" \t\n", w->text[end]) && w->text[end]);)
			end++;
		if (end == at)
			break;
		if (p->nr < 4) {
			p->word[p->nr] = w->text + at;
			p->word_len[p->nr] = end - at;
		}
		p->is_number[p->nr] = parse_number(w->text + at, end - at, &p->number[p->nr]);
		at = end;
	}
}

static bool word_is(const struct parsed *p, unsigned int i, const char *word)
{
	return p->nr > i && p->word_len[i] == strlen(word) &&
	       !memcmp(p->word[i], word, p->word_len[i]);
}

/* In the pool, or not accessible RAM. */
static bool harmless_frame(uint64_t pfn)
{
	return memory_class(pfn) != MEM_RAM;
}

static bool harmless_span(const struct parsed *p)
{
	unsigned int i;

	if (!word_is(p, 0, "write"))
		return true;
	for (i = 3; i < p->nr; i++)
		if (p->is_number[i] && !harmless_frame(p->number[i]))
			return false;
	return true;
}

bool harmless_ring(uint64_t pa, uint64_t size)
{
	uint64_t last = pa + size - 1;

	/* One bad frame makes the module refuse the whole ring. */
	if (!size || last < pa || last >> memory_width())
		return true;
	if (pool_covers_data(pa, size))
		return true;
	return (memory_class(pa / PAGE) != MEM_RAM && memory_class(pa / PAGE) != MEM_POOL) ||
	       (memory_class(last / PAGE) != MEM_RAM && memory_class(last / PAGE) != MEM_POOL);
}

static bool harmless_ring_new(const struct parsed *p)
{
	if (p->nr < 3 || !p->is_number[1])
		return true;
	if (p->is_number[2])
		return harmless_ring(p->number[1], p->number[2]);
	/* Few pages, or more than the machine has. */
	return rings_nr() < 10 && (p->number[1] <= 64 || p->number[1] > (1ULL << 32));
}

/*
 * Outside the pool, refuse INT3: as the first step of a patch, it must precede
 * any other write.
 */
bool harmless_request(uint64_t pa0, uint64_t pa1, unsigned int size,
		      const uint8_t *code)
{
	if (harmless_frame(pa0 / PAGE) && (!pa1 || harmless_frame(pa1 / PAGE)))
		return true;
	return size && code[0] != 0xcc;
}

static bool hex_bytes(const char *word, size_t len, uint8_t *byte)
{
	unsigned int value, i;
	char pair[3] = "";

	if (len % 2 || len > 10)
		return false;
	for (i = 0; i < len / 2; i++) {
		memcpy(pair, word + 2 * i, 2);
		if (sscanf(pair, "%2x", &value) != 1)
			return false;
		byte[i] = value;
	}
	return true;
}

static bool harmless_request_text(const struct parsed *p)
{
	uint8_t code[5] = { 0 };

	if (p->nr < 3 || !p->is_number[0] || !p->is_number[1])
		return true;
	if (!hex_bytes(p->word[2], p->word_len[2], code))
		return true;
	return harmless_request(p->number[0], p->number[1], p->word_len[2] / 2, code);
}

/* A request in RAM outside the pool has unknown contents: not harmless. */
static bool harmless_request_at(uint64_t at0, uint64_t at1)
{
	struct site request;

	if (!harmless_frame(at0 / PAGE) || (at1 && !harmless_frame(at1 / PAGE)))
		return false;
	if (!heki_decode(at0, at1, &request))
		return true;
	return harmless_request(request.pa[0], request.pa[1], request.size, request.code);
}

static bool harmless_call(const struct parsed *p)
{
	if (p->nr < 4 || !p->is_number[0] || !p->is_number[1] || !p->is_number[2])
		return true;
	switch (p->number[0]) {
	case CALL_END_OF_BOOT:
		return run.boot_ended;
	case CALL_PATCH_TEXT:
		return harmless_request_at(p->number[1], p->number[2]);
	case CALL_ALLOCATE_RINGBUFFER:
		return harmless_ring(p->number[1], p->number[2]);
	default:
		return true;
	}
}

bool harmless(enum file file, const struct words *w)
{
	static __thread struct parsed p;

	parse(&p, w);
	switch (file) {
	case FILE_SPAN:
		return harmless_span(&p);
	case FILE_RING_NEW:
		return harmless_ring_new(&p);
	case FILE_REQUEST:
		return harmless_request_text(&p);
	case FILE_PATCH_TEXT:
		return p.nr < 2 || !p.is_number[0] || !p.is_number[1] ||
		       harmless_request_at(p.number[0], p.number[1]);
	case FILE_VTLCALL:
		return harmless_call(&p);
	case FILE_END_OF_BOOT:
		return run.boot_ended || !(p.nr == 1 && p.is_number[0] && p.number[0] == 1);
	/* Switching live mode is slow; switch_live() does it, rarely. */
	case FILE_LIVE:
		return !word_is(&p, 0, "audit") && !word_is(&p, 0, "mediate");
	default:
		return true;
	}
}
