// SPDX-License-Identifier: GPL-2.0
/*
 * Parse the words of debugfs commands and module parameters.
 */
#include <linux/errno.h>
#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/kstrtox.h>
#include <linux/string.h>

#include "parse.h"

/*
 * Take the next word off a line. Words are separated by blanks, tabs and
 * newlines, and are terminated in place. Returns NULL at the end of the line,
 * also when called again.
 */
char *parse_word(char **rest)
{
	char *word;

	do {
		word = strsep(rest, PARSE_BLANKS);
	} while (word && !*word);
	return word;
}

/*
 * Decimal, or hex with 0x; a leading 0 does not mean octal. -EINVAL if any
 * character of @word does not belong to the number or the value exceeds 64
 * bits.
 */
int parse_number(const char *word, u64 *value)
{
	bool hex = word[0] == '0' && (word[1] == 'x' || word[1] == 'X');

	/* kstrtoull() would accept a sign. */
	if (!isxdigit(word[hex ? 2 : 0]))
		return -EINVAL;
	return kstrtoull(word, hex ? 16 : 10, value) ? -EINVAL : 0;
}

/* START-END, END inclusive and not less than START; all of @word. */
int parse_range(const char *word, u64 *start, u64 *end)
{
	/* Two 64-bit numbers, the dash and a terminator. */
	char copy[2 * 20 + 2], *rest = copy;
	int err;

	if (strscpy(copy, word, sizeof(copy)) < 0)
		return -EINVAL;

	err = parse_number(strsep(&rest, "-"), start);
	if (err || !rest)
		return -EINVAL;
	err = parse_number(rest, end);
	return err || *end < *start ? -EINVAL : 0;
}

/*
 * Decode pairs of hex digits into @len bytes, in place. No digits are no bytes;
 * -EINVAL for an odd number of digits or other characters.
 */
int parse_hex(char *word, size_t *len)
{
	size_t digits = strlen(word);

	if (digits % 2 || hex2bin((u8 *)word, word, digits / 2))
		return -EINVAL;
	*len = digits / 2;
	return 0;
}
