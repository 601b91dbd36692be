// SPDX-License-Identifier: GPL-2.0
/* Text commands: well-formed, mutated, and garbage. */
#include <ctype.h>

#include "fuzz.h"

void words_clear(struct words *w)
{
	w->len = 0;
	w->text[0] = '\0';
}

void words_add(struct words *w, const char *fmt, ...)
{
	size_t room = sizeof(w->text) - w->len;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(w->text + w->len, room, fmt, args);
	va_end(args);
	w->len += min((size_t)n, room - 1);
}

/* Near zero, a power of two, a page address, or the physical width; or anything. */
uint64_t random_boundary(struct rnd *r)
{
	uint64_t value;

	switch (rnd_below(r, 6)) {
	case 0:
		value = rnd_below(r, 8);
		break;
	case 1:
		value = 1ULL << rnd_below(r, 64);
		break;
	case 2:
		value = PAGE * rnd_below(r, 1024);
		break;
	case 3:
		value = 0;
		break;
	case 4:
		value = rnd64(r) >> rnd_below(r, 64);
		break;
	default:
		value = 1ULL << memory_width();
		break;
	}
	return value + rnd_below(r, 5) - 2;
}

void words_number(struct words *w, struct rnd *r, uint64_t value)
{
	switch (rnd_below(r, 6)) {
	case 0:
	case 1:
		words_add(w, "%llu", (unsigned long long)value);
		break;
	case 2:
		words_add(w, "0X%llX", (unsigned long long)value);
		break;
	case 3:
		words_add(w, "0x%016llx", (unsigned long long)value);
		break;
	default:
		words_add(w, "0x%llx", (unsigned long long)value);
		break;
	}
}

void words_hex(struct words *w, struct rnd *r, const uint8_t *buf, size_t len)
{
	static const char * const digits[] = { "%02x", "%02X" };
	const char *fmt = digits[rnd_below(r, 2)];

	while (len--)
		words_add(w, fmt, *buf++);
}

/* Replace @take bytes at @at by the @put_len bytes of @put. */
static void splice(struct words *w, size_t at, size_t take, const char *put,
		   size_t put_len)
{
	take = min(take, w->len - at);
	if (w->len - take + put_len >= sizeof(w->text))
		return;
	memmove(w->text + at + put_len, w->text + at + take, w->len - at - take);
	memcpy(w->text + at, put, put_len);
	w->len += put_len - take;
	w->text[w->len] = '\0';
}

/* The offset and length of a random word. */
static size_t random_word(struct rnd *r, const struct words *w, size_t *len)
{
	size_t at = rnd_below(r, w->len + 1), end;

	while (at && !isspace((unsigned char)w->text[at - 1]))
		at--;
	for (end = at; end < w->len && !isspace((unsigned char)w->text[end]);)
		end++;
	*len = end - at;
	return at;
}

static void mutate_once(struct words *w, struct rnd *r)
{
	static const char * const odd[] = {
		"", "0x", "-1", "+1", "0x10000000000000000", "18446744073709551616",
		"00000000000000000000000000000001", "1e3", "0b1", "07", "0x1g", "read",
		"write", "persistent", "ondemand", "mediate", "log", "vtl0", ".", "..", "/",
		"\xff\xfe", "%s%n", "cc", "c", "0xcc",
	};
	char number[32], byte = rnd64(r);
	size_t len, at = random_word(r, w, &len);
	const char *word;

	switch (rnd_below(r, 10)) {
	case 0:		/* flip a bit */
		if (w->len)
			w->text[rnd_below(r, w->len)] ^= 1 << rnd_below(r, 8);
		break;
	case 1:		/* insert a byte */
		splice(w, rnd_below(r, w->len + 1), 0, &byte, 1);
		break;
	case 2:		/* delete bytes */
		splice(w, rnd_below(r, w->len + 1), 1 + rnd_below(r, 4), "", 0);
		break;
	case 3:		/* delete a word */
		splice(w, at, len + 1, "", 0);
		break;
	case 4:		/* duplicate a word */
		len = min(len, sizeof(number) - 2);
		memcpy(number, w->text + at, len);
		number[len] = ' ';
		splice(w, at, 0, number, len + 1);
		break;
	case 5:		/* replace a word */
		word = odd[rnd_below(r, ARRAY_SIZE(odd))];
		splice(w, at, len, word, strlen(word));
		break;
	case 6:		/* replace a word by a number */
	case 7:
		snprintf(number, sizeof(number), rnd_one_in(r, 2) ? "%llu" : "0x%llx",
			 (unsigned long long)random_boundary(r));
		splice(w, at, len, number, strlen(number));
		break;
	case 8:		/* replace a blank */
		word = &" \t\n\v\r\f\0"[rnd_below(r, 7)];
		splice(w, at ? at - 1 : 0, at ? 1 : 0, word, 1);
		break;
	default:	/* truncate */
		splice(w, rnd_below(r, w->len + 1), w->len, "", 0);
		break;
	}
}

void words_mutate(struct words *w, struct rnd *r)
{
	unsigned int times = 1 + rnd_below(r, 3);

	while (times--)
		mutate_once(w, r);
}

void words_garbage(struct words *w, struct rnd *r)
{
	static const size_t lengths[] = { 0, 1, 16, 255, 256, 257, 300, 4096, 65535, 65536, 65537 };
	size_t len = rnd_one_in(r, 2) ? rnd_below(r, 64) :
			lengths[rnd_below(r, ARRAY_SIZE(lengths))];
	static const char likely[] = "0123456789abcdefx \n\tXF-";
	bool binary = rnd_one_in(r, 3);

	if (len > 1000 && !rnd_one_in(r, 8))
		len = rnd_below(r, 1000);
	for (w->len = 0; w->len < len; w->len++)
		w->text[w->len] = binary ? (char)rnd64(r) :
				  likely[rnd_below(r, sizeof(likely) - 1)];
	w->text[w->len] = '\0';
}
